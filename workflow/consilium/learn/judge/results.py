"""The evaluation stage of one task: folds' results in, tables and gates out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilium.core.provenance import seed_from
from consilium.core.store import read_facts, write_facts, write_table
from consilium.learn import prepare
from consilium.learn.cohort import data, splits
from consilium.learn.guards import sides
from consilium.learn.guards.record import Gate, Guards
from consilium.learn.judge import controls, evaluate, gates
from consilium.learn.settings import Judging
from consilium.learn.uncertainty import coverage, decision

Facts = dict[str, Any]
TABLES = (
    "predictions", "leaderboard", "contributions", "learning_curve", "differences", "set_coverage", "decision_curve",
)  # fmt: skip


@dataclass(frozen=True)
class Runs:
    """Results of every job of one task. permuted: one list of folds a drawn permutation; planted: its folds."""

    true: list[Facts]
    permuted: list[list[Facts]]
    planted: Facts
    site: list[Facts]
    last: Facts

    @property
    def all(self) -> list[Facts]:
        """Each fit that was made, once."""
        planted = self.planted["runs"] if self.planted["status"] == "assessed" else []
        return [*self.true, *(r for run in self.permuted for r in run), *planted, *self.site, self.last]


@dataclass(frozen=True)
class Dealt:
    """Who is in which group and fold, in the order of the sheet; repeats: folds of all repeats, the first one first."""

    cohort: data.Cohort
    groups: list[str]
    repeats: list[list[int]]
    given: bool

    @property
    def group_of(self) -> dict[str, str]:
        return dict(zip(self.cohort.patients, self.groups, strict=True))

    def known(self) -> list[str]:
        return [p for p, f in zip(self.cohort.patients, self.repeats[0], strict=True) if f >= 0]

    def held(self, result: Facts) -> list[str]:
        """Patients on whom nothing of this result may have been fitted, by the table of folds where it says so."""
        if result["labels"] in ("planted", "site"):
            return list(result["patients"])
        if result["fold"] == "apply" and not self.given:
            return []
        fold = splits.TEST if self.given else int(result["fold"])
        of = self.repeats[result.get("repeat", 0)]
        return [p for p, f in zip(self.cohort.patients, of, strict=True) if f == fold]


def evaluate_task(runs: Runs, about: Facts, dealt: Dealt, guards: Guards) -> Facts:
    """Everything that is written, as plain rows and facts (see stages.evaluate)."""
    seed = seed_from(about["seed"], about["name"], "bootstrap")

    def judge(results: list[Facts]) -> evaluate.Judged:
        return evaluate.judged(results, about, dealt.group_of, seed)

    true, shuffled = judge(runs.true), [judge(run) for run in runs.permuted]
    planted = judge(runs.planted["runs"]) if runs.planted["status"] == "assessed" else None
    site = judge(runs.site) if runs.site else None
    permuted = gates.control_facts(shuffled)
    first = [r for r in runs.true if not r.get("repeat", 0)]
    rows = coverage_rows(first, true, dealt.cohort.only(about["blocks"]))
    found = guards.judged(_gates(runs, about, dealt, true, planted, site, permuted, rows))
    if why := guards.why_stopped(found):
        guards.stop(why, about["name"], "results")
        return evaluate_nothing(about, dealt.cohort, why, found)
    everything, signal = [*first, runs.last], controls.signal(true, found)
    blocks = [b.name for b in dealt.cohort.only(about["blocks"]).blocks]
    return {
        "predictions": _warned(_predictions(everything, about, dealt), signal),
        "leaderboard": evaluate.leaderboard(true, shuffled, blocks, planted, site),
        "contributions": [row for r in everything for row in r["contributions"]],
        "learning_curve": evaluate.curve_rows(everything),
        "differences": evaluate.difference_rows(true),
        "set_coverage": rows,
        "decision_curve": decision.curve(true.target, true.models["shipped"].scores, true.weights, true.crossed),
        "control": permuted,
        "gates": {
            "task": about["name"], "status": "assessed", "reason": "", "notes": about["notes"], "n": len(true.patients),
            "signal": signal, "gates": found, "choices": _choices(everything),
            "duplicates": about["duplicates"],
        },
    }  # fmt: skip


def _gates(
    runs: Runs, about: Facts, dealt: Dealt, true: evaluate.Judged, planted: evaluate.Judged | None,
    site: evaluate.Judged | None, permuted: Facts, rows: list[Facts],
) -> list[Gate]:  # fmt: skip
    """What was found before the fits, and what the results show; rows: of table `coverage`."""
    return [
        *about["guards"],
        sides.fit_audit(runs.all, [dealt.held(r) for r in runs.all], dealt.group_of, dealt.known()),
        gates.alone(true, "missingness", "missingness is not informative",
                    "which data a patient has predicts the outcome; ask why"),
        gates.alone(true, "site", "site does not predict the outcome", "the site alone predicts the outcome"),
        gates.control(permuted),
        controls.planted(planted, runs.planted.get("planted", {}), runs.planted["reason"]),
        controls.left_out(site, true, about),
        gates.fusion_against_singles(true),
        gates.against(true, "age_sex", "better than age and sex"),
        gates.coverage(rows, true.target.kind),
        gates.calibration(true),
    ]  # fmt: skip


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


def _choices(everything: list[Facts]) -> list[Facts]:
    """What each fold chose, and why."""
    return [{"fold": r["fold"], **{k: v for k, v in r["facts"].items() if k != "curves"}} for r in everything]


def _predictions(everything: list[Facts], about: Facts, dealt: Dealt) -> list[Facts]:
    """Rows of table `predictions`, one a patient of the sheet."""
    observed = dict(zip(dealt.cohort.patients, about["observed"], strict=True))
    rows = evaluate.prediction_rows(everything, observed, dealt.cohort.patients)
    if dealt.given:
        have = {r["patient"] for r in rows}
        rows += evaluate.training_rows(observed, [p for p in dealt.known() if p not in have])
        rows.sort(key=lambda r: dealt.cohort.patients.index(r["patient"]))
    return rows


def _warned(rows: list[Facts], signal: Facts) -> list[Facts]:
    """Rows of table `predictions`; where nothing was found, those that predict say so."""
    said = controls.NO_SIGNAL if signal["answer"] == "none" else ""
    return [r if r["abstained"] else r | {"reason": "; ".join(filter(None, (r["reason"], said)))} for r in rows]


def evaluate_nothing(about: Facts, cohort: data.Cohort, why: str, found: list[Facts] | None = None) -> Facts:
    """Outputs of a task that is not assessed. found: the checks that were asked."""
    observed = dict(zip(cohort.patients, about["observed"], strict=True))
    status = {"status": "not assessed", "reason": why}
    asked = [gates.gate("the task can be assessed", "not assessed", why), *(found or about.get("guards", []))]
    return {name: [] for name in TABLES} | {
        "predictions": evaluate.unassessed_rows(observed, cohort.patients, why),
        "control": {**status, "verdict": "not assessed"},
        "gates": {"task": about["name"], **status, "notes": about["notes"], "n": 0, "choices": [],
                  "signal": {"answer": "not assessed", "text": why}, "gates": asked,
                  "duplicates": about["duplicates"]},
    }  # fmt: skip


def evaluate_files(
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, judging: Judging, sites: int
) -> Facts:
    about, cohort = read_facts(task), data.load(inputs)
    patients, groups, fold = prepare.read_folds(folds)
    assert tuple(patients) == cohort.patients

    def results(labels: str, number: int) -> list[Facts]:
        found = [read_facts(trained / labels / f"{k}.json") for k in range(number)]
        return [r for r in found if r["status"] != "skipped"]

    last = read_facts(final)
    true = results("true", judging.outer_folds * judging.repeats)
    control = results("permuted", judging.outer_folds * judging.permutation_control)
    site = [r for r in results("site", sites) if r["status"] == "assessed"]
    planted = read_facts(trained / "planted" / "0.json") if judging.planted_control else _NOT_RUN
    why = next((r["reason"] for r in [*true, *control, last] if r["status"] != "assessed"), "")
    if why:
        return evaluate_nothing(about, cohort, str(why))
    permuted = [[r["runs"][k] for r in control] for k in range(len(control[0]["runs"]))] if control else []
    dealt = Dealt(cohort, groups, [fold, *prepare.read_repeats(folds)], bool(about["split"]))
    return evaluate_task(Runs(true, permuted, planted, site, last), about, dealt, judging.guards)


_NOT_RUN = {"status": "skipped", "reason": "the control was not run"}


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
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, judging: Judging, sites: int,
    outputs: dict[str, Path],
) -> None:  # fmt: skip
    """See stages.evaluate."""
    found = evaluate_files(inputs, folds, task, trained, final, judging, sites)
    evaluate_and_write(found, outputs, task)
