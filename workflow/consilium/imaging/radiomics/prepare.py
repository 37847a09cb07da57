"""From an image and a mask to a region ready to be measured: grid, rounding, resegmentation, grey levels.

Steps and their order: IBSI reference manual (arXiv:1612.07003v11), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.volume import Mask

Reals = NDArray[np.float64]
MARGIN_MM = 10.0  # kept around the mask: the sphere of the local intensity peak reaches 6.2 mm
SUPPORT = 12  # voxels around the cut that a cubic spline still feels (its filter falls by .27 a voxel)


@dataclass(frozen=True)
class Settings:
    """How a region is prepared.

    spacing_mm: voxel size of the new grid along x, y, z; 0 keeps that axis; None keeps the grid. order: 1 linear,
    3 cubic spline. whole_units: round intensities (CT after interpolation). range: intensities outside leave the
    intensity mask. sigmas: so do those further from the mean than this many standard deviations (0: none leave).
    bins: fixed number of grey levels; or, if 0, bin_size: fixed width from `origin` (None: from the lower end of
    `range`, else from the smallest intensity). discrete: intensities are whole numbers of a calibrated unit.
    """

    spacing_mm: tuple[float, float, float] | None = None
    order: int = 1
    whole_units: bool = False
    range: tuple[float, float] | None = None
    sigmas: float = 0.0
    bins: int = 0
    bin_size: float = 0.0
    origin: float | None = None
    discrete: bool = False


@dataclass(frozen=True)
class Region:
    """voxels: (x, y, z) intensities around the region. shape: its mask. inside: its mask for intensities (a part of
    `shape`). spacing: voxel size in mm. discrete: see Settings."""

    voxels: Reals
    shape: Mask
    inside: Mask
    spacing: Reals
    discrete: bool = False

    @cached_property
    def values(self) -> Reals:
        """Intensities of the region, one a voxel."""
        return self.voxels[self.inside]


def box(mask: Mask, margin: NDArray[np.intp] | tuple[int, ...]) -> tuple[slice, slice, slice]:
    """Slices of the smallest box around a mask (not empty), `margin` voxels wider on each side, within the array."""
    turned = mask.T if mask.flags.f_contiguous else mask  # the slowest axis first: memory is read in order, and once
    planes = np.flatnonzero(turned.reshape(len(turned), -1).any(axis=-1))
    shadow = turned[planes[0] : planes[-1] + 1].any(axis=0)
    held = [planes, np.flatnonzero(shadow.any(axis=-1)), np.flatnonzero(shadow.any(axis=0))]
    first, second, third = (
        slice(max(int(line[0]) - int(wide), 0), min(int(line[-1]) + 1 + int(wide), n))
        for line, wide, n in zip(held if turned is mask else held[::-1], margin, mask.shape, strict=True)
    )
    return first, second, third


def spots(mask: Mask) -> NDArray[np.intp]:
    """(voxel, axis) indices of the mask's voxels in C order: np.argwhere, four times faster."""
    return np.stack(np.unravel_index(np.flatnonzero(mask), mask.shape), axis=1)


def region(voxels: NDArray, mask: Mask, spacing: NDArray, settings: Settings) -> Region:
    """The prepared region; its masks may be empty (no voxel is half covered, or none lies within the range).

    voxels, mask: (x, y, z). Voxels that are not finite leave the intensity mask.
    """
    spacing = np.asarray(spacing, dtype=np.float64)
    if settings.spacing_mm is None:
        cut = box(mask, np.ceil(MARGIN_MM / spacing).astype(int))
        image, shape = np.asarray(voxels[cut], dtype=np.float64), mask[cut]
    else:
        new = np.where(np.array(settings.spacing_mm) > 0, settings.spacing_mm, spacing)
        image, shape = regrid(voxels, mask, spacing, new, settings.order)
        spacing = new
    if settings.whole_units:
        image = np.rint(image)
    inside = resegment(image, shape & np.isfinite(image), settings)
    return Region(image, shape, inside, spacing, settings.discrete)


def regrid(voxels: NDArray, mask: Mask, old: Reals, new: Reals, order: int) -> tuple[Reals, Mask]:
    """Image and mask around the mask on a grid of spacing `new` whose centre is the image's centre (IBSI 2.4).

    The mask is interpolated linearly and holds voxels that it covers to at least a half. Intensities that are not
    finite become NaN wherever they take part.
    """
    size = np.array(mask.shape)
    step = new / old
    count = np.ceil(size / step - 1e-9).astype(int)
    first = 0.5 * (size - 1 - (count - 1) * step)  # old index of the first new voxel
    cut = box(mask, np.ceil(MARGIN_MM / old).astype(int) + 1)
    start = np.array([s.start for s in cut])
    stop = np.minimum([s.stop for s in cut], size)
    # A voxel reaches half its size beyond its centre, so the outermost new voxels may lie beyond the outermost centres.
    low = np.clip(np.floor((start - 0.5 - first) / step), 0, count - 1).astype(int)
    high = np.clip(np.ceil((stop - 0.5 - first) / step), low, count - 1).astype(int)
    wide = tuple(slice(max(a - SUPPORT, 0), b + SUPPORT) for a, b in zip(start, stop, strict=True))
    offset = first + low * step - np.array([s.start for s in wide])
    shape = tuple(high - low + 1)

    def moved(values: NDArray, how: int) -> Reals:
        source = np.asarray(values, dtype=np.float64)
        return np.asarray(ndimage.affine_transform(source, step, offset, shape, order=how, mode="nearest"))

    image = np.asarray(voxels[wide], dtype=np.float64)
    gaps = ~np.isfinite(image)
    out = moved(np.where(gaps, 0.0, image), order)
    if gaps.any():
        out[moved(gaps, 1) > 0] = np.nan
    return out, moved(mask[wide], 1) >= 0.5 - 1e-9


def resegment(image: Reals, mask: Mask, settings: Settings) -> Mask:
    """Voxels of the mask within the range and within `sigmas` standard deviations of the mean (IBSI 2.5)."""
    keep = mask.copy()
    if settings.range is not None:
        keep &= (image >= settings.range[0]) & (image <= settings.range[1])
    if settings.sigmas > 0 and keep.any():
        # Both limits come from the mask as it was drawn, in whatever order they are asked for.
        values = image[mask]
        centre, wide = values.mean(), settings.sigmas * values.std()
        keep &= (image >= centre - wide) & (image <= centre + wide)
    return keep


def grey_levels(values: Reals, settings: Settings) -> tuple[NDArray[np.int64], int]:
    """(level of each intensity from 1, number of levels) by fixed bin number or fixed bin size (IBSI 2.7)."""
    low, high = float(values.min()), float(values.max())
    if settings.bins:
        if high == low:
            return np.ones(values.size, dtype=np.int64), 1
        levels = np.floor(settings.bins * (values - low) / (high - low)).astype(np.int64) + 1
        return np.minimum(levels, settings.bins), settings.bins
    if settings.bin_size <= 0:
        levels = np.rint(values).astype(np.int64)
        if levels.min() < 1:
            raise ValueError("intensities below 1 need bins or a bin size to become grey levels")
        return levels, int(levels.max())
    start = settings.origin
    if start is None:
        start = settings.range[0] if settings.range is not None else low
    levels = np.floor((values - start) / settings.bin_size).astype(np.int64) + 1
    levels = np.maximum(levels, 1)  # an intensity below the origin joins the first level
    return levels, int(levels.max())
