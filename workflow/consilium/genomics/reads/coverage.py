"""Depth per region and per window of one alignment file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.memory import keep_memory
from consilium.genomics.reads.alignments import ReadsFile, contig_names, kind_of
from consilium.genomics.reads.bam_index import BamIndex
from consilium.genomics.reads.depth import base_depth
from consilium.genomics.reads.regions import Region, Window, joined

if TYPE_CHECKING:
    import pysam

THRESHOLDS = (1, 10, 20, 30)
_TILE = 2_000_000  # bases whose depth is held at once
Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """A sorted BAM file with its BAI index, and the number of each chromosome in it."""

    bam: Path
    index: Path
    number: dict[str, int]


def source(file: ReadsFile, alignments: pysam.AlignmentFile, scratch: Path, places: Sequence[Region]) -> Source:
    """The file itself, or its reads over the regions as BAM in `scratch` where it is CRAM or has no BAI index.

    `alignments`: the file opened with its index, which may lie in `scratch` (see alignments.indexed).
    """
    import pysam.samtools

    names = contig_names(alignments)
    number = {c: alignments.get_tid(n) for c, n in names.items()}
    path = Path(alignments.filename.decode())
    beside = [Path(f"{path}.bai"), path.with_suffix(".bai"), scratch / "reads.bai"]
    index = next((p for p in beside if p.exists()), None)
    if kind_of(path) == "BAM" and index:
        return Source(path, index, number)
    bed, bam = scratch / "regions.bed", scratch / "regions.bam"
    bed.write_text("".join(f"{names[r.chrom]}\t{s}\t{e}\n" for r in places if r.chrom in names for s, e in r.intervals))
    made = next((p for p in (scratch / "reads.crai", scratch / "reads.csi") if p.exists()), None)
    given = ["-X", str(path), str(made)] if made else [str(path)]
    reference = ["-T", str(file.reference)] if file.reference else []
    try:
        pysam.samtools.view("-b", "-1", "-M", "-L", str(bed), *reference, "-o", str(bam), *given, catch_stdout=False)
        pysam.samtools.index(str(bam), catch_stdout=False)
    except pysam.SamtoolsError as error:
        detail = " ".join(str(error).split())[-160:]
        raise file.problem(f"reads that cannot be taken out by region ({detail})", "a whole file with its index",
                           "samtools index") from None  # fmt: skip
    return Source(bam, Path(f"{bam}.bai"), number)


def measure(
    file: ReadsFile, reads: Source, places: Sequence[Region], parts: Sequence[Window], minimum: int
) -> tuple[Sums, Sums]:
    """(region, 2 + n): sum of depths, bases below `minimum`, bases of at least each of THRESHOLDS; (window,): sums.

    Chromosomes that the file does not have count as depth 0. Raises InputError when the file is damaged.
    """
    import deflate

    keep_memory()
    out, sums = np.zeros((len(places), 2 + len(THRESHOLDS)), dtype=np.int64), np.zeros(len(parts), dtype=np.int64)
    try:
        index = BamIndex(reads.index)
        with open(reads.bam, "rb") as handle:
            for chrom in CONTIGS:
                at = [i for i, r in enumerate(places) if r.chrom == chrom]
                cut = [i for i, w in enumerate(parts) if w.chrom == chrom]
                intervals = [(i, s, e) for i in at for s, e in places[i].intervals]
                slots = [(i, parts[i].start, parts[i].end) for i in cut]
                _chromosome(handle, index, reads.number.get(chrom), (intervals, slots), (out, sums), minimum)
    except (ValueError, IndexError, deflate.DeflateError) as error:
        raise file.problem(f"reads that cannot be parsed ({error})", "a whole file with its own index",
                           "copy the file again, samtools index") from None  # fmt: skip
    return out, sums


Slots = list[tuple[int, int, int]]  # row of the result, start, end


def _chromosome(
    handle: BinaryIO, index: BamIndex, number: int | None, slots: tuple[Slots, Slots], out: tuple[Sums, Sums],
    minimum: int,
) -> None:  # fmt: skip
    """Adds one chromosome's bases to the results, a tile after the other."""
    whole = joined([(s, e) for _, s, e in slots[0]])
    if not whole:
        return
    for low in range(whole[0][0], whole[-1][1], _TILE):
        here = [(max(s, low), min(e, low + _TILE)) for s, e in whole if s < low + _TILE and e > low]
        if not here:
            continue
        low, high = here[0][0], here[-1][1]
        if number is None:
            depth = np.zeros(high - low, dtype=np.int32)
        else:
            depth = base_depth(handle, index.chunks(number, here), number, low, high)
        _add_tile(depth, low, slots, out, minimum)


def _add_tile(
    depth: npt.NDArray[np.int32], low: int, slots: tuple[Slots, Slots], out: tuple[Sums, Sums], minimum: int
) -> None:
    """Adds the bases of one tile, which begins at `low`, to the rows of all regions and windows that it touches."""
    high = low + len(depth)
    inside = [
        np.array([r for r in rows if r[1] < high and r[2] > low], dtype=np.int64).reshape(-1, 3) for rows in slots
    ]
    places = [(np.maximum(r[:, 1] - low, 0), np.minimum(r[:, 2], high) - low) for r in inside]
    cuts = np.sort(np.concatenate([[0], *(p for pair in places for p in pair)]))
    cuts = cuts[(np.diff(cuts, prepend=-1) > 0) & (cuts < len(depth))]

    def summed(values: npt.NDArray[np.integer], which: int) -> Sums:
        """Sums between the starts and ends of the regions (0) or of the windows (1)."""
        # Of truth values a tile holds fewer than 2^32: half the time.
        kind = np.uint32 if values.dtype == np.uint8 else np.int64
        before = np.concatenate([[0], np.cumsum(np.add.reduceat(values, cuts, dtype=kind), dtype=np.int64)])
        start, end = (np.searchsorted(cuts, p) for p in places[which])
        return np.asarray(before[end] - before[start])

    if len(inside[1]):
        np.add.at(out[1], inside[1][:, 0], summed(depth, 1))
    reached = {t: summed((depth >= t).view(np.uint8), 0) for t in {minimum, *THRESHOLDS}}
    below = places[0][1] - places[0][0] - reached[minimum]
    for column, found in enumerate((summed(depth, 0), below, *(reached[t] for t in THRESHOLDS))):
        np.add.at(out[0][:, column], inside[0][:, 0], found)
