"""Genomes of everybody: coalescent haplotypes of three populations, star alleles, families, polygenic score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from
from consilium.simulate import coalescent, pharmacogenes, sequence
from consilium.simulate.people import POPULATIONS
from consilium.simulate.regions import GRCH38, Window, windows

ABSENT = 255  # second haplotype of a male on X
SCORE_VARIANTS = 150
PANEL_INFORMATIVE, PANEL_COMMON = 200, 120
SIBLING_DRAWS = 12
FLIP = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True)
class Genomes:
    """Everything that is known of the genomes of `patients`.

    sites: chrom, pos (1-based), ref, alts ("," between), id, gene ("" outside pharmacogenes), kind (common, rare,
    star), panel and score (bool), weight (of the ALT allele; NaN without), POP_A … (ALT frequency in the reference
    people; NaN at star positions); in genome order. haplotypes (patient, 2, site): 0 = REF, 1 … = ALTs, 255 = absent.
    alleles (patient, 2, gene): planted star alleles, genes as in pharmacogenes.GENES. planted: (row, gene) pairs that
    are there on purpose. prs: weighted sum of ALT alleles; z: the same in SDs of the reference people.
    """

    patients: list[str]
    sites: pd.DataFrame
    haplotypes: np.ndarray
    alleles: np.ndarray
    planted: set[tuple[int, str]]
    sequences: dict[Window, np.ndarray]
    prs: np.ndarray
    z: np.ndarray

    def row(self, patient: str) -> int:
        return self.patients.index(patient)


def simulate(people: pd.DataFrame, seed: int, reference_people: int = 100) -> Genomes:
    """Genomes of all `people`; the same people and seed give the same genomes."""
    founders = _founders(people)
    star = pharmacogenes.positions()
    bases = sequence.bases(windows(), star, seed)
    counts = {p: sum(f[1] == p for f in founders) for p in POPULATIONS}
    drawn = coalescent.draw(counts, reference_people, bases, star, seed)
    alleles, planted = _star_alleles(people, founders, counts, seed)
    order = np.argsort([POPULATIONS.index(f[1]) for f in founders], kind="stable")
    place = np.empty(len(founders), dtype=int)
    place[order] = np.arange(len(founders))
    haplotypes = drawn.haplotypes[place]  # founders in their own order
    sites, haplotypes = _with_star_sites(drawn.sites, haplotypes, alleles, star)
    haplotypes, alleles = _inherit(people, founders, sites, haplotypes, alleles, seed)
    males = (people["sex"] == "male").to_numpy()
    haplotypes[np.ix_(males, [1], (sites["chrom"] == "chrX").to_numpy())] = ABSENT
    sites = _panel(sites, seed)
    sites, centre, spread = _score(sites, drawn, seed)
    prs = score(sites, haplotypes)
    return Genomes(list(people["patient"]), sites, haplotypes, alleles, planted, bases, prs, (prs - centre) / spread)


def score(sites: pd.DataFrame, haplotypes: np.ndarray) -> np.ndarray:
    """Sum of weight x ALT alleles over the score's sites, per person."""
    use = sites["score"].to_numpy()
    return (haplotypes[:, :, use] == 1).sum(axis=1) @ sites.loc[use, "weight"].to_numpy()


def _founders(people: pd.DataFrame) -> list[tuple[str, str]]:
    """(name, population) of everybody whose genome is not inherited: patients first, then unsampled parents."""
    out = [(p, q) for p, q, child in people[["patient", "population", "child"]].itertuples(index=False) if not child]
    for child in people[people["child"]].itertuples():
        for role in ("father", "mother"):
            name = _parent(child, role)
            if name not in dict(out):
                out.append((name, child.population))
    return out


def _parent(child: object, role: str) -> str:
    return getattr(child, role) or f"{child.family}-{role}"  # type: ignore[attr-defined]


def _star_alleles(
    people: pd.DataFrame, founders: list[tuple[str, str]], counts: dict[str, int], seed: int
) -> tuple[np.ndarray, set[tuple[int, str]]]:
    """Star alleles of the founders (founder, 2, gene), and which patients carry a planted diplotype (row, gene)."""
    alleles = np.empty((len(founders), 2, len(pharmacogenes.GENES)), dtype=object)
    names = [f[0] for f in founders]
    supplied = set(people.loc[people["has_genomics"], "patient"])
    row = {p: i for i, p in enumerate(people["patient"])}
    planted: set[tuple[int, str]] = set()
    for population in POPULATIONS:
        rng = np.random.default_rng(seed_from(seed, "star alleles", population))
        members = [i for i, f in enumerate(founders) if f[1] == population]
        alleles[members] = pharmacogenes.draw(population, counts[population], rng)
        carriers = [i for i in members if names[i] in supplied]
        done = pharmacogenes.plant(alleles, [carriers[i] for i in rng.permutation(len(carriers))], population)
        planted |= {(row[names[i]], gene) for i, gene in done}
    return alleles, planted


