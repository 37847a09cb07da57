"""Metrics of survival that allow for censoring by its inverse probability (IPCW), with row weights as in `metrics`.

The censoring distribution G is the Kaplan-Meier estimate over the judged rows, taken as independent of the predictors
and held fixed over the replicates of the bootstrap. Times beyond the last of `times` are not judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from consilium.learn.cohort.tasks import Target

Array = np.ndarray
Metric = Callable[[Target, Array, Array], Array]


def of(times: tuple[float, ...]) -> dict[str, Metric]:
    """Metrics at these rising times. Scores: (row, 1 + time): log relative hazard, survival at each time (or none)."""
    return {
        "c_uno": lambda target, score, weights: uno_c(target, score[:, 0], weights, times[-1]),
        "auc_over_time": lambda target, score, weights: auc_over_time(target, score[:, 0], weights, times),
        "ibs": lambda target, score, weights: integrated_brier(target, score[:, 1:], weights, times),
    }


def censoring(target: Target, at: Array) -> Array:
    """G(t-): probability of being uncensored until just before each time of `at`; censoring after events of a time."""
    times = np.unique(target.time[target.event == 0])
    lost = np.array([((target.time == c) & (target.event == 0)).sum() for c in times])
    at_risk = np.array([((target.time > c) | ((target.time == c) & (target.event == 0))).sum() for c in times])
    steps = np.r_[1.0, np.cumprod(1 - lost / at_risk)]
    return steps[np.searchsorted(times, at, side="left")]


def uno_c(target: Target, risk: Array, weights: Array, until: float) -> Array:
    """Uno's C (doi:10.1002/sim.4154): Harrell's pairs weighted by 1 / G(event time)^2, up to time `until`. Higher is
    better, .5 = chance; unlike Harrell's it does not depend on how the study was censored."""
    t, e = target.time, (target.event == 1) & (target.time <= until)
    share = np.where(e, 1 / np.maximum(censoring(target, t), 1e-6) ** 2, 0.0)
    earlier = (t[:, None] < t[None, :]) | ((t[:, None] == t[None, :]) & (target.event[None, :] == 0))
    pairs = (earlier * share[:, None]).astype(np.float32)
    np.fill_diagonal(pairs, 0)
    good = pairs * ((risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])).astype(np.float32)
    return _ratio(((weights @ good) * weights).sum(axis=1), ((weights @ pairs) * weights).sum(axis=1))


def auc_over_time(target: Target, risk: Array, weights: Array, times: tuple[float, ...]) -> Array:
    """Mean over `times` of the cumulative / dynamic AUC (doi:10.1198/016214507000000149): patients with an event by t,
    weighted by 1 / G, against those beyond t. Higher is better, .5 = chance."""
    share = np.where(target.event == 1, 1 / np.maximum(censoring(target, target.time), 1e-6), 0.0)
    levels, code = np.unique(risk, return_inverse=True)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(len(levels)))
    found = []
    for t in times:
        cases = np.add.reduceat((weights * share * (target.time <= t))[:, order], starts, axis=1)
        controls = np.add.reduceat((weights * (target.time > t))[:, order], starts, axis=1)
        below = np.cumsum(controls, axis=1) - 0.5 * controls
        found.append(_ratio((cases * below).sum(axis=1), cases.sum(axis=1) * controls.sum(axis=1)))
    return np.mean(found, axis=0)


def integrated_brier(target: Target, survival: Array, weights: Array, times: tuple[float, ...]) -> Array:
    """Integrated Brier score (Graf 1999, doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5):
    squared error of the predicted survival at each time, weighted by 1 / G; mean over `times` by the trapezoid rule.
    0 to 1, lower is better. NaN for a model that gives no survival probabilities."""
    if survival.shape[1] != len(times) or len(times) < 2:
        return np.full(len(weights), np.nan)
    by_event = np.where(target.event == 1, 1 / np.maximum(censoring(target, target.time), 1e-6), 0.0)
    total, scores = weights.sum(axis=1), []
    for k, t in enumerate(times):
        # Just after t: who is censored at t itself is still known to be event-free at t.
        beyond = 1 / max(float(censoring(target, np.array([np.nextafter(t, np.inf)]))[0]), 1e-6)
        alive = target.time > t
        error = np.where(alive, beyond * (1 - survival[:, k]) ** 2, by_event * survival[:, k] ** 2)
        scores.append(_ratio(weights @ error, total))
    return np.trapezoid(scores, times, axis=0) / (times[-1] - times[0])


def _ratio(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b > 0, a / np.where(b > 0, b, 1), np.nan)
