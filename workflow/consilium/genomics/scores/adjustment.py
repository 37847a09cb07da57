"""A score in the light of ancestry: its mean and variance as functions of principal components, fitted on a reference.

    S ~ N(a + x b, exp(c + x d)),  x: components, standardised in the reference
    Z_norm1 = (S - a - x b) / SD of the reference's residuals
    Z_norm2 = (S - a - x b) / exp((c + x d) / 2)
    Z_population = (S - mean) / SD of the most similar reference population

Z_norm1 as Khera et al. (doi 10.1161/CIRCULATIONAHA.118.035658), Z_norm2 as Khan et al. (doi
10.1038/s41591-022-01869-1) and pgsc_calc. Mean and variance are fitted together by maximum likelihood, alternating
weighted least squares and Fisher scoring of a gamma regression with log link (Smyth 1989, doi
10.1111/j.2517-6161.1989.tb01747.x). Nothing of the cohort enters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MINIMUM_PEOPLE = 100  # reference people for a fit
MINIMUM_IN_POPULATION = 50  # reference people of a population for its mean, SD and percentiles
_STEPS, _TOLERANCE = 200, 1e-12

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """mean, log_variance (1 + component,): intercept and coefficients; residual_sd: of the plain regression."""

    mean: Floats
    log_variance: Floats
    plain_mean: Floats
    residual_sd: float


@dataclass(frozen=True)
class Population:
    """Scores of one reference population: n, mean, SD, and quantiles at 0, 1 … 100 %."""

    n: int
    mean: float
    sd: float
    quantiles: Floats


def fit(scores: Floats, components: Floats) -> Model:
    """Model of `scores` (person,) given standardised `components` (person, component)."""
    design = _design(components)
    plain: Floats = np.linalg.lstsq(design, scores, rcond=None)[0].astype(np.float64)
    residual = scores - design @ plain
    sd = float(np.sqrt((residual**2).sum() / (len(scores) - design.shape[1])))
    spread = np.zeros(design.shape[1])
    spread[0] = np.log((residual**2).mean())
    mean: Floats = plain
    loss = np.inf
    for _ in range(_STEPS):
        root = np.exp(-0.5 * design @ spread)
        mean = np.linalg.lstsq(design * root[:, None], scores * root, rcond=None)[0].astype(np.float64)
        squares = (scores - design @ mean) ** 2
        new = _loss(spread, design, squares)
        if loss - new < _TOLERANCE * len(scores):
            break
        loss = new
        spread = _scored(spread, design, squares)
    return Model(mean, spread, plain, sd)


def _design(components: Floats) -> Floats:
    return np.column_stack([np.ones(len(components)), components])


def _loss(spread: Floats, design: Floats, squares: Floats) -> float:
    """Minus twice the log-likelihood, without its constant."""
    line = design @ spread
    return float((line + squares * np.exp(-line)).sum())


def _scored(spread: Floats, design: Floats, squares: Floats) -> Floats:
    """One Fisher scoring step of the log-variance, halved until the likelihood does not fall."""
    step = np.linalg.lstsq(design, squares * np.exp(-design @ spread) - 1.0, rcond=None)[0]
    before = _loss(spread, design, squares)
    for _ in range(30):
        if _loss(spread + step, design, squares) <= before:
            return np.asarray(spread + step)
        step = step / 2
    return spread


def normalised(model: Model, scores: Floats, components: Floats) -> tuple[Floats, Floats]:
    """(Z_norm1, Z_norm2) of `scores` (person,) at standardised `components` (person, component)."""
    design = _design(components)
    first = (scores - design @ model.plain_mean) / model.residual_sd
    return first, (scores - design @ model.mean) / np.exp(0.5 * design @ model.log_variance)


def population(scores: Floats) -> Population:
    return Population(len(scores), float(scores.mean()), float(scores.std(ddof=1)),
                      np.quantile(scores, np.linspace(0, 1, 101)))  # fmt: skip


def percentile(one: Population, score: float) -> float:
    """Share of the reference population below `score`, in percent, between its quantiles linear; ties count half."""
    levels = np.linspace(0, 100, 101)
    low, high = np.searchsorted(one.quantiles, [score, np.nextafter(score, np.inf)])
    if high - low > 1:  # a run of equal quantiles
        return float((levels[low] + levels[high - 1]) / 2)
    return float(np.interp(score, one.quantiles, levels))


def model_facts(model: Model) -> dict[str, Any]:
    return {
        "mean": model.mean.tolist(), "log_variance": model.log_variance.tolist(),
        "plain_mean": model.plain_mean.tolist(), "residual_sd": model.residual_sd,
    }  # fmt: skip


def model_of(facts: Mapping[str, Any]) -> Model:
    return Model(np.array(facts["mean"], dtype=np.float64), np.array(facts["log_variance"], dtype=np.float64),
                 np.array(facts["plain_mean"], dtype=np.float64), float(facts["residual_sd"]))  # fmt: skip
