"""The room's feature blocks of layout table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from consilium.core import blocks
from consilium.core.sheets import Patient


def table_block(
    title: str, patients: list[str], table: pd.DataFrame, units: list[str], reasons: dict[str, str]
) -> xr.Dataset:
    """From a table indexed by patient; reasons: patient -> why the block is not there, everybody else has it."""
    values = table.reindex(patients).to_numpy(dtype=float).reshape(len(patients), len(table.columns))
    columns = [str(c) for c in table.columns]
    return blocks.table("ehr", title, patients, values, columns, units, [reasons.get(p, "") for p in patients])


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
    table = pd.DataFrame(rows, index=names, columns=["age", "sex_female"])
    return table_block("Age and sex", names, table, ["years", "1"], reasons)
