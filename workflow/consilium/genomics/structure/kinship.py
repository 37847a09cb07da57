"""Kinship of all pairs (KING-robust) and principal components, both on independent common variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.matrix import Matrix, alt_counts

if TYPE_CHECKING:
    import pandas as pd

SPACING = 2_000  # bp between variants used
MINIMUM_FREQUENCY = 0.05
MINIMUM_CALL_SHARE = 0.5  # of patients, for a variant to be used
LD_LIMIT = 0.2  # r2 within a window of LD_WINDOW variants, beyond what LD_CHANCE / patients gives by chance
LD_CHANCE = 3.0
LD_WINDOW = 50
MINIMUM_SITES = 100  # called in both, for a pair to be judged
THIRD_DEGREE = 0.0442
_DEGREES = ((0.3536, "duplicate"), (0.1768, "first degree"), (0.0884, "second degree"), (THIRD_DEGREE, "third degree"))
_BLOCKS = 20  # jackknife blocks
_FALSE_PAIRS = 0.05  # expected number of unrelated pairs reported, over the whole cohort
COMPONENTS = 10
_MINIMUM_PATIENTS = 10

Floats = npt.NDArray[np.float64]


def independent_variants(matrix: Matrix) -> npt.NDArray[np.int64]:
    """Rows of common autosomal single-base variants, spaced and pruned of linkage, in genome order."""
    import allel
    import dask.array as da

    n = len(matrix.samples)
    rows = np.flatnonzero(matrix.autosomal & matrix.is_snv)
    if not len(rows) or not n:
        return np.empty(0, dtype=np.int64)
    gt = matrix.gt[rows]
    full = (gt >= 0).all(axis=2)
    n_called, n_alt = da.compute(
        full.sum(axis=1), ((gt == 1) & full[:, :, None]).sum(axis=(1, 2)), scheduler="synchronous"
    )
    frequency = n_alt / np.maximum(2 * n_called, 1)
    common = (np.minimum(frequency, 1 - frequency) >= MINIMUM_FREQUENCY) & (n_called >= MINIMUM_CALL_SHARE * n)
    rows = _spaced(matrix, rows[common])
    if len(rows) < 2:
        return rows
    counts = alt_counts(matrix.rows(rows))
    limit = min(LD_LIMIT + LD_CHANCE / n, 0.99)
    kept = [
        allel.locate_unlinked(counts[here], size=LD_WINDOW, step=LD_WINDOW // 5, threshold=limit)
        for c in range(22)
        if len(here := np.flatnonzero(matrix.chrom[rows] == c))
    ]
    return np.asarray(rows[np.concatenate(kept)])


def _spaced(matrix: Matrix, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    chosen: list[int] = []
    for row in rows:
        last = chosen[-1] if chosen else None
        if last is None or matrix.chrom[row] != matrix.chrom[last] or matrix.pos[row] - matrix.pos[last] >= SPACING:
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)


def king(counts: npt.NDArray[np.int8]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """KING-robust kinship (DOI 10.1093/bioinformatics/btq559, between-family estimator) and sites called in both.

    counts (site, sample): ALT alleles 0 to 2, negative = no call. phi = (N_het,het - 2 N_opposite) / (2 min N_het)
    + 1/2 - (N_het(i) + N_het(j)) / (4 min N_het), every count over sites called in both. NaN without hets.
    """
    import dask.array as da

    chunked = da.from_array(counts, chunks=(10_000, 1_000))

    def indicator(values: da.Array) -> da.Array:
        return values.astype(np.float32)  # products of 0 and 1 in float32 are exact up to 16.7 million sites

    called, het, low, high = (indicator(m) for m in (chunked >= 0, chunked == 1, chunked == 0, chunked == 2))
    opposite = low.T @ high
    tables = da.compute(het.T @ het, opposite + opposite.T, het.T @ called, called.T @ called, scheduler="synchronous")
    both_het, far, het_i, n = (np.asarray(t, dtype=np.float64) for t in tables)
    return _phi(both_het, far, het_i, het_i.T), n.astype(np.int64)


def _phi(both_het: Floats, far: Floats, het_i: Floats, het_j: Floats) -> Floats:
    least = np.minimum(het_i, het_j)
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = (both_het - 2 * far) / (2 * least) + 0.5 - (het_i + het_j) / (4 * least)
    return np.where(least > 0, phi, np.nan)


def standard_error(a: npt.NDArray[np.int8], b: npt.NDArray[np.int8]) -> float:
    """Block jackknife of one pair's kinship over contiguous blocks of sites."""
    both = (a >= 0) & (b >= 0)
    pair = [block for block in np.array_split(np.flatnonzero(both), _BLOCKS) if len(block)]
    sums = np.array(
        [[((a[s] == 1) & (b[s] == 1)).sum(), (np.abs(a[s] - b[s]) == 2).sum(), (a[s] == 1).sum(), (b[s] == 1).sum()]
         for s in pair], dtype=np.float64,
    )  # fmt: skip
    left = sums.sum(axis=0) - sums
    values = _phi(*left.T)
    m = len(values)
    return float(np.sqrt((m - 1) / m * ((values - values.mean()) ** 2).sum()))


