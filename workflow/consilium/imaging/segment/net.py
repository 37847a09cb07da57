"""The U-Net, 2D or 3D (MONAI), and its input: a slice with its surroundings, or a block of slices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.imaging.segment import place

if TYPE_CHECKING:
    import torch

NDArray = np.ndarray
FEATURES = 8
LEVELS = (1, 2, 4, 8, 8)  # channels of each level in units of the first; each halves the grid but the last
IMAGES = 4  # channels of a slice that are images
CONTEXT_MM = 6.0  # about how far above and below the neighbouring slices lie


@dataclass(frozen=True)
class Shape:
    """dimensions: 2 (slice, two neighbours, mirrored slice, place) or 3. width: channels of the first level."""

    dimensions: int
    width: int

    @property
    def channels(self) -> int:
        return IMAGES + place.CHANNELS if self.dimensions == 2 else 1

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def build(shape: Shape) -> torch.nn.Module:
    """Residual U-Net (doi:10.1007/978-3-030-12029-0_40): strided convolutions, batch norm; then one logit a voxel.

    In 3D the first two halvings leave the slice axis as it is: slices are thicker than pixels. The U-Net gives
    FEATURES maps and a convolution of one voxel joins them: with one map alone its last ReLU is a bottleneck (measured:
    after 120 steps a loss of 1.38 instead of 0.75).
    """
    import torch
    from monai.networks.nets import UNet

    channels = tuple(shape.width * times for times in LEVELS)
    flat = (1, 2, 2)
    strides: Any = (2, 2, 2, 2) if shape.dimensions == 2 else (flat, flat, 2, 2)
    maps = UNet(spatial_dims=shape.dimensions, in_channels=shape.channels, out_channels=FEATURES, channels=channels,
                strides=strides, num_res_units=1, norm="BATCH", act="RELU")  # fmt: skip
    join = torch.nn.Conv2d if shape.dimensions == 2 else torch.nn.Conv3d
    return torch.nn.Sequential(maps, join(FEATURES, 1, 1))


def neighbours(slices: int, slice_mm: float) -> NDArray:
    """(slice, 3) indices of the slice about CONTEXT_MM below, itself and the one above; the ends are repeated."""
    step = max(1, round(CONTEXT_MM / slice_mm))
    return np.clip(np.arange(slices)[:, None] + np.array([-step, 0, step]), 0, slices - 1)
