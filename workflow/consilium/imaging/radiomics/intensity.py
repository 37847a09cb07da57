"""Intensities of a region: statistics, local peaks, histogram and intensity-volume histogram (IBSI 3.2 to 3.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from consilium.imaging.radiomics.prepare import Reals, Region, Settings

PEAK_MM = (3 / (4 * np.pi)) ** (1 / 3) * 10  # radius of a ball of 1 ml
IVH_BINS = 1000  # of intensities without a calibrated unit


def moments(x: Reals) -> dict[str, float]:
    """What statistics and histogram share: 15 numbers. Percentiles are linear between ranks; kurtosis is in excess.

    Skewness and kurtosis of a constant region are 0, as IBSI has it; its quartile coefficient is NaN where the
    quartiles sum to 0, the coefficient of variation where the mean is 0.
    """
    mean = float(x.mean())
    apart = x - mean
    var = float((apart**2).mean())
    p10, p25, median, p75, p90 = (float(v) for v in np.percentile(x, (10, 25, 50, 75, 90)))
    low, high = float(x.min()), float(x.max())
    robust = x[(x >= p10) & (x <= p90)]
    return {
        "mean": mean,
        "var": var,
        "skew": float((apart**3).mean()) / var**1.5 if var > 0 else 0.0,
        "kurt": float((apart**4).mean()) / var**2 - 3 if var > 0 else 0.0,
        "median": median,
        "min": low,
        "p10": p10,
        "p90": p90,
        "max": high,
        "iqr": p75 - p25,
        "range": high - low,
        "mad": float(np.abs(apart).mean()),
        "rmad": float(np.abs(robust - robust.mean()).mean()),
        "medad": float(np.abs(x - median).mean()),
        "cov": float(np.sqrt(var)) / mean if mean else float("nan"),
        "qcod": (p75 - p25) / (p75 + p25) if p75 + p25 else float("nan"),
    }


def statistics(x: Reals) -> dict[str, float]:
    """Intensity statistics (IBSI 3.3, UHIW): the moments, energy and root mean square."""
    energy = float((x**2).sum())
    return moments(x) | {"energy": energy, "rms": float(np.sqrt(energy / x.size))}


def histogram(levels: NDArray[np.int64], ng: int) -> dict[str, float]:
    """Intensity histogram (IBSI 3.4, ZVCW) over the levels 1 to ng; the mode nearest to the mean where several are."""
    counts = np.bincount(levels, minlength=ng + 1)[1:]
    p = counts[counts > 0] / levels.size
    out = moments(levels.astype(np.float64))
    modes = np.flatnonzero(counts == counts.max()) + 1
    out["mode"] = float(modes[np.argmin(np.abs(modes - out["mean"]))])
    out["entropy"] = float(-(p * np.log2(p)).sum())
    out["uniformity"] = float((p**2).sum())
    slope = np.gradient(counts.astype(np.float64)) if ng > 1 else np.full(1, np.nan)
    out["max_grad"], out["max_grad_g"] = float(slope.max()), float(slope.argmax() + 1)
    out["min_grad"], out["min_grad_g"] = float(slope.min()), float(slope.argmin() + 1)
    return out


def volume_histogram(region: Region, settings: Settings) -> dict[str, float]:
    """Intensity-volume histogram (IBSI 3.5, P88C): volume share at 10 and 90 % of the intensity range, intensity that
    at most 10 and 90 % of the volume reach.

    Steps: the unit itself where it is calibrated and discrete (CT); a tenth of the bin size where bins have a fixed
    size; else a thousandth of the range, and intensities are told as the number of that step, since the unit is
    arbitrary. NaN for a constant region.
    """
    values = region.values
    low, high = float(values.min()), float(values.max())
    if region.discrete:
        step, centre = 1.0, 0.0
    elif settings.bin_size > 0:
        low = settings.origin if settings.origin is not None else settings.range[0] if settings.range else low
        step, centre = settings.bin_size / 10, 0.5
    else:
        step, centre = (high - low) / IVH_BINS, 0.5
    names = ("v10", "v90", "i10", "i90", "diff_v10_v90", "diff_i10_i90")
    if high <= low or step <= 0:
        return dict.fromkeys(names, float("nan"))
    n = max(int(np.ceil((high - low) / step - 1e-9)), 1) + (1 if region.discrete else 0)
    level = np.clip(np.floor((values - low) / step + 1e-9).astype(np.int64), 0, n - 1)
    share = np.bincount(level, minlength=n)[::-1].cumsum()[::-1] / values.size
    at = np.arange(n) / max(n - 1, 1)
    arbitrary = not region.discrete and settings.bin_size <= 0
    intensity = np.arange(1.0, n + 1) if arbitrary else low + (np.arange(n) + centre) * step
    v10, v90 = (float(share[np.searchsorted(at, f - 1e-12)]) for f in (0.1, 0.9))
    i10, i90 = (float(intensity[np.argmax(share <= f)]) if (share <= f).any() else intensity[-1] for f in (0.1, 0.9))
    return dict(zip(names, (v10, v90, i10, i90, v10 - v90, i10 - i90), strict=True))


def peaks(region: Region) -> dict[str, float]:
    """Local and global intensity peak (IBSI 3.2, VJGA and 0F91): mean over a ball of 1 ml around the brightest voxel
    (the highest such mean where several are), and the highest mean around any voxel of the region. The ball takes in
    voxels outside the region, as far as the image reaches."""
    reach = np.floor(PEAK_MM / region.spacing).astype(int)
    axes = [np.arange(-r, r + 1) * s for r, s in zip(reach, region.spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    ball = (x**2 + y**2 + z**2 <= PEAK_MM**2).astype(np.float64)
    known = np.isfinite(region.voxels)
    summed = signal.oaconvolve(np.where(known, region.voxels, 0.0), ball, mode="same")
    count = np.rint(signal.oaconvolve(known.astype(np.float64), ball, mode="same"))
    values = region.values
    means = summed[region.inside] / count[region.inside]
    return {"loc": float(means[values == values.max()].max()), "glob": float(means.max())}
