"""What a linear predictor means for each kind of task: loss, gradient, prior, prediction.

Every model of this room returns evidence E (row, width): what its input adds to the prior on the scale of the linear
predictor. classification: centred log-probabilities over log prior; survival: log relative hazard; regression: value
in SD from the training mean. Evidence 0 = nothing known, so a patient without the input gets the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consilium.learn.cohort.tasks import Target

Array = np.ndarray
Objective = Callable[[Array], tuple[float, Array]]
COURSE_POINTS = 40
SPREAD = 600.0  # log of what float64 can hold beside 1, with a margin


@dataclass(frozen=True)
class Prior:
    """Fitted on training rows. offset (width,): log class shares; 0 otherwise. centre, scale: regression only."""

    offset: Array
    centre: float = 0.0
    scale: float = 1.0


def prior(target: Target) -> Prior:
    if target.kind == "classification":
        counts = np.bincount(target.y, minlength=target.width) + 0.5
        return Prior(np.log(counts / counts.sum()))
    if target.kind == "regression":
        return Prior(np.zeros(1), float(target.y.mean()), float(target.y.std()) or 1.0)
    return Prior(np.zeros(1))


def softmax(eta: Array) -> Array:
    shifted = np.exp(eta - eta.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def centred(evidence: Array) -> Array:
    """Evidence of K classes has one free constant: fix it at mean zero."""
    return evidence - evidence.mean(axis=-1, keepdims=True) if evidence.shape[-1] > 1 else evidence


def directions(target: Target) -> Array:
    """(free, width): what a linear model's free columns do to the linear predictor.

    Ordered classes have one column, with equal steps from level to level: the adjacent-category logit model
    (doi:10.1111/j.2517-6161.1984.tb01270.x); everything else has a column of its own.
    """
    if not target.ordered:
        return np.eye(target.width)
    steps = np.arange(target.width) - (target.width - 1) / 2
    return (steps / np.sqrt((steps**2).mean()))[None, :]


def objective(target: Target, at: Prior, weighted: bool = False) -> Objective:
    """eta (row, width) -> (total negative log-likelihood, gradient of the same shape).

    survival: Cox partial likelihood, ties after Breslow (doi:10.1111/j.2517-6161.1972.tb00899.x); weighted: the events
    by `event_weights`. regression: half the squared error in training SD.
    """
    if target.kind == "classification":
        return _multinomial(target)
    if target.kind == "survival":
        return _cox(target, target.event * event_weights(target) if weighted else target.event)
    y = ((target.y - at.centre) / at.scale)[:, None]
    return lambda eta: (0.5 * float(((eta - y) ** 2).sum()), eta - y)


def _multinomial(target: Target) -> Objective:
    rows, y = np.arange(len(target)), target.y

    def value(eta: Array) -> tuple[float, Array]:
        top = eta.max(axis=1, keepdims=True)
        e = np.exp(eta - top)
        total = e.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) + top[:, 0] - eta[rows, y]).sum())
        gradient = e / total
        gradient[rows, y] -= 1.0
        return loss, gradient

    return value


def _risk_order(target: Target) -> tuple[Array, Array]:
    """(rows by falling time, for each its last position among equal times)."""
    order = np.argsort(-target.time, kind="stable")
    t = target.time[order]
    return order, np.searchsorted(-t, -t, side="right") - 1


def event_weights(target: Target) -> Array:
    """(row,): the root of how many are at risk at a row's time (doi:10.1093/biomet/64.1.156), mean 1 over the events.

    Where hazards are not proportional, the partial likelihood gives an event that few are left to compare with as much
    say as an early one. Weights that fall with the numbers at risk make the hazard ratio an average over the course
    (doi:10.1002/sim.3623); these numbers fall by censoring, too, for which nothing is corrected here.
    """
    order, last = _risk_order(target)
    weights = np.empty(len(target))
    weights[order] = np.sqrt(last + 1.0)
    total = float((weights * target.event).sum())
    return weights * (target.event.sum() / total) if total else weights


def _cox(target: Target, weight: Array) -> Objective:
    """weight (row,): of each row's event, 0 for censored rows."""
    order, last = _risk_order(target)
    events = weight[order]
    with np.errstate(divide="ignore"):  # no event: adds nothing
        size = np.log(events)
    first = np.searchsorted(-target.time[order], -target.time[order], side="left")
    back = np.empty_like(order)
    back[order] = np.arange(len(order))

    def value(eta: Array) -> tuple[float, Array]:
        x = eta[order, 0]
        at_risk = log_running_sum(x)[last]
        loss = float((events * (at_risk - x)).sum())
        # Each row is at risk in the events of its own time and earlier ones, which come later in this order.
        before = log_running_sum((size - at_risk)[::-1])[::-1][first]
        return loss, (np.exp(x + before) - events)[back][:, None]

    return value


