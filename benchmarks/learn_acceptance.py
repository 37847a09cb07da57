"""Public cohorts through the room's own nested fits: figure, interval, spread of seeds, leaderboard.

    python benchmarks/learn_acceptance.py --cohort NAME [--seeds 3] [--data FOLDER] [--work FOLDER]
        [--networks N] [--out benchmarks/learn_acceptance.tsv]

NAME: gbsg, metabric (published split); glioma, glioma_no_diagnosis, lgg_grade, lgg_rna_cluster, physionet (5 folds of
patients); breast (5 folds, protein removed at test); three_blocks (5 folds, blocks removed at test at 30 and 60 %).
Fits see the training part alone; what is shipped is decided by the guard inside it. Rows of the cohort in --out are
replaced. seed: of folds, inner folds and fits; for the published splits of inner folds and fits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import learn_cohorts as cohorts
import numpy as np
import pandas as pd
from consilium.core.provenance import seed_from, value_digest
from consilium.learn import train
from consilium.learn.cohort.folds import assign
from consilium.learn.judge import evaluate
from consilium.learn.models.work import Ledger
from consilium.learn.settings import Plan

Array = np.ndarray
READERS = cohorts.READERS | {
    "glioma_no_diagnosis": partial(cohorts.glioma, diagnosis=False),
    "lgg_grade": partial(cohorts.lower_grade, outcome="neoplasm_histologic_grade"),
    # Clusters are made from the RNA, which is therefore no predictor.
    "lgg_rna_cluster": partial(cohorts.lower_grade, outcome="RNASeqCluster", leave=("omics/expression",)),
}
METRICS = {
    "lgg_grade": ("auc",), "lgg_rna_cluster": ("auc",),
    "physionet": ("auc", "auprc"), "breast": ("balanced_accuracy", "auc"), "three_blocks": ("auc",),
}  # fmt: skip
REMOVED = (0.3, 0.6)
OUTER = 5


def as_problem(public: cohorts.Public, seed: int) -> train.Problem:
    """Every row is a patient of its own here; a published split is one outer fold."""
    groups = list(public.cohort.patients)
    given = public.test
    fold = (
        np.where(given, 0, 1) if given is not None else assign(public.target, groups, OUTER, seed_from(seed, "outer"))
    )
    task = {"name": public.name, "blocks": [], "horizons": (), "seed": seed}
    return train.problem(public.cohort, task, public.target, groups, fold)


def with_removed(p: train.Problem, share: float, seed: int) -> train.Problem:
    """Each block of each patient taken with probability `share`; one block, drawn, always stays."""
    rng = np.random.default_rng(seed_from(seed, "removed", str(share)))
    n, m = p.cohort.mask.shape
    gone = rng.random((n, m)) < share
    gone[np.arange(n), rng.integers(0, m, n)] = False
    cohort = p.cohort
    for i, b in enumerate(p.cohort.blocks):
        cohort = cohorts.without(cohort, b.name, gone[:, i])
    return replace(p, cohort=cohort, extra=train.baselines.extras(cohort, cohort))


def variants(p: train.Problem, name: str, seed: int) -> dict[str, train.Problem]:
    """What held-out patients are asked with: everything, or less than the models were trained on."""
    if name == "breast":
        bare = cohorts.without(p.cohort, "omics/protein", np.ones(len(p.cohort.patients), dtype=bool))
        return {"without protein": replace(p, cohort=bare, extra=train.baselines.extras(bare, bare))}
    if name == "three_blocks":
        return {"all": p} | {f"{r:.0%} removed": with_removed(p, r, seed) for r in REMOVED}
    return {"all": p}


def one_fold(p: train.Problem, asked: dict[str, train.Problem], f: int, plan: Plan) -> dict[str, Any]:
    """Results by variant, and what was shipped; fits and predicts as train.outer_fold does."""
    started = time.process_time()
    rows, held = np.flatnonzero(p.fold != f), np.flatnonzero(p.fold == f)
    settings = train._settings(p, "true", str(f), plan, None)
    trained, others, facts = train._fit(p, rows, p.target.take(rows), settings, Ledger())
    # labelled "benchmark": contributions of every patient are not asked for here
    results = {
        key: train._result(q, trained, others, held, p.target.take(held), str(f), "benchmark")
        for key, q in asked.items()
    }
    told = {k: facts[k] for k in ("choice", "inner_losses", "learners", "stack_weights")}
    return {"results": results, "seconds": time.process_time() - started, **told}


def judged(
    p: train.Problem, name: str, seed: int, plan: Plan, work: Path
) -> tuple[dict[str, evaluate.Judged], list[str]]:
    """(per variant the held-out predictions of all folds, what each fold ships).

    A finished fold is kept under `work` by the code's and settings' digest: an interrupted run goes on there.
    """
    asked = variants(p, name, seed)
    code = [f.read_bytes() for f in sorted((cohorts.ROOT / "workflow/consilium/learn").rglob("*.py"))]
    digest = value_digest([hashlib.sha256(b"".join(code)).hexdigest(), str(plan), name, seed])[:16]
    folds = []
    for f in np.unique(p.fold) if p.fold.max() > 1 else [0]:
        kept = work / f"{name}-{seed}-{f}-{digest}.json"
        if not kept.exists():
            found = one_fold(p, asked, int(f), plan)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.with_suffix(".part").write_text(json.dumps(found), encoding="utf-8")
            kept.with_suffix(".part").rename(kept)
        folds.append(json.loads(kept.read_text(encoding="utf-8")))
        print(f"seed {seed} fold {f}:", {k: v for k, v in folds[-1].items() if k != "results"}, flush=True)
    kind = {"kind": p.target.kind, "classes": p.target.classes}
    group_of = {i: i for i in p.cohort.patients}
    boards = {k: evaluate.judged([f["results"][k] for f in folds], kind, group_of, seed) for k in asked}
    return boards, [f["choice"] for f in folds]


def rows_of(j: evaluate.Judged, about: dict[str, Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row a model and metric, with the paired difference of the shipped prediction on the same patients."""
    out = []
    for model in sorted(j.models):
        if not j.models[model].rows.any() or model.startswith("without|"):
            continue
        for metric in names:
            value, drawn = j.value(model, metric)
            both = np.flatnonzero(j.models[model].rows)
            shipped, others = j.value("shipped", metric, both), j.value(model, metric, both)
            low, high = j.interval(drawn, metric)
            below, above = j.interval(shipped[1] - others[1])
            out.append(about | {
                "model": model, "metric": metric, "value": value, "lower": low, "upper": high, "n": len(both),
                "shipped_minus": shipped[0] - others[0], "minus_lower": below, "minus_upper": above,
            })  # fmt: skip
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", required=True, choices=[*READERS, "three_blocks"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--networks", type=int, default=0, help="networks a fit (0: none, for time)")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CONSILIUM_DATA", "../shared/data")))
    parser.add_argument("--work", type=Path, default=Path("/tmp/learn_acceptance"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".tsv"))
    args = parser.parse_args()
    name, plan, found = args.cohort, Plan(network_seeds=args.networks), []
    for seed in args.seeds:
        public = cohorts.three_blocks(seed) if name == "three_blocks" else READERS[name](args.data, args.work)
        p = as_problem(replace(public, name=name), seed)
        boards, choices = judged(p, name, seed, plan, args.work)
        main_metrics = METRICS.get(name, ("c_index",))
        for variant, j in boards.items():
            about = {"cohort": name, "asked_with": variant, "seed": seed, "networks": args.networks,
                     "ships": ", ".join(choices)}  # fmt: skip
            found += rows_of(j, about, main_metrics)
    table = pd.DataFrame(found).round(4)
    told = table.pivot_table(index=["asked_with", "metric", "model"], columns="seed", values="value")
    told = told.assign(mean=told.mean(axis=1), sd=told.std(axis=1))
    print(told.round(4).to_string())
    shipped = table[table["model"] == "shipped"]
    print(shipped[["asked_with", "seed", "metric", "value", "lower", "upper", "ships"]].to_string(index=False))
    if args.out.exists():
        kept = pd.read_csv(args.out, sep="\t")
        table = pd.concat([kept[(kept["cohort"] != name) | (kept["networks"] != args.networks)], table])
    table.sort_values(["cohort", "networks"], kind="stable").to_csv(args.out, sep="\t", index=False)


if __name__ == "__main__":
    main()
