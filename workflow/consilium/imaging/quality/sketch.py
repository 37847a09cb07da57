"""A small likeness of an image, by which a copy is known again: re-saved, rescaled, resampled, mirrored, renamed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.registration import head_mask
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Affine, Voxels, voxel_size

STEP_MM = 6.0
SHAPE = (30, 36, 30)  # 180 x 216 x 180 mm around the middle of the foreground
WORK_MM = 3.0
FINE_MM = 2.0  # finer voxels are joined first, for speed
SMOOTH_MM = 3.3  # SD
ROUNDS = 3  # until the foreground hardly depends on how the grey values were bent
FOREGROUND = 0.05  # level from which on a point of the likeness lies in the foreground
DETAIL_STEPS = 0.8  # SD of the surroundings, in steps of the grid

Sketch = NDArray[np.float16]


def draw(voxels: Voxels, affine: Affine) -> Sketch:
    """(30, 36, 30) levels on a 6 mm grid along the image's axes, centred on its foreground.

    A voxel's level is the share of the foreground that is darker: 0 in air, 1 in the brightest. It is taken before
    anything is smoothed, and so does not change under a rising map of the grey values. voxels: (x, y, z); NaN counts
    as 0.
    """
    if voxel_size(affine).max() < FINE_MM:
        voxels, affine = at_spacing(voxels, affine, FINE_MM)
    coarse, grid = at_spacing(voxels, affine, WORK_MM)
    mask = head_mask(coarse)
    for _ in range(ROUNDS):
        mask = head_mask(_levels(voxels, affine, coarse[mask]))
    middle = grid[:3, :3] @ np.argwhere(mask).mean(axis=0) + grid[:3, 3]
    place = np.eye(4)
    place[:3, :3] = grid[:3, :3] / WORK_MM * STEP_MM
    place[:3, 3] = middle - place[:3, :3] @ (np.array(SHAPE) - 1) / 2
    smooth = ndimage.gaussian_filter(_levels(voxels, affine, coarse[mask]), SMOOTH_MM / WORK_MM)
    return resample(smooth, grid, np.eye(4), SHAPE, place).astype(np.float16)


def _levels(voxels: Voxels, affine: Affine, foreground: Voxels) -> Voxels:
    """Share of `foreground` that is darker, of each voxel; at WORK_MM."""
    shares = np.linspace(0, 1, 129)
    limits, first = np.unique(np.quantile(foreground, shares), return_index=True)
    return at_spacing(np.interp(voxels, limits, shares[first]).astype(np.float32), affine, WORK_MM)[0]


def detail(sketches: NDArray) -> NDArray[np.float32]:
    """Likenesses (n, x, y, z) without what is smooth in them: how the foreground departs from its surroundings.

    All heads are smooth alike; gyri, ventricles and noise are an image's own. 0 outside the foreground and at its edge.
    """
    out = np.zeros(np.shape(sketches), dtype=np.float32)
    for here, levels in zip(out, np.asarray(sketches, dtype=np.float32), strict=True):
        inside = levels > FOREGROUND
        weight = ndimage.gaussian_filter(inside.astype(np.float32), DETAIL_STEPS)
        around = ndimage.gaussian_filter(levels * inside, DETAIL_STEPS) / np.maximum(weight, 1e-3)
        here[...] = (levels - around) * ndimage.binary_erosion(inside)
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
