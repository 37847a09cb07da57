"""Metrics with bootstrap intervals: every metric takes row weights, so one code gives the value and its replicates.

weights: (replicate, row), how often each row was drawn. Values: (replicate,), NaN where a replicate cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from consilium.learn.cohort.tasks import Target

Array = np.ndarray
Metric = Callable[[Target, Array, Array], Array]
BETTER = {
    "auc": "higher", "auc_within_folds": "higher", "average_precision": "higher", "balanced_accuracy": "higher",
    "brier": "lower", "log_loss": "lower",
    "ece": "lower", "c_index": "higher", "c_index_within_folds": "higher", "mae": "lower", "r2": "higher",
}  # fmt: skip
MAIN = {"classification": "auc", "survival": "c_index", "regression": "mae"}


def _ratio(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b > 0, a / np.where(b > 0, b, 1), np.nan)


def _concordance(positive: Array, score: Array, weights: Array) -> tuple[Array, Array]:
    """(concordant pairs, ties half; all pairs) of positive and negative rows, per replicate."""
    levels, code = np.unique(score, return_inverse=True)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(len(levels)))
    pos = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
    neg = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)
    below = np.cumsum(neg, axis=1) - 0.5 * neg
    return (pos * below).sum(axis=1), pos.sum(axis=1) * neg.sum(axis=1)


def auc(target: Target, p: Array, weights: Array) -> Array:
    """Area under the ROC curve; macro one-vs-rest mean for several classes (doi:10.1148/radiology.143.1.7063747)."""
    classes = [1] if target.width == 2 else range(target.width)
    return np.mean([_ratio(*_concordance(target.y == k, p[:, k], weights)) for k in classes], axis=0)


def average_precision(target: Target, p: Array, weights: Array) -> Array:
    """Area under the precision-recall curve by steps, macro mean over classes as in `auc`; chance is the class share.

    sum over score levels of (recall gained) x (precision at that level), doi:10.1371/journal.pone.0118432.
    """
    classes = [1] if target.width == 2 else range(target.width)
    return np.mean([_precision(target.y == k, p[:, k], weights) for k in classes], axis=0)


def _precision(positive: Array, score: Array, weights: Array) -> Array:
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # ties come together
    hits = np.cumsum((weights * positive)[:, order], axis=1)[:, last]
    called = np.cumsum(weights[:, order], axis=1)[:, last]
    precision = hits / np.where(called > 0, called, 1)
    return _ratio((np.diff(hits, axis=1, prepend=0) * precision).sum(axis=1), hits[:, -1])


def balanced_accuracy(target: Target, p: Array, weights: Array) -> Array:
    """Mean over classes of the share of their rows whose most probable class is right."""
    hit = (p.argmax(axis=1) == target.y).astype(float)
    parts = []
    for k in range(target.width):
        own = weights * (target.y == k)
        parts.append(_ratio(own @ hit, own.sum(axis=1)))
    return np.mean(parts, axis=0)


def brier(target: Target, p: Array, weights: Array) -> Array:
    """Mean over rows of the summed squared error of all class probabilities (0 to 2; Brier 1950)."""
    truth = np.eye(target.width)[target.y]
    return _ratio(weights @ ((p - truth) ** 2).sum(axis=1), weights.sum(axis=1))


def log_loss(target: Target, p: Array, weights: Array) -> Array:
    """Mean negative log probability of the true class."""
    return _ratio(weights @ -np.log(np.maximum(p[np.arange(len(p)), target.y], 1e-12)), weights.sum(axis=1))


def ece(target: Target, p: Array, weights: Array) -> Array:
    """Expected calibration error of the most probable class, ten equal-width bins (arXiv:1706.04599)."""
    confidence, hit = p.max(axis=1), (p.argmax(axis=1) == target.y).astype(float)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gap = sum(np.abs((weights * (bins == b)) @ (hit - confidence)) for b in range(10))
    return _ratio(np.asarray(gap), weights.sum(axis=1))


def c_index(target: Target, risk: Array, weights: Array) -> Array:
    """Harrell's C: pairs in which the earlier event had the higher risk (doi:10.1001/jama.1982.03320430047030)."""
    good, pairs = _harrell(target, risk[:, 0])
    return _ratio(((weights @ good) * weights).sum(axis=1), ((weights @ pairs) * weights).sum(axis=1))


def _harrell(target: Target, risk: Array) -> tuple[Array, Array]:
    t, e = target.time, target.event == 1
    earlier = (t[:, None] < t[None, :]) | ((t[:, None] == t[None, :]) & ~e[None, :])
    pairs = (e[:, None] & earlier).astype(np.float32)
    np.fill_diagonal(pairs, 0)
    good = pairs * ((risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])).astype(np.float32)
    return good, pairs


def mae(target: Target, value: Array, weights: Array) -> Array:
    """Mean absolute error, in units of the outcome."""
    return _ratio(weights @ np.abs(value[:, 0] - target.y), weights.sum(axis=1))


def r2(target: Target, value: Array, weights: Array) -> Array:
    """1 - squared error / squared deviation from the mean."""
    total = weights.sum(axis=1)
    mean = _ratio(weights @ target.y, total)
    spread = _ratio(weights @ target.y**2, total) - mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-12, 1 - _ratio(weights @ (value[:, 0] - target.y) ** 2, total) / spread, np.nan)


def within(fold: Array, target: Target, score: Array, weights: Array) -> Array:
    """AUC or C-index from pairs of the same outer fold alone: models of different folds are never compared."""
    top, bottom = [], []
    columns = range(target.width) if target.width > 2 else [target.width - 1]
    for k in columns:
        good, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for f in np.unique(fold):
            rows = np.flatnonzero(fold == f)
            w = weights[:, rows]
            if target.kind == "survival":
                a, b = _harrell(target.take(rows), score[rows, 0])
                good, pairs = good + ((w @ a) * w).sum(axis=1), pairs + ((w @ b) * w).sum(axis=1)
            else:
                a, b = _concordance(target.y[rows] == k, score[rows, k], w)
                good, pairs = good + a, pairs + b
        top.append(good)
        bottom.append(pairs)
    return np.mean([_ratio(a, b) for a, b in zip(top, bottom, strict=True)], axis=0)


def all_of(kind: str, fold: Array) -> dict[str, Metric]:
    """The metrics of a kind of task, the main one first."""

    def inside(target: Target, score: Array, weights: Array) -> Array:
        return within(fold, target, score, weights)

    if kind == "classification":
        return {
            "auc": auc, "auc_within_folds": inside, "average_precision": average_precision,
            "balanced_accuracy": balanced_accuracy, "brier": brier,
            "log_loss": log_loss, "ece": ece,
        }  # fmt: skip
    return {"c_index": c_index, "c_index_within_folds": inside} if kind == "survival" else {"mae": mae, "r2": r2}


def interval(replicates: Array) -> tuple[float, float]:
    """95 % percentile interval; NaN when fewer than half of the replicates could be judged."""
    kept = replicates[np.isfinite(replicates)]
    if len(kept) < max(2, 0.5 * len(replicates)):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [0.025, 0.975])
    return float(low), float(high)