def _with_star_sites(
    sites: pd.DataFrame, haplotypes: np.ndarray, alleles: np.ndarray, star: pd.DataFrame
) -> tuple[pd.DataFrame, np.ndarray]:
    """Adds the star-allele positions as sites, with the bases of each haplotype's allele."""
    definitions = pharmacogenes.definitions()
    added = np.zeros((len(haplotypes), 2, len(star)), dtype=np.uint8)
    for s, (gene, pos, ref, alts) in enumerate(star[["gene", "pos", "ref", "alts"]].itertuples(index=False)):
        code = {base: i for i, base in enumerate((ref, *alts.split(",")))}
        of_allele = {name: code[bases.get(pos, ref)] for name, bases in definitions[gene].items()}
        g = pharmacogenes.GENES.index(gene)
        added[:, :, s] = [[of_allele[a] for a in pair] for pair in alleles[:, :, g]]
    new = star.rename(columns={"rsid": "id"})[["gene", "chrom", "pos", "ref", "alts", "id"]].assign(kind="star")
    both = pd.concat([sites.assign(gene="", id=""), new], ignore_index=True)
    rank = {chrom: i for i, chrom in enumerate(GRCH38)}
    order = np.lexsort((both["pos"], both["chrom"].map(rank)))
    return both.iloc[order].reset_index(drop=True), np.concatenate([haplotypes, added], axis=2)[:, :, order]


