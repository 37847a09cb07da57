"""Helpers of the imaging tests (not fixtures)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.sheets import Sample


def sample(path: Path | str, kind: str, patient: str = "P001") -> Sample:
    return Sample(patient, "imaging", kind, str(path), "", kind, 2)


def people(n: int = 1, **has: bool) -> pd.DataFrame:
    """Rows as simulate.people draws them; has: has_t1 … (default False)."""
    table = pd.DataFrame(
        {
            "patient": [f"P{i + 1:03d}" for i in range(n)],
            "sex": "female",
            "birth_year": 1960,
            "site": "site_1",
            "index_date": "2024-03-01",
            "z_image": np.linspace(-1, 1, n) if n > 1 else 0.0,
        }
    )
    for column in ("has_t1", "has_fmri", "has_ct", "has_pet"):
        table[column] = has.get(column, False)
    return table
