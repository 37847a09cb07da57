"""Ancestry: where a patient lies among the reference's populations, and which of them explains the genotypes best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.panel import Panel
from consilium.genomics.structure.components import Components
from consilium.genomics.structure.contamination import genotype_prior
from consilium.genomics.structure.projection import densities, outside_probability, project
from consilium.genomics.structure.variant_only import lacks_reference_calls

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_SITES = 100  # reference sites with a call; fewer: not assessed
FREQUENCY_WEIGHT = 0.2  # of the frequencies' ln likelihood beside the components' ln density
OUTSIDE_P = 0.001  # smaller: outside the reference
OUTSIDE_Z = -6.0  # without components; lower: the genotypes fit no population of the reference
OUTSIDE = "outside the reference"
NOT_ASSESSED = "not assessed"
VARIANTS_ONLY = "the files hold hardly any reference call: no components, population from the carried alleles alone"

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Ancestry:
    """Per sample: sites used, most likely population or why none, posterior (sample, population), probability of lying
    as far outside (NaN: not assessed), scores in the reference's components (sample, component), remark."""

    populations: tuple[str, ...]
    n_sites: npt.NDArray[np.int64]
    population: list[str]
    posterior: Floats
    outside: Floats
    scores: Floats
    reason: list[str]


def frequency_likelihood(counts: Counts, panel: Panel, given_carried: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """ln P(genotypes | population's frequencies) and its z, both (sample, population); no-calls do not count.

    Product over sites of Hardy-Weinberg proportions. `given_carried` (sample,): such a sample's reference calls do
    not count, and the proportions are those among carriers of ALT, since its files list nothing else. z: (ln L -
    E[ln L]) / SD[ln L] over genotypes drawn from the population at the same sites.
    """
    size = (counts.shape[1], len(panel.populations))
    total, z = np.zeros(size), np.zeros(size)
    for k in range(size[1]):
        p = genotype_prior(panel.frequency[:, k])
        for chosen, conditional in ((~given_carried, False), (given_carried, True)):
            part = np.where(conditional & (counts[:, chosen] == 0), -1, counts[:, chosen])
            q = p * [0, 1, 1] / p[:, 1:].sum(axis=1, keepdims=True) if conditional else p
            log_q = np.log(np.where(q > 0, q, 1))
            mean = (q * log_q).sum(axis=1)
            variance = (q * log_q**2).sum(axis=1) - mean**2
            masks = [part == g for g in range(3)]
            total[chosen, k] = sum(log_q[:, g] @ masks[g] for g in range(3))
            called = masks[0] | masks[1] | masks[2]
            z[chosen, k] = (total[chosen, k] - mean @ called) / np.sqrt(np.maximum(variance @ called, 1e-12))
    return total, z


def assign(counts: Counts, panel: Panel) -> Ancestry:
    """Posterior over the panel's populations for `counts` (site, sample): ALT counts, negative = no call.

    From frequencies alone, uniform prior: for a reference that comes without components.
    """
    lacking = lacks_reference_calls(counts, panel)
    likelihood, z = frequency_likelihood(counts, panel, lacking)
    n = np.where(lacking, counts > 0, counts >= 0).sum(axis=0)
    best = z[np.arange(len(z)), likelihood.argmax(axis=1)]
    remarks = [VARIANTS_ONLY if v else "" for v in lacking]
    misfits = [f"(z = {value:.1f})" if value < OUTSIDE_Z else "" for value in best]
    scores = np.empty((counts.shape[1], 0))
    return _judged(panel.populations, n, _posterior(likelihood), np.full(len(n), np.nan), scores, misfits, remarks)


def assign_projected(counts: Counts, reference: Components) -> Ancestry:
    """Posterior over the reference's superpopulations for `counts` (site of the reference, sample).

    ln weight of a population = ln density of the patient's scores in it + FREQUENCY_WEIGHT x ln likelihood of the
    genotypes under its frequencies, over 1 + FREQUENCY_WEIGHT; uniform prior over populations, summed to
    superpopulations. A sample without reference calls cannot be projected: its carried alleles decide alone.
    """
    lacking = lacks_reference_calls(counts, reference.panel)
    projection = project(np.where(lacking, -1, counts).astype(np.int8), reference, MINIMUM_SITES)
    density, squared = densities(projection, reference)
    likelihood, _ = frequency_likelihood(counts, reference.panel, lacking)
    joined = (density + FREQUENCY_WEIGHT * likelihood) / (1 + FREQUENCY_WEIGHT)
    weight = np.where(lacking[:, None], likelihood, joined)
    posterior = _posterior(np.where(np.isnan(weight), 0, weight)) @ reference.membership()
    outside = outside_probability(projection, squared, reference)
    misfits = [f"(p = {p:.1e})" if p < OUTSIDE_P else "" for p in outside]
    n = np.where(lacking, counts > 0, counts >= 0).sum(axis=0)
    remarks = [VARIANTS_ONLY if v else "" for v in lacking]
    return _judged(reference.superpopulations, n, posterior, outside, projection.scores, misfits, remarks)


def _posterior(log_weight: Floats) -> Floats:
    relative = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(relative / relative.sum(axis=1, keepdims=True))


def _judged(
    populations: tuple[str, ...], n: npt.NDArray[np.int64], posterior: Floats, outside: Floats, scores: Floats,
    misfits: Sequence[str], remarks: Sequence[str],
) -> Ancestry:  # fmt: skip
    """Names and reasons; `misfits`: "" or how badly the nearest population fits; `remarks` hold for assessed ones."""
    best = posterior.argmax(axis=1)
    names, reasons = [], []
    for i, (misfit, remark) in enumerate(zip(misfits, remarks, strict=True)):
        nearest = populations[best[i]]
        if n[i] < MINIMUM_SITES:
            names.append(NOT_ASSESSED)
            reasons.append(f"{n[i]} reference sites with a call; {MINIMUM_SITES} are needed")
        elif misfit:
            names.append(OUTSIDE)
            reasons.append(f"genotypes fit {nearest}, the nearest population, badly {misfit}")
        else:
            names.append(nearest)
            reasons.append(remark)
    enough = n >= MINIMUM_SITES
    return Ancestry(
        populations, n, names, np.where(enough[:, None], posterior, np.nan), np.where(enough, outside, np.nan),
        np.where(enough[:, None], scores, np.nan), reasons,
    )  # fmt: skip


def table(samples: list[str], assigned: Ancestry, own_components: Floats) -> pd.DataFrame:
    """Table ancestry: one row a patient with genotypes; `own_components` (sample, component) of the cohort itself."""
    import pandas as pd

    unknown = np.isnan(assigned.posterior).any(axis=1)
    best = np.where(unknown, np.nan, np.nan_to_num(assigned.posterior).max(axis=1))
    return pd.DataFrame(
        {
            "patient": samples,
            "n_sites": assigned.n_sites,
            "population": assigned.population,
            "probability": best,
            "outside_p": assigned.outside,
            "reason": assigned.reason,
            **{f"p_{name}": np.round(assigned.posterior[:, k], 6) for k, name in enumerate(assigned.populations)},
            **{f"ref_PC{i + 1}": np.round(values, 5) for i, values in enumerate(assigned.scores.T)},
            **{f"PC{i + 1}": own_components[:, i] for i in range(own_components.shape[1])},
        }
    )


def posteriors(ancestry: pd.DataFrame, samples: Sequence[str], populations: Sequence[str]) -> Floats:
    """(sample, population) from table ancestry; NaN where it was not assessed or has other populations."""
    columns = [f"p_{name}" for name in populations]
    if not set(columns) <= set(ancestry.columns):
        return np.full((len(samples), len(columns)), np.nan)
    return ancestry.set_index("patient")[columns].reindex(list(samples)).to_numpy(dtype=np.float64, na_value=np.nan)
