"""Small reference sequences and alignments for the tests of this folder."""

from pathlib import Path

import numpy as np
import pysam

LENGTH = 4000
START = 1000  # bases before are N


def reference(folder: Path, seed: int = 1) -> tuple[Path, str]:
    rng = np.random.default_rng(seed)
    sequence = "N" * START + "".join(rng.choice(list("ACGT"), LENGTH - START))
    path = folder / "r.fa"
    path.write_text(f">chr1\n{sequence}\n")
    pysam.faidx(str(path))
    return path, sequence


def bam(
    path: Path, haplotypes: tuple[str, str], depth: int = 20, seed: int = 3, length: int = 248956422,
    samples: tuple[str, ...] = ("s",), order: str = "coordinate", index: bool = True,
) -> Path:  # fmt: skip
    """Unpaired reads of 100 bases, both haplotypes alike; haplotypes must have the reference's length."""
    rng = np.random.default_rng(seed)
    header = {"HD": {"VN": "1.6", "SO": order}, "SQ": [{"SN": "chr1", "LN": length}],
              "RG": [{"ID": f"g{i}", "SM": s} for i, s in enumerate(samples)]}  # fmt: skip
    n = depth * (LENGTH - START) // 100
    starts = np.sort(rng.integers(START, LENGTH - 100, n))
    if order != "coordinate":
        starts = starts[::-1]
    with pysam.AlignmentFile(str(path), "wb", header=header) as out:
        for i, start in enumerate(starts):
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.flag, read.reference_id, read.reference_start = f"r{i}", 0, 0, int(start)
            read.mapping_quality, read.cigartuples = 60, [(0, 100)]
            read.query_sequence = haplotypes[i % 2][start : start + 100]
            read.query_qualities = pysam.qualitystring_to_array("I" * 100)
            read.set_tag("RG", "g0")
            out.write(read)
    if index and order == "coordinate":
        pysam.index(str(path))
    return path


def changed(sequence: str, *changes: tuple[int, str]) -> str:
    """`sequence` with bases replaced at 1-based positions."""
    bases = list(sequence)
    for position, base in changes:
        bases[position - 1] = base
    return "".join(bases)


def other_base(base: str) -> str:
    return {"A": "G", "G": "A", "C": "T", "T": "C"}[base]
