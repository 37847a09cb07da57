"""Haplotypes from a coalescent with three populations (msprime): real linkage, real differences in frequency."""

from __future__ import annotations

from dataclasses import dataclass

import msprime
import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from
from consilium.simulate.people import POPULATIONS
from consilium.simulate.regions import Window

COMMON, RARE = 6000, 800  # sites kept over all windows
RATE = 1.25e-8  # mutations per base and generation
CLEAR = 60  # bases around a star-allele position without simulated variants
TRANSITION = {"A": "G", "G": "A", "C": "T", "T": "C"}
TRANSVERSIONS = {"A": "CT", "G": "CT", "C": "AG", "T": "AG"}


@dataclass(frozen=True)
class Drawn:
    """sites: chrom, pos, ref, alts, kind (common or rare) and the ALT frequency per population among the reference
    people; haplotypes (founder, 2, site), founders sorted by population; reference (person, site): ALT dosage of
    the reference people. A third allele is counted as ALT there."""

    sites: pd.DataFrame
    haplotypes: np.ndarray
    reference: np.ndarray


def demography() -> msprime.Demography:
    """POP_A split off 2,500 generations ago, POP_B and POP_C 1,200; little migration since."""
    model = msprime.Demography()
    for name, size in zip((*POPULATIONS, "BC", "ALL"), (12_000, 6_000, 5_000, 5_000, 11_000), strict=True):
        model.add_population(name=name, initial_size=size)
    model.set_symmetric_migration_rate(list(POPULATIONS), 2e-5)
    model.add_population_split(time=1_200, derived=["POP_B", "POP_C"], ancestral="BC")
    model.add_population_split(time=2_500, derived=["POP_A", "BC"], ancestral="ALL")
    return model


def draw(
    counts: dict[str, int], reference_people: int, bases: dict[Window, np.ndarray], star: pd.DataFrame, seed: int
) -> Drawn:
    """Sites and haplotypes of `counts` founders per population and of `reference_people` others per population."""
    total = sum(w.length for w in bases)
    parts = []
    for window, sequence in bases.items():
        haplotypes, positions = _window(window, counts, reference_people, seed)
        rng = np.random.default_rng(seed_from(seed, "sites", window.chrom, window.start))
        near = star.loc[star["chrom"] == window.chrom, "pos"].to_numpy()
        free = np.array([not len(near) or np.abs(near - p).min() > CLEAR for p in positions], dtype=bool)
        kept, kinds = _thin(haplotypes, free, reference_people, window.length / total, rng)
        parts.append(_named(window, sequence, positions[kept], haplotypes[:, kept], kinds, rng))
    sites = pd.concat([p[0] for p in parts], ignore_index=True)
    joined = np.concatenate([p[1] for p in parts], axis=1)
    n = sum(counts.values())
    people = joined.reshape(n + 3 * reference_people, 2, -1)
    reference = (people[n:] > 0).sum(axis=1)
    for p, name in enumerate(POPULATIONS):
        mine = reference[p * reference_people : (p + 1) * reference_people]
        sites[name] = mine.mean(axis=0) / 2
    return Drawn(sites, people[:n], reference)


def _window(window: Window, counts: dict[str, int], others: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Haplotypes (founders of A, B, C, then reference people of A, B, C; two rows each) and 1-based positions."""
    samples = [msprime.SampleSet(counts[p], population=p) for p in POPULATIONS if counts[p]]
    samples += [msprime.SampleSet(others, population=p) for p in POPULATIONS]
    # 31 bits, and never 0: what msprime accepts.
    seeds = [seed_from(seed, what, window.chrom, window.start) % (2**31 - 1) + 1 for what in ("trees", "mutations")]
    trees = msprime.sim_ancestry(
        samples, demography=demography(), sequence_length=window.length, recombination_rate=1e-8, random_seed=seeds[0]
    )
    trees = msprime.sim_mutations(trees, rate=RATE, model=msprime.BinaryMutationModel(), random_seed=seeds[1])
    positions = trees.tables.sites.position.astype(int) + window.start + 1
    return trees.genotype_matrix().astype(np.uint8).T, positions


def _thin(
    haplotypes: np.ndarray, free: np.ndarray, others: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sites kept in a window (sorted), and their kinds: common by the reference people, rare by everybody."""
    frequency = haplotypes[-6 * others :].mean(axis=0)
    founders = haplotypes[: -6 * others].mean(axis=0)
    common = np.flatnonzero(free & (np.minimum(frequency, 1 - frequency) >= 0.05))
    rare = np.flatnonzero(free & (frequency < 0.02) & (founders > 0) & (founders < 0.05))
    take = [rng.choice(c, min(len(c), round(n * share)), replace=False) for c, n in ((common, COMMON), (rare, RARE))]
    kept = np.concatenate(take)
    kinds = np.array(["common"] * len(take[0]) + ["rare"] * len(take[1]))
    order = np.argsort(kept, kind="stable")
    return kept[order], kinds[order]


def _named(
    window: Window, sequence: np.ndarray, positions: np.ndarray, haplotypes: np.ndarray, kinds: np.ndarray,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    """Gives each site its alleles: two thirds transitions, one in 30 an indel, one in 60 a third allele."""
    haplotypes = haplotypes.copy()
    refs, alts = [], []
    text = sequence.tobytes().decode()
    for i, pos in enumerate(positions):
        at = pos - window.start - 1
        room = min(np.diff(positions[max(0, i - 1) : i + 2]), default=99)
        ref, alt = _alleles(text, at, room, rng)
        if rng.random() < 1 / 60 and len(ref) == len(alt) == 1:
            third = next(b for b in "ACGT" if b not in (ref, alt))
            carriers = np.flatnonzero(haplotypes[:, i])
            haplotypes[rng.permutation(carriers)[: len(carriers) // 2], i] = 2
            alt = f"{alt},{third}"
        refs.append(ref)
        alts.append(alt)
    frame = {"chrom": window.chrom, "pos": positions, "ref": refs, "alts": alts, "kind": kinds}
    return pd.DataFrame(frame), haplotypes


def _alleles(text: str, at: int, room: int, rng: np.random.Generator) -> tuple[str, str]:
    """REF and ALT at 0-based `at`: an SNV, or a left-aligned indel where the next site is far enough."""
    ref = text[at]
    if room > 12 and 6 < at < len(text) - 12 and rng.random() < 1 / 30:
        size = int(rng.integers(1, 5))
        if rng.random() < 0.5:
            piece = text[at + 1 : at + 1 + size]
            if piece[-1] != ref:  # else it could be shifted left
                return ref + piece, ref
        else:
            piece = "".join(rng.choice(list("ACGT"), size))
            if piece[-1] != ref:
                return ref, ref + piece
    if rng.random() < 2 / 3:
        return ref, TRANSITION[ref]
    return ref, TRANSVERSIONS[ref][int(rng.integers(2))]
