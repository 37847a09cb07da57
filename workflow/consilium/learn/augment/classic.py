"""Made rows without a model: noise, small movements of an image, and mixtures of two patients of one class.

All work on what a network reads (preproc.Design.network_input): tables (row, column), series (row, time, values then
masks), bags (row, instance, values then masks), volumes (row, 1, z, y, x) of z-values. A made row keeps the class of
the row it starts from, and its words and DNA.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
NOISE = 0.3  # of a column's (a volume's) SD over the training rows
TURN = 8.0  # degrees, about each axis
SHIFT = 1.0  # voxels, along each axis
GAIN = 0.1  # of an image's values
MIX = 0.4  # both parameters of the beta distribution of a mixture's weight


def spread(x: Array, layout: str, present: Array) -> Array:
    """SD to which the noise is proportional, of the present rows: by column; of a volume one number."""
    own = x[present]
    if not len(own):
        return np.zeros((), dtype=np.float32)
    if layout == "volume":
        return np.asarray(own.std(), dtype=np.float32)
    paired = layout in ("series", "bag")
    half = own[:, :, : own.shape[2] // 2] if paired else own
    axes = (0, 1) if paired else (0,)
    return np.asarray(half.std(axis=axes), dtype=np.float32)


def changed(x: Array, layout: str, sd: Array, generator: np.random.Generator) -> Array:
    """A copy of the rows with noise; volumes also turned, shifted, mirrored left to right, brightened or darkened.
    Words and DNA as they are."""
    if layout in ("words", "dna"):
        return x.copy()
    if layout == "table":
        return (x + NOISE * sd * generator.standard_normal(x.shape)).astype(np.float32)
    if layout in ("series", "bag"):
        values, seen = np.split(x, 2, axis=2)
        noisy = values + seen * NOISE * sd * generator.standard_normal(values.shape)
        return np.concatenate([noisy, seen], axis=2).astype(np.float32)
    moved = np.stack([_moved(v[0], generator) for v in x])[:, None] if len(x) else x
    gain = 1 + GAIN * generator.uniform(-1, 1, (len(x), 1, 1, 1, 1))
    return (gain * moved + NOISE * sd * generator.standard_normal(x.shape)).astype(np.float32)


def _moved(volume: Array, generator: np.random.Generator) -> Array:
    """One volume (z, y, x) turned and shifted about its middle, mirrored along x half of the time."""
    from scipy.ndimage import affine_transform

    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(generator.uniform(-TURN, TURN, 3))):
        a, b = [k for k in range(3) if k != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    if generator.random() < 0.5:
        matrix = matrix @ np.diag([1.0, 1.0, -1.0])
    middle = (np.array(volume.shape) - 1) / 2
    offset = middle - matrix @ middle + generator.uniform(-SHIFT, SHIFT, 3)
    return np.asarray(affine_transform(volume, matrix, offset, order=1, mode="constant"))


def partners(y: Array, rows: Array, generator: np.random.Generator) -> Array:
    """For each of `rows` a training row of the same class, drawn evenly (itself included)."""
    out = np.zeros(len(rows), dtype=int)
    for k in np.unique(y[rows]):
        mine = np.flatnonzero(y[rows] == k)
        out[mine] = generator.choice(np.flatnonzero(y == k), len(mine))
    return out


def mixed(x: Array, layout: str, rows: Array, others: Array, weight: Array) -> Array:
    """weight x own + (1 - weight) x other (arXiv:1710.09412, here within a class); series: where both have a
    value; bags, words and DNA, whose places mean nothing: own."""
    own, other = x[rows], x[others]
    if layout in ("bag", "words", "dna"):
        return own
    w = weight.reshape(-1, *[1] * (x.ndim - 1))
    if layout == "series":
        values, seen = np.split(own, 2, axis=2)
        theirs, seen_too = np.split(other, 2, axis=2)
        both = np.where(seen * seen_too > 0, w * values + (1 - w) * theirs, values)
        return np.concatenate([both, seen], axis=2).astype(np.float32)
    return (w * own + (1 - w) * other).astype(np.float32)
