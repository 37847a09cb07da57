"""One arm on one half: both learners fitted with made rows beside the real ones, asked on the other half."""

from __future__ import annotations

import numpy as np

from consilium.learn.augment.sampler import Inputs, Sampler, joined
from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import Parts, network_evidence
from consilium.learn.models import linear, preproc
from consilium.learn.models.base import MIN_ROWS
from consilium.learn.models.heads import prior, softmax
from consilium.learn.networks import network

Array = np.ndarray
RIDGE = 1.0  # prior SD of the linear predictor, the middle of linear.GRID


class Half:
    """What networks read of one half's patients, prepared on it, and of the other half's."""

    def __init__(self, cohort: Cohort, target: Target, train: Array, held: Array, cnn_min_patients: int) -> None:
        self.layouts: dict[str, str] = {}
        self.inputs: Inputs = {}
        self.asked: Inputs = {}
        for block in cohort.blocks:
            if block.present[train].sum() < MIN_ROWS:
                continue
            design = preproc.fit(block.take(train), int(block.present.sum()) >= cnn_min_patients)
            x = design.network_input(block.take(train))
            if x.size:
                self.layouts[block.name] = design.network_layout
                self.inputs[block.name], self.asked[block.name] = x, design.network_input(block.take(held))
        present = np.stack([b.present for b in cohort.blocks if b.name in self.inputs] or [np.zeros(len(target))], 1)
        self.mask, self.asked_mask = present[train].astype(bool), present[held].astype(bool)
        self.target, self.asked_target = target.take(train), target.take(held)


def by_network(half: Half, made: Sampler | None, epochs: int, seed: int) -> Array:
    """Probabilities (held row, class) of one network, as it says them: before any calibration."""
    net = network.fit(half.inputs, half.layouts, half.mask, half.target, epochs, seed, made=made)
    outputs = net.outputs(half.asked)
    evidence = network_evidence(
        Parts(half.asked_mask, np.zeros((*half.asked_mask.shape, half.target.width)), (outputs,))
    )
    return softmax(prior(half.target).offset + evidence)


def by_ridge(half: Half, made: Sampler | None, seed: int) -> Array:
    """Probabilities (held row, class) of a ridge on all inputs side by side, with one made row a real one.

    The penalty grows with the number of rows, so that made rows do not loosen it.
    """
    x, target = _side_by_side(half.inputs, half.mask), half.target
    scale = np.sqrt(np.maximum((x**2).sum(axis=1).mean(), 1e-12))
    rows = 1.0
    if made is not None:
        inputs, mask, more = made.made(np.arange(len(target)), np.random.default_rng(seed))
        x = np.concatenate([x, _side_by_side(inputs, mask)])
        rows = len(x) / len(target)
        target = joined(target, more)
    (model,) = linear.fit(x / scale, target, (linear.Penalty("ridge", RIDGE / np.sqrt(rows)),))
    eta = prior(half.target).offset + model.evidence(_side_by_side(half.asked, half.asked_mask) / scale)
    return softmax(eta)


def _side_by_side(inputs: Inputs, mask: Array) -> Array:
    """(row, column): every block divided by the root of its width, absent blocks zero."""
    parts = [
        x.reshape(len(x), -1).astype(float) * mask[:, [i]] / np.sqrt(max(x[0].size if len(x) else 1, 1))
        for i, x in enumerate(inputs.values())
    ]
    return np.concatenate(parts, axis=1)
