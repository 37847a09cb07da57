"""Two nearly identical genes side by side, people with any number of copies and hybrids, what reads show of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BASES = np.frombuffer(b"ACGT", dtype=np.uint8)


@dataclass(frozen=True)
class Twins:
    """The two sequences, and the columns of their true alignment: places in each, -1 = gap."""

    own: str
    other: str
    columns: npt.NDArray[np.int64]  # (column, 2)


@dataclass(frozen=True)
class Copy:
    """One copy of a gene: the columns before `switch` from one gene (0 own, 1 other), the rest from `then`."""

    first: int
    switch: int = 0
    then: int | None = None

    def sources(self, n: int) -> npt.NDArray[np.int64]:
        out = np.full(n, self.first)
        out[self.switch :] = self.first if self.then is None else self.then
        return out


def twins(length: int, divergence: float, rng: np.random.Generator, gc: float = 0.6) -> Twins:
    """A gene and a copy with substitutions at `divergence`, ten deletions and ten insertions of one to thirty bases."""
    own = rng.choice(BASES, length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    changed = own.copy()
    at = np.flatnonzero(rng.random(length) < divergence)
    changed[at] = BASES[(np.searchsorted(BASES, own[at]) + rng.integers(1, 4, len(at))) % 4]
    pieces: list[npt.NDArray[np.uint8]] = []
    pairs: list[tuple[int, int]] = []
    done = n = 0
    for number, place in enumerate(np.sort(rng.choice(np.arange(50, length - 100), 20, replace=False)).tolist()):
        if place < done:
            continue
        pairs += [(done + i, n + i) for i in range(place - done)]
        pieces.append(changed[done:place])
        n, done, size = n + place - done, place, int(rng.integers(1, 30))
        if number % 2:
            pairs += [(place + i, -1) for i in range(size)]
            done += size
        else:
            pairs += [(-1, n + i) for i in range(size)]
            pieces.append(rng.choice(BASES, size))
            n += size
    pairs += [(done + i, n + i) for i in range(length - done)]
    other = np.concatenate([*pieces, changed[done:]])
    return Twins(own.tobytes().decode(), other.tobytes().decode(), np.array(pairs))


def site_counts(
    pair: Twins, sites: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], copies: Sequence[Copy], depth: float,
    read_length: int, rng: np.random.Generator, error: float = 0.003, varying: float = 0.02,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:  # fmt: skip
    """Reads with the gene's and with the twin's base at each site, and bases per place of both genes together.

    `sites`: places in the gene and in the twin, 0-based inside the two sequences. A share `varying` of the sites of a
    copy carries the other gene's base, as sites that vary in people do. `depth`: of two copies.
    """
    column = np.flatnonzero(np.isin(pair.columns[:, 0], sites[0]))
    counts = np.zeros((2, len(column)), dtype=np.int64)
    bases = 0.0
    n = len(pair.columns)
    for copy in copies:
        source = copy.sources(n)[column]
        source = np.where(rng.random(len(column)) < varying, 1 - source, source)
        starts = rng.integers(-read_length + 1, n, rng.poisson(depth / 2 * (n + read_length) / read_length))
        for start in starts.tolist():
            low, high = np.searchsorted(column, (start, start + read_length))
            seen = source[low:high] ^ (rng.random(high - low) < error)
            counts[0, low:high] += seen == 0
            counts[1, low:high] += seen == 1
            bases += min(start + read_length, n) - max(start, 0)
    return counts[0], counts[1], bases / n


def window_depths(
    n: int, depth: float, rng: np.random.Generator, spread: float = 0.08, bias: float = 0.3
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(depth, GC content) of windows of 1 kb in ordinary genes: depth falls by `bias` from 40 % to 60 % GC."""
    gc = rng.uniform(0.35, 0.65, n)
    level = depth * (1 - bias * (gc - 0.4) / 0.2)
    return level * rng.lognormal(0, spread, n), gc
