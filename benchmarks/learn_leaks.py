"""Planted leaks, each of which must be stopped by its guard, and honest cohorts, none of which may be stopped.

    python benchmarks/learn_leaks.py --out benchmarks/learn_leaks.tsv --data $CONSILIUM_DATA --work work

Leaks: a made cohort of 80 patients (expression, labs over time, a volume, clinical columns) with one thing wrong. The
last ones are faults of code, not of data: a step is patched to see patients that it must not see, and the run's own
audit or controls have to notice. stopped: the guard's verdict is fail, or (copies, relatives) the patients were put on
one side by that guard.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.core.sheets import Patient, Sample  # noqa: E402
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort import folds  # noqa: E402
from consilium.learn.cohort.data import Block, Cohort  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.guards import before, dates, features, identifiers, sides  # noqa: E402
from consilium.learn.guards.record import Gate, Guards  # noqa: E402
from consilium.learn.judge import controls, evaluate, gates  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402

Array = np.ndarray
N = 80


@dataclass(frozen=True)
class Case:
    """A cohort as the guards see it."""

    cohort: Cohort
    target: Target
    related: list[tuple[str, str]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    split: Array | None = None  # a given split instead of dealt folds

    def patients(self) -> list[Patient]:
        people = zip(self.cohort.patients, self.cohort.sites, self.cohort.families, strict=True)
        return [Patient(p, site=s, family=f, index_date="2020-06-01") for p, s, f in people]


def table(name: str, values: Array, names: list[str] | None = None, present: Array | None = None) -> Block:
    x = np.array(values, dtype=np.float32)
    present = np.ones(len(x), dtype=bool) if present is None else present
    x[~present] = np.nan
    columns = tuple(names or [f"{name.split('/')[1]} {i}" for i in range(x.shape[1])])
    reasons = tuple("" if p else "not supplied" for p in present)
    return Block(name, name, "table", x, present, reasons, columns, ("",) * len(columns))


def honest(seed: int = 0, survival: bool = False) -> Case:
    """Expression and labs with a moderate effect, a volume without one; shuffled names; three sites; some families."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], N // 2)[rng.permutation(N)]
    x, labs, image = rng.normal(size=(N, 60)), rng.normal(size=(N, 6, 4)), rng.normal(size=(N, 12, 12, 12))
    x[:, :3] += 0.7 * y[:, None]
    labs[:, :, 0] += 0.4 * y[:, None]
    labs[rng.random(labs.shape) < 0.3] = np.nan
    clinical = np.column_stack([rng.normal(60, 12, N).round(), rng.integers(0, 2, N), rng.normal(27, 4, N)])
    have = rng.random(N) > 0.2
    series = Block("ehr/series", "labs", "series", labs.astype(np.float32), np.ones(N, dtype=bool), ("",) * N,
                   ("crp", "sodium", "urea", "hb"), ("",) * 4, tuple(range(6)))  # fmt: skip
    volume = Block("imaging/t1", "t1", "volume", image.astype(np.float32), np.ones(N, dtype=bool), ("",) * N)
    ids = tuple(f"P{i:04d}" for i in rng.permutation(9000)[:N] + 1000)
    blocks = (table("ehr/clinical", clinical, ["age", "female", "bmi"]), series, volume,
              table("omics/expression", x, present=have))  # fmt: skip
    cohort = Cohort(ids, tuple(f"site_{i}" for i in rng.integers(1, 4, N)), ("",) * N, blocks)
    nothing = np.full(N, np.nan)
    if not survival:
        return Case(cohort, Target("classification", y, nothing, np.zeros(N), ("ill", "well")))
    time = np.round(rng.exponential(500 * np.exp(-0.8 * y)) + 5)
    event = (rng.random(N) < 0.7).astype(float)
    return Case(cohort, Target("survival", np.zeros(N), time, event))


def with_values(case: Case, name: str, values: Array, present: Array | None = None) -> Case:
    """`case` with other values of one block."""

    def changed(b: Block) -> Block:
        if b.name != name:
            return b
        own = b.present if present is None else present
        return replace(b, values=np.where(own.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan).astype(np.float32),
                       present=own)  # fmt: skip

    return replace(case, cohort=replace(case.cohort, blocks=tuple(changed(b) for b in case.cohort.blocks)))


