"""A piece of VCF text as lines: those that can be taken as they stand, and all others, which the full reader gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from consilium.genomics.ascending import find
from consilium.genomics.decoding.heads import Heads, joined, plain_lines
from consilium.genomics.decoding.lines import Key, Line, UnfitError, contig_of, read, told
from consilium.genomics.intake.build import CONTIGS, KnownSites, SiteEvidence
from consilium.genomics.intake.calls import NO_ALT
from consilium.genomics.intake.known_bases import Bases

_NEAR = 1000  # bases around a cut within which a variant may stand on both sides in different forms
_COMMENT, _NEWLINE = b"#\n"
_LOOK, _LONG = 1 << 16, 1000  # bytes at a piece's start; lines of more bytes are found faster one by one

Ints = npt.NDArray[np.int64]
Run = tuple[bytes, int, int]  # contig, first and last position


@dataclass
class Lines:
    """All lines of a piece. slow: (number, start, end) of those for the full reader; aside: their variants, as far as
    they can be told; runs: stretches of one contig; head, tail: variants near the ends of the piece."""

    fast: Heads
    slow: list[tuple[int, int, int]]
    runs: list[Run]
    n_other_contigs: int
    aside: list[Key]
    n_lines: int = 0
    n_filtered: int = 0
    evidence: SiteEvidence = field(default_factory=SiteEvidence)
    head: set[Key] = field(default_factory=set)
    tail: set[Key] = field(default_factory=set)


def split(
    text: bytes, start: int, in_full: int, known: KnownSites | None, reference: Bases | None, every: int = 0
) -> Lines:
    """Lines of `text` from `start` on, each with its end; the first `in_full`, and one of `every` (0: none), go to the
    full reader whatever they are.

    Raises UnfitError where the order of records is not that of a VCF.
    """
    starts, ends = _ends(text, start)
    letters = np.frombuffer(text, dtype=np.uint8)
    data = np.flatnonzero(ends > starts)
    data = data[letters[starts[data]] != _COMMENT]
    asked = (data < in_full) | ((data % every == 0) if every else False)
    out = _sorted(text, data, starts[data], ends[data], asked)
    out.n_lines = len(starts)
    if known is not None:
        _count_known(out, known)
    _set_aside(out, _given_twice(out.fast, out.aside))
    if reference is not None:
        known_at = np.flatnonzero(~out.fast.plain | reference.tells(out.fast.pos))
        _set_aside(out, np.array([i for i in known_at if not _fits(out.fast.line(i), reference)], dtype=np.int64))
    _edges(out)
    filtered = [line.number for line in out.fast.other.values() if line.filtered]
    gone = np.isin(out.fast.number, filtered)
    out.n_filtered = int(gone.sum())
    if out.n_filtered:
        out.fast = out.fast.part(~gone)
    return out


def _ends(text: bytes, start: int) -> tuple[Ints, Ints]:
    """(starts, ends) of all lines from `start` on, without their line ends; `text` ends in one."""
    if text.count(b"\n", start, start + _LOOK) * _LONG > _LOOK:  # short lines
        found = np.flatnonzero(np.frombuffer(text, dtype=np.uint8)[start:] == _NEWLINE) + start
    else:
        ends, place = [], text.find(b"\n", start)
        while place >= 0:
            ends.append(place)
            place = text.find(b"\n", place + 1)
        found = np.array(ends, dtype=np.int64)
    return np.concatenate([[start], found[:-1] + 1])[: len(found)], found


def _sorted(text: bytes, number: Ints, start: Ints, end: Ints, in_full: npt.NDArray[np.bool_]) -> Lines:
    """Every line at its place: plain ones together, others one by one; `in_full` (line,): for the full reader."""
    heads, chosen, names = plain_lines(text, number, start, end)
    chrom = [contig_of(name) for name in names]
    heads = heads.part(~in_full[chosen])
    chosen &= ~in_full
    contig, pos = np.full(len(number), -1, dtype=np.int64), np.zeros(len(number), dtype=np.int64)
    contig[chosen], pos[chosen] = heads.contig, heads.pos
    place = {name: i for i, name in enumerate(names)}
    lines: list[Line] = []
    slow: list[tuple[int, int, int]] = []
    n_other = 0
    for i in np.flatnonzero(~chosen):
        at = (int(number[i]), int(start[i]), int(end[i]))
        found = read(text, *at, in_full=bool(in_full[i]))
        if found.contig:
            contig[i], pos[i] = place.setdefault(found.contig, len(place)), found.pos
        if found.line is not None:
            lines.append(found.line)
        elif found.elsewhere:
            n_other += 1
        else:
            slow.append(at)
    here = np.array([-1 if c is None else CONTIGS.index(c) for c in chrom], dtype=np.int64)[heads.contig]
    fast = joined([replace(heads, contig=here).part(here >= 0)], lines)
    aside = [key for _, a, b in slow for key in told(text, a, b)]
    return Lines(fast, slow, _runs(list(place), contig, pos), n_other + int((here < 0).sum()), aside)


def _runs(names: list[bytes], contig: Ints, pos: Ints) -> list[Run]:
    """Of lines (line,) whose place is known (contig >= 0). Raises UnfitError where positions fall within a contig."""
    contig, pos = contig[contig >= 0], pos[contig >= 0]
    same = contig[1:] == contig[:-1]
    if (same & (pos[1:] < pos[:-1])).any():
        raise UnfitError
    first = np.flatnonzero(np.append(True, ~same)[: len(contig)])
    last = np.append(first[1:], len(contig)) - 1
    return [(names[contig[a]], int(pos[a]), int(pos[b])) for a, b in zip(first, last[: len(first)], strict=True)]


def check_order(runs: Iterable[Run]) -> None:
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


@lru_cache(maxsize=2)
def _positions(known: KnownSites) -> Ints:
    return np.unique([p for _, p in (*known.grch38, *known.grch37)])


def _count_known(out: Lines, known: KnownSites) -> None:
    for i in np.flatnonzero(find(_positions(known), out.fast.pos)[1]):
        line = out.fast.line(i)
        known.count(out.evidence, line.chrom, line.pos, line.ref, tuple(line.alt.split(",")))


def _given_twice(lines: Heads, aside: list[Key]) -> Ints:
    """Places of lines that share a variant with another line."""
    plain = lines.plain
    several = [key[1] for i in np.flatnonzero(~plain) for key in {k for _, k in lines.line(i).keys}]
    positions = np.concatenate([lines.pos[plain], np.array([*several, *(k[1] for k in aside)], dtype=np.int64)])
    values, counts = np.unique(positions, return_counts=True)
    crowded = values[counts > 1]
    if not len(crowded):
        return np.zeros(0, dtype=np.int64)
    several_at = set(crowded.tolist())
    near = [(i, k) for i in np.flatnonzero(~plain | find(crowded, lines.pos)[1]) for _, k in lines.line(i).keys
            if k[1] in several_at and k[3] != NO_ALT]  # fmt: skip
    seen = Counter([*(k for _, k in near), *aside])
    return np.unique(np.array([i for i, k in near if seen[k] > 1], dtype=np.int64))


def _set_aside(out: Lines, places: Ints) -> None:
    """Leave the lines at these places to the full reader."""
    if not len(places):
        return
    moved = [out.fast.line(i) for i in places]
    out.slow = sorted([*out.slow, *((line.number, line.start, line.end) for line in moved)])
    out.aside += [key for line in moved for _, key in line.keys]
    keep = np.ones(len(out.fast), dtype=bool)
    keep[places] = False
    out.fast = out.fast.part(keep)


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
    pos = out.fast.pos
    for found, low, high in ((out.head, 0, first + _NEAR), (out.tail, last - _NEAR, last + _NEAR)):
        for i in np.flatnonzero((pos >= low - _NEAR) & (pos <= high)):
            found.update(k for _, k in out.fast.line(i).keys if low <= k[1] <= high and k[3] != NO_ALT)
        found.update(k for k in out.aside if low <= k[1] <= high)
