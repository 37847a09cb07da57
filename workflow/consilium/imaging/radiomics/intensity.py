"""Intensities of a region: statistics, local peaks, histogram and intensity-volume histogram (IBSI 3.2 to 3.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics.prepare import Reals, Region, Settings, box

PEAK_MM = (3 / (4 * np.pi)) ** (1 / 3) * 10  # radius of a ball of 1 ml
IVH_BINS = 1000  # of intensities without a calibrated unit


def moments(x: Reals) -> dict[str, float]:
    """What statistics and histogram share: 15 numbers. Percentiles are linear between ranks; kurtosis is in excess.

    Skewness and kurtosis of a constant region are 0, as IBSI has it; its quartile coefficient is NaN where the
    quartiles sum to 0, the coefficient of variation where the mean is 0.
    """
    mean = float(x.mean())
    apart = x - mean
    square = apart * apart  # numpy squares fast, and takes other powers slowly
    var = float(square.mean())
    p10, p25, median, p75, p90 = (float(v) for v in np.percentile(x, (10, 25, 50, 75, 90)))
    low, high = float(x.min()), float(x.max())
    robust = x[(x >= p10) & (x <= p90)]
    return {
        "mean": mean,
        "var": var,
        "skew": float((square * apart).mean()) / var**1.5 if var > 0 else 0.0,
        "kurt": float((square * square).mean()) / var**2 - 3 if var > 0 else 0.0,
        "median": median,
        "min": low,
        "p10": p10,
        "p90": p90,
        "max": high,
        "iqr": p75 - p25,
        "range": high - low,
        "mad": float(np.abs(apart).mean()),
        "rmad": float(np.abs(robust - robust.mean()).mean()) if robust.size else float("nan"),
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
    cut = box(region.inside, (0, 0, 0))
    size = region.voxels.shape
    wide = tuple(slice(max(s.start - r, 0), s.stop + r) for s, r in zip(cut, reach, strict=True))
    beyond = [(max(int(r) - s.start, 0), max(s.stop + int(r) - n, 0))
              for s, r, n in zip(cut, reach, size, strict=True)]  # fmt: skip
    around = np.pad(region.voxels[wide], beyond, constant_values=np.nan)
    known = np.isfinite(around)
    inside = region.inside[cut]
    if known.all():
        means = _ball_sums(around, reach, region.spacing) / _lines(reach, region.spacing)[:, 3].sum()
    else:
        count = np.rint(_ball_sums(known.astype(np.float64), reach, region.spacing))
        means = _ball_sums(np.where(known, around, 0.0), reach, region.spacing) / np.maximum(count, 1)
    values, means = region.values, means[inside]
    return {"loc": float(means[values == values.max()].max()), "glob": float(means.max())}


def _ball_sums(around: Reals, reach: NDArray, spacing: Reals) -> Reals:
    """Sum over the ball around each voxel; the result is `reach` smaller than `around` on each side.

    A ball is a bundle of lines along z, and a line is a difference of running sums.
    """
    shape = tuple(n - 2 * int(r) for n, r in zip(around.shape, reach, strict=True))
    running = np.concatenate([np.zeros((*around.shape[:2], 1)), np.cumsum(around, axis=2)], axis=2)
    out = np.zeros(shape)
    deep = int(reach[2])
    lines: dict[int, Reals] = {}
    for x, y, half, _ in _lines(reach, spacing):
        if half not in lines:
            top, bottom = deep + half + 1, deep - half
            lines[half] = running[:, :, top : top + shape[2]] - running[:, :, bottom : bottom + shape[2]]
        out += lines[half][x : x + shape[0], y : y + shape[1]]
    return out


def _lines(reach: NDArray, spacing: Reals) -> NDArray[np.int64]:
    """(line along z, [x, y from the ball's corner, half length, voxels]) of the ball."""
    x, y = np.indices((2 * int(reach[0]) + 1, 2 * int(reach[1]) + 1))
    left = PEAK_MM**2 - ((x - reach[0]) * spacing[0]) ** 2 - ((y - reach[1]) * spacing[1]) ** 2
    half = np.floor(np.sqrt(np.maximum(left, 0)) / spacing[2]).astype(np.int64)
    found = left >= 0
    return np.stack([x[found], y[found], half[found], 2 * half[found] + 1], axis=1)
