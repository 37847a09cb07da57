"""Consequences of the cohort's variants in the genes of interest: the table, and what to say of one variant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.genomics.cohort.genotypes import ABSENT, Genotypes, Record
from consilium.genomics.findings import csq
from consilium.genomics.findings.frequencies import read_frequencies
from consilium.genomics.findings.regions import merged
from consilium.genomics.intake.build import CONTIGS, LENGTHS, canonical

if TYPE_CHECKING:
    import pandas as pd

    from consilium.genomics.findings.regions import Annotation, Interval

_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
_GAP = 200_000  # exons closer than this are asked for together
_CHUNK = 1_000  # rows written at a time
TOGETHER, ALONE = "with its strand", "alone"
_STRANDS = {-1: ".", 0: "0", 1: "1"}
_GT = {
    (a, b, p): x if b == ABSENT else f"{x}{'|' if p else '/'}{_STRANDS[b]}"
    for a, x in _STRANDS.items() for b in (ABSENT, *_STRANDS) for p in (False, True)
}  # fmt: skip
Row = dict[str, Any]


def make_table(
    store: Genotypes, annotation: Annotation, fasta: Path, scratch: Path, frequencies: Path | None, rare: float
) -> pd.DataFrame:
    """The table of consequences; `rare`: largest frequency that counts as rare, where there are `frequencies`."""
    import pandas as pd

    from consilium.core.register import TABLES

    if annotation.kind != "gff":
        found = "a BED, which holds no transcripts"
        raise InputError(Problem(annotation.file, found, "Ensembl's GFF3 of GRCh38", "supply it under genomics.gff"))
    rows = table_rows(store, annotation, fasta, scratch)
    known = read_frequencies(frequencies, {_key(r) for r in rows}) if frequencies and rows else {}
    for row in rows:
        row["frequency"] = known.get(_key(row))
        row["rare"] = None if frequencies is None else known.get(_key(row), 0.0) <= rare
    table = pd.DataFrame(rows) if rows else TABLES["consequences"].empty()
    return table.sort_values(
        ["patient", "chrom", "pos", "ref", "alt", "gene", "transcript", "consequence"], kind="stable"
    )


def _key(row: Row) -> tuple[str, int, str, str]:
    return row["chrom"], row["pos"], row["ref"], row["alt"]


def table_rows(store: Genotypes, annotation: Annotation, fasta: Path, scratch: Path) -> list[Row]:
    """Rows of the table of consequences: one a patient, variant and transcript.

    Variants on phased strands and homozygous ones are taken together with their neighbours on the strand; others, and
    those of which the strand is not known, each alone.
    """
    gff, vcf = scratch / "genes.gff3", scratch / "genes.vcf"
    names = contig_names(fasta)
    gff.write_text("##gff-version 3\n" + "".join(_renamed(annotation.lines, names)), encoding="utf-8")
    with open(vcf, "w", encoding="utf-8") as out:
        n = write_variants(out, store, annotation, names)
    if not n:
        return []
    csq.run(vcf, gff, fasta, scratch / "together.vcf")
    csq.run(vcf, gff, fasta, scratch / "alone.vcf", alone=True)
    return list(_rows(store.samples, scratch))


def contig_names(fasta: Path) -> dict[str, str]:
    """Chromosome ("chr1") -> its name in the FASTA: bcftools wants one name in all three files."""
    import pysam

    with pysam.FastaFile(str(fasta)) as handle:
        return {str(canonical(n)): n for n in reversed(handle.references) if canonical(n)}


def _renamed(lines: Iterable[str], names: dict[str, str]) -> Iterator[str]:
    for line in lines:
        name, tab, rest = line.partition("\t")
        if (chrom := canonical(name)) in names:
            yield f"{names[str(chrom)]}{tab}{rest}"


def write_variants(out: TextIO, store: Genotypes, annotation: Annotation, names: dict[str, str]) -> int:
    """VCF of the rows in and near exons that somebody carries, samples of the store; their number.

    Chromosomes get their `names` in the FASTA; what the FASTA does not have is left out.
    """
    lengths = LENGTHS["GRCh38"]
    out.write("##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID={n},length={lengths[c]}>\n" for c, n in names.items()))
    out.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
    out.write("\t".join([*_COLUMNS, *store.samples]) + "\n")
    ordered = sorted(records_in(store, [i for i in annotation.near if i[0] in names]), key=lambda r: (_place(r), r.pos))
    n = 0
    for start in range(0, len(ordered), _CHUNK):
        part = [r for r in ordered[start : start + _CHUNK] if len(r.alleles) == 2]
        calls, phased = store.calls([r.row for r in part]), store.phased([r.row for r in part])
        for record, strands, ordered_strands in zip(part, calls, phased, strict=True):
            if (strands == 1).any():
                out.write(_line(record, names[str(canonical(record.chrom))], strands, ordered_strands))
                n += 1
    return n


def records_in(store: Genotypes, intervals: list[Interval]) -> Iterator[Record]:
    """Records with a POS in the (merged) intervals; the store is asked once for all that lie close together."""
    for chrom, start, end in merged((c, s, e + _GAP) for c, s, e in intervals):
        inside = [(s, e) for c, s, e in intervals if c == chrom and start <= s < end]
        for record in store.records(store.rows(chrom, start + 1, end - _GAP)):
            place = bisect_right(inside, (record.pos - 1, float("inf"))) - 1
            if place >= 0 and record.pos - 1 < inside[place][1]:
                yield record


def _place(record: Record) -> int:
    return CONTIGS.index(str(canonical(record.chrom)))


def _line(record: Record, chrom: str, strands: np.ndarray, phased: np.ndarray) -> str:
    cells = [_GT[int(a), int(b), bool(p)] for (a, b), p in zip(strands, phased, strict=True)]
    return "\t".join([chrom, str(record.pos), ".", *record.alleles, ".", ".", ".", "GT", *cells]) + "\n"


def _rows(samples: Sequence[str], scratch: Path) -> Iterator[Row]:
    together = list(csq.read(scratch / "together.vcf"))
    carried = dict(_carriers(scratch / "alone.vcf"))
    at: dict[tuple[str, int, int, int], list[csq.Consequence]] = {}
    known: dict[tuple[str, int, str, str], csq.Answers] = {}
    for answer in together:
        known[answer.chrom, answer.pos, answer.ref, answer.alt] = answer
        for (sample, strand), found in answer.haplotypes.items():
            at.setdefault((answer.chrom, answer.pos, sample, strand), []).extend(found)
    for single in csq.read(scratch / "alone.vcf"):
        key = (single.chrom, single.pos, single.ref, single.alt)
        joint = known.get(key)
        for sample, strands in carried[key]:
            mine = {s: joint.haplotypes[sample, s] for s in strands if joint and (sample, s) in joint.haplotypes}
            answers = [c for s, found in mine.items() for c in _resolved(found, key, sample, s, at)]
            method = TOGETHER if answers else ALONE
            for c in dict.fromkeys(answers or single.found):
                yield _row(samples[sample], key, c, method, len(strands))


def _resolved(
    found: Iterable[csq.Consequence],
    key: tuple[str, int, str, str],
    sample: int,
    strand: int,
    at: dict[tuple[str, int, int, int], list[csq.Consequence]],
) -> Iterator[csq.Consequence]:
    """Answers, those that stand at another record of the strand fetched from there."""
    chrom, position, ref, alt = key
    for c in found:
        if not c.at:
            yield c
            continue
        for other in at.get((chrom, c.at, sample, strand), []):
            if not other.at and f"{position}{ref}>{alt}" in other.dna.split("+"):
                yield other


def _carriers(path: Path) -> Iterator[tuple[tuple[str, int, str, str], list[tuple[int, list[int]]]]]:
    """Variant -> (sample, strands that carry it)."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                cells = line.rstrip("\n").split("\t")
                calls = [c.partition(":")[0].replace("|", "/").split("/") for c in cells[9:]]
                who = [(i, [s for s, a in enumerate(c) if a == "1"]) for i, c in enumerate(calls) if "1" in c]
                yield (cells[0], int(cells[1]), cells[3], cells[4]), who


def _row(patient: str, key: tuple[str, int, str, str], c: csq.Consequence, method: str, copies: int) -> Row:
    return {
        "patient": patient, "chrom": str(canonical(key[0])), "pos": key[1], "ref": key[2], "alt": key[3],
        "gene": c.gene, "transcript": c.transcript, "biotype": c.biotype, "consequence": c.terms,
        "amino_acids": c.amino_acids, "dna_change": c.dna, "copies": copies, "method": method,
    }  # fmt: skip


def worst(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a patient, variant and gene: the most severe consequence, coding transcripts before others."""
    ranked = rows.assign(
        severity=[csq.Consequence(c).severity for c in rows["consequence"]], other=rows["biotype"] != "protein_coding"
    )
    order = ["patient", "chrom", "pos", "ref", "alt", "gene"]
    best = ranked.sort_values([*order, "other", "severity", "transcript"], kind="stable").drop_duplicates(order)
    return best.drop(columns=["other", "severity"]).reset_index(drop=True)
