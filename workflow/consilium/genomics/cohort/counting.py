"""Counts by site and by sample in one pass over packed genotypes (`planes`), by whole words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np

from consilium.genomics.cohort.planes import Bits, Ints, Planes, SiteCounts, words_of

_FEW = 14  # rows that are too few to be added as words
_WORDS = 1 << 15  # words that are added together: they stay in the processor's cache


class ColumnSums:
    """Set bits of each sample over rows (row, word) that come in parts.

    Rows are added three to two (carry-save adders) as whole words. What counts 1, 2, 4, … times waits until there is
    enough of it, so that steps are few; bits are unpacked once, at the end.
    """

    def __init__(self, n_samples: int, together: int = _WORDS) -> None:
        """together: words that are added at once."""
        self._n_samples = n_samples
        self._enough = together // words_of(n_samples)
        self._waiting: list[list[Bits]] = []  # by power of two

    def add(self, bits: Bits, power: int = 0) -> None:
        """Add rows that count 2 ** power times each; `bits` is kept, and overwritten."""
        if power == len(self._waiting):
            self._waiting.append([])
        self._waiting[power].append(bits)
        if sum(map(len, self._waiting[power])) > self._enough:
            self._reduce(power)

    def total(self) -> Ints:
        """(sample,)"""
        out = np.zeros(self._n_samples, dtype=np.int64)
        power = 0
        while power < len(self._waiting):  # reducing one may make the next
            left = np.unpackbits(self._reduce(power).view(np.uint8), axis=1, bitorder="little")
            out += left[:, : self._n_samples].sum(axis=0, dtype=np.int64) << power
            power += 1
        return out

    def _reduce(self, power: int) -> Bits:
        """The few rows of this power that are left when what they carry has been handed on."""
        waiting = self._waiting[power]
        bits = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
        while len(bits) > _FEW:
            third, rest = divmod(len(bits), 3)
            a, b, c = (bits[i * third : (i + 1) * third] for i in range(3))
            half, carry = a ^ b, a & b
            np.bitwise_xor(half, c, out=a)
            half &= c
            carry |= half
            self.add(carry, power + 1)
            bits[third : third + rest] = bits[3 * third :]
            bits = bits[: third + rest]
        self._waiting[power] = [bits.copy()]
        return self._waiting[power][0]


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
    n = planes.n_samples
    hets, losses, carriers = ([ColumnSums(n) for _ in range(kinds.n)] for kinds in (groups, groups, changes))
    alone = np.zeros(n, dtype=np.int64)
    for block in map(planes.block, numbers):
        here = slice(block.start, block.start + len(block))
        carried, lost = block.low ^ block.high, block.low & block.high
        het = block.low & carried
        n_het, n_carried, n_lost = (np.bitwise_count(x).sum(axis=1, dtype=np.int64) for x in (het, carried, lost))
        by_site[:, here] = n_het, n_carried - n_het, n_lost
        group = groups.number[here]
        alone += _carriers(het[(n_het == 1) & (n_carried == 1) & (group >= 0)], n)
        _add(hets, het, group)
        _add(losses, lost, group)
        _add(carriers, carried, changes.number[here])
    return SampleCounts(_totals(hets), _totals(losses), _totals(carriers), alone)


def _totals(sums: list[ColumnSums]) -> Ints:
    return np.array([s.total() for s in sums])


def _add(sums: list[ColumnSums], bits: Bits, kinds: Ints) -> None:
    """Each row to the sum of its kind; `bits` is overwritten."""
    if len(kinds) and kinds.min() == kinds.max() >= 0:
        sums[kinds[0]].add(bits)
        return
    for kind, some in enumerate(sums):
        some.add(bits[kinds == kind])


def _carriers(bits: Bits, n_samples: int) -> Ints:
    """Rows (row, word) with one bit set each: how many are each sample's."""
    _, words = np.nonzero(bits)
    bit = np.bitwise_count(bits[bits > 0] - np.uint64(1))
    return np.bincount(64 * words + bit, minlength=n_samples)
