"""Chromosomes 22 of simulated people around CYP2D6: those of real people, with the gene deleted, doubled or
mixed with its twin."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam
from consilium.genomics.reads.cyp2d6 import CONVERTED
from consilium.genomics.reads.fragments import Twin
from consilium.genomics.reads.paralogues import Sites, differing_sites
from consilium.genomics.reads.regions import Gene as Region
from consilium.genomics.reads.regions import read_genes as read_regions
from consilium.genomics.stars.alleles import scored
from consilium.genomics.stars.tables import Gene

GENES = Path(__file__).resolve().parents[2] / "resources" / "gene_regions.tsv"
START, END = 42_121_000, 42_147_000  # 0-based stretch of chr22 that is simulated
UNIT = 42_123_191, 42_135_343  # between the repeats: deleted in *5, doubled in a duplication
COMES_WITH = 42_127_941  # 1-based position of 2851C>T
VARYING = 0.002  # of the sites of CYP2D7 carry CYP2D6's base
SWITCH = {"*13": 42_129_600, "*36": 42_126_760, "*68": 42_130_300}  # where hybrids change from one gene to the other
Variant = tuple[int, str, str]


@dataclass(frozen=True)
class Locus22:
    """The stretch of the reference with its two genes. gene: definitions; meanings: activities."""

    bases: str
    own: Region
    other: Region
    sites: Sites  # all; see `telling`
    twin: Twin
    gene: Gene
    meanings: Gene

    @classmethod
    def of(cls, fasta: Path, gene: Gene, meanings: Gene) -> Locus22:
        with pysam.FastaFile(str(fasta)) as file:
            bases = file.fetch("chr22", START, END).upper()
        regions = {g.name: g for g in read_regions(GENES)}
        own, other = regions["CYP2D6"], regions["CYP2D7"]
        one, two = (bases[g.start - START : g.end - START] for g in (own, other))
        twin = Twin.of(one, own.start, two, other.start)
        return cls(bases, own, other, differing_sites(one, own.start, two, other.start), twin, gene, meanings)

    @property
    def telling(self) -> Sites:
        """Sites as the workflow uses them."""
        return self.sites.without(*CONVERTED)

    @property
    def exons(self) -> npt.NDArray[np.int64]:
        return np.array(self.own.exons, dtype=np.int64)

    def gene_windows(self, alignments: pysam.AlignmentFile) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Mean depth of stretches of at most 1 kb of both genes, and the share of its gene that each has."""
        depth, weight = [], []
        for g in (self.own, self.other):
            edges = np.linspace(g.start, g.end, -(-(g.end - g.start) // 1000) + 1).astype(int)
            counts = np.sum(alignments.count_coverage("chr22", g.start, g.end, quality_threshold=0), axis=0)
            for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                depth.append(counts[a - g.start : b - g.start].mean())
                weight.append((b - a) / (g.end - g.start))
        return np.array(depth), np.array(weight)


def person(where: Locus22, panel: Panel, names: str, rng: np.random.Generator) -> list[str]:
    """Both chromosomes of a diplotype such as *2x2/*4."""
    return [_chromosome(where, panel, name, rng) for name in names.split("/")]


def _chromosome(where: Locus22, panel: Panel, name: str, rng: np.random.Generator) -> str:
    before, after = where.bases[: UNIT[0] - START], where.bases[UNIT[1] - START :]
    twin = dict(zip(where.sites.other.tolist(), map(chr, where.sites.own_base), strict=True))
    after = _put(after, UNIT[1], {p: b for p, b in twin.items() if rng.random() < VARYING})
    if name == "*5":
        return before + after
    if name == "*13":
        own, other = _switch(where, SWITCH[name])
        return before + where.bases[UNIT[0] - START : own - START] + after[other - UNIT[1] :]
    genes = [_gene(where, panel, part, rng) for part in name.split("+")]
    return before + "".join(genes) + after


def _gene(where: Locus22, panel: Panel, name: str, rng: np.random.Generator) -> str:
    """One gene between its repeats, or several equal ones; hybrids begin as CYP2D6 and end as CYP2D7."""
    allele, _, copies = name.partition("x")
    if allele not in SWITCH:
        return _unit(where, panel.drawn(allele, rng)) * int(copies or 1)
    own, other = _switch(where, SWITCH[allele])
    return where.bases[UNIT[1] - START : other - START] + where.bases[own - START : UNIT[1] - START]


def _switch(where: Locus22, place: int) -> tuple[int, int]:
    """A place in CYP2D6 and the same one in CYP2D7."""
    beside = where.twin.beside()
    own = next(p for p in range(place, where.own.end) if p in beside)
    return own, beside[own]


def _unit(where: Locus22, variants: Sequence[Variant]) -> str:
    """The deleted or doubled stretch of the reference with the variants of one chromosome."""
    unit = where.bases[UNIT[0] - START : UNIT[1] - START]
    if any(pos == COMES_WITH for pos, _, _ in variants):
        twin = zip(where.sites.own.tolist(), map(chr, where.sites.other_base), strict=True)
        unit = _put(unit, UNIT[0], {p: b for p, b in twin if CONVERTED[0] <= p < CONVERTED[1]})
    done = UNIT[1]
    for pos, ref, alt in sorted(variants, reverse=True):  # from the end: an indel moves what follows
        at = pos - 1 - UNIT[0]
        if pos - 1 + len(ref) > done:
            continue  # beneath another variant
        if where.bases[pos - 1 - START : pos - 1 - START + len(ref)] != ref:
            raise SystemExit(f"chr22:{pos}: the FASTA has another base than {ref}")
        unit, done = unit[:at] + alt + unit[at + len(ref) :], pos - 1
    return unit


def _put(text: str, start: int, bases: dict[int, str]) -> str:
    letters = list(text)
    for place, base in bases.items():
        if 0 <= place - start < len(letters):
            letters[place - start] = base
    return "".join(letters)


@dataclass(frozen=True)
class Panel:
    """Chromosomes of real people by their star allele: variants (1-based position, REF, ALT) of each."""

    chromosomes: dict[str, list[tuple[Variant, ...]]]

    @classmethod
    def read(cls, vcf: Path, gene: Gene, people: set[str]) -> Panel:
        """Of phased genotypes, the strands of `people` between the repeats."""
        with gzip.open(vcf, "rt") as lines:
            header = next(line for line in lines if line.startswith("#CHROM")).split()
            columns = [i for i, name in enumerate(header) if name in people]
            carried: list[list[Variant]] = [[] for _ in range(2 * len(columns))]
            for line in lines:
                cells = line.rstrip("\n").split("\t")
                pos, ref, alts = int(cells[1]), cells[3], cells[4].split(",")
                if UNIT[0] < pos < UNIT[1] - len(ref) and not any(a.startswith("<") or a == "*" for a in alts):
                    for k, i in enumerate(columns):
                        for s, code in enumerate(cells[i][:3].split("|")):
                            if code not in ".0":
                                carried[2 * k + s].append((pos, ref, alts[int(code) - 1]))
        found: dict[str, list[tuple[Variant, ...]]] = {}
        for variants in map(tuple, carried):
            codes = _codes(gene, variants)
            if fitting := scored(gene, codes):
                best = max(fitting, key=lambda pair: (pair[1], -pair[0]))[0]
                found.setdefault(gene.core[best], []).append(variants)
        return cls(found)

    def drawn(self, allele: str, rng: np.random.Generator) -> tuple[Variant, ...]:
        choice = self.chromosomes[allele]
        return choice[int(rng.integers(len(choice)))]


def _codes(gene: Gene, variants: Sequence[Variant]) -> npt.NDArray[np.int8]:
    at = {v: (i, c) for i, locus in enumerate(gene.loci) for c, alt in enumerate(locus.alts, start=1)
          for v in [(locus.pos, locus.ref, alt)]}  # fmt: skip
    out = np.zeros(len(gene.loci), dtype=np.int8)
    for variant in variants:
        if variant in at:
            i, code = at[variant]
            out[i] = code
    return out
