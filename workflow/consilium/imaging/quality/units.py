"""Are the numbers of a CT Hounsfield units? One pure function."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from consilium.imaging.volume import Voxels

RAW_WATER = (850.0, 1350.0)  # where soft tissue lies when the usual intercept of -1024 or -1000 was left out
BIN = 20.0


def raw_offset(voxels: Voxels) -> float:
    """HU by which a CT lies too high because its rescale intercept was not applied; about 0 where it was.

    Raw values have no voxel below -200, and their commonest values above 500 lie where water plus 1000 lies. Else 0.
    NaN where nothing is finite.
    """
    values = voxels[np.isfinite(voxels)]
    if values.size == 0:
        return float("nan")
    if float(np.percentile(values, 0.1)) < -200:
        return 0.0
    counts, edges = np.histogram(values, bins=np.arange(500, 2000 + BIN, BIN))
    if counts.sum() < 0.05 * values.size:
        return 0.0
    peak = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 1.5)))
    water = float(edges[peak] + BIN / 2)
    return round(water - 40.0, 1) if RAW_WATER[0] <= water <= RAW_WATER[1] else 0.0
