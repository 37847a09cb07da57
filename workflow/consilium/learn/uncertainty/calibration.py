"""Calibration slope and intercept with row weights, so that the bootstrap is one call (doi:10.1186/s12916-019-1466-7).

Slope: coefficient of the prediction's own logit (log relative hazard) in a model of the outcome; 1 = calibrated, below
1 = too extreme, above 1 = too timid. Intercept: calibration in the large, the constant beside the logit taken as it is;
0 = calibrated, above 0 = the class is more frequent than predicted. Not penalised; NaN where the fit does not converge.
"""

from __future__ import annotations

import numpy as np

from consilium.learn.cohort.tasks import Target

Array = np.ndarray
STEPS = 25
LARGEST = 30.0  # coefficients beyond it: the classes are separated


def slope(target: Target, score: Array, weights: Array) -> Array:
    """(replicate,) from probabilities (row, class) or log relative hazard (row, 1 or more; the first counts)."""
    if target.kind == "survival":
        return _cox_slope(target, score[:, 0], weights)
    return np.mean([_logistic(target.y == k, _logit(score[:, k]), weights)[1] for k in _classes(target)], axis=0)


def intercept(target: Target, p: Array, weights: Array) -> Array:
    """(replicate,) from probabilities (row, 2). NaN for more classes: theirs offset each other."""
    if target.width != 2:
        return np.full(len(weights), np.nan)
    return _offset_only(target.y == 1, _logit(p[:, 1]), weights)


def _classes(target: Target) -> list[int]:
    return [1] if target.width == 2 else list(range(target.width))


def _logit(p: Array) -> Array:
    q = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(q / (1 - q))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(x, -40, 40)))


def _offset_only(y: Array, offset: Array, weights: Array) -> Array:
    a = np.zeros(len(weights))
    for _ in range(STEPS):
        mu = _sigmoid(a[:, None] + offset)
        step = (weights * (y - mu)).sum(axis=1) / np.maximum((weights * mu * (1 - mu)).sum(axis=1), 1e-12)
        a += np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-8:
            break
    return np.where(np.abs(a) < LARGEST, a, np.nan)


def _logistic(y: Array, x: Array, weights: Array) -> tuple[Array, Array]:
    """(intercept, slope) of the logistic regression of y on x, per replicate, by Newton's method."""
    a, b = np.zeros(len(weights)), np.zeros(len(weights))
    size = a
    for _ in range(STEPS):
        mu = _sigmoid(a[:, None] + b[:, None] * x)
        rest, h = weights * (y - mu), weights * mu * (1 - mu)
        g0, g1 = rest.sum(axis=1), rest @ x
        h0, h1, h2 = h.sum(axis=1), h @ x, h @ x**2
        det = np.maximum(h0 * h2 - h1**2, 1e-12)
        da, db = (h2 * g0 - h1 * g1) / det, (h0 * g1 - h1 * g0) / det
        size = np.maximum(np.abs(da), np.abs(db))
        shorten = np.minimum(1.0, 2.0 / np.maximum(size, 1e-12))
        a, b = a + shorten * da, b + shorten * db
        if size.max(initial=0) < 1e-8:
            break
    good = (size < 1e-4) & (np.abs(b) < LARGEST)
    return np.where(good, a, np.nan), np.where(good, b, np.nan)


def _cox_slope(target: Target, risk: Array, weights: Array) -> Array:
    """Coefficient of `risk` in a Cox model of its own (ties after Breslow), per replicate."""
    order = np.argsort(-target.time, kind="stable")
    t, x, w = target.time[order], risk[order] - risk.mean(), weights[:, order]
    last = np.searchsorted(-t, -t, side="right") - 1  # everybody with at least this time is at risk
    events = np.flatnonzero(target.event[order] == 1)
    at, we = last[events], w[:, events]
    b = np.zeros(len(weights))
    step = b
    for _ in range(STEPS):
        e = w * np.exp(np.clip(b[:, None] * x, -40, 40))
        s0, s1, s2 = (np.cumsum(e * x**k, axis=1)[:, at] for k in range(3))
        mean = s1 / np.maximum(s0, 1e-300)
        gradient = (we * (x[events] - mean)).sum(axis=1)
        curve = (we * (s2 / np.maximum(s0, 1e-300) - mean**2)).sum(axis=1)
        step = gradient / np.maximum(curve, 1e-12)
        b = b + np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-8:
            break
    return np.where((np.abs(step) < 1e-4) & (np.abs(b) < LARGEST), b, np.nan)
