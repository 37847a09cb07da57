"""Records of a GRCh37 file as records of GRCh38: place, strand, and which allele is the reference."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from consilium.genomics.intake.known_bases import Bases
from consilium.genomics.intake.lifting import Block, Lift
from consilium.genomics.intake.vcf import Record
from consilium.genomics.intake.vcf_report import LiftCounts

_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
_NUMBER = re.compile(r"\d+")
_NO_VARIANT = {"<NON_REF>", "<*>"}


@dataclass(frozen=True)
class Rules:
    """What is known of both builds.

    bases: of GRCh38. differing: GRCh38 (chrom, position) -> (GRCh37 base, GRCh38 base), for blocks of reference calls.
    pairs: GRCh38 positions whose two alleles are known though not which is the reference (scoring files).
    anywhere: keep records where the GRCh38 base is not known, with the file's own REF (the lenient level).
    """

    places: Lift
    bases: Bases
    differing: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    pairs: Mapping[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    anywhere: bool = False

    def differing_within(self, chrom: str, low: int, high: int) -> list[int]:
        there = self._differing.get(chrom, [])
        return there[bisect_left(there, low) : bisect_right(there, high)]

    @cached_property
    def _differing(self) -> dict[str, list[int]]:
        out: dict[str, list[int]] = {}
        for chrom, position in sorted(self.differing):
            out.setdefault(chrom, []).append(position)
        return out


def lifted(found: Iterable[Record], rules: Rules, counts: LiftCounts, same_mitochondrion: bool) -> Iterator[Record]:
    """Records at their GRCh38 positions, REF being the base of GRCh38; the order may be another than by position.

    A record is dropped, and counted, when its REF has no place in one block, when the GRCh38 base there is not known,
    or when its alleles do not fit it. Genotypes are renumbered where the reference allele changes.
    `same_mitochondrion`: chrM is the revised Cambridge sequence, as in GRCh38.
    """
    for record in found:
        if record.chrom == "chrM":  # the places in the tables are those of the Cambridge sequence, never another's
            counts.lifted += same_mitochondrion
            counts.unmapped += not same_mitochondrion
            if same_mitochondrion:
                yield record
        elif _is_block(record):
            yield from _lift_block(record, rules, counts)
        else:
            made = _lift_one(record, rules, counts)
            if made is not None:
                yield made


def _is_block(record: Record) -> bool:
    """A stretch of reference calls: no ALT of its own, and longer than its REF."""
    return set(record.alts) <= _NO_VARIANT and record.end > record.pos + len(record.ref) - 1


def _lift_one(record: Record, rules: Rules, counts: LiftCounts) -> Record | None:
    last = record.pos + len(record.ref) - 1
    block = rules.places.block(record.chrom, record.pos)
    indel = any(a.isalpha() and len(a) != len(record.ref) for a in record.alts)
    # Where an indel ends at a block's end, the builds may differ by that very indel.
    if block is None or block.end < last + (indel and not block.exact):
        counts.unmapped += 1
        return None
    moved = _moved(record, block, last)
    if moved.calls is not None or moved.alts:
        fitted = _with_reference(moved, rules, counts)
        if fitted is None:
            return None
        moved = fitted
    counts.lifted += 1
    counts.flipped += block.minus
    return moved


def _moved(record: Record, block: Block, last: int) -> Record:
    """At its place in GRCh38, on that strand; REF still the base of GRCh37."""
    pos = block.at(last if block.minus else record.pos)
    end = pos + last - record.pos
    if not block.minus:
        reach = block.at(record.end) if record.end <= block.end else end
        return replace(record, chrom=block.to_chrom, pos=pos, end=reach)
    alts = tuple(a.translate(_COMPLEMENT)[::-1] if a.isalpha() else a for a in record.alts)
    return replace(
        record, chrom=block.to_chrom, pos=pos, end=end, ref=record.ref.translate(_COMPLEMENT)[::-1], alts=alts
    )


def _with_reference(record: Record, rules: Rules, counts: LiftCounts) -> Record | None:
    """The record with the GRCh38 base as REF, its genotypes renumbered; None where that cannot be done."""
    base = rules.bases.bases(record.chrom, record.pos, len(record.ref))
    alleles = (record.ref, *record.alts)
    if base == record.ref:
        return record
    if "N" in base:
        pair = rules.pairs.get((record.chrom, record.pos))
        if rules.anywhere or (pair and {a for a in alleles if a.isalpha()} <= pair):
            return record
        counts.unverified += 1
        return None
    if any(len(a) != len(base) for a in alleles if a.isalpha()):
        counts.conflict += 1
        return None
    if base in alleles:
        counts.swapped += 1
        order = (base, *(a for a in alleles if a != base))
    else:
        counts.new_reference += 1
        order = (base, *alleles)
    numbers = tuple(order.index(a) for a in alleles)
    calls = None if record.calls is None else [_renumbered(c, numbers) for c in record.calls]
    return replace(record, ref=base, alts=order[1:], calls=calls)


@lru_cache(maxsize=4096)
def _renumbered(call: str, numbers: tuple[int, ...]) -> str:
    return _NUMBER.sub(lambda m: str(numbers[int(m[0])]), call)


def _lift_block(record: Record, rules: Rules, counts: LiftCounts) -> Iterator[Record]:
    """The parts of a stretch of reference calls that have a place; where the builds' bases differ, a variant."""
    pieces = rules.places.pieces(record.chrom, record.pos, record.end)
    counts.lifted += bool(pieces)
    counts.unmapped += not pieces
    for piece in pieces:
        if piece.minus:
            continue  # its wanted positions stay untested: bases of the other strand are not spelled out
        low, high = piece.target, piece.target + piece.end - piece.start
        start = low
        for place in rules.differing_within(piece.to_chrom, low, high):
            old, new = rules.differing[piece.to_chrom, place]
            yield from _reference(record, piece.to_chrom, start, place - 1)
            calls = None if record.calls is None else [c.replace("0", "1") for c in record.calls]
            yield replace(record, chrom=piece.to_chrom, pos=place, end=place, ref=new, alts=(old,), calls=calls)
            counts.swapped += 1
            start = place + 1
        yield from _reference(record, piece.to_chrom, start, high)


def _reference(record: Record, chrom: str, start: int, end: int) -> Iterator[Record]:
    """A block without a base of its own: the needed positions in it take theirs from the tables or the FASTA."""
    if start <= end:
        yield replace(record, chrom=chrom, pos=start, end=end, ref="N", alts=("<NON_REF>",))
