"""How probable is it that untested positions, or an unknown phase, hide another phenotype than the one reported?

Every pair of defined alleles that agrees with all tested bases stays possible. Its prior is the product of the two
allele frequencies (Hardy-Weinberg); the posterior share of pairs with another phenotype is the answer. It is worked
out in each population of the frequency table. Where the patient's ancestry is known, its posteriors weigh the
populations. Where it is not, or lies outside the reference, the largest answer counts; but a population where the
bases seen are 50 times less probable than in another does not. The largest is given in any case: an ancestry inferred
from a few hundred sites may let a call be made, but does not make it certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from consilium.genomics.stars.alleles import Codes, Match, Pair, fits, natural, scored, viable
from consilium.genomics.stars.phenotypes import phenotype_matrix
from consilium.genomics.stars.tables import Gene

Weights = npt.NDArray[np.float64]  # (population,) of the gene's frequency table, sum 1
LEAST_LIKELY = 1 / 50  # likelihood of the bases seen, relative to the population where they are most probable


class Hidden(NamedTuple):
    """Probability of a phenotype that is not reported; NaN = frequencies unknown. p: by the patient's ancestry.
    anyone: the largest over populations, which p is, too, where the ancestry is not known."""

    p: float
    anyone: float


UNKNOWN = Hidden(float("nan"), float("nan"))


def settle(gene: Gene, match: Match, negligible: float, weights: Weights | None = None) -> tuple[Match, Hidden]:
    """The match without improbable pairs, and the probability of a phenotype that it does not report.

    weights: the patient's ancestry; None = not known. Of best-scoring pairs with different phenotypes, those whose
    phenotypes have a posterior of at most `negligible` are left out (they stay among what untested positions could
    be); the most probable phenotype always stays. Frequencies unknown: nothing is left out.
    """
    if np.isnan(gene.frequencies).any() or not match.strands:
        return match, UNKNOWN
    if gene.strategy == "lowest_function":
        return match, _hidden_lower(gene, match, weights)
    phenotypes, joint = _joint(gene, match)
    each = _posterior(joint)
    posterior = each if weights is None else _posterior((weights @ joint)[None, :])
    of_pair = np.array([phenotypes[pair] for pair in match.pairs])
    weight = {label: float(posterior[:, label].max()) for label in of_pair}
    kept = {label for label, w in weight.items() if w > negligible} or {max(weight, key=lambda k: weight[k])}
    pairs = tuple(pair for pair, label in zip(match.pairs, of_pair, strict=True) if label in kept)
    another = [float(np.max(1.0 - q[:, sorted(kept)].sum(axis=1)).clip(0.0, 1.0)) for q in (posterior, each)]
    return replace(match, pairs=pairs), Hidden(*another)


def frequent(gene: Gene, match: Match, negligible: float, weights: Weights | None = None) -> Match:
    """The match with the pairs that are probable by frequency, whatever their score: those that fit the bases and have
    a posterior above `negligible` in a plausible population, the most probable one always.

    For definitions that take either base at so many positions that the score misleads (CYP2D6). Frequencies unknown:
    the match as it is.
    """
    if np.isnan(gene.frequencies).any() or not match.pairs:
        return match
    single = len(match.pairs[0]) == 1
    pairs = sorted({(a,) for a, _ in scored(gene, match.strands[0][:, 0])} if single else viable(gene, match.strands))
    prior = np.array([gene.frequencies[:, pair].prod(axis=1) * (1 + (len({*pair}) == 2)) for pair in pairs]).T
    posterior = _posterior(prior if weights is None else (weights @ prior)[None, :]).max(axis=0)
    kept = posterior > min(negligible, float(posterior.max()) * (1 - 1e-9))
    return replace(match, pairs=tuple(pair for pair, keep in zip(pairs, kept, strict=True) if keep))


def _joint(gene: Gene, match: Match) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(phenotype of every allele pair, or allele of one copy, probability (population, phenotype) of all that fit)."""
    copies = len(match.pairs[0])
    names, phenotypes = phenotype_matrix(gene, copies)
    weight = np.zeros((len(gene.populations), len(names)))
    for pairing in match.strands:
        first, second = (gene.frequencies * fits(gene, pairing[:, s]) for s in (0, 1))
        joint = first[:, :, None] * second[:, None, :] if copies == 2 else first
        for k in range(len(names)):
            weight[:, k] += joint[:, phenotypes == k].sum(axis=1)
    return phenotypes, weight


