"""Encoders of DNA around variants: (row, window, 1 + 2 x column), see contract.check_block, to (row, CODE).

A window without copies is not there; N is no base of either sequence. Both strands are read, since a motif may lie on
either, and each feature takes the strand on which it is larger.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from consilium.core.contract import BASES
from consilium.learn.networks.encoders_bag import AttentionPool
from consilium.learn.networks.encoders_series import Head
from consilium.learn.networks.encoders_table import HIDDEN

HIDDEN_BASES = 0.1  # share of bases that are shown as unknown in training
SEEN = len(BASES) - 1  # channels of a sequence: all but N


class DnaMean(nn.Module):
    """Each column by itself (the base of the reference, and the patient's), their mean in no order, then attention over
    the patient's variants: what the order of bases must beat."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.columns = (width - 1) // 2
        channels = torch.eye(len(BASES))[:, 1:]
        self.register_buffer("channels", channels, persistent=False)
        self.maps = self._maps()
        self.window = nn.Sequential(nn.Linear(self._said() + 1, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU())
        self.pool, self.head = AttentionPool(HIDDEN), Head(HIDDEN)

    def _maps(self) -> nn.Sequential:
        return nn.Sequential(nn.Conv1d(2 * SEEN, HIDDEN, 1), nn.GELU())

    def _said(self) -> int:
        return HIDDEN

    def forward(self, x: Tensor) -> Tensor:
        there = x[:, :, 0] > 0
        h = x.new_zeros((*there.shape, HIDDEN))
        if there.any():
            h[there] = self._windows(x[there]).to(h.dtype)
        return self.head(self.pool(h, there))

    def _windows(self, x: Tensor) -> Tensor:
        """(window, HIDDEN) from (window, 1 + 2 x column)."""
        code = x[:, 1:].long()
        if self.training:
            code = torch.where(torch.rand_like(x[:, 1:]) < HIDDEN_BASES, 0, code)
        one = self.get_buffer("channels")[code].view(len(x), 2, self.columns, SEEN).transpose(2, 3)
        other = torch.cat([one[:, :, :4].flip(2), one[:, :, 4:]], dim=2).flip(3)  # A C G T becomes T G C A
        both = torch.cat([one, other]).reshape(2 * len(x), 2 * SEEN, self.columns)
        said = self._pooled(self.maps(both)).view(2, len(x), -1).amax(0)
        return self.window(torch.cat([said, x[:, :1]], dim=1))

    def _pooled(self, h: Tensor) -> Tensor:
        """(sequence, _said()) from (sequence, HIDDEN, column)."""
        return h.mean(2)


class DnaCNN(DnaMean):
    """1D CNN over both sequences, column under column; of each feature the largest anywhere, and what it says around
    the change."""

    FIRST, SECOND = 11, 7  # columns that a filter sees

    def _maps(self) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv1d(2 * SEEN, HIDDEN, self.FIRST, padding=self.FIRST // 2), nn.GroupNorm(4, HIDDEN), nn.GELU(),
            nn.Conv1d(HIDDEN, HIDDEN, self.SECOND, padding=self.SECOND // 2), nn.GELU(),
        )  # fmt: skip

    def _said(self) -> int:
        return 2 * HIDDEN

    def _pooled(self, h: Tensor) -> Tensor:
        return torch.cat([h.amax(2), h[:, :, self.columns // 2]], dim=1)
