"""Tables in, table out: star-allele calls and drug lists of a cohort -> guideline rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from consilium.treatment.advice import NOT_SUPPLIED, Advice, advise
from consilium.treatment.genotype import Call
from consilium.treatment.rulebase import Rule

if TYPE_CHECKING:
    import pandas as pd

_OR = " or "


def calls_by_patient(pharmacogenes: pd.DataFrame) -> dict[str, dict[str, Call]]:
    """Patient -> gene -> call, from the table `pharmacogenes`."""
    out: dict[str, dict[str, Call]] = {}
    for row in pharmacogenes.to_dict("records"):
        score = row["activity_score"]
        out.setdefault(row["patient"], {})[row["gene"]] = Call(
            row["gene"], _split(row["diplotypes"]), _split(row["phenotypes"]),
            None if score != score else float(score), row["call"], int(row["untested"]), row["reason"],
            row["origin"],
        )  # fmt: skip
    return out


def _split(joined: str) -> tuple[str, ...]:
    return tuple(part for part in joined.split(_OR) if part)


def rows(
    patients: Iterable[str],
    drugs: pd.DataFrame,
    calls: Mapping[str, Mapping[str, Call]],
    rules: Mapping[str, list[Rule]],
) -> list[dict[str, Any]]:
    """Rows of the table `guidelines`, in order of patients and of each drug list.

    A patient without a row in the drug list gets none: no list is not an empty list.
    """
    out: list[dict[str, Any]] = []
    by_patient = dict(list(drugs.groupby("patient", sort=False)))
    for patient in patients:
        if patient not in by_patient:
            continue
        own = calls.get(patient, {})
        for drug, stopped in _substances(by_patient[patient]).items():
            for advice in advise(drug, rules, own, "" if own else NOT_SUPPLIED):
                out.append({"patient": patient, **_with_stop(advice, stopped)})
    return out


def _substances(own: pd.DataFrame) -> dict[str, str]:
    """Substance -> "" while any prescription of it has no stop date, else the last stop date."""
    stops: dict[str, list[str]] = {}
    for row in own.to_dict("records"):
        for name in substances(row["drug"]):
            stops.setdefault(name, []).append(row["stop"])
    return {name: "" if "" in dates else max(dates) for name, dates in stops.items()}


def substances(drug: str) -> list[str]:
    """Parts of a combination; the ehr room has already made generic names of what records write."""
    return [part.strip() for part in re.split(r"/|\+|;|\band\b|\bwith\b", drug) if part.strip()] or [drug]


def _with_stop(advice: Advice, stopped: str) -> dict[str, str]:
    row = asdict(advice)
    if stopped:
        row["reason"] = "; ".join(p for p in (f"stopped on {stopped}", row["reason"]) if p)
    return row
