"""Finds the skull's cavity in a CT and registers it to the template's brain, so that a CT's face can be taken out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.atlas import Template, coarse_template
from consilium.imaging.brain.registration import BRAIN_ML, BRAIN_SIDES_MM, STRETCH, Alignment
from consilium.imaging.resampling import at_spacing, resample, to_image
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

BONE_HU = 200.0
WORK_MM = 3.0  # grid on which bone is closed
THIN_SHARE = 0.25  # of a voxel of that grid filled with bone: the skull is thinner than the grid in places
GAP_MM = 9.0  # holes of the skull up to twice as wide are bridged; so the spinal canal is no part of the cavity
BASE_MM = -25.0  # of the template's brain only what lies above this height is compared
HIGH_PART_MM = 60.0  # of the cavity's top, from which the search starts
PITCHES = (0.0, -25.0, 25.0)  # degrees about the left-right axis tried at the start
PAD = 8
MIN_DICE = 0.8  # of the cavity with the template's brain, for the registration to be believed


def cavity(volume: Volume) -> tuple[Mask, Affine] | None:
    """(inside of the skull, its grid) of a CT, None where no bone encloses a brain's volume: not a head."""
    dense, grid = at_spacing((volume.voxels > BONE_HU).astype(np.float32), volume.affine, WORK_MM)
    bone = dense > THIN_SHARE
    steps = round(GAP_MM / WORK_MM)
    wall = ndimage.binary_dilation(bone, ndimage.generate_binary_structure(3, 2), iterations=steps)
    core = np.stack([ndimage.binary_fill_holes(wall[..., k]) for k in range(wall.shape[2])], axis=2) & ~wall
    labels, n = ndimage.label(core)
    if n == 0:
        return None
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    found = ndimage.binary_dilation(largest, ndimage.generate_binary_structure(3, 2), iterations=steps) & ~bone
    ml = float(found.sum()) * WORK_MM**3 / 1000
    sides = (np.ptp(np.argwhere(found), axis=0) + 1) * WORK_MM
    # A chest within its ribs is larger, and full of air.
    fits = BRAIN_ML[0] / 2 < ml < BRAIN_ML[1] and (sides < BRAIN_SIDES_MM).all()
    return (found, grid) if fits else None


def alignment(volume: Volume) -> Alignment | None:
    """Registration of a CT's skull cavity to the template's brain; None where the CT shows no head.

    Turned, moved and scaled alike along all axes until the upper part of the cavity (below, the skull is open) lies
    on that of the brain. `information` is the overlap (Dice) there; `reason`: why the face cannot be found.
    """
    found = cavity(volume)
    if found is None:
        return None
    template = coarse_template(4.0)
    height = template.affine[2, 3] + template.affine[2, 2] * np.arange(template.brain.shape[2])
    upper = np.broadcast_to(height > BASE_MM, template.brain.shape)
    inside, grid = np.pad(found[0], PAD), found[1].copy()  # beyond the image is outside
    grid[:3, 3] -= grid[:3, :3] @ np.full(3, PAD)
    matrix = _fitted(template, upper, inside.astype(np.float32), grid)
    moved = resample(inside.astype(np.float32), grid, matrix, upper.shape, template.affine) > 0.5
    dice = _dice(moved[upper], template.brain[upper])
    scale = float(abs(np.linalg.det(matrix[:3, :3]))) ** (1 / 3)
    reason = "" if dice >= MIN_DICE else f"the skull's inside overlaps the template's brain by {dice:.2f} only"
    if not STRETCH[0] <= scale <= STRETCH[1]:
        reason = f"the skull is {scale:.2f} times the template's size"
    return Alignment(matrix, dice, 1.0, reason)


def _dice(a: NDArray, b: NDArray) -> float:
    return 2 * float((a & b).sum()) / max(float(a.sum() + b.sum()), 1.0)


def _fitted(template: Template, upper: Mask, inside: Voxels, grid: Affine) -> Affine:
    """MNI mm -> image mm: least squares between the two shapes; the best of several pitches, made finer."""
    fixed, moving = to_image(template.brain.astype(np.float32), template.affine), to_image(inside, grid)
    mask = to_image(upper.astype(np.uint8), template.affine)
    mm = np.argwhere(inside > 0) @ grid[:3, :3].T + grid[:3, 3]
    top = mm[mm[:, 2] > mm[:, 2].max() - HIGH_PART_MM].mean(axis=0)
    brain = np.argwhere(template.brain) @ template.affine[:3, :3].T + template.affine[:3, 3]
    own = brain[brain[:, 2] > brain[:, 2].max() - HIGH_PART_MM].mean(axis=0)
    tried: list[tuple[float, int, Any]] = []
    for pitch in PITCHES:
        start = _similarity(own, top - own, pitch)
        tried.append((_improve(start, fixed, moving, mask, 3, 25), len(tried), start))
    best = min(tried, key=lambda t: t[:2])[2]
    _improve(best, fixed, moving, mask, 2, 40)
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(best.GetMatrix(), (3, 3))
    matrix[:3, 3] = best.TransformPoint((0.0, 0.0, 0.0))
    return matrix


def _similarity(centre: NDArray[np.float64], shift: NDArray[np.float64], pitch: float) -> Any:
    import SimpleITK as sitk  # noqa: N813

    transform = sitk.Similarity3DTransform()
    transform.SetCenter([float(v) for v in centre])
    transform.SetTranslation([float(v) for v in shift])
    transform.SetRotation((1.0, 0.0, 0.0), float(np.deg2rad(pitch)))
    return transform


def _improve(transform: Any, fixed: Any, moving: Any, mask: Any, shrink: int, steps: int) -> float:
    """Move `transform` to where the images agree better; their mean squared difference there. One thread."""
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMeanSquares()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([shrink])
    method.SetSmoothingSigmasPerLevel([shrink / 2])
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.02, steps, 0.6, 1e-6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # no overlap left
        return float("inf")
    return float(method.GetMetricValue())
