"""What is asked: the analyses of the configuration, and the outcome and covariates of the patient sheet."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from consilium.core.sheets import Patient

Floats = npt.NDArray[np.float64]
# Pairs of values of which it is plain which one means the condition: (control, case).
PLAIN_CASES = (("0", "1"), ("no", "yes"), ("false", "true"), ("control", "case"))
MIN_PEOPLE = 50
MIN_GROUP = 20  # cases, and controls
MIN_VALUES = 3  # different values of a continuous outcome


@dataclass(frozen=True)
class Analysis:
    """One outcome against every variant. case: value that means the condition ("" = told by PLAIN_CASES)."""

    name: str
    outcome: str
    kind: str  # binary | continuous
    covariates: tuple[str, ...] = ("age", "sex")
    components: int = 10
    case: str = ""
    min_maf: float = 0.01

    @property
    def binary(self) -> bool:
        return self.kind == "binary"


@dataclass
class LeftOut:
    """Who does not take part: patient -> (rule, reason); the first rule that applies is kept."""

    people: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, patient: str, rule: str, reason: str) -> None:
        self.people.setdefault(patient, (rule, reason))


def read_analyses(text: str) -> list[Analysis]:
    """From the JSON list of the configuration's `genomics.association`."""
    return [
        Analysis(a["name"], a["outcome"], a["kind"], tuple(a.get("covariates", ("age", "sex"))),
                 int(a.get("components", 10)), a.get("case") or "", float(a.get("min_maf", 0.01)))
        for a in json.loads(text)
    ]  # fmt: skip


def outcome(analysis: Analysis, patients: Sequence[Patient], left_out: LeftOut) -> tuple[Floats, str]:
    """(outcome per patient, why it cannot be assessed or ""). Binary: 1 case, 0 control. NaN: not known, left out."""
    cells = [p.outcomes.get(analysis.outcome, "") for p in patients]
    values = np.full(len(cells), np.nan)
    case = case_value(analysis, set(cells) - {""}) if analysis.binary else ""
    if analysis.binary and not case:
        found = ", ".join(sorted(set(cells) - {""})[:5]) or "none"
        return values, f"which value of '{analysis.outcome}' means a case is not told: {found}; name it under 'case'"
    for i, (patient, cell) in enumerate(zip(patients, cells, strict=True)):
        if not cell:
            left_out.add(patient.patient, "outcome", f"no {analysis.outcome} in the patient sheet")
        elif analysis.binary:
            values[i] = float(cell == case)
        else:
            values[i] = number(cell)
            if math.isnan(values[i]):
                left_out.add(patient.patient, "outcome", f"{analysis.outcome} '{cell}' is not a number")
    return values, ""


def case_value(analysis: Analysis, values: set[str]) -> str:
    """The value of cases; "" when the two values do not say and the configuration names none of them."""
    if analysis.case:
        return analysis.case if analysis.case in values and len(values) > 1 else ""
    plain = {frozenset(pair): pair[1] for pair in PLAIN_CASES}
    lowered = {v.lower(): v for v in values}
    return lowered.get(plain.get(frozenset(lowered), ""), "")


def number(cell: str) -> float:
    """The finite number in a cell, else NaN."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def covariates(
    analysis: Analysis, patients: Sequence[Patient], sex_inferred: Mapping[str, str], left_out: LeftOut
) -> tuple[Floats, list[str]]:
    """Covariates (patient, column) without intercept, and their names; NaN rows are left out, by name.

    age: years at the index date. sex: 1 = female, from the genotypes where the sheet does not say. Others: numbers
    where every cell is one, else one column a level against the first in alphabetical order.
    """
    columns: list[Floats] = []
    names: list[str] = []
    for name in analysis.covariates:
        found = _covariate(name, patients, sex_inferred)
        for label, values in found.items():
            names.append(label)
            columns.append(values)
        for patient, lacking in zip(patients, np.isnan(next(iter(found.values()))), strict=True):
            if lacking:
                left_out.add(patient.patient, "covariate", f"{name} not known")
    return np.stack(columns, axis=1) if columns else np.empty((len(patients), 0)), names


def _covariate(name: str, patients: Sequence[Patient], sex_inferred: Mapping[str, str]) -> dict[str, Floats]:
    if name == "age":
        return {"age": np.array([p.age for p in patients], dtype=float)}
    if name == "sex":
        said = [p.sex if p.sex != "unknown" else sex_inferred.get(p.patient, "unknown") for p in patients]
        return {"sex": np.array([{"female": 1.0, "male": 0.0}.get(s, np.nan) for s in said])}
    cells = [p.site if name == "site" else p.outcomes.get(name, "") for p in patients]
    numbers = np.array([number(c) for c in cells])
    known = np.array([bool(c) for c in cells])
    if name != "site" and known.any() and np.isfinite(numbers[known]).all():
        return {name: numbers}
    levels = sorted(set(cells) - {""})
    columns = {f"{name} ({level})": np.array([float(c == level) for c in cells]) for level in levels[1:]}
    columns = columns or {name: np.zeros(len(cells))}
    return {label: np.where(known, values, np.nan) for label, values in columns.items()}


def too_few(analysis: Analysis, y: Floats) -> str:
    """Why these outcomes are too few to be assessed, or ""."""
    if len(y) < MIN_PEOPLE:
        return f"{len(y)} unrelated people with genotypes, outcome and covariates, fewer than {MIN_PEOPLE}"
    cases = int(y.sum())
    if analysis.binary and min(cases, len(y) - cases) < MIN_GROUP:
        return f"{cases} cases and {len(y) - cases} controls, fewer than {MIN_GROUP} in one group"
    if not analysis.binary and len(set(y.tolist())) < MIN_VALUES:
        return f"fewer than {MIN_VALUES} different values"
    return ""
