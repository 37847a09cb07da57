"""From an image in its own space to the grid on which networks learn, and back; and the intensity scale there.

The grid keeps the image's slices (along z, towards the head) and resamples within the slice only: pixels of one size,
the same number of rows and columns for everybody, centred on the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.imaging.resampling import resample
from consilium.imaging.volume import Affine, Voxels, voxel_size

CLIP = 6.0  # in units of the scale: what lies beyond is drawn in
CT_CENTRE, CT_SCALE = -300.0, 500.0  # HU: air becomes -1.4, soft tissue 0.7
KEPT = 0.01  # relative difference of pixel size up to which pixels are taken as they are
FOREGROUND = 0.1  # of the 99.5th percentile: darker is air
DEPTH_MM = 20.0  # below the skin, within the slice: deeper lies the brain, without scalp and marrow
NDArray = np.ndarray


@dataclass(frozen=True)
class Grid:
    """pixels: rows and columns. pixel_mm: their size."""

    pixels: int
    pixel_mm: float

    def affine(self, shape: tuple[int, ...], affine: Affine) -> Affine:
        """Affine of the grid for an image of `shape`: its axes and slices, centred within the slice.

        Where pixel sizes agree to 1 % the grid lies on the image's own pixels, so that nothing is interpolated.
        """
        ratio = self.pixel_mm / voxel_size(affine)[:2]
        kept = bool(np.abs(ratio - 1).max() < KEPT)
        ratio = np.ones(2) if kept else ratio
        first = (np.array(shape[:2]) - 1) / 2 - (self.pixels - 1) / 2 * ratio
        first = np.floor(first) if kept else first
        out = affine.copy()
        out[:3, :2] = affine[:3, :2] * ratio
        out[:3, 3] = affine[:3, :2] @ first + affine[:3, 3]
        return out

    def take(self, voxels: Voxels, affine: Affine, fill: float, nearest: bool = False) -> NDArray:
        """(x, y, z) voxels -> (slice, row, column) on the grid; `fill` outside the image."""
        shape = (self.pixels, self.pixels, voxels.shape[2])
        there = self.affine(voxels.shape, affine)
        return resample(voxels, affine, np.eye(4), shape, there, fill, nearest).T

    def put_back(self, array: NDArray, shape: tuple[int, ...], affine: Affine) -> Voxels:
        """(slice, row, column) on the grid -> (x, y, z) on the image of `shape`; 0 where the grid does not reach."""
        return resample(array.T, self.affine(shape, affine), np.eye(4), shape[:3], affine)


def scaled(voxels: Voxels, kind: str, pixel_mm: float) -> Voxels:
    """Intensities as the networks see them: mean of the tissue deep in the head 0, its SD 1; CT by HU.

    Fitted within the image only. NaN become the darkest value of the image. pixel_mm: size within the slice (x, y).
    """
    low = float(np.nanmin(voxels))
    filled = np.nan_to_num(voxels, nan=low)
    if kind == "CT":
        centre, scale = CT_CENTRE, CT_SCALE
    else:
        tissue = filled[deep(filled, pixel_mm)]
        centre, scale = (float(tissue.mean()), float(tissue.std())) if tissue.size else (0.0, 0.0)
        scale = max(scale, 1e-6 * max(abs(centre), 1.0))
    return np.clip((filled - centre) / scale, -CLIP, CLIP).astype(np.float32)


def deep(voxels: Voxels, pixel_mm: float) -> NDArray:
    """Foreground DEPTH_MM from the air; where there is none (a small or cropped object), the whole foreground.

    The bright scalp and its share of the image differ between scanners and fields of view, the brain's own spread
    less: with it, lesions lie above other patients' normal tissue more often (measured: docs/methods).
    """
    from scipy import ndimage

    low = float(voxels.min())
    bright = voxels > low + FOREGROUND * (np.percentile(voxels, 99.5) - low)
    inside = np.zeros(bright.shape, dtype=bool)
    for z in range(bright.shape[2]):  # holes are filled by slice: the ventricles and sinuses are no air outside
        body = ndimage.binary_fill_holes(ndimage.binary_opening(bright[..., z]))
        inside[..., z] = ndimage.distance_transform_edt(body, sampling=pixel_mm) > DEPTH_MM
    inside &= bright
    return inside if inside.any() else bright
