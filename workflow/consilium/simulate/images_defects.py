"""Defects planted into the voxels of an image or series; each draws its strength from what an eye would notice.

Voxels are (x, y, z) float32, series (x, y, z, time); nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
Rng = np.random.Generator


def _level(voxels: Array) -> float:
    """A high grey value of the tissue."""
    return float(np.percentile(voxels, 95))


def noise(voxels: Array, rng: Rng) -> Array:
    """Rician noise of a quarter to a half of the tissue's signal."""
    real, imaginary = rng.normal(0, _level(voxels) * rng.uniform(0.25, 0.5), (2, *voxels.shape))
    return np.hypot(voxels + real, imaginary).astype(np.float32)


def ghost(voxels: Array, rng: Rng) -> Array:
    """A copy of 15 to 40 % displaced by half the field of view along x or y."""
    axis = int(rng.integers(2))
    copy = np.roll(voxels, voxels.shape[axis] // 2, axis=axis)
    return (voxels + copy * rng.uniform(0.15, 0.4)).astype(np.float32)


def kspace_spike(voxels: Array, rng: Rng) -> Array:
    """One wrong point in the k-space of every slice: stripes of 10 to 30 % of the tissue's signal."""
    x, y, _ = voxels.shape
    kx, ky = int(rng.integers(8, x // 2 - 2)), int(rng.integers(8, y // 2 - 2))
    i, j = np.meshgrid(np.arange(x), np.arange(y), indexing="ij")
    wave = np.cos(2 * np.pi * (kx * i / x + ky * j / y) + rng.uniform(0, 6))
    return np.abs(voxels + wave[:, :, None] * _level(voxels) * rng.uniform(0.1, 0.3)).astype(np.float32)


def motion(voxels: Array, rng: Rng) -> Array:
    """Lines of k-space along y from two to five other poses, shifts of 4 to 10 mm at voxels of 4 mm, and turns."""
    spectrum = np.fft.fftn(voxels)
    order = rng.permutation(voxels.shape[1])
    for part in np.array_split(order[: int(len(order) * rng.uniform(0.35, 0.6))], int(rng.integers(2, 6))):
        turn = ndimage.rotate(voxels, rng.uniform(4, 9) * rng.choice([-1, 1]), axes=(0, 1), reshape=False, order=1)
        other = ndimage.shift(turn, rng.uniform(1, 2.5, 3) * rng.choice([-1, 1], 3), order=1)
        spectrum[:, part] = np.fft.fftn(other)[:, part]
    return np.abs(np.fft.ifftn(spectrum)).astype(np.float32)


def wrap(voxels: Array, rng: Rng) -> Array:
    """The field of view displaced by a fifth to two fifths along x or y: what leaves on one side enters opposite."""
    axis = int(rng.integers(2))
    share = rng.uniform(0.22, 0.4) * rng.choice([-1, 1])
    return np.roll(voxels, round(share * voxels.shape[axis]), axis=axis)


def crop(voxels: Array, rng: Rng) -> tuple[slice, slice, slice]:
    """The part that is left when a fifth to two fifths of one side are cut off."""
    axis = int(rng.integers(3))
    n = voxels.shape[axis]
    lost = round(n * rng.uniform(0.3, 0.45))
    low = bool(rng.integers(2)) and axis != 2
    part = [slice(None)] * 3
    part[axis] = slice(lost, n) if low else slice(0, n - lost)
    return part[0], part[1], part[2]


def blank_slices(voxels: Array, rng: Rng) -> Array:
    """One to five slices amid the image set to 0."""
    out, axis = voxels.copy(), int(rng.integers(3))
    n = voxels.shape[axis]
    for at in rng.choice(np.arange(n // 3, 2 * n // 3), int(rng.integers(1, 6)), replace=False):
        np.moveaxis(out, axis, 0)[at] = 0
    return out


def repeated_slices(voxels: Array, rng: Rng) -> Array:
    """One to five slices amid the image replaced by the one before."""
    out = voxels.copy()
    n = voxels.shape[2]
    for at in np.sort(rng.choice(np.arange(n // 3, 2 * n // 3), int(rng.integers(1, 6)), replace=False)):
        out[:, :, at] = out[:, :, at - 1]
    return out


def disorder(voxels: Array, rng: Rng) -> Array:
    """Slices along z in another order: shuffled, or exchanged in pairs."""
    n = voxels.shape[2]
    pairs = np.arange(n)
    pairs[: n // 2 * 2] = pairs[: n // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    order = rng.permutation(n) if rng.random() < 0.5 else pairs
    return np.ascontiguousarray(voxels[:, :, order])


def stripe(voxels: Array, rng: Rng) -> Array:
    """One to three slices amid the image that lost half to nine tenths of their signal."""
    out, n = voxels.copy(), voxels.shape[2]
    for at in rng.choice(np.arange(n // 3, 2 * n // 3, 3), int(rng.integers(1, 4)), replace=False):
        out[:, :, at] *= rng.uniform(0.1, 0.5)
    return out


def clipped(voxels: Array, rng: Rng) -> Array:
    """Values cut off at the 85th to 97th percentile."""
    return np.minimum(voxels, np.float32(np.percentile(voxels, rng.uniform(85, 97))))


def few_levels(voxels: Array, rng: Rng) -> Array:
    """Stored with 6 to 24 grey values."""
    step = float(voxels.max()) / int(rng.integers(6, 25))
    return (np.round(voxels / step) * step).astype(np.float32)


def shading(voxels: Array, rng: Rng) -> Array:
    """A bias field that falls to a third or less from one side to the other."""
    ramp = np.linspace(-1, 1, voxels.shape[int(axis := rng.integers(3))])
    shape = [1, 1, 1]
    shape[int(axis)] = -1
    return (voxels * np.exp(ramp * rng.uniform(0.8, 1.2) * rng.choice([-1, 1])).reshape(shape)).astype(np.float32)


def other_contrast(voxels: Array, white: float) -> Array:
    """A T1-weighted head as FLAIR would show it: fluid dark, grey matter brighter than white. white: white matter."""
    map_to = np.interp(voxels / white * 0.87, [0, 0.06, 0.22, 0.65, 0.87, 1.2], [0, 0.04, 0.12, 0.8, 0.62, 0.6])
    return (map_to * 300).astype(np.float32)


def series_motion(series: Array, spacing_mm: float, rng: Rng) -> Array:
    """A fifth to a half of the volumes displaced by 0.8 to 3 mm."""
    out, n = series.copy(), series.shape[3]
    for t in rng.choice(n, int(n * rng.uniform(0.2, 0.5)), replace=False):
        out[..., t] = ndimage.shift(
            series[..., t], rng.uniform(0.8, 3, 3) / spacing_mm * rng.choice([-1, 1], 3), order=1
        )
    return out


def slice_spikes(series: Array, rng: Rng) -> Array:
    """Two to eight slices at single times that lose or gain a tenth to a half of their signal."""
    out = series.copy()
    _, _, z, n = series.shape
    for _ in range(int(rng.integers(2, 9))):
        factor = 1 + rng.uniform(0.1, 0.5) * rng.choice([-1, 1])
        out[:, :, int(rng.integers(z // 3, 2 * z // 3)), int(rng.integers(2, n - 2))] *= factor
    return out


def not_steady(series: Array, rng: Rng) -> Array:
    """The first one to four volumes brighter by 10 to 50 %, decaying."""
    out, k = series.copy(), int(rng.integers(1, 5))
    out[..., :k] *= 1 + rng.uniform(0.1, 0.5) * np.exp(-np.arange(k) / 2).astype(np.float32)
    return out


def lost_volumes(series: Array, rng: Rng) -> Array:
    """One to five volumes with less than half of their signal."""
    out = series.copy()
    out[..., rng.choice(series.shape[3], int(rng.integers(1, 6)), replace=False)] *= rng.uniform(0, 0.5)
    return out


def frozen_volumes(series: Array, rng: Rng) -> Array:
    """One to ten volumes that repeat the one before."""
    out = series.copy()
    for t in rng.choice(np.arange(1, series.shape[3]), int(rng.integers(1, 11)), replace=False):
        out[..., t] = out[..., t - 1]
    return out


def series_ghost(series: Array, rng: Rng) -> Array:
    """A Nyquist ghost of 20 to 45 % along y in every volume."""
    return (series + np.roll(series, series.shape[1] // 2, axis=1) * rng.uniform(0.2, 0.45)).astype(np.float32)


HEAD: dict[str, Callable[[Array, Rng], Array]] = {
    "noise": noise,
    "ghost": ghost,
    "spike in k-space": kspace_spike,
    "motion of the head": motion,
    "wrap-around": wrap,
    "blank slices": blank_slices,
    "repeated slices": repeated_slices,
    "slices in wrong order": disorder,
    "slices that lost signal": stripe,
    "clipped values": clipped,
    "few grey levels": few_levels,
    "shading": shading,
}
SERIES: dict[str, Callable[[Array, Rng], Array]] = {
    "slice spikes": slice_spikes,
    "volumes not in steady state": not_steady,
    "lost volumes": lost_volumes,
    "repeated volumes": frozen_volumes,
    "ghost of a series": series_ghost,
}
