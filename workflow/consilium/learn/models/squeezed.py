"""Columns of numbers are squeezed before anything is fitted to them, so that long tails do not pull a linear model.

u = arcsinh((x - median) / a), a being the median distance of the values that differ from the median: linear near the
median, logarithmic far from it, on both sides. Unlike a logarithm it needs no constant added where values may be zero
or negative (doi:10.1080/01621459.1988.10478575).
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
MIN_VALUES = 9  # that differ: a flag or a grade stays as it is


def scale(values: Array, median: Array) -> Array:
    """(column,): a of every column of `values` (row, column; NaN = no value), in its unit; 0 = stays as it is."""
    if not values.size:
        return np.zeros(values.shape[1])
    away = np.abs(values - median)
    away[~(away > 0)] = np.inf
    away.sort(axis=0)
    n = np.isfinite(away).sum(axis=0)
    middle = np.stack([np.maximum(n - 1, 0) // 2, n // 2])
    typical = np.take_along_axis(away, middle, axis=0).mean(axis=0)
    different = 1 + (np.diff(np.sort(values, axis=0), axis=0) > 0).sum(axis=0)
    return np.where(different >= MIN_VALUES, typical, 0.0)


def squeezed(values: Array, median: Array, scale: Array) -> Array:
    bent = np.arcsinh((values - median) / np.where(scale > 0, scale, 1.0))
    return np.where(scale > 0, bent, values)


def stretched(values: Array, median: Array, scale: Array) -> Array:
    """Squeezed values as they were."""
    return np.where(scale > 0, median + scale * np.sinh(np.where(scale > 0, values, 0.0)), values)
