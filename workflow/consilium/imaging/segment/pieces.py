"""From probabilities to a mask: threshold, removal of small pieces, and how both are chosen; Dice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

NDArray = np.ndarray
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SMALLEST_ML = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Rule:
    """threshold: probability from which a voxel counts. smallest_ml: pieces below are dropped (26 neighbours)."""

    threshold: float = 0.5
    smallest_ml: float = 0.5


def cleaned(probability: NDArray, voxel_ml: float, rule: Rule) -> NDArray:
    """Boolean mask. Where only pieces below `smallest_ml` are found, nothing is found."""
    found = probability >= rule.threshold
    labels, count = ndimage.label(found, structure=np.ones((3, 3, 3)))
    if not count:
        return np.asarray(found)
    keep = np.bincount(labels.ravel()) * voxel_ml >= rule.smallest_ml
    keep[0] = False
    return np.asarray(keep[labels])


def dice(found: NDArray, truth: NDArray) -> float:
    """2 |A and B| / (|A| + |B|) over the whole stack, empty slices included; 1 where both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def choose(probabilities: Sequence[NDArray], truths: Sequence[NDArray], voxel_ml: Sequence[float]) -> Rule:
    """Rule with the best mean Dice in the tuning patients; of equal ones (to 0.001) that nearest to the default."""
    default = Rule()
    if not probabilities:
        return default
    scored = []
    for threshold in THRESHOLDS:
        for smallest in SMALLEST_ML:
            rule = Rule(threshold, smallest)
            each = [dice(cleaned(p, v, rule), t) for p, t, v in zip(probabilities, truths, voxel_ml, strict=True)]
            far = (abs(threshold - default.threshold), abs(smallest - default.smallest_ml))
            scored.append((-round(float(np.mean(each)), 3), far, rule))
    return min(scored, key=lambda s: s[:2])[2]
