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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "workflow"), str(Path(__file__).resolve().parent)]
from consilium.core.sheets import Sample  # noqa: E402
from consilium.learn.cohort import folds  # noqa: E402
from consilium.learn.guards import before, dates, features, identifiers, sides  # noqa: E402
from consilium.learn.guards.record import Gate, Guards  # noqa: E402
from learn_faults import faults  # noqa: E402
from learn_leak_cases import Case, N, copied, honest, with_column, with_values  # noqa: E402


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
