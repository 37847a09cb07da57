"""Rows of polygenic_adjusted.tsv: a patient's scores against the reference, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.scores import adjustment
from consilium.genomics.scores.matching import Rules
from consilium.genomics.scores.reference import Reference, ScoreReference
from consilium.genomics.scores.risk import Measured, absolute_risk
from consilium.genomics.scores.rows import ASSESSED, NOT_ASSESSED, Scored

if TYPE_CHECKING:
    import pandas as pd

MAX_LOST = 0.1  # of the score's reference variance at variants without a call in the patient
MIN_PROBABILITY = 0.5  # of the most similar population (as pgsc_calc)
NO_REFERENCE = "no reference for polygenic scores (genomics.reference_panel or genomics.polygenic_reference)"
NO_RISK = "no prevalence and AUC of this score in the configuration (genomics.polygenic_risk)"

_NUMBERS = ("sum_reference", "lost_variance", "z_norm1", "z_norm2", "z_population", "percentile", "risk",
            "prevalence", "auc", "trait_lowest", "trait_highest")  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where patients stand in the ancestry reference: population, its probability, and components, by sample.

    population (sample,): "" = none that may be used, with `reason`. components (sample, component) standardised as in
    the reference; NaN = not known.
    """

    population: Sequence[str]
    components: npt.NDArray[np.float64]
    reason: Sequence[str]


def places(samples: Sequence[str], ancestry: pd.DataFrame, reference: Reference, components_digest: str) -> Places:
    """From table ancestry. Components that were made from other tables than the reference's count as not known."""
    by_patient = ancestry.drop_duplicates("patient").set_index("patient").reindex(list(samples))
    known = set(reference.populations)
    named, reasons = [], []
    for row in by_patient.itertuples():
        population = str(row.population)
        if population not in known:
            named.append("")
            reasons.append(f"ancestry: {'not assessed' if population == 'nan' else population}")
        elif not row.probability >= MIN_PROBABILITY:
            named.append("")
            reasons.append(f"ancestry: no population with a probability of at least {MIN_PROBABILITY}")
        else:
            named.append(population)
            reasons.append("")
    columns = list(reference.components)
    same = columns and components_digest == reference.components_digest and set(columns) <= set(by_patient.columns)
    values = by_patient[columns].to_numpy(dtype=np.float64, na_value=np.nan) if same else None
    if values is None:
        values = np.full((len(named), len(columns)), np.nan)
    return Places(named, (values - reference.centre) / reference.scale, reasons)


def unusable(scored: Scored, reference: Reference | None, rules: Rules) -> str:
    """Why the reference says nothing of this score; "" = it does."""
    if reference is None:
        return NO_REFERENCE
    if scored.score.name not in reference.scores:
        return "the reference does not hold this score"
    if scored.in_reference is None:
        return "the reference was made with another version of this scoring file"
    if reference.rules != rules:
        return "the reference was made with other rules of matching (genomics.polygenic_ambiguous, …_strand_flips)"
    return ""


def adjusted_rows(
    scored: Scored, plain: Sequence[Mapping[str, Any]], samples: Sequence[str], reference: Reference | None,
    where: Places | None, rules: Rules, risk: Measured | None, sexes: Mapping[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """One row per row of `plain` (polygenic.tsv). sexes: of the patients, as in their sheet."""
    at = {sample: i for i, sample in enumerate(samples)}
    why = unusable(scored, reference, rules)
    own = reference.scores[scored.score.name] if reference and not why else None
    z = np.full((2, len(samples)), np.nan)
    if own and own.model and where and scored.in_reference:
        z = np.array(adjustment.normalised(own.model, scored.in_reference.sum, where.components))
    out = []
    blank = {"trait_id": scored.score.trait_id, "population": "", "n_population": 0, "risk_population": "",
             "risk_source": "", "risk_reason": "", "n_trait_scores": 0, "status": NOT_ASSESSED,
             **dict.fromkeys(_NUMBERS, np.nan)}  # fmt: skip
    for base in plain:
        row = {"patient": base["patient"], "score": base["score"], "trait": base["trait"], **blank}
        reason = base["reason"] if base["status"] != ASSESSED else why
        i = at.get(base["patient"], -1)
        if not reason and own and where and scored.in_reference:
            reason = _place(row, scored, own, where, z, i)
        out.append(row | {"reason": reason} | _risk(row, risk, sexes[base["patient"]]))
    return out


def _place(row: dict[str, Any], scored: Scored, own: ScoreReference, where: Places, z: Any, i: int) -> str:
    """Fills a row in; returns why not, or a remark."""
    sums = scored.in_reference
    assert sums is not None
    row["lost_variance"] = round(float(sums.lost[i]), 6)
    if sums.n_used[i] < own.used.sum():
        return f"{int(own.used.sum() - sums.n_used[i])} variants of the reference have neither call nor frequency here"
    if sums.lost[i] > MAX_LOST:
        return f"{sums.lost[i]:.0%} of the score's variance lies at variants without a call here: above {MAX_LOST:.0%}"
    if not where.population[i]:
        return where.reason[i]
    row["sum_reference"] = float(sums.sum[i])
    row["status"], row["population"] = ASSESSED, where.population[i]
    row["z_norm1"], row["z_norm2"] = float(z[0, i]), float(z[1, i])
    population = own.populations.get(where.population[i])
    if population:
        row["n_population"] = population.n
        row["z_population"] = (row["sum_reference"] - population.mean) / population.sd
        row["percentile"] = adjustment.percentile(population, row["sum_reference"])
    if np.isnan(z[1, i]):
        return "place in the reference's components not known: compared with the most similar population alone"
    return "" if population else f"fewer than {adjustment.MINIMUM_IN_POPULATION} people of {row['population']}"


def _risk(row: Mapping[str, Any], risk: Measured | None, sex: str) -> dict[str, Any]:
    if risk is None:
        return {"risk_reason": NO_RISK}
    said = {"prevalence": risk.prevalence, "auc": risk.auc, "risk_population": risk.population,
            "risk_source": risk.source}  # fmt: skip
    z = row["z_norm2"] if not np.isnan(row["z_norm2"]) else row["z_population"]
    if risk.sex not in ("any", sex):
        return said | {"risk_reason": f"prevalence and AUC are of {risk.sex} people; the patient's sex is {sex}"}
    if np.isnan(z):
        return said | {"risk_reason": "no standardised score"}
    if row["population"] != risk.population:
        found = f"prevalence and AUC are of {risk.population}; the most similar population is {row['population']}"
        return said | {"risk_reason": found}
    return said | {"risk": absolute_risk(z, risk.prevalence, risk.auc)}


def with_spread(columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The rows with the lowest and highest percentile among a patient's scores of one trait, where it has several."""
    groups = list(zip(columns["patient"], columns["trait_id"], strict=True))
    known: dict[tuple[str, str], list[float]] = {}
    for group, percentile in zip(groups, columns["percentile"], strict=True):
        if percentile == percentile:
            known.setdefault(group, []).append(percentile)
    found = [known.get(group, []) for group in groups]
    several = [len(f) > 1 and group[1] != "" for group, f in zip(groups, found, strict=True)]
    return {
        **columns, "n_trait_scores": [len(f) for f in found],
        "trait_lowest": [min(f) if s else np.nan for f, s in zip(found, several, strict=True)],
        "trait_highest": [max(f) if s else np.nan for f, s in zip(found, several, strict=True)],
    }  # fmt: skip
