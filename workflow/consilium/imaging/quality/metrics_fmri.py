"""Quality metrics of fMRI series; one pure function each. Series are (voxel, time) within the brain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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


def metrics(series: NDArray, displacement: NDArray[np.float64]) -> dict[str, float]:
    """All metrics of a series; displacement: framewise displacement in mm from rigid realignment."""
    changes = dvars(series)
    return {
        "tsnr": tsnr(series),
        "dvars_median": float(np.median(changes)),
        "dvars_max": float(np.max(changes)),
        "global_correlation": gcor(series),
        "fd_mean": float(displacement[1:].mean()) if len(displacement) > 1 else float("nan"),
        "fd_max": float(displacement.max()),
        "fd_share_above_0.5mm": float((displacement > 0.5).mean()),
        "n_volumes": float(series.shape[1]),
    }
