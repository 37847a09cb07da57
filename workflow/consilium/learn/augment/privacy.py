"""May a synthetic cohort be handed on? Two tests that must both pass; else it is refused, with the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.augment.export import Maker
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.folds import assign
from consilium.learn.cohort.tasks import Target
from consilium.learn.judge.metrics import auc

Array = np.ndarray
MOST_MEMBERSHIP = 0.55  # AUC of telling who was in the training set
SPLITS = 3  # random halvings, each half once inside and once outside


def nearest(a: Array, b: Array, same: bool = False) -> Array:
    """Distance from each row of `a` to its nearest row of `b`; same: b is a, and a row is not its own neighbour."""
    square = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0)
    if same:
        np.fill_diagonal(square, np.inf)
    return np.sqrt(square.min(axis=1))


def neighbours(maker: Maker, made: list[Block]) -> dict[str, float]:
    """Median distance of a made row to its nearest patient, and of a patient to the nearest other patient."""
    real, synthetic = maker.seen(maker.blocks), maker.seen(made)
    return {
        "synthetic_to_patient": float(np.median(nearest(synthetic, real))),
        "patient_to_patient": float(np.median(nearest(real, real, same=True))),
    }


def membership(cohort: Cohort, target: Target, groups: Sequence[str], number: int, seed: int) -> list[float]:
    """AUC of an attacker who calls those nearest to a synthetic row members; one a halving and side, groups whole."""
    found = []
    for k in range(SPLITS):
        half = assign(target, groups, 2, seed_from(seed, "membership", k))
        for side in (0, 1):
            inside = half == side
            maker = Maker(
                cohort.take(np.flatnonzero(inside)), target.take(np.flatnonzero(inside)), seed_from(seed, k, side)
            )
            made, _ = maker.made(number)
            everyone = [b for b in cohort.blocks if b.name in {m.name for m in made}]
            score = -nearest(maker.seen(everyone), maker.seen(made))
            judged = Target("classification", inside.astype(int), target.time, target.event, ("out", "in"))
            found.append(float(auc(judged, np.stack([-score, score], axis=1), np.ones((1, len(score))))[0]))
    return found


def verdict(distances: dict[str, float], attacks: Sequence[float]) -> dict[str, Any]:
    """passed, and the reasons against it."""
    near, far = distances["synthetic_to_patient"], distances["patient_to_patient"]
    mean = float(np.mean(attacks))
    against = []
    if not near >= far:
        against.append(f"synthetic rows lie nearer to a patient ({near:.3f}) than patients to each other ({far:.3f})")
    if not mean <= MOST_MEMBERSHIP:
        against.append(f"who was in the training set can be told: AUC {mean:.3f}, at most {MOST_MEMBERSHIP} is allowed")
    return {
        "passed": not against, "reason": "; ".join(against), **distances, "membership_auc": mean,
        "membership_sd": float(np.std(attacks, ddof=1)), "membership_runs": list(attacks),
    }  # fmt: skip
