"""Moves volumes between grids; matrices map mm to mm (RAS), SimpleITK does the work in one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def at_spacing(voxels: Voxels, affine: Affine, spacing_mm: float, fill: float = 0.0) -> tuple[Voxels, Affine]:
    """Isotropic copy at about `spacing_mm`, smoothed against aliasing; axes keep their direction.

    The grids are parallel, so that each axis is one product with a small matrix, and the second and third see a part
    of the voxels. Equal to smoothing first and `resample` afterwards, but for rounding.
    """
    ratio = spacing_mm / voxel_size(affine)
    across, along, up = (_weights(n, float(step)) for n, step in zip(voxels.shape, ratio, strict=True))
    values = np.ascontiguousarray(_filled(voxels, fill).T)
    if fill:
        values = values - np.float32(fill)  # a background of `fill` stays exactly that
    small = np.tensordot(up, along @ (values @ across.T), 1) + np.float32(fill)
    grid = affine.copy()
    grid[:3, :3] = affine[:3, :3] * ratio
    grid[:3, 3] = affine[:3, :3] @ ((ratio - 1) / 2) + affine[:3, 3]  # keeps the corner of the first voxel
    return np.ascontiguousarray(small.T), grid


def _weights(n: int, step: float) -> Voxels:
    """(samples, n) share of each of n voxels in samples taken every `step` voxels of a line.

    Smoothed, then linear between voxels; a sample beyond the outer edges has none.
    """
    from scipy import ndimage

    line = np.eye(n)
    if step > 1:
        line = ndimage.gaussian_filter1d(line, (step - 1) * 0.45, axis=0)
    there = (np.arange(max(3, round(n / step))) + 0.5) * step - 0.5
    low = np.clip(np.floor(there), 0, max(n - 2, 0)).astype(int)
    share = np.clip(there - low, 0, 1)[:, None]
    between = line[low] * (1 - share) + line[np.minimum(low + 1, n - 1)] * share
    return np.where(there[:, None] < n - 0.5, between, 0).astype(np.float32)


def coverage(shape: tuple[int, ...], affine: Affine, matrix: Affine, grid: Affine, mask: Mask) -> Mask:
    """Voxels of `mask` (on `grid`) that lie within the image (shape, affine)."""
    whole = resample(np.ones(shape, dtype=np.float32), affine, matrix, mask.shape, grid, 0.0)
    return np.asarray(mask & (whole > 0.5))
