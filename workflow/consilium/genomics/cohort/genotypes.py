"""Reads cohort genotypes (VCF-Zarr, a folder or a zip) at the positions that a stage needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.ascending import find
from consilium.genomics.cohort.chunkgroup import open_group

MISSING = -1  # call_genotype: no call
ABSENT = -2  # call_genotype: beyond this person's ploidy at the site

Calls = npt.NDArray[np.int8]


def bare(chromosome: str) -> str:
    """Chromosome name without `chr`, M and MT as MT: sheets and catalogues disagree on it."""
    name = chromosome[3:] if chromosome.lower().startswith("chr") else chromosome
    return "MT" if name in ("M", "MT") else name


@dataclass(frozen=True)
class Record:
    """One variant row: alleles[0] is REF, "" padding removed."""

    row: int
    chrom: str
    pos: int
    alleles: tuple[str, ...]


class Genotypes:
    """Cohort genotypes on disk: the sites in memory, the calls read by row when asked for."""

    def __init__(self, group: Any) -> None:
        self.group = self._group = group
        self.samples: list[str] = [str(s) for s in group["sample_id"][:]]
        self._contigs = [bare(str(c)) for c in group["contig_id"][:]]
        self._contig = np.asarray(group["variant_contig"][:])
        self._position = np.asarray(group["variant_position"][:])

    @property
    def n_sites(self) -> int:
        return len(self._position)

    def rows(self, chromosome: str, low: int, high: int) -> npt.NDArray[np.int64]:
        """Rows whose POS lies in [low, high] (1-based, inclusive), in file order."""
        if bare(chromosome) not in self._contigs:
            return np.empty(0, dtype=np.int64)
        contig = self._contigs.index(bare(chromosome))
        inside = (self._contig == contig) & (self._position >= low) & (self._position <= high)
        return np.flatnonzero(inside)

    def rows_at(
        self, names: Sequence[str], which: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Rows at any of the places names[which[i]], positions[i], in file order."""
        index = {c: i for i, c in enumerate(self._contigs)}
        contigs = np.array([index.get(bare(name), -1) for name in names], dtype=np.int64)[which]
        wanted = np.sort(((contigs << 40) + positions.astype(np.int64))[contigs >= 0])
        have = (self._contig.astype(np.int64) << 40) + self._position
        return np.flatnonzero(find(wanted, have)[1])

    def records(self, rows: Iterable[int]) -> list[Record]:
        rows = np.asarray(list(rows), dtype=np.int64)
        if not len(rows):
            return []
        alleles = self._group["variant_allele"].oindex[rows]
        return [
            Record(int(row), self._contigs[self._contig[row]], int(self._position[row]),
                   tuple(str(a) for a in cells if a))
            for row, cells in zip(rows, alleles, strict=True)
        ]  # fmt: skip

    def alleles(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """(names of contigs, index into them, position, alleles (row, number) with "" as padding) of some rows."""
        where, positions = (values[rows].astype(np.int64) for values in (self._contig, self._position))
        return self._contigs, where, positions, np.asarray(self._group["variant_allele"].oindex[rows])

    def calls(self, rows: Iterable[int]) -> Calls:
        """(row, sample, strand) allele numbers; MISSING and ABSENT as above. A haploid store gets a second strand."""
        rows = np.asarray(list(rows), dtype=np.int64)
        if not len(rows):
            return np.empty((0, len(self.samples), 2), dtype=np.int8)
        calls = np.asarray(self._group["call_genotype"].oindex[rows], dtype=np.int8)
        if calls.shape[2] == 1:
            calls = np.concatenate([calls, np.full_like(calls, ABSENT)], axis=2)
        return calls[:, :, :2]

    @property
    def height(self) -> int:
        """Rows of one block: what the store reads as fast as one row."""
        return int(self._group["call_genotype"].chunks[0])

    def block(self, number: int) -> Calls:
        """Calls of rows number x height up to the next block, as `calls` gives them."""
        calls = np.asarray(
            self._group["call_genotype"][number * self.height : (number + 1) * self.height], dtype=np.int8
        )
        if calls.shape[2] == 1:
            calls = np.concatenate([calls, np.full_like(calls, ABSENT)], axis=2)
        return calls[:, :, :2]

    def phased(self, rows: Iterable[int]) -> npt.NDArray[np.bool_]:
        """(row, sample): True where the strands are ordered."""
        rows = np.asarray(list(rows), dtype=np.int64)
        if not len(rows) or "call_genotype_phased" not in self._group:
            return np.zeros((len(rows), len(self.samples)), dtype=bool)
        return np.asarray(self._group["call_genotype_phased"].oindex[rows], dtype=bool)

    def phase_sets(self, rows: Iterable[int]) -> npt.NDArray[np.int64]:
        """(row, sample): phase set (PS) of a phased call; 0 where the file names none: one set a chromosome."""
        rows = np.asarray(list(rows), dtype=np.int64)
        if not len(rows) or "call_PS" not in self._group:
            return np.zeros((len(rows), len(self.samples)), dtype=np.int64)
        sets = np.asarray(self._group["call_PS"].oindex[rows], dtype=np.int64)
        return np.where(sets < 0, 0, sets)


@contextmanager
def open_genotypes(path: Path) -> Iterator[Genotypes]:
    """Open a VCF-Zarr store. Raises InputError when it is not one."""
    needed = {"sample_id", "contig_id", "variant_contig", "variant_position", "variant_allele", "call_genotype"}
    store: Any = None
    group: Any = open_group(Path(path))
    if group is None:
        import zarr

        try:
            store = zarr.storage.ZipStore(path, mode="r") if Path(path).is_file() else str(path)
            group = zarr.open_group(store, mode="r")
        except Exception as error:  # zarr's own, zipfile's and OSError: all mean that this is no store
            raise InputError(_unusable(path, f"{type(error).__name__}: {error}")) from None
    try:
        lacking = needed - set(group.array_keys())
        if lacking:
            raise InputError(_unusable(path, f"no variable {', '.join(sorted(lacking))}"))
        yield Genotypes(group)
    finally:
        if store is not None and not isinstance(store, str):
            store.close()


def _unusable(path: Path, found: str) -> Problem:
    return Problem(str(path), found, "a VCF-Zarr store (folder or zip)", "run the merge of genotypes again")
