"""Genomic control: how much larger the test statistics are in the middle than chance makes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BLOCK = 5_000_000  # bp: variants nearer than this may tell of the same haplotypes
_REPEATS = 400
_MIN_BLOCKS = 20


def inflation(
    p: Floats, chrom: npt.NDArray[np.int64], pos: npt.NDArray[np.int64], seed: int
) -> tuple[float, float, float]:
    """(lambda, 95 % interval) of Devlin and Roeder (DOI 10.1111/j.0006-341X.1999.00997.x): median chi-square over its
    expectation.

    Interval: percentiles over resampled blocks of BLOCK bp, as neighbours are not independent. NaN without p values;
    the interval is NaN under 20 blocks.
    """
    from scipy.special import chdtri

    known = np.flatnonzero(np.isfinite(p) & (p > 0))
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    expected = float(chdtri(1, 0.5))
    chi = chdtri(1, p[known])
    order = np.argsort(chi, kind="stable")
    chi = chi[order] / expected
    _, block = np.unique(np.stack([chrom[known], pos[known] // BLOCK]), axis=1, return_inverse=True)
    block = block.ravel()[order]
    middle = float(np.median(chi))
    n_blocks = int(block.max()) + 1
    if n_blocks < _MIN_BLOCKS:
        return middle, float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    found = np.empty(_REPEATS)
    for i in range(_REPEATS):
        weight = np.cumsum(np.bincount(rng.integers(0, n_blocks, n_blocks), minlength=n_blocks)[block])
        found[i] = chi[min(np.searchsorted(weight, weight[-1] / 2), len(chi) - 1)]
    low, high = np.quantile(found, [0.025, 0.975])
    return middle, float(low), float(high)
