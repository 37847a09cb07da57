"""From probabilities to a mask: threshold, holes, removal of small pieces, and how they are chosen; Dice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

NDArray = np.ndarray
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SMALLEST_ML = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LEAST_ML = 0.5  # a single piece from this on is never dropped


@dataclass(frozen=True)
class Rule:
    """threshold: probability from which a voxel counts. smallest_ml: pieces below are dropped (26 neighbours), but the
    largest one from LEAST_ML on."""

    threshold: float = 0.5
    smallest_ml: float = 0.5


def cleaned(probability: NDArray, voxel_ml: float, rule: Rule) -> NDArray:
    """Boolean mask. What a lesion encloses within a slice (a cyst, a cavity) is part of it.

    `smallest_ml` was chosen on patients who have a lesion: it tells what to drop beside one, not whether there is one.
    """
    found = np.array([ndimage.binary_fill_holes(one) for one in probability >= rule.threshold])
    labels, count = ndimage.label(found, structure=np.ones((3, 3, 3)))
    if not count:
        return np.asarray(found)
    size_ml = np.bincount(labels.ravel()) * voxel_ml
    size_ml[0] = 0
    keep = size_ml >= min(rule.smallest_ml, max(size_ml.max(), LEAST_ML))
    keep[0] = False
    return np.asarray(keep[labels])


def dice(found: NDArray, truth: NDArray) -> float:
    """2 |A and B| / (|A| + |B|) over the whole stack, empty slices included; 1 where both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def reached(probabilities: Sequence[NDArray], truths: Sequence[NDArray], voxel_ml: Sequence[float]) -> NDArray:
    """(threshold, smallest piece) mean Dice of the patients with each rule; NaN without a patient."""
    table = np.full((len(THRESHOLDS), len(SMALLEST_ML)), np.nan)
    if not probabilities:
        return table
    for i, j in np.ndindex(table.shape):
        rule = Rule(THRESHOLDS[i], SMALLEST_ML[j])
        table[i, j] = np.mean(
            [dice(cleaned(p, v, rule), t) for p, t, v in zip(probabilities, truths, voxel_ml, strict=True)]
        )
    return table


def best(tables: Sequence[ArrayLike], patients: Sequence[int]) -> Rule:
    """Rule with the best mean Dice over all patients; of equal ones (to 0.001) that nearest to the default.

    tables: what `reached` gave for each of several groups of patients. patients: their numbers.
    """
    default = Rule()
    if not any(patients):
        return default
    kept = [np.asarray(table, dtype=float) * n for table, n in zip(tables, patients, strict=True) if n]
    mean = np.round(np.sum(kept, axis=0) / sum(patients), 3)
    rules = [(mean[i, j], Rule(THRESHOLDS[i], SMALLEST_ML[j])) for i, j in np.ndindex(mean.shape)]

    def order(scored: tuple[float, Rule]) -> tuple[float, float, float]:
        dice_of, rule = scored
        return -dice_of, abs(rule.threshold - default.threshold), abs(rule.smallest_ml - default.smallest_ml)

    return min(rules, key=order)[1]
