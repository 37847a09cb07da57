"""Encoders of tables, all tables at once: inputs padded to one width, weights stacked (block, in, out)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN, CODE = 32, 16
INPUT_DROPOUT, HIDDEN_DROPOUT = 0.3, 0.5


class TableEncoders(nn.Module):
    """One multilayer perceptron a table. last: width of the last layer."""

    def __init__(self, widths: list[int], last: int = CODE) -> None:
        super().__init__()
        m, p = len(widths), max(widths, default=1)
        first = torch.zeros(m, p, HIDDEN)
        for i, w in enumerate(widths):
            if w:
                first[i, :w] = torch.randn(w, HIDDEN) / w**0.5
        self.first = nn.Parameter(first)
        self.second = nn.Parameter(torch.randn(m, HIDDEN, last) / HIDDEN**0.5)
        self.bias1 = nn.Parameter(torch.zeros(m, 1, HIDDEN))
        self.bias2 = nn.Parameter(torch.zeros(m, 1, last))
        self.norm = nn.LayerNorm(HIDDEN)

    def _layers(self, x: Tensor) -> Tensor:
        """(row, block, in) -> (block, row, last)."""
        h = nn.functional.dropout(x.transpose(0, 1), INPUT_DROPOUT, self.training)
        h = nn.functional.gelu(self.norm(torch.bmm(h, self.first) + self.bias1))
        h = nn.functional.dropout(h, HIDDEN_DROPOUT, self.training)
        return torch.bmm(h, self.second) + self.bias2

    def forward(self, x: Tensor) -> Tensor:
        """(row, block, in) -> (row, block, CODE)."""
        return nn.functional.gelu(self._layers(x)).transpose(0, 1)


class VariationalEncoders(TableEncoders):
    """Variational autoencoders (arXiv:1312.6114): the code is the mean, in training a draw; `penalty` trains it too."""

    RECONSTRUCTION, KL = 0.1, 0.01  # beside a likelihood of order 1; both are means over columns and code

    def __init__(self, widths: list[int]) -> None:
        super().__init__(widths, 2 * CODE)
        m, p = len(widths), max(widths, default=1)
        self.decode1 = nn.Parameter(torch.randn(m, CODE, HIDDEN) / CODE**0.5)
        self.decode2 = nn.Parameter(torch.zeros(m, HIDDEN, p))
        self.register_buffer("real", (torch.arange(p)[None] < torch.tensor(widths)[:, None]).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self._layers(x).transpose(0, 1).chunk(2, dim=-1)
        return self._sampled(mean, log_variance) if self.training else mean

    def _sampled(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + (0.5 * log_variance.clamp(-8, 8)).exp() * torch.randn_like(mean)

    def penalty(self, x: Tensor, present: Tensor) -> Tensor:
        """Squared error of the reconstruction and KL to N(0, 1), means over present rows (row, block) and columns."""
        mean, log_variance = self._layers(x).transpose(0, 1).chunk(2, dim=-1)
        code = self._sampled(mean, log_variance)
        hidden = nn.functional.gelu(torch.bmm(code.transpose(0, 1), self.decode1))
        again = torch.bmm(hidden, self.decode2).transpose(0, 1)
        real = self.get_buffer("real")
        error = (((again - x) ** 2) * real).sum(-1) / real.sum(-1).clamp(min=1.0)
        kl = 0.5 * (mean**2 + log_variance.clamp(-8, 8).exp() - log_variance.clamp(-8, 8) - 1).mean(-1)
        weight = present.to(x.dtype)
        return ((self.RECONSTRUCTION * error + self.KL * kl) * weight).sum() / weight.sum().clamp(min=1.0)
