"""Brings the room together: all tables of the sample sheet in, harmonised tables and feature blocks out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from consilium.core import blocks
from consilium.core.errors import Problem
from consilium.core.sheets import Patient, Sample, read_patients, read_samples
from consilium.ehr import series
from consilium.ehr.blocks import table_block
from consilium.ehr.clinical import read_clinical
from consilium.ehr.measurements import Counts, read_measurements
from consilium.ehr.prescriptions import read_diagnoses, read_drugs
from consilium.ehr.reference import Units, load_drugs, load_units

NOT_SUPPLIED = "not supplied"


@dataclass
class Taken:
    """Everything read. observations has `moment` and no reference range yet; tables may be empty."""

    people: dict[str, Patient]
    observations: pd.DataFrame
    drugs: pd.DataFrame
    diagnoses: pd.DataFrame
    problems: list[Problem]
    notes: dict[str, Any]


def read_all(samples: Path, patients: Path, analytes: Path, units: Path, drug_names: Path) -> Taken:
    """Read every ehr table of the sample sheet; what cannot be used becomes problems."""
    people = {p.patient: p for p in read_patients(patients)}
    rows = [s for s in read_samples(samples) if s.modality == "ehr"]
    known = load_units(analytes, units)
    observed, problems, counts = _measured(rows, people, known)
    drugs, drug_problems, drug_notes = _prescribed(rows, set(people), load_drugs(drug_names))
    diagnosed = [read_diagnoses(Path(s.path), set(people)) for s in rows if s.kind == "diagnoses"]
    clinical = [read_clinical(Path(s.path), set(people)) for s in rows if s.kind == "clinical"]
    problems += drug_problems + [p for _, found in [*diagnosed, *clinical] for p in found]
    diagnoses = _stacked([t for t, _ in diagnosed], ["patient", "code", "system", "date", "label"])
    notes = _notes(counts, drug_notes)
    return Taken(
        people, observed, _ordered(drugs, ["patient", "drug", "start", "supplied_as"]),
        _ordered(diagnoses, ["patient", "date", "code"]), problems, notes,
    )  # fmt: skip


def measured_blocks(
    people: list[Patient], observations: pd.DataFrame, notes: dict[str, Any], window_days: float, bins: int
) -> dict[str, xr.Dataset]:
    """Blocks series and summary; none where nobody has a value in the window."""
    patients = [p.patient for p in people]
    rows = series.in_window(observations, window_days)
    if rows.empty:
        return {}
    have, ever = set(rows["patient"]), set(observations["patient"])
    reasons = {p: _why_not(p, p in ever, notes, window_days) for p in patients if p not in have}
    units = dict(zip(rows["analyte"], rows["unit"], strict=True))
    values, analytes = series.grid(rows, patients, window_days, bins)
    times = series.bin_centres(window_days, bins)
    title = f"Labs and vital signs, means in {bins} bins over {window_days:g} days"
    summary, summary_units = series.summary_table(rows, window_days, units)
    return {
        "series": blocks.series(
            "ehr",
            title,
            patients,
            values,
            analytes,
            [units[a] for a in analytes],
            [reasons.get(p, "") for p in patients],
            times,
        ),
        "summary": table_block("Labs and vital signs, summaries", patients, summary, summary_units, reasons),
    }


def clinical_block(people: list[Patient], samples: list[Sample]) -> dict[str, xr.Dataset]:
    """Block clinical of all clinical tables; a column of two tables is taken from the first that has it."""
    patients = [p.patient for p in people]
    tables = [read_clinical(Path(s.path), set(patients))[0] for s in samples if s.kind == "clinical"]
    table = pd.DataFrame(index=pd.Index([], name="patient", dtype=object))
    for more in tables:
        table = table.combine_first(more)
    table = table.loc[:, sorted(table.columns)].dropna(how="all")
    if table.empty:
        return {}
    reasons = {p: NOT_SUPPLIED for p in patients if p not in table.index}
    units = ["1" if "=" in str(c) else "as supplied" for c in table.columns]
    return {"clinical": table_block("Clinical table", patients, table, units, reasons)}


def _measured(
    rows: list[Sample], people: dict[str, Patient], units: Units
) -> tuple[pd.DataFrame, list[Problem], dict[str, Counts]]:
    problems: list[Problem] = []
    tables: list[pd.DataFrame] = []
    counts: dict[str, Counts] = {}
    for sample in rows:
        if sample.kind in ("labs", "vitals"):
            table, found, counted = read_measurements(Path(sample.path), sample.kind, units, people)
            problems += found
            counts[sample.path] = counted
            tables.append(table)
    columns = ["patient", "analyte", "category", "taken_on", "days", "value", "unit", "source_value", "source_unit",
               "censored", "moment"]  # fmt: skip
    stacked = _stacked(tables, columns)
    if stacked.empty:
        stacked = stacked.astype({"days": float, "value": float, "source_value": float, "moment": "datetime64[ns]"})
    return stacked, problems, counts


def _prescribed(
    rows: list[Sample], people: set[str], generics: dict[str, str]
) -> tuple[pd.DataFrame, list[Problem], dict[str, str]]:
    problems: list[Problem] = []
    tables: list[pd.DataFrame] = []
    notes: dict[str, str] = {}
    for sample in rows:
        if sample.kind == "drugs":
            table, found, said = read_drugs(Path(sample.path), generics, people)
            problems += found
            notes |= said
            tables.append(table)
    return _stacked(tables, ["patient", "drug", "dose", "unit", "start", "stop", "supplied_as"]), problems, notes


def _stacked(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [t for t in tables if len(t)]
    if not filled:
        return pd.DataFrame(columns=columns)
    return pd.concat(filled, ignore_index=True)[columns].drop_duplicates(ignore_index=True)


def _ordered(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return table.sort_values(by, kind="stable").reset_index(drop=True)


def _notes(counts: dict[str, Counts], drugs: dict[str, str]) -> dict[str, Any]:
    refused: Counter[str] = Counter()
    after: Counter[str] = Counter()
    unlisted: dict[str, str] = {}
    for counted in counts.values():
        refused.update(counted.refused)
        after.update(counted.after_index)
        unlisted |= counted.unlisted
    per_file = {"rows", "kept", "duplicates", "censored"}
    files = {f: {k: v for k, v in asdict(c).items() if k in per_file} for f, c in sorted(counts.items())}
    return {
        "files": files,
        "after_index_date": dict(sorted(after.items())),
        "refused": dict(sorted(refused.items())),
        "analytes_not_listed": dict(sorted(unlisted.items())),
        "drug_names": dict(sorted(drugs.items())),
    }


def _why_not(patient: str, ever: bool, notes: dict[str, Any], window_days: float) -> str:
    if ever:
        return f"no measurement in the {window_days:g} days before the index date"
    if patient in notes["after_index_date"]:
        return "only measurements after the index date"
    if patient in notes["refused"]:
        return "every row refused, see cohort/ehr/quarantine.tsv"
    return NOT_SUPPLIED
