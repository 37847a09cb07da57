"""Image quality metrics of structural MRI that need tissues, head or air; one pure function each.

Every function returns a float; NaN where it cannot be computed. Directions are said in METRICS of measures.py. The
definitions follow MRIQC (Esteban et al. 2017, doi:10.1371/journal.pone.0184661), where its formulas have one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RAYLEIGH = np.sqrt(2 / (4 - np.pi))  # noise in air of a magnitude image -> noise in tissue
NORMAL_MAD = 1.4826022185056018  # median absolute deviation -> standard deviation of a normal distribution
LIT = 0.3  # of the head's median: below are air cavities, bone, fluid and noise
FEW = 150_000  # voxels of a grid that shading is looked for on
MIN_AIR = 100  # voxels of air that a spread needs


def mad(values: NDArray) -> float:
    """Median absolute deviation, scaled to the standard deviation of a normal distribution."""
    return float(np.median(np.abs(values - np.median(values)))) * NORMAL_MAD if values.size else float("nan")


def air_spread(air: NDArray) -> float:
    """Standard deviation of the air; NaN where it was blanked (no spread, more than half zeros) or is too small."""
    spread = float(air.std()) if air.size >= MIN_AIR else 0.0
    return spread if spread > 0 and float((air == 0).mean()) <= 0.5 else float("nan")


def snr_air(foreground: NDArray, air: NDArray) -> float:
    """Signal to noise against air (Dietrich et al. 2007, doi:10.1002/jmri.20969); higher is better.

    median(foreground) / (SD(air) sqrt(2 / (4 - pi))). NaN where the air was blanked.
    """
    return float(np.median(foreground)) / (air_spread(air) * RAYLEIGH) if foreground.size else float("nan")


def snr_tissue(values: NDArray) -> float:
    """Median over standard deviation within one tissue; higher is better."""
    spread = float(values.std(ddof=1)) if values.size > 10 else 0.0
    return float(np.median(values)) / spread if spread > 0 else float("nan")


def cnr(gm: NDArray, wm: NDArray, air_sd: float) -> float:
    """|GM - WM| over their joint noise (Magnotta and Friedman 2006, doi:10.1007/s10278-006-0264-x); higher is better.

    air_sd: spread of the air in the same units; 0 where it was blanked.
    """
    noise = float(np.sqrt(air_sd**2 + gm.var() + wm.var()))
    return abs(float(np.median(gm) - np.median(wm))) / noise if noise > 0 else float("nan")


def cjv(gm: NDArray, wm: NDArray) -> float:
    """Joint variation of grey and white matter, (MAD + MAD) / |difference of medians| (Ganzetti et al. 2016,
    doi:10.3389/fninf.2016.00010); lower is better: noise and bias field raise it."""
    apart = abs(float(np.median(wm) - np.median(gm)))
    return (mad(wm) + mad(gm)) / apart if apart > 0 else float("nan")


def efc(voxels: NDArray) -> float:
    """Entropy focus criterion, 0..1 (Atkinson et al. 1997, doi:10.1109/42.650886); lower is better: ghosting and
    blurring by motion spread the energy over more voxels."""
    values = np.abs(voxels.ravel().astype(np.float64))
    energy = float(np.sqrt((values**2).sum()))
    if energy == 0:
        return float("nan")
    share = values[values > 0] / energy
    n = values.size
    most = n / np.sqrt(n) * np.log(np.sqrt(n))
    return float(-(share * np.log(share)).sum() / most)


def fber(foreground: NDArray, air: NDArray) -> float:
    """Median energy of the foreground over that of the air (Shehzad et al. 2015,
    doi:10.3389/conf.fnins.2015.91.00047); higher is better. NaN where the air was blanked."""
    if air.size < MIN_AIR:
        return float("nan")
    background = float(np.median(air.astype(np.float64) ** 2))
    return float(np.median(foreground.astype(np.float64) ** 2)) / background if background > 0 else float("nan")


def inu(field: NDArray) -> tuple[float, float]:
    """(range, median) of a multiplicative bias field within the head: 95th less 5th percentile, lower is better, and
    median, 1 is best (Tustison et al. 2010, doi:10.1109/TMI.2010.2046908)."""
    low, middle, high = (float(v) for v in np.percentile(field, [5, 50, 95]))
    return high - low, middle


def shading(voxels: NDArray, head: NDArray) -> float:
    """Shading across the head; 0 is best.

    voxels: (x, y, z) intensities before bias correction. head: foreground. The plane that best fits the logarithms of
    what is brighter than LIT of the head's median: 95th less 5th percentile of its heights. It needs no estimate of
    the bias field, which finds the slow part of a strong field last. NaN with fewer than MIN_AIR such voxels.
    """
    step = (slice(None, None, max(1, round((voxels.size / FEW) ** (1 / 3)))),) * 3  # shading is smooth
    voxels, head = voxels[step], head[step]
    lit = head & (voxels > max(LIT * float(np.median(voxels[head])), 0.0)) if head.any() else head
    if np.count_nonzero(lit) < MIN_AIR:
        return float("nan")
    logs = np.log(voxels[lit].astype(np.float64))
    places = np.argwhere(lit).astype(np.float64)
    apart = places - places.mean(axis=0)
    # Normal equations: three unknowns, however many voxels.
    slope = np.linalg.lstsq(apart.T @ apart, apart.T @ (logs - logs.mean()), rcond=None)[0]
    low, high = np.percentile(apart @ slope, [5, 95])
    return float(high - low)


def wm2max(voxels: NDArray, wm: NDArray) -> float:
    """White matter over the brightest voxels (99.95th percentile), in range: low where vessels or fat outshine it."""
    high = float(np.percentile(voxels, 99.95))
    return float(np.median(wm)) / high if high > 0 and wm.size else float("nan")
