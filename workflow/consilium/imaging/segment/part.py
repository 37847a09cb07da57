"""Trains one network of one part: everybody with an expert mask but its held-out fold ("final": nobody held out)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.imaging.segment import folds, pieces, predict, train
from consilium.imaging.segment import store as stores
from consilium.imaging.segment.grid import Grid
from consilium.imaging.segment.model import Model
from consilium.imaging.segment.store import Entry, Store

FEWEST = 4  # patients to learn from
AGAIN = 0.5  # of the epochs, once more with the tuning patients; a seed of its own, beyond those of the folds
AGAIN_SEED = 50


def fit(store: Store, part: str, member: int, settings: train.Settings, say: Callable[[str], None]) -> Model:
    """One network of a part, and the threshold and clean-up that suit its tuning patients best.

    member: which of the part's networks; each has its own seed and tuning patients. Once threshold and clean-up are
    chosen, the network goes on learning from all of them. The judged fold is not touched.
    """
    judged = {e.patient for e in stores.judged(store.trainable, part)}
    groups = {e.patient: e.group for e in store.trainable if e.patient not in judged}
    if len(groups) < FEWEST:
        raise InputError(
            Problem("imaging: segmentation", f"{len(groups)} patients with a usable image and mask to learn from",
                    f"at least {FEWEST}", "supply more masks, or turn segmentation off")
        )  # fmt: skip
    learning, tuning = folds.tuning(groups, settings.seed, part, member)
    number = -1 if part == stores.FINAL else int(part)
    own = replace(settings, seed=settings.seed * 1000 + 100 * member + number + 1)
    net, losses = train.fit(store, learning, own, say)
    grid = Grid(int(store.facts["pixels"]), float(store.facts["pixel_mm"]))
    entries = [e for e in store.trainable if e.patient in tuning]
    table = _tuned(store, entries, net, own, grid)
    rule = pieces.best([table], [len(entries)])
    say(f"tuning patients: {len(entries)}, best {rule}; mean Dice by threshold and smallest piece:\n{table.round(3)}")
    say("once more, with the tuning patients")
    more = replace(own, epochs=max(1, round(AGAIN * own.epochs)), seed=own.seed + AGAIN_SEED)
    net, more_losses = train.fit(store, sorted(groups), more, say, start=net)
    notes = {"part": part, "member": member, "seed": own.seed, "n_learning": len(learning), "n_tuning": len(tuning),
             "tuning_dice": [[round(v, 5) for v in row] for row in table.tolist()] if entries else [],
             "loss": [round(v, 5) for v in losses + more_losses]}  # fmt: skip
    return Model((net,), store.facts["kind"], grid, own, rule, (notes,))


def _tuned(store: Store, entries: list[Entry], net: object, settings: train.Settings, grid: Grid) -> pieces.NDArray:
    """Mean Dice with every rule in the tuning patients (see pieces.reached), on the store's grid."""
    where = train.device()
    found, truths, voxel_ml = [], [], []
    for entry in entries:
        image, mask = store.of(entry)
        found.append(predict.predict([net], image, entry.slice_mm, settings, where).probability)
        truths.append(np.asarray(mask) > 0)
        voxel_ml.append(entry.slice_mm * grid.pixel_mm**2 / 1000)
    return pieces.reached(found, truths, voxel_ml)
