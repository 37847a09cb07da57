"""Networks of one fit: out of fold on the inner folds, then on all training patients, as long as proved best inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Block
from consilium.learn.fusion import fusion
from consilium.learn.models import hazards as by_interval
from consilium.learn.models import preproc
from consilium.learn.models.base import Folded
from consilium.learn.models.hazards import Hazards
from consilium.learn.models.heads import prior
from consilium.learn.models.work import Work

Array = np.ndarray
Said = tuple[Array, Array]  # logits (row, block, column), gates (row, block)


def fit(work: Work, folded: list[Folded], parts: fusion.Parts) -> tuple[tuple[Any, ...], Said, dict[str, Any]]:
    """(final networks, what networks say out of fold, facts: learning curves, epochs).

    Each inner fold is asked of the network of the length (`epochs`) with the smallest loss in the other inner folds:
    no patient's outcome has a say in which network is held against it. The final networks train as long as was best in
    all inner folds.
    """
    own = Training(work, folded, parts.mask, _hazards(work))
    runs = [own.out_of_fold(epochs) for epochs in work.settings.epochs]
    said = [fusion.network_evidence(replace(parts, nets=(out,), hazards=own.hazards)) for out, _ in runs]
    everyone = np.arange(len(work.target))
    logits, gates = (a.copy() for a in runs[0][0])
    curves: list[dict[str, Any]] = []
    for j in work.folds:
        rest, held = np.flatnonzero(work.inner != j), np.flatnonzero(work.inner == j)
        learnt = work.target.take(rest)
        best = fusion.smallest([e[rest] for e in said], learnt, prior(learnt))
        (own_logits, own_gates), curve = runs[best]
        logits[held], gates[held] = own_logits[held], own_gates[held]
        curves += [c for c in curve if c["inner"] == j]
    if len(runs) > 1:
        work.note("epochs of the networks", everyone)
    epochs = work.settings.epochs[fusion.smallest(said, work.target, work.at)]
    work.note("network and its augmentation", everyone)
    designs = [f.model.design for f in folded]
    nets = tuple(own.trained(designs, everyone, ("final", s), epochs)[0] for s in range(work.settings.network_seeds))
    return nets, (logits, gates), {"curves": curves, "epochs": epochs}


@dataclass(frozen=True)
class Training:
    """What every network of a fit shares; mask: blocks present, bool (row, block)."""

    work: Work
    folded: list[Folded]
    mask: Array
    hazards: Hazards | None

    @property
    def blocks(self) -> list[Block]:
        return [b for b in (self.work.cohort.block(f.model.name) for f in self.folded) if b is not None]

    def out_of_fold(self, epochs: int) -> tuple[Said, list[dict[str, Any]]]:
        """Each inner fold as the network of the other folds sees it, and the learning curves."""
        work = self.work
        n, m = self.mask.shape
        logits = np.zeros((n, m, len(self.hazards.ends) if self.hazards else work.target.width))
        gates, curves = np.zeros((n, m)), []
        for j in work.folds:
            train, held = np.flatnonzero(work.inner != j), np.flatnonzero(work.inner == j)
            work.note(f"network and its augmentation, inner fold {j}", train)
            net, (logits[held], gates[held]) = self.trained(
                [f.designs[j] for f in self.folded], train, (j,), epochs, held
            )
            curves += [
                {"inner": j, "seed": 0, "epoch": e, "train_loss": a, "validation_loss": b} for e, a, b in net.curve
            ]
        return (logits, gates), curves

    def trained(
        self, designs: list[preproc.Design], rows: Array, name: tuple[Any, ...], epochs: int,
        held: Array | None = None,
    ) -> Any:  # fmt: skip
        """(network fitted on `rows`, what it says of `held`). Networks of one name and other epochs share the seed."""
        from consilium.learn.augment import sampler
        from consilium.learn.networks import network

        work, settings = self.work, self.work.settings
        inputs = {b.name: d.network_input(b) for b, d in zip(self.blocks, designs, strict=True)}
        pick = lambda at: {k: v[at] for k, v in inputs.items()}  # noqa: E731
        watch = None if held is None else (pick(held), self.mask[held], work.target.take(held))
        steps = " ".join(map(str, name))
        if settings.network.pretrain != "none":
            work.note(f"network pretraining {steps}", rows)
        layouts = {f.model.name: f.model.design.network_layout for f in self.folded}
        own, target, seed = pick(rows), work.target.take(rows), work.seed("network", *name)
        made = sampler.wanted(settings.augmentation, own, layouts, self.mask[rows], target, seed)
        net = network.fit(
            own, layouts, self.mask[rows], target, epochs, seed, watch, settings.network,
            [work.groups[i] for i in rows], settings.job, f"network {steps}, {epochs} epochs", made, self.hazards,
        )  # fmt: skip
        return net, (None if held is None else net.outputs(pick(held)))


def _hazards(work: Work) -> Hazards | None:
    """Intervals of time and their baseline, from the training patients; None where networks are Cox models."""
    plan = work.settings.network
    if work.target.kind != "survival" or plan.survival == "cox":
        return None
    work.note("intervals of time", np.arange(len(work.target)))
    return by_interval.fit(work.target, plan.intervals)
