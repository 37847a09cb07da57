"""Regions of an atlas on a run's voxels: means per region or group of regions, and their covariance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.atlas import Regions
from consilium.imaging.brain.regional import Feature
from consilium.imaging.fmri.connectivity import shrunk_covariance
from consilium.imaging.fmri.parcels import LabelMeans

if TYPE_CHECKING:
    import pandas as pd

MIN_VOXELS = 5  # of the run's grid that a region needs
PARCEL = re.compile(r"(?P<network>.+)_[LR]_-?\d+_-?\d+_-?\d+")  # a cortical parcel of the default atlas


@dataclass(frozen=True)
class Grouping:
    """labels: (voxel,) 0 = none, i = names[i - 1]."""

    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(group,) mean of (voxel,) values over voxels that have one; NaN below MIN_VOXELS."""
        good = np.isfinite(values)
        n = len(self.names) + 1
        size = np.bincount(self.labels[good], minlength=n)[1:]
        total = np.bincount(self.labels[good], weights=values[good], minlength=n)[1:]
        return np.asarray(np.where(size >= MIN_VOXELS, total / np.maximum(size, 1), np.nan))


def grouped(labels: NDArray[np.int64], regions: Regions) -> Grouping:
    """Parcels of the default atlas joined by network, both sides together; every other region for itself."""
    group = [m["network"] if (m := PARCEL.fullmatch(name)) else name for name in regions.names]
    names = tuple(dict.fromkeys(group))
    number = np.array([0, *(1 + names.index(g) for g in group)])
    return Grouping(number[labels], names)


def features(grouping: Grouping, maps: dict[str, tuple[NDArray[np.float64], str]]) -> list[Feature]:
    """measure.group for every map: measure -> ((voxel,) values, unit)."""
    return [
        Feature(f"{measure}.{name}", float(value), unit)
        for measure, (values, unit) in maps.items()
        for name, value in zip(grouping.names, grouping.means(values), strict=True)
    ]


def covariance(cleaned: LabelMeans, mean: NDArray, left: NDArray, names: tuple[str, ...]) -> pd.DataFrame:
    """Table "fmri_covariance": shrunk covariance of the regions' cleaned signals in per cent of their mean.

    mean: (voxel,) mean image. left: (used volume, region) cleaned signals. Regions below MIN_VOXELS are not in it.
    """
    import pandas as pd

    level = cleaned.of(mean[None])[0]
    kept = np.flatnonzero((cleaned.size >= MIN_VOXELS) & (np.nan_to_num(level) > 0))
    if len(kept) < 2:
        return pd.DataFrame({"region_a": [], "region_b": [], "covariance": []})
    found = shrunk_covariance(100 * left[:, kept] / level[kept])
    rows, columns = np.tril_indices(len(kept))
    word = np.array(names, dtype=object)[kept]
    return pd.DataFrame({"region_a": word[rows], "region_b": word[columns], "covariance": found[rows, columns]})
