"""Patches of training slices, turned, scaled, mirrored and changed in intensity, a whole batch at once.

Crop and geometry are one interpolation from the full slice; every slice of a patch is moved the same way. Draws come
from one generator, so that the same seed gives the same batches. The widths below are those of strength 1, for
hundreds of epochs; a network that sees each slice a dozen times learns more from weaker changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ANGLE = 20.0  # degrees, to either side
SCALE = 0.2  # ln of the largest magnification
SHIFT = 0.25  # of the patch: how far its centre lies from the chosen voxel
GAIN, OFFSET, GAMMA, NOISE = 0.1, 0.2, 0.2, 0.15  # SD; offset and noise in units of the image's scale


@dataclass(frozen=True)
class Moves:
    """What is done to each patch of a batch; n = batch. centre: (n, 2) row and column in [-1, 1] of the slice."""

    centre: torch.Tensor
    angle: torch.Tensor
    scale: torch.Tensor
    mirrored: torch.Tensor


def draw(centre: torch.Tensor, reach: float, mirror: bool, strength: float, generator: torch.Generator) -> Moves:
    """Random moves around the chosen voxels. reach: half of the patch in half slices; the patch stays in the slice."""
    import math

    import torch

    n = len(centre)

    def even(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator) * 2 - 1

    moved = centre + even(n, 2) * SHIFT * 2 * reach
    flips = torch.rand(n, generator=generator) < 0.5
    return Moves(
        moved.clamp(reach - 1, 1 - reach) if reach < 1 else torch.zeros(n, 2),
        even(n) * math.radians(ANGLE) * strength,
        torch.exp(even(n) * SCALE * strength),
        flips if mirror else torch.zeros(n, dtype=torch.bool),
    )


def moved(slices: torch.Tensor, moves: Moves, patch: int) -> torch.Tensor:
    """(n, channel, row, column) -> (n, channel, patch, patch); beyond the edge the last pixel is repeated."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    half = patch / slices.shape[-1] / moves.scale
    cos, sin = torch.cos(moves.angle) * half, torch.sin(moves.angle) * half
    sign = torch.where(moves.mirrored, -1.0, 1.0)
    row, column = moves.centre.unbind(1)
    theta = torch.stack([torch.stack([cos * sign, -sin, column], 1), torch.stack([sin * sign, cos, row], 1)], 1)
    grid = affine_grid(theta, [len(slices), 1, patch, patch], align_corners=False)
    return grid_sample(slices, grid, mode="bilinear", padding_mode="border", align_corners=False)


def recoloured(images: torch.Tensor, clip: float, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Another gain, offset, gamma and noise for each patch; values stay within [-clip, clip]."""
    import torch

    def normal(sd: float) -> torch.Tensor:
        return sd * strength * torch.randn(len(images), *[1] * (images.ndim - 1), generator=generator)

    changed = images * (1 + normal(GAIN)) + normal(OFFSET)
    share = ((changed + clip) / (2 * clip)).clamp(1e-6, 1)
    changed = share ** torch.exp(normal(GAMMA)) * 2 * clip - clip
    noise = torch.randn(images.shape, generator=generator) * normal(NOISE).abs()
    return (changed + noise).clamp(-clip, clip)
