"""90 % prediction sets and intervals from out-of-fold scores (cross-conformal; doi:10.1214/20-AOS1965)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.heads import Prior, softmax

Array = np.ndarray
LEVEL = 0.9
MIN_CLASS = 20  # rows of a class for a threshold of its own


@dataclass(frozen=True)
class Conformal:
    """thresholds: classification, largest 1 - p that still belongs to the set, per class; regression, half width."""

    thresholds: tuple[float, ...]
    pooled: tuple[bool, ...]  # class whose threshold comes from all classes together

    def sets(self, p: Array) -> list[list[int]]:
        """Classes in each row's set; the most probable class always belongs to it."""
        inside = 1 - p <= np.array(self.thresholds)[None, :] + 1e-12
        inside[np.arange(len(p)), p.argmax(axis=1)] = True
        return [list(np.flatnonzero(row)) for row in inside]

    def facts(self) -> dict[str, Any]:
        return {"level": LEVEL, "thresholds": list(self.thresholds), "pooled": list(self.pooled)}


def _quantile(scores: Array) -> float:
    """The ceil((n + 1) level)-th smallest score; infinite when there are too few scores."""
    n = len(scores)
    rank = int(np.ceil((n + 1) * LEVEL))
    return float(np.sort(scores)[rank - 1]) if rank <= n else float("inf")


def fit(eta: Array, target: Target, at: Prior) -> Conformal | None:
    """From out-of-fold calibrated eta; None for survival (no set is given)."""
    if target.kind == "survival":
        return None
    if target.kind == "regression":
        half = _quantile(np.abs(target.y - at.centre - at.scale * eta[:, 0]))
        return Conformal((half,), (True,))
    scores = 1 - softmax(eta)[np.arange(len(target)), target.y]
    everyone = min(_quantile(scores), 1.0)
    thresholds, pooled = [], []
    for k in range(target.width):
        own = scores[target.y == k]
        pooled.append(len(own) < MIN_CLASS)
        thresholds.append(everyone if len(own) < MIN_CLASS else min(_quantile(own), 1.0))
    return Conformal(tuple(thresholds), tuple(pooled))
