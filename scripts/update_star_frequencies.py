"""Count star alleles in the 1000 Genomes people and write resources/star_alleles/frequencies.tsv.

python scripts/update_star_frequencies.py --panel FOLDER --people ref.psam --related ref.king.cutoff.id \
    --exclude PEOPLE.tsv [PEOPLE.tsv ...] --tables resources/star_alleles

FOLDER holds GRCh38/<GENE>.vcf.gz (phased, 3,202 people) and GRCh37/DPYD.vcf.gz (phased, 2,504 people; that gene's
positions differ between the builds by a constant, checked here against every rsID both files name). Related people
are left out, and the people of --exclude (first column) with everybody whom the pedigree connects with them, so that
the result can be judged on them. The panel was called jointly: a defining position without a record had no carrier
among its people, so here, and only here, it counts as reference. Two exceptions: a gene with a position outside the
span of its file gets no rows (frequencies unknown), and a position of UNMEASURED, which the panel lacks although it
varies, is left open: a chromosome is divided equally among the alleles that the open base allows, since nothing speaks
for one of them.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from update_ancestry_reference import families, first_column, pedigree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.genomics.cohort.genotypes import open_genotypes
from consilium.genomics.stars.alleles import scored
from consilium.genomics.stars.lowest import carried
from consilium.genomics.stars.observed import UNTESTED, observe
from consilium.genomics.stars.tables import Gene, read_genes

POPULATIONS = ("AFR", "AMR", "EAS", "EUR", "SAS")
DPYD_SHIFT = -465_556  # GRCh38 minus GRCh37
# CYP2B6 785A>G tells *6 from *9 and *4 from *1; both panels of 1000 Genomes lack it (reads also fit the pseudogene).
UNMEASURED = {"CYP2B6": ("rs2279343",)}


def write_vcf(source: Path, target: Path, gene: Gene, shift: int) -> None:
    """A copy with nothing but genotypes, `chr` names and shifted positions; indexed.

    Where the older build has the other base as reference (c.85T>C), REF, ALT and calls are turned round.
    """
    import pysam

    reference = {locus.pos: locus.ref for locus in gene.loci}
    turned = str.maketrans("01", "10")
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    body, contig = [], ""
    with gzip.open(source, "rt") as handle:
        for line in handle:
            if line.startswith("#CHROM"):
                columns = line
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if "<" in cells[4]:
                continue
            at = cells[8].split(":").index("GT")
            contig = "chr" + cells[0].removeprefix("chr")
            calls = [c.split(":")[at] for c in cells[9:]]
            pos, (name, ref, alt) = int(cells[1]) + shift, cells[2:5]
            if shift and alt == reference.get(pos) and len(ref) == len(alt) == 1:
                ref, alt, calls = alt, ref, [c.translate(turned) for c in calls]
            body.append("\t".join([contig, str(pos), name, ref, alt, ".", "PASS", ".", "GT", *calls]))
    header += [f"##contig=<ID={contig}>", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    target.write_text("\n".join(header) + "\n" + columns + "\n".join(body) + "\n")
    pysam.tabix_index(str(target), preset="vcf", force=True)


def check_shift(source: Path, gene: Gene) -> int:
    """Number of rsIDs at which the constant shift holds; stops at the first where it does not."""
    at = {locus.rsid: locus.pos for locus in gene.loci if locus.rsid}
    agreed = 0
    with gzip.open(source, "rt") as handle:
        for line in handle:
            cells = line.split("\t", 3)
            if not line.startswith("#") and cells[2] in at:
                if int(cells[1]) + DPYD_SHIFT != at[cells[2]]:
                    raise SystemExit(f"{cells[2]}: {cells[1]} + {DPYD_SHIFT} is not {at[cells[2]]}")
                agreed += 1
    return agreed


def chromosomes(
    gene: Gene, vcf: Path, populations: dict[str, str], scratch: Path
) -> Iterator[tuple[str, np.ndarray]]:  # fmt: skip
    """(population, code at each position) of every chromosome of the people counted; sites that nobody carries a
    variant at have no record in the panel (see `covered`) and are REF."""
    from bio2zarr import vcf as to_zarr

    store = scratch / f"{gene.name}.vcz"
    to_zarr.convert([vcf], store, worker_processes=0)
    with open_genotypes(store) as genotypes:
        seen = observe(genotypes, gene)
        for sample, person, haploid in zip(genotypes.samples, seen.codes, seen.haploid, strict=True):
            if sample not in populations:
                continue
            for strand in (0,) if haploid else (0, 1):
                yield populations[sample], np.where(person[:, strand] == UNTESTED, 0, person[:, strand])


def counts(gene: Gene, vcf: Path, populations: dict[str, str], scratch: Path) -> dict[str, dict[str, float]]:
    """Population -> chromosomes per allele; "chromosomes" holds their number."""
    out: dict[str, dict[str, float]] = {p: defaultdict(float) for p in POPULATIONS}
    for population, sequence in chromosomes(gene, vcf, populations, scratch):
        tally = out[population]
        tally["chromosomes"] += 1
        choices = [strand_alleles(gene, s) for s in open_sequences(gene, sequence)]
        for allele in (a for alleles in choices for a in alleles):
            tally[allele] += 1 / len(choices)
    return out


def open_sequences(gene: Gene, sequence: np.ndarray) -> list[np.ndarray]:
    """The strand with every base that its unmeasured positions could have; the strand alone where all are measured."""
    at = [i for i, locus in enumerate(gene.loci) if locus.rsid in UNMEASURED.get(gene.name, ())]
    out = []
    for bases in product(*(range(len(gene.loci[i].alts) + 1) for i in at)):
        filled = sequence.copy()
        filled[at] = bases
        out.append(filled)
    return out


def covered(vcf: Path, gene: Gene) -> bool:
    """The file has records on both sides of the gene's positions: a site without record is a site without carriers."""
    with gzip.open(vcf, "rt") as handle:
        positions = [int(line.split("\t", 2)[1]) for line in handle if not line.startswith("#")]
    return min(positions) <= gene.loci[0].pos and max(positions) >= gene.loci[-1].pos


