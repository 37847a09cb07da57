"""Kinship of all pairs (KING-robust) and principal components, both on independent common variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.matrix import Matrix, alt_counts
from consilium.genomics.structure.king import blocks_of, king

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
DUPLICATE = "duplicate"
OF_ONE_PERSON = 0.5  # kinship by definition, where the carried alleles alone show one person
SAME_PERSON = 0.9  # of the sites with a carried and a heterozygous call in a pair that are heterozygous in both
_DEGREES = ((0.3536, DUPLICATE), (0.1768, "first degree"), (0.0884, "second degree"), (THIRD_DEGREE, "third degree"))
_BLOCKS = 20  # jackknife blocks
_FALSE_PAIRS = 0.05  # expected number of unrelated pairs reported, over the whole cohort
COMPONENTS = 10
_MINIMUM_PATIENTS = 10
_BLOCK = 4096  # sites at a time

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int8]


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
    rows = spaced(matrix, rows[common])
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


def shared_sites(matrix: Matrix) -> Callable[[str, str], int]:
    """Number of independent variants called in both of two samples; found out at the first question."""

    @cache
    def called() -> dict[str, npt.NDArray[np.bool_]]:
        counts = alt_counts(matrix.rows(independent_variants(matrix)))
        return {name: counts[:, i] >= 0 for i, name in enumerate(matrix.samples)}

    return lambda a, b: int((called()[a] & called()[b]).sum())


def spaced(matrix: Matrix, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of `rows` (in genome order) that lie SPACING or more behind the last one taken."""
    chosen: list[int] = []
    for row in rows:
        last = chosen[-1] if chosen else None
        if last is None or matrix.chrom[row] != matrix.chrom[last] or matrix.pos[row] - matrix.pos[last] >= SPACING:
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)


def standard_error(a: npt.NDArray[np.int8], b: npt.NDArray[np.int8]) -> float:
    """Block jackknife of one pair's kinship over contiguous blocks of sites."""
    both = (a >= 0) & (b >= 0)
    pair = [block for block in np.array_split(np.flatnonzero(both), _BLOCKS) if len(block)]
    sums = np.array(
        [[((a[s] == 1) & (b[s] == 1)).sum(), (np.abs(a[s] - b[s]) == 2).sum(), (a[s] == 1).sum(), (b[s] == 1).sum()]
         for s in pair], dtype=np.float64,
    )  # fmt: skip
    left = sums.sum(axis=0) - sums
    both_het, far, het_i, het_j = left.T
    least = np.minimum(het_i, het_j)
    values = 0.5 + (2 * both_het - 4 * far - het_i - het_j) / np.where(least > 0, 4 * least, np.nan)
    m = len(values)
    return float(np.sqrt((m - 1) / m * ((values - values.mean()) ** 2).sum()))


def relationship(kinship: float) -> str:
    return next((name for limit, name in _DEGREES if kinship >= limit), "unrelated")


def kinship_table(
    samples: list[str], counts: Counts, families: Mapping[str, str], lacking: npt.NDArray[np.bool_], threads: int = 1
) -> pd.DataFrame:
    """Table kinship: pairs of third degree and closer whose kinship is also beyond chance (see docs/methods).

    `lacking` (sample,): files without reference calls. KING's estimator does not hold for their pairs: they are only
    looked at for being one person.
    """
    import pandas as pd

    known, bare = np.flatnonzero(~lacking), np.flatnonzero(lacking)
    rows = [(known[i], known[j], n, phi, relationship(phi)) for i, j, n, phi in _related(counts[:, known], threads)]
    rows += [(i, j, n, OF_ONE_PERSON, DUPLICATE) for i, j, n in _same_person(counts, bare)]
    out = []
    for i, j, n, phi, name in sorted(rows, key=lambda r: r[:2]):
        a, b = samples[i], samples[j]
        same = bool(families.get(a)) and families.get(a) == families.get(b)
        out.append((a, b, n, phi, opposite(counts[:, i], counts[:, j]), name, same))
    names = ["patient_a", "patient_b", "n_sites", "kinship", "ibs0", "relationship", "same_family_in_sheet"]
    return pd.DataFrame(out, columns=names)


