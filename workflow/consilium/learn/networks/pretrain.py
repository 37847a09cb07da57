"""Encoders before the outcome: learn to mend spoilt inputs (denoise) or to know a patient again (contrastive).

denoise: a linear decoder rebuilds the input from the code of an input of which a share is set to 0
(doi:10.1145/1390156.1390294). contrastive: two spoilt copies of a patient must be more alike than those of two patients
(arXiv:2002.05709). Training patients alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.networks.encoders_table import CODE
from consilium.learn.networks.fusion_net import Fusion
from consilium.learn.networks.optimiser import AdamW
from consilium.learn.networks.plan import NetworkPlan

Array = np.ndarray
SPOILT, TEMPERATURE = 0.3, 0.2


def pretrain(
    model: Fusion, x: dict[str, Tensor], mask: Array, plan: NetworkPlan, generator: np.random.Generator, size: int
) -> None:
    """Train the encoders of `model` in place; x: block -> (row, ...), mask (row, block)."""
    device = next(iter(x.values())).device
    rebuilt = [n for n in model.names if n not in model.coded]  # a code of a word or base is no quantity
    if plan.pretrain == "denoise" and not rebuilt:
        return
    decoders = nn.ModuleDict({str(model.names.index(n)): nn.Linear(CODE, x[n][0].numel()) for n in rebuilt}).to(device)
    learnt = [*model.parameters(), *(decoders.parameters() if plan.pretrain == "denoise" else [])]
    steps = max(1, len(mask) // size)
    optimiser = AdamW(learnt, plan.pretrain_epochs * steps)
    model.train()
    for _ in range(plan.pretrain_epochs):
        for rows in np.array_split(generator.permutation(len(mask)), steps):
            pick = torch.from_numpy(rows).to(device)
            whole = {n: v[pick] for n, v in x.items()}
            present = torch.from_numpy(mask[rows]).to(device)
            if plan.pretrain == "denoise":
                value = _mended(model, decoders, whole, present)
            else:
                value = _known_again(model, whole, present)
            value.backward()
            optimiser.step()


def _spoilt(x: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: v * (torch.rand_like(v) >= SPOILT) for n, v in x.items()}


def _mended(model: Fusion, decoders: nn.ModuleDict, x: dict[str, Tensor], present: Tensor) -> Tensor:
    """Mean squared error of the rebuilt inputs over present rows, mean over blocks."""
    codes = model.codes(_spoilt(x))
    errors = [
        ((decode(codes[:, int(at)]) - x[model.names[int(at)]].flatten(1)) ** 2).mean(1)
        for at, decode in decoders.items()
    ]
    weight = present[:, [int(at) for at in decoders]].to(codes.dtype)
    return ((torch.stack(errors, dim=1) * weight).sum(0) / weight.sum(0).clamp(min=1.0)).mean()


def _known_again(model: Fusion, x: dict[str, Tensor], present: Tensor) -> Tensor:
    """InfoNCE between two spoilt copies, for each block among the rows that have it; mean over blocks."""
    first, second = (nn.functional.normalize(model.codes(_spoilt(x)), dim=2) for _ in range(2))
    alike = torch.einsum("imc,jmc->mij", first, second) / TEMPERATURE
    alike = alike.masked_fill(~present.T[:, None, :], -1e9)
    losses = -alike.log_softmax(2).diagonal(dim1=1, dim2=2).T
    weight = present.to(losses.dtype)
    return ((losses * weight).sum(0) / weight.sum(0).clamp(min=1.0)).mean()
