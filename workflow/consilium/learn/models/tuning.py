"""Shape of boosted trees found by trial (optuna) inside the training rows of one fit; off by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.learn.models.boosting import Shape, fit
from consilium.learn.models.heads import losses, prior

if TYPE_CHECKING:
    from consilium.learn.cohort.tasks import Target

Array = np.ndarray


@dataclass(frozen=True)
class Tuning:
    """Section `learn.tuning`. trials: shapes tried in every single fit of boosted trees; 0 = none."""

    trials: int = 0

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Tuning:
        return cls(int(given.get("trials", cls.trials)))


def tuned(x: Array, target: Target, fold: Array, trials: int, seed: int) -> Shape:
    """The shape of smallest out-of-fold loss over the folds (of whole groups) that the rows given fall into.

    Tree-structured Parzen estimator (doi:10.1145/3292500.3330701), one process, seeded. The rows are those one fit may
    see, so a shape is found anew in every inner fold and nothing of it rests on patients it is judged on.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    at = prior(target)

    def loss(trial: optuna.Trial) -> float:
        shape = _suggested(trial)
        evidence = np.zeros((len(x), target.width))
        for j in np.unique(fold):
            train, held = np.flatnonzero(fold != j), np.flatnonzero(fold == j)
            evidence[held] = fit(x[train], target.take(train), seed, shape).evidence(x[held])
        return float(losses(target, at.offset + evidence, at).mean())

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % 2**32))
    study.optimize(loss, n_trials=trials)
    return _suggested(study.best_trial)


def _suggested(trial: Any) -> Shape:
    """Bounds of the search; a finished trial gives back what it tried."""
    return Shape(
        leaves=trial.suggest_int("leaves", 2, 31, log=True),
        rate=trial.suggest_float("rate", 0.01, 0.2, log=True),
        rounds=trial.suggest_int("rounds", 30, 500, log=True),
        leaf=trial.suggest_int("leaf", 3, 60, log=True),
        columns=trial.suggest_float("columns", 0.1, 1.0),
        shrink=trial.suggest_float("shrink", 0.1, 30.0, log=True),
    )
