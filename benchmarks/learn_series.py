"""Series networks on PhysioNet 2012 (3,000 stays, raw series through the room ehr -> death), beside boosting.

    python benchmarks/learn_series.py alone --kinds gru gru_d lstm transformer [--early 6] [--folds 0] [--out FILE]
    python benchmarks/learn_series.py fusion --kinds gru_d [--early 6] [--folds 0] [--out FILE]

alone: one network on the grid of labs and vitals, trained on the other folds for the first of --epochs, asked on the
held-out one. fusion: the nested path on all blocks, whose inner folds choose among --epochs; every model of the
leaderboard on the held-out fold. Rows are added to FILE.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import learn_cohorts
import numpy as np
from consilium.learn import train
from consilium.learn.cohort import folds
from consilium.learn.models import preproc
from consilium.learn.networks.plan import NetworkPlan
from consilium.learn.settings import Plan
from sklearn.metrics import average_precision_score, roc_auc_score

BLOCK, OUTER, SEED = "ehr/series", 5, 1
HEADER = ("part", "encoder", "epochs", "early_stopping", "fold", "model", "auc", "auprc", "cpu_s")
Figures = dict[str, tuple[float, float]]


def alone(p: learn_cohorts.Public, fold: np.ndarray, held: int, plan: NetworkPlan, epochs: int) -> Figures:
    import torch
    from consilium.learn.networks import network

    learnt, asked = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
    block = p.cohort.block(BLOCK)
    assert block is not None
    x = preproc.fit(block.take(learnt)).network_input(block)
    mask = block.present[:, None]
    net = network.fit(
        {BLOCK: x[learnt]}, {BLOCK: "series"}, mask[learnt], p.target.take(learnt), epochs, SEED, plan=plan
    )
    parts = (*net.outputs({BLOCK: x[asked]}), mask[asked])
    evidence = network.fused(*(torch.from_numpy(a) for a in parts)).numpy()
    return {"network": figures(p.target.y[asked], evidence[:, 1] - evidence[:, 0])}


def fusion(p: learn_cohorts.Public, fold: np.ndarray, held: int, plan: NetworkPlan, epochs: tuple[int, ...]) -> Figures:
    groups = [f"g{i}" for i in range(len(fold))]
    task = {"name": "death", "blocks": [], "horizons": [], "seed": SEED}
    problem = train.problem(p.cohort, task, p.target, groups, fold)
    result = train.outer_fold(problem, "true", held, Plan(inner_folds=3, network_seeds=1, epochs=epochs, network=plan))
    y = np.asarray(result["y"], dtype=int)
    found = {}
    for name, model in result["models"].items():
        judged = np.asarray(model["judged"], dtype=bool)
        found[name] = figures(y[judged], np.asarray(model["scores"])[judged, 1])
    return found


def figures(y: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    return float(roc_auc_score(y, score)), float(average_precision_score(y, score))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("alone", "fusion"))
    parser.add_argument("--kinds", nargs="+", default=["gru", "gru_d", "lstm", "transformer"])
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(OUTER)))
    parser.add_argument("--epochs", type=int, nargs="+", default=[15, 60])
    parser.add_argument("--early", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CONSILIUM_DATA", "../shared/data")))
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps the room ehr's features")
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    p = learn_cohorts.physionet(own.data, own.work)
    fold = folds.assign(p.target, [str(i) for i in range(len(p.target))], OUTER, SEED)
    if own.out and not own.out.exists():
        own.out.write_text("\t".join(HEADER) + "\n", encoding="utf-8")
    for held in own.folds:
        for kind in own.kinds:
            begin = time.process_time()
            plan = NetworkPlan(series=kind, early_stopping=own.early)
            if own.part == "alone":
                found = alone(p, fold, held, plan, own.epochs[0])
            else:
                found = fusion(p, fold, held, plan, tuple(own.epochs))
            spent = time.process_time() - begin
            for model, (auc, auprc) in found.items():
                cells = (
                    own.part,
                    kind,
                    own.epochs[0] if own.part == "alone" else " or ".join(map(str, own.epochs)),
                    own.early,
                    held,
                    model,
                    f"{auc:.3f}",
                    f"{auprc:.3f}",
                    f"{spent:.0f}",
                )
                line = "\t".join(map(str, cells))
                print(line, flush=True)
                if own.out:
                    with own.out.open("a", encoding="utf-8") as file:
                        file.write(f"{line}\n")


if __name__ == "__main__":
    main()
