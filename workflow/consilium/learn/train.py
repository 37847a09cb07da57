"""One outer fold: fit on its training patients, predict the held-out ones with every model. And the final fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.cohort import splits, tasks
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.folds import assign, permuted
from consilium.learn.cohort.planted import planted
from consilium.learn.cohort.tasks import Target
from consilium.learn.explain import fold as explaining
from consilium.learn.explain import importance
from consilium.learn.explain.given import Given
from consilium.learn.fusion.fusion import CANDIDATES
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.fusion.nested import fit_all
from consilium.learn.models import baselines, linear
from consilium.learn.models.heads import survival
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.networks.job import Job
from consilium.learn.settings import Plan

Array = np.ndarray


PERMUTATIONS = 2
QUICK_FOLDS = 3  # inner folds of controls that are there to find or not to find, and outer folds of the planted one


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
    repeats: tuple[Array, ...] = ()  # folds of further repeats
    outer_folds: int = 0  # folds asked for: jobs a repeat; 0 = as many as there are
    given: bool = False  # a given split: fold 1 is trained on, fold 0 is judged once
    sites: tuple[str, ...] = ()  # left out one at a time

    @property
    def labelled(self) -> Array:
        return np.flatnonzero(self.fold >= 0)

    @property
    def times(self) -> tuple[float, ...]:
        """Deciles of the event times, at which predicted survival is judged; none for other tasks."""
        known = self.target.take(self.labelled)
        return tasks.deciles(known) if known.kind == "survival" else ()

    def dealt(self, job: int) -> tuple[Problem, int, int]:
        """(this problem with the folds of the job's repeat, the repeat, the fold)."""
        repeat, fold = divmod(job, self.outer_folds) if self.outer_folds else (0, job)
        return (self if not repeat else replace(self, fold=self.repeats[repeat - 1])), repeat, fold

    def skipped(self, labels: str, job: int) -> str:
        """Why this job has nothing to do; "" when it has."""
        if labels == "site":
            return "" if job < len(self.sites) else "this cohort has fewer sites to leave out"
        if labels == "planted":
            return ""
        own, _, fold = self.dealt(job)
        if self.given and (job != fold or fold != splits.TEST):
            return "a given split is judged once"
        return "" if fold <= own.fold.max() else f"this outcome allows {own.fold.max() + 1} folds only"


def problem(whole: Cohort, task: dict[str, Any], target: Target, groups: Sequence[str], fold: Array) -> Problem:
    cohort = whole.only(task["blocks"])
    extra = baselines.extras(cohort, whole)
    left_out = tuple(s["site"] for s in task.get("sites", ()) if not s["reason"])
    return Problem(
        task["name"], cohort, extra, target, tuple(groups), np.asarray(fold), tuple(task["horizons"]),
        int(task["seed"]), tuple(np.asarray(r) for r in task.get("repeats", ())), task.get("outer_folds", 0),
        bool(task.get("split")), left_out,
    )  # fmt: skip


def _settings(p: Problem, labels: str, fold: str, plan: Plan, job: Job | None = None) -> Settings:
    names = (p.seed, p.name, labels, fold)
    if labels == "true":
        return Settings(
            names, plan.inner_folds, plan.network_seeds, plan.epochs, plan.cnn_min_patients, linear.GRID, p.horizons,
            trials=plan.tuning.trials, network=plan.network, job=job or Job(), augmentation=plan.augmentation,
            export_loss=plan.export_loss,
        )  # fmt: skip
    # The same path with fewer candidates, for time; what is never shipped is left out.
    seeds, inner = (min(plan.network_seeds, 1), plan.inner_folds) if labels == "permuted" else (0, QUICK_FOLDS)
    return Settings(
        names, inner, seeds, plan.epochs, plan.cnn_min_patients, linear.SMALL_GRID, p.horizons, baselines=False,
        trials=min(plan.tuning.trials, 5), network=plan.network, job=job or Job(), augmentation=plan.augmentation,
    )  # fmt: skip


def outer_fold(p: Problem, labels: str, fold: int, plan: Plan, job: Job | None = None) -> dict[str, Any]:
    """Fit without some patients and predict them.

    labels: true (without fold `fold`, folds of repeats numbered on); permuted (the same on shuffled outcomes, see
    folds.permuted, PERMUTATIONS times, in `runs`: a single draw misses chance once in twenty times); site (without
    site number `fold` and the relatives of its patients); planted (an outcome drawn from a few columns, all its folds).
    """
    target = p.target.take(p.labelled)
    if labels == "site":
        return _without_site(p, target, fold, plan, job)
    if labels == "planted":
        return _planted(p, target, plan, job)
    own, repeat, fold = p.dealt(fold)
    name = str(fold) if not repeat else f"{repeat}.{fold}"
    if labels == "true":
        found = _one_fold(own, target, labels, fold, _settings(own, labels, name, plan, job))
        return found | {"repeat": repeat}
    groups = [p.groups[i] for i in p.labelled]
    runs = []
    for r in range(PERMUTATIONS):
        drawn = permuted(target, groups, p.fold[p.labelled], seed_from(p.seed, p.name, "permutation", r))
        runs.append(_one_fold(p, drawn, labels, fold, _settings(p, labels, f"{fold}.{r}", plan, job)))
    return _collected(runs, labels, str(fold))


def _without_site(p: Problem, target: Target, number: int, plan: Plan, job: Job | None) -> dict[str, Any]:
    """Fold 0: the site's patients; fold 1: those of other sites; nobody else, relatives of the site's above all."""
    site = p.sites[number]
    here = np.array([p.cohort.sites[i] == site for i in p.labelled])
    kin = {p.groups[i] for i in p.labelled[here]}
    fold = np.full(len(p.fold), -1)
    fold[p.labelled] = [splits.TEST if h else -1 if p.groups[i] in kin else splits.TRAIN
                        for i, h in zip(p.labelled, here, strict=True)]  # fmt: skip
    own = replace(p, fold=fold)
    settings = _settings(p, "site", site, plan, job)
    return _one_fold(own, target.take(np.flatnonzero(fold[p.labelled] >= 0)), "site", splits.TEST, settings) | {
        "site": site, "fold": str(number),
    }  # fmt: skip


def _planted(p: Problem, target: Target, plan: Plan, job: Job | None) -> dict[str, Any]:
    """All folds of a copy of the cohort whose outcome was drawn from a few columns of one block."""
    source, about = planted(p.cohort.take(p.labelled), target, seed_from(p.seed, p.name, "planted"))
    if source is None:
        return {"status": "skipped", "reason": about["reason"], "labels": "planted", "fold": "0"}
    drawn = target.take(source)
    groups = [p.groups[i] for i in p.labelled]
    fold = np.full(len(p.fold), -1)
    fold[p.labelled] = assign(drawn, groups, QUICK_FOLDS, seed_from(p.seed, p.name, "planted folds"))
    own = replace(p, fold=fold)
    runs = [_one_fold(own, drawn, "planted", f, _settings(p, "planted", str(f), plan, job)) for f in range(QUICK_FOLDS)]
    return _collected(runs, "planted", "0") | {"planted": about}


def _collected(runs: list[dict[str, Any]], labels: str, fold: str) -> dict[str, Any]:
    why = next((r["reason"] for r in runs if r["status"] != "assessed"), "")
    status = "not assessed" if why else "assessed"
    return {"status": status, "reason": why, "labels": labels, "fold": fold, "runs": runs}


def _one_fold(p: Problem, target: Target, labels: str, fold: int, settings: Settings) -> dict[str, Any]:
    use = p.labelled
    train, held = np.flatnonzero(p.fold[use] != fold), np.flatnonzero(p.fold[use] == fold)
    ledger = Ledger()
    trained, others, facts = _fit(p, use[train], target.take(train), settings, ledger)
    if not trained.blocks:
        return _nothing(labels, str(fold))
    reasons: dict[str, Any] = {}
    if labels == "true":
        reasons = {
            "explanations": _explained(
                p, trained, use[train], use[held], target.take(train), target.take(held), ledger, str(fold)
            ),
        }
    if settings.export_loss:
        from consilium.learn.bundle import export  # torch

        reasons["exported"] = export.held_out(trained, p.cohort.take(use[held]), settings.export_loss)
    return _result(p, trained, others, use[held], target.take(held), str(fold), labels) | reasons | {
        "facts": facts, "fitted_on": {"steps": ledger.steps, "patients": ledger.patients},
    }  # fmt: skip


def final(p: Problem, plan: Plan, job: Job | None = None) -> tuple[Trained | None, dict[str, Any]]:
    """Fit on every labelled patient (a given split: on its training patients); predict those without an outcome."""
    use = np.flatnonzero(p.fold == splits.TRAIN) if p.given else p.labelled
    ledger = Ledger()
    settings = _settings(p, "true", "final", plan, job)
    trained, others, facts = _fit(p, use, p.target.take(use), settings, ledger)
    if not trained.blocks:
        return None, _nothing("true", "apply")
    rest = np.flatnonzero(p.fold < 0)
    result = _result(p, trained, others, rest, p.target.take(rest), "apply", "true")
    result |= {"facts": facts, "fitted_on": {"steps": ledger.steps, "patients": ledger.patients}}
    result["explanations"] = _explained(p, trained, use, rest, p.target.take(use), p.target.take(rest), ledger, "apply")
    return trained, result


def _explained(
    p: Problem, trained: Trained, train: Array, held: Array, target: Target, held_target: Target, ledger: Ledger,
    fold: str,
) -> dict[str, Any]:  # fmt: skip
    """Reasons for the predictions of `held`, by the models fitted to `train`; see explain.fold."""
    cohort, groups = p.cohort.take(train), [p.groups[i] for i in train]
    leaders = {b.name: importance.groups(b.take(p.labelled)) for b in p.cohort.blocks} if fold != "apply" else {}

    def note(step: str, rows: Array) -> None:
        ledger.record(step, [cohort.patients[i] for i in rows])

    seed = seed_from(p.seed, p.name, "explanations", fold)
    return explaining.explained(
        Given(trained, cohort, target, groups, p.cohort.take(held), held_target, fold != "apply", leaders, seed, note)
    )


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
        scores = trained.scores(eta)
        course = trained.course_of(parts) if name == "shipped" else trained.course
        if course is not None and name in ("shipped", "prevalence"):
            scores = np.concatenate([scores, survival(eta, course.at(np.array(p.times)))], axis=1)
        models[name] = {"scores": scores.tolist(), "judged": judged.tolist()}

    everyone = np.ones(len(rows), dtype=bool)
    if len(rows):
        parts = trained.parts(cohort)
        keep("prevalence", np.tile(trained.at.offset, (len(rows), 1)), everyone)
        for name in (c for c in CANDIDATES if c in trained.calibrations):
            keep(name, trained.eta(parts, name), everyone)
        keep("shipped", trained.eta(parts), everyone)
        for i, lacking in enumerate(trained.fusion.blocks if len(trained.blocks) > 1 else ()):
            mask = parts.mask.copy()
            mask[:, i] = False
            keep(f"without|{lacking}", trained.eta(replace(parts, mask=mask)), everyone)
        for label, (model, learner) in others.items():
            block = cohort.block(model.name) or extra[model.name]
            eta = trained.calibrations[label].eta(model.evidence(block, learner), trained.at)
            keep(label, eta, everyone if label in ("missingness", "site") else block.present)
    truthful = labels == "true" and len(rows) > 0
    return {
        "status": "assessed", "labels": labels, "fold": fold, "patients": list(cohort.patients),
        "y": target.y.tolist(), "time": target.time.tolist(), "event": target.event.tolist(), "models": models,
        "times": list(p.times), "doubt": None if trained.doubt is None else trained.doubt.facts(),
        "shipped": trained.predictions(cohort) if truthful else [],
        "held_out": trained.view(cohort) if truthful else {},
        "contributions": trained.contributions(cohort, p.seed) if truthful else [],
    }  # fmt: skip
