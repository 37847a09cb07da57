"""DR-learner: doubly robust scores regressed on covariates, shrunk towards the average effect; all out of fold.

Kennedy, doi 10.1214/23-EJS2157. The last step is Bayesian ridge (doi 10.1162/neco.1992.4.3.415): the slopes' prior
variance is estimated, so where covariates say nothing of the effect every estimate falls back on the average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.treatment.nuisance import Nuisance, Preparation, Study, fit, prepare, pseudo_outcome, split

OVERLAP = (0.05, 0.95)  # outside, no effect is estimated: nobody like these received the other treatment
REPEATS = 5


@dataclass(frozen=True)
class Effect:
    """A fitted effect model: patient's covariates -> estimate and its standard error."""

    preparation: Preparation
    model: Any
    intercept_variance: float

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = self.preparation.apply(x)
        centred = z - self.model.X_offset_
        variance = np.einsum("ij,jk,ik->i", centred, self.model.sigma_, centred) + self.intercept_variance
        return self.model.predict(z), np.sqrt(variance)


@dataclass(frozen=True)
class Repeat:
    """One splitting of the study: every number of a patient comes from models that did not see the patient's group."""

    fold: np.ndarray
    score: np.ndarray  # doubly robust score
    effect: np.ndarray
    se: np.ndarray
    propensity: np.ndarray
    mu0: np.ndarray
    mu1: np.ndarray


@dataclass(frozen=True)
class Fitted:
    repeats: list[Repeat]
    models: list[tuple[Nuisance, Effect]]


def learn(study: Study, seed: int, repeats: int = REPEATS) -> Fitted:
    """Out-of-fold scores and effects of every patient, over several splits; and the models for other patients."""
    done, models = [], []
    for r in range(repeats):
        fold = split(study, seed_from(seed, "outer", r))
        values = np.full((6, len(study.t)), np.nan)
        for k in np.unique(fold):
            test, train = fold == k, study.take(np.flatnonzero(fold != k))
            nuisance, effect = fit(train), fit_effect(train, seed_from(seed, r, k))
            e, mu0, mu1 = nuisance.predict(study.x[test])
            tau, se = effect.predict(study.x[test])
            values[:, test] = [pseudo_outcome(study.t[test], study.y[test], e, mu0, mu1), tau, se, e, mu0, mu1]
            models.append((nuisance, effect))
        done.append(Repeat(fold, *values))
    return Fitted(done, models)


def fit_effect(study: Study, seed: int) -> Effect:
    """Cross-fitted scores of the study's patients with overlap, regressed on their covariates."""
    from sklearn.linear_model import BayesianRidge

    fold = split(study, seed)
    score, e = np.full(len(study.t), np.nan), np.full(len(study.t), np.nan)
    for k in np.unique(fold):
        test = fold == k
        e[test], mu0, mu1 = fit(study.take(np.flatnonzero(~test))).predict(study.x[test])
        score[test] = pseudo_outcome(study.t[test], study.y[test], e[test], mu0, mu1)
    own = np.flatnonzero(overlapping(e))
    if len(own) < 10:
        own = np.arange(len(e))
    # Few covariates: what is searched for is the hardest thing to find, an interplay with the treatment.
    preparation = prepare(study.take(own), int(np.clip(len(own) // 40, 2, 12)), score[own])
    z = preparation.apply(study.x[own])
    model = BayesianRidge(max_iter=500).fit(z, score[own])
    return Effect(preparation, model, 1.0 / (model.alpha_ * len(own)))


def overlapping(propensity: np.ndarray) -> np.ndarray:
    return (propensity >= OVERLAP[0]) & (propensity <= OVERLAP[1])


def apart(fitted: Fitted, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(propensity, effect, standard error) of patients outside the study, averaged over all models."""
    each = [(n.predict(x)[0], *m.predict(x)) for n, m in fitted.models]
    e, tau, se = (np.array(v) for v in zip(*each, strict=True))
    return e.mean(axis=0), tau.mean(axis=0), _spread(tau, se)


def within(fitted: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(propensity, effect, standard error) of the study's patients, averaged over the splits."""
    tau = np.array([r.effect for r in fitted.repeats])
    se = np.array([r.se for r in fitted.repeats])
    return np.mean([r.propensity for r in fitted.repeats], axis=0), tau.mean(axis=0), _spread(tau, se)


def _spread(tau: np.ndarray, se: np.ndarray) -> np.ndarray:
    """Standard error of an estimate that several splits repeat: their mean variance plus their disagreement."""
    return np.sqrt((se**2).mean(axis=0) + tau.var(axis=0))
