"""Survival in discrete time: the hazard of each interval, as of networks with a hazard head (doi:10.7717/peerj.6257).

Evidence K (row, interval) is what the input adds to the baseline logit of each interval's hazard, so effects may change
with time. For everything that compares patients it becomes one number, the log relative mortality; the patient's own
survival curve keeps its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target

Array = np.ndarray
EVENTS = 5  # that an interval must hold, on average


@dataclass(frozen=True)
class Hazards:
    """ends: of the intervals, rising, the first starts at 0; offset: baseline logit hazard of each interval."""

    ends: tuple[float, ...]
    offset: tuple[float, ...]

    def mortality(self, evidence: Array) -> Array:
        """(row, 1): log of the cumulative hazards summed over the ends, relative to evidence 0.

        Ensemble mortality (doi:10.1214/08-AOAS169); with proportional hazards the log relative hazard.
        """
        total = self.cumulative(evidence).sum(axis=1, keepdims=True)
        return np.log(total / self.cumulative(np.zeros((1, len(self.ends)))).sum())

    def cumulative(self, evidence: Array) -> Array:
        """Cumulative hazard at the ends (row, interval): sum of -log(1 - h)."""
        return np.cumsum(np.logaddexp(0.0, np.array(self.offset) + evidence), axis=1)

    def facts(self) -> dict[str, Any]:
        return {"ends": list(self.ends), "offset": list(self.offset)}


def fit(target: Target, intervals: int) -> Hazards:
    """Ends at rounded quantiles of these rows' event times, so that intervals hold about as many events each."""
    events = target.time[target.event == 1]
    asked = np.quantile(events, np.linspace(0, 1, min(intervals, max(len(events) // EVENTS, 1)) + 1)[1:])
    ends = tuple(sorted({float(f"{t:.2g}") for t in asked} - {0.0}))
    survived, failed = counted(target, ends)
    failures, exposed = failed.sum(axis=0), (survived + failed).sum(axis=0)
    share = (failures + 0.5) / (exposed + 1.0)
    return Hazards(ends, tuple(float(v) for v in np.log(share / (1 - share))))


def counted(target: Target, ends: Sequence[float]) -> tuple[Array, Array]:
    """(survived, failed), 0 or 1, (row, interval): intervals that a row got through, and the one it failed in.

    A row censored in the second half of an interval counts as having survived it, in the first half as not seen in it
    (same source). Events after the last end: every interval survived.
    """
    end = np.asarray(ends)
    start = np.concatenate([[0.0], end[:-1]])
    time, event = target.time[:, None], target.event[:, None] == 1
    survived = np.where(event, time >= end, time >= (start + end) / 2)
    failed = event & (time >= start) & (time < end)
    return survived.astype(float), failed.astype(float)


@dataclass(frozen=True)
class OwnCourses:
    """Each row's cumulative hazard where its linear predictor is 0: ends (interval,), cumulative (row, interval).

    Straight between the ends, level beyond the last. As heads.Course, with a row for every patient.
    """

    ends: Array
    cumulative: Array

    def at(self, times: Array) -> Array:
        """(row, time)."""
        return np.array([np.interp(times, *self._polygon(i)) for i in range(len(self.cumulative))])

    def each(self, time: Array) -> Array:
        """(row,): each row at its own time."""
        return np.array([np.interp(t, *self._polygon(i)) for i, t in enumerate(time)])

    def when(self, cumulative: Array) -> Array:
        """(row,): time at which each row's own value is first reached; the last end for more than it ever reaches."""
        pairs = ((self._polygon(i), c) for i, c in enumerate(cumulative))
        return np.array([np.interp(c, hazard, times) for (times, hazard), c in pairs])

    def times(self, level: float) -> OwnCourses:
        return OwnCourses(self.ends, level * self.cumulative)

    def _polygon(self, row: int) -> tuple[Array, Array]:
        return np.r_[0.0, self.ends], np.r_[0.0, self.cumulative[row]]


def level(target: Target, eta: Array, own: OwnCourses) -> float:
    """Observed over expected events of rows whose cumulative hazard is exp(eta) times their own course."""
    expected = float((own.each(target.time) * np.exp(np.clip(eta[:, 0], -20, 20))).sum())
    return float(target.event.sum()) / max(expected, 1e-12)
