"""Compares ClinVar's variants with the cohort's genotypes: who carries one, and who was tested at its site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.genotypes import ABSENT, MISSING, Genotypes, Record, bare
from consilium.genomics.intake.build import in_par

if TYPE_CHECKING:
    from consilium.genomics.findings.clinvar import Entry
    from consilium.genomics.findings.regions import Interval

_CHUNK = 2_000  # entries compared at a time: the calls of their rows are held in memory
How = tuple["Strands", int | None, bool]  # strands, phase set, sure: as in Carrier
Strands = tuple[int, int]  # 1 carries the variant, 0 does not, MISSING, ABSENT (no second strand)


@dataclass(frozen=True)
class Carrier:
    """One patient with one variant. phase_set: strands of calls with the same one may be compared; None: unordered.

    sure: False where the bases of one variant are called in several rows whose strands are not known.
    """

    patient: str
    entry: Entry
    strands: Strands
    phase_set: int | None
    sure: bool = True

    @property
    def copies(self) -> int:
        return sum(s == 1 for s in self.strands)


@dataclass
class Compared:
    """carriers: in the order of the entries. tested: gene -> (patient,) sites of its variants with a full call.

    silent: gene -> sites of which nobody's file holds a row; where such a site is callable in a patient, it was tested.
    """

    carriers: list[Carrier]
    tested: dict[str, npt.NDArray[np.int64]]
    n_sites: dict[str, int]
    silent: dict[str, list[Interval]]


@dataclass(frozen=True)
class _Calls:
    """Rows at the positions of a chunk of entries, and their calls (row, sample, …)."""

    rows: dict[tuple[str, int], list[tuple[int, Record]]]
    strands: npt.NDArray[np.int8]
    phased: npt.NDArray[np.bool_]
    sets: npt.NDArray[np.int64]


def compare(entries: Sequence[Entry], store: Genotypes) -> Compared:
    """Carriers and tested sites among `store.samples`. A site without a row, or without a call, is not tested."""
    n = len(store.samples)
    out = Compared([], {}, {}, {})
    order = sorted(entries, key=lambda e: (e.chrom, e.pos, e.ref, e.alt))
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        calls = _calls(part, store)
        for entry in part:
            carried, tested = _state(entry, calls, n)
            for gene in entry.genes:
                out.n_sites[gene] = out.n_sites.get(gene, 0) + 1
                out.tested.setdefault(gene, np.zeros(n, dtype=np.int64))
                out.tested[gene] += tested
                if not any((bare(entry.chrom), p) in calls.rows for p, _, _ in parts(entry)):
                    site = (entry.chrom, entry.pos - 1, entry.pos - 1 + len(entry.ref))
                    out.silent.setdefault(gene, []).append(site)
            out.carriers += [Carrier(store.samples[i], entry, *how) for i, how in carried]
    return out


def parts(entry: Entry) -> list[tuple[int, str, str]]:
    """The rows that a variant has in the store: a change of several bases of equal number is one row a base."""
    if len(entry.ref) != len(entry.alt):
        return [(entry.pos, entry.ref, entry.alt)]
    pairs = enumerate(zip(entry.ref, entry.alt, strict=True))
    return [(entry.pos + i, r, a) for i, (r, a) in pairs if r != a]


def _calls(entries: Sequence[Entry], store: Genotypes) -> _Calls:
    sites = sorted({(bare(e.chrom), p) for e in entries for p, _, _ in parts(e)})
    found = store.rows_at([c for c, _ in sites], np.arange(len(sites)), np.array([p for _, p in sites], dtype=np.int64))
    rows: dict[tuple[str, int], list[tuple[int, Record]]] = {}
    for i, record in enumerate(store.records(found)):
        rows.setdefault((record.chrom, record.pos), []).append((i, record))
    return _Calls(rows, store.calls(found), store.phased(found), store.phase_sets(found))


def _state(entry: Entry, calls: _Calls, n: int) -> tuple[Iterator[tuple[int, How]], np.ndarray]:
    """Carriers (sample, how), and who was tested (sample,)."""
    rows, tested = [], np.ones(n, dtype=bool)
    for position, ref, alt in parts(entry):
        here = calls.rows.get((bare(entry.chrom), position), [])
        own = next((i for i, r in here if r.alleles[0] == ref and r.alleles[1:2] == (alt,)), None)
        rows.append(own)
        tested &= _tested(here, ref, own, calls, n)
    if not rows or any(own is None for own in rows):
        return iter(()), tested
    return _carried([own for own in rows if own is not None], calls), tested


def _tested(here: list[tuple[int, Record]], ref: str, own: int | None, calls: _Calls, n: int) -> npt.NDArray[np.bool_]:
    """Who has a full call that says whether the variant is there.

    The variant's own row does; a row of reference bases over all of REF does; at one base any row of one does.
    """
    out = np.zeros(n, dtype=bool)
    for i, record in here:
        plain = len(record.alleles) == 1
        if i == own or (plain and len(record.alleles[0]) >= len(ref)) or (
            len(ref) == 1 and record.alleles[0] == ref and (plain or len(record.alleles[1]) == 1)
        ):  # fmt: skip
            out |= (calls.strands[i] != MISSING).all(axis=1)
    return out


def _carried(rows: list[int], calls: _Calls) -> Iterator[tuple[int, How]]:
    strands = calls.strands[rows]  # (part, sample, strand)
    candidates = np.flatnonzero((strands == 1).any(axis=2).all(axis=0))
    for i in candidates:
        phased = bool(calls.phased[rows, i].all())
        joined, sure = _joined([(int(s[0]), int(s[1])) for s in strands[:, i]], phased)
        if 1 in joined:
            yield int(i), (joined, int(calls.sets[rows[0], i]) if phased else None, sure)


def _joined(found: list[Strands], phased: bool) -> tuple[Strands, bool]:
    """Strands that carry every part; whether that is sure. Unordered heterozygous parts may lie on two strands."""
    if len(found) == 1:
        return found[0], True
    if all(f == found[0] for f in found) and (phased or found[0] in ((1, 1), (1, ABSENT))):
        return found[0], True
    if phased:
        return (_least([f[0] for f in found]), _least([f[1] for f in found])), True
    full = [f for f in found if f == (1, 1)]
    return (1, 0), len(full) >= len(found) - 1


def _least(values: list[int]) -> int:
    return ABSENT if ABSENT in values else 0 if 0 in values else MISSING if MISSING in values else 1


def zygosity(carrier: Carrier, sex: str) -> tuple[str, str]:
    """(zygosity, remark). A man has one X outside the pseudo-autosomal regions, whatever the file's ploidy."""
    chrom, one, two = carrier.entry.chrom, *sorted(carrier.strands, reverse=True)
    if chrom == "chrM":
        return (
            ("mitochondrial", "") if carrier.copies == 2 or two == ABSENT else ("mitochondrial", "heteroplasmic call")
        )
    if two == ABSENT:
        return "hemizygous", ""
    haploid = chrom == "chrY" or (chrom == "chrX" and sex == "male" and not in_par(carrier.entry.pos))
    if carrier.copies == 2:
        return ("hemizygous", "given as homozygous") if haploid else ("homozygous", "")
    if two == MISSING:
        return "one copy at least", "the other strand has no call"
    if haploid:
        return "heterozygous", "not possible there in a man: check sex and call"
    return ("heterozygous", "") if one == 1 else ("none", "")


def relation(first: Carrier, second: Carrier) -> str:
    """trans, cis, or unknown: whether two heterozygous variants of one patient lie on different strands."""
    if first.phase_set is None or first.phase_set != second.phase_set or not (first.sure and second.sure):
        return "unknown"
    return "cis" if any(a == b == 1 for a, b in zip(first.strands, second.strands, strict=True)) else "trans"
