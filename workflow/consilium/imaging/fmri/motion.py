"""Head motion of an fMRI series: rigid realignment of every volume to a reference by linearised least squares.

Gauss-Newton on the intensity difference, as in Friston et al. 1995 (doi:10.1002/hbm.460030303), over the head's
voxels. Few numbers per volume, no random start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.volume import Affine, Mask, Voxels, voxel_size

STEPS = 3
MAX_VOXELS = 8000  # used in the fit, evenly taken
RADIUS_MM = 50.0  # of the sphere on which rotations count as displacement (Power et al. 2012)


@dataclass(frozen=True)
class Motion:
    """parameters: (time, 6) three translations in mm and three rotations in radians, relative to the reference.
    displacement: (time,) framewise displacement in mm, the first 0."""

    parameters: NDArray[np.float64]
    displacement: NDArray[np.float64]
    reference: Voxels


def framewise_displacement(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of absolute changes, rotations on a 50 mm sphere; lower is better (doi:10.1016/j.neuroimage.2011.10.018)."""
    change = np.abs(np.diff(parameters, axis=0, prepend=parameters[:1]))
    return np.asarray(change[:, :3].sum(axis=1) + RADIUS_MM * change[:, 3:].sum(axis=1))


def estimate(series: Voxels, affine: Affine, mask: Mask) -> Motion:
    """Motion of a (x, y, z, time) series against the voxelwise median volume."""
    size = voxel_size(affine)
    reference = np.median(series, axis=3).astype(np.float32)
    smooth = ndimage.gaussian_filter(reference, 0.7)
    where = np.argwhere(mask)
    where = where[:: max(1, len(where) // MAX_VOXELS)].T
    mm = where * size[:, None]
    centre = mm.mean(axis=1, keepdims=True)
    slope = np.stack([np.gradient(smooth, axis=a)[tuple(where)] / size[a] for a in range(3)])
    design = np.vstack([slope, np.cross((mm - centre).T, slope.T).T])
    inverse = np.linalg.pinv(np.vstack([design, smooth[tuple(where)][None]]).T)  # the last: overall scale
    target = smooth[tuple(where)]
    parameters = np.zeros((series.shape[3], 6))
    guess = np.zeros(6)
    for t in range(series.shape[3]):
        volume = ndimage.gaussian_filter(series[..., t], 0.7)
        guess = _fit(volume, target, mm, centre, size, inverse, guess)
        parameters[t] = guess
    parameters -= np.median(parameters, axis=0)
    return Motion(parameters, framewise_displacement(parameters), reference)


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


def realigned(series: Voxels, affine: Affine, motion: Motion) -> Voxels:
    """Every volume moved back onto the reference (linear interpolation)."""
    size = voxel_size(affine)
    shape = np.array(series.shape[:3])
    centre = (shape - 1) * size / 2
    out = np.empty_like(series)
    for t in range(series.shape[3]):
        turn = _rotation(motion.parameters[t, 3:])
        shift = centre + motion.parameters[t, :3] - turn @ centre
        matrix = turn * size[None, :] / size[:, None]
        out[..., t] = ndimage.affine_transform(series[..., t], matrix, shift / size, order=1, mode="nearest")
    return out
