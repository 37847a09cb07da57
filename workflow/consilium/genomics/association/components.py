"""Covariates of a model: how many principal components a cohort carries, dependent columns left away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SITES_PER_COMPONENT = 20
PEOPLE_PER_COMPONENT = 5
_DEPENDENT = 1e-8  # share of a column's length that the columns before it leave


def how_many(asked: int, n_people: int, n_sites: int) -> int:
    """Components that the cohort can carry."""
    return max(0, min(asked, n_people // PEOPLE_PER_COMPONENT, n_sites // SITES_PER_COMPONENT))


def design(columns: Floats, names: list[str]) -> tuple[Floats, list[str], list[str]]:
    """(intercept and standardised columns, names kept, names left away because the columns before them say it)."""
    basis = np.full((len(columns), 1), 1 / np.sqrt(len(columns)))
    kept, dropped, out = [], [], [np.ones(len(columns))]
    for name, column in zip(names, columns.T, strict=True):
        centred = column - column.mean()
        left = centred - basis @ (basis.T @ centred)
        left -= basis @ (basis.T @ left)
        if np.linalg.norm(left) <= _DEPENDENT * max(float(np.linalg.norm(column)), 1e-300):
            dropped.append(name)
            continue
        basis = np.column_stack([basis, left / np.linalg.norm(left)])
        kept.append(name)
        out.append(centred / centred.std())
    return np.stack(out, axis=1), kept, dropped
