"""Feature blocks in the one shape that fusion knows (core.contract.check_block)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from consilium.core.sheets import Patient


def block(
    title: str,
    patients: list[str],
    values: np.ndarray,
    features: list[str],
    units: list[str],
    reasons: dict[str, str],
    times: np.ndarray | None = None,
) -> xr.Dataset:
    """values: patient x feature, or patient x time x feature with `times` (days before the end of the window).

    reasons: patient -> why the block is not there; everybody else is present.
    """
    reason = np.array([reasons.get(p, "") for p in patients], dtype="U")
    present = reason == ""
    values = values.astype(np.float32).copy()
    values[~present] = np.nan
    dims = ("patient", "feature") if times is None else ("patient", "time", "feature")
    coordinates: dict[str, object] = {
        "patient": np.array(patients, dtype="U"),
        "feature": np.array(features, dtype="U"),
        "unit": ("feature", np.array(units, dtype="U")),
    }
    attributes = {"room": "ehr", "title": title, "layout": "table" if times is None else "series"}
    if times is not None:
        coordinates["time"] = times.astype(float)
        attributes["time_unit"] = "days"
    variables = {"values": (dims, values), "present": ("patient", present), "reason": ("patient", reason)}
    return xr.Dataset(variables, coords=coordinates, attrs=attributes)


def table_block(
    title: str, patients: list[str], table: pd.DataFrame, units: list[str], reasons: dict[str, str]
) -> xr.Dataset:
    """`block` from a table indexed by patient; patients without a row are given by `reasons`."""
    values = table.reindex(patients).to_numpy(dtype=float).reshape(len(patients), len(table.columns))
    return block(title, patients, values, [str(c) for c in table.columns], units, reasons)


def demographics(people: list[Patient]) -> xr.Dataset:
    """age (years at the index date: year of that date minus year of birth) and sex_female (1, 0, NaN unknown)."""
    rows, reasons = [], {}
    for person in people:
        year = int(person.index_date[:4]) if person.index_date else None
        age = float(year - person.birth_year) if year and person.birth_year else np.nan
        sex = {"female": 1.0, "male": 0.0}.get(person.sex, np.nan)
        rows.append((age, sex))
        if np.isnan(age) and np.isnan(sex):
            reasons[person.patient] = "neither sex nor age (year of birth and index date) in the patient sheet"
    names = [p.patient for p in people]
    return block("Age and sex", names, np.array(rows).reshape(-1, 2), ["age", "sex_female"], ["years", "1"], reasons)
