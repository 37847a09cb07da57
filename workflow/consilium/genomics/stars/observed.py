"""From variant records to the base that each strand carries at every defining position of a gene.

A position counts as tested only if a record speaks of it: a substitution record that covers it, a record of the
reference base alone, or, for an insertion or deletion, a record anchored at its position. A site that no record
speaks of is untested, never reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.genotypes import ABSENT, MISSING, Calls, Genotypes, Record
from consilium.genomics.stars.tables import Gene, Locus

UNTESTED = -1
UNDOCUMENTED = -2  # a base that no allele definition knows
HALF_CALL = -3  # one strand called, the other not
UNPHASED = -1

_FLANK = 200  # bp around a gene's positions: a deletion may reach in, an indel may be spelled further right


@dataclass(frozen=True)
class Observed:
    """codes (sample, locus, strand): allele code of the locus, or one of the negatives above.

    block (sample, locus): phase set of the call, UNPHASED where its strands are not ordered.
    haploid (sample,): calls of one strand (X in men, mitochondria); codes then hold it twice.
    """

    codes: npt.NDArray[np.int8]
    block: npt.NDArray[np.int64]
    haploid: npt.NDArray[np.bool_]


def observe(genotypes: Genotypes, gene: Gene, halves: bool = False) -> Observed:
    """Bases of all samples at the defining positions of `gene`; halves: a half call keeps the one base."""
    return observe_loci(genotypes, gene.loci, gene.copies != "2", halves)


def observe_loci(
    genotypes: Genotypes, loci: Sequence[Locus], one_strand: bool = False, halves: bool = False
) -> Observed:
    """Bases of all samples at positions of one chromosome; one_strand: a call may have one strand only."""
    records = _records(genotypes, loci)
    known = {spelled for locus in loci for spelled in spellings(locus)}
    plans = [_plan(locus, records) for locus in loci]
    lost = [[(r, t) for r in records if (t := _deleted_table(locus, r, known))] for locus in loci]
    rows = sorted({record.row for plan in (*plans, *lost) for record, _ in plan})
    at = {row: i for i, row in enumerate(rows)}
    calls, phased, sets = genotypes.calls(rows), genotypes.phased(rows), genotypes.phase_sets(rows)
    n = len(genotypes.samples)
    single = (calls[:, :, 1] == ABSENT) & (calls[:, :, 0] >= 0) & one_strand
    calls[single, 1] = calls[single, 0]
    codes = np.full((n, len(loci), 2), UNTESTED, dtype=np.int8)
    block = np.zeros((n, len(loci)), dtype=np.int64)
    for i, plan in enumerate(plans):
        used = [at[record.row] for record, _ in plan]
        if not used:
            continue
        ordered = np.asarray(phased[used].all(axis=0))
        found = combine([_translate(calls[at[r.row]], table) for r, table in plan], ordered, halves)
        for record, table in lost[i]:
            gone = _translate(calls[at[record.row]], table) == UNDOCUMENTED
            found = np.where(gone & (found >= 0), UNDOCUMENTED, found)
        codes[:, i] = found
        block[:, i] = np.where(ordered, sets[used].max(axis=0), UNPHASED)
    return Observed(codes, block, np.asarray(single.any(axis=0)))


def with_file_bases(genotypes: Genotypes, gene: Gene) -> Gene:
    """The gene with every base that the files hold at its one-base positions as an alternative, after its own.

    No allele of the gene takes such a base: it can be named, but explained by none.
    """
    records = _records(genotypes, gene.loci)
    return replace(gene, loci=tuple(locus if locus.is_indel else _with_bases(locus, records) for locus in gene.loci))


def _with_bases(locus: Locus, records: Sequence[Record]) -> Locus:
    found = set()
    for record in records:
        if _base_table(locus, record) is not None:
            at = locus.pos - record.pos
            found |= {a[at].upper() for a in record.alleles[1:] if len(a) == len(record.alleles[0])}
    return replace(locus, alts=(*locus.alts, *sorted((found & set("ACGT")) - {locus.ref, *locus.alts})))


def _records(genotypes: Genotypes, loci: Sequence[Locus]) -> list[Record]:
    positions = [locus.pos for locus in loci]
    return list(genotypes.records(genotypes.rows(loci[0].chrom, min(positions) - _FLANK, max(positions) + _FLANK)))


def trimmed(pos: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Shortest spelling of a variant: common end removed first, then common start, one base always left."""
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    return pos, ref, alt


def spellings(locus: Locus) -> dict[tuple[int, str, str], int]:
    """Every equivalent spelling (trimmed) of the locus' alternatives -> code.

    Up to `last` the reference repeats the inserted or deleted bases: moved along, bases and anchor follow by rotation.
    """
    out = {}
    for code, alt in enumerate(locus.alts, start=1):
        pos, ref, short = trimmed(locus.pos, locus.ref, alt)
        moved = (ref if len(ref) > len(short) else short)[1:]
        out[(pos, ref, short)] = code
        room = locus.last - pos - (len(moved) if len(ref) > len(short) else 0)
        for k in range(1, room + 1) if moved and min(len(ref), len(short)) == 1 else ():
            anchor = moved[(k - 1) % len(moved)]
            turned = moved[k % len(moved) :] + moved[: k % len(moved)]
            pair = (anchor + turned, anchor) if len(ref) > len(short) else (anchor, anchor + turned)
            out[(pos + k, *pair)] = code
    return out


