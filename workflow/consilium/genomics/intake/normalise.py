"""From VCF records to normalised calls: one ALT a row, shortest form, left-aligned where a reference is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake import records
from consilium.genomics.intake.build import BUILD, build_of_lengths, canonical
from consilium.genomics.intake.calls import ABSENT, MISSING, NO_ALT, Calls, CallsBuilder
from consilium.genomics.intake.known_bases import Bases
from consilium.genomics.intake.panel import Wanted
from consilium.genomics.intake.records import Fault
from consilium.genomics.intake.vcf import Record, Report

MINIMUM_DEPTH = 8  # reads below which a stretch of reference bases counts as not tested
MINIMUM_GQ = 20  # the same for its genotype quality (Phred)
_NO_VARIANT = {"<NON_REF>", "<*>"}
_BLOCK = 1 << 16
_MISMATCH_LIMIT = 0.1


_UNSURE = str.maketrans("RYSWKMBDHVU", "N" * 11)


class Reference:
    """Bases of a reference FASTA by contig name of the primary assembly; N where it has none, or no single one.

    Raises InputError when it cannot be opened, or is of another build by its contig lengths.
    """

    def __init__(self, path: Path) -> None:
        import pysam

        try:
            self._fasta = pysam.FastaFile(str(path))
        except (OSError, ValueError) as error:
            raise InputError(Problem(str(path), f"a reference FASTA that cannot be opened ({error})",
                                     "a FASTA, plain or bgzipped, with .fai", "samtools faidx")) from None  # fmt: skip
        contigs = dict(zip(self._fasta.references, self._fasta.lengths, strict=True))
        build = build_of_lengths(contigs).replace("other", "another build")
        if build not in (BUILD, ""):
            found = f"a reference FASTA of {build}, by its contig lengths"
            raise InputError(Problem(str(path), found, BUILD, "set genomics.reference to a FASTA of GRCh38"))
        self._names = {canonical(name): name for name in reversed(contigs)}
        self._block = lru_cache(maxsize=256)(self._fetch)

    def _fetch(self, chrom: str, block: int) -> str:
        name = self._names.get(chrom)
        return self._fasta.fetch(name, block * _BLOCK, (block + 1) * _BLOCK).upper().translate(_UNSURE) if name else ""

    def tells(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Everywhere, as far as can be told without the chromosome."""
        return np.ones(len(positions), dtype=bool)

    def bases(self, chrom: str, position: int, length: int = 1) -> str:
        """Bases from a 1-based position on; N beyond the contig."""
        start, out = position - 1, ""
        while len(out) < length and start >= 0:
            block, offset = divmod(start, _BLOCK)
            part = self._block(chrom, block)[offset : offset + length - len(out)]
            if not part:
                break
            out += part
            start += len(part)
        return out.ljust(length, "N")


