"""Rows of several files to one row a variant, in stretches that processes can share.

Keys are whole numbers that sort as (contig, position, REF, ALT): contig in the bits from 58 on, position from 30 on,
then the rank of the allele pair among all pairs of the cohort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.ascending import find
from consilium.genomics.decoding import codes
from consilium.genomics.decoding.decoded import Decoded
from consilium.genomics.intake.calls import NO_ALT, Calls, Part, merge

_POSITION, _CONTIG = 30, 58

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """One file's rows in the order of their keys, and the places of its samples in the cohort."""

    keys: Ints
    order: Ints  # rows of `decoded`
    decoded: Decoded
    columns: Ints


@dataclass(frozen=True)
class Plan:
    """The cohort's rows: keys ascending, ID of each; alleles: (ref, alt) by rank."""

    keys: Ints
    rsid: npt.NDArray[np.bytes_]
    alleles: list[tuple[str, str]]
    sources: list[Source]
    n_patients: int

    def __len__(self) -> int:
        return len(self.keys)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process plans anew: that costs less than sending the tables."""
        return plan, ([(s.decoded, s.columns) for s in self.sources], self.n_patients)

    def places(self, rows: slice) -> tuple[Ints, Ints, Ints]:
        """(contig, position, allele pair) of some rows."""
        keys = self.keys[rows]
        position = (keys >> _POSITION) & ((1 << (_CONTIG - _POSITION)) - 1)
        return keys >> _CONTIG, position, keys & ((1 << _POSITION) - 1)


def plan(files: Sequence[tuple[Decoded, Ints]], n_patients: int) -> Plan:
    """From decoded files, each with the places of its samples in the cohort."""
    pairs = sorted({pair for decoded, _ in files for pair in decoded.alleles})
    rank = {pair: i for i, pair in enumerate(pairs)}
    sources = []
    for decoded, columns in files:
        ranks = np.array([rank[p] for p in decoded.alleles], dtype=np.int64)
        keys = decoded.contig.astype(np.int64) << _CONTIG | decoded.pos.astype(np.int64) << _POSITION
        keys |= ranks[decoded.allele] if len(ranks) else 0
        order = np.argsort(keys, kind="stable")
        sources.append(Source(keys[order], order, decoded, columns))
    keys = _union([s.keys for s in sources], pairs)
    width = max([1, *(s.decoded.rsid.dtype.itemsize for s in sources)])
    rsid = np.full(len(keys), b".", dtype=f"S{width}")
    for source in sources:
        at, known = find(keys, source.keys)
        named = source.decoded.rsid[source.order]
        # Backwards, so that of several rows of one key the first that names it is kept.
        fill = np.flatnonzero(known & (named != b"."))[::-1]
        fill = fill[rsid[at[fill]] == b"."]
        rsid[at[fill]] = named[fill]
    return Plan(keys, rsid, pairs, sources, n_patients)


def _union(parts: Sequence[Ints], pairs: Sequence[tuple[str, str]]) -> Ints:
    """All variants; a bare reference row only where no variant row starts with the same base at its position, and
    of several the longest."""
    keys = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *parts]))
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique by hashes takes ten times as long
    bare = np.array([alt == NO_ALT for _, alt in pairs], dtype=bool)
    if not bare.any():
        return keys
    allele = keys & ((1 << _POSITION) - 1)
    letters = {base: i for i, base in enumerate(sorted({ref[0] for ref, _ in pairs}))}
    first = np.array([letters[ref[0]] for ref, _ in pairs], dtype=np.int64)
    place = (keys >> _POSITION) * len(letters) + first[allele]
    is_bare = bare[allele]
    size = np.array([len(ref) for ref, _ in pairs], dtype=np.int64)
    alone = np.flatnonzero(is_bare & ~np.isin(place, place[~is_bare]))
    # The longest of a place, and of equally long ones the last in order.
    order = alone[np.lexsort((keys[alone], size[allele[alone]], place[alone]))]
    last = np.append(place[order][1:] != place[order][:-1], True) if len(order) else np.zeros(0, dtype=bool)
    keep = ~is_bare
    keep[order[last]] = True
    return keys[keep]


def stretch(plan: Plan, start: int, stop: int) -> tuple[codes.Codes, npt.NDArray[np.int32]]:
    """(calls (row, patient), patients given two different genotypes (row,)) of the rows from `start` to `stop`."""
    low = plan.keys[start] >> _POSITION << _POSITION  # all rows of the positions at both ends
    high = ((plan.keys[stop - 1] >> _POSITION) + 1) << _POSITION
    begin, end = np.searchsorted(plan.keys, [low, high])
    keys = plan.keys[begin:end]
    parts = []
    for source in plan.sources:
        a, b = np.searchsorted(source.keys, [low, high])
        if b > a:
            parts += _layers(source, a, b)
    if len(parts) == 1 and np.array_equal(parts[0].keys, keys):
        merged = codes.only_for(parts[0].read(), parts[0].columns, plan.n_patients)
        clashes = np.zeros(len(keys), dtype=np.int32)
    else:
        merged, clashes = _joined(plan, keys, parts)
    inside = slice(start - begin, stop - begin)
    return merged[inside], clashes[inside]


@dataclass(frozen=True)
class _Rows:
    """Some rows of one source, each key once."""

    keys: Ints
    rows: Ints
    source: Source

    @property
    def columns(self) -> Ints:
        return self.source.columns

    def read(self) -> codes.Codes:
        return self.source.decoded.codes(self.rows)


def _layers(source: Source, a: int, b: int) -> list[_Rows]:
    """Rows of one key go into separate layers, in the order in which the file has them."""
    keys, rows = source.keys[a:b], source.order[a:b]
    again = np.append(False, keys[1:] == keys[:-1])
    if not again.any():
        return [_Rows(keys, rows, source)]
    group = np.maximum.accumulate(np.where(again, 0, np.arange(len(keys))))
    rank = np.arange(len(keys)) - group
    return [_Rows(keys[rank == r], rows[rank == r], source) for r in range(int(rank.max()) + 1)]


def _joined(plan: Plan, keys: Ints, parts: list[_Rows]) -> tuple[codes.Codes, npt.NDArray[np.int32]]:
    """Patients in one part only by arrays; patients in several by `calls.merge`."""
    times = np.zeros(plan.n_patients, dtype=np.int64)
    for part in parts:
        times[part.columns] += 1
    out = np.full((len(keys), plan.n_patients), codes.NOTHING, dtype=np.uint8)
    clashes = np.zeros(len(keys), dtype=np.int32)
    shared = np.flatnonzero(times > 1)
    values = [(part, part.read()) for part in parts]
    for part, calls in values:
        own = np.flatnonzero(times[part.columns] == 1)
        if len(own):
            _place(plan, out, keys, part, calls[:, own] if len(own) < calls.shape[1] else calls, part.columns[own])
    if len(shared):
        _share(plan, out, clashes, keys, values, shared)
    return out, clashes


def _place(plan: Plan, out: codes.Codes, keys: Ints, part: _Rows, calls: codes.Codes, columns: Ints) -> None:
    """Write a part's calls, and 0 where its rows at a position show that its strands carry something else."""
    at, known = find(keys, part.keys)
    out[np.ix_(at[known], columns)] = calls[known]
    positions = part.keys >> _POSITION
    lacking = np.ones(len(keys), dtype=bool)
    lacking[at[known]] = False
    for row in np.flatnonzero(lacking & np.isin(keys >> _POSITION, positions)):
        a, b = np.searchsorted(positions, [keys[row] >> _POSITION, (keys[row] >> _POSITION) + 1])
        wanted = plan.alleles[_allele(keys[row])]
        near = [i for i in range(a, b) if _speaks(plan.alleles[_allele(part.keys[i])], wanted)]
        if near:
            out[row, columns] = _implied(calls[near])