def log_running_sum(x: Array) -> Array:
    """Logarithm of the running sum of exp(x), exact however far apart the values lie; -inf: adds nothing.

    Summed as they are, predictors 745 apart leave risk sets of 0; their logarithm made a wild step of a line search
    look infinitely good.
    """
    seen = x[x > -np.inf]
    top, low = (seen.max(), seen.min()) if len(seen) else (0.0, 0.0)
    if top - low > SPREAD:
        return np.logaddexp.accumulate(x)
    with np.errstate(divide="ignore"):  # nothing has been added yet
        return np.log(np.cumsum(np.exp(x - top))) + top


def losses(target: Target, eta: Array, at: Prior) -> Array:
    """Loss of each row, lower is better; survival: of each event, against the rows at risk (0 for censored rows)."""
    if target.kind == "classification":
        p = softmax(eta)[np.arange(len(target)), target.y]
        return -np.log(np.maximum(p, 1e-12))
    if target.kind == "regression":
        return 0.5 * ((target.y - at.centre) / at.scale - eta[:, 0]) ** 2
    order, last = _risk_order(target)
    x = eta[order, 0]
    out = np.zeros(len(target))
    out[order] = target.event[order] * (log_running_sum(x)[last] - x)
    return out


def baseline_hazard(target: Target, evidence: Array, times: tuple[float, ...]) -> Array:
    """Breslow's cumulative baseline hazard at `times`, for rows of this log relative hazard."""
    order, last = _risk_order(target)
    at_risk = log_running_sum(evidence[order, 0])[last]
    steps, t = target.event[order] * np.exp(-at_risk), target.time[order]
    grown = np.concatenate([[0.0], np.cumsum(steps[::-1])])  # by rising time
    return grown[np.searchsorted(t[::-1], np.asarray(times), side="right")]


@dataclass(frozen=True)
class Course:
    """Breslow's cumulative baseline hazard as a polygon from (0, 0): times (rising) and cumulative hazard there.

    Beyond the last time it stays level. Times are rounded quantiles of event times: no patient's own.
    """

    times: Array
    cumulative: Array

    def at(self, times: Array) -> Array:
        return np.interp(times, np.r_[0.0, self.times], np.r_[0.0, self.cumulative])

    def each(self, time: Array) -> Array:
        """(row,): each row at its own time."""
        return self.at(time)

    def when(self, cumulative: Array) -> Array:
        """Time at which the cumulative hazard is first reached; the last time for more than it ever reaches."""
        hazard, first = np.unique(np.r_[0.0, self.cumulative], return_index=True)
        return np.interp(cumulative, hazard, np.r_[0.0, self.times][first])


def course(target: Target, evidence: Array) -> Course:
    """Of rows of this log relative hazard; at most COURSE_POINTS points."""
    asked = np.quantile(target.time[target.event == 1], np.linspace(0, 1, COURSE_POINTS))
    times = np.array(sorted({float(f"{t:.2g}") for t in asked} - {0.0}))
    return Course(times, baseline_hazard(target, evidence, tuple(times)))


def survival(evidence: Array, cumulative_hazard: Array) -> Array:
    """Probability of no event until each time (row, time); cumulative_hazard: (time,), or (row, time)."""
    return np.exp(-np.exp(np.clip(evidence[:, :1], -20, 20)) * np.atleast_2d(cumulative_hazard))
