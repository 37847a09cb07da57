"""Blocks of DNA around variants as plain numbers, whatever the order of their bases: what order must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from consilium.core.contract import BASES

if TYPE_CHECKING:
    from consilium.learn.cohort.data import Block

Array = np.ndarray
LETTERS = "ACGT"
FIRST, LAST = BASES.index("A"), BASES.index("T")
GAP = BASES.index("-")
SUBSTITUTIONS = tuple(f"{r}>{a}" for r in "CT" for a in LETTERS if a != r)  # of the strand that has C or T


def _triples() -> tuple[tuple[str, ...], Array]:
    """(names of the 32 triples, those of both strands together; place of each of the 64)."""
    names: list[str] = []
    place = []
    for code in range(64):
        word = LETTERS[code // 16] + LETTERS[code // 4 % 4] + LETTERS[code % 4]
        other = word[::-1].translate(str.maketrans("ACGT", "TGCA"))
        name = min(word, other)
        if name not in names:
            names.append(name)
        place.append(names.index(name))
    return tuple(names), np.array(place)


TRIPLES, FOLD = _triples()
NAMES = (*(f"share of {t}" for t in TRIPLES), *SUBSTITUTIONS, "insertions", "deletions", "variants")
UNITS = ("share of triples",) * len(TRIPLES) + ("strands",) * (len(SUBSTITUTIONS) + 2) + ("variants",)


def summaries(block: Block) -> Array:
    """(row, NAMES): shares of triples of bases in the reference around a patient's variants, strands with each kind of
    change, and the number of variants; NaN in rows without the block."""
    rows, length = len(block.values), (block.values.shape[2] - 1) // 2
    whole = np.nan_to_num(block.values).astype(np.int64)
    copies, reference, patient = whole[:, :, 0], whole[:, :, 1 : 1 + length], whole[:, :, 1 + length :]
    out = np.zeros((rows, len(NAMES)))
    out[:, : len(TRIPLES)] = _shares(reference)
    out[:, len(TRIPLES) : -1] = _changes(copies, reference[:, :, length // 2], patient[:, :, length // 2])
    out[:, -1] = (copies > 0).sum(axis=1)
    out[~block.present] = np.nan
    return out


def _shares(reference: Array) -> Array:
    """(row, triple): of all triples of known bases, in windows (row, window, column)."""
    base, known = reference - FIRST, (reference >= FIRST) & (reference <= LAST)
    triple = FOLD[np.clip(16 * base[:, :, :-2] + 4 * base[:, :, 1:-1] + base[:, :, 2:], 0, 63)]
    good = known[:, :, :-2] & known[:, :, 1:-1] & known[:, :, 2:]
    row = np.broadcast_to(np.arange(len(reference))[:, None, None], triple.shape)
    many = np.bincount(row[good] * len(TRIPLES) + triple[good], minlength=len(reference) * len(TRIPLES))
    counts: Array = many.reshape(len(reference), len(TRIPLES)).astype(float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _changes(copies: Array, reference: Array, patient: Array) -> Array:
    """(row, kind): strands with each substitution, insertion and deletion, from the middle columns (row, window)."""
    plain = (reference >= FIRST) & (reference <= LAST) & (patient >= FIRST) & (patient <= LAST)
    turned = plain & np.isin(reference, [BASES.index("A"), BASES.index("G")])
    one, other = (np.where(turned, FIRST + LAST - side, side) for side in (reference, patient))
    kinds = [plain & (one == BASES.index(s[0])) & (other == BASES.index(s[2])) for s in SUBSTITUTIONS]
    kinds += [reference == GAP, (patient == GAP) & (reference != GAP)]
    return np.stack([(copies * kind).sum(axis=1) for kind in kinds], axis=1).astype(float)
