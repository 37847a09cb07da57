"""Exact Shapley contributions of blocks: the shipped model accepts any subset, so every coalition can be asked."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np

Array = np.ndarray
MAX_EXACT = 12  # blocks; above it, orders are drawn
DRAWN_ORDERS = 400


def contributions(value: Callable[[Array], Array], present: Array, seed: int = 0) -> Array:
    """(block, width): share of value(present) - value(nothing) due to each block; rows sum to that difference.

    value: masks (mask, block) -> (mask, width). Absent blocks get 0. Shapley 1953; exact for up to MAX_EXACT present
    blocks, else the mean over DRAWN_ORDERS orders and their reverses.
    """
    where = np.flatnonzero(present)
    m = len(where)
    width = value(np.zeros((1, len(present)), dtype=bool)).shape[1]
    out = np.zeros((len(present), width))
    if m == 0:
        return out
    if m > MAX_EXACT:
        return _sampled(value, present, where, out, seed)
    coalitions = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
    masks = np.zeros((2**m, len(present)), dtype=bool)
    masks[:, where] = coalitions.astype(bool)
    v = value(masks)
    size = coalitions.sum(axis=1)
    weight = np.array([factorial(s) * factorial(m - s - 1) / factorial(m) if s < m else 0.0 for s in range(m + 1)])
    for i, block in enumerate(where):
        without = np.flatnonzero(coalitions[:, i] == 0)
        out[block] = (weight[size[without]][:, None] * (v[without + (1 << i)] - v[without])).sum(axis=0)
    return out


def _sampled(value: Callable[[Array], Array], present: Array, where: Array, out: Array, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(where) for _ in range(DRAWN_ORDERS)]
    orders = drawn + [o[::-1] for o in drawn]
    for order in orders:
        masks = np.zeros((len(order) + 1, len(present)), dtype=bool)
        for k, block in enumerate(order):
            masks[k + 1 :, block] = True
        out[order] += np.diff(value(masks), axis=0)
    return out / len(orders)