def _allele(key: Any) -> int:
    return int(key) & ((1 << _POSITION) - 1)


def _implied(calls: codes.Codes) -> codes.Codes:
    """Calls of an ALT that the rows `calls` (row, sample) say nothing of: 0 on the strands that all of them tell."""
    seen = np.bitwise_or.reduce(calls, axis=0)
    single = (seen & codes.HAPLOID) & np.where(seen & codes.LOST_2, 0, codes.HAPLOID).astype(np.uint8)
    return np.asarray((seen & codes.NOTHING) | single, dtype=np.uint8)


def _speaks(own: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether a row of one allele pair tells of another's ALT: single bases of single bases, indels of indels."""
    if own[0][0] != other[0][0]:
        return False
    if NO_ALT in (own[1], other[1]):
        return True
    return (len(own[0]) == len(own[1])) == (len(other[0]) == len(other[1]))


def _share(
    plan: Plan, out: codes.Codes, clashes: npt.NDArray[np.int32], keys: Ints,
    values: Sequence[tuple[_Rows, codes.Codes]], shared: Ints,
) -> None:  # fmt: skip
    """Patients that several parts hold: as `calls.merge` joins them, contig by contig."""
    place = np.full(plan.n_patients, -1, dtype=np.int64)
    place[shared] = np.arange(len(shared))
    rank = {pair: i for i, pair in enumerate(plan.alleles)}
    for contig in np.unique(keys >> _CONTIG):
        whole = np.flatnonzero(keys >> _CONTIG == contig)
        # Rows of everybody come along without patients: of their variants, too, a part may tell something.
        parts = [Part(_calls(plan, keys[whole], np.empty((len(whole), 0), dtype=np.uint8)), shared[:0])]
        for part, calls in values:
            here = np.flatnonzero(part.keys >> _CONTIG == contig)
            own = np.flatnonzero(place[part.columns] >= 0)
            parts.append(Part(_calls(plan, part.keys[here], calls[np.ix_(here, own)]), place[part.columns[own]]))
        merged, n = merge(parts, len(shared))
        found = np.array([contig << _CONTIG | p << _POSITION | rank[r, a] for p, r, a in merged.keys], dtype=np.int64)
        at = np.searchsorted(keys, found)
        out[np.ix_(at, shared)] = codes.from_genotypes(merged.gt, merged.phased)
        clashes[at] = n


def _calls(plan: Plan, keys: Ints, calls: codes.Codes) -> Calls:
    triples = [(int((k >> _POSITION) & ((1 << 28) - 1)), *plan.alleles[_allele(k)]) for k in keys]
    return Calls(triples, ["."] * len(keys), codes.genotypes(calls), codes.phased(calls))
