"""Calls variants from reads at wanted positions, with bcftools mpileup and call as pysam carries them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from consilium.genomics.intake.build import BUILD, LENGTHS, PAR_X, canonical
from consilium.genomics.intake.normalise import MINIMUM_DEPTH, MINIMUM_GQ
from consilium.genomics.intake.panel import Wanted
from consilium.genomics.intake.vcf import Record
from consilium.genomics.reads.alignments import MINIMUM_BASE_QUALITY, MINIMUM_MAPPING_QUALITY, ReadsFile

if TYPE_CHECKING:
    import pysam

_GAP = 200  # wanted positions closer than this share one window
_FLANK = 10  # an insertion or deletion is anchored before the bases that it changes


def windows(wanted: Wanted, names: dict[str, str], lengths: dict[str, int]) -> list[tuple[str, int, int]]:
    """(contig name in the reads, 0-based start, end) around the wanted positions, merged where close."""
    out: list[tuple[str, int, int]] = []
    for chrom, positions in wanted.by_contig():
        name = names.get(chrom)
        if name is None:
            continue
        for pos in positions:
            start, end = max(pos - 1 - _FLANK, 0), min(pos + _FLANK, lengths[name])
            if start >= end:
                continue
            if out and out[-1][0] == name and start - out[-1][2] < _GAP:
                out[-1] = (name, out[-1][1], end)
            else:
                out.append((name, start, end))
    return out


def call(
    file: ReadsFile, path: str, index: str | None, regions: list[tuple[str, int, int]], sex: str, scratch: Path,
    wanted: Wanted | None = None,
) -> Iterator[Record]:  # fmt: skip
    """Variants of `regions`, and reference calls at the `wanted` positions (None: everywhere).

    A position with fewer than MINIMUM_DEPTH reads or a genotype quality under MINIMUM_GQ is left out: not tested.
    X and Y of men are called haploid outside the pseudo-autosomal regions. Raises InputError when mpileup fails.
    """
    import pysam.bcftools

    bed, pileup, calls, strands = (scratch / n for n in ("sites.bed", "pileup.bcf", "calls.vcf", "ploidy.txt"))
    bed.write_text("".join(f"{c}\t{s}\t{e}\n" for c, s, e in regions), encoding="utf-8")
    strands.write_text(_ploidy({c for c, _, _ in regions}, sex), encoding="utf-8")
    source = f"{path}##idx##{index}" if index else path
    try:
        pysam.bcftools.mpileup(
            "--no-version", "-f", str(file.reference), "-R", str(bed), "-q", str(MINIMUM_MAPPING_QUALITY), "-Q",
            str(MINIMUM_BASE_QUALITY), "-d", "1000", "-A", "-a", "FORMAT/AD,FORMAT/DP", "--ignore-RG", "-Ou", "-o",
            str(pileup), source, catch_stdout=False,
        )  # fmt: skip
    except (pysam.SamtoolsError, OSError) as error:
        detail = " ".join(str(error).split())[-160:]
        raise file.problem(f"reads and reference FASTA that do not fit ({detail})", "the FASTA of the alignment",
                           "configure the FASTA that the reads were aligned to") from None  # fmt: skip
    pysam.bcftools.call(
        "--no-version", "-m", "-a", "GQ", "--ploidy-file", str(strands), "-Ov", "-o", str(calls),
        str(pileup), catch_stdout=False,
    )  # fmt: skip
    with pysam.VariantFile(str(calls)) as found:
        for row in found:
            record = _record(row)
            if record is None:
                continue
            if record.alts or wanted is None or wanted.within(record.chrom, record.pos, record.pos):
                yield record


def _ploidy(contigs: set[str], sex: str) -> str:
    """Ploidy table of bcftools call, all in terms of its default sex F: so no sample needs to be named."""
    rows = []
    for name in sorted(contigs):
        chrom = canonical(name)
        if chrom == "chrX" and sex == "male":
            rows.append(f"{name} {PAR_X[0][1] + 1} {PAR_X[1][0] - 1} F 1")
        if chrom == "chrY":
            rows.append(f"{name} 1 {LENGTHS[BUILD][chrom]} F {1 if sex == 'male' else 0}")
        if chrom == "chrM":
            rows.append(f"{name} 1 {LENGTHS[BUILD][chrom]} F 1")
    return "\n".join([*rows, "* * * M 2", "* * * F 2"]) + "\n"


def _record(row: pysam.VariantRecord) -> Record | None:
    chrom, sample = canonical(row.chrom), row.samples[0]
    depth, gq = sample.get("DP"), sample.get("GQ")
    alts = tuple(a for a in row.alts or () if a.isalpha())
    if chrom is None or depth is None or depth < MINIMUM_DEPTH or (gq is not None and gq < MINIMUM_GQ):
        return None
    if "INDEL" in row.info and not alts:
        return None
    numbers = list(sample["GT"] or ())
    call_text = "/".join("." if a is None else str(a) for a in numbers) or "."
    ref = str(row.ref).upper()
    end = row.pos + len(ref) - 1
    return Record(0, chrom, row.pos, ".", ref, alts, end, [call_text], False, (gq, depth))
