"""Nothing to learn: random values and random outcomes. What does the room say?

    python benchmarks/learn_noise.py --out benchmarks/learn_noise.tsv

Per seed a cohort of 100 patients with 1,000 random genes (`genes`), or of 80 with random genes, labs and images, a
fifth of each missing (`mixed`): whole outer folds with the shipped path (without networks), the interval of the shipped
model's figure and the answer that gates.json would give.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort import folds  # noqa: E402
from consilium.learn.cohort.data import Block, Cohort  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.judge import controls, evaluate  # noqa: E402
from consilium.learn.models import boosting  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402

Array = np.ndarray


def block(name: str, layout: str, values: Array, rng: np.random.Generator, missing: float) -> Block:
    have = rng.random(len(values)) >= missing
    own = np.where(have.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan).astype(np.float32)
    reasons = tuple("" if p else "not supplied" for p in have)
    names = tuple(f"f{i}" for i in range(values.shape[-1])) if layout != "volume" else ()
    time = tuple(range(values.shape[1])) if layout == "series" else ()
    return Block(name, name, layout, own, have, reasons, names, ("",) * len(names), time)


def noise(kind: str, seed: int) -> tuple[Cohort, Target]:
    rng = np.random.default_rng([seed, len(kind)])
    n = 100 if kind == "genes" else 80
    genes = block("omics/expression", "table", rng.normal(size=(n, 1000)), rng, 0 if kind == "genes" else 0.2)
    blocks = [genes]
    if kind == "mixed":
        blocks = [block("ehr/series", "series", rng.normal(size=(n, 6, 5)), rng, 0.2),
                  block("imaging/t1", "volume", rng.normal(size=(n, 8, 8, 8)), rng, 0.2), genes]  # fmt: skip
    y = np.repeat([0, 1], [n // 2, n - n // 2])[rng.permutation(n)]
    ids = tuple(f"P{i:03d}" for i in range(n))
    nothing = np.full(n, np.nan)
    return (Cohort(ids, ("",) * n, ("",) * n, tuple(blocks)),
            Target("classification", y, nothing, np.zeros(n), ("a", "b")))  # fmt: skip


def judged(kind: str, seed: int) -> evaluate.Judged:
    cohort, target = noise(kind, seed)
    group = list(cohort.patients)
    fold = folds.assign(target, group, 5, seed)
    task = {"name": kind, "blocks": [], "horizons": [], "seed": seed}
    p = train.problem(cohort, task, target, group, fold)
    results = [train.outer_fold(p, "true", f, Plan(network_seeds=0)) for f in range(5)]
    about = {"kind": "classification", "classes": ["a", "b"]}
    return evaluate.judged(results, about, {i: i for i in group}, seed)


def without_trees(_x: Array, target: Target, *_: object) -> boosting.Boosted:
    """Below 150 patients LightGBM is a baseline only: what is shipped is the same without it."""
    return boosting.Boosted("", np.arange(0), target.width)


def main(out: Path, kinds: list[str], seeds: range) -> None:
    rows = []
    for kind in kinds:
        for seed in seeds:
            j = judged(kind, seed)
            said = controls.signal(j, [])
            pooled, replicates = j.value("shipped", "auc")
            low, high = j.interval(replicates, "auc")
            inside = said["lower"] <= 0.5 <= said["upper"]
            rows.append([kind, seed, *(f"{said[k]:.3f}" for k in ("value", "lower", "upper")), inside, f"{pooled:.3f}",
                         f"{low:.3f}", f"{high:.3f}", low <= 0.5 <= high, said["answer"]])  # fmt: skip
            print(*rows[-1], flush=True)
    with out.open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(["cohort", "seed", "auc_within_folds", "lower", "upper", "covers", "auc", "auc_lower",
                         "auc_upper", "auc_covers", "answer"])  # fmt: skip
        writer.writerows(rows)
    for kind in kinds:
        own = [r for r in rows if r[0] == kind]
        answers = {a: sum(r[-1] == a for r in own) for a in ("none", "weak", "found")}
        print(f"{kind}: within folds {sum(r[5] for r in own)}, pooled {sum(r[9] for r in own)} of {len(own)} intervals "
              f"cover .5; answers {answers}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/learn_noise.tsv"))
    parser.add_argument("--kinds", nargs="+", default=["genes", "mixed"])
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 20], metavar=("FIRST", "END"))
    arguments = parser.parse_args()
    with patch.object(boosting, "fit", without_trees):
        main(arguments.out, arguments.kinds, range(*arguments.seeds))
