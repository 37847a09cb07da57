"""BAM and CRAM: is the file whole and of the right build, how good are the reads, which bases are at panel sites?"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import BUILD, CONTIGS, build_of_lengths, canonical
from consilium.genomics.intake.panel import Panel

if TYPE_CHECKING:
    import pysam

MINIMUM_BASE_QUALITY = 20
MINIMUM_MAPPING_QUALITY = 20
UNUSED = 0xF04  # unmapped, secondary, failed, duplicate, supplementary
_GC_LEVELS = 3  # different GC contents that a group of stretches must have
_PROBED = 1000  # first reads parsed when a file is only checked


@dataclass(frozen=True)
class ReadsFile:
    """An alignment file as given; `reference` is needed for CRAM only."""

    path: Path
    patient: str = ""
    reference: Path | None = None

    def problem(self, found: str, allowed: str, mend: str) -> InputError:
        return InputError(Problem(str(self.path), found, allowed, mend, 0, self.patient))


def kind_of(path: Path) -> str:
    """BAM, CRAM, SAM or "" by the first bytes."""
    with open(path, "rb") as handle:
        magic = handle.read(4)
    if magic == b"CRAM":
        return "CRAM"
    start = magic
    if magic[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path, "rb") as packed:
                start = packed.read(4)
        except (OSError, EOFError):
            return ""
    if start == b"BAM\x01":
        return "BAM"
    return "SAM" if start[:1] == b"@" and start[3:4] in (b"\t", b"") else ""


def check(file: ReadsFile) -> None:
    """Raise InputError when the file cannot be used: not whole, unsorted, of another build, of several people.

    SAM is text: its lines are held against the specification first, so that each fault has its line.
    """
    from consilium.genomics.intake import sam_text

    if kind_of(file.path) == "SAM" and (faults := sam_text.problems(file.path, file.patient)):
        raise InputError(faults)
    with opened(file) as alignments:
        header = alignments.header.to_dict()
        lengths: dict[str, int | None] = {s["SN"]: int(s["LN"]) for s in header.get("SQ", [])}
        _check_build(file, lengths)
        people = sorted({g["SM"] for g in header.get("RG", []) if g.get("SM")})
        if len(people) > 1:
            raise file.problem(f"reads of {len(people)} samples: {', '.join(people[:5])}", "reads of one person",
                               "split the file by sample (samtools split)")  # fmt: skip
        order = header.get("HD", {}).get("SO", "unknown")
        if order not in ("coordinate", "unknown"):
            raise file.problem(f"reads in order '{order}'", "reads sorted by coordinate", "samtools sort")
        _probe(file, alignments)


def _check_build(file: ReadsFile, lengths: dict[str, int | None]) -> None:
    if not lengths:
        raise file.problem("no @SQ lines in the header", "reads aligned to a genome", "align the reads")
    if not any(canonical(n) for n in lengths):
        raise file.problem(f"contigs {', '.join(sorted(lengths)[:3])}", "chromosomes of GRCh38", "align to GRCh38")
    stated = build_of_lengths(lengths)
    if stated not in (BUILD, ""):
        name = stated if stated != "other" else "that is neither GRCh38 nor GRCh37"
        raise file.problem(f"genome build {name}, by its contig lengths", BUILD, f"align the reads to {BUILD}")


def _probe(file: ReadsFile, alignments: pysam.AlignmentFile) -> None:
    last, mapped = (-1, -1), 0
    try:
        for n, read in enumerate(alignments.fetch(until_eof=True)):
            if read.reference_id >= 0:
                mapped += 1
                here = (read.reference_id, read.reference_start)
                if here < last:
                    raise file.problem("reads out of order", "reads sorted by coordinate", "samtools sort")
                last = here
            if n + 1 >= _PROBED:
                return
    except (OSError, ValueError) as error:
        raise file.problem(
            f"reads that cannot be parsed ({error})", "a whole alignment file", "write it again"
        ) from None
    if not mapped:
        raise file.problem("no mapped read", "aligned reads", "align the reads")


@contextmanager
def opened(file: ReadsFile) -> Iterator[pysam.AlignmentFile]:
    """The alignment file, opened without its index. Raises InputError when it is not whole."""
    import pysam

    kind = kind_of(file.path)
    if not kind:
        raise file.problem("a file that is neither BAM, CRAM nor SAM", "an alignment file", "supply the alignments")
    if kind == "CRAM" and file.reference is None:
        raise file.problem("a CRAM file without a reference FASTA", "genomics.reference set in the configuration",
                           "configure the FASTA that the CRAM was written with, or supply a BAM")  # fmt: skip
    verbosity = pysam.set_verbosity(0)
    try:
        if kind in ("BAM", "CRAM"):
            _quickcheck(file)
        alignments = pysam.AlignmentFile(
            str(file.path), reference_filename=str(file.reference) if file.reference else None, check_sq=False
        )
    except (OSError, ValueError) as error:
        raise file.problem(
            f"a file that cannot be opened ({error})", "a whole alignment file", "copy it again"
        ) from None
    finally:
        pysam.set_verbosity(verbosity)
    with alignments:
        yield alignments


def _quickcheck(file: ReadsFile) -> None:
    import pysam.samtools

    try:
        pysam.samtools.quickcheck(str(file.path))
    except pysam.SamtoolsError:
        raise file.problem(
            "a truncated or damaged file (no end marker)", "a whole file", "copy the file again"
        ) from None


@contextmanager
def indexed(file: ReadsFile, scratch: Path) -> Iterator[pysam.AlignmentFile]:
    """The alignment file with an index; where there is none, one is made in `scratch` (SAM becomes BAM there)."""
    import pysam.samtools

    path = str(file.path)
    reference = str(file.reference) if file.reference else None
    if kind_of(file.path) == "SAM":
        path = str(scratch / "reads.bam")
        _samtools(file, pysam.samtools.sort, "-o", path, str(file.path))
    with pysam.AlignmentFile(path, reference_filename=reference) as probe:
        has_index = probe.has_index()
    index = None
    if not has_index:
        index = str(scratch / ("reads.crai" if path.endswith(".cram") else "reads.bai"))
        _samtools(file, pysam.samtools.index, "-o", index, path)
    with pysam.AlignmentFile(path, reference_filename=reference, index_filename=index) as alignments:
        yield alignments


def _samtools(file: ReadsFile, command: Any, *arguments: str) -> None:
    import pysam

    try:
        command(*arguments, catch_stdout=False)
    except pysam.SamtoolsError as error:
        detail = " ".join(str(error).split())[-160:]
        raise file.problem(
            f"reads that cannot be indexed ({detail})", "a whole, sorted file", "samtools sort"
        ) from None


@dataclass(frozen=True)
class Counts:
    """Reads at the panel sites, in panel order: n_ref, n_alt, n_other (site,)."""

    n_ref: npt.NDArray[np.int64]
    n_alt: npt.NDArray[np.int64]
    n_other: npt.NDArray[np.int64]

    @property
    def depth(self) -> npt.NDArray[np.int64]:
        return self.n_ref + self.n_alt + self.n_other


def allele_counts(alignments: pysam.AlignmentFile, panel: Panel) -> Counts:
    """Bases (quality and mapping quality of at least 20, one a fragment) at the panel sites."""
    names = {canonical(n): n for n in reversed(alignments.references) if canonical(n)}
    counts = np.zeros((3, len(panel)), dtype=np.int64)
    for i, (chrom, pos, ref, alt) in enumerate(zip(panel.chrom, panel.pos, panel.ref, panel.alt, strict=True)):
        name = names.get(str(chrom))
        if name is None or pos > alignments.get_reference_length(name):
            continue
        for base in _bases_at(alignments, name, int(pos)):
            counts[0 if base == ref else 1 if base == alt else 2, i] += 1
    return Counts(*counts)


def _bases_at(alignments: pysam.AlignmentFile, name: str, pos: int) -> list[str]:
    columns = alignments.pileup(
        name, pos - 1, pos, truncate=True, stepper="samtools", max_depth=8000, flag_filter=UNUSED,
        min_base_quality=MINIMUM_BASE_QUALITY, min_mapping_quality=MINIMUM_MAPPING_QUALITY, ignore_orphans=False,
    )  # fmt: skip
    return [b.upper() for column in columns for b in column.get_query_sequences() if b and b.upper() != "N"]


def quality(path: str, counts: Counts, reference: Path | None) -> dict[str, float | int | None]:
    """Quality of reads: from `samtools stats` over the whole file, depth from the panel sites that have reads."""
    import pysam.samtools

    options = ["--reference", str(reference)] if reference else []
    sections: dict[str, list[list[str]]] = {"SN": [], "GCF": [], "GCL": [], "GCD": []}
    for line in str(pysam.samtools.stats(*options, path)).splitlines():
        kind, *cells = line.split("\t")
        if kind in sections:
            sections[kind].append(cells)
    numbers = {cells[0].rstrip(":"): float(cells[1]) for cells in sections["SN"]}
    total = numbers.get("raw total sequences", 0.0)

    def share(name: str) -> float | None:
        return numbers.get(name, 0.0) / total if total else None

    covered = counts.depth[counts.depth > 0]
    return {
        "n_reads": int(total),
        "mapped_fraction": share("reads mapped"),
        "duplicate_fraction": share("reads duplicated"),
        "properly_paired_fraction": share("reads properly paired"),
        "error_rate": numbers.get("error rate"),
        "insert_size_mean": numbers.get("insert size average") or None,
        "insert_size_sd": numbers.get("insert size standard deviation") or None,
        "read_length_mean": numbers.get("average length"),
        **gc_content([*sections["GCF"], *sections["GCL"]], sections["GCD"]),
        "mean_depth": float(covered.mean()) if len(covered) else None,
        "panel_sites": len(counts.depth),
        "panel_sites_covered": len(covered),
    }


def gc_content(histogram: list[list[str]], by_depth: list[list[str]]) -> dict[str, float | None]:
    """Mean GC of reads, and depth at low and high GC over that at the middle, from the sections of samtools stats.

    `histogram`: rows of GC per cent and reads. `by_depth`: rows of GC per cent, share of stretches up to it (per cent)
    and percentiles of their depth (10, 25, 50, 75, 90). None where there is nothing to tell from.
    """
    counts = np.array([[float(c) for c in row[:2]] for row in histogram]).reshape(-1, 2)
    total = counts[:, 1].sum()
    mean = float((counts[:, 0] * counts[:, 1]).sum() / total / 100) if total else None
    depth = np.array([[float(row[1]), float(row[4])] for row in by_depth if float(row[1]) > 0]).reshape(-1, 2)
    low, middle, high = (
        depth[chosen, 1] for chosen in (depth[:, 0] <= 10, np.abs(depth[:, 0] - 50) <= 10, depth[:, 0] >= 90)
    )
    level = float(middle.mean()) if len(middle) >= _GC_LEVELS else 0.0

    def relative(group: npt.NDArray[np.float64]) -> float | None:
        return float(group.mean()) / level if len(group) >= _GC_LEVELS and level else None

    return {"gc_mean": mean, "gc_low_depth": relative(low), "gc_high_depth": relative(high)}


def contig_names(alignments: pysam.AlignmentFile) -> dict[str, str]:
    """Contig of the primary assembly -> its name in this file."""
    found = {canonical(n): n for n in reversed(alignments.references) if canonical(n)}
    return {c: found[c] for c in CONTIGS if c in found}
