"""Integrated gradients of a network (arXiv:1703.01365, by captum): from the average patient to the patient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from consilium.learn.networks import network
from consilium.learn.networks.encoders import CODED
from consilium.learn.networks.network import Inputs, Net

Array = np.ndarray
STEPS = 32
ROWS = 64  # at once, for memory
COMPLETE = 0.05  # allowed miss of the attributions' sum, as share of the largest change


def average_gradients(net: Net, inputs: Inputs, mask: Array, target: Array) -> tuple[Inputs, float]:
    """(gradient of the evidence for each row's target, averaged on the way from zeros to `inputs`; miss of their sum).

    Zero inputs are those of an average patient (tables, volumes) or of nothing measured (series, bags). Words and
    bases are codes, between which there is no way: they stay, and their gradients are 0. The miss is relative to the
    largest change of the evidence.
    """
    names = [n for n in net.shapes if inputs[n].size and net.shapes[n][0] not in CODED]
    if not names:
        return {n: np.zeros(inputs[n].shape) for n in net.shapes}, 0.0
    found: list[tuple[Array, ...]] = []
    changes = []
    for start in range(0, len(mask), ROWS):
        rows = slice(start, start + ROWS)
        gradients, change = _attributed(net, names, {n: v[rows] for n, v in inputs.items()}, mask[rows], target[rows])
        found.append(gradients)
        changes.append(change)
    out = {n: np.concatenate([f[i] for f in found]) for i, n in enumerate(names)}
    change = np.concatenate(changes)
    total = sum((inputs[n] * g).reshape(len(g), -1).sum(axis=1) for n, g in out.items())
    largest = float(np.abs(change).max(initial=0.0))
    miss = float(np.abs(total - change).max(initial=0.0) / largest) if largest > 0 else 0.0
    return {n: out.get(n, np.zeros(inputs[n].shape)) for n in net.shapes}, miss


def _attributed(
    net: Net, names: list[str], inputs: Inputs, mask: Array, target: Array
) -> tuple[tuple[Array, ...], Array]:
    import torch
    from captum.attr import IntegratedGradients

    device = network.prepare()
    model = net.module(device)
    here, chosen = torch.from_numpy(mask).to(device), torch.from_numpy(target).to(device)
    kept = {n: torch.from_numpy(v).to(device) for n, v in inputs.items() if n not in names}

    def evidence(*given: Any) -> Any:
        copies = len(given[0]) // len(here)  # captum puts the steps after each other
        x = {n: v.repeat(copies, *[1] * (v.ndim - 1)) for n, v in kept.items()}
        logits, weights = model(x | dict(zip(names, given, strict=True)))
        out = network.fused(logits, weights, here.repeat(copies, 1))
        return network.spoken(net.hazards, out).gather(1, chosen.repeat(copies)[:, None])[:, 0]

    x = tuple(torch.from_numpy(inputs[n]).to(device) for n in names)
    with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have no gradient outside training
        found = IntegratedGradients(evidence, multiply_by_inputs=False).attribute(x, n_steps=STEPS)
        with torch.no_grad():
            change = evidence(*x) - evidence(*(torch.zeros_like(v) for v in x))
    return tuple(g.cpu().numpy().astype(float) for g in found), change.cpu().numpy().astype(float)


def at_random(net: Net, generator: np.random.Generator) -> Net:
    """The network with the entries of every weight tensor shuffled."""
    weights = {k: generator.permutation(v.ravel()).reshape(v.shape) for k, v in net.weights.items()}
    return replace(net, weights=weights)
