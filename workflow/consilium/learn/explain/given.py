"""What one fold's explanations start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import Trained
from consilium.learn.models.heads import objective

Array = np.ndarray
Facts = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """One fold: the models, who they were fitted to, and who they predict.

    leaders: block -> column -> leader of its group of columns (importance.groups). judged: False where the held
    patients have no outcome. note(step, rows of `train`): records who a refit saw.
    """

    trained: Trained
    train: Cohort
    target: Target
    groups: Sequence[str]
    held: Cohort
    held_target: Target
    judged: bool
    leaders: dict[str, dict[str, str]]
    seed: int
    note: Callable[[str, Array], None]


def unit_of(trained: Trained) -> float:
    """What a contribution of 1 in the linear predictor is printed as: regression is told in the outcome's unit."""
    return trained.at.scale if trained.kind == "regression" else 1.0


def agreement(given: Given, own: Array, said: Array) -> Array:
    """(row,): evidence, less its mean, times the residual of the outcome at the prior (score statistic)."""
    target = given.held_target.take(own)
    prior = np.tile(given.trained.at.offset, (len(own), 1))
    residual = -objective(target, given.trained.at)(prior)[1]
    return ((said - said.mean(axis=0)) * residual).sum(axis=1)