def _posterior(joint: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(plausible population, phenotype)."""
    seen = joint.sum(axis=1)
    plausible = seen >= seen.max() * LEAST_LIKELY
    return np.asarray(joint[plausible] / seen[plausible, None])


def _hidden_lower(gene: Gene, match: Match, weights: Weights | None) -> Hidden:
    """Lowest-function genes: an untested variant on a strand whose reported rank is higher than the variant's."""
    strands = enumerate(_strand_alleles(gene, match))
    hidden = [_hideable(gene, match.strands[0][:, s]) & (gene.rank < gene.rank[a]) for s, a in strands]
    return Hidden(_any_of(gene, hidden, weights), _any_of(gene, hidden, None))


def hidden_besides(
    gene: Gene, strands: Iterable[npt.NDArray[np.int8]], named: Iterable[int], weights: Weights | None
) -> float:
    """Probability that an untested position of a strand hides a variant of an allele that is not named; NaN =
    frequencies unknown. For combinations of alleles, whose own frequencies nobody knows."""
    if np.isnan(gene.frequencies).any():
        return float("nan")
    others = ~np.isin(np.arange(len(gene.alleles)), list(named))
    return _any_of(gene, [_hideable(gene, strand) & others for strand in strands], weights)


def _any_of(gene: Gene, hidden: Iterable[npt.NDArray[np.bool_]], weights: Weights | None) -> float:
    """Probability that some strand carries one of its alleles (allele,)."""
    none = np.ones(len(gene.populations))
    for alleles in hidden:
        none *= np.prod(1.0 - gene.frequencies[:, alleles], axis=1)
    return float(np.max(1.0 - none) if weights is None else weights @ (1.0 - none))


def _strand_alleles(gene: Gene, match: Match) -> Pair:
    """Reported alleles in strand order where the phase is known."""
    from consilium.genomics.stars.lowest import carried

    if len(match.pairs[0]) == 1:
        return match.pairs[0]
    first, second = match.pairs[0]
    if match.phased and first != second:
        on_first = carried(gene, match.strands[0][:, 0])
        if second in on_first or (first == gene.reference and on_first):
            return second, first
    return first, second


def _hideable(gene: Gene, sequence: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """(allele,): at least one of its own positions is untested and every tested base agrees with it."""
    own = gene.accepts > 1
    return np.asarray((own & (sequence < 0)).any(axis=1) & fits_own(gene, sequence))


def fits_own(gene: Gene, sequence: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """(allele,): the tested ones among its own positions carry its bases; other positions do not matter."""
    own = gene.accepts > 1
    agrees = (gene.accepts >> np.maximum(sequence, 0)) & 1 == 1
    return np.asarray((~own | (sequence < 0) | agrees).all(axis=1))


def possible(gene: Gene, match: Match) -> npt.NDArray[np.bool_]:
    """(allele,): agrees with the tested bases of some strand, whatever its score."""
    test = fits if gene.strategy == "named" else _hideable
    sequences: Iterable[npt.NDArray[np.int8]] = (p[:, s] for p in match.strands for s in (0, 1))
    return np.any([test(gene, sequence) for sequence in sequences], axis=0)


def could_be(gene: Gene, match: Match, codes: Codes) -> list[tuple[int, list[str]]]:
    """(locus, alleles) per untested position: the alleles that only this position, or others untested, could exclude.

    Alleles already reported, and those whose base there is the reported ones', are not listed.
    """
    open_alleles = possible(gene, match) if match.strands else (gene.accepts > 1).any(axis=1)
    reported = {a for pair in match.pairs for a in pair} or {gene.reference}
    names = {gene.core[a] for a in reported}
    untested = np.flatnonzero((codes < 0).any(axis=1))
    here = gene.accepts[:, untested]
    other = np.ones(here.shape, dtype=bool)
    for a in reported:
        other &= (here & here[a]) == 0
    other[~open_alleles] = False
    out = []
    for locus, alleles in zip(untested, other.T, strict=True):
        found = {gene.core[a] for a in np.flatnonzero(alleles)} - names
        out.append((int(locus), sorted(found, key=natural)))
    return out
