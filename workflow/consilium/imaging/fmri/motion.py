"""Head motion of an fMRI series: rigid realignment of every volume to a reference by linearised least squares.

Gauss-Newton on the intensity difference, as in Friston et al. 1995 (doi:10.1002/hbm.460030303), over the head's
voxels. Few numbers per volume, no random start; one volume in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.volume import Affine, Mask, Voxels, voxel_size

STEPS = 3
MAX_VOXELS = 8000  # used in the fit, evenly taken
MARGIN = 4  # voxels around the head that smoothing and motion may reach
SMOOTH = 0.7  # voxels
RADIUS_MM = 50.0  # of the sphere on which rotations count as displacement (Power et al. 2012)


@dataclass(frozen=True)
class Motion:
    """parameters: (time, 6) three translations in mm and three rotations in radians about `centre` (mm of the voxel
    grid), relative to the median position. displacement: (time,) framewise displacement in mm, the first 0."""

    parameters: NDArray[np.float64]
    displacement: NDArray[np.float64]
    centre: NDArray[np.float64]


def framewise_displacement(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of absolute changes, rotations on a 50 mm sphere; lower is better (doi:10.1016/j.neuroimage.2011.10.018)."""
    change = np.abs(np.diff(parameters, axis=0, prepend=parameters[:1]))
    return np.asarray(change[:, :3].sum(axis=1) + RADIUS_MM * change[:, 3:].sum(axis=1))


def estimate(volumes: Iterable[Voxels], reference: Voxels, affine: Affine, mask: Mask) -> Motion:
    """Motion of (x, y, z) volumes against `reference`, seen in the voxels of `mask`."""
    size = voxel_size(affine)
    box = _box(mask)
    smooth = ndimage.gaussian_filter(reference[box], SMOOTH)
    where = np.argwhere(mask[box])
    where = where[:: max(1, len(where) // MAX_VOXELS)].T
    mm = where * size[:, None]
    centre = mm.mean(axis=1, keepdims=True)
    slope = np.stack([np.gradient(smooth, axis=a)[tuple(where)] / size[a] for a in range(3)])
    design = np.vstack([slope, np.cross((mm - centre).T, slope.T).T])
    inverse = np.linalg.pinv(np.vstack([design, smooth[tuple(where)][None]]).T)  # the last: overall scale
    target = smooth[tuple(where)]
    guess, rows = np.zeros(6), []
    for volume in volumes:
        guess = _fit(ndimage.gaussian_filter(volume[box], SMOOTH), target, mm, centre, size, inverse, guess)
        rows.append(guess)
    parameters = np.array(rows) - np.median(rows, axis=0)
    corner = np.array([b.start for b in box]) * size
    return Motion(parameters, framewise_displacement(parameters), centre[:, 0] + corner)


def _box(mask: Mask) -> tuple[slice, slice, slice]:
    """The mask's bounding box and MARGIN."""
    where = np.argwhere(mask)
    low, high = np.maximum(where.min(axis=0) - MARGIN, 0), where.max(axis=0) + MARGIN + 1
    x, y, z = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return x, y, z


def _fit(volume: Voxels, target: NDArray, mm: NDArray, centre: NDArray, size: NDArray, inverse: NDArray,
         start: NDArray) -> NDArray:  # fmt: skip
    guess = start.copy()
    for _ in range(STEPS):
        moved = _rotation(guess[3:]) @ (mm - centre) + centre + guess[:3, None]
        values = ndimage.map_coordinates(volume, moved / size[:, None], order=1, mode="nearest")
        step = inverse @ (target - values)
        guess = guess + step[:6]
    return guess


def _rotation(angles: NDArray) -> NDArray:
    """Small rotations about x, y, z (vector of Rodrigues)."""
    angle = float(np.linalg.norm(angles))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = angles / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def followed(volumes: Iterable[Voxels], affine: Affine, motion: Motion, mask: Mask) -> Iterator[NDArray[np.float32]]:
    """(voxel,) values of each volume where the voxels of `mask` have moved to (linear interpolation)."""
    size = voxel_size(affine)[:, None]
    mm = np.argwhere(mask).T * size - motion.centre[:, None]
    for volume, guess in zip(volumes, motion.parameters, strict=True):
        moved = _rotation(guess[3:]) @ mm + (motion.centre + guess[:3])[:, None]
        yield ndimage.map_coordinates(volume, moved / size, order=1, mode="nearest", output=np.float32)
