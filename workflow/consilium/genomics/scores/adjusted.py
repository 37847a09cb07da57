"""Columns of polygenic_adjusted.tsv: a patient's scores against the reference, and what follows from it."""

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
from consilium.genomics.scores.rows import ASSESSED, NOT_ASSESSED, Columns, Scored

if TYPE_CHECKING:
    import pandas as pd

MAX_LOST = 0.1  # of the score's reference variance at variants without a call in the patient
MIN_PROBABILITY = 0.5  # of the most similar population (as pgsc_calc)
NO_REFERENCE = "no reference for polygenic scores (genomics.reference_panel or genomics.polygenic_reference)"
NO_RISK = "no prevalence and AUC of this score in the configuration (genomics.polygenic_risk)"

_NUMBERS = ("sum_reference", "lost_variance", "z_norm1", "z_norm2", "z_population", "percentile", "risk",
            "prevalence", "auc")  # fmt: skip
_PLACE = ("z_norm2", "z_population", "population")  # what the risk follows from


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


def adjusted_columns(
    scored: Scored, plain: Columns, samples: Sequence[str], reference: Reference | None, where: Places | None,
    rules: Rules, risk: Measured | None, sexes: Mapping[str, str],
) -> Columns:  # fmt: skip
    """A row per row of `plain` (polygenic.tsv). sexes: of the patients, as in their sheet."""
    why = unusable(scored, reference, rules)
    out = _blank(plain, scored.score.trait_id)
    out["reason"] = np.where(plain["status"] == ASSESSED, why, plain["reason"]).astype(object)
    own = reference.scores[scored.score.name] if reference and not why else None
    if own and where and scored.in_reference:
        z = np.full((2, len(samples)), np.nan)
        if own.model:
            z = np.array(adjustment.normalised(own.model, scored.in_reference.sum, where.components))
        at = {sample: i for i, sample in enumerate(samples)}
        for i in np.flatnonzero(out["reason"] == "").tolist():
            _set(out, i, _place(scored, own, where, z, at[plain["patient"][i]]))
    if risk is None:
        out["risk_reason"][:] = NO_RISK
    else:
        for i, patient in enumerate(plain["patient"]):
            _set(out, i, _risk({name: out[name][i] for name in _PLACE}, risk, sexes[patient]))
    return out


def _blank(plain: Columns, trait_id: str) -> Columns:
    n = len(plain["patient"])
    texts = {"trait_id": trait_id, "population": "", "risk_population": "", "risk_source": "", "risk_reason": "",
             "status": NOT_ASSESSED}  # fmt: skip
    return {
        **{name: plain[name] for name in ("patient", "score", "trait")},
        **{name: np.full(n, text, dtype=object) for name, text in texts.items()},
        **{name: np.full(n, np.nan) for name in _NUMBERS}, "n_population": np.zeros(n, dtype=np.int64),
    }  # fmt: skip


def _set(columns: Columns, row: int, said: Mapping[str, Any]) -> None:
    for name, value in said.items():
        columns[name][row] = value


def _place(scored: Scored, own: ScoreReference, where: Places, z: Any, i: int) -> dict[str, Any]:
    """What is known of the sample's place in the reference; reason: why not more, or a remark."""
    sums = scored.in_reference
    assert sums is not None
    row: dict[str, Any] = {"lost_variance": round(float(sums.lost[i]), 6)}
    if (lacking := int(own.used.sum() - sums.n_used[i])) > 0:
        return row | {"reason": f"{lacking} variants of the reference have neither call nor frequency here"}
    if sums.lost[i] > MAX_LOST:
        said = f"{sums.lost[i]:.0%} of the score's variance lies at variants without a call here: above {MAX_LOST:.0%}"
        return row | {"reason": said}
    if not where.population[i]:
        return row | {"reason": where.reason[i]}
    value, name = float(sums.sum[i]), where.population[i]
    row |= {"sum_reference": value, "status": ASSESSED, "population": name, "z_norm1": z[0, i], "z_norm2": z[1, i]}
    population = own.populations.get(name)
    if population:
        row |= {"n_population": population.n, "z_population": (value - population.mean) / population.sd,
                "percentile": adjustment.percentile(population, value)}  # fmt: skip
    if np.isnan(z[1, i]):
        said = "place in the reference's components not known: compared with the most similar population alone"
        return row | {"reason": said}
    return row if population else row | {"reason": f"fewer than {adjustment.MINIMUM_IN_POPULATION} people of {name}"}


def _risk(row: Mapping[str, Any], risk: Measured, sex: str) -> dict[str, Any]:
    """row: columns _PLACE of a patient."""
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


def with_spread(columns: Columns) -> Columns:
    """The rows with the lowest and highest percentile among a patient's scores of one trait, where it has several."""
    n, percentile = len(columns["percentile"]), columns["percentile"]
    count, lowest, highest = np.zeros(n, dtype=np.int64), np.full(n, np.nan), np.full(n, np.nan)
    known: dict[tuple[str, str], list[float]] = {}
    for i in np.flatnonzero(~np.isnan(percentile)).tolist():
        known.setdefault((columns["patient"][i], columns["trait_id"][i]), []).append(percentile[i])
    groups = zip(columns["patient"], columns["trait_id"], strict=True) if known else ()
    for i, group in enumerate(groups):
        found = known.get(group, [])
        count[i] = len(found)
        if len(found) > 1 and group[1]:
            lowest[i], highest[i] = min(found), max(found)
    return {**columns, "n_trait_scores": count, "trait_lowest": lowest, "trait_highest": highest}
