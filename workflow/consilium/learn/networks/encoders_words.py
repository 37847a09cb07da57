"""Encoders of words: (row, position) codes of preproc.Design, 0 where there is no word, to (row, CODE)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from consilium.learn.models.preproc import NO_WORD, OTHER_WORD, VOCABULARY
from consilium.learn.networks.encoders_bag import weighted
from consilium.learn.networks.encoders_series import Attention, Head, sines
from consilium.learn.networks.encoders_table import HIDDEN

HIDDEN_WORDS = 0.1  # share of words that are shown as unknown in training
ROWS = 64  # at once: attention holds a number for every pair of words


class WordMean(nn.Module):
    """Mean of the words' vectors, in no order, with weights that are learnt: what attention must beat."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY + OTHER_WORD + 1, HIDDEN)
        nn.init.normal_(self.embed.weight, std=0.3)
        self.norm, self.pool, self.head = nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, 1), Head(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._few(part) for part in x.split(ROWS)])

    def _few(self, x: Tensor) -> Tensor:
        codes, hidden = _shown(x, self.training)
        there = (codes != NO_WORD)[..., None]  # what follows the last word must not depend on the other rows' lengths
        h = self.norm(self._read(self.embed(codes) * there, hidden))
        return self.head(weighted(h, self.pool(h)[..., 0] + hidden))

    def _read(self, h: Tensor, hidden: Tensor) -> Tensor:
        """What each word says beside the others."""
        return h


class WordTransformer(WordMean):
    """Each word with its neighbours, then a pre-norm transformer (arXiv:2002.04745) of two layers, places as sines.

    Without the first step, the order of two words is not learnt from hundreds of patients.
    """

    LAYERS, HEADS, DROPOUT = 2, 4, 0.2

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv1d(HIDDEN, HIDDEN, 3, padding=1)
        self.layers = nn.ModuleList(Attention(HIDDEN, self.HEADS, self.DROPOUT) for _ in range(self.LAYERS))

    def _read(self, h: Tensor, hidden: Tensor) -> Tensor:
        h = h + nn.functional.gelu(self.near(h.transpose(1, 2))).transpose(1, 2)
        h = h + sines(h.shape[1], HIDDEN).to(h)
        for layer in self.layers:
            h = layer(h, hidden[:, None, :])
        return h


def _shown(x: Tensor, training: bool) -> tuple[Tensor, Tensor]:
    """(codes, what is added to the attention paid to each), as far as the longest row; in training some are unknown."""
    used = (x != NO_WORD).any(dim=0).nonzero()
    codes = x[:, : int(used.max()) + 1 if len(used) else 1].long()
    there = codes != NO_WORD
    if training:
        codes = torch.where(there & (torch.rand(codes.shape, device=x.device) < HIDDEN_WORDS), OTHER_WORD, codes)
    return codes, torch.where(there, 0.0, -1e9)
