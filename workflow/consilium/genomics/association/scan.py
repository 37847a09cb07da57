"""One analysis over all variants of the cohort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.association import filters
from consilium.genomics.association.analyses import Analysis
from consilium.genomics.association.firth import firth
from consilium.genomics.association.regression import Fits, Null, linear, logistic_null, score
from consilium.genomics.cohort.matrix import Matrix, alt_counts
from consilium.genomics.intake.build import CONTIGS

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
LOOK_CLOSER = 0.05  # p of the score test below which the penalised fit replaces it
SPARSE = 10.0  # copies of the rarer allele expected in the smaller group: below, likewise
_ROWS = 10_000  # variants read at a time: a chunk of the store
_READ = 40_000_000  # most calls read at a time
_NUMBERS = 8_000_000  # most numbers in one (variant, person) array


@dataclass(frozen=True)
class Sample:
    """The people analysed: places in the matrix, outcome, covariates (intercept first), groups for Hardy-Weinberg."""

    places: npt.NDArray[np.int64]
    y: Floats
    covariates: Floats
    groups: Mapping[str, list[int]]


def scanned(matrix: Matrix, analysis: Analysis, sample: Sample) -> pd.DataFrame | str:
    """Table association_variants, one row a variant of the cohort; or why nothing can be tested."""
    import pandas as pd

    null = logistic_null(sample.y, sample.covariates) if analysis.binary else None
    if analysis.binary and null is None:
        return "the covariates alone part cases from controls: leave some away"
    if len(sample.y) - sample.covariates.shape[1] < 10:
        return f"{len(sample.y)} people for {sample.covariates.shape[1]} covariates"
    names = np.array(CONTIGS)
    parts = []
    for rows, counts in _blocks(matrix, sample.places):
        rsid = ["" if str(r) == "." else str(r) for r in matrix.rsid[rows]]
        place = {"chrom": names[matrix.chrom[rows]], "pos": matrix.pos[rows], "ref": matrix.ref[rows],
                 "alt": matrix.alt[rows], "rsid": rsid}  # fmt: skip
        parts.append(pd.DataFrame({**place, **_tested(matrix.autosomal[rows], counts, analysis, sample, null)}))
    return pd.concat(parts, ignore_index=True) if parts else "no variants"


def _blocks(
    matrix: Matrix, places: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]]:
    """(rows, ALT counts of the people analysed), read in the chunks of the store, worked on in smaller pieces."""
    read = int(max(1, min(_ROWS, _READ // max(len(matrix.samples), 1))))
    piece = int(max(1, _NUMBERS // max(len(places), 1)))
    for start in range(0, len(matrix), read):
        rows = np.arange(start, min(start + read, len(matrix)))
        counts = alt_counts(matrix.rows(rows))[:, places]
        for low in range(0, len(rows), piece):
            yield rows[low : low + piece], counts[low : low + piece]


def _tested(
    autosomal: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int8],
    analysis: Analysis,
    sample: Sample,
    null: Null | None,
) -> dict[str, object]:
    of = filters.tally(counts)
    verdict = np.array(filters.verdicts(counts, autosomal, of, analysis.min_maf, sample.groups), dtype=object)
    beta, se, p = (np.full(len(counts), np.nan) for _ in range(3))
    test = np.full(len(counts), "", dtype=object)
    chosen = np.flatnonzero(verdict == filters.PASS)
    if len(chosen):
        fits, names = _fits(counts[chosen], of.rarer[chosen], sample, null)
        beta[chosen], se[chosen], p[chosen], test[chosen] = fits.beta, fits.se, fits.p, names
        failed = chosen[~np.isfinite(fits.p)]
        verdict[failed], test[failed] = "no finite fit beside the covariates", ""
    cases = (counts >= 0)[:, sample.y == 1].sum(axis=1) if analysis.binary else None
    return {"n": of.n, "n_cases": cases if cases is not None else np.full(len(counts), np.nan),
            "alt_freq": of.frequency, "beta": beta, "se": se, "p": p, "test": test, "filter": verdict}  # fmt: skip


def _fits(
    counts: npt.NDArray[np.int8], rarer: npt.NDArray[np.int64], sample: Sample, null: Null | None
) -> tuple[Fits, npt.NDArray[np.object_]]:
    """Linear; or the score test, and the penalised fit where it matters or the score test is not to be trusted."""
    if null is None:
        return linear(counts, sample.y, sample.covariates), np.full(len(counts), "linear", dtype=object)
    fits = score(counts, sample.y, sample.covariates, null)
    share = min(sample.y.mean(), 1 - sample.y.mean())
    closer = np.flatnonzero(np.isfinite(fits.p) & ((fits.p < LOOK_CLOSER) | (rarer * share < SPARSE)))
    better = firth(counts[closer], sample.y, sample.covariates, null)
    for name in ("beta", "se", "p"):
        getattr(fits, name)[closer] = getattr(better, name)
    names = np.full(len(counts), "score", dtype=object)
    names[closer] = "firth"
    return fits, names