def left_aligned(reference: Bases, chrom: str, position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Shortest left-most form of an insertion or deletion (Tan et al. 2015, DOI 10.1093/bioinformatics/btv112)."""
    while ref and alt and ref[-1] == alt[-1] and ref != alt:
        if len(ref) > 1 and len(alt) > 1:
            ref, alt = ref[:-1], alt[:-1]
            continue
        base = reference.bases(chrom, position - 1) if position > 1 else "N"
        if base == "N":
            break
        position, ref, alt = position - 1, base + ref[:-1], base + alt[:-1]
    return records.trimmed(position, ref, alt)


def normalised(
    found: Iterable[Record], report: Report, n_samples: int, wanted: Wanted, reference: Bases | None
) -> dict[str, list[Calls]]:
    """Calls by contig (see `calls.Calls`), from records of one file with `n_samples` chosen samples.

    Alleles that are no sequence (`*`, symbols, breakends) become missing, never reference. Sites of one record that
    differ in several bases of equal number become single-base rows. Blocks of reference calls count at wanted
    positions only, and only with depth and quality of at least MINIMUM_DEPTH and MINIMUM_GQ where they are given.
    `reference`: a FASTA, or the bases that are known without one; insertions and deletions are left-aligned as far as
    it reaches. Raises InputError when more than a tenth of the REF alleles contradict it.
    """
    builder = CallsBuilder(n_samples)
    checked = contradicted = 0
    for record in found:
        if record.calls is None:
            continue
        if reference is not None:
            bases = reference.bases(record.chrom, record.pos, len(record.ref))
            known = any(b != "N" for b in bases)
            checked += known
            if known and not all(b in ("N", r) or r == "N" for b, r in zip(bases, record.ref, strict=True)):
                contradicted += 1
                fault = Fault(f"REF '{record.ref}' where the reference has '{bases}'", "the base of the reference",
                              "correct the record, or configure the reference it was called with")  # fmt: skip
                report.leave_out(fault, record.line, record.chrom, record.pos, record.end)
                continue
        alleles, phased, polyploid = _calls(tuple(record.calls), record.phase_sets)
        report.n_polyploid += polyploid
        for chrom, position, ref, alt, codes in _rows(record, alleles, wanted, reference):
            builder.add(chrom, position, ref, alt, record.rsid, codes, phased)
    if contradicted > max(1, _MISMATCH_LIMIT * checked):
        raise report.stop(f"{contradicted} of {checked} REF alleles contradict the reference", "records on GRCh38, as "
                          "genomics.reference or the table of positions has it",
                          "supply the file on that build, or correct genomics.reference")  # fmt: skip
    return builder.by_contig()


@lru_cache(maxsize=4096)
def _calls(calls: tuple[str, ...], phase_sets: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """alleles (sample, 2) int16 with MISSING and ABSENT; phased (sample,); number of calls of more than two strands,

    which are missing: which two of them a diploid model should take is nowhere said.
    """
    out = np.full((len(calls), 2), MISSING, dtype=np.int16)
    phased = np.zeros(len(calls), dtype=bool)
    polyploid = 0
    for i, call in enumerate(calls):
        numbers = records.alleles(call) or (-1,)
        polyploid += len(numbers) > 2
        if len(numbers) == 1:
            out[i] = (numbers[0], ABSENT) if call != "." else (MISSING, MISSING)
        elif len(numbers) == 2:
            out[i] = numbers
            # A phase set spans a few hundred bases; without knowing its bounds, strands are not ordered.
            phased[i] = "|" in call and not phase_sets
    return out, phased, polyploid


def _rows(
    record: Record, alleles: np.ndarray, wanted: Wanted, reference: Bases | None
) -> Iterator[tuple[str, int, str, str, np.ndarray]]:
    real = [i for i, a in enumerate(record.alts, start=1) if a.isalpha()]
    if not real:
        if record.alts and not set(record.alts) <= _NO_VARIANT:
            return
        if record.alts or record.end >= record.pos + len(record.ref):
            yield from _block_rows(record, alleles, wanted, reference)
        else:
            yield record.chrom, record.pos, record.ref, NO_ALT, np.where(alleles == 0, 0, _lost(alleles))
        return
    carriers: dict[tuple[int, str, str], set[int]] = {}
    for i in real:
        for key in _variants(record, record.alts[i - 1], reference):
            carriers.setdefault(key, set()).add(i)
    calls = tuple(record.calls or ())
    for (position, ref, alt), numbers in carriers.items():
        yield record.chrom, position, ref, alt, _carried(calls, record.phase_sets, tuple(real), tuple(sorted(numbers)))


@lru_cache(maxsize=512)
def _carried(calls: tuple[str, ...], phase_sets: bool, real: tuple[int, ...], numbers: tuple[int, ...]) -> np.ndarray:
    """Codes of a row: strands with an allele of `numbers` 1, with another of `real` or the reference 0."""
    alleles = _calls(calls, phase_sets)[0]
    return np.where(np.isin(alleles, [0, *real]), np.isin(alleles, numbers), _lost(alleles))


def _lost(alleles: np.ndarray) -> np.ndarray:
    return np.where(alleles == ABSENT, ABSENT, MISSING)


def _variants(record: Record, alt: str, reference: Bases | None) -> list[tuple[int, str, str]]:
    position, ref, alt = records.trimmed(record.pos, record.ref, alt)
    if len(ref) == len(alt):
        return [(position + i, r, a) for i, (r, a) in enumerate(zip(ref, alt, strict=True)) if r != a]
    if reference is not None:
        position, ref, alt = left_aligned(reference, record.chrom, position, ref, alt)
    return [(position, ref, alt)]


def _block_rows(
    record: Record, alleles: np.ndarray, wanted: Wanted, reference: Bases | None
) -> Iterator[tuple[str, int, str, str, np.ndarray]]:
    quality, depth = record.quality
    if (quality is not None and quality < MINIMUM_GQ) or (depth is not None and depth < MINIMUM_DEPTH):
        return
    codes = np.where(alleles == 0, 0, _lost(alleles))
    for position, bases in wanted.within(record.chrom, record.pos, record.end):
        length = min(max(len(bases), 1), record.end - position + 1)
        ref = reference.bases(record.chrom, position, length) if reference else ""
        ref = bases[:length] if not ref or "N" in ref else ref
        if position == record.pos and not ref:
            ref = record.ref
        if ref and "N" not in ref:
            yield record.chrom, position, ref, NO_ALT, codes
