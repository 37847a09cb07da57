"""Takes the face out of head images: a region in front of and below the brain, drawn in MNI space by simple geometry.

The region is ours: everything outside the template's brain hull grown by MARGIN_MM that lies before a frontal plane,
below a plane from the forehead to the throat, or beside the brain at the height of the ears. It comes to an image by
its affine registration, so it is only as good as that; where the registration is not believed there is no region.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain import atlas
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.privacy import skull
from consilium.imaging.resampling import at_spacing
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

GRID_MM = 3.0
COARSE_MM = 4.0  # too coarse for a face
LOW, HIGH = (-130.0, -150.0, -260.0), (130.0, 190.0, 60.0)  # corners of the region's box, MNI mm
DIRECTIONS = 200
MARGIN_MM = 9.0  # around the brain: skull, and what an affine registration misses
FOREHEAD_MM = 22.0  # the region ends at this height, above the brows
FRONT_MM = 30.0  # before this (y) everything outside the brain's hull is face
EAR_MM, EAR_FRONT_MM, EAR_BACK_MM, EAR_TOP_MM = 66.0, 40.0, -62.0, 6.0
THROAT = ((60.0, -22.0), (-22.0, -92.0))  # (y, z) of two points of the plane below which jaw, mouth and throat lie


@cache
def region() -> tuple[Mask, Affine]:
    """(face region, its voxel -> MNI mm matrix)."""
    axes = [np.arange(low, high + 1, GRID_MM) for low, high in zip(LOW, HIGH, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    (y1, z1), (y0, z0) = THROAT
    slope = (z1 - z0) / (y1 - y0)
    below = (y > y0) & (z < z0 + slope * (y - y0))
    front = (y > FRONT_MM) & (z < FOREHEAD_MM)
    ears = (np.abs(x) > EAR_MM) & (y > EAR_BACK_MM) & (y < EAR_FRONT_MM) & (z < EAR_TOP_MM)
    grid = np.diag([GRID_MM] * 3 + [1.0])
    grid[:3, 3] = LOW
    return np.asarray((below | front | ears) & ~_near_brain(tuple(map(len, axes)), grid)), grid


def _near_brain(shape: tuple[int, ...], grid: Affine) -> Mask:
    """Within MARGIN_MM of the brain's hull: at most that far beyond its support in each of many directions."""
    template = atlas.coarse_template(4.0)
    points = np.argwhere(template.brain) @ template.affine[:3, :3].T + template.affine[:3, 3]
    mm = [grid[k, 3] + GRID_MM * np.arange(shape[k]) for k in range(3)]
    x, y, z = np.meshgrid(*mm, indexing="ij", sparse=True)
    near = np.ones(shape, dtype=bool)
    for u in _directions():
        near &= u[0] * x + u[1] * y + u[2] * z < (points @ u).max() + MARGIN_MM
    return near


def _directions() -> NDArray[np.float64]:
    """(DIRECTIONS, 3) unit vectors spread evenly over the sphere (Fibonacci lattice)."""
    k = np.arange(DIRECTIONS) + 0.5
    height, turn = 1 - 2 * k / DIRECTIONS, np.pi * (1 + np.sqrt(5)) * k
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)


def face(shape: tuple[int, ...], affine: Affine, alignment: Alignment) -> Mask:
    """The face region on an image's grid (three axes of `shape`). Only for an alignment that is believed."""
    from scipy import ndimage

    mask, grid = region()
    index = np.linalg.inv(grid) @ np.linalg.inv(alignment.matrix) @ affine
    moved = ndimage.affine_transform(mask.astype(np.uint8), index[:3, :3], index[:3, 3], shape[:3], order=0)
    return np.asarray(moved > 0)


def hidden(voxels: Voxels, affine: Affine, alignment: Alignment | None, fill: float | None = None) -> Voxels | None:
    """Copy of a head image (3D or 4D) with the face region set to `fill` (default: its lowest value).

    None where there is no believed registration: then nothing finer than 4 mm may be kept or drawn.
    """
    if alignment is None or alignment.reason:
        return None
    out: NDArray = np.array(voxels, copy=True)
    out[face(voxels.shape, affine, alignment)] = float(np.nanmin(voxels)) if fill is None else fill
    return out


def drawable(volume: Volume, alignment: Alignment | None, deface: bool) -> tuple[Voxels, Affine]:
    """What of a 3D image may be kept or drawn: its voxels without the face, or 4 mm ones where it cannot be found.

    alignment: of the image to the template; a CT is registered here by its skull, and one without skull is no head.
    """
    lowest = float(np.nanmin(volume.voxels))
    voxels = np.nan_to_num(volume.voxels, nan=lowest)
    if not deface:
        return voxels, volume.affine
    if volume.kind == "CT":
        alignment = skull.alignment(volume)
        if alignment is None:
            return voxels, volume.affine
    shown = hidden(voxels, volume.affine, alignment)
    return (shown, volume.affine) if shown is not None else at_spacing(voxels, volume.affine, COARSE_MM, lowest)
