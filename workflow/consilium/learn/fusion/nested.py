"""Fits everything on one set of training patients: base models, networks, fusion, the choice, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion import fusion, guard, networked
from consilium.learn.fusion.model import BlockModel, Trained, key
from consilium.learn.models import hazards as by_interval
from consilium.learn.models.base import Folded, fit_block
from consilium.learn.models.hazards import OwnCourses
from consilium.learn.models.heads import Prior, baseline_hazard, course, losses
from consilium.learn.models.work import Ledger, Settings, Work, start
from consilium.learn.uncertainty import doubt

Array = np.ndarray


def fit_all(
    cohort: Cohort, target: Target, groups: Sequence[str], settings: Settings, ledger: Ledger,
    extra: Sequence[tuple[str, Block, bool]] = (),
) -> tuple[Trained, dict[str, tuple[BlockModel, str]], dict[str, Any]]:  # fmt: skip
    """(trained model, extra baselines by key with their learner, facts: choice, inner folds, curves)."""
    work = start(cohort, target, groups, settings, ledger)
    folded = [f for f in (fit_block(work, b) for b in cohort.blocks) if f is not None]
    mask = _mask(cohort, folded)
    nets: tuple[Any, ...] = ()
    parts = fusion.Parts(mask, _stacked(work, folded))
    about: dict[str, Any] = {"curves": []}
    if settings.network_seeds and folded:
        nets, outputs, about = networked.fit(work, folded, parts)
        parts = replace(parts, nets=(outputs,), hazards=nets[0].hazards)
    together, evidence = fit_fusion(work, folded, parts)
    everyone = np.arange(len(target))
    work.note("stack, calibration, choice and conformal thresholds", everyone)
    etas = {name: fusion.cross_calibrated(e, target, work.at, work.inner) for name, e in evidence.items()}
    choice = guard.choose({k: losses(target, eta, work.at) for k, eta in etas.items()}, groups, work.seed("guard"))
    calibrations = {name: fusion.fit_calibration(e, target, work.at) for name, e in evidence.items()}
    others, more = _alone(work, folded, extra)
    calibrations |= more
    shipped = etas[choice.name]
    trained = Trained(
        target.kind, target.classes, work.at, tuple(f.model for f in folded), nets, together, calibrations, choice.name,
        None, settings.horizons,
        baseline_hazard(target, shipped, settings.horizons) if settings.horizons else np.zeros(0),
        course(target, shipped) if target.kind == "survival" else None,
    )  # fmt: skip
    own = trained.course_of(parts)
    if isinstance(own, OwnCourses):
        trained = replace(trained, level=by_interval.level(target, shipped, own))
    trained = replace(
        trained, doubt=doubt.fit(trained, shipped, target, cohort.levels, parts, _distances(work, folded))
    )
    facts = choice.facts() | about | _about(work, folded, together) | {
        "calibration": calibrations[choice.name].scale
    }  # fmt: skip
    return trained, others, facts


def _alone(
    work: Work, folded: list[Folded], extra: Sequence[tuple[str, Block, bool]]
) -> tuple[dict[str, tuple[BlockModel, str]], dict[str, fusion.Calibration]]:
    """(model and learner, calibration) of every learner of every block, and of the extra baselines, by key."""
    others, calibrations = {}, {}
    named = [("", f) for f in folded]
    named += [(name, f) for name, b, trees in extra if (f := fit_block(work, b, trees, False)) is not None]
    for name, f in named:
        have = np.flatnonzero(_present(work.cohort, extra, f.model.name))
        for learner, e in ((k, v) for k, v in f.first.items() if k != "fusion"):
            label = key(name, "") if name else key(learner, f.model.name)
            calibrations[label] = fusion.fit_calibration(e[have], work.target.take(have), work.at)
            others[label] = (f.model, learner)
    return others, calibrations


def _about(work: Work, folded: list[Folded], together: fusion.Fusion) -> dict[str, Any]:
    """Facts of a fit: inner folds, blocks left out, and how the models of the blocks were weighed."""
    return {
        "inner_folds": int(work.inner.max()) + 1,
        "left_out": [b.name for b in work.cohort.blocks if b.name not in together.blocks],
        "penalties": {f.model.name: f.model.linear.penalty for f in folded},
        "learners": {f.model.name: f.model.mix for f in folded},
        "stack_weights": dict(zip(together.blocks, together.stack.weights.tolist(), strict=True)),
        "best_single": together.blocks[together.best] if folded else "",
        "augmentation": work.settings.augmentation,
    }  # fmt: skip


def _distances(work: Work, folded: list[Folded]) -> Array:
    """(row, block) distance of each row from the patients outside its inner fold; 0 where the block is absent."""
    out = np.zeros((len(work.target), len(folded)))
    for m, f in enumerate(folded):
        block = work.cohort.block(f.model.name)
        if block is None:
            continue
        for k, j in enumerate(work.folds):
            rows = np.flatnonzero((work.inner == j) & block.present)
            if len(rows):
                out[rows, m] = f.designs[k].unusual(block.take(rows)) / max(f.model.far, 1e-9)
    return out


def fit_fusion(work: Work, folded: list[Folded], parts: fusion.Parts) -> tuple[fusion.Fusion, dict[str, Array]]:
    """(fusion fitted on all rows, out-of-fold evidence of every candidate)."""
    target, at = work.target, work.at
    evidence = {"late_mean": fusion.late_mean(parts)}
    names = tuple(f.model.name for f in folded)
    if not names:
        return fusion.Fusion(names, 0, _no_stack(names, target)), evidence
    single, stacked = np.zeros_like(evidence["late_mean"]), np.zeros_like(evidence["late_mean"])
    for j in np.unique(work.inner):  # choose and stack without fold j, then ask fold j
        rest, held = np.flatnonzero(work.inner != j), np.flatnonzero(work.inner == j)
        base = np.stack([f.second[int(j)] for f in folded], axis=1)
        inside = fusion.Parts(parts.mask, base).take(rest)
        alone = fusion.Fusion(names, best_single(inside.base, target.take(rest), at), _no_stack(names, target))
        single[held] = alone.evidence("best_single", parts.take(held))
        if len(names) > 1:
            stacked[held] = fusion.fit_stack(inside, target.take(rest), at).evidence(parts.take(held))
    evidence = {"best_single": single} | evidence | ({"stack": stacked} if len(names) > 1 else {})
    average = (1.0, 1.0)
    if parts.nets:
        evidence["network"] = fusion.network_evidence(parts)
        scales = [fusion.fit_calibration(evidence[k], target, at).scale for k in ("network", "late_mean")]
        average = (scales[0], scales[1])
    together = fusion.Fusion(names, best_single(parts.base, target, at), fusion.fit_stack(parts, target, at), average)
    if parts.nets:
        evidence["network_late_mean"] = together.evidence("network_late_mean", parts)
    return together, evidence


def _no_stack(names: tuple[str, ...], target: Target) -> fusion.Stack:
    return fusion.Stack(np.zeros(len(names)), np.zeros((len(names), target.width)))


def best_single(base: Array, target: Target, at: Prior) -> int:
    """The block (of base (row, block, width)) whose evidence, each with its own scale, has the smallest loss."""
    return fusion.smallest([base[:, m] for m in range(base.shape[1])], target, at)


def _mask(cohort: Cohort, folded: list[Folded]) -> Array:
    present = [b.present for b in (cohort.block(f.model.name) for f in folded) if b is not None]
    return np.stack(present, axis=1) if present else np.zeros((len(cohort.patients), 0), dtype=bool)


def _stacked(work: Work, folded: list[Folded]) -> Array:
    n, width = len(work.target), work.target.width
    base = [f.first["fusion"] for f in folded]
    return np.stack(base, axis=1) if base else np.zeros((n, 0, width))


def _present(cohort: Cohort, extra: Sequence[tuple[str, Block, bool]], name: str) -> Array:
    block = cohort.block(name) or next(b for _, b, _ in extra if b.name == name)
    return block.present