def _inherit(
    people: pd.DataFrame, founders: list[tuple[str, str]], sites: pd.DataFrame, haplotypes: np.ndarray,
    alleles: np.ndarray, seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Haplotypes and star alleles of all patients, children's from their parents'. First haplotype = mother's."""
    at = {name: i for i, (name, _) in enumerate(founders)}
    out = np.zeros((len(people), 2, len(sites)), dtype=np.uint8)
    named = np.empty((len(people), 2, alleles.shape[2]), dtype=object)
    spans = gene_spans(sites)
    given: dict[int, list[np.ndarray]] = {}
    for i, person in enumerate(people.itertuples()):
        if not person.child:
            out[i], named[i] = haplotypes[at[person.patient]], alleles[at[person.patient]]
            continue
        for h, role in enumerate(("mother", "father")):
            rng = np.random.default_rng(seed_from(seed, "meiosis", person.patient, role))
            parent = at[_parent(person, role)]
            whole = "X" if role == "father" else ""
            choice = [gamete(sites, spans, rng, whole) for _ in range(SIBLING_DRAWS if parent in given else 1)]
            strand = _like_siblings(choice, given.setdefault(parent, []))
            out[i, h] = np.where(strand == 0, haplotypes[parent, 0], haplotypes[parent, 1])
            for g, gene in enumerate(pharmacogenes.GENES):
                first = np.flatnonzero(sites["gene"] == gene)[0]
                named[i, h, g] = alleles[parent, strand[first], g]
    return out, named


def _like_siblings(choice: list[np.ndarray], before: list[np.ndarray]) -> np.ndarray:
    """The gamete that shares closest to half with those given to siblings before; it joins them.

    Over a whole genome siblings share close to half; over the few windows simulated here chance alone would not do.
    """
    off = [sum(abs(float((strand == other).mean()) - 0.5) for other in before) for strand in choice]
    before.append(choice[int(np.argmin(off))])
    return before[-1]


def gene_spans(sites: pd.DataFrame) -> dict[str, list[tuple[int, int]]]:
    """First and last star position of each gene, per chromosome: no crossover there, so that alleles keep names."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for _, group in sites[sites["gene"] != ""].groupby("gene", sort=True):
        spans.setdefault(group["chrom"].iloc[0], []).append((group["pos"].min(), group["pos"].max()))
    return spans


def gamete(
    sites: pd.DataFrame, spans: dict[str, list[tuple[int, int]]], rng: np.random.Generator, whole: str = ""
) -> np.ndarray:
    """Which of a parent's two strands is passed on at each site: crossovers at 1 cM per Mb over whole chromosomes.

    `whole` = "X": a father passes on his only X (strand 0) as it is.
    """
    strand = np.zeros(len(sites), dtype=np.uint8)
    for chrom, group in sites.groupby("chrom", sort=False):
        length = GRCH38[str(chrom)]
        start = int(rng.integers(2))
        breaks = np.sort(rng.integers(1, length, rng.poisson(length * 1e-8)))
        for a, b in spans.get(str(chrom), []):
            breaks = breaks[(breaks < a) | (breaks >= b)]
        if not (whole and chrom == "chrX"):
            strand[group.index] = (start + np.searchsorted(breaks, group["pos"], side="left")) % 2
    return strand


def _panel(sites: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Marks the sites of the ancestry and identity panel: informative and common SNVs of the autosomes, spread out."""
    rng = np.random.default_rng(seed_from(seed, "panel"))
    usable = plain_snvs(sites)
    frequency = sites[list(POPULATIONS)].to_numpy()
    gap = np.nan_to_num(frequency.max(axis=1) - frequency.min(axis=1))
    middle = np.abs(np.nan_to_num(frequency.mean(axis=1)) - 0.5)
    chosen = spread(sites, np.flatnonzero(usable)[np.argsort(-gap[usable], kind="stable")], PANEL_INFORMATIVE, 12_000)
    even = np.flatnonzero(usable & (middle < 0.2))
    chosen = spread(sites, rng.permutation(even), PANEL_INFORMATIVE + PANEL_COMMON, 12_000, chosen)
    return sites.assign(panel=np.isin(np.arange(len(sites)), chosen))


def plain_snvs(sites: pd.DataFrame) -> np.ndarray:
    """Common biallelic SNVs of the autosomes that tell the strand (no A/T, no C/G)."""
    snv = (sites["ref"].str.len() == 1) & (sites["alts"].str.len() == 1) & (sites["kind"] == "common")
    ambiguous = [r.translate(FLIP) == a for r, a in zip(sites["ref"], sites["alts"], strict=True)]
    return (snv & (sites["chrom"] != "chrX")).to_numpy() & ~np.array(ambiguous)


def spread(sites: pd.DataFrame, ranked: np.ndarray, n: int, apart: int, have: list[int] | None = None) -> list[int]:
    """The first of `ranked` (site numbers) that lie at least `apart` bases from each other, until there are `n`."""
    chosen = list(have or [])
    taken: dict[str, list[int]] = {}
    chroms, positions = sites["chrom"].to_numpy(), sites["pos"].to_numpy()
    for i in chosen:
        taken.setdefault(chroms[i], []).append(positions[i])
    for i in ranked:
        if len(chosen) >= n:
            break
        near = taken.setdefault(chroms[i], [])
        if all(abs(p - positions[i]) >= apart for p in near):
            near.append(positions[i])
            chosen.append(int(i))
    return chosen


def _score(sites: pd.DataFrame, drawn: coalescent.Drawn, seed: int) -> tuple[pd.DataFrame, float, float]:
    """Plants the score's weights; returns also its mean and SD over the reference people.

    The weights are made orthogonal to the frequency differences of the populations: the score is no ancestry test.
    """
    rng = np.random.default_rng(seed_from(seed, "score"))
    common = plain_snvs(sites) & (np.nan_to_num(np.abs(sites[list(POPULATIONS)].mean(axis=1) - 0.5)) < 0.4)
    chosen = np.sort(spread(sites, rng.permutation(np.flatnonzero(common)), SCORE_VARIANTS, 8_000))
    frequency = sites.loc[chosen, list(POPULATIONS)].to_numpy()
    weight = rng.normal(0, 0.1, len(chosen))
    basis, _ = np.linalg.qr(frequency - frequency.mean(axis=1, keepdims=True))
    basis = basis[:, :2]
    weight = np.round(weight - basis @ (basis.T @ weight), 6)
    sites = sites.assign(score=np.isin(np.arange(len(sites)), chosen), weight=np.nan)
    sites.loc[chosen, "weight"] = weight
    key = list(zip(drawn.sites["chrom"], drawn.sites["pos"], strict=True))
    rows = {k: i for i, k in enumerate(key)}
    columns = [rows[(c, p)] for c, p in sites.loc[chosen, ["chrom", "pos"]].itertuples(index=False)]
    sums = drawn.reference[:, columns] @ weight
    return sites, float(sums.mean()), float(sums.std())
