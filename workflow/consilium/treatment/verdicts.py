"""The sentence a patient's page prints, and the numbers beside it. Nothing individual without a passed test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.treatment.judge import Average, Heterogeneity

Z = 1.959964
PERSONAL = "for patients like this one"


@dataclass(frozen=True)
class Comparison:
    option: str
    reference: str
    higher_is_better: bool
    average: Average
    heterogeneity: Heterogeneity


@dataclass(frozen=True)
class Personal:
    """One patient's own estimate, its standard error, the probability of receiving the option, the overlap verdict."""

    effect: float
    se: float
    propensity: float
    overlap: str


def sentence(comparison: Comparison, personal: Personal) -> tuple[float, float, float, str]:
    """(effect, lower, upper, verdict): the patient's own if individual differences are proven, else the average.

    Without overlap, or without any covariate, no number is given.
    """
    if personal.overlap == "not assessed":
        return np.nan, np.nan, np.nan, "not assessed: nothing known of this patient that the comparison adjusts for"
    if personal.overlap == "red":
        usual = comparison.option if personal.propensity > 0.5 else comparison.reference
        return np.nan, np.nan, np.nan, (
            f"no effect estimated: patients like this one nearly always received {usual} (no overlap)"
        )  # fmt: skip
    if comparison.heterogeneity.passed:
        lower, upper = personal.effect - Z * personal.se, personal.effect + Z * personal.se
        return (
            personal.effect,
            lower,
            upper,
            _say(comparison, personal.effect, lower, upper, PERSONAL) + _amber(personal),
        )
    a = comparison.average
    verdict = f"{_say(comparison, a.estimate, a.lower, a.upper, 'on average')}; no proven individual difference"
    return a.estimate, a.lower, a.upper, verdict + _amber(personal)


def _say(comparison: Comparison, effect: float, lower: float, upper: float, whom: str) -> str:
    if lower <= 0 <= upper:
        return (
            f"{whom} no proven difference between {comparison.option} and {comparison.reference} (interval includes 0)"
        )
    better, worse = comparison.option, comparison.reference
    if (effect > 0) != comparison.higher_is_better:
        better, worse = worse, better
    return f"{whom} {better} was estimated better than {worse}"


def _amber(personal: Personal) -> str:
    return "; few comparable patients in one of the arms" if personal.overlap == "amber" else ""
