"""Coverage and width of 90 % sets, intervals and bounds in declared groups, on held-out patients.

    python benchmarks/learn_coverage.py --data DATA --work WORK [--only physionet] [--out benchmarks/learn_coverage.tsv]

physionet: 3,000 stays, raw series through the room ehr, five outer folds of three inner ones; summaries, clinical
columns, age and sex, two penalties and boosting, no network and no baseline; groups: sex, age band, kind of unit (as
site). planted: 1,200 made patients, two classes; in site B the features mislead, so that a model of everybody is too
sure there: once with sites declared, once not (coverage in B must then fall). number, survival: as planted, for
intervals and bounds. Each finished fold stays in WORK, so that a second call goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
sys.path.insert(0, str(ROOT / "benchmarks"))
import learn_cohorts  # noqa: E402
from consilium.core.sheets import read_patients  # noqa: E402
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort import folds, tasks  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.judge import evaluate, results  # noqa: E402
from consilium.learn.models import linear  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402
from consilium.learn.uncertainty import groups  # noqa: E402
from learn_cohorts import Public, cohort, table  # noqa: E402

FOLDS, BANDS = 5, (18, 40, 65)


def physionet(data: Path, work: Path) -> Public:
    found = learn_cohorts.physionet(data, work)
    people = {p.patient: p for p in read_patients(work / "physionet/patients.tsv")}
    ordered = [people[p] for p in found.cohort.patients]
    units = pd.read_csv(work / "physionet/clinical.tsv", sep="\t", dtype=str, keep_default_na=False)
    icu = dict(zip(units["patient"], units["icu"], strict=True))
    levels = dict(groups.declared(ordered, ("sex", "age_band"), BANDS, {}))
    levels["site"] = tuple(icu[p] for p in found.cohort.patients)
    blocks = ("ehr/summary", "ehr/clinical", "sheet/demographics")
    return replace(found, cohort=replace(found.cohort.only(blocks), levels=levels))


def misled(kind: str, declared: bool, n: int = 1200) -> Public:
    """Two tables that tell the outcome in site A and mislead in B (a fifth of the patients)."""
    rng = np.random.default_rng(1)
    site = np.where(np.arange(n) % 5 == 0, "B", "A")
    sex = np.where(rng.random(n) < 0.5, "female", "male")
    severity = rng.normal(size=n)
    told = np.where(site == "B", -0.3 * severity + rng.normal(size=n), severity)
    views = [
        table(f"omics/view{m}", f"View {m}", pd.DataFrame(told[:, None] + 0.8 * rng.normal(size=(n, 6))))
        for m in (1, 2)
    ]
    whole = cohort([f"P{i:04d}" for i in range(n)], views)
    levels = {"site": tuple(site), "sex": tuple(sex)}
    whole = replace(whole, levels=levels if declared else {})
    if kind == "classification":
        y = (rng.random(n) < 1 / (1 + np.exp(-2.5 * severity))).astype(int)
        target = Target(kind, y, np.full(n, np.nan), np.zeros(n), ("no", "yes"))
    elif kind == "regression":
        y = severity + 0.3 * rng.normal(size=n)
        target = Target(kind, y, np.full(n, np.nan), np.zeros(n))
    else:
        time, lost = rng.exponential(np.exp(-1.2 * severity)), rng.exponential(3.0, n)
        target = Target(kind, np.zeros(n), np.minimum(time, lost), (time <= lost).astype(float))
    return Public(f"{kind}, site {'declared' if declared else 'not declared'}", whole, target)


def judged(public: Public, work: Path, until: int = FOLDS) -> pd.DataFrame:
    """Rows of table `coverage`; levels that the model was not told of are judged all the same."""
    kind, target = public.target.kind, public.target
    about = {"name": "task", "kind": kind, "blocks": [], "horizons": list(tasks.horizons(target)), "seed": 1,
             "classes": list(target.classes)}  # fmt: skip
    alone = [str(i) for i in range(len(target))]
    p = train.problem(public.cohort, about, target, alone, folds.assign(target, alone, FOLDS, 1))
    plan = Plan(network_seeds=0)
    if public.name == "physionet":
        linear.GRID = linear.SMALL_GRID
        p, plan = replace(p, extra=[]), Plan(inner_folds=3, network_seeds=0)
    done = []
    for k in range(until):
        path = work / f"{public.name.replace(' ', '_').replace(',', '')}.{k}.json"
        if not path.exists():
            path.write_text(json.dumps(train.outer_fold(p, "true", k, plan)))
            print(path.name, flush=True)
        done.append(json.loads(path.read_text()))
    true = evaluate.judged(done, about, dict(zip(public.cohort.patients, alone, strict=True)), 1)
    whole = public.cohort
    if not whole.levels:
        whole = replace(whole, levels=misled(kind, True).cohort.levels)
    main, low, high = evaluate.mean_interval(
        [true], "shipped", {"classification": "auc", "survival": "c_index"}.get(kind, "r2")
    )
    rows = pd.DataFrame(results.coverage_rows(done, true, whole))
    rows.insert(0, "cohort", public.name)
    rows["model"] = f"{main:.3f} ({low:.3f} to {high:.3f})"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--until", type=int, default=FOLDS, help="folds of physionet that are fitted and judged")
    parser.add_argument("--only", default="physionet,planted,number,survival")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/learn_coverage.tsv")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    kinds = {"planted": "classification", "number": "regression", "survival": "survival"}
    found = []
    for name in args.only.split(","):
        if name == "physionet":
            found.append(judged(physionet(args.data, args.work), args.work, args.until))
        else:
            found += [judged(misled(kinds[name], declared), args.work) for declared in (True, False)]
    table = pd.concat(found, ignore_index=True).round(4)
    old = pd.read_csv(args.out, sep="\t", keep_default_na=False) if args.out.exists() else table.iloc[:0]
    kept = old[~old["cohort"].isin(table["cohort"])]
    pd.concat([kept, table], ignore_index=True).to_csv(args.out, sep="\t", index=False, lineterminator="\n")
    print(table.to_string())


if __name__ == "__main__":
    main()
