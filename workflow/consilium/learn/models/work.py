"""One fit in progress: its settings, its training patients, and the ledger of who was used for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from, value_digest
from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.folds import assign, possible_folds
from consilium.learn.cohort.tasks import Target
from consilium.learn.models import linear
from consilium.learn.models.heads import Prior, prior
from consilium.learn.networks.job import Job
from consilium.learn.networks.plan import NetworkPlan

Array = np.ndarray
MIN_INNER_FOLDS = 3  # two are left out at once


@dataclass(frozen=True)
class Settings:
    """names: what the seeds are made from (run seed, task, labels, fold). epochs: see Plan. job: changes no number."""

    names: tuple[Any, ...]
    inner_folds: int = 4
    network_seeds: int = 2
    epochs: tuple[int, ...] = (15, 60)
    cnn_min_patients: int = 200
    grid: tuple[linear.Penalty, ...] = linear.GRID
    horizons: tuple[float, ...] = ()
    baselines: bool = True  # also models that are compared only
    trials: int = 0  # of tuning, in every fit of boosted trees
    network: NetworkPlan = field(default_factory=NetworkPlan)
    job: Job = field(default_factory=Job)
    export_loss: float = 0.0  # share to prune where held-out patients are also asked of the model as ONNX; 0: not done
    augmentation: str = "none"  # of the networks' training rows, see augment.settings.ARMS


@dataclass
class Ledger:
    """Who every step was fitted on: step -> hash of the patients, hash -> patients. Read by the leak audit."""

    steps: dict[str, str] = field(default_factory=dict)
    patients: dict[str, list[str]] = field(default_factory=dict)

    def record(self, step: str, patients: Sequence[str]) -> None:
        ids = sorted(patients)
        digest = value_digest(ids)
        self.steps[step] = digest
        self.patients[digest] = ids


@dataclass
class Work:
    """One fit in progress: training rows only."""

    cohort: Cohort
    target: Target
    groups: Sequence[str]
    settings: Settings
    ledger: Ledger
    at: Prior
    inner: Array

    @property
    def folds(self) -> list[int]:
        return [int(j) for j in np.unique(self.inner)]

    def seed(self, *names: Any) -> int:
        return seed_from(*self.settings.names, *names)

    def note(self, step: str, rows: Array) -> None:
        self.ledger.record(step, [self.cohort.patients[i] for i in rows])


def start(cohort: Cohort, target: Target, groups: Sequence[str], settings: Settings, ledger: Ledger) -> Work:
    k = max(possible_folds(target, groups, settings.inner_folds), MIN_INNER_FOLDS)
    inner = assign(target, groups, k, seed_from(*settings.names, "inner folds"))
    work = Work(cohort, target, groups, settings, ledger, prior(target), inner)
    work.note("prior", np.arange(len(target)))
    return work
