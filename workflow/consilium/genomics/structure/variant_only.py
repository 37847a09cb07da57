"""Patients whose files list variants alone: what is absent there may be reference or untested, and nobody knows which.

Whatever is computed over their called sites looks only at alleles they carry. Estimators that need reference calls
are biased there: every pair looks related or every person looks foreign.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.panel import Panel

MINIMUM_CALLS = 50  # at sites of known frequency; fewer: the plain share of reference calls decides
LEAST_RATIO = 0.5  # homozygous reference calls, found over expected
LEAST_SHARE = 0.1  # of homozygous reference calls among all, where frequencies are unknown

Bools = npt.NDArray[np.bool_]


def lacks_reference_calls(counts: npt.NDArray[np.int8], panel: Panel) -> Bools:
    """(sample,) of `counts` (panel site, sample): far fewer homozygous reference calls than frequencies foretell.

    Expected: sum over called sites of (1 - f)^2, f the mean frequency of the panel's populations. With fewer than
    MINIMUM_CALLS calls of any kind: whether hardly any call is reference.
    """
    expected = ((1 - panel.frequency) ** 2).mean(axis=1) @ (counts >= 0)
    few = (counts >= 0).sum(axis=0) < MINIMUM_CALLS
    return np.where(few, hardly_any(counts), (counts == 0).sum(axis=0) < LEAST_RATIO * expected)


def hardly_any(counts: npt.NDArray[np.int8]) -> Bools:
    """(sample,): hardly any call of `counts` (site, sample) is homozygous reference. False without calls."""
    called = (counts >= 0).sum(axis=0)
    return np.asarray((called > 0) & ((counts == 0).sum(axis=0) < LEAST_SHARE * called))
