"""One outer fold: fit on its training patients, predict the held-out ones with every model. And the final fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.folds import permuted
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import CANDIDATES
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.fusion.nested import fit_all
from consilium.learn.models import baselines, linear
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.settings import Plan

Array = np.ndarray


PERMUTATIONS = 2


@dataclass(frozen=True)
class Problem:
    """What a fit starts from: cohort of the task's blocks, extra baselines, target, groups, outer fold (-1: none)."""

    name: str
    cohort: Cohort
    extra: list[tuple[str, Block, bool]]
    target: Target
    groups: tuple[str, ...]
    fold: Array
    horizons: tuple[float, ...]
    seed: int

    @property
    def labelled(self) -> Array:
        return np.flatnonzero(self.fold >= 0)


def problem(whole: Cohort, task: dict[str, Any], target: Target, groups: Sequence[str], fold: Array) -> Problem:
    cohort = whole.only(task["blocks"])
    extra = baselines.extras(cohort, whole)
    return Problem(
        task["name"], cohort, extra, target, tuple(groups), np.asarray(fold), tuple(task["horizons"]), int(task["seed"])
    )


def _settings(p: Problem, labels: str, fold: str, plan: Plan) -> Settings:
    names = (p.seed, p.name, labels, fold)
    if labels == "true":
        return Settings(
            names, plan.inner_folds, plan.network_seeds, plan.epochs, plan.cnn_min_patients, linear.GRID, p.horizons,
            augmentation=plan.augmentation,
        )  # fmt: skip
    # The same path with fewer candidates, for time; what is never shipped is left out.
    return Settings(
        names, plan.inner_folds, min(plan.network_seeds, 1), plan.epochs, plan.cnn_min_patients, linear.SMALL_GRID,
        p.horizons, baselines=False, augmentation=plan.augmentation,
    )  # fmt: skip


def outer_fold(p: Problem, labels: str, fold: int, plan: Plan) -> dict[str, Any]:
    """Fit without fold `fold`, predict it. labels: true, or permuted (within folds, see folds.permuted).

    Permuted outcomes are drawn PERMUTATIONS times (`runs`): a single draw misses chance once in twenty times.
    """
    target = p.target.take(p.labelled)
    if labels == "true":
        return _one_fold(p, target, labels, fold, _settings(p, labels, str(fold), plan))
    groups = [p.groups[i] for i in p.labelled]
    runs = []
    for r in range(PERMUTATIONS):
        drawn = permuted(target, groups, p.fold[p.labelled], seed_from(p.seed, p.name, "permutation", r))
        runs.append(_one_fold(p, drawn, labels, fold, _settings(p, labels, f"{fold}.{r}", plan)))
    why = next((r["reason"] for r in runs if r["status"] != "assessed"), "")
    status = "not assessed" if why else "assessed"
    return {"status": status, "reason": why, "labels": labels, "fold": str(fold), "runs": runs}


def _one_fold(p: Problem, target: Target, labels: str, fold: int, settings: Settings) -> dict[str, Any]:
    use = p.labelled
    train, held = np.flatnonzero(p.fold[use] != fold), np.flatnonzero(p.fold[use] == fold)
    ledger = Ledger()
    trained, others, facts = _fit(p, use[train], target.take(train), settings, ledger)
    if not trained.blocks:
        return _nothing(labels, str(fold))
    return _result(p, trained, others, use[held], target.take(held), str(fold), labels) | {
        "facts": facts, "fitted_on": {"steps": ledger.steps, "patients": ledger.patients},
    }  # fmt: skip


def final(p: Problem, plan: Plan) -> tuple[Trained | None, dict[str, Any]]:
    """Fit on every labelled patient; predict those without an outcome (fold `apply`)."""
    use = p.labelled
    ledger = Ledger()
    settings = _settings(p, "true", "final", plan)
    trained, others, facts = _fit(p, use, p.target.take(use), settings, ledger)
    if not trained.blocks:
        return None, _nothing("true", "apply")
    rest = np.flatnonzero(p.fold < 0)
    result = _result(p, trained, others, rest, p.target.take(rest), "apply", "true")
    result |= {"facts": facts, "fitted_on": {"steps": ledger.steps, "patients": ledger.patients}}
    return trained, result


def _nothing(labels: str, fold: str) -> dict[str, Any]:
    why = "no feature block is present in enough training patients"
    return {"status": "not assessed", "reason": why, "labels": labels, "fold": fold}


def _fit(
    p: Problem, rows: Array, target: Target, settings: Settings, ledger: Ledger
) -> tuple[Trained, dict[str, tuple[BlockModel, str]], dict[str, Any]]:
    extra = [(name, block.take(rows), trees) for name, block, trees in p.extra if settings.baselines]
    return fit_all(p.cohort.take(rows), target, [p.groups[i] for i in rows], settings, ledger, extra)


def _result(
    p: Problem, trained: Trained, others: dict[str, tuple[BlockModel, str]], rows: Array, target: Target, fold: str,
    labels: str,
) -> dict[str, Any]:  # fmt: skip
    cohort = p.cohort.take(rows)
    extra = {block.name: block.take(rows) for _, block, _ in p.extra}
    models: dict[str, dict[str, Any]] = {}

    def keep(name: str, eta: Array, judged: Array) -> None:
        models[name] = {"scores": trained.scores(eta).tolist(), "judged": judged.tolist()}

    everyone = np.ones(len(rows), dtype=bool)
    if len(rows):
        keep("prevalence", np.tile(trained.at.offset, (len(rows), 1)), everyone)
        parts = trained.parts(cohort)
        for name in (c for c in CANDIDATES if c in trained.calibrations):
            keep(name, trained.eta(parts, name), everyone)
        keep("shipped", trained.eta(parts), everyone)
        for label, (model, learner) in others.items():
            block = cohort.block(model.name) or extra[model.name]
            eta = trained.calibrations[label].eta(model.evidence(block, learner), trained.at)
            keep(label, eta, everyone if label in ("missingness", "site") else block.present)
    truthful = labels == "true" and len(rows) > 0
    return {
        "status": "assessed", "labels": labels, "fold": fold, "patients": list(cohort.patients),
        "y": target.y.tolist(), "time": target.time.tolist(), "event": target.event.tolist(), "models": models,
        "shipped": trained.predictions(cohort) if truthful else [],
        "contributions": trained.contributions(cohort, p.seed) if truthful else [],
    }  # fmt: skip
