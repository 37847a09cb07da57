"""Quality metrics of fMRI series; one pure function each. Series are (voxel, time) within the brain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.quality import artefacts, slices
from consilium.imaging.quality import metrics as shared
from consilium.imaging.volume import Mask, Voxels

MIN_VOLUMES = 4  # a trend and a spread need them


def tsnr(series: NDArray) -> float:
    """Median over voxels of temporal mean over standard deviation, linear trend removed (Kruger and Glover 2001,
    doi:10.1002/mrm.1240); higher is better.
    NaN below MIN_VOLUMES volumes."""
    if series.shape[1] < MIN_VOLUMES:
        return float("nan")
    time = np.linspace(-1, 1, series.shape[1])
    mean = series.mean(axis=1, keepdims=True)
    slope = ((series - mean) @ time)[:, None] / (time**2).sum()
    spread = (series - mean - slope * time).std(axis=1, ddof=2)
    good = (spread > 0) & (mean[:, 0] > 0)
    return float(np.median(mean[good, 0] / spread[good])) if good.any() else float("nan")


def dvars(series: NDArray) -> NDArray[np.float64]:
    """(time - 1,) root mean square change between volumes (Power et al. 2012, doi:10.1016/j.neuroimage.2011.10.018),
    divided by what noise alone would give from each voxel's robust spread and lag-1 autocorrelation (Nichols 2013,
    arXiv:1704.01469): about 1 for a clean series, higher is worse."""
    centred = series - np.median(series, axis=1, keepdims=True)
    low, high = np.percentile(centred, [25, 75], axis=1)
    spread = (high - low) / 1.349
    varying = spread > 0
    if not varying.any():
        return np.full(series.shape[1] - 1, np.nan)
    centred, spread = centred[varying], spread[varying]
    lagged = (centred[:, 1:] * centred[:, :-1]).sum(axis=1) / (centred**2).sum(axis=1)
    expected = np.sqrt(np.mean(2 * (1 - np.clip(lagged, -0.99, 0.99)) * spread**2))
    return np.asarray(np.sqrt((np.diff(centred, axis=1) ** 2).mean(axis=0)) / expected)


def gcor(series: NDArray) -> float:
    """Global correlation: mean over all pairs of voxels (Saad et al. 2013, doi:10.1089/brain.2013.0156); lower is
    better, high values come from motion and breathing."""
    centred = series - series.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred[length[:, 0] > 0] / length[length[:, 0] > 0]
    return float((unit.mean(axis=0) ** 2).sum()) if len(unit) else float("nan")


def outlier_fraction(series: NDArray) -> float:
    """Mean share of voxels that are outliers in a volume (AFNI 3dToutcount -fraction); lower is better.

    A value is an outlier beyond a sqrt(pi / 2) MAD from its voxel's median, with a the upper quantile of the normal
    distribution at 0.001 / number of volumes.
    """
    from scipy.stats import norm

    away = np.abs(series - np.median(series, axis=1, keepdims=True))
    spread = np.median(away, axis=1, keepdims=True)
    limit = norm.isf(0.001 / series.shape[1]) * np.sqrt(np.pi / 2) * spread
    varying = spread[:, 0] > 0
    return float((away[varying] > limit[varying]).mean()) if varying.any() else float("nan")


def quality_index(series: NDArray) -> float:
    """Mean over volumes of one minus Spearman's correlation with the median volume (AFNI 3dTqual); lower is better."""
    from scipy.stats import rankdata

    middle = _unit(rankdata(np.median(series, axis=1)))
    alike = [float(_unit(rankdata(series[:, t])) @ middle) for t in range(series.shape[1])]
    return float(1 - np.mean(alike))


def _unit(values: NDArray) -> NDArray[np.float64]:
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length > 0 else centred, dtype=np.float64)


def repeated_volumes(series: NDArray) -> int:
    """Number of volumes equal to the one before; lower is better: 0 in any real series."""
    return int((series[:, 1:] == series[:, :-1]).all(axis=0).sum())


def slice_spikes(courses: NDArray) -> float:
    """Share of volumes in which some slices, but not all, lose or gain signal at once; lower is better.

    courses: (slice, time) mean of each slice's brain, NaN where a slice has too little of it. NaN below 3 slices.
    Mean of each slice's brain over time, less the trend by a running median of 5 volumes and less what all slices do at
    once, over its robust spread: beyond 6 and beyond 2 % of the slice's signal.
    """
    course = courses[np.isfinite(courses).all(axis=1)]
    if len(course) < 3 or course.shape[1] < 8:
        return float("nan")
    rest = course / np.median(course, axis=1, keepdims=True)
    rest = rest - ndimage.median_filter(rest, size=(1, 5), mode="nearest")
    rest = rest - np.median(rest, axis=0, keepdims=True)
    spread = np.maximum(1.4826 * np.median(np.abs(rest), axis=1, keepdims=True), 1e-9)
    spikes = (np.abs(rest) > 6 * spread) & (np.abs(rest) > 0.02)
    return float(spikes.any(axis=0).mean())


def lost_volumes(level: NDArray) -> int:
    """Number of volumes whose mean signal is below 70 % or above 140 % of the median; lower is better."""
    middle = float(np.median(level))
    return int(((level < 0.7 * middle) | (level > 1.4 * middle)).sum()) if middle > 0 else 0


def metrics(series: NDArray, displacement: NDArray[np.float64]) -> dict[str, float]:
    """All metrics of a series; displacement: framewise displacement in mm from rigid realignment."""
    changes = dvars(series)
    level = series.mean(axis=0)
    return {
        "tsnr": tsnr(series),
        "dvars_median": float(np.median(changes)),
        "dvars_max": float(np.max(changes)),
        "global_correlation": gcor(series),
        "fd_mean": float(displacement[1:].mean()) if len(displacement) > 1 else float("nan"),
        "fd_max": float(displacement.max()),
        "fd_share_above_0.5mm": float((displacement > 0.5).mean()),
        "outlier_fraction": outlier_fraction(series),
        "quality_index": quality_index(series),
        "lost_volumes": float(lost_volumes(level)),
        "repeated_volumes": float(repeated_volumes(series)),
        "n_volumes": float(series.shape[1]),
    }


def of_mean(mean: Voxels, brain: Mask) -> dict[str, float]:
    """Metrics of a volume that stands for the series: its mean or median over time, without NaN."""
    return {
        "efc": shared.efc(mean),
        "ghost_x": artefacts.ghost(mean, brain, 0),
        "ghost_y": artefacts.ghost(mean, brain, 1),
        "blank_slices": slices.blank(mean),
        "repeated_slices": slices.repeated(mean),
    }
