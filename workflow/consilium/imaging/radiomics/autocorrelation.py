"""How alike intensities are that lie near each other (IBSI 3.1: Moran's I and Geary's C)."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

from consilium.imaging.radiomics.prepare import Reals, Region, box


def features(region: Region) -> dict[str, float]:
    """Moran's I and Geary's C with weights 1/distance (IBSI N365 and NPT7); NaN for constant intensities.

    Weights depend on the displacement alone, so the sum over all pairs is a product of Fourier transforms: exact, and
    n log n instead of n squared.
    """
    cut = box(region.inside, (0, 0, 0))
    mask = region.inside[cut]
    n = int(mask.sum())
    x = np.where(mask, region.voxels[cut] - region.values.mean(), 0.0)
    square = float((x**2).sum())
    if n < 2 or square <= 0:
        return {"moran_i": float("nan"), "geary_c": float("nan")}
    size = [_even_fast(2 * s - 1) for s in mask.shape]
    weight = _weights(size, region.spacing)
    fx, fm, fxx = (fft.rfftn(v, s=size) for v in (x, mask.astype(np.float64), x**2))
    crossed = float((weight * (fx.real**2 + fx.imag**2)).sum())
    total = float((weight * (fm.real**2 + fm.imag**2)).sum())
    squares = float((weight * (fxx.real * fm.real + fxx.imag * fm.imag)).sum())
    return {
        "moran_i": n / total * crossed / square,
        "geary_c": (n - 1) / total * (squares - crossed) / square,
    }


def _even_fast(n: int) -> int:
    return 2 * fft.next_fast_len((n + 1) // 2)


def _weights(size: list[int], spacing: Reals) -> Reals:
    """Spectrum of 1/distance on a periodic grid of even sizes, in the half that a real transform keeps, scaled so that
    its sum with a power spectrum is the sum over all pairs. Even in every axis, so a cosine transform of one octant
    will do."""
    squares = [(np.arange(n // 2 + 1) * d) ** 2 for n, d in zip(size, spacing, strict=True)]
    far = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
    far[0, 0, 0] = np.inf
    octant = fft.dctn(1 / far, type=1)
    octant[:, :, 1:-1] *= 2  # stands for the frequencies that a real transform leaves out
    folded = [np.minimum(np.arange(n), n - np.arange(n)) for n in size[:2]]
    return np.asarray(octant[np.ix_(*folded)] / math.prod(size))
