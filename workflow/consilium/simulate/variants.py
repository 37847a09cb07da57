"""VCF files of the demo cohort, as different as real ones: per patient or joint, chr or not, phased or not."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from consilium.core.provenance import seed_from
from consilium.core.store import atomic
from consilium.simulate import pharmacogenes
from consilium.simulate.genomes import ABSENT, Genomes
from consilium.simulate.regions import GRCH38
from consilium.simulate.sequence import window_of

MISSING = 0.005  # share of calls lost, outside star-allele and score sites
# Positions left out of one patient's file each: untested, whatever the person carries there.
GAPS: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("CYP2C19", (94781859,), "*2"),
    ("DPYD", (97450058,), "Reference"),
    ("TPMT", (18130687, 18138997), "*1"),
)


def styles(people: pd.DataFrame, genomes: Genomes, seed: int) -> pd.DataFrame:
    """How each patient's genotypes are delivered, one row a patient with genotypes or reads.

    Columns: patient, source (vcf, joint, reads), chr_names, bgzip, phased, haploid_x, dot_alt (hom-ref star positions
    have ALT '.'), depth_fields (GT:DP:GQ, else GT), unnormalised, gaps ("gene:position" joined by ";").
    """
    rng = np.random.default_rng(seed_from(seed, "styles"))
    with_vcf = people.index[people["has_genomics"]].to_numpy()
    joint = rng.permutation(with_vcf)[: len(with_vcf) * 3 // 11]
    joint = joint if len(joint) > 1 else joint[:0]
    rows = []
    for i, person in enumerate(people.itertuples()):
        u = rng.random(6)
        if not (person.has_genomics or person.has_reads):
            continue
        source = "joint" if i in joint else "vcf" if person.has_genomics else "reads"
        rows.append({
            "patient": person.patient, "source": source, "chr_names": source != "vcf" or bool(u[0] < 0.7),
            "bgzip": source != "vcf" or bool(u[1] < 0.8), "phased": source == "joint" or bool(u[2] < 0.6),
            "haploid_x": source != "vcf" or bool(u[3] < 0.75), "dot_alt": source == "vcf" and bool(u[4] < 0.2),
            "depth_fields": source != "vcf" or bool(u[5] < 0.7), "unnormalised": False, "gaps": "",
        })  # fmt: skip
    table = pd.DataFrame(rows)
    table.loc[table["source"] == "reads", "phased"] = False
    _deliberate(table, genomes)
    return table


def _deliberate(table: pd.DataFrame, genomes: Genomes) -> None:
    """Sets phase where a planted phenotype needs it, un-normalised files for carriers of indels, and the gaps."""
    own = table["source"] == "vcf"
    needing = {(p, g) for p, g, n in het_counts(genomes).itertuples(index=False) if n > 1}
    at = {p: i for i, p in enumerate(genomes.patients)}
    for i in table.index[own]:
        planted = [g for r, g in genomes.planted if r == at[table.at[i, "patient"]]]
        if any((table.at[i, "patient"], g) in needing for g in planted):
            table.at[i, "phased"] = True
    star = genomes.sites["gene"] != ""
    indel = star & (genomes.sites["alts"].str.len() + genomes.sites["ref"].str.len() > 4)
    carried = ((genomes.haplotypes > 0) & (genomes.haplotypes != ABSENT))[:, :, indel.to_numpy()].any(axis=(1, 2))
    carriers = [i for i in table.index[own] if carried[at[table.at[i, "patient"]]]]
    others = [i for i in table.index[own] if i not in carriers]
    table.loc[(carriers + others)[:3], "unnormalised"] = True
    free = [i for i in table.index[own] if not table.at[i, "unnormalised"]]
    for gene, positions, wanted in GAPS:
        g = pharmacogenes.GENES.index(gene)
        usable = [i for i in free if (at[table.at[i, "patient"]], gene) not in genomes.planted]
        # A carrier first: there the gap hides something.
        usable.sort(key=lambda i: wanted not in genomes.alleles[at[table.at[i, "patient"]], :, g])
        if usable:
            table.at[usable[0], "gaps"] = ";".join(f"{gene}:{p}" for p in positions)
            free.remove(usable[0])


def het_counts(genomes: Genomes) -> pd.DataFrame:
    """patient, gene, number of heterozygous star-allele positions."""
    het = genomes.haplotypes[:, 0] != genomes.haplotypes[:, 1]
    rows = []
    for gene in pharmacogenes.GENES:
        counts = het[:, (genomes.sites["gene"] == gene).to_numpy()].sum(axis=1)
        rows += [(p, gene, int(n)) for p, n in zip(genomes.patients, counts, strict=True)]
    return pd.DataFrame(rows, columns=["patient", "gene", "het_positions"])


def write(people: pd.DataFrame, genomes: Genomes, style: pd.DataFrame, root: Path, seed: int) -> list[dict[str, str]]:
    """Write raw/genomics/<patient>.vcf.gz and joint.vcf.gz; returns the sample rows."""
    folder = Path(root) / "raw" / "genomics"
    folder.mkdir(parents=True, exist_ok=True)
    dates = dict(zip(people["patient"], people["index_date"], strict=True))
    rows = []
    for one in style[style["source"] == "vcf"].itertuples():
        path = folder / f"{one.patient}.vcf.gz"
        text = header([one.patient], one.chr_names, one.depth_fields) + body(genomes, [one.patient], one, seed)
        save(path, text, one.bgzip)
        rows.append(_row(one.patient, path, dates[one.patient]))
    joint = style[style["source"] == "joint"]
    if len(joint):
        members = sorted(joint["patient"])
        path = folder / "joint.vcf.gz"
        text = header(members, True, True) + body(genomes, members, next(joint.itertuples()), seed)
        save(path, text, True)
        rows.append(_row("*", path, ""))
    return rows


def _row(patient: str, path: Path, taken_on: str) -> dict[str, str]:
    return {"patient": patient, "modality": "genomics", "kind": "vcf", "path": str(path), "taken_on": taken_on}


def header(members: Sequence[str], chr_names: bool, depth_fields: bool, lengths: dict[str, int] = GRCH38) -> str:
    lines = ["##fileformat=VCFv4.2", "##source=consilium_demo_cohort", '##FILTER=<ID=PASS,Description="All passed">']
    for chrom, length in lengths.items():
        name = chrom if chr_names else chrom.removeprefix("chr").replace("M", "MT")
        lines.append(f"##contig=<ID={name},length={length}>")
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    if depth_fields:
        lines.append('##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">')
        lines.append('##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">')
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *members]
    return "\n".join([*lines, "\t".join(columns)]) + "\n"


def body(genomes: Genomes, members: Sequence[str], style: Any, seed: int) -> str:
    """Records of `members` in genome order. A rare site is written only where somebody carries it."""
    rows = [genomes.row(m) for m in members]
    calls = genomes.haplotypes[rows]  # (member, 2, site)
    sites = genomes.sites
    carried = ((calls > 0) & (calls != ABSENT)).any(axis=(0, 1))
    gaps = {int(cell.split(":")[1]) for cell in style.gaps.split(";") if cell}
    left_out = (sites["gene"] != "").to_numpy() & sites["pos"].isin(gaps).to_numpy()
    keep = np.flatnonzero(((sites["kind"] != "rare").to_numpy() | carried) & ~left_out)
    columns = [_genotypes(genomes, r, keep, style, seed) for r in rows]
    called = columns[0] if len(columns) == 1 else ["\t".join(cells) for cells in zip(*columns, strict=True)]
    table = sites.iloc[keep]
    fields = "GT:DP:GQ" if style.depth_fields else "GT"
    lines = []
    for chrom, pos, ident, ref, alts, gene, shown, used in zip(
        *(table[c].tolist() for c in ("chrom", "pos", "id", "ref", "alts", "gene")), called, carried[keep], strict=True
    ):
        if style.unnormalised and len(ref) + len(alts) > 2:
            pos, ref, alts, shown = _unnormalised(genomes, chrom, pos, ref, alts, shown)
        if style.dot_alt and gene and not used:
            alts = "."
        name = chrom if style.chr_names else chrom.removeprefix("chr")
        line = f"{name}\t{pos}\t{ident or '.'}\t{ref}\t{alts}\t.\tPASS\t.\t{fields}\t{shown}\n"
        lines.append((chrom, pos, line))
    if style.unnormalised:
        rank = {chrom: i for i, chrom in enumerate(GRCH38)}
        lines.sort(key=lambda entry: (rank[entry[0]], entry[1]))
    return "".join(line for _, _, line in lines)


def _genotypes(genomes: Genomes, row: int, keep: np.ndarray, style: Any, seed: int) -> list[str]:
    rng = np.random.default_rng(seed_from(seed, "calls", genomes.patients[row]))
    safe = ((genomes.sites["gene"] != "") | genomes.sites["score"]).to_numpy()[keep]
    missing = (rng.random(len(keep)) < MISSING) & ~safe
    depth = np.maximum(rng.poisson(30, len(keep)), 12)
    phased = style.phased
    out = []
    for a, b, lost, d in zip(*genomes.haplotypes[row][:, keep].tolist(), missing, depth.tolist(), strict=True):
        if b == ABSENT and style.haploid_x:
            text = "." if lost else str(a)
        else:
            b = a if b == ABSENT else b
            first, second = (a, b) if phased else (min(a, b), max(a, b))
            mark = "|" if phased else "/"
            text = f".{mark}." if lost else f"{first}{mark}{second}"
        if style.depth_fields:
            text += ":0:." if lost else f":{d}:{min(99, 3 * d)}"
        out.append(text)
    return out


def _unnormalised(
    genomes: Genomes, chrom: str, pos: int, ref: str, alts: str, called: str
) -> tuple[int, str, str, str]:
    """The same variant written otherwise: shifted right where a repeat allows it, else one base too long.

    A multi-allelic site of which one ALT is carried is written with that ALT alone.
    """
    if "," not in alts and len(ref) == len(alts):
        return pos, ref, alts, called
    genotype = called.split(":")[0]
    used = sorted(set(genotype.replace("|", "/").split("/")) - {"0", "."})
    many = alts.split(",")
    if len(many) > 1 and len(used) == 1:
        alts = many[int(used[0]) - 1]
        called = called.replace(genotype, genotype.replace(used[0], "1"), 1)
    window = window_of(list(genomes.sequences), chrom, pos)
    start = pos - window.start - 1
    text = genomes.sequences[window][start : start + 200].tobytes().decode()
    if "," not in alts and used and len(ref) != len(alts):
        kept = min(len(ref), len(alts)) - 1  # bases that both have behind the anchor
        shifted = shift_right(text, ref[: len(ref) - kept], alts[: len(alts) - kept])
        if shifted[0] > 0:
            return pos + shifted[0], shifted[1], shifted[2], called
    tail = text[len(ref)]
    return pos, ref + tail, ",".join(a + tail for a in alts.split(",")), called


def shift_right(text: str, ref: str, alt: str) -> tuple[int, str, str]:
    """Rightmost equivalent (steps, REF, ALT) of an indel with one anchor base; `text`: reference from the anchor."""
    at = 0
    unit = ref[1:] or alt[1:]
    deletion = len(ref) > 1
    while True:
        following = text[at + 1 + len(unit)] if deletion else text[at + 1]
        if following != unit[0]:
            break
        unit = unit[1:] + unit[0]
        at += 1
    anchor = text[at]
    return (at, anchor + unit, anchor) if deletion else (at, anchor, anchor + unit)


def save(path: Path, text: str, bgzip: bool) -> None:
    """Write gzipped text without a time stamp; bgzip adds a tabix index."""
    with atomic(path) as temporary:
        if bgzip:
            with pysam.BGZFile(str(temporary), "wb", None) as handle:
                handle.write(text.encode())
        else:
            temporary.write_bytes(gzip.compress(text.encode(), 6, mtime=0))
    if bgzip:
        pysam.tabix_index(str(path), preset="vcf", force=True)
