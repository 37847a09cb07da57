"""Bases that fragments of one of two nearly identical genes carry at given positions, as a likelihood needs them.

A fragment (both mates of a pair) may lie at either gene. Whose it is follows from the sites at which the genes differ,
the position in question left out: a variant whose base is the twin's must not send its own carriers away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.reads.alignments import MINIMUM_BASE_QUALITY, MINIMUM_MAPPING_QUALITY, UNUSED
from consilium.genomics.reads.paralogues import align
from consilium.genomics.stars.observed import UNDOCUMENTED, spellings, trimmed
from consilium.genomics.stars.tables import Locus

if TYPE_CHECKING:
    import pysam

    from consilium.genomics.reads.paralogues import Sites

OWN_SITES = 2  # more sites of the gene than of the twin; a mapping quality that speaks for one place counts as one
_SPANNED = 10  # bases on both sides of an insertion or deletion that a read must cover
_INDEL_ERROR = 0.01
_LEAST_ERROR = 0.003
_MATCHED, _INSERTED, _DELETED, _SKIPPED, _CLIPPED = (0, 7, 8), 1, 2, 3, 4  # CIGAR operations
FILE = "cyp2d6_bases.npy"
SEEN = np.dtype([("fragment", "<i4"), ("locus", "<i2"), ("code", "i1"), ("error", "<f4")])

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Twin:
    """The gene and its twin in the reference. own, other: places (column,) as of `paralogues.align`, 0-based on the
    chromosome, -1 = gap. start, bases: where the gene's stretch begins, and its bases; `twin_bases` by place."""

    own: Ints
    other: Ints
    start: int
    bases: str
    twin_bases: dict[int, str]

    @classmethod
    def of(cls, gene: str, start: int, twin: str, twin_start: int) -> Twin:
        """Of two stretches of the reference that begin at those 0-based places."""
        own, other = align(gene, twin)
        own, other = (np.where(c >= 0, c + at, -1) for c, at in ((own, start), (other, twin_start)))
        return cls(own, other, start, gene.upper(), dict(enumerate(twin.upper(), start=twin_start)))

    def beside(self) -> dict[int, int]:
        """Place in the gene -> place in the twin, where neither has a gap."""
        both = (self.own >= 0) & (self.other >= 0)
        return dict(zip(self.own[both].tolist(), self.other[both].tolist(), strict=True))


def twin_codes(loci: Sequence[Locus], twin: Twin) -> npt.NDArray[np.int8]:
    """(locus,) code of the twin's base at each position; UNDOCUMENTED where it is another one, or not known."""
    beside = twin.beside()
    out = np.full(len(loci), UNDOCUMENTED, dtype=np.int8)
    for i, locus in enumerate(loci):
        base = twin.twin_bases.get(beside.get(locus.pos - 1, -1), "")
        choice = (locus.ref, *locus.alts)
        if not locus.is_indel and base in choice:
            out[i] = choice.index(base)
    return out


def seen(
    alignments: pysam.AlignmentFile, name: str, sites: Sites, loci: Sequence[Locus], twin: Twin
) -> npt.NDArray[Any]:
    """One row (SEEN) a fragment of the gene and locus: code of the base as in `stars.observed`, chance of an error.

    Rows are sorted; a fragment whose mates both cover a locus has one row, of the better base.
    """
    gathered = _Gathered(sites, loci, twin)
    for place, where in enumerate((sites.own, sites.other)):
        for read in alignments.fetch(name, int(where.min()) - 200, int(where.max()) + 200):
            if not read.flag & UNUSED and read.query_qualities is not None:
                gathered.add(read, place)
    return gathered.rows(twin_codes(loci, twin))


