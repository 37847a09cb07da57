"""Gated neural fusion: one encoder a block, one logit and one gate a block, masked softmax over what is present.

Blocks are dropped at random in training, so that the network knows what it is to lack one. Layer and group norms only
(no statistic of a batch survives training).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.models.hazards import Hazards
from consilium.learn.networks.encoders import CODED, TABLES, Shapes, build
from consilium.learn.networks.encoders_table import CODE, VariationalEncoders

Array = np.ndarray
BLOCK_DROPOUT = 0.3


class Fusion(nn.Module):
    """shapes: blocks in the order of the mask's columns. width: of the outcome's linear predictor."""

    def __init__(self, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.names = list(shapes)
        self.tables = [n for n in self.names if shapes[n][0] in TABLES]
        self.coded = [n for n in self.names if shapes[n][0] in CODED]
        encoder = TABLES[shapes[self.tables[0]][0]] if self.tables else TABLES["mlp"]
        self.table_encoders = encoder([shapes[n][1][0] for n in self.tables])
        self.others = nn.ModuleDict(
            {str(i): build(*shapes[n]) for i, n in enumerate(self.names) if n not in self.tables}
        )
        m = len(self.names)
        self.logit = nn.Parameter(torch.randn(m, CODE, width) * 0.1 / CODE**0.5)
        self.logit_bias = nn.Parameter(torch.zeros(m, width))
        self.gate = nn.Parameter(torch.zeros(m, CODE))
        self.gate_bias = nn.Parameter(torch.zeros(m))

    def codes(self, x: dict[str, Tensor]) -> Tensor:
        """(row, block, CODE); whether a block is present is the caller's business."""
        codes: dict[str, Tensor] = {}
        if self.tables:
            codes |= dict(zip(self.tables, self.table_encoders(self._stacked(x)).unbind(1), strict=True))
        for key, encoder in self.others.items():
            codes[self.names[int(key)]] = encoder(x[self.names[int(key)]])
        return torch.stack([codes[n] for n in self.names], dim=1)

    def forward(self, x: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(logits (row, block, width), gates (row, block))."""
        z = self.codes(x)
        logits = torch.einsum("nmc,mck->nmk", z, self.logit) + self.logit_bias
        return logits, (z * self.gate).sum(-1) + self.gate_bias

    def penalty(self, x: dict[str, Tensor], present: Tensor) -> Tensor | None:
        """What the encoders themselves add to the loss; present (row, block)."""
        if not self.tables or not isinstance(self.table_encoders, VariationalEncoders):
            return None
        mine = [self.names.index(n) for n in self.tables]
        return self.table_encoders.penalty(self._stacked(x), present[:, mine])

    def _stacked(self, x: dict[str, Tensor]) -> Tensor:
        pad = self.table_encoders.first.shape[1]
        return torch.stack([nn.functional.pad(x[n], (0, pad - x[n].shape[1])) for n in self.tables], dim=1)


def fused(logits: Any, gates: Any, mask: Any) -> Tensor:
    """Evidence (row, width): gate-weighted logits of the present blocks, times the root of their number."""
    weights = torch.softmax(gates.masked_fill(~mask, -1e9), dim=1) * mask
    return (weights[..., None] * logits).sum(1) * mask.sum(1, keepdim=True).to(logits.dtype).sqrt()


def spoken(hazards: Hazards | None, evidence: Tensor) -> Tensor:
    """One network's `fused` evidence as what it tells: centred over classes; of hazards, the log relative mortality."""
    if hazards is not None:  # hazards.mortality
        start = torch.tensor(hazards.offset).to(evidence)
        total, usual = (nn.functional.softplus(z).cumsum(-1).sum(-1) for z in (start + evidence, start))
        return torch.log(total / usual)[..., None]
    return evidence - evidence.mean(dim=-1, keepdim=True) if evidence.shape[-1] > 1 else evidence


def drop_blocks(mask: Array, generator: np.random.Generator) -> Array:
    """Each present block dropped with probability BLOCK_DROPOUT, but never a row's last one."""
    kept = mask & (generator.random(mask.shape) >= BLOCK_DROPOUT)
    bare = ~kept.any(axis=1)
    kept[bare] = mask[bare]
    return kept
