"""Controls of learning with a known answer: MNI152 heads with and without planted atrophy, through the nested path.

    python benchmarks/learn_phantom.py positive [--networks] [--out FILE]   atrophy of 30, 20 and 10 %
    python benchmarks/learn_phantom.py negative [--seeds 20] [--out FILE]   labels that mean nothing

One row a run: AUC of the shipped model on held-out patients of all five folds, with the 95 % interval over patients
that the room itself prints (within folds). negative: how many intervals cover .5. Rows are added to FILE.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from consilium.core.statistics import group_weights, interval
from consilium.learn import train
from consilium.learn.cohort import folds
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.judge import metrics
from consilium.learn.settings import Plan
from consilium.simulate.images_phantom import Phantoms, phantoms

N, OUTER, DRAWS = 140, 5, 1000
HEADER = ("control", "effect", "seed", "model", "auc", "lower", "upper", "cpu_s")


def problem(p: Phantoms, seed: int) -> train.Problem:
    """The heads as one feature block, dealt into outer folds."""
    n = len(p.y)
    block = Block("imaging/t1", "T1", "volume", p.values, np.ones(n, dtype=bool), ("",) * n)
    cohort = Cohort(tuple(f"P{i:03d}" for i in range(n)), ("",) * n, ("",) * n, (block,))
    target = Target("classification", p.y, np.full(n, np.nan), np.zeros(n), ("control", "atrophy"))
    groups = [f"g{i}" for i in range(n)]
    task = {"name": "phantom", "blocks": [], "horizons": [], "seed": seed}
    return train.problem(cohort, task, target, groups, folds.assign(target, groups, OUTER, seed))


def judged(p: train.Problem, plan: Plan) -> dict[str, tuple[float, float, float]]:
    """model -> (AUC within folds, lower, upper) of held-out patients."""
    results = [train.outer_fold(p, "true", fold, plan) for fold in range(OUTER)]
    y, fold = (np.concatenate([np.asarray(part) for part in parts]) for parts in zip(
        *((r["y"], [int(r["fold"])] * len(r["y"])) for r in results), strict=True
    ))  # fmt: skip
    target = Target("classification", y.astype(int), np.full(len(y), np.nan), np.zeros(len(y)), p.target.classes)
    weights = np.concatenate([np.ones((1, len(y))), group_weights([str(i) for i in range(len(y))], DRAWS, 0)])
    found = {}
    for name in ("shipped", *(m for m in ("network",) if m in results[0]["models"])):
        scores = np.concatenate([r["models"][name]["scores"] for r in results])
        values = metrics.within(fold, target, scores, weights)
        low, high = map(float, interval(values[1:], (0, 1), crossed=True))
        found[name] = (float(values[0]), low, high)
    return found


def rows(control: str, effect: float, seed: int, plan: Plan) -> list[str]:
    heads = phantoms(N, effect, seed)
    begin = time.process_time()
    found = judged(problem(heads, seed), plan)
    spent = time.process_time() - begin
    return [
        "\t".join([control, f"{effect:g}", str(seed), model, *(f"{v:.3f}" for v in values), f"{spent:.0f}"])
        for model, values in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("control", choices=("positive", "negative"))
    parser.add_argument("--networks", action="store_true", help="also the 3D CNN")
    parser.add_argument("--effects", type=float, nargs="+", default=[0.3, 0.2, 0.1])
    parser.add_argument("--first", type=int, default=0, help="first seed of the negative control")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    plan = Plan(inner_folds=3, network_seeds=int(own.networks), cnn_min_patients=1)
    positive = own.control == "positive"
    runs = [(e, 0) for e in own.effects] if positive else [(0.0, own.first + s) for s in range(own.seeds)]
    lines = [line for effect, seed in runs for line in rows(own.control, effect, seed, plan)]
    print("\t".join(HEADER), *lines, sep="\n")
    if not positive:
        covered = sum(float(x[5]) <= 0.5 <= float(x[6]) for x in (line.split("\t") for line in lines))
        print(f"{covered} of {len(lines)} intervals cover .5")
    if own.out:
        new = not own.out.exists()
        with own.out.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in ([*["\t".join(HEADER)] * new, *lines])))


if __name__ == "__main__":
    main()
