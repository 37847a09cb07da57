"""The wide clinical table: one row a patient, numeric columns as they are, the others one-hot by their levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.errors import Problem
from consilium.ehr.reading import known_patients, listed, read_rows

MISSING = {"", "na", "n/a", "nan", "null", "none", ".", "?", "-", "unknown", "not available", "not reported"}
MAX_LEVELS = 20
NUMERIC_SHARE = 0.8  # a column with this share of numbers is numeric; its other cells are problems


def read_clinical(path: Path, people: set[str]) -> tuple[pd.DataFrame, list[Problem]]:
    """(patients x features as float, NaN where missing; problems). Index: patient.

    One-hot levels are those seen in this table (nothing is estimated from them); a missing category is NaN in all
    of its columns, never 0.
    """
    rows, problems = read_rows(path, ("patient",))
    rows, strange = known_patients(path, rows, people)
    again = rows["patient"].duplicated()
    found = (f"patient '{p}' again" for p in rows.loc[again, "patient"])
    problems += strange
    problems += listed(path, rows[again], found, "one row a patient", "remove one; the first is used", "such rows")
    rows = rows[~again]
    columns: dict[str, pd.Series] = {}
    for name in (c for c in rows.columns if c not in ("patient", "line")):
        made, bad = _column(path, rows, name)
        columns |= made
        problems += bad
    table = pd.DataFrame(columns, index=rows.index, dtype=float)
    return table.set_index(pd.Index(rows["patient"], name="patient")), problems


def _column(path: Path, rows: pd.DataFrame, name: str) -> tuple[dict[str, pd.Series], list[Problem]]:
    cells = rows[name]
    seen = ~cells.str.lower().isin(MISSING)
    numbers = pd.to_numeric(cells.str.replace(",", ".", regex=False).where(seen), errors="coerce")
    numbers = numbers.where(np.isfinite(numbers.fillna(0)))
    if not seen.any():
        return {}, []
    if numbers.notna().sum() >= NUMERIC_SHARE * seen.sum():
        bad = rows[seen & numbers.isna()]
        found = (f"{name} '{v}'" for v in bad[name])
        return {name: numbers}, listed(path, bad, found, "a number, or empty", "correct it", f"such cells of {name}")
    levels = sorted(cells[seen].unique())
    if len(levels) > MAX_LEVELS:
        found_text = f"column '{name}' has {len(levels)} different values that are no numbers"
        allowed = f"numbers, or at most {MAX_LEVELS} categories"
        return {}, [Problem(str(path), found_text, allowed, "group the values, or leave the column out", 1)]
    return {f"{name}={level}": (cells == level).astype(float).where(seen) for level in levels}, []