class _Gathered:
    """Bases at sites and loci, read by read."""

    def __init__(self, sites: Sites, loci: Sequence[Locus], twin: Twin) -> None:
        beside = twin.beside()
        plain = [i for i, locus in enumerate(loci) if not locus.is_indel]
        self.indels = [i for i, locus in enumerate(loci) if locus.is_indel]
        self.loci, self.twin = loci, twin
        self.codes = {i: {b: c for c, b in enumerate((loci[i].ref, *loci[i].alts))} for i in plain}
        self.known = {spelled: (i, c) for i in self.indels for spelled, c in spellings(loci[i]).items()}
        at = [{loci[i].pos - 1: i for i in plain}, {beside[p]: i for i in plain if (p := loci[i].pos - 1) in beside}]
        self.locus_at = [_sorted(d) for d in at]
        self.site_at = [_sorted(dict(zip(w.tolist(), range(len(sites)), strict=True)))
                        for w in (sites.own, sites.other)]  # fmt: skip
        self.bases = sites.own_base, sites.other_base
        self.site_of = {i: k for i in plain for k, p in enumerate(sites.own.tolist()) if p == loci[i].pos - 1}
        self.number: dict[str, int] = {}
        self.seen: list[tuple[int, int, int, float]] = []
        self.votes: dict[tuple[int, int], int] = {}  # (fragment, site): 1 the gene's base, -1 the twin's
        self.placed: dict[int, int] = {}

    def add(self, read: pysam.AlignedSegment, place: int) -> None:
        """place: 0 = aligned to the gene, 1 = to its twin."""
        fragment = self.number.setdefault(str(read.query_name), len(self.number))
        if read.mapping_quality >= MINIMUM_MAPPING_QUALITY:
            self.placed[fragment] = (-1) ** place
        letters = np.frombuffer(str(read.query_sequence).encode(), dtype=np.uint8)
        quality = np.asarray(read.query_qualities, dtype=float)
        for start, n, shift in ((p, n, p - q) for kind, n, p, q in _steps(read) if kind in _MATCHED):
            for k, p in _within(self.site_at[place], start, start + n):
                if quality[p - shift] >= MINIMUM_BASE_QUALITY:
                    letter = letters[p - shift]
                    self.votes[fragment, k] = int(letter == self.bases[0][k]) - int(letter == self.bases[1][k])
            for i, p in _within(self.locus_at[place], start, start + n):
                if quality[p - shift] >= MINIMUM_BASE_QUALITY:
                    code = self.codes[i].get(chr(letters[p - shift]), UNDOCUMENTED)
                    self.seen.append((fragment, i, code, max(10 ** (-quality[p - shift] / 10), _LEAST_ERROR)))
        if place == 0:
            self._add_indels(read, fragment)

    def _add_indels(self, read: pysam.AlignedSegment, fragment: int) -> None:
        """Insertions and deletions are read where the gene itself is aligned to."""
        spanned = [i for i in self.indels if self.loci[i].pos - 1 - _SPANNED >= read.reference_start
                   and self.loci[i].last + _SPANNED <= int(read.reference_end or 0)]  # fmt: skip
        if not spanned:
            return
        changes = list(_changes(read, self.twin))
        found = dict(self.known[c] for c in changes if c in self.known)
        strange = [c for c in changes if c not in self.known]
        for i in spanned:
            near = any(self.loci[i].pos <= pos <= self.loci[i].last for pos, _, _ in strange)
            code = found.get(i, UNDOCUMENTED if near else 0)
            self.seen.append((fragment, i, code, _INDEL_ERROR))

    def rows(self, twin: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
        """`seen` of the fragments that are the gene's."""
        net: dict[int, int] = dict.fromkeys(self.number.values(), 0)
        for (fragment, _), vote in self.votes.items():
            net[fragment] += vote
        kept: dict[tuple[int, int], tuple[int, float]] = {}
        for fragment, i, code, error in self.seen:
            sites = net[fragment] - self.votes.get((fragment, self.site_of.get(i, -1)), 0)
            placed = self.placed.get(fragment, 0)
            # Where the twin has another base than the reference, where a read was placed may be that base's doing.
            unlike = twin[i] > 0 or i in self.site_of
            own = sites + placed >= OWN_SITES or (sites >= 0 and placed > 0 and not unlike)
            if own and error < kept.get((fragment, i), (0, 1.0))[1]:
                kept[fragment, i] = code, error
        return np.array([(f, i, *value) for (f, i), value in sorted(kept.items())], dtype=SEEN)


def _sorted(places: dict[int, int]) -> tuple[Ints, list[int]]:
    ordered = sorted(places)
    return np.array(ordered, dtype=np.int64), [places[p] for p in ordered]


def _within(table: tuple[Ints, list[int]], start: int, end: int) -> list[tuple[int, int]]:
    """(index, place) of the places from start up to, but not including, end."""
    places, index = table
    low, high = np.searchsorted(places, (start, end)).tolist()
    return [(index[j], int(places[j])) for j in range(low, high)]


def _steps(read: pysam.AlignedSegment) -> Iterator[tuple[int, int, int, int]]:
    """(kind, length, place, offset in the read) of every CIGAR operation."""
    place, offset = read.reference_start, 0
    for kind, n in read.cigartuples or ():
        yield kind, n, place, offset
        place += n if kind in (*_MATCHED, _DELETED, _SKIPPED) else 0
        offset += n if kind in (*_MATCHED, _INSERTED, _CLIPPED) else 0


def _changes(read: pysam.AlignedSegment, twin: Twin) -> Iterator[tuple[int, str, str]]:
    """Insertions and deletions inside the gene's stretch, as (position, REF, ALT) in their shortest spelling."""
    for kind, n, place, offset in _steps(read):
        before = place - 1 - twin.start
        if kind in (_INSERTED, _DELETED) and 0 <= before < len(twin.bases) - n:
            anchor = twin.bases[before]
            gone = twin.bases[before + 1 : before + 1 + n] if kind == _DELETED else ""
            come = str(read.query_sequence)[offset : offset + n] if kind == _INSERTED else ""
            yield trimmed(place, anchor + gone, anchor + come)
