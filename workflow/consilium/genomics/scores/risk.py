"""Absolute risk from a standardised score, a prevalence and an AUC: a mixture of two normal distributions.

Among controls the score is N(0, 1), among cases N(d, 1) with d = sqrt(2) x Phi^-1(AUC) (Pain et al., doi
10.1038/s41431-021-01028-2, as in GenoPred); with prevalence K the population has mean K d and variance
1 + K (1 - K) d^2. A person at Z of that population stands at x = K d + Z x SD and has the risk
K phi(x - d) / (K phi(x - d) + (1 - K) phi(x)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any


@dataclass(frozen=True)
class Measured:
    """What the user states of a score: prevalence (0 to 1), AUC (0.5 to 1), in which population and sex (any, female,
    male), from which source."""

    score: str
    prevalence: float
    auc: float
    population: str
    source: str
    sex: str = "any"


def measured(settings: Sequence[Mapping[str, Any]]) -> dict[str, Measured]:
    """By score; `settings` as in the configuration, checked by its schema."""
    return {s["score"]: Measured(s["score"], s["prevalence"], s["auc"], s["population"], s["source"],
                                 s.get("sex", "any")) for s in settings}  # fmt: skip


def absolute_risk(z: float, prevalence: float, auc: float) -> float:
    """Risk of a person at `z` standard deviations of the population."""
    d = math.sqrt(2.0) * NormalDist().inv_cdf(auc)
    x = prevalence * d + z * math.sqrt(1.0 + prevalence * (1.0 - prevalence) * d * d)
    # phi(x - d) / phi(x) = exp(x d - d^2 / 2): no underflow far out.
    odds = prevalence / (1.0 - prevalence) * math.exp(x * d - d * d / 2.0)
    return odds / (1.0 + odds)
