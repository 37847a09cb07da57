"""Permutation importance of groups of correlated columns: loss added by shuffling them among held-out patients.

doi:10.1023/A:1010933404324; columns that carry the same are shuffled together (doi:10.1186/1471-2105-9-307), else each
covers for the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from consilium.learn.cohort.data import Block
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models.heads import losses
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
ALIKE = 0.7  # |correlation| with a group's leader
GROUPS = 15  # of a block, by size of their weights
SHUFFLES = 5
WHOLE = "whole image"  # the components of a volume have no place of their own


def groups(block: Block) -> dict[str, str]:
    """Column of raw_table -> leader of its group. Leaders in order of the columns; no outcome is looked at."""
    raw, names = raw_table(block.take(np.flatnonzero(block.present)))
    seen = np.isfinite(raw)
    n = np.maximum(seen.sum(axis=0), 1)
    centre = np.where(seen, raw, 0.0).sum(axis=0) / n
    z = np.where(seen, raw - centre, 0.0)
    size = np.sqrt((z**2).sum(axis=0))
    z = z / np.where(size > 0, size, np.inf)
    leader = np.full(len(names), -1)
    for j in range(len(names)):
        if leader[j] < 0:
            free = leader < 0
            leader[free & (np.abs(z.T @ z[:, j]) >= ALIKE)] = j
            leader[j] = j
    return {names[j]: names[leader[j]] for j in range(len(names))}


def measured(
    trained: Trained, model: BlockModel, x: Array, eta: Array, weight: Array, target: Target, leader: dict[str, str],
    generator: np.random.Generator,
) -> dict[str, list[float]]:  # fmt: skip
    """Leader of a group -> loss added for each row, mean over SHUFFLES; rows: held-out patients who have the block.

    eta (row, width): the shipped linear predictor, in which the block's evidence has `weight` (row,).
    """
    before = losses(target, eta, trained.at)
    own = model.evidence_of(x)
    lead = np.array([leader.get(n.removesuffix(" missing"), WHOLE) for n in model.design.names])
    size = np.abs(model.linear.weights).sum(axis=1) * x.std(axis=0)
    totals = {name: float(size[lead == name].sum()) for name in np.unique(lead)}
    wanted = sorted(totals, key=lambda name: (-totals[name], name))[:GROUPS]
    out = {}
    for name in wanted:
        columns = np.flatnonzero(lead == name)
        added = np.zeros(len(x))
        for _ in range(SHUFFLES):
            mixed = x.copy()
            mixed[:, columns] = x[generator.permutation(len(x))][:, columns]
            shifted = eta + weight[:, None] * (model.evidence_of(mixed) - own)
            added += losses(target, shifted, trained.at) - before
        out[str(name)] = (added / SHUFFLES).tolist()
    return out


def summary(found: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Mean loss added over all held-out patients with its 95 % bootstrap interval, largest first.

    found: {modality, losses: leader -> per row} of each fold; a group outside a fold's GROUPS added nothing there.
    """
    out = []
    for modality in sorted({f["modality"] for f in found}):
        folds = [f["losses"] for f in found if f["modality"] == modality]
        sizes = [len(next(iter(f.values()), [])) for f in folds]
        for name in sorted({n for f in folds for n in f}):
            rows = np.concatenate([f.get(name, np.zeros(k)) for f, k in zip(folds, sizes, strict=True)])
            drawn = np.random.default_rng(seed).integers(len(rows), size=(500, len(rows)))
            low, high = np.quantile(rows[drawn].mean(axis=1), [0.025, 0.975])
            out.append({"modality": modality, "feature": name, "loss_added": float(rows.mean()), "lower": float(low),
                        "upper": float(high), "n": len(rows)})  # fmt: skip
    return sorted(out, key=lambda r: (-r["loss_added"], r["modality"], r["feature"]))
