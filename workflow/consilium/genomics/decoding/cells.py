"""Sample cells of many VCF lines at once: where they are, their first bytes, and numbers such as DP and GQ in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.decoding.codes import Cells
from consilium.genomics.decoding.lines import UnfitError

_TAB, _NEWLINE, _COLON = b"\t\n:"
_DOT = ord(".")
# Eight times '0'; what tells a digit from other bytes.
_ZEROS, _HIGH, _SIX = np.uint64(0x3030303030303030), np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x0606060606060606)

Ints = npt.NDArray[np.int64]


def fixed_width(text: bytes, start: Ints, n_samples: int) -> Cells:
    """(line, sample) first bytes of lines whose sample columns are 4 x n_samples - 1 bytes long: GT alone, 0|1 each.

    start (line,): of the sample columns. `text` ends in an end of line.
    """
    width = 4 * n_samples
    wide = np.ndarray((len(text) - width + 1,), dtype=f"V{width}", buffer=text, strides=(1,))
    out = wide[start].view(np.uint8).reshape(len(start), width)
    out[:, -1] = _TAB
    return out.view(np.uint32)


@dataclass(frozen=True)
class Table:
    """Cells of lines of any layout. marks: places of every tab, colon and end of line; first (line, sample): index in
    `marks` of what stands before the cell; n_colons (line, sample)."""

    text: npt.NDArray[np.uint8]
    marks: Ints
    first: Ints
    n_colons: Ints

    def cells(self) -> Cells:
        """First four bytes of each cell; what ends it, if among them, as a tab at the fourth place."""
        wide = np.ndarray((len(self.text) - 3,), dtype="<u4", buffer=self.text.data, strides=(1,))
        found = wide[self.marks[self.first] + 1]
        end = found >> np.uint32(24)
        closed = (end == _COLON) | (end == _NEWLINE)
        return np.where(closed, (found & np.uint32(0xFFFFFF)) | np.uint32(_TAB << 24), found)

    def numbers(self, key: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """(value (line, sample), usable (line,)) of the key at place `key` of FORMAT; -1 where absent or '.'.

        A line with anything but a whole number of up to eight digits there is not usable.
        """
        there = self.n_colons >= key
        at = np.where(there, self.first + key, self.first)
        start = self.marks[at] + 1
        size = np.where(there, self.marks[np.minimum(at + 1, len(self.marks) - 1)] - start, 0)
        wide = np.ndarray((len(self.text) - 7,), dtype="<u8", buffer=self.text.data, strides=(1,))
        found = wide[start]
        gap = (size <= 0) | ((size == 1) & ((found & np.uint64(0xFF)) == _DOT))
        # Eight digits in one word, those that are lacking in front as zeros.
        fit = (8 * np.clip(size, 1, 8)).astype(np.uint64)
        found = found << (np.uint64(64) - fit) | np.where(
            size < 8, _ZEROS >> np.minimum(fit, np.uint64(63)), np.uint64(0)
        )
        good = ((found & _HIGH) == _ZEROS) & ((found + _SIX & _HIGH) == _ZEROS) & (size <= 8)
        value = (found & np.uint64(0x0F0F0F0F0F0F0F0F)) * np.uint64(2561) >> np.uint64(8)
        value = (value & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601) >> np.uint64(16)
        value = (value & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001) >> np.uint64(32)
        return np.where(gap, -1, value.astype(np.int64)), np.asarray((good | gap).all(axis=1))


def table(text: npt.NDArray[np.uint8], cells: Ints, end: Ints, n_samples: int) -> Table:
    """Find the cells of lines of one stretch of text. Raises UnfitError where a line has another number of columns.

    cells, end (line,): where the sample columns and the lines begin and end; `text` has eight spare bytes at its end.
    """
    marks = np.flatnonzero((text == _TAB) | (text == _COLON) | (text == _NEWLINE))
    ends = np.flatnonzero(text[marks] != _COLON)  # tabs and ends of lines
    at = np.searchsorted(marks[ends], cells - 1)
    until = np.searchsorted(marks[ends], end)
    if (until - at != n_samples).any() or not np.array_equal(marks[ends[until]], end):
        raise UnfitError
    places = at[:, None] + np.arange(n_samples)
    index = ends[places]
    return Table(text, marks, index, ends[places + 1] - index - 1)
