"""Cohort genotypes as arrays: sites in memory, calls packed (`planes`) or as a dask array in the store's chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.chunkfiles import read_all
from consilium.genomics.cohort.planes import Planes, dosages, of_array, stored_planes
from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.panel import Panel

if TYPE_CHECKING:
    import dask.array as da

NO_CALL = -1  # in ALT counts


@dataclass(frozen=True)
class Matrix:
    """Biallelic rows (alt "" = reference base seen in all who were called).

    samples: patients. chrom (site,) index into CONTIGS; pos (site,); ref, alt, rsid (site,) text (StringDType);
    clashes (site,) patients given two genotypes. calls: gt, or what gives it when it is first asked for.
    stored: the packed genotypes of the store; without it they are made from gt.
    """

    samples: list[str]
    chrom: npt.NDArray[np.int64]
    pos: npt.NDArray[np.int64]
    ref: npt.NDArray[Any]
    alt: npt.NDArray[Any]
    rsid: npt.NDArray[Any]
    clashes: npt.NDArray[np.int64]
    calls: da.Array | Callable[[], da.Array]
    stored: Planes | None = None

    def __len__(self) -> int:
        return len(self.pos)

    @cached_property
    def gt(self) -> da.Array:
        """(site, sample, 2) int8: 0, 1, -1 missing, -2 no second strand. For counts and dosages `planes` is faster."""
        return self.calls() if callable(self.calls) else self.calls

    @cached_property
    def planes(self) -> Planes:
        return self.stored or of_array(self.gt)

    @cached_property
    def is_snv(self) -> npt.NDArray[np.bool_]:
        return np.asarray((np.strings.str_len(self.ref) == 1) & (np.strings.str_len(self.alt) == 1))

    @property
    def autosomal(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.chrom < 22)

    def rows(self, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """gt of some rows (row, sample, 2), in memory."""
        if not len(chosen):
            return np.empty((0, len(self.samples), 2), dtype=np.int8)
        return np.asarray(self.gt[chosen].compute(scheduler="synchronous"))


def load(path: Path) -> Matrix:
    """Open the cohort's VCF-Zarr folder."""
    folder = Path(path)
    contigs = [canonical(str(c)) for c in read_all(folder / "contig_id")]
    number = np.array([CONTIGS.index(c) if c else -1 for c in contigs], dtype=np.int64)
    alleles = read_all(folder / "variant_allele")
    n = len(alleles)
    clashes = read_all(folder / "variant_CLASHES") if (folder / "variant_CLASHES").is_dir() else np.zeros(n)
    return Matrix(
        [str(s) for s in read_all(folder / "sample_id")],
        number[read_all(folder / "variant_contig").astype(np.int64)],
        read_all(folder / "variant_position").astype(np.int64),
        alleles[:, 0],
        alleles[:, 1] if alleles.shape[1] > 1 else np.full(n, "", dtype=alleles.dtype),
        read_all(folder / "variant_id"),
        np.maximum(clashes.astype(np.int64), 0),
        partial(_genotypes, folder),
        stored_planes(folder),
    )


def _genotypes(folder: Path) -> da.Array:
    import dask.array as da

    gt = da.from_zarr(str(folder), component="call_genotype", zarr_format=2)
    return gt if gt.shape[2] == 2 else da.concatenate([gt, da.full_like(gt, -2)], axis=2)


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
    counts = dosages(matrix.planes, np.array([u[0] for u in usable]))
    for (_, site, turned), values in zip(usable, counts, strict=True):
        turned_values = np.where(values >= 0, 2 - values, NO_CALL) if turned else values
        out[site] = np.where(out[site] == NO_CALL, turned_values, out[site])
    return out
