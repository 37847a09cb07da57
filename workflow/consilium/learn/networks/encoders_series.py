"""Encoders of series: (row, time, 2 x feature), values (z-scores, 0 where missing) and masks, to (row, CODE)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from consilium.learn.networks.encoders_table import CODE, HIDDEN, HIDDEN_DROPOUT, INPUT_DROPOUT


class GRU(nn.Module):
    """GRU over values and masks; the last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, CODE, batch_first=True)
        self.norm = nn.LayerNorm(CODE)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(x, INPUT_DROPOUT, self.training)
        return self.norm(self.gru(x)[0][:, -1])


class LSTM(nn.Module):
    """LSTM over values and masks; the last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, HIDDEN, batch_first=True)
        self.head = Head(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(fewer(x, self.training))[0][:, -1])


class GRUD(nn.Module):
    """GRU-D (doi:10.1038/s41598-018-24271-9): what was last seen decays towards the mean, and so does the state.

    Decay is by grid steps since a feature was last measured; inputs are z-scores, so the mean is 0.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        features = width // 2
        self.value_decay = nn.Parameter(
            torch.tensor([[0.1], [0.0]]).repeat(1, features)
        )  # slope, offset of each feature
        self.state_decay = nn.Linear(features, HIDDEN)
        self.input = nn.Linear(width, 3 * HIDDEN)
        self.state = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.head = Head(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        values, seen = fewer(x, self.training).chunk(2, dim=2)
        gap, last = since_seen(values, seen)
        fading = torch.exp(-torch.relu(self.value_decay[0] * gap + self.value_decay[1]))
        filled = torch.where(seen > 0, values, fading * last)
        inputs = self.input(torch.cat([filled, seen], dim=2)).unbind(1)
        keep = torch.exp(-torch.relu(self.state_decay(gap / x.shape[1]))).unbind(1)
        h = torch.zeros_like(keep[0])
        for step, kept in zip(inputs, keep, strict=True):
            h = kept * h
            reset, update, new = step.chunk(3, dim=1)
            from_reset, from_update, from_new = self.state(h).chunk(3, dim=1)
            update = torch.sigmoid(update + from_update)
            h = update * h + (1 - update) * torch.tanh(new + torch.sigmoid(reset + from_reset) * from_new)
        return self.head(h)


class Transformer(nn.Module):
    """Two layers of self-attention over the grid steps that hold a value, with the time as sines and cosines."""

    LAYERS, HEADS, DROPOUT = 2, 4, 0.2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(width, HIDDEN)
        self.layers = nn.ModuleList(Attention(HIDDEN, self.HEADS, self.DROPOUT) for _ in range(self.LAYERS))
        self.pool = nn.Linear(HIDDEN, 1)
        self.head = Head(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        x = fewer(x, self.training)
        any_seen = (x[:, :, x.shape[2] // 2 :] > 0).any(dim=2)
        hidden = torch.where(any_seen, 0.0, -1e9)[:, None, :]  # added to the attention paid to each step
        h = self.embed(x) + sines(x.shape[1], HIDDEN).to(x)
        for layer in self.layers:
            h = layer(h, hidden)
        weight = torch.softmax(self.pool(h)[..., 0] + hidden[:, 0], dim=1)
        return self.head((weight[..., None] * h).sum(1))


class Attention(nn.Module):
    """Pre-norm block (arXiv:2002.04745). Own products: the library's fused kernels have no repeatable backward."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, h: Tensor, hidden: Tensor) -> Tensor:
        n, t, w = h.shape
        q, k, v = self.qkv(self.norm1(h)).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        paid = torch.softmax(q @ k.transpose(2, 3) / (w // self.heads) ** 0.5 + hidden[:, None], dim=3)
        seen = (paid @ v).transpose(1, 2).reshape(n, t, w)
        h = h + nn.functional.dropout(self.out(seen), self.dropout, self.training)
        change = self.narrow(nn.functional.gelu(self.wide(self.norm2(h))))
        return h + nn.functional.dropout(change, self.dropout, self.training)


class Head(nn.Module):
    """(row, width) to (row, CODE)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(width, CODE), nn.LayerNorm(CODE)

    def forward(self, h: Tensor) -> Tensor:
        return self.norm(self.linear(nn.functional.dropout(h, HIDDEN_DROPOUT, self.training)))


def fewer(x: Tensor, training: bool) -> Tensor:
    """In training a measurement counts as not made with probability INPUT_DROPOUT: value and mask go together."""
    if not training:
        return x
    values, seen = x.chunk(2, dim=2)
    seen = seen * (torch.rand_like(seen) >= INPUT_DROPOUT)
    return torch.cat([values * seen, seen], dim=2)


def since_seen(values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """(gap, last), (row, time, feature) each: steps since the feature was last seen before this step, and its value.

    Never seen before: steps since one before the first, and 0.
    """
    steps = torch.arange(values.shape[1], device=values.device)[None, :, None].expand_as(values)
    at = torch.where(seen > 0, steps, -1).cummax(dim=1).values
    before = torch.cat([torch.full_like(at[:, :1], -1), at[:, :-1]], dim=1)
    last = torch.where(before >= 0, values.gather(1, before.clamp(min=0)), torch.zeros_like(values))
    return (steps - before).to(values), last


def sines(steps: int, width: int) -> Tensor:
    """(steps, width): sines and cosines of the step (arXiv:1706.03762, 3.5)."""
    angle = torch.arange(steps)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    return torch.cat([angle.sin(), angle.cos()], dim=1)
