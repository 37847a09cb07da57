"""Labs and vital signs: text cells to values in one unit per analyte; refuses what cannot be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.errors import Problem
from consilium.core.sheets import Patient
from consilium.ehr.reading import known_patients, listed, read_rows
from consilium.ehr.reference import Units, plain_name, plain_unit

COLUMNS = ("patient", "analyte", "value", "unit", "taken_on")
ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_NUMBER = r"^(?P<sign><=?|>=?|≤|≥)?\s*(?P<number>[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)$"
_AMBIGUOUS = r"^[<>=≤≥ ]*[+-]?[1-9]\d{0,2},\d{3}$"  # 1,234: one thousand or one point two?


@dataclass
class Counts:
    """What was left out on purpose, per patient or file; written to notes.json."""

    rows: int = 0
    kept: int = 0
    duplicates: int = 0
    censored: int = 0
    after_index: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)  # analyte not in the resource table -> its unit


def read_measurements(
    path: Path, kind: str, units: Units, people: dict[str, Patient]
) -> tuple[pd.DataFrame, list[Problem], Counts]:
    """Observations of one labs or vitals table (columns of table `observations` but for the reference range).

    value: in the canonical unit; half the limit where the laboratory gave "<limit", the limit where ">limit".
    days: relative to the index date, NaN without one. Measurements after the index day are dropped and counted,
    exact repeats too.
    """
    rows, problems = read_rows(path, COLUMNS)
    counts = Counts(rows=len(rows))
    rows, strange = known_patients(path, rows, set(people))
    problems += strange
    for step in (_values, _dates, _analytes, _in_units, _plausible):
        before = rows["patient"]
        rows, found = step(path, rows, kind, units, people, counts)
        problems += found
        for patient in before[~before.index.isin(rows.index)]:
            counts.refused[patient] = counts.refused.get(patient, 0) + 1
    keys = ["patient", "name", "moment", "canonical", "plain"]
    doubled = rows.duplicated(keys)
    counts.duplicates = int(doubled.sum())
    rows = rows[~doubled]
    late = rows["days"] >= 1
    counts.after_index = {str(p): int(n) for p, n in rows.loc[late, "patient"].value_counts().sort_index().items()}
    rows = rows[~late]
    counts.kept, counts.censored = len(rows), int((rows["censored"] != "").sum())
    return _observations(rows, kind, units), problems, counts


def _values(
    path: Path, rows: pd.DataFrame, kind: str, units: Units, people: dict[str, Patient], counts: Counts
) -> tuple[pd.DataFrame, list[Problem]]:
    parts = rows["value"].str.extract(_NUMBER)
    number = pd.to_numeric(parts["number"].str.replace(",", ".", regex=False), errors="coerce")
    comma = rows["value"].str.contains(",", regex=False)
    doubtful = rows["value"].str.match(_AMBIGUOUS)
    # A patient whose other values carry decimal commas comes from a place that writes them so.
    writes_commas = set(rows.loc[comma & ~doubtful & number.notna(), "patient"])
    doubtful &= ~rows["patient"].isin(writes_commas)
    bad = number.isna() | ~np.isfinite(number.fillna(0)) | doubtful
    rows = rows.assign(
        number=number, censored=parts["sign"].fillna("").str[:1].replace({"≤": "<", "≥": ">"}), source_value=number
    )
    allowed = "a number with decimal point or comma, without thousands separators; <x or >x where only a limit is known"
    refused = rows[bad]
    problems = listed(path, refused, (f"value '{v}'" for v in refused["value"]), allowed, "correct it", "such values")
    return rows[~bad], problems


def _dates(
    path: Path, rows: pd.DataFrame, kind: str, units: Units, people: dict[str, Patient], counts: Counts
) -> tuple[pd.DataFrame, list[Problem]]:
    text = rows["taken_on"].str.replace(_ZONE, "", regex=True)
    moment = pd.to_datetime(text.where(text.str.fullmatch(ISO)), format="ISO8601", errors="coerce")
    born = rows["patient"].map({p: q.birth_year for p, q in people.items()}).astype("float64")
    bad = moment.isna() | (moment.dt.year < born)
    refused = rows[bad]
    problems = listed(
        path, refused, (f"taken_on '{v}'" for v in refused["taken_on"]),
        "a date that exists, as YYYY-MM-DD or YYYY-MM-DDTHH:MM, not before the year of birth", "rewrite the date",
        "such dates",
    )  # fmt: skip
    index = pd.to_datetime(rows["patient"].map({p: q.index_date or None for p, q in people.items()}))
    days = (moment - index) / pd.Timedelta(days=1)
    rows = rows.assign(moment=moment, days=days, taken=text.str.replace(" ", "T", regex=False))
    return rows[~bad], problems


def _analytes(
    path: Path, rows: pd.DataFrame, kind: str, units: Units, people: dict[str, Patient], counts: Counts
) -> tuple[pd.DataFrame, list[Problem]]:
    spelled = {s: plain_name(s) for s in rows["analyte"].unique()}
    plain = rows["analyte"].map(spelled)
    rows = rows.assign(name=plain.map(units.names).fillna(plain), plain=_plain_units(rows["unit"]))
    unlisted = ~rows["name"].isin(units.analytes)
    mixed = rows[unlisted].groupby("name")["plain"].nunique()
    mixed_names = set(mixed[mixed > 1].index) | {""}
    bad = unlisted & rows["name"].isin(mixed_names)
    for name, group in rows[unlisted & ~bad].groupby("name"):
        counts.unlisted[str(name)] = str(group["unit"].iloc[0])
    refused = rows[bad]
    problems = listed(
        path, refused,
        (f"analyte '{a}' in unit '{u}'" for a, u in zip(refused["analyte"], refused["unit"], strict=True)),
        "an analyte of resources/analytes.tsv, or one that has the same unit in all its rows",
        "correct the name, or add it to resources/analytes.tsv and units.tsv",
        "rows of unlisted analytes in mixed units",
    )  # fmt: skip
    return rows[~bad], problems


def _plain_units(column: pd.Series) -> pd.Series:
    return column.map({u: plain_unit(u) for u in column.unique()})


def _in_units(
    path: Path, rows: pd.DataFrame, kind: str, units: Units, people: dict[str, Patient], counts: Counts
) -> tuple[pd.DataFrame, list[Problem]]:
    factor, offset = pd.Series(np.nan, rows.index), pd.Series(0.0, rows.index)
    for (name, unit), part in rows.groupby(["name", "plain"], sort=False):
        record = units.analytes.get(name)
        unit = "1" if unit == "" and record is not None and record.unit == "1" else unit
        f, o = (1.0, 0.0) if record is None else units.factors.get((name, unit), (np.nan, 0.0))
        factor[part.index], offset[part.index] = f, o
    bad = factor.isna()
    refused = rows[bad]
    problems = listed(
        path, refused, (f"unit '{u}' for {n}" for u, n in zip(refused["unit"], refused["name"], strict=True)),
        (units.spellings[n] for n in refused["name"]), "correct the unit, or add it to resources/units.tsv",
        "rows with such units",
    )  # fmt: skip
    half = rows["number"].where(rows["censored"] != "<", rows["number"] / 2)
    return rows.assign(canonical=half * factor + offset, factor=factor)[~bad], problems


def _plausible(
    path: Path, rows: pd.DataFrame, kind: str, units: Units, people: dict[str, Patient], counts: Counts
) -> tuple[pd.DataFrame, list[Problem]]:
    low = rows["name"].map({n: a.low for n, a in units.analytes.items()})
    high = rows["name"].map({n: a.high for n, a in units.analytes.items()})
    bad = ((rows["canonical"] < low) & (rows["censored"] != "<")) | (rows["canonical"] > high)
    refused = rows[bad]
    problems = listed(
        path, refused,
        (f"{n} {v} {u}".strip() for n, v, u in zip(refused["name"], refused["value"], refused["unit"], strict=True)),
        (f"{low[i]:g} to {high[i]:g} {units.analytes[n].unit}" for i, n in refused["name"].items()),
        "correct the value or the unit", "implausible values",
    )  # fmt: skip
    return rows[~bad], problems


def _observations(rows: pd.DataFrame, kind: str, units: Units) -> pd.DataFrame:
    category = rows["name"].map({n: a.category for n, a in units.analytes.items()})
    return pd.DataFrame(
        {
            "patient": rows["patient"],
            "analyte": rows["name"],
            "category": category.fillna("lab" if kind == "labs" else "vital"),
            "taken_on": rows["taken"],
            "days": rows["days"].astype(float),
            "value": rows["canonical"].astype(float),
            "unit": rows["name"].map({n: a.unit for n, a in units.analytes.items()}).fillna(rows["unit"]),
            "source_value": rows["source_value"].astype(float),
            "source_unit": rows["unit"],
            "censored": rows["censored"],
            "moment": rows["moment"],
        }
    )
