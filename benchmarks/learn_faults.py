"""Faults of code for `learn_leaks.py`: a step is patched to see patients that it must not see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort import folds  # noqa: E402
from consilium.learn.cohort.data import Cohort  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.guards import sides  # noqa: E402
from consilium.learn.guards.record import Gate  # noqa: E402
from consilium.learn.judge import controls, evaluate, gates  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402
from learn_leak_cases import Array, Case, N, honest, table  # noqa: E402


def problem(case: Case) -> train.Problem:
    group = folds.groups(case.cohort, folds.links(case.cohort, case.related))
    fold = folds.assign(case.target, group, 3, 1)
    task = {"name": "task", "blocks": [], "horizons": [], "seed": 1}
    return train.problem(case.cohort, task, case.target, group, fold)


def audited(p: train.Problem, labels: str = "true") -> tuple[Gate, evaluate.Judged]:
    """Every fold fitted, and the audit of its steps."""
    results = [train.outer_fold(p, labels, f, Plan(3, 0)) for f in range(3)]
    results = [r["runs"][0] for r in results] if labels == "permuted" else results
    held = [[i for i, f in zip(p.cohort.patients, p.fold, strict=True) if f == int(r["fold"])] for r in results]
    group_of = dict(zip(p.cohort.patients, p.groups, strict=True))
    task: dict[str, Any] = {"kind": p.target.kind, "classes": list(p.target.classes)}
    return (sides.fit_audit(results, held, group_of, list(p.cohort.patients)),
            evaluate.judged(results, task, group_of, 1))  # fmt: skip


def recorded(step: str) -> Callable[..., Any]:
    """train._fit of a programmer who fits one step on every patient with an outcome (and lets it be recorded)."""
    plain = train._fit

    def fit(p: train.Problem, rows: Array, target: Target, settings: Any, ledger: Any) -> Any:
        found = plain(p, rows, target, settings, ledger)
        ledger.record(step, [p.cohort.patients[i] for i in p.labelled])
        return found

    return fit


def everything_on_everybody() -> Callable[..., Any]:
    """train._fit that ignores which patients are held out."""
    plain = train._fit
    return lambda p, rows, target, settings, ledger: plain(p, p.labelled, p.target.take(p.labelled), settings, ledger)


def selected_first() -> Callable[..., Any]:
    """train._fit on columns chosen by the outcome of all patients, and nobody writes it down."""
    plain, chosen = train._fit, {}

    def fit(p: train.Problem, rows: Array, target: Target, settings: Any, ledger: Any) -> Any:
        outcome = np.zeros(len(p.fold))
        outcome[p.labelled] = CURRENT["y"]
        block = p.cohort.blocks[0]
        x = block.values.astype(float)
        key = outcome.tobytes()
        if key not in chosen:
            pull = np.abs(((x - x.mean(axis=0)) / x.std(axis=0)).T @ (outcome - outcome.mean()))
            chosen[key] = np.argsort(-pull)[:30]
        few = np.full_like(block.values, 0)
        few[:, chosen[key]] = block.values[:, chosen[key]]
        changed = replace(p, cohort=replace(p.cohort, blocks=(replace(block, values=few),)), extra=[])
        return plain(changed, rows, target, settings, ledger)

    return fit


CURRENT: dict[str, Array] = {}


def faults() -> Iterator[tuple[str, str, bool, str]]:
    """(what was done, guard, stopped?, what it said): faults of code."""
    p = problem(honest())
    steps = ("scaler and imputer", "principal components", "calibration", "network pretraining")
    for step in steps:
        with patch.object(train, "_fit", recorded(step)):
            found, _ = audited(p)
        yield f"{step} fitted on held-out patients", sides.AUDIT, found["verdict"] == "fail" and step in found[
            "detail"], str(found["detail"])  # fmt: skip
    with patch.object(train, "_fit", everything_on_everybody()):
        found, _ = audited(p)
    yield "models fitted on everybody", sides.AUDIT, found["verdict"] == "fail", str(found["detail"])
    rng = np.random.default_rng(5)
    wide = Cohort(p.cohort.patients, ("",) * N, ("",) * N, (table("omics/expression", rng.normal(size=(N, 2000))),))
    own = problem(replace(honest(), cohort=wide))
    one_fold = train._one_fold

    def keep_outcome(p: train.Problem, target: Target, *rest: Any) -> Any:
        CURRENT["y"] = target.y.astype(float)
        return one_fold(p, target, *rest)

    with patch.object(train, "_fit", selected_first()), patch.object(train, "_one_fold", keep_outcome):
        audit, shuffled = audited(own, "permuted")
    facts = gates.control_facts([shuffled])
    said = f"audit: {audit['verdict']}; {gates.control(facts)['detail']}"
    yield "genes chosen by the outcome before folds", "permuted outcomes give chance", facts["verdict"] == "fail", said
    turned = honest()
    order = np.random.default_rng(0).permutation(N)
    plain = train._fit

    def mixed_up(p: train.Problem, rows: Array, target: Target, settings: Any, ledger: Any) -> Any:
        found = plain(replace(p, cohort=p.cohort.take(order), extra=[]), rows, target, settings, ledger)
        return found

    with patch.object(train, "_fit", mixed_up):
        result = train.outer_fold(problem(turned), "planted", 0, Plan(3, 0))
    group_of = {i: i for i in turned.cohort.patients}
    task = {"kind": "classification", "classes": list(turned.target.classes)}
    gate = controls.planted(evaluate.judged(result["runs"], task, group_of, 1), result["planted"], "")
    yield "outcomes joined to the wrong patients", controls.PLANTED, gate["verdict"] == "fail", str(gate["detail"])
