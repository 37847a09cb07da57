"""Probability and uncertainty of every voxel of one patient, averaged over networks and views of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.imaging.segment import place, sides
from consilium.imaging.segment.net import neighbours
from consilium.imaging.segment.train import Settings

if TYPE_CHECKING:
    import torch

NDArray = np.ndarray
TURN = 10.0  # degrees
# (turn, mirrored): test-time augmentation, doi:10.1016/j.neucom.2019.01.103. Mirrored only where training was.
VIEWS = ((0.0, False), (0.0, True), (TURN, False), (-TURN, True))
SLICES_AT_ONCE = 16


@dataclass(frozen=True)
class Prediction:
    """probability: mean over networks and views, (slice, row, column) float32."""

    probability: NDArray

    @property
    def entropy(self) -> NDArray:
        """Binary entropy of the mean probability in bits: 0 = sure, 1 = even."""
        p = np.clip(self.probability.astype(np.float64), 1e-7, 1 - 1e-7)
        return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), dtype=np.float32)


def predict(
    nets: Sequence[Any], image: NDArray, slice_mm: float, settings: Settings, where: torch.device
) -> Prediction:
    """Mean of the networks. image: (slice, row, column) on the store's grid; rows and columns are multiples of 16."""
    import torch

    stack = torch.from_numpy(np.asarray(image, dtype=np.float32)).to(where)[None]
    run = _windows
    if settings.dimensions == 2:  # other side and place are found before a view is turned, and turned with it
        stack, run = torch.cat([stack, _beside(stack[0])]), _whole_slices
    views = []
    with torch.inference_mode():
        for turn, mirrored in VIEWS:
            if mirrored and not settings.mirror:
                continue
            seen = _turned(stack.flip(3) if mirrored else stack, turn)
            for net in nets:
                found = _turned(run(net, seen, slice_mm, settings)[None], -turn)[0]
                views.append(found.flip(2) if mirrored else found)
    return Prediction(torch.stack(views).clamp(0, 1).mean(0).cpu().numpy())


def _beside(stack: torch.Tensor) -> torch.Tensor:
    """(channel, slice, row, column): the other side of each slice, and the place."""
    import torch

    count, of = len(stack), place.extent(stack.cpu().numpy())
    mirrored = sides.exchanged(stack, torch.full((count,), of.column, device=stack.device))
    places = place.channels([of] * count, range(count), stack.shape[-1]).to(stack.device)
    return torch.cat([mirrored[None], places.movedim(1, 0)])


def _whole_slices(net: Any, stack: torch.Tensor, slice_mm: float, settings: Settings) -> torch.Tensor:
    """stack: (1 + more, slice, row, column): the image, and what is given beside each slice."""
    import torch

    channels = torch.from_numpy(neighbours(stack.shape[1], slice_mm)).to(stack.device)
    parts = []
    for rows, more in zip(channels.split(SLICES_AT_ONCE), stack[1:].split(SLICES_AT_ONCE, 1), strict=True):
        seen = torch.cat([stack[0][rows], more.movedim(0, 1)], 1)
        parts.append(torch.sigmoid(net(seen).float())[:, 0])
    return torch.cat(parts)


def _windows(net: Any, stack: torch.Tensor, slice_mm: float, settings: Settings) -> torch.Tensor:
    """stack: (1, slice, row, column)."""
    import torch
    from monai.inferers import sliding_window_inference

    size = (settings.depth, settings.patch, settings.patch)
    found: Any = sliding_window_inference(stack[None], size, 2, lambda x: torch.sigmoid(net(x).float()),
                                     overlap=0.5, mode="gaussian")  # fmt: skip
    return found[0, 0]  # type: ignore[no-any-return]


def _turned(stack: torch.Tensor, degrees: float) -> torch.Tensor:
    """Every slice of a (channel, slice, row, column) stack turned about its centre; the edge is repeated."""
    if not degrees:
        return stack
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    theta = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]], device=stack.device)
    grid = affine_grid(theta.expand(len(stack), 2, 3), [len(stack), 1, *stack.shape[2:]], align_corners=False)
    return grid_sample(stack, grid, padding_mode="border", align_corners=False)