def _related(counts: Counts, threads: int) -> Iterator[tuple[int, int, int, float]]:
    """(sample, sample, sites, kinship) of the pairs beyond chance."""
    n_samples = counts.shape[1]
    n_pairs = max(n_samples * (n_samples - 1) // 2, 1)
    limit = NormalDist().inv_cdf(1 - min(_FALSE_PAIRS / n_pairs, 0.05))
    for part in king(blocks_of(counts), n_samples, threads) if len(counts) else ():
        with np.errstate(invalid="ignore"):
            candidates = np.argwhere((part.phi >= THIRD_DEGREE) & (part.n_sites >= MINIMUM_SITES))
        for row, column in candidates:
            i, j = int(row) + part.start, int(column) + part.start
            phi = float(part.phi[row, column])
            if phi >= limit * standard_error(counts[:, i], counts[:, j]):
                yield i, j, int(part.n_sites[row, column]), phi


def _same_person(counts: Counts, bare: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """(sample, sample, sites) of pairs with a sample of `bare` whose carried alleles are those of one person.

    Of the sites where both carry ALT and one at least is heterozygous, nearly all are heterozygous in both. For
    relatives, the closest included, that share stays near one half, whatever the frequencies.
    """
    if not len(bare):
        return
    het, hom = (np.ascontiguousarray((counts == g).T).astype(np.float32) for g in (1, 2))
    for i in bare:
        both = het @ het[i]
        shown = both + het @ hom[i] + hom @ het[i]
        for j in np.flatnonzero((shown >= MINIMUM_SITES // 2) & (both >= SAME_PERSON * shown)):
            if j != i and not (j in bare and j < i):
                yield min(i, int(j)), max(i, int(j)), int(shown[j])


def opposite(a: Counts, b: Counts) -> float:
    """Share of sites called in both that are homozygous for different alleles (IBS 0): near 0 for parent and child."""
    both = (a >= 0) & (b >= 0)
    return float((np.abs(a - b)[both] == 2).mean()) if both.any() else float("nan")


def components(counts: Counts) -> Floats:
    """Principal components (sample, component) of ALT counts, scaled by Patterson; for figures only.

    Gaps are filled with the site's mean. Patients with calls at under half of the sites: NaN. The sign of a component
    is such that its largest value is positive. Fewer than 10 patients: no components (sample, 0).
    """
    enough = (counts >= 0).mean(axis=0) >= MINIMUM_CALL_SHARE if len(counts) else np.zeros(counts.shape[1], dtype=bool)
    if enough.sum() < _MINIMUM_PATIENTS:
        return np.empty((counts.shape[1], 0))
    coordinates = principal_components(counts[:, enough], COMPONENTS)
    if not coordinates.shape[1]:
        return np.empty((counts.shape[1], 0))
    out = np.full((counts.shape[1], coordinates.shape[1]), np.nan)
    out[enough] = np.round(coordinates, 5)
    return out


def principal_components(counts: Counts, n: int) -> Floats:
    """The first `n` components (sample, component), fewer where there are fewer samples or varying sites.

    Eigenvectors of the samples' products over sites, times the root of the eigenvalue; Patterson's scaling (DOI
    10.1371/journal.pgen.0020190); a gap adds nothing. Sign: the largest value is positive.
    """
    import scipy.linalg

    size = counts.shape[1]
    products, varying = np.zeros((size, size), dtype=np.float32), 0
    for first in range(0, len(counts), _BLOCK):
        block = counts[first : first + _BLOCK]
        called = block >= 0
        mean = np.where(called, block, 0).sum(axis=1, dtype=np.float64) / np.maximum(called.sum(axis=1), 1)
        scale = np.sqrt(mean / 2 * (1 - mean / 2))
        here = scale > 0
        values = (block[here] - mean[here, None].astype(np.float32)) / scale[here, None].astype(np.float32)
        values *= called[here]
        products += values.T @ values
        varying += int(here.sum())
    k = min(n, size - 1, varying)
    if k < 1:
        return np.empty((size, 0))
    values, vectors = scipy.linalg.eigh(products, subset_by_index=[size - k, size - 1], overwrite_a=True)
    coordinates = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1].astype(np.float64)
    top = np.abs(coordinates).argmax(axis=0)
    return np.asarray(coordinates * np.where(coordinates[top, np.arange(k)] < 0, -1, 1))
