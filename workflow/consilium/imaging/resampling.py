"""Moves volumes between grids; matrices map mm to mm (RAS), SimpleITK does the work in one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Affine, Mask, Voxels, voxel_size


def to_image(voxels: Any, affine: Affine) -> Any:
    """SimpleITK image whose physical space is RAS mm (SimpleITK itself is indifferent to the convention)."""
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    sizes = voxel_size(affine)
    image.SetSpacing([float(s) for s in sizes])
    image.SetOrigin([float(v) for v in affine[:3, 3]])
    image.SetDirection([float(v) for v in (affine[:3, :3] / sizes).ravel()])
    return image


def from_image(image: Any) -> Voxels:
    import SimpleITK as sitk  # noqa: N813

    return np.asarray(sitk.GetArrayFromImage(image).T, dtype=np.float32)


def as_transform(matrix: Affine) -> Any:
    import SimpleITK as sitk  # noqa: N813

    transform = sitk.AffineTransform(3)
    transform.SetMatrix([float(v) for v in matrix[:3, :3].ravel()])
    transform.SetTranslation([float(v) for v in matrix[:3, 3]])
    return transform


def resample(voxels: Voxels, affine: Affine, matrix: Affine, shape: tuple[int, ...], grid: Affine, fill: float = 0.0,
             nearest: bool = False) -> Voxels:  # fmt: skip
    """Values of (voxels, affine) on the grid (shape, grid); `matrix` maps grid mm -> image mm; `fill` outside."""
    import SimpleITK as sitk  # noqa: N813

    how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    source = to_image(_filled(voxels, fill), affine)
    sizes = voxel_size(grid)
    moved = sitk.Resample(
        source, [int(n) for n in shape], as_transform(matrix), how, [float(v) for v in grid[:3, 3]],
        [float(s) for s in sizes], [float(v) for v in (grid[:3, :3] / sizes).ravel()], float(fill),
    )  # fmt: skip
    return from_image(moved)


def _filled(voxels: Voxels, fill: float) -> Voxels:
    """float32 with `fill` where there is no value; the array itself where nothing is missing."""
    values = np.asarray(voxels, dtype=np.float32)
    missing = np.isnan(values)
    return np.where(missing, np.float32(fill), values) if missing.any() else values


def _smoothed(voxels: Voxels, sigma: NDArray[np.float64]) -> Voxels:
    """ndimage.gaussian_filter, to the bit, in the order of axes in which SimpleITK wants the voxels afterwards."""
    from scipy import ndimage

    lines = voxels.T
    for axis, width in enumerate(sigma):
        if width > 0:
            lines = ndimage.gaussian_filter1d(lines, float(width), axis=2 - axis)
    return np.asarray(lines.T)


def at_spacing(voxels: Voxels, affine: Affine, spacing_mm: float, fill: float = 0.0) -> tuple[Voxels, Affine]:
    """Isotropic copy at about `spacing_mm`, smoothed against aliasing; axes keep their direction."""
    sizes = voxel_size(affine)
    shape = tuple(max(3, round(float(n * s) / spacing_mm)) for n, s in zip(voxels.shape, sizes, strict=True))
    smooth = _smoothed(_filled(voxels, fill), np.maximum(spacing_mm / sizes - 1, 0) * 0.45)
    grid = affine.copy()
    grid[:3, :3] = affine[:3, :3] / sizes * spacing_mm
    shift = (spacing_mm / sizes - 1) / 2  # keeps the corner of the first voxel
    grid[:3, 3] = affine[:3, :3] @ shift + affine[:3, 3]
    return resample(smooth, affine, np.eye(4), shape, grid, fill), grid


def coverage(shape: tuple[int, ...], affine: Affine, matrix: Affine, grid: Affine, mask: Mask) -> Mask:
    """Voxels of `mask` (on `grid`) that lie within the image (shape, affine)."""
    whole = resample(np.ones(shape, dtype=np.float32), affine, matrix, mask.shape, grid, 0.0)
    return np.asarray(mask & (whole > 0.5))
