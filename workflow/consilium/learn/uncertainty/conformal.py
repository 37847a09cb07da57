"""90 % sets, intervals and bounds from out-of-fold scores (cross-conformal; doi:10.1214/20-AOS1965).

A score says how badly a patient's outcome fits its prediction: 1 - p of the true class; |error| over its expected size;
predicted survival at the patient's time. The set holds every outcome whose score lies below the threshold. Thresholds
are additive in class and declared group, by quantile regression on their indicators (arXiv:2305.12616): each
class and each group with a shift of its own is covered at the level, also where groups overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.hazards import OwnCourses
from consilium.learn.models.heads import Course, Prior, softmax
from consilium.learn.uncertainty.groups import MIN_GROUP, Levels

Array = np.ndarray
LEVEL = 0.9
MIN_CLASS = 20  # rows of a class for a threshold of its own
MIN_SPREAD = 100  # rows from which on the expected size of an error is fitted; below it is one for all


@dataclass(frozen=True)
class Conformal:
    """thresholds: largest score inside, per class (one for numbers and times). shifts: what a group adds to it.

    spread: log expected |error| on 1, eta and eta^2 (regression; empty: 1 for everybody).
    """

    thresholds: tuple[float, ...]
    pooled: tuple[bool, ...]  # class whose threshold comes from all classes together
    shifts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # characteristic -> level -> shift
    spread: tuple[float, ...] = ()
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # characteristic -> levels calibrated themselves

    def limits(self, n: int, levels: Levels) -> Array:
        """Largest score inside (row, class) for rows of these declared groups; unknown ones shift nothing."""
        shift = np.zeros(n)
        for name, by_level in self.shifts.items():
            shift += [by_level.get(level, 0.0) for level in levels.get(name, ("",) * n)]
        return np.array(self.thresholds)[None, :] + shift[:, None]

    def sets(self, p: Array, levels: Levels | None = None) -> list[list[int]]:
        """Classes in each row's set, for probabilities (row, class). Empty: no class is as likely as it should be."""
        inside = 1 - p <= self.limits(len(p), levels or {}) + 1e-12
        return [list(np.flatnonzero(row)) for row in inside]

    def half_widths(self, eta: Array, levels: Levels | None = None) -> Array:
        """Half width of each row's interval, in units of the outcome (regression)."""
        return np.maximum(self.limits(len(eta), levels or {})[:, 0], 0.0) * expected_error(self.spread, eta)

    def earliest(self, eta: Array, course: Course | OwnCourses, levels: Levels | None = None) -> Array:
        """Time that is reached without event in 90 % of patients like each row (survival); 0: no bound can be given."""
        share = np.clip(self.limits(len(eta), levels or {})[:, 0], 1e-9, 1.0)
        return course.when(-np.log(share) / np.exp(np.clip(eta[:, 0], -20, 20)))

    def facts(self) -> dict[str, Any]:
        shifts = {name: dict(by_level) for name, by_level in self.shifts.items()}
        return {"level": LEVEL, "thresholds": list(self.thresholds), "pooled": list(self.pooled), "shifts": shifts,
                "spread": list(self.spread), "own": {name: list(of) for name, of in self.own.items()}}  # fmt: skip

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Conformal:
        return cls(
            tuple(facts["thresholds"]), tuple(facts["pooled"]), facts["shifts"], tuple(facts["spread"]), facts["own"]
        )


def fit(
    eta: Array, target: Target, at: Prior, levels: Levels | None = None, course: Course | OwnCourses | None = None
) -> Conformal:
    """From out-of-fold calibrated eta (row, width). levels: declared groups; course: needed for survival."""
    levels = levels or {}
    if target.kind == "classification":
        scores = 1 - softmax(eta)[np.arange(len(target)), target.y]
        counts = np.bincount(target.y, minlength=target.width)
        own = [k for k in range(target.width) if counts[k] >= MIN_CLASS]
        return _fitted(scores, target.y, own, target.width, levels, 1.0)
    nobody = np.zeros(len(target), dtype=int)
    if target.kind == "regression":
        errors = np.abs(target.y - at.centre - at.scale * eta[:, 0])
        spread = fit_spread(errors, eta)
        return _fitted(errors / expected_error(spread, eta), nobody, [], 1, levels, np.inf, spread)
    assert course is not None
    # The time under observation is never longer than the time to the event: a bound that 90 % of the former exceed
    # holds for the latter whatever the censoring depends on (arXiv:2103.09763), at the price of being early.
    scores = np.exp(-np.exp(np.clip(eta[:, 0], -20, 20)) * course.each(target.time))
    return _fitted(scores, nobody, [], 1, levels, 1.0)


