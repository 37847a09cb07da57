"""Covariates as a basis: principal components of the people analysed, dependent columns left away."""

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


def principal_components(counts: npt.NDArray[np.int8], k: int) -> Floats:
    """First k components (person, component), of length 1, of ALT counts (site, person); negative = no call.

    Sites centred and scaled by sqrt(2 f (1 - f)) (Patterson 2006, DOI 10.1371/journal.pgen.0020190), gaps = the site's
    mean. The largest value of each component is positive.
    """
    called = counts >= 0
    n = np.maximum(called.sum(axis=1), 1)
    mean = np.where(called, counts, 0).sum(axis=1) / n
    spread = np.sqrt(mean * (1 - mean / 2))
    keep = spread > 0
    scaled = np.where(called[keep], (counts[keep] - mean[keep, None]) / spread[keep, None], 0).astype(np.float32)
    likeness = (scaled.T @ scaled).astype(np.float64) / max(int(keep.sum()), 1)
    _, vectors = np.linalg.eigh(likeness)
    first = vectors[:, ::-1][:, :k]
    top = np.abs(first).argmax(axis=0)
    return np.asarray(first * np.where(first[top, np.arange(first.shape[1])] < 0, -1.0, 1.0))


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
