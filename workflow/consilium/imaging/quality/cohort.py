"""Quality across a cohort: copies under other names, and outliers among images of one scanner. Flags only."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.quality.measures import METRICS
from consilium.imaging.quality.sketch import detail, mirrored, unit

ALIKE = 0.985  # correlation of two likenesses from which on they are called copies (other people's heads: at most .95)
# Coarse images of two people look alike as a whole (up to .995, chests .987); they are compared by detail. Simulated
# images of two people (one template in many poses or sizes) come to .974 of twice 11,175 pairs of PETs, .923 of 780
# pairs of fMRI runs, .789 of 7,140 pairs of CTs.
ALIKE_DETAIL = {"PET": 0.9755, "fMRI": 0.945, "CT": 0.84}
BLOCK = 512  # likenesses compared at once
MIN_GROUP = 8  # images of one kind and scanner that an outlier needs
OUTLIER_Z = 4.5
MAD_EFFICIENCY = 0.37  # share of the images that a MAD makes use of, as against a standard deviation
# Counts and geometry: their limits say enough. clipped_share: a head that is not clipped has one voxel at the highest
# value, or two, which would be an outlier among ones.
UNCOMPARED = ("spacing_", "fov_", "n_volumes", "grey_levels", "registration_", "volume_ml", "stretch_", "_volumes",
              "clipped_share")  # fmt: skip


Pair = tuple[int, int, float, bool]


def copies(sketches: NDArray, kinds: Sequence[str]) -> list[Pair]:
    """(i, j, correlation, mirrored) of every pair i < j of likenesses (n, x, y, z) that are nearly one image.

    kinds (n,): of the images. Where both are of ALIKE_DETAIL, the correlation is that of their detail.
    """
    coarse = [i for i, kind in enumerate(kinds) if kind in ALIKE_DETAIL]
    by_detail = {*coarse}
    out = [pair for pair in _pairs(sketches, ALIKE) if not {pair[0], pair[1]} <= by_detail]
    if coarse:
        for i, j, r, turned in _pairs(detail(sketches[coarse]), min(ALIKE_DETAIL.values())):
            first, second = coarse[i], coarse[j]
            if r >= max(ALIKE_DETAIL[kinds[first]], ALIKE_DETAIL[kinds[second]]):
                out.append((first, second, r, turned))
    return sorted(out)


def _pairs(images: NDArray, least: float) -> list[Pair]:
    """Pairs that correlate by `least` and more, as they are or one of them mirrored."""
    straight, turned = unit(images), unit(mirrored(images))
    out = []
    for low in range(0, len(straight), BLOCK):
        some = straight[low : low + BLOCK]
        for high in range(low, len(straight), BLOCK):
            as_is = some @ straight[high : high + BLOCK].T
            other = some @ turned[high : high + BLOCK].T
            for i, j in np.argwhere(np.maximum(as_is, other) >= least):
                if low + i < high + j:
                    best = float(max(as_is[i, j], other[i, j]))
                    out.append((low + int(i), high + int(j), best, bool(other[i, j] > as_is[i, j])))
    return out


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Departure from the median in robust standard deviations (1.4826 MAD); on logarithms where all are above 0.

    A spread that is told by few images is uncertain: the departure counts as Student's t of MAD_EFFICIENCY (n - 1)
    degrees of freedom, and is given as the normal deviate of the same probability, up to 8.

    NaN where a value is missing, fewer than MIN_GROUP are known, or most are the same.
    """
    known = np.isfinite(values)
    out = np.full(values.shape, np.nan)
    if known.sum() < MIN_GROUP:
        return out
    some = np.log(values[known]) if (values[known] > 0).all() else values[known]
    away = some - np.median(some)
    spread = 1.4826 * float(np.median(np.abs(away)))
    if spread > 1e-9:
        from scipy import stats

        tail = stats.t.sf(np.abs(away) / spread, MAD_EFFICIENCY * (known.sum() - 1))
        out[known] = np.sign(away) * np.minimum(stats.norm.isf(tail), 8.0)
    return out


def outlier_scores(groups: Sequence[Hashable], metrics: list[str], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust z of every row of the quality table within its group and metric; NaN where it is not compared."""
    out = np.full(len(values), np.nan)
    rows: dict[tuple[Hashable, str], list[int]] = {}
    for i, (group, metric) in enumerate(zip(groups, metrics, strict=True)):
        if not any(part in metric for part in UNCOMPARED):
            rows.setdefault((group, metric), []).append(i)
    for indices in rows.values():
        out[indices] = robust_z(values[indices])
    return out


def is_outlier(metric: str, z: float) -> bool:
    """Beyond OUTLIER_Z on the bad side of the metric (either side where it should be in range)."""
    if not np.isfinite(z):
        return False
    better = METRICS[metric].better
    return bool(z < -OUTLIER_Z if better == "higher" else z > OUTLIER_Z if better == "lower" else abs(z) > OUTLIER_Z)
