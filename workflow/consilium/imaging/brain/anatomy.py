"""One patient's brain on the template's grid: tissues, and the maps and regions where this brain has them.

The image is interpolated once, from its own voxels through the affine registration onto the template's grid; what the
affine leaves is met by carrying template and regions to the patient (deform.py), never by moving the image again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain import deform
from consilium.imaging.brain.atlas import Regions, Template, template
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.brain.tissue import Tissue, segment
from consilium.imaging.resampling import coverage, resample
from consilium.imaging.volume import Affine, Mask, Volume, Voxels


@dataclass(frozen=True)
class Anatomy:
    """moved: intensities on the template's grid before and after (`corrected`) bias correction. maps, regions: the
    patient's own after registration "deformable", the template's after "affine". field: displacement or None."""

    moved: Voxels
    corrected: Voxels
    tissue: Tissue
    maps: Template
    regions: Regions
    field: NDArray[np.float32] | None


def find(volume: Volume, alignment: Alignment, log_field: Voxels, grid: Affine, regions: Regions,
         deformable: bool) -> tuple[Anatomy | None, str]:  # fmt: skip
    """(the patient's brain, "") or (None, why not). log_field: of the bias, on `grid`."""
    if alignment.reason:
        return None, alignment.reason
    known = template()
    shape = known.brain.shape
    moved = resample(volume.voxels, volume.affine, alignment.matrix, shape, known.affine)
    bias = np.exp(resample(log_field, grid, alignment.matrix, shape, known.affine))
    corrected = (moved / bias).astype(np.float32)
    extent = np.ones(shape, dtype=bool)
    inside = coverage(volume.voxels.shape[:3], volume.affine, alignment.matrix, known.affine, extent)
    field, maps = None, known
    try:
        if deformable:
            search = deform.search_template()
            first = segment(corrected, inside & search.brain, search)
            field = deform.displacement(first.gm, first.wm, known)
            maps, regions = deform.individual(known, field), deform.carried(regions, known, field)
        tissue = segment(corrected, inside & maps.brain, maps)
    except ValueError as lack:
        return None, str(lack)
    return Anatomy(moved, corrected, tissue, maps, regions, field), ""


def native_brain(anatomy: Anatomy, alignment: Alignment, volume: Volume) -> Mask:
    """The brain mask on the image's own grid (nearest voxel through the inverse registration)."""
    mask = anatomy.maps.brain.astype(np.float32)
    back = np.asarray(np.linalg.inv(alignment.matrix), dtype=np.float64)
    found = resample(mask, anatomy.maps.affine, back, volume.voxels.shape[:3], volume.affine, 0.0, nearest=True)
    return np.asarray(found > 0.5)