Plan = list[tuple[Record, list[int]]]


def _plan(locus: Locus, records: Sequence[Record]) -> Plan:
    """Records that speak of the locus, each with the locus code of every allele number."""
    table_of = _indel_table if locus.is_indel else _base_table
    return [(r, table) for r in records if (table := table_of(locus, r)) is not None]


def _base_table(locus: Locus, record: Record) -> list[int] | None:
    """For a one-base locus: the record must cover it and hold substitutions (or the reference) only."""
    ref = record.alleles[0]
    offset = locus.pos - record.pos
    plain = [a for a in record.alleles[1:] if a not in ("*", "<*>", "<NON_REF>", ".")]
    if not 0 <= offset < len(ref) or ref[offset].upper() != locus.ref:
        return None
    if any(len(a) != len(ref) or a.startswith("<") for a in plain):
        return None
    if offset and not plain:
        return None  # a longer REF without ALT starts elsewhere: it was not written for this position
    bases = [a[offset].upper() if len(a) == len(ref) and a != "*" else a for a in record.alleles]
    return [_code(locus, base) for base in bases]


def _code(locus: Locus, base: str) -> int:
    choice = (locus.ref, *locus.alts)
    return choice.index(base) if base in choice else UNDOCUMENTED


def _indel_table(locus: Locus, record: Record) -> list[int] | None:
    """For an insertion or deletion: the record must be anchored where the locus is."""
    known = spellings(locus)
    ref, alts = record.alleles[0], record.alleles[1:]
    spelled = [trimmed(record.pos, ref, a) for a in alts]
    if any(s in known for s in spelled):
        return [0, *(known.get(s, UNDOCUMENTED if len(s[1]) != len(s[2]) else 0) for s in spelled)]
    if record.pos != locus.pos or ref[0] != locus.ref[0]:
        return None
    changes = [a for a in alts if a not in ("<*>", "<NON_REF>", ".")]
    if changes and all(len(a) == len(ref) for a in changes):
        return None  # a substitution record says nothing of insertions
    return [0, *(0 if len(a) == len(ref) else UNDOCUMENTED for a in alts)]


def _deleted_table(locus: Locus, record: Record, known: set[tuple[int, str, str]]) -> list[int] | None:
    """A deletion that removes the locus: its carriers have no base there. Documented deletions are alleles."""
    ref = record.alleles[0]
    if locus.is_indel or not record.pos < locus.pos < record.pos + len(ref):
        return None
    table = [0]
    for alt in record.alleles[1:]:
        pos, short_ref, short_alt = trimmed(record.pos, ref, alt)
        removed = range(pos + len(short_alt), pos + len(short_ref))
        documented = (pos, short_ref, short_alt) in known
        table.append(UNDOCUMENTED if locus.pos in removed and not documented else 0)
    return table if UNDOCUMENTED in table else None


def _translate(calls: Calls, table: list[int]) -> Calls:
    """(sample, strand) allele numbers -> locus codes; not called and beyond ploidy -> UNTESTED."""
    lookup = np.array([*table, UNTESTED], dtype=np.int8)
    return np.asarray(lookup[np.where(calls <= MISSING, len(table), calls)])


def combine(parts: list[Calls], ordered: npt.NDArray[np.bool_], halves: bool = False) -> Calls:
    """One call per strand from every record of a locus.

    parts: (sample, strand) codes, one entry a record. A record without any call of the sample is ignored (files of
    several patients were merged: each lists only its own alternatives). Of the others, a strand is reference only if
    every record says so, and carries an alternative if one does; two different alternatives on one strand are
    UNDOCUMENTED. Where strands are not ordered, alternatives of several records are first dealt out to both strands.
    halves: where one strand was called, it stays beside an UNTESTED one; otherwise both are HALF_CALL.
    """
    out = parts[0].copy()
    for part in parts[1:]:
        other = np.where(ordered[:, None], part, _dealt(out, part))
        both = (out != 0) & (other != 0) & (out != UNTESTED) & (other != UNTESTED) & (out != other)
        merged = np.where((other != 0) & (other != UNTESTED) & ((out == 0) | (out == UNTESTED)), other, out)
        merged = np.where((other == UNTESTED) & (out == 0), UNTESTED, merged)
        merged = np.where(both, UNDOCUMENTED, merged)
        silent_out, silent_other = ((x == UNTESTED).all(axis=1, keepdims=True) for x in (out, other))
        out = np.where(silent_other, out, np.where(silent_out, other, merged)).astype(np.int8)
    half = ((out == UNTESTED).sum(axis=1) == 1) & (not halves)
    return np.where(half[:, None], HALF_CALL, out).astype(np.int8)


def _dealt(first: Calls, second: Calls) -> Calls:
    """Strands of `second` swapped where that avoids two alternatives on one strand."""
    clash = ((first != 0) & (second != 0)).any(axis=1)
    swapped = second[:, ::-1]
    free = ~((first != 0) & (swapped != 0)).any(axis=1)
    return np.where((clash & free)[:, None], swapped, second)