def _fitted(
    scores: Array,
    classes: Array,
    own: list[int],
    width: int,
    levels: Levels,
    top: float,
    spread: tuple[float, ...] = (),
) -> Conformal:
    """Thresholds of the classes in `own` from their rows, of the others from all; shifts of the large groups."""
    pooled = tuple(k not in own for k in range(width))
    large_levels = {name: _large(of) for name, of in levels.items()}
    # The largest level of each characteristic is the reference; small and unknown levels share its threshold.
    large = [(name, level) for name, found in large_levels.items() for level in found[1:]]
    if not large:
        everyone = min(quantile(scores), top)
        alone = [everyone if pooled[k] else min(quantile(scores[classes == k]), top) for k in range(width)]
        return Conformal(tuple(alone), pooled, {}, spread, large_levels)
    columns = [classes == k for k in own] + [~np.isin(classes, own)] * (len(own) < len(set(classes.tolist())))
    design = np.stack([*columns, *(np.array([v == level for v in levels[name]]) for name, level in large)], axis=1)
    beta = quantile_regression(design.astype(float), scores)
    by_class = dict(zip(own, beta, strict=False))
    # A class too small for its own threshold lends its rows to the rest, and takes the most generous of all.
    rest = float(max(beta[: len(columns)]))
    thresholds = tuple(float(by_class.get(k, rest)) for k in range(width))
    shifts: dict[str, dict[str, float]] = {}
    for (name, level), b in zip(large, beta[len(columns) :], strict=True):
        shifts.setdefault(name, {})[level] = float(b)
    return Conformal(thresholds, pooled, shifts, spread, large_levels)


def _large(of: tuple[str, ...]) -> tuple[str, ...]:
    """Levels of at least MIN_GROUP rows, the largest first."""
    sizes = {level: of.count(level) for level in sorted(set(of) - {""})}
    return tuple(sorted((v for v in sizes if sizes[v] >= MIN_GROUP), key=lambda v: -sizes[v]))


def quantile(scores: Array) -> float:
    """The ceil((n + 1) level)-th smallest score; infinite when there are too few scores."""
    n = len(scores)
    rank = int(np.ceil((n + 1) * LEVEL))
    return float(np.sort(scores)[rank - 1]) if rank <= n else float("inf")


def quantile_regression(design: Array, scores: Array) -> Array:
    """Coefficients whose sum over a row's columns is the LEVEL quantile of its score.

    The level is raised by the share of columns to rows, as ceil((n + 1) level) / n does for one column. Solved in its
    dual (Koenker and Bassett, doi:10.2307/1913643), which has a constraint a column instead of a row.
    """
    from scipy.optimize import linprog

    n, d = design.shape
    tau = min(LEVEL * (1 + d / n), 1 - 1e-9)
    found = linprog(-scores, A_eq=design.T, b_eq=np.zeros(d), bounds=(tau - 1, tau), method="highs-ds")
    if found.status != 0:
        raise ArithmeticError(f"quantile regression of {n} scores on {d} columns: {found.message}")
    return -np.asarray(found.eqlin.marginals, dtype=float)


def fit_spread(errors: Array, eta: Array) -> tuple[float, ...]:
    """log expected |error| by least squares on 1, eta, eta^2 (normalised scores, doi:10.1080/01621459.2017.1307116)."""
    if len(errors) < MIN_SPREAD or not errors.any():
        return ()
    x = np.stack([np.ones(len(eta)), eta[:, 0], eta[:, 0] ** 2], axis=1)
    floor = 0.05 * float(errors.mean())  # log of an error that happens to be 0 would outweigh all others
    return tuple(float(b) for b in np.linalg.lstsq(x, np.log(errors + floor), rcond=None)[0])


def expected_error(spread: tuple[float, ...], eta: Array) -> Array:
    """Relative expected |error| of each row; eta beyond 3 SD is taken as 3 SD, where the parabola was fitted."""
    if not spread:
        return np.ones(len(eta))
    z = np.clip(eta[:, 0], -3, 3)
    return np.exp(spread[0] + spread[1] * z + spread[2] * z**2)
