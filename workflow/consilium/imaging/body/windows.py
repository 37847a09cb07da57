"""Which part of the Hounsfield scale a CT is shown in, by what is in it; a head is shown within the skull only."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from consilium.imaging.body.ct import Parts
from consilium.imaging.volume import Mask, Voxels

LUNG, SOFT, BRAIN = (-1000.0, 400.0), (-160.0, 240.0), (0.0, 80.0)  # black and white, HU
BONE_HU = 300.0
BRAIN_HU = (-20.0, 100.0)
BRAIN_ML = (300.0, 2200.0)


def within_skull(hu: Voxels, voxel_ml: float) -> Mask:
    """What bone encloses slice by slice, of a brain's density: the largest piece, or nothing where that is no brain."""
    bone = ndimage.binary_closing(hu > BONE_HU, iterations=2)
    filled = np.stack([ndimage.binary_fill_holes(bone[:, :, k]) for k in range(hu.shape[2])], axis=2)
    soft = filled & ~bone & (hu > BRAIN_HU[0]) & (hu < BRAIN_HU[1])
    pieces, n = ndimage.label(ndimage.binary_opening(soft))
    if n == 0:
        return np.zeros(hu.shape, dtype=bool)
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    small, large = BRAIN_ML
    return largest if small <= largest.sum() * voxel_ml <= large else np.zeros(hu.shape, dtype=bool)


def shown(hu: Voxels, parts: Parts, voxel_ml: float) -> tuple[Voxels, tuple[float, float]]:
    """(voxels to draw, window): lungs in the lung window, the inside of a skull in that of brain, else soft tissue."""
    if parts.lungs.any():
        return hu, LUNG
    brain = within_skull(hu, voxel_ml)
    if brain.any():
        return np.where(ndimage.binary_dilation(brain, iterations=2), hu, np.float32(-1024)), BRAIN
    return hu, SOFT
