"""A small likeness of an image, by which a copy is known again: re-saved, rescaled, resampled, mirrored, renamed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.registration import head_mask
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Affine, Voxels

STEP_MM = 6.0
SHAPE = (30, 36, 30)  # 180 x 216 x 180 mm around the middle of the foreground
WORK_MM = 3.0
# Of the darkest voxels, mostly air and what lies beyond the image, the order is noise: this share at least is one rank,
DARK = 0.4
AIR = 0.03  # and all that is hardly above the darkest, as a share of the range
DETAIL_STEPS = 1.0  # SD of the surroundings, in steps of the grid

Sketch = NDArray[np.float16]


def draw(voxels: Voxels, affine: Affine) -> Sketch:
    """(30, 36, 30) grey values on a 6 mm grid along the image's axes, centred on its foreground, as ranks 0..1.

    Ranks do not change under any rising map of the grey values. voxels: (x, y, z); NaN counts as 0.
    """
    coarse, grid = at_spacing(voxels, affine, WORK_MM)
    where = np.argwhere(head_mask(coarse))
    middle = grid[:3, :3] @ where.mean(axis=0) + grid[:3, 3]
    axes = grid[:3, :3] / WORK_MM * STEP_MM
    place = np.eye(4)
    place[:3, :3] = axes
    place[:3, 3] = middle - axes @ (np.array(SHAPE) - 1) / 2
    smooth = ndimage.gaussian_filter(coarse, STEP_MM / WORK_MM * 0.4)
    fill = float(coarse.min())
    small = resample(smooth, grid, np.eye(4), SHAPE, place, fill)
    order = small.ravel().argsort(kind="stable")
    ranks = np.empty(small.size, dtype=np.float32)
    ranks[order] = np.linspace(0, 1, small.size)
    darkest, bright = np.percentile(small, [100 * DARK, 99])
    ranks[small.ravel() <= max(darkest, fill + AIR * (bright - fill))] = DARK
    return ranks.reshape(SHAPE).astype(np.float16)


def detail(sketches: NDArray) -> NDArray[np.float32]:
    """Likenesses (n, x, y, z) without what is smooth in them: how the foreground departs from its surroundings.

    All heads are smooth alike; gyri, ventricles and noise are an image's own. 0 outside the foreground and at its edge.
    """
    out = np.zeros(np.shape(sketches), dtype=np.float32)
    for here, ranks in zip(out, np.asarray(sketches, dtype=np.float32), strict=True):
        inside = ranks > DARK + 0.01  # float16 rounds
        weight = ndimage.gaussian_filter(inside.astype(np.float32), DETAIL_STEPS)
        around = ndimage.gaussian_filter(ranks * inside, DETAIL_STEPS) / np.maximum(weight, 1e-3)
        here[...] = (ranks - around) * ndimage.binary_erosion(inside)
    return out


def unit(sketches: NDArray) -> NDArray[np.float32]:
    """(n, voxel) centred rows of length 1: their products are correlations."""
    rows = np.asarray(sketches, dtype=np.float32).reshape(len(sketches), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-6), dtype=np.float32)


def mirrored(sketches: NDArray) -> NDArray:
    """The same with left and right exchanged."""
    return np.asarray(sketches)[:, ::-1]
