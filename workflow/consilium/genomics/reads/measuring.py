"""One patient's reads: depth of regions and windows, sex by depth, copies of CYP2D6."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.store import write_facts
from consilium.genomics.decoding.variants import scratch as scratch_folder
from consilium.genomics.reads import alignments as reads
from consilium.genomics.reads import coverage, cyp2d6, fragments, sex
from consilium.genomics.reads.paralogues import Sites, differing_sites
from consilium.genomics.reads.regions import Gene, Region, Window, read_genes, regions, windows
from consilium.genomics.stars.tables import read_genes as read_definitions

if TYPE_CHECKING:
    import pysam

KINDS = ("bam", "cram")


@dataclass(frozen=True)
class Setup:
    """What is measured, for every patient alike; read inside the worker, so that it can be sent to another process.

    alleles: folder of the tables of CYP2D6's star alleles; None = its bases are not read.
    """

    genes: Path
    minimum: int
    genes_bed: Path | None = None
    targets_bed: Path | None = None
    reference: Path | None = None
    alleles: Path | None = None

    def load(self) -> tuple[list[Gene], list[Region], list[Window]]:
        return _loaded(self.genes, self.genes_bed, self.targets_bed)


@lru_cache(maxsize=1)
def _loaded(
    table: Path, genes_bed: Path | None, targets_bed: Path | None
) -> tuple[list[Gene], list[Region], list[Window]]:
    genes = read_genes(table)
    places = regions(genes, genes_bed, targets_bed)
    return genes, places, windows(places, genes)


def depth_patient(task: Task, folder: Path, setup: Setup) -> list[Problem]:
    """Write regions.npy, windows.npy (see coverage.measure) and depth.json from the patient's first good reads; where
    CYP2D6's alleles are wanted, cyp2d6_bases.npy (rows of `fragments.SEEN`) and the twin's bases.

    Files that cannot be used are named by the stage `reads`, so they are passed over here.
    """
    for sample in (s for s in task.samples if s.kind in KINDS):
        file = reads.ReadsFile(Path(sample.path), task.patient, setup.reference)
        try:
            reads.check(file)
        except InputError:
            continue
        _measure(file, sample.sample, folder, setup)
        break
    return []


def _measure(file: reads.ReadsFile, sample: str, folder: Path, setup: Setup) -> None:
    genes, places, parts = setup.load()
    with scratch_folder(folder) as scratch, reads.indexed(file, scratch) as alignments:
        source = coverage.source(file, alignments, scratch, places)
        found, sums = coverage.measure(file, source, places, parts, setup.minimum)
        copies = _cyp2d6(alignments, setup.reference, genes, parts, sums)
        bases = _cyp2d6_bases(alignments, setup, genes, copies)
        by_depth = _sex(alignments, file, parts, sums)
    if bases is not None:
        np.save(folder / fragments.FILE, bases[0])
    np.save(folder / "regions.npy", found)
    np.save(folder / "windows.npy", sums)
    twin = [] if bases is None else bases[1].tolist()
    write_facts(folder / "depth.json", {"sample": sample, "file": str(file.path), "cyp2d6": asdict(copies),
                                        "cyp2d6_twin": twin, "sex": asdict(by_depth)})  # fmt: skip


def mean_depth(parts: list[Window], sums: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.asarray(sums / np.array([w.end - w.start for w in parts], dtype=float))


def _sex(alignments: pysam.AlignmentFile, file: reads.ReadsFile, parts: list[Window], sums: Any) -> sex.SexByDepth:
    names = reads.contig_names(alignments)
    whole = None
    if reads.kind_of(file.path) == "BAM":  # CRAM: its index does not count reads
        counted = {s.contig: s.mapped for s in alignments.get_index_statistics()}
        whole = sex.from_contigs({c: counted.get(n, 0) for c, n in names.items()})
    return whole or sex.from_windows(parts, mean_depth(parts, sums).tolist())


def _cyp2d6(
    alignments: pysam.AlignmentFile, fasta: Path | None, genes: list[Gene], parts: list[Window], sums: Any
) -> cyp2d6.Copies:
    """Copies of CYP2D6, or why they are not called."""
    if fasta is None:
        return cyp2d6.Copies(reason="no reference FASTA (genomics.reference)")
    own, other = (next(g for g in genes if g.name == n) for n in ("CYP2D6", "CYP2D7"))
    used = tuple(i for i, w in enumerate(parts) if w.steady or {own.name, other.name} & set(w.genes.split(",")))
    gc, sites = _reference_facts(fasta, tuple(parts[i] for i in used), own, other)
    picked = [parts[i] for i in used]
    size = np.array([w.end - w.start for w in picked], dtype=float)
    mine = np.array([own.name in w.genes.split(",") for w in picked])
    twin = np.array([other.name in w.genes.split(",") for w in picked])
    weight = np.where(mine, size / max(size[mine].sum(), 1), np.where(twin, size / max(size[twin].sum(), 1), 0.0))
    depths = cyp2d6.Depths(mean_depth(parts, sums)[list(used)], gc, weight)
    names = reads.contig_names(alignments)
    if own.chrom not in names:
        return cyp2d6.Copies(reason=f"no {own.chrom} in the reads")
    own_reads, other_reads, length = site_reads(alignments, names[own.chrom], sites)
    exons = np.array(own.exons, dtype=np.int64)
    return cyp2d6.call(depths, sites, own_reads, other_reads, length, exons)


def _cyp2d6_bases(
    alignments: pysam.AlignmentFile, setup: Setup, genes: list[Gene], copies: cyp2d6.Copies
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int8]] | None:
    """Bases of CYP2D6's fragments at its defining positions, and the twin's; None where its copies are not known, or
    some of them are hybrids."""
    if not setup.alleles or not setup.reference or copies.copies < 1 or copies.hybrid:
        return None
    own, other = (next(g for g in genes if g.name == n) for n in ("CYP2D6", "CYP2D7"))
    loci = read_definitions(setup.alleles)["CYP2D6"].loci
    sites, twin = _twins(setup.reference, own, other)
    name = reads.contig_names(alignments)[own.chrom]
    return fragments.seen(alignments, name, sites, loci, twin), fragments.twin_codes(loci, twin)


@lru_cache(maxsize=1)
def _twins(fasta: Path, own: Gene, other: Gene) -> tuple[Sites, fragments.Twin]:
    """Sites that tell the two genes apart, and their bases place by place."""
    import pysam

    with pysam.FastaFile(str(fasta)) as bases:
        name = {reads.canonical(n): n for n in reversed(bases.references)}[own.chrom]
        one, two = (bases.fetch(name, g.start, g.end) for g in (own, other))
    return _sites(one, own, two, other), fragments.Twin.of(one, own.start, two, other.start)


def _sites(one: str, own: Gene, two: str, other: Gene) -> Sites:
    return differing_sites(one, own.start, two, other.start).without(*cyp2d6.CONVERTED)


@lru_cache(maxsize=2)
def _reference_facts(
    fasta: Path, parts: tuple[Window, ...], own: Gene, other: Gene
) -> tuple[npt.NDArray[np.float64], Sites]:
    """GC content of the windows (NaN without bases), and the sites that tell the two genes apart."""
    import pysam

    nothing = np.empty(0, dtype=np.int64)
    sites = Sites(nothing, nothing, nothing.astype(np.uint8), nothing.astype(np.uint8))
    gc = np.full(len(parts), np.nan)
    with pysam.FastaFile(str(fasta)) as bases:
        names = {reads.canonical(n): n for n in reversed(bases.references)}
        for i, window in enumerate(parts):
            if window.chrom in names:
                gc[i] = _gc(bases.fetch(names[window.chrom], window.start, window.end))
        if own.chrom in names:
            one, two = (bases.fetch(names[g.chrom], g.start, g.end) for g in (own, other))
            if len(one) and len(two) and not {"N"} & set((one + two).upper()):
                sites = _sites(one, own, two, other)
    return gc, sites


def _gc(sequence: str) -> float:
    text = sequence.upper()
    known = sum(text.count(b) for b in "ACGT")
    return (text.count("G") + text.count("C")) / known if known >= 0.9 * max(len(text), 1) else float("nan")


def site_reads(
    alignments: pysam.AlignmentFile, name: str, sites: Sites
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:
    """Reads with the gene's and with the twin's base at each site, at either place, and the mean read length.

    Mapping quality is not looked at: reads that fit both genes are placed at random, and both places are counted.
    """
    counts = np.zeros((2, len(sites)), dtype=np.int64)
    lengths: list[int] = []

    def counted(read: Any) -> bool:
        lengths.append(read.query_length)
        return not read.flag & reads.UNUSED

    if not len(sites):
        return counts[0], counts[1], 0.0
    for places in (sites.own, sites.other):
        first, last = int(places.min()), int(places.max()) + 1
        letters = np.array(
            alignments.count_coverage(name, first, last, quality_threshold=reads.MINIMUM_BASE_QUALITY,
                                      read_callback=counted), dtype=np.int64
        )  # fmt: skip
        for row, bases in enumerate((sites.own_base, sites.other_base)):
            column = np.searchsorted(np.frombuffer(b"ACGT", dtype=np.uint8), bases)
            counts[row] += letters[column, places - first]
    return counts[0], counts[1], float(np.mean(lengths)) if lengths else 0.0