def strand_alleles(gene: Gene, sequence: np.ndarray) -> list[str]:
    """Names to count for one chromosome: its haplotype, or, by the lowest-function rule, each variant it carries."""
    if (sequence < 0).any():
        return []
    if gene.strategy == "lowest_function":
        return [gene.alleles[a] for a in carried(gene, sequence)] or [gene.alleles[gene.reference]]
    fitting = scored(gene, sequence)
    return [gene.alleles[max(fitting, key=lambda pair: (pair[1], -pair[0]))[0]]] if fitting else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("panel", "people", "related", "tables"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--exclude", type=Path, nargs="+", required=True, help="TSVs of people who are not counted")
    parser.add_argument("--genes", nargs="*", help="count these only; the others' rows stay as they are")
    options = parser.parse_args()
    populations, near = pedigree(options.people)
    left_out = families({name for path in options.exclude for name in first_column(path)}, near)
    left_out |= first_column(options.related)
    populations = {name: group for name, group in populations.items() if name not in left_out}
    print(f"{len(populations)} people counted", file=sys.stderr)
    table = options.tables / "frequencies.tsv"
    lines = ["\t".join(["gene", "allele", *POPULATIONS])]
    before = table.read_text().splitlines()[1:] if options.genes else []
    for name, gene in read_genes(options.tables).items():
        if not gene.loci:  # never read from genotypes
            continue
        if options.genes and name not in options.genes:
            lines += [row for row in before if row.startswith(f"{name}\t")]
            continue
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            source = options.panel / ("GRCh37" if name == "DPYD" else "GRCh38") / f"{name}.vcf.gz"
            if not source.exists():
                print(f"{name}: not in the panel, frequencies unknown", file=sys.stderr)
                continue
            if name == "DPYD":
                print(f"DPYD: shift holds at {check_shift(source, gene)} rsIDs", file=sys.stderr)
            if name != "DPYD" and not covered(source, gene):
                print(f"{name}: positions outside the panel's file, frequencies unknown", file=sys.stderr)
                continue
            write_vcf(source, scratch / f"{name}.vcf", gene, DPYD_SHIFT if name == "DPYD" else 0)
            found = counts(gene, scratch / f"{name}.vcf.gz", populations, scratch)
        for allele in ("chromosomes", *gene.alleles):
            row = [found[p][allele] for p in POPULATIONS]
            if sum(row):
                lines.append("\t".join([name, allele, *(f"{n:g}" for n in row)]))
    table.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
