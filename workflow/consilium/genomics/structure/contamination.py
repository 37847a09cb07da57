"""Share of foreign reads, from allele counts at sites with known population frequencies.

Method: the mixture likelihood of VerifyBamID (DOI 10.1016/j.ajhg.2012.09.004), sequence-only mode. At a site with
frequency f, the genotypes g1 of the person and g2 of the foreign person follow Hardy-Weinberg proportions; a read
shows ALT with probability (1 - alpha) p(g1) + alpha p(g2), p(g) = g/2 (1 - e) + (1 - g/2) e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.panel import Panel
from consilium.genomics.reads.alignments import Counts

ERROR_RATE = 0.005  # wrong bases among those of quality 20 and more
MINIMUM_SITES = 50  # sites of MINIMUM_SITE_DEPTH; fewer: not assessed
MINIMUM_SITE_DEPTH = 8
SIGNIFICANT = 10.83  # likelihood ratio statistic, chi-squared with 1 degree of freedom, p = 0.001
LEAST_ERROR_RATE = 0.0005
_ERRORS = (LEAST_ERROR_RATE, 0.002, ERROR_RATE)  # tried; the one that fits the reads best holds
_ALPHAS = np.arange(0, 0.5001, 0.005)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contamination:
    """alpha: foreign share (0 to 0.5), NaN = not assessed; statistic: 2 ln likelihood ratio against alpha = 0."""

    alpha: float
    statistic: float
    n_sites: int
    reason: str = ""

    def verdict(self, limit: float) -> str:
        if np.isnan(self.alpha):
            return "not assessed"
        return "contaminated" if self.alpha > limit and self.statistic > SIGNIFICANT else "clean"


def alt_probability(error: float = ERROR_RATE) -> Floats:
    """Probability that a read shows ALT, by genotype 0, 1, 2."""
    return np.array([error, 0.5, 1 - error])


def genotype_prior(frequency: Floats) -> Floats:
    """Hardy-Weinberg proportions (site, genotype) of ALT counts 0, 1, 2."""
    return np.stack([(1 - frequency) ** 2, 2 * frequency * (1 - frequency), frequency**2], axis=1)


def mixture(counts: Counts, chosen: npt.NDArray[np.bool_], alpha: float, error: float = ERROR_RATE) -> Floats:
    """ln P(reads | own genotype, foreign genotype), (site, 3, 3)."""
    p = alt_probability(error)
    mixed = (1 - alpha) * p[:, None] + alpha * p[None, :]
    n_alt, n_ref = counts.n_alt[chosen][:, None, None], counts.n_ref[chosen][:, None, None]
    return np.asarray(n_alt * np.log(mixed) + n_ref * np.log1p(-mixed))


def n_deep(counts: Counts) -> int:
    """Sites of MINIMUM_SITE_DEPTH."""
    return int(((counts.n_ref + counts.n_alt) >= MINIMUM_SITE_DEPTH).sum())


def estimate(counts: Counts, panel: Panel, homozygous: bool = False, error: float = ERROR_RATE) -> Contamination:
    """Maximum-likelihood foreign share, under the pair of populations (own, foreign) and the error rate
    that fit the reads best.

    `homozygous`: the person is known to be homozygous for ALT wherever there are reads; `error` is then the error rate,
    since among homozygotes alone wrong bases look like foreign ones.
    """
    chosen = (counts.n_ref + counts.n_alt) > 0
    deep = n_deep(counts)
    if deep < MINIMUM_SITES:
        reason = f"{deep} panel sites with {MINIMUM_SITE_DEPTH} reads or more; {MINIMUM_SITES} are needed"
        return Contamination(float("nan"), float("nan"), deep, reason)
    priors = np.stack([genotype_prior(panel.frequency[chosen, k]) for k in range(panel.frequency.shape[1])])
    own_priors = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (1, *priors.shape[1:])) if homozygous else priors
    errors = (error,) if homozygous else _ERRORS
    curves = np.array(
        [[_curve(counts, chosen, own_priors, priors, float(a), e).max() for a in _ALPHAS] for e in errors]
    ).max(axis=0)  # over error rates and pairs of populations, by alpha
    top = int(curves.argmax())
    return Contamination(float(_ALPHAS[top]), float(2 * (curves[top] - curves[0])), deep)


def _curve(
    counts: Counts, chosen: npt.NDArray[np.bool_], own_priors: Floats, priors: Floats, alpha: float, error: float
) -> Floats:
    """ln likelihood (population of the person, population of the foreign person) at one foreign share."""
    log_reads = mixture(counts, chosen, alpha, error)
    top = log_reads.max(axis=(1, 2), keepdims=True)
    reads = np.exp(log_reads - top)
    likelihood = np.einsum("sij,asi,bsj->abs", reads, own_priors, priors, optimize=True)
    return np.asarray(np.log(likelihood).sum(axis=2) + top.sum())
