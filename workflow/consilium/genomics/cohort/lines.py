"""Data lines of a VCF whose fixed columns can be taken as they stand, and all others, which the full reader gets.

Nothing is judged here: a line that is not plainly right in every column that is used goes to the full reader
(`intake.vcf`), which says what is wrong with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from consilium.genomics.intake import records
from consilium.genomics.intake.build import KnownSites, SiteEvidence, canonical
from consilium.genomics.intake.calls import NO_ALT
from consilium.genomics.intake.known_bases import Bases

_LINE = re.compile(
    rb"([^\t\n]+)\t([1-9][0-9]{0,8})\t([^\t\n; ]+(?:;[^\t\n; ]+)*)\t([ACGT]+)\t([ACGT]+(?:,[ACGT]+)*|\.)\t"
    rb"(?:\.|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\t([^\t\n\r ]+)\t([^\t\n]*)\t(GT(?::[A-Za-z_][0-9A-Za-z_.]*)*)\t"
)
_START = re.compile(rb"<?([^\t\n>]*)>?\t([0-9]+)\t")
_NEAR = 1000  # bases around a cut within which a variant may stand on both sides in different forms

_BASE = {b"A": "A", b"C": "C", b"G": "G", b"T": "T"}
_PASSED = (b"PASS", b".")

Key = tuple[str, int, str, str]


class UnfitError(Exception):
    """The file is not one that can be read in pieces: the full reader takes it, and says why if something is wrong."""


@dataclass(frozen=True)
class Format:
    """Keys of a FORMAT column: how many, and which are DP and GQ (0: none)."""

    n_keys: int
    depth: int
    quality: int
    phase_sets: bool


@lru_cache(maxsize=1024)
def _format(text: bytes) -> Format | None:
    keys = text.decode().split(":")
    if len(set(keys)) < len(keys):
        return None
    place = {k: i for i, k in enumerate(keys)}
    return Format(len(keys), place.get("DP", 0), place.get("GQ", 0), bool({"PS", "PGT", "PID"} & set(keys)))


_contig = lru_cache(maxsize=1024)(lambda raw: canonical(raw.decode("utf-8", "replace")))


class Line(NamedTuple):
    """A data line: its number in the piece, and where it, its sample cells and its end are in the text.

    variants: (number of the ALT, trimmed form) where it is anything but one base for another; else None.
    """

    number: int
    start: int
    cells: int
    end: int
    rsid: bytes
    chrom: str
    pos: int
    ref: str
    alt: str
    form: Format
    variants: list[tuple[int, Key]] | None
    filtered: bool

    @property
    def n_alts(self) -> int:
        return 0 if self.alt == "." else self.alt.count(",") + 1

    @property
    def keys(self) -> list[tuple[int, Key]]:
        return self.variants or [(1, (self.chrom, self.pos, self.ref, self.alt))]


@dataclass
class Lines:
    """All lines of a piece. slow: (number, start, end) of those for the full reader; runs: (contig, first, last)."""

    fast: list[Line] = field(default_factory=list)
    slow: list[tuple[int, int, int]] = field(default_factory=list)
    runs: list[tuple[bytes, int, int]] = field(default_factory=list)
    n_lines: int = 0
    n_filtered: int = 0
    n_other_contigs: int = 0
    evidence: SiteEvidence = field(default_factory=SiteEvidence)
    aside: list[Key] = field(default_factory=list)  # variants of the slow lines, as far as they can be told
    head: set[Key] = field(default_factory=set)
    tail: set[Key] = field(default_factory=set)


def split(text: bytes, start: int, in_full: int, known: KnownSites | None, reference: Bases | None) -> Lines:
    """Lines of `text` from `start` on; the first `in_full` lines go to the full reader whatever they are.

    Raises UnfitError where the order of records is not that of a VCF.
    """
    out = Lines()
    length, place = len(text), start
    while place < length:
        end = text.find(b"\n", place)
        end = length if end < 0 else end
        if end > place and text[place] != 35:  # '#'
            _sort(text, place, end, out, in_full)
        out.n_lines += 1
        place = end + 1
    if known is not None:
        _count_known(out, known)
    _set_aside(out, _given_twice(out.fast, out.aside))
    if reference is not None:
        _set_aside(out, {i for i, line in enumerate(out.fast) if not _fits(line, reference)})
    _edges(out)
    out.n_filtered = sum(line.filtered for line in out.fast)
    if out.n_filtered:
        out.fast = [line for line in out.fast if not line.filtered]
    return out


def _sort(text: bytes, start: int, end: int, out: Lines, in_full: int) -> None:
    """Put a line where it belongs."""
    found = _LINE.match(text, start, end)
    if found is None:
        if (head := _START.match(text, start, end)) is not None:
            _follow(out.runs, head[1], int(head[2]))
        _slow(text, start, end, out)
        return
    raw, digits, rsid, ref, alt, filters, info, form = found.groups()
    position = int(digits)
    _follow(out.runs, raw, position)
    chrom, keys = _contig(raw), _format(form)
    if chrom is None:
        out.n_other_contigs += 1
        return
    filtered = filters not in _PASSED
    variants: list[tuple[int, Key]] | None = None
    if (
        out.n_lines < in_full or keys is None or text[end - 1] == 13  # '\r'
        or b"END=" in info or (filtered and not _filter_is_sound(filters))
    ):  # fmt: skip
        _slow(text, start, end, out)
        return
    one, other = _BASE.get(ref), _BASE.get(alt)
    if one is None or other is None or one == other:
        one, other = ref.decode(), alt.decode()
        variants = _variants(chrom, position, one, other)
        if not variants:
            _slow(text, start, end, out)
            return
    out.fast.append(Line(out.n_lines, start, found.end(), end, rsid, chrom, position, one, other, keys, variants,
                         filtered))  # fmt: skip


@lru_cache(maxsize=2)
def _positions(known: KnownSites) -> frozenset[int]:
    return frozenset(p for _, p in (*known.grch38, *known.grch37))


def _count_known(out: Lines, known: KnownSites) -> None:
    sites = _positions(known)
    for line in out.fast:
        if line.pos in sites:
            known.count(out.evidence, line.chrom, line.pos, line.ref, tuple(line.alt.split(",")))


def _slow(text: bytes, start: int, end: int, out: Lines) -> None:
    out.slow.append((out.n_lines, start, end))
    cells = text[start:end].split(b"\t", 5)
    chrom = _contig(cells[0].strip(b"<>"))
    if len(cells) > 5 and chrom and cells[1].isdigit():
        ref, alts = cells[3].decode("utf-8", "replace").upper(), cells[4].decode("utf-8", "replace").upper()
        out.aside += [(chrom, *records.trimmed(int(cells[1]), ref, a)) for a in alts.split(",") if a.isalpha()]


@lru_cache(maxsize=1024)
def _filter_is_sound(filters: bytes) -> bool:
    return all(part and part not in (b"0", b".") for part in filters.split(b";"))


def _variants(chrom: str, position: int, ref: str, alt: str) -> list[tuple[int, Key]]:
    """Trimmed variants by ALT number; none where an ALT changes several bases at once, or two ALTs are one variant."""
    if alt == ".":
        return [(1, (chrom, position, ref, NO_ALT))]
    keys = []
    for number, one in enumerate(alt.split(","), start=1):
        where, r, a = records.trimmed(position, ref, one)
        if len(r) == len(a) and (len(r) > 1 or r == a):
            return []
        keys.append((number, (chrom, where, r, a)))
    return keys if len({k for _, k in keys}) == len(keys) else []


def _follow(runs: list[tuple[bytes, int, int]], contig: bytes, position: int) -> None:
    if runs and runs[-1][0] == contig:
        if position < runs[-1][2]:
            raise UnfitError
        runs[-1] = (contig, runs[-1][1], position)
    else:
        runs.append((contig, position, position))


def check_order(runs: Iterable[tuple[bytes, int, int]]) -> None:
    """Raises UnfitError unless positions rise and every contig stands in one place, over all pieces."""
    done: set[bytes] = set()
    contig, last = b"", 0
    for name, first, end in runs:
        if name != contig:
            if name in done:
                raise UnfitError
            done.add(name)
        elif first < last:
            raise UnfitError
        contig, last = name, end


def _given_twice(lines: list[Line], aside: list[Key]) -> set[int]:
    """Places of lines that share a variant with another line."""
    several = [k[1] for line in lines if line.variants for k in {key for _, key in line.variants}]
    positions = [line.pos for line in lines if not line.variants] + several + [k[1] for k in aside]
    values, counts = np.unique(np.array(positions, dtype=np.int64), return_counts=True)
    crowded = set(values[counts > 1].tolist())
    if not crowded:
        return set()
    near = [(i, k) for i, line in enumerate(lines) if line.variants or line.pos in crowded
            for _, k in line.keys if k[1] in crowded and k[3] != NO_ALT]  # fmt: skip
    seen = Counter([*(k for _, k in near), *aside])
    return {i for i, k in near if seen[k] > 1}


def _set_aside(out: Lines, places: set[int]) -> None:
    if places:
        moved = [out.fast[i] for i in places]
        out.slow = sorted([*out.slow, *((line.number, line.start, line.end) for line in moved)])
        out.fast = [line for i, line in enumerate(out.fast) if i not in places]


def _fits(line: Line, reference: Bases) -> bool:
    return all(
        all(b in ("N", r) for b, r in zip(reference.bases(chrom, position, len(ref)), ref, strict=True))
        for _, (chrom, position, ref, _) in line.keys
    )


def _edges(out: Lines) -> None:
    """Variants near the ends of the piece: they must not stand in a neighbouring piece as well."""
    if not out.runs:
        return
    (_, first, _), (_, _, last) = out.runs[0], out.runs[-1]
    for lines, found, low, high in (
        (out.fast, out.head, 0, first + _NEAR),
        (reversed(out.fast), out.tail, last - _NEAR, last + _NEAR),
    ):
        for line in lines:
            if not low - _NEAR <= line.pos <= high:
                break
            found.update(k for _, k in line.keys if low <= k[1] <= high and k[3] != NO_ALT)
        found.update(k for k in out.aside if low <= k[1] <= high)
