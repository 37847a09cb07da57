"""Encoders of volumes: (row, 1, z, y, x) z-maps to (row, CODE). The head sees where a map answers, not its mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from consilium.learn.networks.encoders_table import CODE, HIDDEN_DROPOUT

WIDTHS = (8, 16)  # channels; every layer halves the grid


class VolumeEncoder(nn.Module):
    """3D CNN."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, size = 1, list(shape)
        for out in WIDTHS:
            layers += [nn.Conv3d(width, out, 3, stride=2, padding=1), nn.GroupNorm(4, out), nn.GELU()]
            width, size = out, [-(-s // 2) for s in size]
        self.maps = nn.Sequential(*layers)
        self.head = nn.Linear(width * size[0] * size[1] * size[2], CODE)
        self.norm = nn.LayerNorm(CODE)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.dropout(self.maps(x).flatten(1), HIDDEN_DROPOUT, self.training)
        return nn.functional.gelu(self.norm(self.head(h)))


class SliceEncoder(nn.Module):
    """2.5D CNN: every second slice with its two neighbours as channels, one 2D network for all of them."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, size = 3, list(shape[1:])
        for out in WIDTHS:
            layers += [nn.Conv2d(width, out, 3, stride=2, padding=1), nn.GroupNorm(4, out), nn.GELU()]
            width, size = out, [-(-s // 2) for s in size]
        self.maps = nn.Sequential(*layers)
        self.head = nn.Linear(-(-shape[0] // 2) * width * size[0] * size[1], CODE)
        self.norm = nn.LayerNorm(CODE)

    def forward(self, x: Tensor) -> Tensor:
        n, _, z, height, wide = x.shape
        edged = nn.functional.pad(x[:, 0], (0, 0, 0, 0, 1, 1))
        slabs = torch.stack([edged[:, i : i + z : 2] for i in range(3)], dim=2)  # (row, slice, 3, y, x)
        maps = self.maps(slabs.reshape(-1, 3, height, wide)).reshape(n, -1)
        h = nn.functional.dropout(maps, HIDDEN_DROPOUT, self.training)
        return nn.functional.gelu(self.norm(self.head(h)))
