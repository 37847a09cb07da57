"""The same block's models fitted again: to two halves of the training patients, to permuted outcomes, at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.cohort.folds import assign, permuted
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import BlockModel
from consilium.learn.models import additive, boosting, linear

Array = np.ndarray
SPLITS = 1  # into halves, per fold
PERMUTATIONS = 2
MIN_SHARE = 0.05  # of a penalty, to be fitted again


def penalties(model: linear.Linear) -> tuple[tuple[linear.Penalty, ...], Array]:
    """Penalties that make up an averaged model, with their shares (see linear.averaged)."""
    told = dict(part.rsplit(": ", 1) for part in model.penalty.split(", ") if ": " in part)
    found = [(g, float(told.get(g.name, 0.0))) for g in linear.GRID]
    kept = [(g, s) for g, s in found if s >= MIN_SHARE] or [(linear.GRID[0], 1.0)]
    shares = np.array([s for _, s in kept])
    return tuple(g for g, _ in kept), shares / shares.sum()


def refit(model: BlockModel, x: Array, target: Target, seed: int) -> BlockModel:
    """The learners of `model` fitted to other rows or outcomes, on the same design."""
    grid, shares = penalties(model.linear)
    again = replace(model, linear=linear.averaged(linear.fit(x, target, grid), shares))
    if model.boosted is not None and model.mix.get("lightgbm"):
        again = replace(again, boosted=boosting.fit(x, target, seed, model.boosted.shape))
    if model.mix.get("forest"):
        again = replace(again, forest=boosting.forest(x, target, seed))
    if model.additive is not None and model.mix.get("additive"):
        again = replace(again, additive=additive.fit(x, target, (model.additive.penalty,))[0])
    return again


def halves(model: BlockModel, x: Array, target: Target, groups: Sequence[str], seed: int) -> list[list[BlockModel]]:
    """Pairs of models fitted to two disjoint, stratified halves of the rows; relatives lie in one of them."""
    pairs = []
    for s in range(SPLITS):
        side = assign(target, groups, 2, seed_from(seed, "halves", s))
        rows = [np.flatnonzero(side == k) for k in (0, 1)]
        pairs.append([refit(model, x[r], target.take(r), seed_from(seed, "trees", s)) for r in rows])
    return pairs


def on_permuted(model: BlockModel, x: Array, target: Target, groups: Sequence[str], seed: int) -> list[BlockModel]:
    side = np.zeros(len(target), dtype=int)
    drawn = [permuted(target, groups, side, seed_from(seed, "permuted", s)) for s in range(PERMUTATIONS)]
    return [refit(model, x, t, seed_from(seed, "permuted trees", s)) for s, t in enumerate(drawn)]


def at_random(model: BlockModel, generator: np.random.Generator) -> BlockModel:
    """Normal weights of the same size in place of the learned ones; the other learners' share is left out."""
    size = float(np.sqrt((model.linear.weights**2).mean())) if model.linear.weights.size else 0.0
    drawn = generator.normal(size=model.linear.weights.shape) * (size or 1.0)
    return replace(model, linear=linear.Linear(drawn, "random"), boosted=None, mix={"elastic_net": 1.0})
