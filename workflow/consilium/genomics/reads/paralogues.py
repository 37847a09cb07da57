"""Where two nearly identical genes differ, found by aligning their two stretches of the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MATCH, _MISMATCH, _GAP = 1, -1, -2
FLANK = 5  # columns on both sides of a site that have no gap (an indel would misplace bases of the reads) …
_SAME = 6  # … and of which so many are equal
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sites:
    """Single-base differences in order along the gene: 0-based places and bases (letters) in the gene and its twin."""

    own: Ints
    other: Ints
    own_base: npt.NDArray[np.uint8]
    other_base: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.own)

    def without(self, start: int, end: int) -> Sites:
        """The sites outside a 0-based stretch of the gene."""
        kept = (self.own < start) | (self.own >= end)
        return Sites(self.own[kept], self.other[kept], self.own_base[kept], self.other_base[kept])


def align(a: str, b: str) -> tuple[Ints, Ints]:
    """Places (column,) in `a` and in `b` of an alignment with linear gap cost; -1 = gap (Needleman-Wunsch, DOI

    10.1016/0022-2836(70)90057-4). What one of them has beyond the other's ends costs nothing and is left out: CYP2D7 is
    annotated 600 bases longer, and a global alignment scatters the last exon over them.
    """
    x, y = (np.frombuffer(s.upper().encode(), dtype=np.uint8) for s in (a, b))
    score = np.zeros((len(x) + 1, len(y) + 1), dtype=np.int16)
    slope = np.arange(len(y) + 1) * _GAP
    for i in range(1, len(x) + 1):
        best = score[i - 1].astype(np.int64) + _GAP
        best[0] = 0
        best[1:] = np.maximum(best[1:], score[i - 1, :-1] + np.where(y == x[i - 1], _MATCH, _MISMATCH))
        score[i] = np.maximum.accumulate(best - slope) + slope  # a gap in `a` of any length
    i, j = _last_column(score)
    columns: list[tuple[int, int]] = []
    while i and j:
        step = _MATCH if x[i - 1] == y[j - 1] else _MISMATCH
        if int(score[i, j]) == int(score[i - 1, j - 1]) + step:
            i, j = i - 1, j - 1
            columns.append((i, j))
        elif int(score[i, j]) == int(score[i - 1, j]) + _GAP:
            i -= 1
            columns.append((i, -1))
        else:
            j -= 1
            columns.append((-1, j))
    table = np.array(columns[::-1], dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _last_column(score: npt.NDArray[np.int16]) -> tuple[int, int]:
    """Where the best alignment that reaches the end of either sequence ends."""
    below, beside = int(score[-1].argmax()), int(score[:, -1].argmax())
    ends = (len(score) - 1, below), (beside, score.shape[1] - 1)
    return max(ends, key=lambda end: int(score[end]))


def differing_sites(own: str, own_start: int, other: str, other_start: int) -> Sites:
    """Single-base differences, away from indels, between two stretches that begin at those 0-based places."""
    at, beside = align(own, other)
    x, y = (np.frombuffer(s.upper().encode(), dtype=np.uint8) for s in (own, other))
    both = (at >= 0) & (beside >= 0)
    same = both & (x[at] == y[beside])
    differs = both & ~same & np.isin(x[at], list(b"ACGT")) & np.isin(y[beside], list(b"ACGT"))
    place = np.arange(len(same))
    left, right = np.maximum(place - FLANK, 0), np.minimum(place + 1 + FLANK, len(same))
    paired, equal = (np.concatenate([[0], np.cumsum(flags)]) for flags in (both, same))
    isolated = (paired[right] - paired[left] == 2 * FLANK + 1) & (equal[right] - equal[left] >= _SAME)
    kept = differs & isolated
    return Sites(at[kept] + own_start, beside[kept] + other_start, x[at[kept]], y[beside[kept]])
