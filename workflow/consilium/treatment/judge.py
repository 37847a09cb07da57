"""What the estimates may claim: the average effect, whether individuals differ, overlap, balance, sensitivity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.treatment.learner import Fitted, overlapping, within
from consilium.treatment.nuisance import Study

LEVEL = 0.975  # two-sided 95 %
NEIGHBOURS, CALIPER = 20, 0.1


@dataclass(frozen=True)
class Average:
    """Average effect over patients with overlap, and its 95 % interval (standard error clustered by group)."""

    estimate: float
    lower: float
    upper: float
    se: float
    n: int


@dataclass(frozen=True)
class Heterogeneity:
    """Slope of the doubly robust scores on the out-of-fold effects: 1 = as estimated, 0 = no individual difference.

    passed: the lower end of the 95 % interval is above 0 (median over the splits). thirds: average score in the
    thirds of the estimated effect, lowest first.
    """

    slope: float
    lower: float
    upper: float
    passed: bool
    thirds: list[float]


def _quantile(groups: np.ndarray) -> float:
    from scipy.stats import t

    return float(t.ppf(LEVEL, max(len(np.unique(groups)) - 1, 1)))


def _clustered(values: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of a sum of `values` that are independent between groups only."""
    _, code = np.unique(groups, return_inverse=True)
    n = code.max() + 1
    return float(np.sqrt((np.bincount(code, values) ** 2).sum() * n / max(n - 1, 1)))


def average(study: Study, fitted: Fitted) -> Average:
    """Mean doubly robust score of the patients with overlap, over the splits."""
    own = overlapping(within(fitted)[0])
    score = np.mean([r.score for r in fitted.repeats], axis=0)[own]
    groups = study.groups[own]
    estimate = float(score.mean())
    se = _clustered(score - estimate, groups) / len(score)
    half = _quantile(groups) * se
    return Average(estimate, estimate - half, estimate + half, se, len(score))


def heterogeneity(study: Study, fitted: Fitted) -> Heterogeneity:
    """Best linear predictor test (doi 10.3982/ECTA19303), within folds, errors clustered by group."""
    found = np.array([_slope(study, r.score, r.effect, r.fold, overlapping(r.propensity)) for r in fitted.repeats])
    score = np.mean([r.score for r in fitted.repeats], axis=0)
    e, effect, _ = within(fitted)
    own = np.flatnonzero(overlapping(e))
    order = own[np.argsort(effect[own], kind="stable")]
    thirds = [float(score[part].mean()) for part in np.array_split(order, 3) if len(part)]
    if np.isnan(found).any():  # the effect model found nothing at all in some split
        return Heterogeneity(np.nan, np.nan, np.nan, False, thirds)
    slope, lower, upper = (float(v) for v in np.median(found, axis=0))
    return Heterogeneity(slope, lower, upper, lower > 0, thirds)


def _slope(
    study: Study, score: np.ndarray, effect: np.ndarray, fold: np.ndarray, own: np.ndarray
) -> tuple[float, float, float]:
    y, x = score.copy(), effect.copy()
    for k in np.unique(fold):  # each fold has its own model: only differences within a fold are compared
        inside = own & (fold == k)
        if inside.any():
            y[inside] -= y[inside].mean()
            x[inside] -= x[inside].mean()
    y, x, groups = y[own], x[own], study.groups[own]
    if len(y) < 10 or x.std() < 1e-3 * y.std():
        return np.nan, np.nan, np.nan
    slope = float(x @ y / (x @ x))
    half = _quantile(groups) * _clustered(x * (y - slope * x), groups) / float(x @ x)
    return slope, slope - half, slope + half


def overlap_verdicts(propensity: np.ndarray, study_propensity: np.ndarray, t: np.ndarray) -> list[str]:
    """green: 0.1-0.9 and 20 patients of each arm within 0.1; amber: 0.05-0.95; red: outside."""
    out = []
    for e in propensity:
        near = np.abs(study_propensity - e) <= CALIPER
        counts = [int((near & (t == arm)).sum()) for arm in (0, 1)]
        if not overlapping(np.array([e]))[0]:
            out.append("red")
        else:
            out.append("green" if 0.1 <= e <= 0.9 and min(counts) >= NEIGHBOURS else "amber")
    return out


def effective_sizes(study: Study, propensity: np.ndarray) -> dict[str, float]:
    """Kish's effective number of patients of each arm under inverse propensity weights."""
    w = np.where(study.t == 1, 1 / propensity, 1 / (1 - propensity))
    return {
        name: float(w[study.t == arm].sum() ** 2 / (w[study.t == arm] ** 2).sum())
        for name, arm in (("option", 1), ("reference", 0))
    }


def balance(study: Study, propensity: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    """Standardised mean difference of each covariate between the arms, before and after weighting; small is good."""
    w = np.where(study.t == 1, 1 / propensity, 1 / (1 - propensity))
    out = []
    for name, column in zip(names, study.x.T, strict=True):
        seen = ~np.isnan(column)
        arms = [seen & (study.t == arm) for arm in (0, 1)]
        if min(a.sum() for a in arms) < 2:
            continue
        sd = np.sqrt(np.mean([column[a].var(ddof=1) for a in arms]))
        if sd < 1e-12:
            continue
        before = (column[arms[1]].mean() - column[arms[0]].mean()) / sd
        after = (np.average(column[arms[1]], weights=w[arms[1]]) - np.average(column[arms[0]], weights=w[arms[0]])) / sd
        out.append({"covariate": name, "before": float(before), "after": float(after)})
    return out


def e_value(estimate: float, sd: float) -> float:
    """Risk ratio an unmeasured confounder needs to explain the effect away (doi 10.7326/M16-2607); 1 = any would do."""
    if not sd > 0:
        return float("nan")
    ratio = float(np.exp(0.91 * abs(estimate) / sd))
    return ratio + float(np.sqrt(ratio * (ratio - 1)))


def policy_gain(study: Study, fitted: Fitted, higher_is_better: bool) -> dict[str, dict[str, float]]:
    """Mean outcome gained (doubly robust) by giving each what the estimate favours, against the same for all."""
    e, effect, _ = within(fitted)
    own = overlapping(e)
    sign = 1.0 if higher_is_better else -1.0
    score = np.mean([r.score for r in fitted.repeats], axis=0)[own] * sign
    chosen = (effect[own] * sign > 0).astype(float)
    out = {}
    for name, gain in (("against_option_for_all", score * (chosen - 1)), ("against_reference_for_all", score * chosen)):
        half = _quantile(study.groups[own]) * _clustered(gain - gain.mean(), study.groups[own]) / len(gain)
        out[name] = {"gain": float(gain.mean()), "lower": float(gain.mean() - half), "upper": float(gain.mean() + half)}
    return out
