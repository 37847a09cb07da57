"""Counts by site and by sample in one pass over packed genotypes (`planes`), by whole words."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np

from consilium.genomics.cohort.planes import Bits, Ints, Planes, SiteCounts, words_of

_WORDS = 1 << 13  # words of one batch of rows: a few batches stay in the processor's cache
_MOST = 255  # rows whose bits can be added up in a byte


class ColumnSums:
    """Set bits of each column over rows (row, word) that come in parts.

    Rows are added as whole words by carry-save adders (Harley and Seal's population count, doi
    10.1093/comjnl/bxx046), a batch of rows in one operation. For each power of two there is a batch of what counts so
    much and, half of the time, a carry that waits for a second one; bits are unpacked once, at the end.
    """

    def __init__(self, n_columns: int, together: int = _WORDS) -> None:
        """together: words of a batch, about."""
        self._n_columns = n_columns
        self._batch = max(1, min(_MOST, together // words_of(n_columns)))
        self._sums: list[Bits] = []  # by power of two
        self._carries: list[Bits | None] = []
        self._rest = np.empty((2 * self._batch, words_of(n_columns)), dtype=np.uint64)
        self._n_rest = 0

    def add(self, bits: Bits) -> None:
        pair, done = 2 * self._batch, 0
        while done < len(bits):
            more = bits[done : done + pair - self._n_rest]
            done += len(more)
            if len(more) < pair:
                self._rest[self._n_rest : self._n_rest + len(more)] = more
                self._n_rest = (self._n_rest + len(more)) % pair
                more = self._rest
            if not self._n_rest:
                self._add(more[: self._batch], more[self._batch :])

    def total(self) -> Ints:
        """(column,)"""
        parts = [(0, self._rest[: min(self._n_rest, self._batch)]), (0, self._rest[self._batch : self._n_rest])]
        parts += enumerate(self._sums)
        parts += [(i + 1, carry) for i, carry in enumerate(self._carries) if carry is not None]
        out = np.zeros(self._n_columns, dtype=np.int64)
        for power, bits in parts:
            single = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : self._n_columns]
            out += single.sum(axis=0, dtype=np.uint8).astype(np.int64) << power
        return out

    def _add(self, one: Bits, two: Bits, power: int = 0) -> None:
        """Two batches of rows that count 2 ** power times each."""
        if power == len(self._sums):
            self._sums.append(np.zeros_like(one))
            self._carries.append(None)
        have = self._sums[power]
        half, carry = have ^ one, have & one
        np.bitwise_xor(half, two, out=have)
        half &= two
        carry |= half
        before, self._carries[power] = self._carries[power], carry
        if before is not None:
            self._carries[power] = None
            self._add(before, carry, power + 1)


@dataclass(frozen=True)
class SampleCounts:
    """het, no_call (group, sample) over the rows of each group; carried (change, sample): het or homozygous ALT, over
    the rows of each change; alone (sample,): rows of any group whose only ALT the sample carries, once."""

    het: Ints
    no_call: Ints
    carried: Ints
    alone: Ints


@dataclass(frozen=True)
class Kinds:
    """Which kind each row is of: number (row,) from 0 to n - 1, -1 = of none."""

    number: Ints
    n: int


def count(planes: Planes, groups: Kinds, changes: Kinds, threads: int = 1) -> tuple[SiteCounts, SampleCounts]:
    """Counts of every row, and of every sample over the rows of each group and of each change."""
    by_site = np.zeros((3, planes.n_sites), dtype=np.int64)

    def work(numbers: Ints) -> SampleCounts:
        return _count_blocks(planes, numbers, groups, changes, by_site)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(work, np.array_split(np.arange(planes.n_blocks), threads)))
    by_sample = SampleCounts(*(np.sum([getattr(f, name.name) for f in found], axis=0) for name in fields(SampleCounts)))
    return SiteCounts(by_site[0], by_site[1], by_site[2], planes.n_samples), by_sample


def _count_blocks(planes: Planes, numbers: Ints, groups: Kinds, changes: Kinds, by_site: Ints) -> SampleCounts:
    """The counts by sample over some blocks; those by site (het, hom_alt, no_call) are filled into `by_site`."""
    n, width = planes.n_samples, words_of(planes.n_samples)
    sums: dict[tuple[int, int], tuple[ColumnSums, ColumnSums]] = {}  # of both planes, of what stands in both
    alone = ColumnSums(n)
    for block in map(planes.block, numbers):
        here = slice(block.start, block.start + len(block))
        group, change = groups.number[here], changes.number[here]
        lost = block.low & block.high
        n_low, n_high = np.bitwise_count(block.planes).sum(axis=2, dtype=np.uint32).T
        n_lost = np.bitwise_count(lost).sum(axis=1, dtype=np.uint32)
        by_site[:, here] = n_low - n_lost, n_high - n_lost, n_lost
        singles = np.flatnonzero((n_low - n_lost == 1) & (n_high == n_lost) & (group >= 0))
        alone.add(block.low[singles] ^ lost[singles])
        for kind, rows in _by_kind(group, change):
            both, gaps = sums.setdefault(kind, (ColumnSums(2 * 64 * width), ColumnSums(n)))
            both.add(block.planes[rows].reshape(-1, 2 * width))
            gaps.add(lost[rows])
    het, no_call, carried = (np.zeros((kinds.n, n), dtype=np.int64) for kinds in (groups, groups, changes))
    for (g, c), (both, gaps) in sums.items():
        low, high = both.total().reshape(2, -1)[:, :n]
        missing = gaps.total()
        if g >= 0:
            het[g] += low - missing
            no_call[g] += missing
        if c >= 0:
            carried[c] += low + high - 2 * missing
    return SampleCounts(het, no_call, carried, alone.total())


def _by_kind(group: Ints, change: Ints) -> Iterator[tuple[tuple[int, int], slice | Ints]]:
    """((group, change), its rows); rows of neither are left out."""
    key = (group << 32) + change + 1
    for one in sorted(set(key.tolist())):  # np.unique imports numpy's masked arrays
        g, c = one >> 32, (one & 0xFFFFFFFF) - 1
        if g >= 0 or c >= 0:
            rows = np.flatnonzero(key == one)
            yield (g, c), rows if len(rows) < len(key) else slice(None)
