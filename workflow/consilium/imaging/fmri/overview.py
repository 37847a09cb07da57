"""First look at a run: how bright each volume is, a steady reference volume, and how many volumes came too early."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.frames import Frames
from consilium.imaging.volume import Voxels

MOST_IN_REFERENCE = 40  # volumes in the median, evenly taken: bounds memory
MOST_DUMMIES = 10
OUTLYING = 3.5  # modified z-score (Iglewicz and Hoaglin 1993)


@dataclass(frozen=True)
class Overview:
    """brightness: (time,) mean of each volume. reference: voxelwise median of volumes taken evenly, NaN as 0."""

    brightness: NDArray[np.float64]
    reference: Voxels


def look(frames: Frames) -> Overview:
    """One pass over the run."""
    n = frames.shape[3]
    taken = {int(t) for t in np.linspace(0, n - 1, min(n, MOST_IN_REFERENCE)).round()}
    brightness, kept = np.zeros(n), []
    for t, volume in enumerate(frames):
        filled = np.nan_to_num(volume)
        brightness[t] = filled.mean(dtype=np.float64)
        if t in taken:
            kept.append(filled)
    return Overview(brightness, np.median(np.stack(kept), axis=0).astype(np.float32))


def dummies(brightness: NDArray[np.float64]) -> int:
    """Leading volumes taken before the magnetisation was steady: brighter than the rest by a modified z-score above
    OUTLYING, as in nipype's and fMRIPrep's detector (doi:10.1038/s41592-018-0235-4), but of bright ones only, since
    T1 saturation only darkens. At most MOST_DUMMIES."""
    middle = np.median(brightness)
    spread = np.median(np.abs(brightness - middle))
    if spread == 0:
        return 0
    early = 0.6745 * (brightness[:MOST_DUMMIES] - middle) / spread > OUTLYING
    return int(np.argmin(early)) if not early.all() else len(early)
