"""How often star alleles of CYP2D6 are called right from simulated reads of GRCh38's own sequences.

    python benchmarks/cyp2d6_alleles.py --fasta GRCh38.fa --panel CYP2D6.vcf.gz --people ref.psam \
        --not-counted PEOPLE.tsv [PEOPLE.tsv ...] [--repeats 2] [--out benchmarks/cyp2d6_alleles.tsv]

Needs mappy (minimap2's Python package) besides the workflow's: read pairs are placed by a real aligner, at
chr22:42.121 to 42.147 Mb of the FASTA, with CYP2D7 present. A person is two chromosomes of the 1000 Genomes panel, with
all their variants, of people who are not in the allele frequencies (the --exclude of update_star_reads.py); CYP2D6 is
deleted (*5) or doubled as it stands. Those with 2851C>T also have CYP2D7's bases in a stretch of intron 1, which the
panel does not show; of CYP2D7's sites 0.2 % carry CYP2D6's base. Pairs of 150 bases, fragments of 420 (SD 80), errors
by the base quality (0.23 % on average). Depth of the control windows varies by 8 % and falls by 30 % from 40 to 60 %
GC; the genes' depth is off by 3 %. Columns: group of diplotypes, depth, people; not called; right (the true diplotype,
alone); several diplotypes, with the true one or its activity; wrong (neither).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pysam

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from consilium.genomics.reads import cyp2d6, fragments, measuring
from consilium.genomics.stars.from_reads import Evidence, call_reads
from consilium.genomics.stars.meant import meant
from consilium.genomics.stars.pharmacogenes import Finding
from consilium.genomics.stars.tables import read_genes
from consilium.simulate import paralogues as simulated
from cyp2d6_bench.people import Locus22, Panel, person
from cyp2d6_bench.reads import Aligner, write_bam
from update_ancestry_reference import families, first_column, pedigree

ROOT = Path(__file__).resolve().parents[1]
ALLELES = ("*1", "*2", "*3", "*4", "*6", "*9", "*10", "*17", "*29", "*35", "*41")
DOUBLED = ("*1/*1x2", "*1x2/*2", "*1/*2x2", "*2x2/*4", "*2/*4x2", "*1/*4x2", "*1x2/*4", "*1x2/*10", "*1/*10x2",
           "*2x2/*41", "*2/*41x2", "*1x2/*3", "*1/*3x2", "*2x2/*17", "*4/*35x2", "*4x2/*35", "*1x3/*2",
           "*2/*2x3")  # fmt: skip
HYBRID = (
    "*1/*36+*10",
    "*2/*36+*10",
    "*10/*36+*10",
    "*1/*68+*4",
    "*2/*68+*4",
    "*4/*68+*4",
    "*1/*13",
    "*2/*13",
    "*4/*36",
)
GC_BIAS = 0.3


def diplotypes() -> dict[str, list[str]]:
    pairs = ["/".join(p) for p in combinations_with_replacement(ALLELES, 2)]
    return {"two copies": pairs, "one copy": [f"{a}/*5" for a in ALLELES], "no copy": ["*5/*5"],
            "more than two copies": [*DOUBLED], "with a hybrid": [*HYBRID]}  # fmt: skip


def called(
    where: Locus22, panel: Panel, aligner: Aligner, names: str, depth: float, rng: np.random.Generator, folder: Path
) -> Finding:
    """The finding of one simulated person."""
    level = depth * (1 - GC_BIAS) * rng.lognormal(0, 0.03)
    bam = write_bam(folder / "a.bam", aligner, person(where, panel, names, rng), level, rng)
    controls, gc = simulated.window_depths(1500, depth, rng, bias=GC_BIAS)
    with pysam.AlignmentFile(str(bam)) as alignments:
        own, other, length = measuring.site_reads(alignments, "chr22", where.telling)
        depths, weight = where.gene_windows(alignments)
        windows = cyp2d6.Depths(
            np.concatenate([controls, depths]),
            np.concatenate([gc, np.full(len(depths), 0.6)]),
            np.concatenate([np.zeros(len(controls)), weight]),
        )
        copies = cyp2d6.call(windows, where.telling, own, other, length, where.exons)
        seen = fragments.seen(alignments, "chr22", where.telling, where.gene.loci, where.twin)
    found = Evidence(
        {"copies": copies.copies, "hybrid": copies.hybrid, "reason": copies.reason},
        seen,
        fragments.twin_codes(where.gene.loci, where.twin),
    )
    return call_reads(where.gene, where.meanings, found)


def verdict(where: Locus22, finding: Finding, names: str) -> str:
    """not called, right, among (several diplotypes or phenotypes, the true one too), wrong."""
    if finding.call == "not_called":
        return "not called"
    truth = meant(where.meanings, names, "", float("nan"))
    named = {tuple(sorted(name.split("/"))) for name in finding.diplotypes}
    wanted = tuple(sorted(truth.diplotype.split("/")))
    if named == {wanted}:
        return "right"
    same = finding.phenotypes == (truth.phenotype,) and finding.activity_score == truth.score
    return "among" if same or wanted in named else "wrong"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--panel", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--not-counted", type=Path, nargs="+", required=True)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--depths", type=float, nargs="*", default=[15, 30, 45])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    tables = {n: ROOT / "resources" / n for n in ("star_alleles", "star_alleles_reads")}
    genes = {n: read_genes(p)["CYP2D6"] for n, p in tables.items()}
    where = Locus22.of(options.fasta, genes["star_alleles_reads"], genes["star_alleles"])
    near = pedigree(options.people)[1]
    free = families({name for path in options.not_counted for name in first_column(path)}, near)
    panel = Panel.read(options.panel, where.gene, free)
    print({a: len(panel.chromosomes.get(a, [])) for a in ALLELES}, file=sys.stderr)
    aligner = Aligner(where)
    untested: Counter[str] = Counter()
    rows = ["group\tdepth\tpeople\tnot called\tright\tamong several\twrong"]
    with tempfile.TemporaryDirectory() as folder:
        for depth in options.depths:
            for group, names in diplotypes().items():
                tally = dict.fromkeys(("not called", "right", "among", "wrong"), 0)
                chosen = [n for n in names if not options.only or n in options.only]
                for name in chosen:
                    for seed in range(options.repeats):
                        rng = np.random.default_rng([seed, int(depth), *map(ord, name)])
                        finding = called(where, panel, aligner, name, depth, rng, Path(folder))
                        result = verdict(where, finding, name)
                        tally[result] += 1
                        if result != "not called":
                            untested.update(u["position"] for u in finding.untested)
                        if result != "right":
                            print(depth, name, result, finding.diplotypes, finding.activity_score, finding.reason[52:],
                                  file=sys.stderr, flush=True)  # fmt: skip
                counts = [len(chosen) * options.repeats, *tally.values()]
                rows.append("\t".join([group, f"{depth:g}", *map(str, counts)]))
    print("untested in people who were called:", untested.most_common(12), file=sys.stderr)
    text = "\n".join(rows) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
