"""Metrics with bootstrap intervals: every metric takes row weights, so one code gives the value and its replicates.

weights: (replicate, row), how often each row was drawn. Values: (replicate,), NaN where a replicate cannot be judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.judge import censored
from consilium.learn.uncertainty import calibration

Array = np.ndarray
Metric = Callable[[Target, Array, Array], Array]
BETTER = {
    "auc": "higher", "auc_within_folds": "higher", "auprc": "higher", "balanced_accuracy": "higher", "brier": "lower",
    "log_loss": "lower", "ece": "lower", "quadratic_kappa": "higher", "level_error": "lower", "c_index": "higher",
    "c_index_within_folds": "higher", "c_uno": "higher", "auc_over_time": "higher", "ibs": "lower", "mae": "lower",
    "r2": "higher", "sensitivity": "higher", "specificity": "higher", "ppv": "higher", "npv": "higher",
    "calibration_slope": "nearest 1", "calibration_intercept": "nearest 0",
}  # fmt: skip
# Computed for the shipped model alone: they need its threshold or its survival curves, or take long.
SHIPPED_ONLY = (
    "sensitivity", "specificity", "ppv", "npv", "calibration_slope", "calibration_intercept", "ibs",
)  # fmt: skip
# What a metric can be; the others lie between 0 and 1.
BOUNDS = {
    "brier": (0.0, 2.0), "log_loss": (0.0, np.inf), "mae": (0.0, np.inf), "level_error": (0.0, np.inf),
    "r2": (-np.inf, 1.0), "quadratic_kappa": (-1.0, 1.0), "calibration_slope": (-np.inf, np.inf),
    "calibration_intercept": (-np.inf, np.inf),
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


def auprc(target: Target, p: Array, weights: Array) -> Array:
    """Area under the precision-recall curve as average precision; macro one-vs-rest mean for several classes.

    The sum over thresholds of the rise in recall times the precision there (doi:10.1145/1143844.1143874); chance is the
    share of the class.
    """
    classes = [1] if target.width == 2 else range(target.width)
    return np.mean([_average_precision(target.y == k, p[:, k], weights) for k in classes], axis=0)


def _average_precision(positive: Array, score: Array, weights: Array) -> Array:
    levels, code = np.unique(-score, return_inverse=True)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(len(levels)))
    hit = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
    called = np.cumsum(np.add.reduceat(weights[:, order], starts, axis=1), axis=1)
    precision = np.cumsum(hit, axis=1) / np.maximum(called, 1e-12)
    return _ratio((hit * precision).sum(axis=1), hit.sum(axis=1))


def at_cut(cut: Array) -> dict[str, Metric]:
    """Sensitivity, specificity, positive and negative predictive value of calling the second of two classes from `cut`
    (row,) on: each row's threshold was chosen on inner folds of the patients its models were fitted on."""

    def share(of: Callable[[Array, Array], Array], hit: Callable[[Array, Array], Array]) -> Metric:
        def figure(target: Target, p: Array, weights: Array) -> Array:
            called, sick = p[:, 1] >= cut, target.y == 1
            return _ratio(weights @ (of(called, sick) & hit(called, sick)), weights @ of(called, sick))

        return figure

    return {
        "sensitivity": share(lambda called, sick: sick, lambda called, sick: called),
        "specificity": share(lambda called, sick: ~sick, lambda called, sick: ~called),
        "ppv": share(lambda called, sick: called, lambda called, sick: sick),
        "npv": share(lambda called, sick: ~called, lambda called, sick: ~sick),
    }


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


def quadratic_kappa(target: Target, p: Array, weights: Array) -> Array:
    """Agreement of the most probable level with the true one beyond chance, errors squared (doi:10.1037/h0026256).

    1 = always right, 0 = as by chance; ordered classes only.
    """
    k = target.width
    named, truth = np.eye(k)[p.argmax(axis=1)], np.eye(k)[target.y]
    cost = (np.arange(k)[:, None] - np.arange(k)[None, :]) ** 2.0
    observed = weights @ (named @ cost * truth).sum(axis=1)
    share_named, share_true = weights @ named, weights @ truth
    expected = np.einsum("rj,jk,rk->r", share_named, cost, share_true)
    return 1 - _ratio(observed * weights.sum(axis=1), expected)


def level_error(target: Target, p: Array, weights: Array) -> Array:
    """Mean distance in levels between the most probable level and the true one; ordered classes only."""
    return _ratio(weights @ np.abs(p.argmax(axis=1) - target.y).astype(float), weights.sum(axis=1))


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


def all_of(target: Target, fold: Array, cut: Array | None = None, times: tuple[float, ...] = ()) -> dict[str, Metric]:
    """The metrics of a kind of task, the main one first. cut: see at_cut (NaN: none); times: see censored.of."""

    def inside(target: Target, score: Array, weights: Array) -> Array:
        return within(fold, target, score, weights)

    slope: dict[str, Metric] = {"calibration_slope": calibration.slope}
    if target.kind == "classification":
        called = at_cut(cut) if cut is not None and np.isfinite(cut).all() else {}
        return {
            "auc": auc, "auc_within_folds": inside, "auprc": auprc, "balanced_accuracy": balanced_accuracy,
            "brier": brier, "log_loss": log_loss, "ece": ece, **called, **slope,
            **({"calibration_intercept": calibration.intercept} if target.width == 2 else {}),
            **({"quadratic_kappa": quadratic_kappa, "level_error": level_error} if target.ordered else {}),
        }  # fmt: skip
    if target.kind == "survival":
        over_time = censored.of(times) if len(times) > 1 else {}
        return {"c_index": c_index, "c_index_within_folds": inside, **over_time, **slope}
    return {"mae": mae, "r2": r2}
