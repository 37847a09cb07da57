"""Encoders of bags: (row, instance, 2 x feature), values (z-scores, 0 where missing) and masks, to (row, CODE).

The order of the instances changes nothing; an instance without any value is not there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from consilium.learn.networks.encoders_series import Head, fewer
from consilium.learn.networks.encoders_table import HIDDEN


class AttentionPool(nn.Module):
    """Gated attention over instances (arXiv:1802.04712, eq. 9): each instance's share depends on the instance alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.what, self.gate, self.score = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, h: Tensor, there: Tensor) -> Tensor:
        """h (row, instance, width), there (row, instance) -> (row, width); nobody there: plain mean."""
        score = self.score(torch.tanh(self.what(h)) * torch.sigmoid(self.gate(h)))[..., 0]
        return weighted(h, score.masked_fill(~there, -1e9))


class MeanMIL(nn.Module):
    """One layer an instance and their plain mean (arXiv:1703.06114): what attention must beat."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed, self.norm, self.head = nn.Linear(width, HIDDEN), nn.LayerNorm(HIDDEN), Head(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        x = fewer(x, self.training)
        there = (x[:, :, x.shape[2] // 2 :] > 0).any(dim=2)
        return self.head(self._pooled(nn.functional.gelu(self.norm(self.embed(x))), there))

    def _pooled(self, h: Tensor, there: Tensor) -> Tensor:
        return weighted(h, torch.where(there, 0.0, -1e9))


class MIL(MeanMIL):
    """Attention-based multiple-instance learning: gated attention in place of the plain mean."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.pool = AttentionPool(HIDDEN)

    def _pooled(self, h: Tensor, there: Tensor) -> Tensor:
        return self.pool(h, there)


def weighted(h: Tensor, score: Tensor) -> Tensor:
    """(row, width): mean of h (row, instance, width) with weights softmax(score (row, instance))."""
    return (torch.softmax(score, dim=1)[..., None] * h).sum(1)
