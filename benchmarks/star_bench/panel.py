"""The 1000 Genomes panel as cohort genotypes: one gene, either build, moved to GRCh38 by the positions table."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import zarr
from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.stars.tables import Gene

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "resources" / "star_alleles"
FLANK = 13  # bp around a defining position: an indel may be spelled a little off


def older_places(gene: Gene) -> dict[int, tuple[int, str, str]]:
    """GRCh37 position -> (GRCh38 position, GRCh38 base, GRCh37 base) of the gene's positions."""
    with open(TABLES / "positions.tsv", encoding="utf-8", newline="") as handle:
        rows = [r for r in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE) if r["gene"] == gene.name]
    return {int(r["pos_grch37"]): (int(r["pos"]), r["ref"], r["ref_grch37"]) for r in rows}


def read_gene(data: Path, gene: Gene, build: str = "GRCh38") -> Genotypes | None:
    """Genotypes of everybody near the gene's positions; None where the panel has no file of that gene and build."""
    path = data / "pgx_panel_1kgp" / build / f"{gene.name}.vcf.gz"
    if not path.exists():
        return None
    places = older_places(gene) if build == "GRCh37" else {locus.pos: (locus.pos, "", "") for locus in gene.loci}
    shift = next(new - old for old, (new, _, _) in places.items())
    near = {p + d for p in places for d in range(-FLANK, FLANK + 1)}
    rows: list[tuple[int, list[str], np.ndarray]] = []
    samples: list[str] = []
    with gzip.open(path, "rt") as handle:
        for line in handle:
            if line.startswith("#"):
                samples = line.rstrip("\n").split("\t")[9:] if line.startswith("#CHROM") else samples
                continue
            head = line.split("\t", 9)
            if int(head[1]) in near and "<" not in head[4]:
                rows.append(_record(head, places, shift))
    return _store(gene.chrom, sorted(rows, key=lambda r: r[0]), samples)


def _record(head: list[str], places: dict[int, tuple[int, str, str]], shift: int) -> tuple[int, list[str], np.ndarray]:
    """(GRCh38 position, alleles, calls (sample, strand)); where the builds' bases differ, REF and ALT change places."""
    position, alleles = int(head[1]), [head[3], *head[4].split(",")]
    calls = _calls(head[9])
    _, new, old = places.get(position, (0, "", ""))
    if new != old and len(new) == 1 and alleles[0] == old:
        order = [new, *(a for a in alleles if a != new)]
        code = np.array([order.index(a) for a in alleles] + [-2, -1], dtype=np.int8)  # -2, -1: from the end
        alleles, calls = order, code[calls]
    return position + shift, alleles, calls


def _calls(text: str) -> np.ndarray:
    """(sample, strand) allele numbers of GT-only columns: -1 no call, -2 the second strand of a haploid call."""
    cells = np.array(text.rstrip("\n").split("\t"))
    kinds, inverse = np.unique(cells, return_inverse=True)
    table = np.full((len(kinds), 2), -2, dtype=np.int8)
    for i, kind in enumerate(kinds):
        for k, part in enumerate(kind.split(":")[0].replace("|", "/").split("/")[:2]):
            table[i, k] = -1 if part == "." else int(part)
    return table[inverse.ravel()]


def _store(chrom: str, rows: list[tuple[int, list[str], np.ndarray]], samples: list[str]) -> Genotypes:
    group = zarr.open_group(zarr.storage.MemoryStore(), mode="w", zarr_format=2)
    width = max((len(r[1]) for r in rows), default=2)
    group["sample_id"] = np.array(samples, dtype="U64")
    group["contig_id"] = np.array([chrom], dtype="U16")
    group["variant_contig"] = np.zeros(len(rows), dtype=np.int16)
    group["variant_position"] = np.array([r[0] for r in rows], dtype=np.int32)
    padded = [r[1] + [""] * (width - len(r[1])) for r in rows]
    longest = max((len(a) for r in padded for a in r), default=1)
    group["variant_allele"] = np.array(padded, dtype=f"U{longest}").reshape(len(rows), width)
    group["call_genotype"] = np.array([r[2] for r in rows], dtype=np.int8).reshape(len(rows), len(samples), 2)
    group["call_genotype_phased"] = np.ones((len(rows), len(samples)), dtype=bool)
    return Genotypes(group)


def sexes(data: Path) -> dict[str, str]:
    """Sample -> female or male, from the cohort's people file."""
    words = {"1": "male", "2": "female"}
    lines = (data / "cohort_1kgp" / "ref.psam").read_text().splitlines()[1:]
    return {cells[0]: words.get(cells[3], "unknown") for cells in (line.split() for line in lines)}


def text_store(text: str, one: bool = False) -> Genotypes:
    """A small VCF's genotypes; `one`: the first sample alone. Phase by `|`, without phase sets."""
    rows: list[tuple[str, int, list[str], list[str]]] = []
    samples: list[str] = []
    for line in text.splitlines():
        cells = line.split("\t") if "\t" in line else line.split()
        if line.startswith("#CHROM"):
            samples = cells[9:10] if one else cells[9:]
        elif not line.startswith("#") and len(cells) > 9:
            at = cells[8].split(":").index("GT")
            calls = [c.split(":")[at] for c in cells[9 : 9 + len(samples)]]
            alts = [] if cells[4] == "." else cells[4].split(",")
            rows.append(("chr" + cells[0].removeprefix("chr"), int(cells[1]), [cells[3], *alts], calls))
    rows.sort(key=lambda r: (r[0], r[1]))
    contigs = list(dict.fromkeys(r[0] for r in rows)) or ["chr1"]
    store = _store(contigs[0], [(r[1], r[2], _calls("\t".join(r[3]))) for r in rows], samples)
    group = store._group
    group["contig_id"] = np.array(contigs, dtype="U16")
    group["variant_contig"] = np.array([contigs.index(r[0]) for r in rows], dtype=np.int16)
    group["call_genotype_phased"] = np.array([["|" in c for c in r[3]] for r in rows], dtype=bool)
    return Genotypes(group)
