"""The other side: a slice exchanged left and right about the middle of the patient's tissue, as one more channel.

Normal brain is nearly symmetric, a lesion seldom is: what is bright on both sides (insula, hippocampus, cingulum)
is normal, and no intensity of one side alone says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def exchanged(slices: torch.Tensor, middles: torch.Tensor) -> torch.Tensor:
    """(n, row, column), (n,) middle columns -> (n, row, column), mirrored and averaged over 3 x 3 pixels.

    Averaged, because two sides never match to a pixel. Beyond the edge the last column is repeated.
    """
    import torch
    from torch.nn.functional import avg_pool2d

    last = slices.shape[-1] - 1
    source = (2 * middles[:, None] - torch.arange(last + 1, device=slices.device)).round().long().clamp(0, last)
    mirrored = slices.gather(2, source[:, None].expand_as(slices))
    return avg_pool2d(mirrored, 3, stride=1, padding=1, count_include_pad=False)
