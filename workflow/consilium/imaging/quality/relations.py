"""Do two images show the same body, the same way round? One is laid on the other as it is and mirrored left to right.

A body is nearly, not quite, symmetric. Laid on each other by rigid and affine registration (Mattes mutual information,
doi:10.1109/TMI.2003.809072), two images of one person share more information as they are than mirrored; where one
header has left and right exchanged it is the other way round. Another person's image mostly fits neither way better,
and heads differ in size, so that the affine registration stretches, which it need not for two images of one head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from consilium.imaging.brain.registration import head_mask, information
from consilium.imaging.resampling import as_transform, at_spacing, resample, to_image
from consilium.imaging.volume import Affine, Mask, Voxels

WORK_MM = 4.0
BINS = 32
RIM = 2  # voxels around the foreground that count
SURE = 0.08  # relative difference of information above which one way round is believed
STRETCH = 0.03  # ln of the largest stretch between images of one head (thick, cut, noisy or shaded ones: up to .013)


@dataclass(frozen=True)
class Relation:
    """information: shared as the headers say, 0..1; mirrored: shared with left and right of one exchanged.
    stretches: of the affine registration between them, the way round that fits better, largest first; 1 for one body
    and right headers."""

    information: float
    mirrored: float
    stretches: tuple[float, float, float]

    @property
    def preference(self) -> float:
        """-1..1: above 0 the images fit as they are, below 0 mirrored, near 0 neither better."""
        most = max(self.information, self.mirrored)
        return (self.information - self.mirrored) / most if most > 0 else 0.0

    @property
    def finding(self) -> str:
        """What is wrong, "" if the images fit as they are."""
        if np.abs(np.log(np.maximum(self.stretches, 1e-6))).max() > STRETCH:
            sizes = " x ".join(f"{s:.2f}" for s in self.stretches)
            return f"not the same head, or a wrong voxel size in one of the two: they fit only stretched by {sizes}"
        if self.preference >= SURE:
            return ""
        if self.preference <= -SURE:
            return "left and right are exchanged in one of the two, or they are of two people: they fit mirrored only"
        return "not the same head: they fit neither as they are nor mirrored"


def compare(a: Voxels, a_grid: Affine, b: Voxels, b_grid: Affine) -> Relation:
    """Both images (x, y, z) in one mm space, roughly in place (scanner or MNI)."""
    fixed, grid = at_spacing(a, a_grid, WORK_MM)
    moving, moving_grid = at_spacing(b, b_grid, WORK_MM)
    inside = np.asarray(ndimage.binary_dilation(head_mask(fixed), iterations=RIM))
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    middle = _middle(moving, moving_grid)
    flip[0, 3] = 2 * middle[0]
    straight = _shared(fixed, grid, moving, moving_grid, inside)
    mirrored = _shared(fixed, grid, moving[::-1], flip @ moving_grid @ _reversed(moving.shape[0]), inside)
    return Relation(straight[0], mirrored[0], max(straight, mirrored)[1])


def _reversed(n: int) -> Affine:
    """Voxel index of a volume reversed along x -> index before."""
    out = np.diag([-1.0, 1.0, 1.0, 1.0])
    out[0, 3] = n - 1
    return out


def _middle(voxels: Voxels, grid: Affine) -> Any:
    where = np.argwhere(head_mask(voxels)).mean(axis=0)
    return grid[:3, :3] @ where + grid[:3, 3]


def _shared(fixed: Voxels, grid: Affine, moving: Voxels, moving_grid: Affine, inside: Mask
            ) -> tuple[float, tuple[float, float, float]]:  # fmt: skip
    """(information shared after registration, stretches of it)."""
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetMetricFixedMask(to_image(inside.astype(np.uint8), grid))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([1.0, 0.0])
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.02, 60, 0.6, 1e-5)
    method.SetOptimizerScalesFromPhysicalShift()
    transform: Any = as_transform(np.eye(4))
    transform.SetCenter([float(v) for v in _middle(fixed, grid)])
    method.SetInitialTransform(transform, True)
    target, source = to_image(fixed, grid), to_image(np.ascontiguousarray(moving), moving_grid)
    try:
        method.Execute(target, source)
    except RuntimeError:  # no overlap
        return 0.0, (1.0, 1.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    moved = resample(np.ascontiguousarray(moving), moving_grid, matrix, fixed.shape, grid)
    x, y, z = (float(s) for s in np.linalg.svd(matrix[:3, :3])[1])
    scaled = fixed[inside] / max(float(np.percentile(fixed[inside], 99)), 1e-6)
    return information(moved[inside], scaled), (x, y, z)
