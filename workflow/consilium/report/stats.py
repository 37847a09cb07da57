"""Statistics behind the cohort figures: ROC with bootstrap over groups, calibration, Kaplan-Meier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consilium.core.statistics import interval

Array = np.ndarray
GRID = np.linspace(0.0, 1.0, 101)


def roc_points(positive: Array, score: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """(false positive rate, true positive rate), from (0, 0) to (1, 1), one point a distinct score.

    positive: (n,) bool. score: (n,), higher = more positive. weight: (n,) copies of each patient, default 1.
    NaN rates when a class is absent.
    """
    w = np.ones(len(score)) if weight is None else weight.astype(float)
    order = np.argsort(-score, kind="stable")
    hits, misses = np.cumsum((w * positive)[order]), np.cumsum((w * ~positive)[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # ties move together
    with np.errstate(invalid="ignore", divide="ignore"):
        tpr, fpr = hits[last] / hits[-1], misses[last] / misses[-1]
    return np.append(0.0, fpr), np.append(0.0, tpr)


def auc(positive: Array, score: Array, weight: Array | None = None) -> float:
    """Area under the ROC curve, higher is better; ties count half (10.1148/radiology.143.1.7063747)."""
    fpr, tpr = roc_points(positive, score, weight)
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def roc_band(
    positive: Array, score: Array, weights: Array, crossed: bool = False
) -> tuple[Array, Array, tuple[float, float]]:
    """95 % pointwise band of the true positive rate on GRID and interval of the AUC, from bootstrap weights.

    crossed: see core.statistics. Draws in which a class is absent are left out.
    """
    curves, areas = [], []
    for w in weights:
        fpr, tpr = roc_points(positive, score, w)
        if np.isfinite(fpr).all() and np.isfinite(tpr).all():
            curves.append(np.interp(GRID, fpr, tpr))
            areas.append(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    if not curves:
        return np.full(len(GRID), np.nan), np.full(len(GRID), np.nan), (np.nan, np.nan)
    return _ends(curves, areas, crossed)


def _ends(curves: Sequence[Array], areas: Sequence[Array], crossed: bool) -> tuple[Array, Array, tuple[float, float]]:
    low, high = interval(np.array(curves), (0, 1), crossed)
    ends = interval(np.array(areas), (0, 1), crossed)
    return low, high, (float(ends[0]), float(ends[1]))


def precision_points(positive: Array, score: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """(recall, precision), recall rising, one point a distinct score; NaN recall when there is no positive.

    positive: (n,) bool. score: (n,), higher = more positive. weight: (n,) copies of each patient, default 1.
    """
    w = np.ones(len(score)) if weight is None else weight.astype(float)
    order = np.argsort(-score, kind="stable")
    hits, called = np.cumsum((w * positive)[order]), np.cumsum(w[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = hits[last] / hits[-1], hits[last] / called[last]
    precision = np.where(called[last] > 0, precision, 1.0)
    return np.append(0.0, recall), np.append(precision[:1], precision)


def average_precision(positive: Array, score: Array, weight: Array | None = None) -> float:
    """Area under the precision-recall curve as a sum of steps, higher is better (10.1145/1143844.1143874)."""
    recall, precision = precision_points(positive, score, weight)
    return float(np.sum(np.diff(recall) * precision[1:]))


def precision_band(
    positive: Array, score: Array, weights: Array, crossed: bool = False
) -> tuple[Array, Array, tuple[float, float]]:
    """95 % pointwise band of the precision on GRID and interval of the area, from bootstrap weights.

    crossed: see core.statistics. Draws without a positive are left out.
    """
    curves, areas = [], []
    for w in weights:
        recall, precision = precision_points(positive, score, w)
        if np.isfinite(recall).all():
            at = np.minimum(np.searchsorted(recall, GRID - 1e-12), len(recall) - 1)
            curves.append(precision[at])
            areas.append(np.sum(np.diff(recall) * precision[1:]))
    if not curves:
        return np.full(len(GRID), np.nan), np.full(len(GRID), np.nan), (np.nan, np.nan)
    return _ends(curves, areas, crossed)


def wilson(hits: Array, n: Array) -> tuple[Array, Array]:
    """95 % score interval of a share (Wilson, 10.1080/01621459.1927.10502953)."""
    z = 1.959963984540054
    p, n = hits / n, np.asarray(n, dtype=float)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return centre - half, centre + half


def calibration_bins(positive: Array, probability: Array, bins: int) -> dict[str, Array]:
    """Mean probability, observed share with Wilson interval and size of bins of about equal size."""
    order = np.argsort(probability, kind="stable")
    parts = [p for p in np.array_split(order, max(1, min(bins, len(order) // 5 or 1))) if len(p)]
    n = np.array([len(p) for p in parts])
    hits = np.array([positive[p].sum() for p in parts])
    low, high = wilson(hits, n)
    mean = np.array([probability[p].mean() for p in parts])
    return {"mean": mean, "observed": hits / n, "lower": low, "upper": high, "n": n}


def calibration_error(bins: dict[str, Array]) -> float:
    """Expected calibration error, lower is better: size-weighted |observed - mean| (10.1609/aaai.v29i1.9602)."""
    return float(np.average(np.abs(bins["observed"] - bins["mean"]), weights=bins["n"]))


def kaplan_meier(time: Array, event: Array) -> dict[str, Array]:
    """Survival and its 95 % log-log interval at each event time (Kaplan & Meier, 10.1080/01621459.1958.10501452).

    Starts with (0, 1). The interval is NaN where survival is 0 or 1 (Greenwood's variance on the log-log scale).
    """
    times = np.unique(time[event])
    at_risk = np.array([(time >= t).sum() for t in times], dtype=float)
    deaths = np.array([(event & (time == t)).sum() for t in times], dtype=float)
    survival = np.cumprod(1 - deaths / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        spread = 1.959963984540054 * np.sqrt(variance) / np.log(survival)
        low, high = survival ** np.exp(-spread), survival ** np.exp(spread)
    edge = ~np.isfinite(spread)
    low[edge] = high[edge] = np.nan
    return {"time": np.append(0.0, times), "survival": np.append(1.0, survival), "lower": np.append(np.nan, low),
            "upper": np.append(np.nan, high)}  # fmt: skip


def thirds_within(score: Array, fold: Sequence[str]) -> Array:
    """0, 1, 2 = lowest, middle, highest third of the score within each fold: folds have different models."""
    out = np.zeros(len(score), dtype=int)
    folds = np.asarray(fold, dtype=str)
    for name in np.unique(folds):
        rows = np.flatnonzero(folds == name)
        rank = np.argsort(np.argsort(score[rows], kind="stable"), kind="stable")
        out[rows] = np.minimum(rank * 3 // len(rows), 2)
    return out
