"""Cohort genotypes as arrays: sites in memory, calls as a dask array in the chunks of the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.panel import Panel

if TYPE_CHECKING:
    import dask.array as da

NO_CALL = -1  # in ALT counts


@dataclass(frozen=True)
class Matrix:
    """Biallelic rows (alt "" = reference base seen in all who were called).

    samples: patients. chrom (site,) index into CONTIGS; pos (site,); ref, alt, rsid (site,) text;
    clashes (site,) patients given two genotypes. gt (site, sample, 2) int8: 0, 1, -1 missing, -2 no second strand.
    """

    samples: list[str]
    chrom: npt.NDArray[np.int64]
    pos: npt.NDArray[np.int64]
    ref: npt.NDArray[Any]
    alt: npt.NDArray[Any]
    rsid: npt.NDArray[Any]
    clashes: npt.NDArray[np.int64]
    gt: da.Array

    def __len__(self) -> int:
        return len(self.pos)

    @property
    def is_snv(self) -> npt.NDArray[np.bool_]:
        return np.array([len(r) == 1 and len(a) == 1 for r, a in zip(self.ref, self.alt, strict=True)], dtype=bool)

    @property
    def autosomal(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.chrom < 22)

    def rows(self, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """gt of some rows (row, sample, 2), in memory."""
        return np.asarray(self.gt[chosen].compute(scheduler="synchronous"))


def load(path: Path) -> Matrix:
    """Open the cohort's VCF-Zarr folder."""
    import dask.array as da
    import zarr

    group: Any = zarr.open_group(str(path), mode="r", zarr_format=2)
    contigs = [canonical(str(c)) for c in group["contig_id"][:]]
    number = np.array([CONTIGS.index(c) if c else -1 for c in contigs], dtype=np.int64)
    alleles = np.asarray(group["variant_allele"][:], dtype=object)
    n = len(alleles)
    gt = da.from_zarr(str(path), component="call_genotype", zarr_format=2)
    clashes = np.asarray(group["variant_CLASHES"][:]).astype(np.int64) if "variant_CLASHES" in group else np.zeros(n)
    return Matrix(
        [str(s) for s in group["sample_id"][:]],
        number[np.asarray(group["variant_contig"][:], dtype=np.int64)],
        np.asarray(group["variant_position"][:], dtype=np.int64),
        alleles[:, 0],
        alleles[:, 1] if alleles.shape[1] > 1 else np.full(n, "", dtype=object),
        np.asarray(group["variant_id"][:], dtype=object),
        np.maximum(clashes, 0).astype(np.int64),
        gt if gt.shape[2] == 2 else da.concatenate([gt, da.full_like(gt, -2)], axis=2),
    )


def alt_counts(gt: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """ALT alleles per person (row, sample), NO_CALL unless both strands are called. Haploid calls: NO_CALL."""
    full = (gt >= 0).all(axis=2)
    return np.where(full, gt.sum(axis=2), NO_CALL).astype(np.int8)


def at_panel(matrix: Matrix, panel: Panel) -> npt.NDArray[np.int8]:
    """ALT counts (panel site, sample) in the panel's allele orientation; NO_CALL where the cohort has no call."""
    place = {key: i for i, key in enumerate(zip(panel.chrom, panel.pos, strict=True))}
    out = np.full((len(panel), len(matrix.samples)), NO_CALL, dtype=np.int8)
    names = np.array(CONTIGS)[matrix.chrom] if len(matrix) else np.array([], dtype=str)
    hits = [(i, place[k]) for i, k in enumerate(zip(names, matrix.pos, strict=True)) if k in place]
    usable = []
    for row, site in hits:
        ref, alt = str(panel.ref[site]), str(panel.alt[site])
        own = (str(matrix.ref[row])[:1], str(matrix.alt[row]))
        if len(matrix.ref[row]) > 1 and own[1]:
            continue
        if own in ((ref, alt), (ref, "")):
            usable.append((row, site, False))
        elif own in ((alt, ref), (alt, "")):
            usable.append((row, site, True))
    if not usable:
        return out
    counts = alt_counts(matrix.rows(np.array([u[0] for u in usable])))
    for (_, site, turned), values in zip(usable, counts, strict=True):
        turned_values = np.where(values >= 0, 2 - values, NO_CALL) if turned else values
        out[site] = np.where(out[site] == NO_CALL, turned_values, out[site])
    return out
