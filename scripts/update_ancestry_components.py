"""Builds resources/ancestry_components.tsv and ancestry_populations.tsv: principal components of the 1000 Genomes
reference, and where its populations lie in them.

Fitted on unrelated people only (--related lists those to leave out), without the people of --exclude and everybody
whom the pedigree connects with them, so that those people can be used to judge the result. Sites: autosomal,
single-base, two alleles, the rarer of a frequency >= 0.05, Hardy-Weinberg p > 1e-4 in every population, no region of
long-range linkage, r2 < 0.1 to every site kept within 1 Mb before.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from update_ancestry_reference import families, first_column, pedigree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))
from consilium.genomics.cohort.quality import hwe_p

N_COMPONENTS = 6  # eigenvalues above what chance gives: (1 + sqrt(people / sites))^2
MINIMUM_FREQUENCY = 0.05
HWE_LIMIT = 1e-4
LD_LIMIT, LD_DISTANCE = 0.1, 1_000_000
SHRINKAGE = 0.25  # of each population's covariance towards the pooled one; few people have it to themselves
# Regions of long-range linkage, Mb of GRCh38 (Price et al. 2008, DOI 10.1016/j.ajhg.2008.06.005; Anderson et al.
# 2010, DOI 10.1038/nprot.2010.116): inversions, MHC, centromeres.
LONG_RANGE = (
    (1, 47.5, 51.6), (2, 85.9, 100.6), (2, 133.7, 137.3), (2, 182.1, 189.2), (3, 47.4, 50.0), (3, 83.4, 87.0),
    (5, 44.4, 51.2), (5, 98.6, 101.2), (5, 129.6, 132.7), (5, 136.1, 139.2), (6, 24.9, 35.1), (6, 57.0, 64.0),
    (6, 139.6, 142.2), (7, 55.0, 66.6), (8, 7.1, 13.2), (8, 110.9, 114.0), (10, 36.6, 43.5), (11, 45.0, 57.3),
    (11, 87.7, 90.8), (12, 32.7, 41.4), (12, 109.0, 111.6), (17, 45.3, 47.0), (20, 33.9, 36.5),
)  # fmt: skip

Floats = npt.NDArray[np.float64]


def read_genotypes(path: Path) -> tuple[list[str], list[tuple[int, int, str, str]], npt.NDArray[np.int8]]:
    """People, autosomal single-base sites (chromosome, position, ref, alt) in genome order, counts (site, person)."""
    names: list[str] = []
    rows = []
    with gzip.open(path, "rt") as handle:
        for line in handle:
            cells = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                names = cells[9:]
            chrom = cells[0].removeprefix("chr")
            if line.startswith("#") or not chrom.isdigit() or len(cells[3]) != 1 or len(cells[4]) != 1:
                continue
            counts = np.array([c.split(":")[0].count("1") for c in cells[9:]], dtype=np.int8)
            rows.append(((int(chrom), int(cells[1]), cells[3], cells[4]), counts))
    rows.sort(key=lambda r: r[0])
    return names, [r[0] for r in rows], np.array([r[1] for r in rows])


def usable(
    sites: list[tuple[int, int, str, str]], counts: npt.NDArray[np.int8], labels: npt.NDArray[np.str_]
) -> list[int]:
    """Rows that pass frequency, Hardy-Weinberg, long-range linkage and pruning."""
    frequency = counts.mean(axis=1) / 2
    alleles = Counter(site[:2] for site in sites)
    kept: list[int] = []
    for i, (chrom, position, _, _) in enumerate(sites):
        if min(frequency[i], 1 - frequency[i]) < MINIMUM_FREQUENCY or alleles[chrom, position] > 1:
            continue
        if any(c == chrom and low * 1e6 <= position <= high * 1e6 for c, low, high in LONG_RANGE):
            continue
        groups = (counts[i, labels == name] for name in np.unique(labels))
        if any(hwe_p(int((g == 1).sum()), int((g == 0).sum()), int((g == 2).sum())) <= HWE_LIMIT for g in groups):
            continue
        near = [k for k in kept if sites[k][0] == chrom and position - sites[k][1] <= LD_DISTANCE]
        if all(np.corrcoef(counts[i], counts[k])[0, 1] ** 2 < LD_LIMIT for k in near):
            kept.append(i)
    return kept


def fit(counts: npt.NDArray[np.int8]) -> tuple[Floats, Floats, Floats, Floats]:
    """Centre and scale (site,), loadings (site, component; orthonormal), eigenvalues over sites (component,)."""
    centre = counts.mean(axis=1)
    scale = np.sqrt(centre * (1 - centre / 2))
    standard = (counts - centre[:, None]) / scale[:, None]
    values, vectors = np.linalg.eigh(standard @ standard.T)
    loadings = vectors[:, ::-1][:, :N_COMPONENTS]
    top = np.abs(loadings).argmax(axis=0)
    return centre, scale, loadings * np.sign(loadings[top, np.arange(N_COMPONENTS)]), values[::-1] / len(counts)


def population_rows(
    labels: npt.NDArray[np.str_], above: dict[str, str], scores: Floats, residual: Floats
) -> list[list[str]]:
    names = np.unique(labels)
    pooled = sum((labels == n).sum() * np.cov(scores[labels == n].T) for n in names) / len(labels)
    low = np.tril_indices(scores.shape[1])
    out = []
    for name in names:
        mine = scores[labels == name]
        spread = (1 - SHRINKAGE) * np.cov(mine.T) + SHRINKAGE * pooled
        values = [*mine.mean(axis=0), *spread[low], residual[labels == name].mean(), residual[labels == name].std()]
        out.append([name, above[name], str(len(mine)), *(f"{v:.6g}" for v in values)])
    return out


def write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, delimiter="\t", lineterminator="\n").writerows([header, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vcf", type=Path, required=True)
    parser.add_argument("--psam", type=Path, required=True, help="sample table with pedigree, SuperPop, Population")
    parser.add_argument("--related", type=Path, required=True, help="people to leave out as related (one a line)")
    parser.add_argument("--exclude", type=Path, required=True, help="TSV whose first column names people to keep out")
    parser.add_argument("--out", type=Path, required=True, help="folder of the two tables")
    args = parser.parse_args()
    superpopulation, near = pedigree(args.psam)
    left_out = families(first_column(args.exclude), near) | first_column(args.related)
    with open(args.psam, encoding="utf-8") as handle:
        population = {row["#IID"]: row["Population"] for row in csv.DictReader(handle, delimiter="\t")}
    names, sites, counts = read_genotypes(args.vcf)
    chosen = [i for i, name in enumerate(names) if name not in left_out]
    labels = np.array([population[names[i]] for i in chosen])
    above = {population[name]: superpopulation[name] for name in names}
    rows = usable(sites, counts[:, chosen], labels)
    own = counts[np.ix_(rows, chosen)]
    centre, scale, loadings, eigenvalues = fit(own)
    chance = (1 + np.sqrt(len(chosen) / len(rows))) ** 2
    print(f"{len(rows)} sites, {len(chosen)} people; eigenvalues {eigenvalues[:10].round(2)}, by chance {chance:.2f}")
    standard = (own - centre[:, None]) / scale[:, None]
    scores = standard.T @ loadings
    residual = ((standard**2).sum(axis=0) - (scores**2).sum(axis=1)) / (len(rows) - N_COMPONENTS)
    pcs = [f"PC{k + 1}" for k in range(N_COMPONENTS)]
    groups = np.unique(labels)
    shares = np.stack([(own[:, labels == g].sum(axis=1) + 0.5) / (2 * (labels == g).sum() + 1) for g in groups], axis=1)
    table = [
        [f"chr{sites[r][0]}", *map(str, sites[r][1:]), f"{c:.6g}", f"{s:.6g}", *(f"{x:.6g}" for x in v),
         *(f"{x:.4f}" for x in f)]
        for r, c, s, v, f in zip(rows, centre, scale, loadings, shares, strict=True)
    ]  # fmt: skip
    write(args.out / "ancestry_components.tsv", ["chrom", "pos", "ref", "alt", "centre", "scale", *pcs, *groups], table)
    covariances = [f"cov_{pcs[i]}_{pcs[j]}" for i, j in zip(*np.tril_indices(N_COMPONENTS), strict=True)]
    header = ["population", "superpopulation", "n", *(f"mean_{p}" for p in pcs), *covariances,
              "residual_mean", "residual_sd"]  # fmt: skip
    write(args.out / "ancestry_populations.tsv", header, population_rows(labels, above, scores, residual))


if __name__ == "__main__":
    main()
