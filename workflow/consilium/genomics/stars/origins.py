"""Whose allele frequencies count for a patient: posteriors of table ancestry as weights of the frequency table.

No one population is taken for certain: of people held out from the reference, 1.1 % are assigned to another
superpopulation, so each population keeps at least 1 %. Weights are rounded to tenths before, so that patients of one
origin share one answer. A patient who is not assessed, or lies outside the reference, has no weights: then the largest
answer over all populations counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from consilium.genomics.stars.certainty import Weights

if TYPE_CHECKING:
    import pandas as pd

LEAST = 0.01  # weight of every population, before the sum is made 1
_STEP = 0.1

Shares = Mapping[str, float]  # population -> posterior


def shares_of(ancestry: pd.DataFrame) -> dict[str, Shares]:
    """Patient -> posteriors of table ancestry; only of those who are assigned to a population of the reference."""
    columns = [c for c in ancestry.columns if c.startswith("p_")]
    names = [c.removeprefix("p_") for c in columns]
    assigned = ancestry[ancestry["population"].isin(names)].dropna(subset=columns).drop_duplicates("patient")
    rows = assigned[columns].to_numpy(dtype=float)
    return {p: dict(zip(names, row.tolist(), strict=True)) for p, row in zip(assigned["patient"], rows, strict=True)}


def weights_of(populations: tuple[str, ...], shares: Shares | None) -> Weights | None:
    """(population,) weights, sum 1; None where the origin is not known, or in other populations than the table's."""
    if shares is None or set(shares) != set(populations):
        return None
    rounded = np.round(np.array([shares[p] for p in populations]) / _STEP) * _STEP
    weights = np.maximum(rounded, LEAST)
    return np.asarray(weights / weights.sum())
