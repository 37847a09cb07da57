"""Where the simulated genomes lie: GRCh38 and GRCh37 contig lengths, and the windows that carry variation."""

from __future__ import annotations

from dataclasses import dataclass

CHROMOSOMES = tuple(f"chr{c}" for c in (*range(1, 23), "X", "Y"))
# Lengths of the primary assemblies (Genome Reference Consortium, GCA_000001405.15 and GCA_000001405.1).
GRCH38 = dict(
    zip(
        (*CHROMOSOMES, "chrM"),
        (
            248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717,
            133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285,
            58617616, 64444167, 46709983, 50818468, 156040895, 57227415, 16569,
        ),
        strict=True,
    )
)  # fmt: skip
GRCH37 = dict(
    zip(
        CHROMOSOMES,
        (
            249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431,
            135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248,
            59128983, 63025520, 48129895, 51304566, 155270560, 59373566,
        ),
        strict=True,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """A stretch that carries simulated variation: 0-based start, half-open end."""

    chrom: str
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def windows() -> list[Window]:
    """All windows in genome order: one long one on chr22, one around each pharmacogene, and short ones far apart.

    Two windows on the two arms of a chromosome are nearly unlinked; many of them make kinship coefficients steady.
    """
    mega = [
        ("chr1", 20.0, 20.25), ("chr1", 97.0, 97.95), ("chr6", 18.0, 18.3), ("chr6", 150.0, 150.25),
        ("chr7", 20.0, 20.25), ("chr7", 99.5, 99.8), ("chr10", 10.0, 10.25), ("chr10", 94.65, 95.05),
        ("chr12", 21.05, 21.35), ("chr12", 110.0, 110.25), ("chr13", 47.9, 48.2), ("chr13", 100.0, 100.25),
        ("chr15", 40.0, 40.25), ("chr15", 90.0, 90.25), ("chr16", 30.95, 31.25), ("chr16", 80.0, 80.25),
        ("chr17", 10.0, 10.25), ("chr17", 70.0, 70.25), ("chr18", 10.0, 10.25), ("chr18", 70.0, 70.25),
        ("chr19", 10.0, 10.25), ("chr19", 50.0, 50.25), ("chr20", 10.0, 10.25), ("chr20", 50.0, 50.25),
        ("chr21", 20.0, 20.25), ("chr21", 44.0, 44.25), ("chr22", 20.0, 22.0),
        ("chrX", 20.0, 20.3), ("chrX", 100.0, 100.3), ("chrX", 140.0, 140.3),
    ]  # fmt: skip
    return [Window(chrom, round(start * 1e6), round(end * 1e6)) for chrom, start, end in mega]
