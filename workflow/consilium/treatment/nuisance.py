"""Models that take what is not the effect out of the way: who receives the option, and the outcome in each arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

CLIP = 0.01  # propensities further out would let one patient decide the average
FOLDS = 5


@dataclass(frozen=True)
class Study:
    """Patients with treatment and outcome.

    x: (n, p), NaN = missing. t: (n,), 1 = option, 0 = reference. y: (n,) outcome. groups: (n,) whole groups stay on
    one side of every split. binary: y is 0/1.
    """

    x: np.ndarray
    t: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    binary: bool

    def take(self, rows: np.ndarray) -> Study:
        return Study(self.x[rows], self.t[rows], self.y[rows], self.groups[rows], self.binary)


@dataclass(frozen=True)
class Preparation:
    """Median for missing values, standard scale, and the columns kept; learned on training patients only."""

    columns: np.ndarray
    median: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        own = x[:, self.columns]
        filled = np.where(np.isnan(own), self.median, own)
        return (filled - self.mean) / self.sd


def prepare(study: Study, most: int, target: np.ndarray | None = None) -> Preparation:
    """Keep the `most` columns that bear most on `target`, by absolute correlation.

    Without a target: on the outcome within arms, on the treatment, or on the interplay of both.
    """
    median = np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else 0.0 for c in study.x.T])
    filled = np.where(np.isnan(study.x), median, study.x)
    sd = filled.std(axis=0)
    usable = np.flatnonzero(sd > 1e-9 * (1 + np.abs(filled).max(axis=0, initial=0.0)))
    z = (filled[:, usable] - filled[:, usable].mean(axis=0)) / sd[usable]
    score = _correlation(z, target) if target is not None else _bearing(study, z)
    kept = np.sort(usable[np.argsort(-score, kind="stable")[:most]])
    return Preparation(kept, median[kept], filled[:, kept].mean(axis=0), sd[kept])


def _bearing(study: Study, z: np.ndarray) -> np.ndarray:
    arm = study.t - study.t.mean()
    rest = study.y - np.where(study.t == 1, study.y[study.t == 1].mean(), study.y[study.t == 0].mean())
    return np.max([_correlation(z, rest), _correlation(z * arm[:, None], rest), _correlation(z, arm)], axis=0)


def _correlation(z: np.ndarray, v: np.ndarray) -> np.ndarray:
    z, v = z - z.mean(axis=0), v - v.mean()
    scale = np.sqrt((z**2).sum(axis=0) * (v**2).sum())
    return np.abs(z.T @ v) / np.where(scale > 0, scale, np.inf)


@dataclass(frozen=True)
class Nuisance:
    preparation: Preparation
    propensity: Any
    outcome: tuple[Any, Any]  # reference arm, option arm
    seen: tuple[float, float]  # range of the outcome in training: no patient is predicted beyond it
    binary: bool

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(propensity clipped to [0.01, 0.99], outcome under the reference, outcome under the option)."""
        z = self.preparation.apply(x)
        e = np.clip(self.propensity.predict_proba(z)[:, 1], CLIP, 1 - CLIP)
        arms = [m.predict_proba(z)[:, 1] if self.binary else m.predict(z) for m in self.outcome]
        mu0, mu1 = (np.clip(a, *self.seen) for a in arms)
        return e, mu0, mu1


def fit(study: Study) -> Nuisance:
    """Ridge (0/1 outcome: L2 logistic) per arm and an L2 logistic propensity, on few covariates (n / 10, 3 to 25)."""
    from sklearn.linear_model import LogisticRegression, RidgeCV

    preparation = prepare(study, int(np.clip(len(study.t) // 10, 3, 25)))
    z = preparation.apply(study.x)
    propensity = LogisticRegression(C=0.1, max_iter=500).fit(z, study.t)
    models = []
    for arm in (0, 1):
        own = study.t == arm
        if not study.binary:
            models.append(RidgeCV(alphas=np.logspace(0, 4, 13)).fit(z[own], study.y[own]))
        elif len(np.unique(study.y[own])) < 2:
            models.append(_Constant(float(study.y[own][0])))
        else:
            models.append(LogisticRegression(C=1.0, max_iter=500).fit(z[own], study.y[own]))
    seen = float(study.y.min()), float(study.y.max())
    return Nuisance(preparation, propensity, (models[0], models[1]), seen, study.binary)


@dataclass(frozen=True)
class _Constant:
    """An arm in which every outcome was the same; drawn half an event towards the middle, never certain."""

    value: float

    def predict_proba(self, z: np.ndarray) -> np.ndarray:
        p = np.full(len(z), 0.02 + 0.96 * self.value)
        return np.column_stack([1 - p, p])


def pseudo_outcome(t: np.ndarray, y: np.ndarray, e: np.ndarray, mu0: np.ndarray, mu1: np.ndarray) -> np.ndarray:
    """Doubly robust score, whose mean is the average effect (doi 10.1080/01621459.1994.10476818)."""
    return mu1 - mu0 + (t - e) / (e * (1 - e)) * (y - np.where(t == 1, mu1, mu0))


def split(study: Study, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Fold of each patient: whole groups, arms (and 0/1 outcomes) spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    strata = study.t * 2 + (study.y if study.binary else 0)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(study.t), dtype=int)
    for k, (_, test) in enumerate(splitter.split(study.x, strata.astype(int), study.groups)):
        fold[test] = k
    return fold
