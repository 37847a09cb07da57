"""Ancestry from population allele frequencies: which reference population explains a patient's genotypes best?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.panel import Panel
from consilium.genomics.structure.contamination import genotype_prior

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_SITES = 100  # reference sites with a call; fewer: not assessed
OUTSIDE_Z = -6.0  # lower: the genotypes fit no population of the reference
OUTSIDE = "outside the reference"
NOT_ASSESSED = "not assessed"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ancestry:
    """Per sample: sites used, best population, posterior (sample, population), z of its log-likelihood, reason."""

    n_sites: npt.NDArray[np.int64]
    population: list[str]
    posterior: Floats
    z: Floats
    reason: list[str]


def assign(counts: npt.NDArray[np.int8], panel: Panel) -> Ancestry:
    """Posterior over the panel's populations for `counts` (site, sample): ALT counts, negative = no call.

    Likelihood: product over sites of the Hardy-Weinberg genotype probabilities under the population's frequencies;
    uniform prior. z: (ln L - E[ln L]) / SD[ln L], expectation and variance over genotypes drawn from the best
    population at the same sites; very low = the person fits none of the populations.
    """
    log_p = np.log(np.stack([genotype_prior(panel.frequency[:, k]) for k in range(len(panel.populations))]))
    expected = (np.exp(log_p) * log_p).sum(axis=2)  # (population, site)
    variance = (np.exp(log_p) * log_p**2).sum(axis=2) - expected**2
    called = counts >= 0
    filled = np.maximum(counts, 0).astype(np.int64)
    sites = np.arange(len(panel))[:, None]
    likelihood = np.stack([np.where(called, p[sites, filled], 0).sum(axis=0) for p in log_p], axis=1)
    n = called.sum(axis=0)
    assessed = n >= MINIMUM_SITES
    relative = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    posterior = relative / relative.sum(axis=1, keepdims=True)
    best = likelihood.argmax(axis=1)
    mean, var = expected @ called, variance @ called
    rows = np.arange(counts.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (likelihood[rows, best] - mean[best, rows]) / np.sqrt(var[best, rows])
    names, reasons = [], []
    for i in rows:
        if not assessed[i]:
            names.append(NOT_ASSESSED)
            reasons.append(f"{n[i]} reference sites with a call; {MINIMUM_SITES} are needed")
        elif z[i] < OUTSIDE_Z:
            names.append(OUTSIDE)
            reasons.append(
                f"genotypes fit {panel.populations[best[i]]}, the nearest population, badly (z = {z[i]:.1f})"
            )
        else:
            names.append(panel.populations[best[i]])
            reasons.append("")
    posterior[~assessed] = np.nan
    return Ancestry(n, names, posterior, np.where(assessed, z, np.nan), reasons)


def table(samples: list[str], assigned: Ancestry, panel: Panel, components: Floats) -> pd.DataFrame:
    """Table ancestry: one row a patient with genotypes; `components` (sample, component)."""
    import pandas as pd

    posterior = {f"p_{name}": assigned.posterior[:, k] for k, name in enumerate(panel.populations)}
    best = np.where(np.isnan(assigned.z), np.nan, assigned.posterior.max(axis=1))
    return pd.DataFrame(
        {
            "patient": samples,
            "n_sites": assigned.n_sites,
            "population": assigned.population,
            "probability": best,
            "outside_z": assigned.z,
            "reason": assigned.reason,
            **{name: np.round(values, 6) for name, values in posterior.items()},
            **{f"PC{i + 1}": components[:, i] for i in range(components.shape[1])},
        }
    )
