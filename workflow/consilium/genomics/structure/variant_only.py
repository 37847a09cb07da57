"""Patients whose files list variants alone: what is absent there may be reference or untested, and nobody knows which.

Whatever is computed over their called sites looks only at alleles they carry. Estimators that need reference calls
are biased there: every pair looks related or every person looks foreign.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.matrix import Matrix, alt_counts, at_panel
from consilium.genomics.intake.panel import Panel

MINIMUM_CALLS = 50  # at sites of known frequency; fewer: the plain share of reference calls decides
LEAST_RATIO = 0.5  # homozygous reference calls, found over expected
_LOOKED_AT = 5_000  # variants off the panel, for patients without calls at it
LEAST_SHARE = 0.1  # of homozygous reference calls among all, where frequencies are unknown

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int8]


def lacks_reference_calls(counts: Counts, panel: Panel, others: Counts | None = None) -> Bools:
    """(sample,) of `counts` (panel site, sample): far fewer homozygous reference calls than frequencies foretell.

    Expected: sum over called sites of (1 - f)^2, f the mean frequency of the panel's populations. A sample with fewer
    than MINIMUM_CALLS calls at the panel: whether hardly any call of `others` (site, sample; default the panel's) is
    homozygous reference.
    """
    expected = ((1 - panel.frequency) ** 2).mean(axis=1) @ (counts >= 0)
    few = (counts >= 0).sum(axis=0) < MINIMUM_CALLS
    plain = hardly_any(counts if others is None else others)
    return np.where(few, plain, (counts == 0).sum(axis=0) < LEAST_RATIO * expected)


def hardly_any(counts: Counts) -> Bools:
    """(sample,): hardly any call of `counts` (site, sample) is homozygous reference. False without calls."""
    called = (counts >= 0).sum(axis=0)
    return np.asarray((called > 0) & ((counts == 0).sum(axis=0) < LEAST_SHARE * called))


def of_cohort(matrix: Matrix, panel: Panel) -> Bools:
    """`lacks_reference_calls` for the patients of a cohort: at the panel, else at variants evenly spread over it."""
    rows = np.flatnonzero(matrix.autosomal & matrix.is_snv)
    rows = rows[:: max(1, len(rows) // _LOOKED_AT)]
    others = alt_counts(matrix.rows(rows)) if len(rows) else np.empty((0, len(matrix.samples)), dtype=np.int8)
    return lacks_reference_calls(at_panel(matrix, panel), panel, others)
