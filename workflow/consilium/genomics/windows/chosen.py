"""Which variants get a window: those of the wanted kind in the wanted regions, a limited number of each patient."""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.genomics.findings.consequences import contig_names, records_in
from consilium.genomics.findings.frequencies import Key, read_frequencies
from consilium.genomics.findings.regions import Interval, merged
from consilium.genomics.findings.verdicts import TRUNCATING
from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.known_bases import Bases

if TYPE_CHECKING:
    import pandas as pd

    from consilium.genomics.cohort.genotypes import Genotypes, Record

CHUNK = 1_000  # rows of the store in memory
LISTED = 20  # problems of one kind; the rest is counted
CHANGING = TRUNCATING | {"missense"}


@dataclass(frozen=True)
class Wanted:
    """select: rare (by `frequencies`), consequence (by the table of consequences, rare where that is known) or all."""

    select: str
    length: int
    most: int
    rare: float
    frequencies: Path | None = None
    consequences: pd.DataFrame | None = None


@dataclass
class Carried:
    """Of one patient: how many wanted variants, and the places of those kept, largest hash on top."""

    number: int = 0
    heap: list[tuple[int, int]] = field(default_factory=list)

    def put(self, value: int, place: int, most: int) -> None:
        self.number += 1
        if len(self.heap) == most:
            heapq.heappushpop(self.heap, (-value, place))
        else:
            heapq.heappush(self.heap, (-value, place))


@dataclass
class Chosen:
    """records: in order, `wanted` and their neighbours. carried: sample -> what is kept of it (places in records)."""

    records: list[Record]
    carried: dict[int, Carried]
    problems: list[Problem]


def choose(store: Genotypes, intervals: list[Interval], bases: Bases, fasta: Path, wanted: Wanted) -> Chosen:
    """The variants of each sample. Kept are those of smallest hash of the variant: the same in everybody who has them.

    A variant whose REF is not what the FASTA says, or on a contig that it lacks, is left out and is a problem.
    """
    beside = [(c, max(s - wanted.length, 0), e + wanted.length) for c, s, e in intervals]
    records = sorted(records_in(store, merged(beside)), key=lambda r: (place_of(r), r.pos, r.row))
    regions = merged(intervals)
    among = [i for i, r in enumerate(records) if _spelled(r) and _inside(r, regions)]
    of_kind = _of_kind(records, among, wanted)
    out = Chosen(records, {}, [])
    good: dict[int, bool] = {}
    refused = _Refused(bases, fasta)
    for part in parts(records, 0):
        mine = [i for i in part if i in of_kind]
        calls = store.calls([records[i].row for i in mine])
        for i, strands in zip(mine, calls, strict=True):
            carriers = np.flatnonzero((strands == 1).any(axis=1))
            if len(carriers) and good.setdefault(i, refused.fits(records[i])):
                value = _hash(key_of(records[i]))
                for sample in carriers:
                    out.carried.setdefault(int(sample), Carried()).put(value, i, wanted.most)
    out.problems = refused.listed()
    return out


def parts(records: Sequence[Record], reach: int) -> Iterator[range]:
    """Places in `records` in parts of CHUNK at least; records of two parts are more than `reach` bases apart."""
    begin = 0
    for i in range(1, len(records) + 1):
        far = i == len(records) or (
            i - begin >= CHUNK
            and (records[i].chrom != records[i - 1].chrom or records[i].pos - records[i - 1].pos > reach)
        )
        if far:
            yield range(begin, i)
            begin = i


def place_of(record: Record) -> int:
    return CONTIGS.index(str(canonical(record.chrom)))


def key_of(record: Record) -> Key:
    return str(canonical(record.chrom)), record.pos, record.alleles[0], record.alleles[1]


def _spelled(record: Record) -> bool:
    return len(record.alleles) == 2 and not set("".join(record.alleles)) - set("ACGT")


def _inside(record: Record, regions: list[Interval]) -> bool:
    chrom, at = str(canonical(record.chrom)), record.pos - 1
    i = bisect_right(regions, (chrom, at, 1 << 60)) - 1
    return i >= 0 and regions[i][0] == chrom and at < regions[i][2]


def _of_kind(records: Sequence[Record], among: Sequence[int], wanted: Wanted) -> set[int]:
    """Those of `among` that `wanted.select` asks for."""
    keys = {i: key_of(records[i]) for i in among}
    table = wanted.consequences
    given = {"consequence": table, "rare": wanted.frequencies}
    if wanted.select in given and given[wanted.select] is None:
        found = f"select {wanted.select} without what tells it"
        raise InputError(Problem("windows", found, "consequences, or frequencies for rare", "supply them"))
    if wanted.select == "consequence" and table is not None:
        table = table[(table["biotype"] == "protein_coding") & (table["rare"].fillna(True).astype(bool))]
        changing = {(r.chrom, int(r.pos), r.ref, r.alt) for r in table.itertuples()
                    if CHANGING & set(r.consequence.split("&"))}  # fmt: skip
        return {i for i, key in keys.items() if key in changing}
    if wanted.select == "rare" and wanted.frequencies is not None:
        known = read_frequencies(wanted.frequencies, set(keys.values())) if keys else {}
        return {i for i, key in keys.items() if known.get(key, 0.0) <= wanted.rare}
    return set(among)


def _hash(key: Key) -> int:
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=7).digest(), "big")


class _Refused:
    """Variants that the FASTA does not fit."""

    def __init__(self, bases: Bases, fasta: Path) -> None:
        self.bases, self.file, self.known = bases, str(fasta), contig_names(fasta)
        self.lacking: dict[str, int] = {}
        self.other: list[Problem] = []

    def fits(self, record: Record) -> bool:
        chrom, pos, ref, _ = key_of(record)
        if chrom not in self.known:
            self.lacking[chrom] = self.lacking.get(chrom, 0) + 1
            return False
        said = self.bases.bases(chrom, pos, len(ref))
        if said != ref:
            found = f"{said} at {chrom}:{pos}, where a variant has REF {ref} (no window is made of it)"
            self.other.append(Problem(self.file, found, "the FASTA that the variants were called against",
                                      "supply that one, or correct the VCF"))  # fmt: skip
        return said == ref

    def listed(self) -> list[Problem]:
        out = [Problem(self.file, f"no contig {chrom}, on which {n} wanted variants lie (no window is made of them)",
                       "every chromosome of the VCFs", "supply a whole FASTA of GRCh38")
               for chrom, n in self.lacking.items()]  # fmt: skip
        out += self.other[:LISTED]
        if (more := len(self.other) - LISTED) > 0:
            found = f"{more} more variants of another REF"
            out.append(Problem(self.file, found, "see those listed", "mend them the same way"))
        return out
