"""What a voxel's signal does by itself and with its neighbours: ALFF, fALFF, ReHo. Higher = stronger, or more alike.

ALFF (doi:10.1016/j.braindev.2006.07.002), fALFF (doi:10.1016/j.jneumeth.2008.04.012), ReHo (Kendall's W of a voxel and
its 26 neighbours, doi:10.1016/j.neuroimage.2003.12.030). Voxels are worked on in batches, so that memory stays near
that of the run itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.fmri.nuisance import Model
from consilium.imaging.volume import Mask

BATCH = 4000  # voxels
NEIGHBOURS = 27  # the voxel itself included

Matrix = NDArray[np.float64]


def batches(values: NDArray, model: Model) -> Iterator[tuple[slice, NDArray]]:
    """(voxels, (used volume, voxel) residual) of (time, voxel) values."""
    for start in range(0, values.shape[1], BATCH):
        part = slice(start, min(start + BATCH, values.shape[1]))
        yield part, model.residual(values[:, part][model.used])


def wave_pairs(when: Matrix, n: int) -> tuple[Matrix, Matrix]:
    """(used volume, frequency) orthonormal cosines and sines of the n // 2 frequencies of `n` volumes, at the volumes
    `when` (their numbers). With every volume they give the Fourier transform, with some left out Lomb and Scargle's
    (doi:10.1086/160554)."""
    omega = 2 * np.pi * np.arange(1, n // 2 + 1) / n
    phase = when[:, None] * omega
    late = np.arctan2(np.sin(2 * phase).sum(axis=0), np.cos(2 * phase).sum(axis=0)) / 2
    cosine, sine = np.cos(phase - late), np.sin(phase - late)
    lengths = [np.linalg.norm(w, axis=0) for w in (cosine, sine)]
    cosine, sine = (
        np.where(k > 1e-6, w / np.maximum(k, 1e-6), 0) for w, k in zip((cosine, sine), lengths, strict=True)
    )
    return cosine, sine


def amplitudes(values: NDArray, model: Model, tr_s: float, band_hz: tuple[float, float]) -> tuple[Matrix, Matrix]:
    """((voxel,) ALFF, fALFF) of (time, voxel) values; `model` must not filter.

    ALFF: mean amplitude of the frequencies in the band, in the signal's unit. fALFF: their sum over that of all
    frequencies; NaN where the run's highest frequency hardly exceeds the band.
    """
    n = len(model.used)
    cosine, sine = (w.astype(values.dtype).T for w in wave_pairs(np.flatnonzero(model.used).astype(float), n))
    hertz = np.arange(1, n // 2 + 1) / (n * tr_s)
    inside = (hertz >= band_hz[0]) & (hertz <= band_hz[1])
    alff, falff = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    if not inside.any():
        return alff, falff
    scale = np.sqrt(2 / model.used.sum())
    for part, left in batches(values, model):
        amplitude = scale * np.hypot(cosine @ left, sine @ left)
        alff[part] = amplitude[inside].mean(axis=0)
        total = amplitude.sum(axis=0)
        falff[part] = np.where(total > 0, amplitude[inside].sum(axis=0) / np.maximum(total, 1e-12), np.nan)
    if hertz[-1] < 1.2 * band_hz[1]:
        falff[:] = np.nan
    return alff, falff


def reho(values: NDArray, model: Model, mask: Mask) -> Matrix:
    """(voxel of `mask`,) Kendall's W of 27 voxels' cleaned signals; NaN where a neighbour lies outside the mask.

    W = (12 sum S^2 - 3 K^2 n (n + 1)^2) / (K^2 n (n^2 - 1)), S: sum of the K ranks at a volume, n: volumes. 1/27 is
    expected of noise, 1 of equal courses.
    """
    n = int(model.used.sum())
    ranks = np.empty((n, values.shape[1]), dtype=np.uint16 if n < 2**16 else np.uint32)
    for part, left in batches(values, model):
        order = np.argsort(left.T, axis=1, kind="stable")
        own = np.empty(order.shape, dtype=ranks.dtype)
        np.put_along_axis(own, order, np.arange(1, n + 1, dtype=ranks.dtype)[None, :], axis=1)
        ranks[:, part] = own.T
    grid = np.zeros(mask.shape, dtype=np.float32)
    squares = np.zeros(values.shape[1])
    for row in ranks:
        grid[mask] = row
        squares += _box(grid)[mask].astype(np.float64) ** 2
    k = NEIGHBOURS
    w = (12 * squares - 3 * k**2 * n * (n + 1) ** 2) / (k**2 * n * (n**2 - 1))
    full = _box(mask.astype(np.float32))[mask] == k
    return np.asarray(np.where(full, w, np.nan))


def _box(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum over each voxel and its 26 neighbours; what lies outside counts 0."""
    out = grid
    for axis in range(3):
        total = out.copy()
        low: list[slice] = [slice(None)] * 3
        high: list[slice] = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        total[tuple(low)] += out[tuple(high)]
        total[tuple(high)] += out[tuple(low)]
        out = total
    return out
