"""What the affine registration leaves: a smooth displacement that brings the template's maps to one patient's brain.

Symmetric-forces demons (Thirion 1998, doi:10.1016/S1361-8415(98)80022-4; Vercauteren et al. 2009,
doi:10.1016/j.neuroimage.2008.10.040) from coarse to fine between tissue maps, not intensities: the same for T1, T2 and
FLAIR, and blind to the bias field. The image itself is never moved by it: the maps go to the patient, so that no
volume is lost or gained, and the image is interpolated once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.atlas import GRID_MM, Regions, Template, template
from consilium.imaging.resampling import at_spacing, to_image
from consilium.imaging.volume import Mask, Voxels

LEVELS = ((8.0, 40), (5.0, 20), (3.0, 10))  # (grid in mm, iterations); more iterations gain .01 of Dice at most
SMOOTH_VOXELS = 1.5  # Gaussian on the displacement after every iteration
GREY = 0.6  # contrast of the maps: white matter 1, CSF and everything else 0
RIM_MM = 6.0  # a brain may reach this far beyond the template's after the affine step
PRIOR_MM = 4.0  # Gaussian sigma on the priors of the first segmentation: nobody's gyri lie where the template's do


@cache
def search_template() -> Template:
    """The template with blurred maps and a rim around its brain: what a brain is looked for with."""
    known = template()
    rim = ndimage.binary_dilation(known.brain, iterations=round(RIM_MM / GRID_MM))
    gm, wm = (ndimage.gaussian_filter(m, PRIOR_MM / GRID_MM) for m in (known.gm, known.wm))
    return replace(known, gm=gm, wm=wm, brain=rim)


def displacement(gm: Voxels, wm: Voxels, known: Template) -> NDArray[np.float32]:
    """(3, x, y, z) mm: the point x of the patient (affine-registered, on the template's grid) is x + u of the template.

    gm, wm: the patient's maps 0..1 on that grid. Repeatable to the bit: one thread, nothing at random.
    """
    import SimpleITK as sitk  # noqa: N813

    fixed, moving = (w + GREY * g for g, w in ((gm, wm), (known.gm, known.wm)))
    found: Any = None
    for spacing, steps in LEVELS:
        (coarse, grid), (target, _) = (at_spacing(m, known.affine, spacing) for m in (fixed, moving))
        image = to_image(coarse, grid)
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfThreads(1)
        demons.SetNumberOfIterations(steps)
        demons.SetStandardDeviations(SMOOTH_VOXELS)
        demons.SetSmoothDisplacementField(True)
        start = [_on(found, image)] if found is not None else []
        found = demons.Execute(image, to_image(target, grid), *start)
    field = sitk.GetArrayFromImage(_on(found, to_image(known.t1, known.affine))).T
    return np.ascontiguousarray(field, dtype=np.float32)


def _on(field: Any, image: Any) -> Any:
    """A displacement field on the grid of another image."""
    import SimpleITK as sitk  # noqa: N813

    return sitk.Resample(field, image, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64)


def individual(known: Template, field: NDArray[np.float32]) -> Template:
    """The template's maps where this patient's brain has them, on the same grid."""
    where = _points(known, field)
    t1, gm, wm, brain = (_pulled(m.astype(np.float32), where, 1) for m in (known.t1, known.gm, known.wm, known.brain))
    return Template(t1, gm, wm, _solid(brain > 0.5), known.affine)


def carried(regions: Regions, known: Template, field: NDArray[np.float32]) -> Regions:
    """The regions where this patient's brain has them; the centres stay those of the atlas."""
    return replace(regions, labels=_pulled(regions.labels, _points(known, field), 0))


def fold_share(field: NDArray[np.float32], brain: Mask) -> float:
    """Share of the brain's voxels at which space is folded (determinant of the Jacobian not above 0): lower is
    better."""
    slopes = np.stack([np.stack(np.gradient(field[k] / GRID_MM), axis=-1) for k in range(3)], axis=-2)
    return float((np.linalg.det(slopes[brain] + np.eye(3)) <= 0).mean())


def _points(known: Template, field: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, x, y, z) voxel coordinates on the template at which each voxel of the patient's grid lies."""
    moved = np.tensordot(np.linalg.inv(known.affine[:3, :3]).astype(np.float32), field, 1)
    return np.asarray(moved + np.indices(known.brain.shape, dtype=np.float32))


def _pulled(values: NDArray, where: NDArray[np.float32], order: int) -> NDArray:
    return ndimage.map_coordinates(values, where, order=order, mode="constant")


def _solid(brain: Mask) -> Mask:
    """The largest piece."""
    pieces, n = ndimage.label(brain)
    return np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))) if n > 1 else brain
