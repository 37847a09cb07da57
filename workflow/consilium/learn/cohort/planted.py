"""The positive control: a copy of the cohort's outcome in which a known effect was planted."""

from __future__ import annotations

from typing import Any

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
COLUMNS = 3
FEW = 5
NOISE = 0.5  # SD of the noise beside an effect of SD 1: the effect alone has an AUC of about .93
MIN_SHARE = 0.5  # patients who must have the block


def planted(cohort: Cohort, target: Target, seed: int) -> tuple[Array | None, dict[str, Any]]:
    """(source row of each row's new outcome, what was planted), or (None, the reason).

    The table or series of FEW columns or more that most patients have (the widest of these; else any block) gives the
    COLUMNS columns that go most with its first principal component; patients are ordered by their sum and noise, and
    outcomes are dealt out in that order, so that every outcome (time with its event) stays in the cohort. Patients
    without the block get an outcome by noise alone.
    """
    n = len(target)
    blocks = [b for b in cohort.blocks if b.present.sum() >= MIN_SHARE * n]
    if not blocks:
        return None, {"reason": "no feature block of half of the patients"}
    block = max(blocks, key=_choice)
    raw, names = raw_table(block)
    columns, z = _leading(raw[block.present])
    if not columns:
        return None, {"reason": f"nothing in {block.name} varies"}
    generator = np.random.default_rng(seed)
    score = np.zeros(n)
    score[block.present] = z / max(float(z.std()), 1e-12)
    score += generator.normal(size=n) * np.where(block.present, NOISE, 1.0)
    source = np.empty(n, dtype=int)
    source[np.argsort(score, kind="stable")] = np.argsort(_order(target), kind="stable")
    return source, {"block": block.name, "features": [names[c] for c in columns], "noise_sd": NOISE}


def _choice(block: Block) -> tuple[bool, int, int, str]:
    return (block.layout != "volume" and len(block.features) >= FEW, int(block.present.sum()), block.values[0].size,
            block.name)  # fmt: skip


def _leading(x: Array) -> tuple[list[int], Array]:
    """(columns that go most with the first principal component, their sum in z-scores with the component's signs)."""
    seen = np.isfinite(x)
    enough = np.flatnonzero(seen.mean(axis=0) >= 0.8)
    kept = x[:, enough]
    centre = np.nanmedian(kept, axis=0) if kept.size else np.zeros(0)
    filled = np.where(np.isnan(kept), centre, kept)
    spread = filled.std(axis=0)
    varies = np.flatnonzero(spread > 1e-9 * np.maximum(1.0, np.abs(centre)))
    if not len(varies):
        return [], np.zeros(len(x))
    z = np.clip((filled[:, varies] - filled[:, varies].mean(axis=0)) / spread[varies], -3, 3)
    u = np.linalg.svd(z, full_matrices=False)[0][:, 0]
    pull = u @ z
    top = np.argsort(-np.abs(pull), kind="stable")[:COLUMNS]
    return [int(enough[varies[c]]) for c in sorted(top)], z[:, top] @ np.sign(pull[top])


def _order(target: Target) -> Array:
    """What outcomes are sorted by: class, value, or event less the hazard lived through (Nelson-Aalen; the martingale
    residual without covariates): early events last, late censoring first."""
    if target.kind != "survival":
        return np.asarray(target.y, dtype=float)
    order = np.argsort(target.time, kind="stable")
    at_risk = len(target) - np.searchsorted(target.time[order], target.time[order], side="left")
    hazard = np.cumsum(target.event[order] / at_risk)
    last = np.searchsorted(target.time[order], target.time, side="right") - 1
    return np.asarray(target.event - hazard[last])
