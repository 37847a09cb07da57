"""Simulated cohorts for benchmarks/genomics.py: msprime genotypes as VCF text, with gaps and, where wanted, depths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

SEED = 20
MISSING = 0.005  # share of genotypes without a call
_BLOCK = 2_500_000  # genotypes written at a time
_HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##contig=<ID=chr1,length=248956422>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth per allele">
"""
_OWN_HEADER = (
    _HEADER
    + """##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Phred likelihoods">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##INFO=<ID=FS,Number=1,Type=Float,Description="Strand bias">
##INFO=<ID=MQ,Number=1,Type=Float,Description="Mapping quality">
##INFO=<ID=QD,Number=1,Type=Float,Description="Quality by depth">
##INFO=<ID=SOR,Number=1,Type=Float,Description="Strand odds">
"""
)


def haplotypes(n_people: int, n_sites: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """Positions (site,) and alleles (site, 2 x person) of neutral variation in one population of Ne 10,000."""
    import msprime

    # Expected sites per base: 4 Ne mu x harmonic number = 1 / 2,000 x harmonic number; a quarter to spare.
    length = round(n_sites * 2500 / sum(1 / i for i in range(1, 2 * n_people)))
    tree = msprime.sim_ancestry(n_people, sequence_length=length, recombination_rate=1e-8, population_size=1e4,
                                random_seed=SEED)  # fmt: skip
    tree = msprime.sim_mutations(tree, rate=1.25e-8, random_seed=SEED, model=msprime.BinaryMutationModel())
    positions = tree.tables.sites.position.astype(np.int64) + 1
    keep = np.flatnonzero(np.diff(positions, prepend=0) > 0)[:n_sites]
    if len(keep) < n_sites:
        raise ValueError(f"{len(keep)} sites simulated, {n_sites} wanted")
    wanted = np.zeros(tree.num_sites, dtype=bool)
    wanted[keep] = True
    out = np.empty((n_sites, 2 * n_people), dtype=np.int8)
    row = 0
    for variant in tree.variants():
        if wanted[variant.site.id]:
            out[row] = variant.genotypes
            row += 1
            if row == n_sites:
                break
    return positions[keep], out


def write(path: Path, positions: npt.NDArray[np.int64], alleles: npt.NDArray[np.int8], rich: bool = False) -> None:
    """bgzip VCF with its index; `rich`: cells GT:GQ:DP:AD instead of GT alone."""
    import pysam

    rng = np.random.default_rng(SEED)
    n = alleles.shape[1] // 2
    bases = np.array(list("ACGT"))
    ref = rng.integers(0, 4, len(positions))
    alt = (ref + rng.integers(1, 4, len(positions))) % 4
    with pysam.BGZFile(str(path), "w", None) as out:
        names = "\t".join(f"P{i:05d}" for i in range(n))
        out.write((_HEADER + f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n").encode())
        height = max(1, _BLOCK // n)
        for start in range(0, len(positions), height):
            block = slice(start, start + height)
            cells = _rich(alleles[block], rng) if rich else _plain(alleles[block], rng)
            for position, r, a, row in zip(positions[block], bases[ref[block]], bases[alt[block]], cells, strict=True):
                form = "GT:GQ:DP:AD" if rich else "GT"
                out.write(f"chr1\t{position}\tv{position}\t{r}\t{a}\t.\tPASS\t.\t{form}\t".encode() + row + b"\n")
    pysam.tabix_index(str(path), preset="vcf", csi=True, force=True)


def _plain(alleles: npt.NDArray[np.int8], rng: np.random.Generator) -> list[bytes]:
    n = alleles.shape[1] // 2
    text = np.full((len(alleles), n, 4), ord("\t"), dtype=np.uint8)
    text[:, :, 0], text[:, :, 1], text[:, :, 2] = ord("0") + alleles[:, 0::2], ord("|"), ord("0") + alleles[:, 1::2]
    text[rng.random((len(alleles), n)) < MISSING, :3] = np.frombuffer(b"./.", dtype=np.uint8)
    return [row.tobytes()[:-1] for row in text]


def _rich(alleles: npt.NDArray[np.int8], rng: np.random.Generator) -> list[bytes]:
    out = []
    for row in alleles:
        depth = rng.poisson(30, len(row) // 2)
        quality = np.minimum(99, 3 * depth)
        alts = rng.binomial(depth, np.array([0.002, 0.5, 0.998])[row[0::2] + row[1::2]])
        gaps = rng.random(len(depth)) < MISSING
        cells = [
            f"./.:{q}:{d}:{d - x},{x}" if gap else f"{a}/{b}:{q}:{d}:{d - x},{x}"
            for gap, a, b, q, d, x in zip(gaps, row[0::2], row[1::2], quality, depth, alts, strict=True)
        ]
        out.append("\t".join(cells).encode())
    return out


def one_person(path: Path, n_sites: int) -> None:
    """bgzip VCF of one person as callers write it, on chr1: GT:AD:DP:GQ:PL, eight INFO values; 16 % insertions and
    deletions, 2 % with two ALTs."""
    import pysam

    rng = np.random.default_rng(SEED)
    step = 248_000_000 // n_sites
    positions = np.arange(n_sites) * step + 10_000 + rng.integers(0, step, n_sites)
    bases = np.array(list("ACGT"))
    ref = rng.integers(0, 4, n_sites)
    alt = (ref + rng.integers(1, 4, n_sites)) % 4
    tails = ["".join(t) for t in bases[rng.integers(0, 4, (64, 3))]]
    kinds, depths, quality = (
        rng.random(n_sites),
        rng.integers(15, 60, n_sites),
        rng.integers(3000, 300_000, n_sites) / 100,
    )
    columns = zip(positions.tolist(), bases[ref], bases[alt], kinds, depths.tolist(), quality, strict=True)
    with pysam.BGZFile(str(path), "w", None) as out:
        out.write((_OWN_HEADER + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP00000\n").encode())
        for position, r, a, kind, depth, phred in columns:
            call, reads = ("1/1", f"0,{depth}") if kind > 0.7 else ("0/1", f"{depth // 2},{depth - depth // 2}")
            if kind < 0.08:
                a = r + tails[position % 64]
            elif kind < 0.16:
                r, a = r + tails[position % 64], r
            elif kind < 0.18:
                a, call, reads = f"{a},{r}AC", "1/2", f"0,{depth // 2},{depth - depth // 2}"
            counts = "AC=1,1;AF=0.500,0.500" if call == "1/2" else "AC=1;AF=0.500"
            info = f"{counts};AN=2;DP={depth};FS={phred % 9:.3f};MQ=60.00;QD={phred / 99:.2f};SOR={phred % 3:.3f}"
            name = f"rs{position}" if kind > 0.3 else "."
            cells = f"{call}:{reads}:{depth}:{min(99, 3 * depth)}"
            cells += "" if call == "1/2" else f":{10 * depth},0,{12 * depth}"
            out.write(
                f"chr1\t{position}\t{name}\t{r}\t{a}\t{phred:.2f}\tPASS\t{info}\tGT:AD:DP:GQ:PL\t{cells}\n".encode()
            )
