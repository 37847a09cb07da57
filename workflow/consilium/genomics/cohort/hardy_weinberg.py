"""Exact test of Hardy-Weinberg proportions for many variants at once (DOI 10.1086/429864)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import lgamma

import numpy as np
import numpy.typing as npt

_SAME = 1e-9  # relative difference below which two probabilities count as equal
_NEGLIGIBLE = 1e-17  # of the sum so far: a term that changes nothing any more
_STRIP = 16_384  # variants summed together: their terms stay in the processor's cache
_STEPS = 16  # terms between two looks at who is done

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def exact(het: Ints, hom_a: Ints, hom_b: Ints, *, threads: int = 1) -> Floats:
    """Probability of a heterozygote count no likelier than the one seen, given the alleles; per variant.

    NaN without genotypes; 1 for a monomorphic site. Small = excess or lack of heterozygotes.
    """
    if not len(het):
        return np.empty(0)
    # Common sites have counts of their own, rare ones share a few: each triple once.
    base = int(max(het.max(), hom_a.max(), hom_b.max())) + 1
    low, high = np.minimum(hom_a, hom_b).astype(np.int64), np.maximum(hom_a, hom_b)
    keys, inverse = np.unique((low * base + het) * base + high, return_inverse=True)
    low, rest = np.divmod(keys, base * base)
    het, high = np.divmod(rest, base)
    n = het + low + high
    logs = np.array([lgamma(i + 1.0) for i in range(2 * int(n.max()) + 1)])
    p = np.ones(len(het))
    tested = np.flatnonzero(2 * low + het > 0)
    shares = [tested[i::threads] for i in range(threads)]  # neighbours take about as long
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda at: _tails(het[at], low[at], high[at], logs), shares))
    p[np.concatenate(shares)] = np.concatenate(found)
    p[n == 0] = np.nan
    return np.asarray(p[inverse.reshape(-1)])


def _tails(het: Ints, low: Ints, high: Ints, logs: Floats) -> Floats:
    """Terms from the seen count outwards, and on the other side from where terms are as small as the seen one's."""
    rare, n = 2 * low + het, het + low + high

    def log_p(h: Ints) -> Floats:
        a = (rare - h) // 2
        return np.asarray(h * np.log(2.0) - logs[a] - logs[h] - logs[n - h - a])

    seen = log_p(het)
    norm = logs[n] + logs[rare] + logs[2 * n - rare] - logs[2 * n]
    rising = 4.0 * low * high > (het + 2.0) * (het + 1.0)  # the next larger count is likelier
    side = np.where(rising, 1, -1)
    # In steps of two hets: the number of them to the end of the other side.
    last = np.where(rising, (rare - het) // 2, het // 2)
    near, far = np.zeros_like(het), last + 1  # the first step in (near, far] whose term is no larger; last + 1: none
    while (open_ := far - near > 1).any():
        middle = (near + far) // 2
        small = log_p(het + 2 * side * np.minimum(middle, last)) <= seen + _SAME
        far = np.where(open_ & small, middle, far)
        near = np.where(open_ & ~small, middle, near)
    start = het + 2 * side * np.minimum(far, last)
    there = far <= last
    total = _outwards(het, np.exp(seen + norm), -side, rare, n)
    other = np.where(there, np.exp(log_p(start) + norm), 0.0)
    return np.minimum(1.0, total + _outwards(start, other, side, rare, n))


def _outwards(start: Ints, first: Floats, side: Ints, rare: Ints, n: Ints) -> Floats:
    """Sum of the terms from count `start` (whose term is `first`) on, in the direction `side`, to the end."""
    total = first.copy()
    places = np.flatnonzero(first > 0)
    for some in np.array_split(places, -(-len(places) // _STRIP)) if len(places) else []:
        total[some] = _run(start[some], first[some], side[some] > 0, rare[some], n[some])
    return total


def _run(start: Ints, first: Floats, up: npt.NDArray[np.bool_], rare: Ints, n: Ints) -> Floats:
    """The sums of `_outwards` for some variants. A term is the last one times 4ab / ((h+2)(h+1)) upwards, times
    h(h-1) / (4(a+1)(b+1)) downwards; a, b homozygotes of either allele, h hets.

    Above and below the line stand squares of the number of steps, so both are made by adding: their first differences
    grow by 8 a step. All are whole numbers, and exact.
    """
    total = first.copy()
    places: Ints = np.arange(len(first))
    sums, term = first.copy(), first.copy()
    h = start.astype(np.float64)
    a = (rare - h) / 2
    b = n - h - a
    above = np.where(up, 4 * a * b, h * (h - 1))
    more_above = np.where(up, 4 * (1 - a - b), 6 - 4 * h)
    below = np.where(up, (h + 2) * (h + 1), 4 * (a + 1) * (b + 1))
    more_below = np.where(up, 4 * h + 10, 4 * (a + b + 3))
    while len(places):
        ratio = np.empty_like(term)
        for _ in range(_STEPS):
            np.divide(above, below, out=ratio)
            term *= ratio
            sums += term
            above += more_above
            more_above += 8
            below += more_below
            more_below += 8
        total[places] = sums
        keep = np.flatnonzero(term > _NEGLIGIBLE * sums)
        places, sums, term = places[keep], sums[keep], term[keep]
        above, more_above, below, more_below = above[keep], more_above[keep], below[keep], more_below[keep]
    return total
