"""Decision curves: net benefit of acting on the prediction, beside acting on everybody or nobody."""

from __future__ import annotations

from typing import Any

import numpy as np

from consilium.core.statistics import interval
from consilium.learn.cohort.tasks import Target

Array = np.ndarray
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))


def net_benefit(positive: Array, p: Array, weights: Array, threshold: float) -> Array:
    """True positives less false positives at the odds of `threshold`, per patient (doi:10.1177/0272989X06295361).

    positive, p: (row,); weights: (replicate, row). Acting on nobody has 0; higher is better.
    """
    total = np.maximum(weights.sum(axis=1), 1)
    called = p >= threshold
    true, false = weights @ (called & positive), weights @ (called & ~positive)
    return (true - false * threshold / (1 - threshold)) / total


def curve(target: Target, p: Array, weights: Array, crossed: bool = False) -> list[dict[str, Any]]:
    """Rows of table `decision_curve`: the second of two classes, or each class against the rest; none else.

    weights: the bootstrap's (replicate, row); crossed: see core.statistics.
    """
    if target.kind != "classification":
        return []
    both = np.concatenate([np.ones((1, len(target))), weights])
    out = []
    for k in [1] if target.width == 2 else range(target.width):
        positive = target.y == k
        for t in THRESHOLDS:
            model = net_benefit(positive, p[:, k], both, t)
            everybody = net_benefit(positive, np.ones(len(p)), both[:1], t)
            low, high = interval(model[1:], crossed=crossed)
            out.append({
                "class": target.classes[k], "threshold": t, "model": float(model[0]), "lower": float(low),
                "upper": float(high), "everybody": float(everybody[0]), "n": len(target),
            })  # fmt: skip
    return out
