"""Read pairs of simulated chromosomes, placed by minimap2 and written as BAM."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import mappy
import numpy as np
import pysam

from cyp2d6_bench.people import START, Locus22

LENGTH, FRAGMENT, SPREAD = 150, 420, 80
QUALITIES, SHARES = np.array([37, 25, 12]), (0.90, 0.07, 0.03)
_TURNED = str.maketrans("ACGT", "TGCA")


class Aligner:
    """minimap2 for short reads on the stretch of the reference."""

    def __init__(self, where: Locus22) -> None:
        self.index = mappy.Aligner(seq=where.bases, preset="sr")

    def placed(self, pair: Sequence[str]) -> list[mappy.Alignment | None]:
        """Best alignment of each mate."""
        found: list[mappy.Alignment | None] = [None, None]
        for hit in self.index.map(pair[0], pair[1]):
            if hit.is_primary and found[hit.read_num - 1] is None:
                found[hit.read_num - 1] = hit
        return found


def write_bam(path: Path, aligner: Aligner, chromosomes: Sequence[str], depth: float, rng: np.random.Generator) -> Path:
    """Pairs of all chromosomes, `depth` fold where there are two."""
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr22", "LN": 50_818_468}]}
    )
    rows = []
    for n, (mates, quality) in enumerate(_pairs(chromosomes, depth, rng)):
        for number, hit in enumerate(aligner.placed(mates)):
            if hit is not None:
                rows.append(_row(header, f"p{n}", number, mates[number], quality[number], hit))
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for row in sorted(rows, key=lambda r: r.reference_start):
            out.write(row)
    pysam.index(str(path))
    return path


def _pairs(
    chromosomes: Sequence[str], depth: float, rng: np.random.Generator
) -> Iterator[tuple[tuple[str, str], tuple[bytes, bytes]]]:
    """Sequences as a machine gives them, the second mate turned round, and their qualities."""
    for text in chromosomes:
        n = int(rng.poisson(depth / 2 * len(text) / (2 * LENGTH)))
        starts = rng.integers(0, len(text) - 2 * LENGTH, n).tolist()
        sizes = np.maximum(rng.normal(FRAGMENT, SPREAD, n), LENGTH).astype(int).tolist()
        quality = rng.choice(QUALITIES, (n, 2, LENGTH), p=SHARES).astype(np.uint8)
        wrong = rng.random((n, 2, LENGTH)) < 10 ** (quality / -10.0)
        for start, size, given, bad in zip(starts, sizes, quality, wrong, strict=True):
            piece = text[start : start + size]
            mates = piece[:LENGTH], piece[-LENGTH:].translate(_TURNED)[::-1]
            yield (
                (_misread(mates[0], bad[0], rng), _misread(mates[1], bad[1], rng)),
                (
                    given[0].tobytes(),
                    given[1].tobytes(),
                ),
            )


def _misread(text: str, wrong: np.ndarray, rng: np.random.Generator) -> str:
    letters = list(text)
    for i in np.flatnonzero(wrong).tolist():
        letters[i] = str(rng.choice([b for b in "ACGT" if b != letters[i]]))
    return "".join(letters)


def _row(
    header: pysam.AlignmentHeader, name: str, number: int, text: str, quality: bytes, hit: mappy.Alignment
) -> pysam.AlignedSegment:
    row = pysam.AlignedSegment(header)
    clipped = (hit.q_st, len(text) - hit.q_en)
    if hit.strand < 0:
        text, quality, clipped = text.translate(_TURNED)[::-1], quality[::-1], clipped[::-1]
    row.query_name, row.reference_id, row.reference_start = name, 0, START + hit.r_st
    row.flag = 0x1 | (0x40, 0x80)[number] | (0x10 if hit.strand < 0 else 0)
    row.mapping_quality = hit.mapq
    row.cigartuples = (
        [(4, clipped[0])] * bool(clipped[0]) + [(op, n) for n, op in hit.cigar] + [(4, clipped[1])] * bool(clipped[1])
    )
    row.query_sequence = text
    row.query_qualities = array("B", quality)
    return row
