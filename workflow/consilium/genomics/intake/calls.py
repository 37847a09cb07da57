"""Normalised calls of one contig, and the merge of calls from several sources into one row a variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MISSING = -1  # no call
ABSENT = -2  # no second strand (haploid)
NO_ALT = "."  # a row that says: the reference base was seen, no variant

_Key = tuple[int, str, str]


@dataclass(frozen=True)
class Calls:
    """Rows of one contig, sorted by (pos, ref, alt), each key once; alt is one sequence or NO_ALT.

    gt (row, sample, strand) int8: 0 not this ALT, 1 this ALT, MISSING, ABSENT. phased (row, sample): strands ordered.
    """

    keys: list[_Key]
    rsid: list[str]
    gt: npt.NDArray[np.int8]
    phased: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)


class CallsBuilder:
    """Collects rows in any order; rows with the same key go into separate layers."""

    def __init__(self, n_samples: int) -> None:
        self._n = n_samples
        self._rows: dict[str, list[tuple[_Key, str, npt.NDArray[np.int8], npt.NDArray[np.bool_]]]] = {}

    def add(
        self, chrom: str, pos: int, ref: str, alt: str, rsid: str, gt: np.ndarray, phased: npt.NDArray[np.bool_]
    ) -> None:
        self._rows.setdefault(chrom, []).append(((pos, ref, alt), rsid, gt.astype(np.int8), phased))

    def by_contig(self) -> dict[str, list[Calls]]:
        """Contig -> layers; a layer holds each key once, the first layer all keys."""
        out = {}
        for chrom, rows in self._rows.items():
            rows.sort(key=lambda row: row[0])  # stable: rows of one key stay in file order
            layers: list[list] = []
            rank, last = 0, None
            for row in rows:
                rank = rank + 1 if row[0] == last else 0
                last = row[0]
                if rank == len(layers):
                    layers.append([])
                layers[rank].append(row)
            out[chrom] = [self._calls(layer) for layer in layers]
        return out

    def _calls(self, rows: list) -> Calls:
        gt = np.stack([r[2] for r in rows]).reshape(len(rows), self._n, 2)
        return Calls([r[0] for r in rows], [r[1] for r in rows], gt, np.stack([r[3] for r in rows]))


@dataclass(frozen=True)
class Part:
    """Calls of one source; `columns` are the places of its samples in the merged cohort."""

    calls: Calls
    columns: npt.NDArray[np.int64]


def merge(parts: Sequence[Part], n_patients: int) -> tuple[Calls, npt.NDArray[np.int32]]:
    """One row a variant over all parts, and per row how many patients were given two different genotypes.

    A call fills a gap; two different calls of one patient become missing and are counted. At a position where a
    source speaks of another allele of the same kind (single base, or insertion/deletion) or of the reference base
    alone, its called strands do not carry this ALT: 0. Everything else that no source speaks of stays missing.
    """
    keys = _union(parts)
    place = {key: i for i, key in enumerate(keys)}
    rsid = ["."] * len(keys)
    gt = np.full((len(keys), n_patients, 2), MISSING, dtype=np.int8)
    phased = np.zeros((len(keys), n_patients), dtype=bool)
    clash = np.zeros((len(keys), n_patients), dtype=bool)
    for part in parts:
        known = [(i, place[k]) for i, k in enumerate(part.calls.keys) if k in place]
        if not known:
            continue
        source, target = np.array(known, dtype=np.int64).T
        for i, row in known:
            if rsid[row] == "." and part.calls.rsid[i] != ".":
                rsid[row] = part.calls.rsid[i]
        _fill(gt, phased, clash, part, source, target)
    for part in parts:
        _imply(gt, clash, part, keys)
    gt[clash] = MISSING
    phased[clash] = False
    return Calls(keys, rsid, gt, phased), clash.sum(axis=1).astype(np.int32)


def _union(parts: Sequence[Part]) -> list[_Key]:
    """All variants; a bare reference row only where no variant row starts with the same base at its position."""
    keys = {key for part in parts for key in part.calls.keys}
    variant = {(pos, ref[0]) for pos, ref, alt in keys if alt != NO_ALT}
    longest: dict[tuple[int, str], str] = {}
    for pos, ref, alt in keys:
        if alt == NO_ALT and (pos, ref[0]) not in variant:
            longest[pos, ref[0]] = max(longest.get((pos, ref[0]), ""), ref, key=lambda r: (len(r), r))
    bare = {(pos, ref, NO_ALT) for (pos, _), ref in longest.items()}
    return sorted({k for k in keys if k[2] != NO_ALT} | bare)


def _fill(
    gt: npt.NDArray[np.int8], phased: npt.NDArray[np.bool_], clash: npt.NDArray[np.bool_], part: Part,
    source: npt.NDArray[np.int64], target: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    new = part.calls.gt[source]
    cells = np.ix_(target, part.columns)
    old = gt[cells]
    known_old, known_new = ~(old == MISSING).any(axis=2), ~(new == MISSING).any(axis=2)
    differ = (np.sort(old, axis=2) != np.sort(new, axis=2)).any(axis=2)
    clash[cells] |= known_old & known_new & differ
    partial = ~known_old & (known_new | (old == MISSING).all(axis=2))
    # Of two equal calls the phased one tells more.
    better = partial | (known_old & known_new & ~differ & part.calls.phased[source] & ~phased[cells])
    gt[cells] = np.where(better[:, :, None], new, old)
    phased[cells] = np.where(better, part.calls.phased[source], phased[cells])


def _imply(gt: npt.NDArray[np.int8], clash: npt.NDArray[np.bool_], part: Part, keys: list[_Key]) -> None:
    """Write 0 where a part's rows at the position show its strands to carry something else than this ALT."""
    own = set(part.calls.keys)
    at: dict[int, list[int]] = {}
    for i, (pos, _, _) in enumerate(part.calls.keys):
        at.setdefault(pos, []).append(i)
    for row, (pos, ref, alt) in enumerate(keys):
        if pos not in at or (pos, ref, alt) in own:
            continue
        near = [i for i in at[pos] if _speaks(part.calls.keys[i], ref, alt)]
        if not near:
            continue
        seen = part.calls.gt[near]  # (row, sample, strand)
        implied = np.where((seen == MISSING).any(axis=0), MISSING, np.where((seen == ABSENT).any(axis=0), ABSENT, 0))
        current = gt[row, part.columns]
        empty = (current == MISSING).all(axis=1) & ~clash[row, part.columns]
        gt[row, part.columns] = np.where(empty[:, None], implied, current)


def _speaks(key: _Key, ref: str, alt: str) -> bool:
    _, own_ref, own_alt = key
    if own_ref[0] != ref[0]:
        return False
    if own_alt == NO_ALT or alt == NO_ALT:
        return True
    return (len(own_ref) == len(own_alt)) == (len(ref) == len(alt))
