"""Blocks of words: which patient says which word, and the same words under another list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from consilium.learn.cohort.data import Block

Array = np.ndarray
UNKNOWN = -1.0
NOTHING = "no word that enough patients share"
MIN_PATIENTS = 5  # who must say a word before a model may know it: as many as stand behind any number of a bundle


def said(block: Block) -> Array:
    """(row, word): 1 where the row's words hold it, else 0; NaN in rows without the block."""
    out = np.zeros((len(block.values), len(block.features)))
    row, position = np.nonzero(block.values >= 0)
    out[row, block.values[row, position].astype(int)] = 1.0
    out[~block.present] = np.nan
    return out


def patients_of(block: Block) -> Array:
    """(word,): how many rows hold each word."""
    out = np.zeros(len(block.features), dtype=int)
    for row in block.values:
        out[np.unique(row[row >= 0]).astype(int)] += 1
    return out


def under(block: Block, wanted: Sequence[str]) -> Block:
    """The block with `wanted` as its list of words; others become UNKNOWN, who has no other is without the block."""
    place = {w: i for i, w in enumerate(wanted)}
    code = np.array([place.get(w, UNKNOWN) for w in block.features] + [UNKNOWN], dtype=np.float32)
    there = np.isfinite(block.values)
    values = np.full(block.values.shape, np.nan, dtype=np.float32)
    values[there] = code[block.values[there].astype(int)]  # UNKNOWN is the last
    known: Array = np.array((values >= 0).any(axis=1))
    values[~known] = np.nan
    reasons = tuple(r or ("" if k else NOTHING) for r, k in zip(block.reasons, known, strict=True))
    return replace(block, values=values, present=block.present & known, reasons=reasons, features=tuple(wanted),
                   units=("",) * len(wanted))  # fmt: skip


def of_many(block: Block, patients: int) -> Block:
    """Only words of so many patients: a word that fewer say, such as a name, is in no model and in no bundle.

    No fit is helped by it: what too few of all patients say, too few of any training patients say.
    """
    many = np.flatnonzero(patients_of(block) >= patients)
    return under(block, [block.features[i] for i in many])
