"""Judges lifting over on the people genotyped in both builds: `python tests/configs/judge_builds.py DATA [GENE …]`.

DATA is the folder of real data (genomics/pgx_panel_1kgp). Every sixth person of the GRCh37 files, every gene that both
builds have: positions known without a chain or FASTA (level standard), then all that the shipped stretches reach
(level lenient, which takes the file's REF where the GRCh38 base is not known). Prints, per gene, what became of the
records, how many genotypes at single-base variants of both builds agree, and the variants that differ most.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from consilium.genomics.intake import reading, vcf
from consilium.genomics.intake.setup import Setup

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
EVERY = 6


def genotypes(path: Path, tables: reading.Tables, names: list[str]) -> tuple[dict, vcf.Report]:
    """(chrom, pos, ref, alt) -> ALT alleles of each of `names` (chosen here when empty); -9 without a call."""
    report = vcf.Report(str(path), "*", tables.setup.validation)

    def choose(given: list[str]) -> list[int]:
        names[:] = names or given[::EVERY]
        at = {n: i for i, n in enumerate(given)}
        return [at[n] for n in names]

    calls = reading.calls_of(path, report, choose, tables)
    out = {}
    for chrom, layers in calls.items():
        for key, gt in zip(layers[0].keys, layers[0].gt, strict=True):
            haploid = gt[:, 1] == -2  # men on X: one build writes one strand, the other two
            counts = np.where(haploid, 2 * gt[:, 0], gt.sum(axis=1))
            out[(chrom, *key)] = np.where((gt == -1).any(axis=1), -9, counts)
    return out, report


def main(data: Path, genes: list[str]) -> None:
    folder = data / "genomics" / "pgx_panel_1kgp"
    shared = sorted(p.name for p in (folder / "GRCh38").glob("*.vcf.gz") if (folder / "GRCh37" / p.name).exists())
    for level in ("standard", "lenient"):
        setup = Setup(RESOURCES / "ancestry_1kgp.tsv", RESOURCES / "build_sites.tsv",
                      (RESOURCES / "star_alleles" / "positions.tsv",), lift_table=RESOURCES / "lift_grch37.tsv",
                      validation=level)  # fmt: skip
        tables = reading.Tables.of(setup)
        total = same = 0
        for name in shared:
            if genes and name.split(".")[0] not in genes:
                continue
            people: list[str] = []
            old, report = genotypes(folder / "GRCh37" / name, tables, people)
            new, _ = genotypes(folder / "GRCh38" / name, tables, people)
            both = [k for k in old.keys() & new.keys() if len(k[2]) == len(k[3]) == 1]
            called = {k: (old[k] >= 0) & (new[k] >= 0) for k in both}
            unlike = {k: int(((old[k] != new[k]) & called[k]).sum()) for k in both}
            n, bad = sum(int(c.sum()) for c in called.values()), sum(unlike.values())
            total, same = total + n, same + n - bad
            worst = sorted(((v, *k) for k, v in unlike.items() if v > 0.02 * len(people)), reverse=True)
            equal = f"{sum(v == 0 for v in unlike.values())} of {len(both)} variants without a difference"
            gene = name.split(".")[0]
            print(level, gene, len(people), equal, f"{n - bad}/{n}", report.lift, worst[:6], sep="\t", flush=True)
        print(level, "all genes", f"{same}/{total} = {same / max(total, 1):.6f}", sep="\t")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
