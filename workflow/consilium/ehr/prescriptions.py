"""Drug lists and coded diagnoses: names to generic names, dates checked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.errors import Problem
from consilium.ehr.measurements import ISO
from consilium.ehr.reading import known_patients, listed, read_rows

# Salts, forms and strengths that follow a name and do not change which drug it is.
_TRAILING = re.compile(
    r"\s*\(.*?\)|\s+\d.*$|\s+(?:sodium|potassium|hydrochloride|hcl|maleate|besylate|besilate|calcium|magnesium|tartrate"
    r"|succinate|phosphate|hydrobromide|bisulfate|tablets?|capsules?|injection|retard|xr|er|sr|cr)\b.*$"
)
_LONG_ENOUGH = 8  # letters from which one typing error is mended; no two names in the table are that near


def read_drugs(
    path: Path, generics: dict[str, str], people: set[str]
) -> tuple[pd.DataFrame, list[Problem], dict[str, str]]:
    """Rows of table `drugs`, problems, and {name as supplied: what was made of it} for names not in the table.

    A name that no list knows stays, in lower case; one letter wrong in a long name is mended (and said).
    """
    rows, problems = read_rows(path, ("patient", "drug"), ("dose", "unit", "start", "stop"))
    rows, strange = known_patients(path, rows, people)
    problems += strange
    nameless = rows[rows["drug"] == ""]
    problems += listed(path, nameless, ["no drug name"] * len(nameless), "a name", "fill it in", "rows without a name")
    rows = rows[rows["drug"] != ""]
    for column in ("start", "stop"):
        rows, found = _dated(path, rows, column)
        problems += found
    dose = pd.to_numeric(rows["dose"].str.replace(",", ".", regex=False), errors="coerce")
    bad = dose.isna() & (rows["dose"] != "")
    mend = "write the number alone, the unit in column unit (the row is kept without its dose)"
    problems += listed(path, rows[bad], (f"dose '{d}'" for d in rows.loc[bad, "dose"]), "a number", mend, "such doses")
    names = {name: generic_name(name, generics) for name in rows["drug"].unique()}
    notes = {str(name): note for name, (_, note) in sorted(names.items()) if note}
    table = pd.DataFrame(
        {
            "patient": rows["patient"],
            "drug": rows["drug"].map({n: g for n, (g, _) in names.items()}),
            "dose": dose.astype(float).replace([np.inf, -np.inf], np.nan),
            "unit": rows["unit"],
            "start": rows["start"],
            "stop": rows["stop"],
            "supplied_as": rows["drug"],
        }
    )
    return table, problems, notes


def generic_name(name: str, generics: dict[str, str]) -> tuple[str, str]:
    """(generic name, note); the note is empty where the table has the name."""
    plain = re.sub(r"\s+", " ", name.strip().lower())
    for candidate in (plain, _TRAILING.sub("", plain).strip()):
        if candidate in generics:
            return generics[candidate], ""
    stem = _TRAILING.sub("", plain).strip() or plain
    near = {g for known, g in generics.items() if len(stem) >= _LONG_ENOUGH and one_error(stem, known)}
    if len(near) == 1:
        (generic,) = near
        return generic, f"read as {generic}: one letter differs"
    return plain, "not in resources/drug_names.tsv; kept as supplied"


def one_error(a: str, b: str) -> bool:
    """Exactly one letter added, lost, replaced or two neighbours swapped (Damerau distance 1)."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) == len(b):
        swapped = a[start + 1 : start + 2] + a[start : start + 1] + a[start + 2 :]
        return a[start + 1 :] == b[start + 1 :] or swapped == b[start:]
    long, short = (a, b) if len(a) > len(b) else (b, a)
    return long[start + 1 :] == short[start:]


def read_diagnoses(path: Path, people: set[str]) -> tuple[pd.DataFrame, list[Problem]]:
    """Rows of table `diagnoses`; codes as supplied."""
    rows, problems = read_rows(path, ("patient", "code"), ("system", "date", "label"))
    rows, strange = known_patients(path, rows, people)
    problems += strange
    empty = rows[rows["code"] == ""]
    problems += listed(path, empty, ["no code"] * len(empty), "a code", "fill it in", "rows without a code")
    rows, found = _dated(path, rows[rows["code"] != ""], "date")
    return rows[["patient", "code", "system", "date", "label"]], problems + found


def _dated(path: Path, rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Rows with an empty or an existing date in `column`; the others are refused."""
    text = rows[column]
    good = pd.to_datetime(text.where(text.str.fullmatch(ISO)), format="ISO8601", errors="coerce").notna()
    bad = ~good & (text != "")
    allowed = "a date that exists, as YYYY-MM-DD, or empty"
    found = (f"{column} '{v}'" for v in rows.loc[bad, column])
    return rows[~bad], listed(path, rows[bad], found, allowed, "rewrite the date", "such dates")
