"""The 16 features that run length, size zone, distance zone and dependence matrices share (IBSI 3.7 to 3.9, 3.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics.prepare import Reals

ORDER = (
    "short", "long", "low", "high", "short_low", "short_high", "long_low", "long_high", "level_nonuniformity",
    "level_nonuniformity_norm", "size_nonuniformity", "size_nonuniformity_norm", "percentage", "level_variance",
    "size_variance", "entropy", "energy",
)  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """Matrices as lists of their non-zero cells. group: which matrix; level, size: row and column, from 1; count: what
    stands there. n_voxels: (matrix) voxels of the region that a matrix could at most count."""

    group: NDArray[np.int64]
    level: NDArray[np.int64]
    size: NDArray[np.int64]
    count: NDArray[np.int64]
    n_voxels: Reals


def gather(group: NDArray, level: NDArray, size: NDArray, n_voxels: Reals) -> Cells:
    """Cells from single runs, zones or voxels (count 1 each)."""
    wide, deep = int(size.max()) + 1, int(level.max()) + 1
    key = (group.astype(np.int64) * deep + level) * wide + size
    if len(n_voxels) * deep * wide <= 4 * key.size + 100_000:
        dense = np.bincount(key)
        found = np.flatnonzero(dense)
        count = dense[found]
    else:
        found, count = np.unique(key, return_counts=True)
    rest, sizes = np.divmod(found, wide)
    groups, levels = np.divmod(rest, deep)
    return Cells(groups, levels, sizes, count, n_voxels)


def features(cells: Cells) -> dict[str, Reals]:
    """Feature -> value of each matrix; NaN for a matrix without any entry."""
    n = len(cells.n_voxels)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.bincount(cells.group, weights=cells.count, minlength=n)
        total[total == 0] = np.nan

        def mean(values: NDArray) -> Reals:
            return np.bincount(cells.group, weights=values * cells.count, minlength=n) / total

        level, size = cells.level.astype(np.float64), cells.size.astype(np.float64)
        low, high, short, long = level**-2, level**2, size**-2, size**2
        by_level = _margin(cells, cells.level, n)
        by_size = _margin(cells, cells.size, n)
        p = cells.count / total[cells.group]
        nothing = 0.0 * total  # NaN for a matrix without any entry
        values = (
            mean(short), mean(long), mean(low), mean(high), mean(short * low), mean(short * high), mean(long * low),
            mean(long * high), by_level / total, by_level / total**2, by_size / total, by_size / total**2,
            total / cells.n_voxels, mean(high) - mean(level) ** 2, mean(long) - mean(size) ** 2,
            -np.bincount(cells.group, weights=p * np.log2(p), minlength=n) + nothing,
            np.bincount(cells.group, weights=p**2, minlength=n) + nothing,
        )  # fmt: skip
    return dict(zip(ORDER, values, strict=True))


def _margin(cells: Cells, index: NDArray[np.int64], n: int) -> Reals:
    """Sum over rows (or columns) of the squared marginal count, per matrix."""
    wide = int(index.max()) + 1
    margin = np.bincount(cells.group * wide + index, weights=cells.count, minlength=n * wide)
    return np.asarray((margin.reshape(n, wide) ** 2).sum(axis=1))
