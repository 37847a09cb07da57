"""Standardised polygenic scores of people of the 1000 Genomes Project who are not in the fit.

Each half of the unrelated people is judged by a fit on the other half. Prints mean and SD of Z_norm2 per group; the
same over 200 random halves (fit on one, judge the other), beside what perfect standard normal numbers would give.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from consilium.genomics.scores import adjustment, panel_genotypes, reference_making
from consilium.genomics.scores.matching import Rules
from consilium.genomics.scores.rows import read_scores
from consilium.genomics.structure.ancestry import MINIMUM_SITES
from consilium.genomics.structure.components import read_components
from consilium.genomics.structure.projection import project

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
SCORE = "genomics/prs_1kgp/PGS000586_hmPOS_GRCh38.txt.gz"
PANEL = ("genomics/prs_1kgp/PGS000586_GRCh38.vcf.gz", "genomics/cohort_1kgp/tiny1000G.vcf.gz")
SPLITS = 200


def judged(scores: np.ndarray, places: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Z_norm2 of those who are not `fitted`."""
    centre, scale = places[fitted].mean(axis=0), places[fitted].std(axis=0)
    standard = (places - centre) / scale
    model = adjustment.fit(scores[fitted], standard[fitted])
    return adjustment.normalised(model, scores[~fitted], standard[~fitted])[1]


def table(z: np.ndarray, groups: np.ndarray) -> list[str]:
    lines = ["| group | n | mean | SD |", "|---|---|---|---|"]
    for name in sorted(set(groups)):
        inside = z[groups == name]
        lines.append(f"| {name} | {len(inside)} | {inside.mean():.3f} | {inside.std(ddof=1):.3f} |")
    return lines


def splits(scores: np.ndarray, places: np.ndarray, groups: np.ndarray) -> list[str]:
    """Over random halves: per group, mean and spread of the held-out mean and SD; how often all groups keep to .1."""
    rng = np.random.default_rng(1)
    names = sorted(set(groups))
    found: dict[str, list[np.ndarray]] = {"scores": [], "standard normal numbers": []}
    for _ in range(SPLITS):
        fitted = rng.permutation(len(scores)) % 2 == 0
        drawn = rng.normal(size=len(scores))
        for kind, values in (("scores", scores), ("standard normal numbers", drawn)):
            z = judged(values, places, fitted)
            found[kind].append(np.array([[z[groups[~fitted] == n].mean(), z[groups[~fitted] == n].std(ddof=1)]
                                         for n in names]))  # fmt: skip
    lines = [
        "| judged | group | mean of means | SD of means | mean of SDs | all groups within .1 |",
        "|---|---|---|---|---|---|",
    ]
    for kind, halves in found.items():
        all_of = np.array(halves)
        kept = ((np.abs(all_of[:, :, 0]) < 0.1) & (np.abs(all_of[:, :, 1] - 1) < 0.1)).all(axis=1).mean()
        for k, n in enumerate(names):
            mean, spread, sd = all_of[:, k, 0].mean(), all_of[:, k, 0].std(), all_of[:, k, 1].mean()
            lines.append(f"| {kind} | {n} | {mean:.3f} | {spread:.3f} | {sd:.3f} | {kept:.1%} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    cohort = args.data / "genomics/cohort_1kgp"
    with open(cohort / "ref.psam", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    related = {line.split()[0] for line in (cohort / "ref.king.cutoff.id").read_text().splitlines()}
    chosen = [r for r in rows if r["#IID"] not in related]
    people = panel_genotypes.People([r["#IID"] for r in chosen], [r["SuperPop"] for r in chosen])
    space = read_components(RESOURCES / "ancestry_components.tsv", RESOURCES / "ancestry_populations.tsv")
    scores, _ = read_scores([args.data / SCORE])
    found = reference_making.collect([args.data / p for p in PANEL], people, scores, space.panel, Rules())
    places, sums = project(found.counts, space, MINIMUM_SITES).scores, found.sums[0]
    half = np.arange(len(sums)) % 2 == 0
    z = np.empty(len(sums))
    z[~half], z[half] = judged(sums, places, half), judged(sums, places, ~half)
    groups = np.array(people.population)
    print("\n".join([f"{len(sums)} people, each judged by a fit on the other half", "", *table(z, groups), ""]))
    print("\n".join([*table(z, np.array([r["Population"] for r in chosen])), "", *splits(sums, places, groups)]))


if __name__ == "__main__":
    main()
