"""The table of windows: of each kept variant of a patient the reference and the patient's own sequence around it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.genomics.cohort.genotypes import ABSENT, MISSING
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.known_bases import Bases
from consilium.genomics.windows.aligned import Change, Span, window
from consilium.genomics.windows.chosen import Chosen, key_of, parts, place_of

if TYPE_CHECKING:
    from consilium.genomics.cohort.genotypes import Genotypes, Record
    from consilium.genomics.findings.assessed import Looked

Array = np.ndarray
Row = dict[str, Any]


def rows(
    store: Genotypes, chosen: Chosen, looked: Mapping[str, Looked], bases: Bases, length: int
) -> list[Row]:  # fmt: skip
    """Rows of table dna_windows, by sample and place.

    Known of a patient's sequence are the bases that were looked at (`looked`) and the records with a call; nothing
    else. A heterozygous neighbour whose strand is not known beside the variant's is unknown too.
    """
    records = chosen.records
    wanted: dict[int, list[int]] = {}  # place -> samples
    for sample, mine in chosen.carried.items():
        for _, place in mine.heap:
            wanted.setdefault(place, []).append(sample)
    reach = length + max((len(r.alleles[0]) for r in records), default=0)
    out: list[Row] = []
    for part in parts(records, reach):
        kept = [i for i in part if i in wanted]
        if kept:
            around = _Around(store, bases, [records[i] for i in part], part.start, reach)
            for i in kept:
                for sample in wanted[i]:
                    out.append(_row(store.samples[sample], sample, i, around, chosen, looked, bases, length))
    order = {s: i for i, s in enumerate(store.samples)}
    return sorted(out, key=lambda r: (order[r["patient"]], CONTIGS.index(r["chrom"]), r["pos"], r["ref"], r["alt"]))


def _row(
    patient: str, sample: int, i: int, around: _Around, chosen: Chosen, looked: Mapping[str, Looked], bases: Bases,
    length: int,
) -> Row:  # fmt: skip
    chrom, pos, ref, alt = key_of(chosen.records[i])
    seen, hidden, others = around.of(i, sample)
    span = (pos - length, pos + len(ref) + length)
    seen += list(_spans(looked.get(patient), chrom, *span))
    reference, sequence = window(bases, chrom, Change(pos, ref, alt), length, seen, hidden, others)
    return {
        "patient": patient, "chrom": chrom, "pos": pos, "ref": ref, "alt": alt, "copies": around.copies(i, sample),
        "carried": chosen.carried[sample].number, "reference": reference, "sequence": sequence,
    }  # fmt: skip


def _spans(looked: Looked | None, chrom: str, low: int, high: int) -> Iterator[Span]:
    """The bases between low and high that were looked at."""
    intervals = looked.intervals if looked else ()
    at = max(bisect_right(intervals, (chrom, low, 1 << 60)) - 1, 0)
    for c, start, end in intervals[at:]:
        if (c, start) > (chrom, high):
            return
        if c == chrom and end >= low:
            yield start + 1, end


class _Around:
    """Calls of neighbouring records, and what they say of the strand that carries a variant."""

    def __init__(self, store: Genotypes, bases: Bases, records: Sequence[Record], begin: int, reach: int) -> None:
        self.records, self.begin, self.reach = records, begin, reach
        numbers = [r.row for r in records]
        self.calls, self.phased, self.sets = store.calls(numbers), store.phased(numbers), store.phase_sets(numbers)
        self.places = [(place_of(r), r.pos) for r in records]
        self.fits = [bases.bases(CONTIGS[at], pos, len(r.alleles[0])) == r.alleles[0]
                     for (at, pos), r in zip(self.places, records, strict=True)]  # fmt: skip

    def copies(self, i: int, sample: int) -> int:
        return int((self.calls[i - self.begin, sample] == 1).sum())

    def of(self, i: int, sample: int) -> tuple[list[Span], list[Span], list[Change]]:
        """(tested to be reference, not known, further changes) of the strand that carries record i in this sample."""
        own = i - self.begin
        chrom, pos = self.places[own]
        seen: list[Span] = []
        others: list[Change] = []
        hidden: list[Span] = []
        low = bisect_left(self.places, (chrom, pos - self.reach))
        high = bisect_right(self.places, (chrom, pos + self.reach))
        for j in range(low, high):
            if j == own:
                continue
            alleles = self.records[j].alleles
            change = Change(self.records[j].pos, alleles[0], alleles[1] if len(alleles) > 1 else alleles[0])
            allele = self._allele(own, j, sample)
            if allele == 1 and self.fits[j] and len(alleles) == 2 and alleles[1].isalpha():
                others.append(change)
            elif allele != 0 or not self.fits[j]:
                hidden.append(change.span)
            elif len(alleles) == 1 or len(alleles[0]) == len(alleles[1]) == 1:
                seen.append(change.span)  # that an insertion or deletion is not there says little of its bases
        return seen, hidden, others

    def _allele(self, own: int, other: int, sample: int) -> int:
        """Allele of record `other` on the strand that carries `own`; MISSING where that is not known."""
        mine, there = self.calls[own, sample], self.calls[other, sample]
        carrying = mine == 1
        same = there[there != ABSENT]
        alike = len(same) and (same == same[0]).all()  # both strands have it, or neither
        ordered = (
            self.phased[own, sample] and self.phased[other, sample]
            and self.sets[own, sample] == self.sets[other, sample]
        )  # fmt: skip
        if not alike and not ordered and not carrying[mine != ABSENT].all():
            return MISSING
        found = {int(a) for a in there[carrying] if a != ABSENT}
        return found.pop() if len(found) == 1 else MISSING