def with_column(case: Case, name: str, column: Array, block: str = "ehr/clinical") -> Case:
    """`case` with a further column in a table; NaN = missing."""
    blocks = []
    for b in case.cohort.blocks:
        if b.name == block:
            values = np.column_stack([b.values, column.astype(np.float32)])
            values[~b.present] = np.nan
            b = replace(b, values=values, features=(*b.features, name), units=(*b.units, ""))
        blocks.append(b)
    return replace(case, cohort=replace(case.cohort, blocks=tuple(blocks)))


def copied(case: Case, name: str, change: Callable[[Array, Array], Array], a: int = 3, b: int = 50) -> Case:
    """Patient b gets patient a's values of one block, changed; change(values, SD of each feature)."""
    block = case.cohort.block(name)
    assert block is not None
    values, present = block.values.copy(), block.present.copy()
    present[[a, b]] = True
    values[a] = np.where(np.isfinite(values[a]), values[a], 0.3)
    values[b] = change(values[a], np.nanstd(block.values, axis=0))
    return with_values(case, name, values, present)


def leaks() -> Iterator[tuple[str, str, Case]]:
    """(what was planted, guard that must stop it, the cohort)."""
    case, rng = honest(), np.random.default_rng(1)
    y, n = case.target.y.astype(float), N
    noise = lambda v, sd: v + 0.05 * sd * rng.normal(size=v.shape)  # noqa: E731
    yield "patient again under another name", sides.COPIES, copied(case, "omics/expression", lambda v, sd: v)
    yield "expression again with noise of .05 SD", sides.COPIES, copied(case, "omics/expression", noise)
    yield "expression again, rounded", sides.COPIES, copied(case, "omics/expression", lambda v, sd: v.round(1))
    yield "expression again, times 1.1", sides.COPIES, copied(case, "omics/expression", lambda v, sd: 1.1 * v)
    yield "image again with noise of .05 SD", sides.COPIES, copied(case, "imaging/t1", noise)
    yield "lab series again, rounded", sides.COPIES, copied(case, "ehr/series", lambda v, sd: v.round(2))
    ids = case.cohort.patients
    yield "twins by kinship", sides.SIDES, replace(case, related=[(ids[2], ids[60])])
    family = tuple("F1" if i in (4, 70) else "" for i in range(n))
    yield "family", sides.SIDES, replace(case, cohort=replace(case.cohort, families=family))
    split = np.arange(n) % 2
    torn = replace(case, related=[(ids[2], ids[61])], split=split)
    yield "relatives over both sides of a given split", sides.SIDES, torn
    yield "feature = outcome", features.SINGLE, with_column(case, "dx code", y)
    near = y + rng.normal(0, 0.28, n)
    yield "feature = outcome + noise", features.SINGLE, with_column(case, "score", near)
    yield "outcome as a row of expression", features.SINGLE, with_column(case, "G123", 2 - y, "omics/expression")
    yield "column measured in one class only", features.MISSING, with_column(
        case, "biopsy grade", np.where(y == 1, rng.normal(size=n), np.nan))  # fmt: skip
    expression = case.cohort.block("omics/expression")
    assert expression is not None
    values = np.where(np.isfinite(expression.values), expression.values, 0.1)
    yield "block supplied for one class only", features.MISSING, with_values(case, "omics/expression", values, y == 1)
    sites = tuple("site_a" if v else ("site_b", "site_c")[i % 2] for i, v in enumerate(y))
    yield "site = outcome", features.SITE, replace(case, cohort=replace(case.cohort, sites=sites))
    late = [Sample(ids[0], "imaging", "T1", "a.nii", "2020-05-01", "T1", 2),
            Sample(ids[1], "imaging", "T1", "b.nii", "2021-01-15", "T1", 3)]  # fmt: skip
    yield "image made after the index date", dates.DATES, replace(case, samples=late)
    name_number = np.array([float(p[1:]) for p in ids])
    yield "number of the patient's name as feature", identifiers.IDENTIFIERS, with_column(case, "visit", name_number)
    yield "row of the sheet as feature", identifiers.IDENTIFIERS, with_column(case, "batch", np.arange(n) + 1.0)
    yield "row of the sheet, shuffled", identifiers.IDENTIFIERS, with_column(case, "slot", rng.permutation(n) + 1.0)
    record = rng.choice(10**6, n, replace=False).astype(float)
    yield "record number", identifiers.IDENTIFIERS, with_column(case, "patient_id", record)
    snps = rng.normal(size=(n, 400))
    tuned = snps @ np.linalg.solve(snps.T @ snps + 40 * np.eye(400), snps.T @ (y - y.mean()))
    yield "polygenic score tuned on this cohort", features.SINGLE, with_column(case, "PGS", tuned)
    follow = honest(survival=True)
    yield "follow-up time as feature", features.SINGLE, with_column(follow, "last seen", follow.target.time)
    vital = follow.target.event + rng.normal(0, 0.01, n)
    yield "vital status as feature", features.SINGLE, with_column(follow, "status", vital)


