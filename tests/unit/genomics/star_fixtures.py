"""Genotype stores in memory, and where the real data lie, for the star-allele and score tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import zarr
from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.stars.tables import Gene, read_genes

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CONSILIUM_DATA", ROOT.parent / "shared" / "data")) / "genomics"
TABLES = ROOT / "resources" / "star_alleles"
GENES = read_genes(TABLES)

needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA} (set CONSILIUM_DATA)")

Row = tuple[str, int, str, str, list[str]]  # chrom, pos, REF, ALT (comma-separated or "."), GT per sample


def fill_group(group: zarr.Group, rows: list[Row], samples: list[str]) -> None:
    """Write `rows` into a Zarr group as bio2zarr would."""
    contigs = list(dict.fromkeys(r[0] for r in rows)) or ["chr1"]
    alleles = [[r[2], *(r[3].split(",") if r[3] != "." else [])] for r in rows]
    width = max((len(a) for a in alleles), default=2)
    padded = [a + [""] * (width - len(a)) for a in alleles]
    calls = np.full((len(rows), len(samples), 2), -2, dtype=np.int8)
    phased = np.zeros((len(rows), len(samples)), dtype=bool)
    for i, row in enumerate(rows):
        for j, text in enumerate(row[4]):
            phased[i, j] = "|" in text
            for k, part in enumerate(text.replace("|", "/").split("/")[:2]):
                calls[i, j, k] = -1 if part == "." else int(part)
    longest = max((len(x) for a in padded for x in a), default=1)
    group["sample_id"] = np.array(samples, dtype="U64")
    group["contig_id"] = np.array(contigs, dtype="U16")
    group["variant_contig"] = np.array([contigs.index(r[0]) for r in rows], dtype=np.int16)
    group["variant_position"] = np.array([r[1] for r in rows], dtype=np.int32)
    group["variant_allele"] = np.array(padded, dtype=f"U{longest}").reshape(len(rows), width)
    group["call_genotype"] = calls
    group["call_genotype_phased"] = phased


def store(rows: list[Row], samples: list[str]) -> Genotypes:
    group = zarr.open_group(zarr.storage.MemoryStore(), mode="w", zarr_format=2)
    fill_group(group, rows, samples)
    return Genotypes(group)


def gene_rows(gene: Gene, codes: np.ndarray, separator: str = "/", absent: str = "row") -> list[Row]:
    """One sample's codes (locus, strand) as records. A locus with a negative code: no row, or a missing call."""
    out: list[Row] = []
    for locus, pair in zip(gene.loci, codes, strict=True):
        if (pair < 0).all():
            if absent == "call":
                out.append((locus.chrom, locus.pos, locus.ref, ",".join(locus.alts), ["./."]))
            continue
        text = separator.join("." if c < 0 else str(c) for c in pair)
        out.append((locus.chrom, locus.pos, locus.ref, ",".join(locus.alts), [text]))
    return out


def read_vcf(text: str, one: bool = False) -> tuple[list[Row], list[str]]:
    """Rows and samples of a VCF's text, genotypes only; `one`: the first sample alone."""
    rows: list[Row] = []
    samples: list[str] = []
    for line in text.splitlines():
        cells = line.split("\t") if "\t" in line else line.split()
        if line.startswith("#CHROM"):
            samples = cells[9:10] if one else cells[9:]
        elif not line.startswith("#") and len(cells) > 9:
            at = cells[8].split(":").index("GT")
            rows.append(
                (cells[0], int(cells[1]), cells[3], cells[4], [c.split(":")[at] for c in cells[9 : 9 + len(samples)]])
            )
    return sorted(rows, key=lambda r: (r[0], r[1])), samples


def sequence(gene: Gene, allele: int) -> np.ndarray:
    """The bases of an allele; where either base will do, the alternative one."""
    return np.array([int(bits).bit_length() - 1 for bits in gene.accepts[allele]], dtype=np.int8)


def person(gene: Gene, *names: str) -> np.ndarray:
    return np.stack([sequence(gene, gene.alleles.index(n)) for n in names], axis=1)


def unphased(gene: Gene) -> np.ndarray:
    return np.full(len(gene.loci), -1, dtype=np.int64)


def together(gene: Gene) -> np.ndarray:
    return np.zeros(len(gene.loci), dtype=np.int64)
