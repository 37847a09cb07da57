"""The room's feature blocks of layout table."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from consilium.core import blocks


def table_block(
    title: str, patients: list[str], table: pd.DataFrame, units: list[str], reasons: dict[str, str]
) -> xr.Dataset:
    """From a table indexed by patient; reasons: patient -> why the block is not there, everybody else has it."""
    values = table.reindex(patients).to_numpy(dtype=float).reshape(len(patients), len(table.columns))
    columns = [str(c) for c in table.columns]
    return blocks.table("ehr", title, patients, values, columns, units, [reasons.get(p, "") for p in patients])
