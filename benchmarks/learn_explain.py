"""Does an explanation point at what was planted, and is it withheld where nothing was?

    python benchmarks/learn_explain.py [--seeds 3] [--out benchmarks/learn_explain.tsv]

Positive control: 140 MNI152 heads at 6 mm, half of them with bilateral atrophy of the hippocampal zone (E5). Five-fold
cross-validation of the room's own path without networks; the map is the exact back-projection of the shipped model's
weights times each held-out patient's z-scores. Figures: AUC; share of positive attribution of the patients with atrophy
that lies in the lesion, over the lesion's share of the mask ("times chance"); the same for the weights' sizes, and for
weights drawn at random. Negative control: the same heads without a lesion. Both go through the gates.
A noise block beside one with signal (120 patients, 8 and 6 columns): how often either is printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort.data import Block, Cohort  # noqa: E402
from consilium.learn.cohort.folds import assign  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.explain import fold as explaining  # noqa: E402
from consilium.learn.explain import pieces, verdict  # noqa: E402
from consilium.learn.explain.given import Facts, Given  # noqa: E402
from consilium.learn.judge import evaluate  # noqa: E402
from consilium.learn.models.heads import centred  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402
from consilium.simulate.images_phantom import phantoms  # noqa: E402

FOLDS, PLAN = 5, Plan(network_seeds=0)
NOTHING: Facts = {"rows": [], "blocks": [], "importance": [], "why": ""}


def problem(blocks: list[Block], y: np.ndarray, seed: int) -> train.Problem:
    people = tuple(f"P{i:03d}" for i in range(len(y)))
    none = ("",) * len(y)
    target = Target("classification", y, np.full(len(y), np.nan), np.zeros(len(y)), ("control", "case"))
    cohort = Cohort(people, none, none, tuple(blocks))
    return train.Problem("control", cohort, [], target, people, assign(target, people, FOLDS, seed), (), seed)


def run(p: train.Problem) -> tuple[list[dict[str, Any]], list[Given]]:
    """(results of all folds, what each fold's explanations started from)."""
    kept: list[Given] = []
    own = explaining.explained

    def keep(given: Given) -> Facts:
        kept.append(given)
        return own(given)

    explaining.explained = keep
    try:
        return [train.outer_fold(p, "true", k, PLAN) for k in range(FOLDS)], kept
    finally:
        explaining.explained = own


def auc(p: train.Problem, results: list[dict[str, Any]]) -> tuple[float, float, float]:
    about = {"kind": "classification", "classes": p.target.classes}
    judged = evaluate.judged(results, about, {q: q for q in p.cohort.patients}, p.seed)
    value, replicates = judged.value("shipped", "auc")
    return (value, *judged.interval(replicates, "auc"))


def in_lesion(given: Given, lesion: np.ndarray, random: np.random.Generator | None = None) -> tuple[float, float]:
    """Times chance of (positive attribution of held-out cases, size of the weights) inside the lesion."""
    model = given.trained.blocks[0]
    weights = centred(model.linear.weights)[:, 1]
    if random is not None:
        weights = random.normal(size=weights.shape)
    voxels = pieces.voxel_map(model.design, weights)
    held = given.held.block(model.name)
    assert held is not None
    own = np.flatnonzero(given.held_target.y == 1)
    positive = np.maximum(model.design.z_scores(held.take(own)) * voxels, 0).sum(axis=0)
    kept = np.zeros(voxels.size, dtype=bool)
    kept[model.design.arrays["kept"]] = True
    mask = kept.reshape(voxels.shape)
    chance = (lesion & mask).sum() / mask.sum()
    return float(positive[lesion].sum() / positive.sum() / chance), float(
        np.abs(voxels)[lesion].sum() / np.abs(voxels).sum() / chance
    )


def heads(effect: float, seed: int) -> dict[str, Any]:
    made = phantoms(140, effect, seed)
    values = np.where(made.brain, made.values, np.nan).astype(np.float32)
    block = Block("imaging/t1", "T1", "volume", values, np.ones(140, dtype=bool), ("",) * 140)
    p = problem([block], made.y, seed)
    results, kept = run(p)
    value, low, high = auc(p, results)
    whole = "" if low > 0.5 else "the model is not better than chance"
    found = verdict.judged([r["explanations"] for r in results], NOTHING, whole, seed)
    generator = np.random.default_rng(seed)
    shares = np.array([in_lesion(g, made.lesion) for g in kept])
    chance = np.array([in_lesion(g, made.lesion, generator) for g in kept for _ in range(4)])
    blocks: list[dict[str, Any]] = found["facts"]["blocks"]
    record: dict[str, Any] = blocks[0] if blocks else {"status": "withheld", "gates": []}
    return {
        "auc": value, "auc_lower": low, "auc_upper": high, "times_chance": shares[:, 0].mean(),
        "weights_times_chance": shares[:, 1].mean(), "random_weights": chance[:, 0].mean(), "status": record["status"],
        "gates": " ".join(f"{g['gate']}:{g['verdict']}:{g['value']:.2f}" for g in record["gates"]),
    }  # fmt: skip


def two_blocks(seed: int) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], 60))
    x = rng.normal(size=(120, 14))
    x[:, 0] += 1.5 * y
    x[:, 1] -= 1.5 * y
    every, none = np.ones(120, dtype=bool), ("",) * 120
    blocks = [
        Block(name, name, "table", x[:, a:b].astype(np.float32), every, none, tuple(f"c{i}" for i in range(a, b)),
              ("",) * (b - a))
        for name, a, b in (("omics/noise", 8, 14), ("omics/signal", 0, 8))
    ]  # fmt: skip
    results, _ = run(problem(blocks, y, seed))
    found = verdict.judged([r["explanations"] for r in results], NOTHING, "", seed)
    return {b["modality"]: b["status"] for b in found["facts"]["blocks"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/learn_explain.tsv")
    asked = parser.parse_args()
    lines = ["control\tseed\tfigure\tvalue"]
    for name, effect in (("positive, 30 %", 0.3), ("positive, 20 %", 0.2), ("negative", 0.0)):
        for seed in range(asked.seeds):
            start = time.process_time()
            found = heads(effect, seed)
            for figure, value in (found | {"cpu_s": time.process_time() - start}).items():
                lines.append(f"{name}\t{seed}\t{figure}\t{value if isinstance(value, str) else f'{value:.3f}'}")
            print(*lines[-len(found) - 1 :], sep="\n", flush=True)
            asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    counts = {"omics/noise": 0, "omics/signal": 0}
    for seed in range(asked.pairs):
        for block, status in two_blocks(seed).items():
            counts[block] += status == "printed"
    lines += [f"two blocks\tall\t{b} printed\t{n} of {asked.pairs}" for b, n in counts.items()]
    asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(*lines[-2:], sep="\n")


if __name__ == "__main__":
    main()