def relationship(kinship: float) -> str:
    return next((name for limit, name in _DEGREES if kinship >= limit), "unrelated")


def kinship_table(samples: list[str], counts: npt.NDArray[np.int8], families: Mapping[str, str]) -> pd.DataFrame:
    """Table kinship: pairs of third degree and closer whose kinship is also beyond chance (see docs/methods)."""
    from statistics import NormalDist

    import pandas as pd

    phi, n = king(counts) if len(counts) else (np.full((len(samples),) * 2, np.nan), np.zeros((len(samples),) * 2))
    n_pairs = max(len(samples) * (len(samples) - 1) // 2, 1)
    limit = NormalDist().inv_cdf(1 - min(_FALSE_PAIRS / n_pairs, 0.05))
    rows = []
    with np.errstate(invalid="ignore"):
        candidates = np.argwhere(np.triu((phi >= THIRD_DEGREE) & (n >= MINIMUM_SITES), k=1))
    for i, j in candidates:
        if phi[i, j] < limit * standard_error(counts[:, i], counts[:, j]):
            continue
        a, b = samples[i], samples[j]
        same = bool(families.get(a)) and families.get(a) == families.get(b)
        rows.append((a, b, int(n[i, j]), float(phi[i, j]), relationship(float(phi[i, j])), same))
    names = ["patient_a", "patient_b", "n_sites", "kinship", "relationship", "same_family_in_sheet"]
    return pd.DataFrame(rows, columns=names)


def components(counts: npt.NDArray[np.int8]) -> Floats:
    """Principal components (sample, component) of ALT counts, scaled by Patterson; for figures only.

    Gaps are filled with the site's mean. Patients with calls at under half of the sites: NaN. The sign of a component
    is such that its largest value is positive. Fewer than 10 patients: no components (sample, 0).
    """
    import allel

    enough = (counts >= 0).mean(axis=0) >= MINIMUM_CALL_SHARE if len(counts) else np.zeros(counts.shape[1], dtype=bool)
    if enough.sum() < _MINIMUM_PATIENTS:
        return np.empty((counts.shape[1], 0))
    values = counts[:, enough].astype(np.float64)
    values[values < 0] = np.nan
    mean = np.nanmean(values, axis=1, keepdims=True)
    values = np.where(np.isnan(values), mean, values)
    values = values[values.std(axis=1) > 0]
    k = min(COMPONENTS, int(enough.sum()) - 1, len(values))
    if k < 1:
        return np.empty((counts.shape[1], 0))
    coordinates, _ = allel.pca(values, n_components=k, scaler="patterson")
    top = np.abs(coordinates).argmax(axis=0)
    coordinates = coordinates * np.where(coordinates[top, np.arange(k)] < 0, -1, 1)
    out = np.full((counts.shape[1], k), np.nan)
    out[enough] = np.round(coordinates, 5)
    return out