def asked(case: Case) -> tuple[list[Gate], list[folds.Link], list[str]]:
    """(gates before any fit, links, groups)."""
    joined = folds.links(case.cohort, case.related)
    group = folds.groups(case.cohort, joined)
    fold = case.split if case.split is not None else folds.assign(case.target, group, 5, 1)
    found = before.gates(case.cohort, case.target, group, [fold], joined, case.patients(), case.samples, Guards())
    return found, joined, group


def verdict(case: Case, guard: str) -> tuple[bool, str, list[str]]:
    """(stopped by this guard?, what it said, other guards that failed)."""
    found, joined, group = asked(case)
    by_name = {g["gate"]: g for g in found}
    others = [g["gate"] for g in found if g["verdict"] == "fail" and g["gate"] != guard]
    own = by_name[guard]
    stopped = own["verdict"] == "fail"
    if guard == sides.COPIES:
        stopped = own["verdict"] == "warn" and len(set(group)) == N - 1
    elif guard == sides.SIDES and case.split is None:
        stopped = len(set(group)) == N - 1 and {link.how for link in joined} <= {"family", "kinship"}
    return stopped, str(own["detail"]), others


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


def real(data: Path, work: Path) -> Iterator[tuple[str, Case]]:
    """Public cohorts as `learn_cohorts` reads them, those with a published split on it."""
    import learn_cohorts

    for name in ("gbsg", "metabric", "glioma", "breast", "physionet"):
        found = getattr(learn_cohorts, name)(data, work)
        split = None if found.test is None else np.where(found.test, 0, 1)
        yield f"{name}, {len(found.cohort.patients)} patients", Case(found.cohort, found.target, split=split)


def honest_rows(what: str, case: Case) -> list[Any]:
    found, joined, _ = asked(case)
    stop = [g["gate"] for g in found if g["verdict"] in ("fail", "warn")]
    said = "; ".join(f"{link.patient_a} with {link.patient_b} by {link.how}" for link in joined[:5])
    return ["honest", what, "none", bool(stop or joined), "; ".join(stop), said]


def run(out: Path, quick: bool, data: Path | None, work: Path) -> int:
    rows: list[list[Any]] = []
    missed = 0
    for name, guard, case in leaks():
        stopped, said, others = verdict(case, guard)
        rows.append(["leak", name, guard, stopped, "; ".join(others), said])
    for found in () if quick else faults():
        rows.append(["fault", *found[:3], "", found[3]])
    for seed in range(20):
        for kind, case in (("classes", honest(seed)), ("survival", honest(seed, True))):
            rows.append(honest_rows(f"{kind}, seed {seed}", case))
    rows += [honest_rows(name, case) for name, case in real(data, work)] if data else []
    with out.open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(["kind", "what", "guard", "stopped", "other guards", "said"])
        writer.writerows(rows)
    for kind, what, guard, stopped, others, _ in rows:
        wrong = stopped == (kind == "honest") or others
        missed += bool(wrong)
        if wrong or kind != "honest":
            print(kind, "|", what, "|", guard, "|", "stopped" if stopped else "not stopped", others)
    counts = {k: sum(r[3] for r in rows if r[0] == k) for k in ("leak", "fault", "honest")}
    print(f"stopped: {counts}; surprises: {missed}")
    return missed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/learn_leaks.tsv"))
    parser.add_argument("--quick", action="store_true", help="without the faults of code, which need fits")
    parser.add_argument("--data", type=Path, help="folder of real data: also public cohorts")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for what the public cohorts need")
    arguments = parser.parse_args()
    sys.exit(bool(run(arguments.out, arguments.quick, arguments.data, arguments.work)))
