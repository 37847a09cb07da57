"""Patients whose values are nearly the same although they have different names: copies with noise, rounding, scaling.

Values are compared as deviations from the cohort (robust z-scores per column) by their direction, rows brought to one
scale before, so that a rescaled copy is found and a common profile is not taken for likeness. Two patients are joined
if their distance is far below what either has to its other neighbours, by a factor that strangers reach less than once
in a thousand cohorts (see `_factor`). Nothing here enters a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.learn.cohort.data import Block
from consilium.learn.models.preproc import pooled, raw_table

Array = np.ndarray
MIN_ROWS = 8
MIN_COLUMNS = 10  # varying columns, and different values of a row: many people share a quiet or empty profile
MAX_COLUMNS = 2000  # fewer from 5,000 patients on: products of all pairs stay below 10^11 or so
CHUNK = 2000
KEPT = 10  # neighbours
VOLUME_CELLS = (12, 12, 12)
CLIP = 4.0
NEIGHBOUR = 5  # a copy may itself have copies: distances are held against the fifth neighbour's
FALSE_JOINS = 1e-3  # expected in a cohort of strangers
MAX_FACTOR = 0.25
MIN_DIMENSIONS = 4.0


@dataclass(frozen=True)
class Likeness:
    """Rows (of a block) that are near copies. distance: 0 = same direction of deviations, 1.41 = unrelated."""

    a: int
    b: int
    distance: float
    usual: float  # the smaller of both rows' distance to their fifth neighbour


def near_copies(block: Block) -> list[Likeness]:
    """Pairs of present rows that are near copies of each other."""
    rows = np.flatnonzero(block.present)
    if len(rows) < MIN_ROWS:
        return []
    z = deviations(_matrix(block, rows))
    used = np.flatnonzero((z**2).sum(axis=1) > 0)
    if len(used) < MIN_ROWS:
        return []
    unit = z[used] / np.sqrt((z[used] ** 2).sum(axis=1, keepdims=True))
    other, distance = _neighbours(unit)
    usual = distance[:, NEIGHBOUR - 1]
    limit = _factor(distance, len(used)) * np.minimum(usual[:, None], usual[other])
    found = {}
    for i, place in np.argwhere(distance < limit):
        j = other[i, place]
        if _broad(unit[i], unit[j]):
            pair = (int(rows[used[min(i, j)]]), int(rows[used[max(i, j)]]))
            found[pair] = Likeness(*pair, float(distance[i, place]), float(min(usual[i], usual[j])))
    return [found[pair] for pair in sorted(found)]


def _neighbours(unit: Array) -> tuple[Array, Array]:
    """(row numbers, distances) (row, KEPT) of each row's nearest others, nearest first; a chunk of rows at a time."""
    n, kept = len(unit), min(KEPT, len(unit) - 1)
    other, distance = np.zeros((n, kept), dtype=int), np.zeros((n, kept))
    for start in range(0, n, CHUNK):
        alike = unit[start : start + CHUNK] @ unit.T
        inside = np.arange(len(alike))
        alike[inside, start + inside] = -2.0  # oneself comes last
        nearest = np.argpartition(-alike, kept - 1, axis=1)[:, :kept]
        value = np.take_along_axis(alike, nearest, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        other[start : start + CHUNK] = np.take_along_axis(nearest, order, axis=1)
        distance[start : start + CHUNK] = np.sqrt(np.maximum(2 - 2 * np.take_along_axis(value, order, axis=1), 0.0))
    return other, distance


def _matrix(block: Block, rows: Array) -> Array:
    """(row, column) of values: tables and series as they are, volumes as means of boxes, others summed up."""
    if block.layout in ("bag", "words", "dna"):
        return raw_table(block.take(rows))[0]
    values = block.values[rows].astype(float)
    if block.layout == "volume":
        values = pooled(values, VOLUME_CELLS)
    return values.reshape(len(rows), -1)


def deviations(x: Array) -> Array:
    """Robust z-scores (row, column) of rows brought to one scale, 0 where missing; rows of too few values are zero."""
    seen = np.isfinite(x)
    columns = np.flatnonzero(seen.mean(axis=0) >= 0.3)
    most = max(100, min(MAX_COLUMNS, 10**7 // len(x)))
    if len(columns) > most:
        columns = columns[np.linspace(0, len(columns) - 1, most).astype(int)]
    x, seen = x[:, columns], seen[:, columns]
    middle, spread = _place_and_spread(x)
    x = x / _row_scale(x, middle, spread)
    middle, spread = _place_and_spread(x)
    good = spread > 1e-9 * np.maximum(1.0, np.abs(middle))
    if good.sum() < MIN_COLUMNS:
        return np.zeros((len(x), 0))
    x, seen, middle, spread = x[:, good], seen[:, good], middle[good], spread[good]
    z = np.where(seen, np.clip((x - middle) / spread, -CLIP, CLIP), 0.0)
    z[[len(np.unique(row[on])) < MIN_COLUMNS for row, on in zip(x, seen, strict=True)]] = 0.0
    return z


def _place_and_spread(x: Array) -> tuple[Array, Array]:
    """Median and quarter range in SD of each column, over its finite values."""
    if not x.size:
        return np.zeros(x.shape[1]), np.zeros(x.shape[1])
    low, middle, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
    return middle, (high - low) / 1.349


def _row_scale(x: Array, middle: Array, spread: Array) -> Array:
    """(row, 1): the row's median ratio to the cohort's medians, over columns whose median is far from zero; else 1."""
    far = np.flatnonzero((np.abs(middle) > 3 * spread) & (spread > 0))
    scale = np.ones((len(x), 1))
    if len(far) >= MIN_COLUMNS:
        ratio = x[:, far] / middle[far]
        rows = np.flatnonzero(np.isfinite(ratio).sum(axis=1) >= MIN_COLUMNS)
        scale[rows, 0] = np.nanmedian(ratio[rows], axis=1)
    return np.where((scale > 0.01) & (scale < 100), scale, 1.0)


def _factor(distance: Array, n: int) -> float:
    """How far below its fifth neighbour's a copy's distance must lie, from the dimension that the rows spread in.

    In d dimensions the nearest of strangers lies within a share f of the fifth's distance with probability about
    5 f^d; f is chosen so that n patients give FALSE_JOINS. d: maximum likelihood from distances to the neighbours
    (doi:10.5555/2976040.2976138), averaged as inverses; below MIN_DIMENSIONS nothing is ever joined.
    """
    # Without the nearest, which may be the copy.
    ratio = np.log(np.maximum(distance[:, -1:], 1e-12) / np.maximum(distance[:, 1:-1], 1e-12))
    inverse = float(np.median(ratio.mean(axis=1)))
    dimension = 1.0 / max(inverse, 1e-3)
    if dimension < MIN_DIMENSIONS:
        return 0.0
    return min(MAX_FACTOR, float((FALSE_JOINS / (NEIGHBOUR * n)) ** (1.0 / dimension)))


def _broad(a: Array, b: Array) -> bool:
    """Does the likeness rest on many columns? One shared outlier makes two directions equal."""
    share = np.abs(a * b)
    total = share.sum()
    return bool(total > 0 and total**2 / (share**2).sum() >= MIN_COLUMNS / 2)
