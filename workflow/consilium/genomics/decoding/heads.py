"""The fixed columns of many VCF lines at once, where they are plain: one base for another under an ordinary head.

What is taken here `lines.read` would take in the same way, a line at a time; whatever is not plain is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.ascending import find
from consilium.genomics.decoding.lines import Format, Line, format_of
from consilium.genomics.intake.build import CONTIGS

_LOOK = 8  # lines by which the width of heads is judged
_WIDEST = 4096  # bytes of a head that are looked at
_STRIP = 1 << 19  # bytes of heads in work at a time: they stay in the processor's cache
_CHROM, _POS, _ID, _QUAL, _FORMAT = 32, 9, 64, 16, 64  # the widest cells that are plain
_TAB, _RETURN, _EQUALS, _DOT, _ZERO, _SPACE, _SEMICOLON = b"\t\r=.0 ;"
_IS_BASE = np.isin(np.arange(256), np.frombuffer(b"ACGT", dtype=np.uint8))
_POWERS = 10 ** np.arange(_POS - 1, -1, -1, dtype=np.int64)
_PASS = np.frombuffer(b"PASS", dtype=np.uint8)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Heads:
    """Lines as columns (line,): number in the piece; where they, their sample cells and their ends are in the text;
    contig (index into CONTIGS), pos, ref and alt (letters as bytes; nothing of `other` lines), rsid, form (index into
    `forms`). other: by number, the lines that are anything but one base for another.
    """

    number: Ints
    start: Ints
    cells: Ints
    end: Ints
    contig: Ints
    pos: Ints
    ref: Bytes
    alt: Bytes
    rsid: npt.NDArray[np.bytes_]
    form: Ints
    forms: Sequence[Format]
    other: dict[int, Line]

    def __len__(self) -> int:
        return len(self.number)

    @property
    def plain(self) -> Bools:
        if not self.other:
            return np.ones(len(self), dtype=bool)
        return ~find(np.array(sorted(self.other), dtype=np.int64), self.number)[1]

    def line(self, i: Any) -> Line:
        number = int(self.number[i])
        if number in self.other:
            return self.other[number]
        return Line(number, int(self.start[i]), int(self.cells[i]), int(self.end[i]), bytes(self.rsid[i]),
                    CONTIGS[self.contig[i]], int(self.pos[i]), chr(self.ref[i]), chr(self.alt[i]),
                    self.forms[self.form[i]], None, False)  # fmt: skip

    def of_forms(self, name: str) -> npt.NDArray[Any]:
        """(line,) an attribute of each line's FORMAT."""
        return np.array([getattr(form, name) for form in self.forms], dtype=np.int64)[self.form]

    def part(self, rows: Bools | slice) -> Heads:
        names = [f.name for f in fields(self) if f.name not in ("forms", "other")]
        return Heads(**{name: getattr(self, name)[rows] for name in names}, forms=self.forms, other=self.other)

    def batches(self, height: int, size: int) -> Iterator[Heads]:
        """Lines that follow one another: at most `height`, of `size` bytes of text or a single one."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.end, self.start[first] + size, side="right"))
            last = max(first + 1, min(last, first + height))
            yield self.part(slice(first, last))
            first = last


def joined(parts: Sequence[Heads], lines: Sequence[Line]) -> Heads:
    """Plain lines of several stretches and single `lines`, in the order of their numbers."""
    if len(parts) == 1 and not lines:
        return parts[0]
    forms: dict[Format, int] = {}
    columns: list[dict[str, npt.NDArray[Any]]] = []
    for part in parts:
        place = np.array([forms.setdefault(f, len(forms)) for f in part.forms], dtype=np.int64)
        columns.append({**vars(part), "form": place[part.form]})
    columns.append({
        **{name: np.array([getattr(line, name) for line in lines], dtype=np.int64)
           for name in ("number", "start", "cells", "end", "pos")},
        "contig": np.array([CONTIGS.index(line.chrom) for line in lines], dtype=np.int64),
        "ref": np.frombuffer(b"".join(line.ref[:1].encode() for line in lines), dtype=np.uint8),
        "alt": np.frombuffer(b"".join(line.alt[:1].encode() for line in lines), dtype=np.uint8),
        "rsid": np.array([line.rsid for line in lines], dtype=bytes if lines else "S1"),
        "form": np.array([forms.setdefault(line.form, len(forms)) for line in lines], dtype=np.int64),
    })  # fmt: skip
    whole = {name: np.concatenate([c[name] for c in columns]) for name in columns[-1]}
    order = np.argsort(whole["number"], kind="stable")
    other = {line.number: line for line in lines if line.variants is not None or line.filtered}
    return Heads(**{name: values[order] for name, values in whole.items()}, forms=list(forms), other=other)


def plain_lines(text: bytes, number: Ints, start: Ints, end: Ints) -> tuple[Heads, Bools, list[bytes]]:
    """Of lines from `start` to `end` (line,): the plain ones; which they are (line,); the contigs' names as written,
    by the numbers that stand in `Heads.contig` instead of chromosomes."""
    letters = np.frombuffer(text, dtype=np.uint8)
    width = _width(text, start, end)
    found, names = [], dict[bytes, int]()
    chosen = np.zeros(len(start), dtype=bool)
    height = max(1, _STRIP // width)
    for first in range(0, len(start), height):
        rows = slice(first, first + height)
        heads, chosen[rows] = _strip(letters, number[rows], start[rows], end[rows], width, names)
        found.append(heads)
    return joined(found, []), chosen, list(names)


def _width(text: bytes, start: Ints, end: Ints) -> int:
    """Bytes in which nearly all heads end, judged by some lines."""
    longest = 16
    for i in np.linspace(0, len(start) - 1, min(_LOOK, len(start))).astype(int):
        parts = text[start[i] : min(end[i], start[i] + _WIDEST)].split(b"\t", 9)
        longest = max(longest, sum(len(p) + 1 for p in parts[:9]))
    return min(longest + longest // 4 + 16, _WIDEST, len(text))


class _Cells:
    """One strip's heads: letters (line, byte), and where column k lies in each: from low[k] to high[k].

    Cells are (byte, line): numpy goes through few long rows much faster than through many short ones.
    """

    def __init__(self, letters: Bytes, start: Ints, end: Ints, width: int) -> None:
        inside = np.minimum(start, len(letters) - width)  # the last heads of a text may be shorter: then not plain
        wide = np.ndarray((len(letters) - width + 1,), dtype=f"V{width}", buffer=letters.data, strides=(1,))
        self.width, self.flat = width, wide[inside].view(np.uint8)
        self.rows = np.arange(len(start)) * width
        tabs = np.append(np.flatnonzero(self.flat == _TAB), np.full(9, len(self.flat)))
        first = np.searchsorted(tabs, self.rows)
        self.high = tabs[first + np.arange(9)[:, None]] - self.rows
        self.low = np.concatenate([np.zeros((1, len(start)), dtype=np.int64), self.high[:-1] + 1])
        self.ok = (inside == start) & (self.high[8] < np.minimum(width, end - start))

    def length(self, k: int) -> Ints:
        return self.high[k] - self.low[k]

    def at(self, place: Ints) -> Bytes:
        """Letters of each line at some places in it."""
        return self.flat[np.clip(self.rows + place, 0, len(self.flat) - 1)]

    def cut(self, k: int, widest: int) -> Bytes:
        """(byte, line) cells of column k, zeros behind them; lines without any, with more or with zeros are not ok."""
        size = self.length(k)
        self.ok &= (size >= 1) & (size <= widest)
        place = np.arange(int(size[self.ok].max(initial=1)))[:, None]
        out = self.at(self.low[k] + place)
        out *= place < size
        self.ok &= (out != 0).sum(axis=0) == size
        return out

    def numbers(self, k: int) -> Ints:
        """Column k as whole numbers of up to nine digits, the first of them no zero."""
        size = self.length(k)
        self.ok &= (size >= 1) & (size <= _POS)
        place = np.arange(-_POS, 0)[:, None]
        digits = self.at(self.high[k] + place) - np.uint8(_ZERO)
        digits *= place >= -size
        self.ok &= (digits <= 9).all(axis=0) & (self.at(self.low[k]) != _ZERO)
        return np.asarray(_POWERS @ digits)

    def base(self, k: int) -> Bytes:
        letter = self.at(self.low[k])
        self.ok &= (self.length(k) == 1) & _IS_BASE[letter]
        return letter


def _strip(letters: Bytes, number: Ints, start: Ints, end: Ints, width: int, names: dict[bytes, int]
           ) -> tuple[Heads, Bools]:  # fmt: skip
    c = _Cells(letters, start, end, width)
    pos, ref, alt = c.numbers(1), c.base(3), c.base(4)
    c.ok &= ref != alt
    name = c.cut(2, _ID)
    c.ok &= ~((name == _SPACE) | (name == _SEMICOLON)).any(axis=0)
    _check_quality(c)
    _check_filter(c)
    c.ok &= ~_with_end(c) & (letters[end - 1] != _RETURN)
    contig = _recurring(c.cut(0, _CHROM), names)
    texts: dict[bytes, int] = {}
    form = _recurring(c.cut(8, _FORMAT), texts)
    formats = [format_of(t) for t in texts]
    c.ok &= np.array([f is not None for f in formats], dtype=bool)[form]
    rsid = np.ascontiguousarray(name.T).view(f"S{len(name)}")[:, 0]
    heads = Heads(number, start, start + c.high[8] + 1, end, contig, pos, ref, alt, rsid, form,
                  [f or Format(0, 0, 0, False) for f in formats], {})  # fmt: skip
    return heads.part(c.ok), c.ok


def _check_quality(c: _Cells) -> None:
    """QUAL is '.', or digits with at most one point behind the first of them; exponents are not looked at."""
    cells = c.cut(5, _QUAL)
    point = cells == _DOT
    digit = (cells - np.uint8(_ZERO)) <= 9
    number = (digit | point | (cells == 0)).all(axis=0) & digit[0] & (point.sum(axis=0) <= 1)
    c.ok &= number | (point[0] & (c.length(5) == 1))


def _check_filter(c: _Cells) -> None:
    cells = c.cut(6, len(_PASS))
    size = c.length(6)
    passed = (size == len(_PASS)) & (cells == _PASS[: len(cells), None]).all(axis=0)
    c.ok &= passed | ((size == 1) & (cells[0] == _DOT))


def _with_end(c: _Cells) -> Bools:
    """Lines with END= in INFO, or before it."""
    flat = c.flat
    at = np.flatnonzero(flat == _EQUALS)
    at = at[at >= 3]
    at = at[(flat[at - 1] == ord("D")) & (flat[at - 2] == ord("N")) & (flat[at - 3] == ord("E"))]
    line, place = np.divmod(at, c.width)
    out = np.zeros(len(c.rows), dtype=bool)
    out[line[place < c.high[7, line]]] = True
    return out


def _recurring(cells: Bytes, known: dict[bytes, int]) -> Ints:
    """(line,) numbers of the cells' texts in `known`, which gets the new ones; few lines differ from the one above."""
    first = np.append(True, (cells[:, 1:] != cells[:, :-1]).any(axis=0))[: cells.shape[1]]
    numbers = [known.setdefault(text.tobytes().rstrip(b"\0"), len(known)) for text in cells[:, first].T]
    return np.array(numbers, dtype=np.int64)[np.cumsum(first) - 1]
