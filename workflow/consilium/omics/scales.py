"""Value scales: a fixed rule per table, nothing estimated from other patients; and the range each kind allows."""

from __future__ import annotations

import numpy as np
import pandas as pd

LOG_KINDS = ("expression", "mirna", "protein")
LARGEST_LOG = 50.0  # no logarithm of a count or intensity is larger: 2^50
ALLOWED = {"methylation": "a beta value from 0 to 1", "mutation": "0 or 1"}


def to_scale(values: np.ndarray, kind: str) -> tuple[np.ndarray, str]:
    """(values on the scale that is stored, name of that scale).

    expression, mirna, protein: log2(x+1) where no value is negative and the largest exceeds LARGEST_LOG (counts or
    linear intensities), else as supplied. Other kinds as supplied.
    """
    if kind == "methylation":
        return values, "beta"
    if kind == "mutation":
        return values, "0/1"
    if kind in LOG_KINDS and np.isfinite(values).any():
        low, high = np.nanmin(values), np.nanmax(values)
        if low >= 0 and high > LARGEST_LOG:
            return np.log2(values + 1), "log2(x+1)"
        return values, "log2" if low >= 0 else "as supplied"
    return values, "as supplied"


def outside(values: pd.DataFrame, kind: str) -> np.ndarray:
    """True where a value is not one that the kind allows (missing values are allowed)."""
    v = values.to_numpy()
    if kind == "methylation":
        return (v < 0) | (v > 1)
    if kind == "mutation":
        return ~np.isnan(v) & (v != 0) & (v != 1)
    return np.zeros(v.shape, dtype=bool)
