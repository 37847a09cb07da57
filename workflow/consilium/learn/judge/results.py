"""The evaluation stage of one task: folds' results in, tables and gates out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.core.store import read_facts, write_facts, write_table
from consilium.learn import prepare
from consilium.learn.cohort import data, tasks
from consilium.learn.judge import evaluate, gates
from consilium.learn.uncertainty import coverage, decision

Facts = dict[str, Any]
TABLES = (
    "predictions", "leaderboard", "contributions", "learning_curve", "differences", "set_coverage", "decision_curve",
)  # fmt: skip


def evaluate_task(results: list[Facts], control: list[Facts], last: Facts, about: Facts, cohort: data.Cohort,
                  groups: list[str], fold: list[int]) -> Facts:  # fmt: skip
    """Everything that is written, as plain rows and facts (see stages.evaluate)."""
    group_of, fold_of = dict(zip(cohort.patients, groups, strict=True)), dict(zip(cohort.patients, fold, strict=True))
    seed = seed_from(about["seed"], about["name"], "bootstrap")
    true = evaluate.judged(results, about, group_of, seed)
    runs = [[r["runs"][k] for r in control] for k in range(len(control[0]["runs"]))] if control else []
    shuffled = [evaluate.judged(run, about, group_of, seed) for run in runs]
    permuted = gates.control_facts(shuffled)
    used = cohort.only(about["blocks"])
    target = tasks.from_facts(about["target"])
    judged_rows = np.flatnonzero(np.array(fold) >= 0)
    rows = coverage_rows(results, true, used)
    list_of = [
        gates.no_group_split(list(cohort.patients), groups, np.array(fold)),
        gates.fit_audit([*results, *(r for run in runs for r in run), last], fold_of, group_of),
        gates.single_features(used, target, judged_rows),
        gates.identifiers(used),
        gates.alone(true, "missingness", "missingness is not informative",
                    "which data a patient has predicts the outcome; ask why"),
        gates.alone(true, "site", "site does not predict the outcome", "the site alone predicts the outcome"),
        gates.control(permuted),
        gates.fusion_against_singles(true),
        gates.against(true, "age_sex", "better than age and sex"),
        gates.coverage(rows, true.target.kind),
        gates.calibration(true),
    ]  # fmt: skip
    choices = [{"fold": r["fold"], **{k: v for k, v in r["facts"].items() if k != "curves"}} for r in [*results, last]]
    blocks = [b.name for b in used.blocks]
    observed = dict(zip(cohort.patients, about["observed"], strict=True))
    everything = [*results, last]
    return {
        "predictions": evaluate.prediction_rows(everything, observed, cohort.patients),
        "leaderboard": evaluate.leaderboard(true, shuffled, blocks),
        "contributions": [row for r in everything for row in r["contributions"]],
        "learning_curve": evaluate.curve_rows(everything),
        "differences": evaluate.difference_rows(true),
        "set_coverage": rows,
        "decision_curve": decision.curve(true.target, true.models["shipped"].scores, true.weights),
        "control": permuted,
        "gates": {
            "task": about["name"], "status": "assessed", "reason": "", "notes": about["notes"], "n": len(true.patients),
            "gates": list_of, "choices": choices, "duplicates": about["duplicates"],
        },
    }  # fmt: skip


def coverage_rows(results: list[Facts], true: evaluate.Judged, cohort: data.Cohort) -> list[Facts]:
    """Rows of table `coverage`; a level is calibrated for itself if it is so in every fold."""
    found = coverage.hits(true.target.kind, results, true.target.classes)
    truth = {}
    if true.target.kind == "classification":
        truth = {p: true.target.classes[int(y)] for p, y in zip(true.patients, true.target.y, strict=True)}
    of_folds = [(r["doubt"] or {}).get("own", {}) for r in results]
    own = {
        name: [v for v in set(of) if all(v in fold.get(name, ()) for fold in of_folds)]
        for name, of in cohort.levels.items()
    }
    return coverage.table(found, truth, cohort.patients, cohort.levels, own)


def evaluate_nothing(about: Facts, cohort: data.Cohort, why: str) -> Facts:
    observed = dict(zip(cohort.patients, about["observed"], strict=True))
    status = {"status": "not assessed", "reason": why}
    return {name: [] for name in TABLES} | {
        "predictions": evaluate.unassessed_rows(observed, cohort.patients, why),
        "control": {**status, "verdict": "not assessed"},
        "gates": {"task": about["name"], **status, "notes": about["notes"], "n": 0, "choices": [],
                  "gates": [gates.gate("the task can be assessed", "not assessed", why)],
                  "duplicates": about["duplicates"]},
    }  # fmt: skip


def evaluate_files(
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, outer_folds: int, permuted: bool
) -> Facts:
    about, cohort = read_facts(task), data.load(inputs)
    patients, groups, fold = prepare.read_folds(folds)
    assert tuple(patients) == cohort.patients
    last = read_facts(final)
    results = [read_facts(trained / "true" / f"{k}.json") for k in range(outer_folds)]
    control = [read_facts(trained / "permuted" / f"{k}.json") for k in range(outer_folds)] if permuted else []
    results, control = ([r for r in rs if r["status"] != "skipped"] for rs in (results, control))
    why = next((r["reason"] for r in [*results, *control, last] if r["status"] != "assessed"), "")
    if why:
        return evaluate_nothing(about, cohort, str(why))
    return evaluate_task(results, control, last, about, cohort, groups, fold)


def evaluate_and_write(found: Facts, outputs: dict[str, Path], task: Path) -> None:
    classes = read_facts(task)["classes"]
    for name in TABLES:
        write_rows(outputs[name], name, found[name], classes)
    write_facts(outputs["gates"], found["gates"])
    write_facts(outputs["control"], found["control"])


def write_rows(path: Path, name: str, rows: list[Facts], classes: list[str]) -> None:
    """A registered table from rows that may lack columns."""
    import pandas as pd

    from consilium.core.register import TABLES

    record = TABLES[name]
    fixed = [c.name for c in record.columns if not c.name.endswith("*")]
    # Classes in their order; survival times in theirs.
    extra: list[str] = []
    if name == "predictions":
        given = {k for r in rows for k in r if k.startswith("p_")}
        extra = [f"p_{c}" for c in classes] or sorted(given, key=lambda k: float(k[2:]))
    table = pd.DataFrame([[r.get(c) for c in [*fixed, *extra]] for r in rows], columns=[*fixed, *extra])
    for column in record.columns:
        if column.dtype == "float" and column.name in table:
            table[column.name] = pd.to_numeric(table[column.name])
    write_table(path, name, table)


def evaluate_stage(
    inputs: Path,
    folds: Path,
    task: Path,
    trained: Path,
    final: Path,
    outer_folds: int,
    permuted: bool,
    outputs: dict[str, Path],
) -> None:
    """See stages.evaluate."""
    evaluate_and_write(evaluate_files(inputs, folds, task, trained, final, outer_folds, permuted), outputs, task)
