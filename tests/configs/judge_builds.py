"""Judges lifting over on the people genotyped in both builds: `python tests/configs/judge_builds.py DATA [GENE …]`.

DATA is the folder of real data (genomics/pgx_panel_1kgp). Every twelfth person of the GRCh37 files, every gene that
both builds have, at the level lenient: all that the shipped stretches reach, with the file's REF where the GRCh38 base
is not known. Prints, per gene, what became of the records, the variants whose genotypes differ in over 2 % of the
people, and every difference at a star-allele position; then the sums.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from consilium.genomics.intake import reading, vcf
from consilium.genomics.intake.setup import Setup

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
STARS = RESOURCES / "star_alleles" / "positions.tsv"
EVERY = 12


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


def star_positions() -> set[tuple[str, int]]:
    with open(STARS, encoding="utf-8") as handle:
        return {(r["chrom"], int(r["pos"])) for r in csv.DictReader(handle, delimiter="\t")}


def main(data: Path, genes: list[str]) -> None:
    folder = data / "genomics" / "pgx_panel_1kgp"
    shared = sorted(p.name for p in (folder / "GRCh38").glob("*.vcf.gz") if (folder / "GRCh37" / p.name).exists())
    setup = Setup(RESOURCES / "ancestry_1kgp.tsv", RESOURCES / "build_sites.tsv", (STARS,),
                  lift_table=RESOURCES / "lift_grch37.tsv", validation="lenient")  # fmt: skip
    tables, stars = reading.Tables.of(setup), star_positions()
    totals = {"single bases": [0, 0], "star-allele positions": [0, 0]}
    for name in shared:
        if genes and name.split(".")[0] not in genes:
            continue
        people: list[str] = []
        old, report = genotypes(folder / "GRCh37" / name, tables, people)
        new, _ = genotypes(folder / "GRCh38" / name, tables, people)
        unlike, called = {}, {}
        for k in (k for k in old.keys() & new.keys() if len(k[2]) == len(k[3]) == 1):
            both = (old[k] >= 0) & (new[k] >= 0)
            called[k], unlike[k] = int(both.sum()), int(((old[k] != new[k]) & both).sum())
        for which, chosen in (
            ("single bases", unlike),
            ("star-allele positions", [k for k in unlike if k[:2] in stars]),
        ):
            totals[which][0] += sum(unlike[k] for k in chosen)
            totals[which][1] += sum(called[k] for k in chosen)
        worst = sorted(((v, *k) for k, v in unlike.items() if v > 0.02 * len(people)), reverse=True)
        odd = [(unlike[k], *k) for k in sorted(unlike) if k[:2] in stars and unlike[k]]
        equal = f"{sum(v == 0 for v in unlike.values())} of {len(unlike)} variants without a difference"
        print(name.split(".")[0], len(people), equal, report.lift, len(worst), worst[:6], odd, sep="\t", flush=True)
    for which, (bad, n) in totals.items():
        print(f"{which}: {n - bad} of {n} genotypes equal ({1 - bad / max(n, 1):.6f})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
