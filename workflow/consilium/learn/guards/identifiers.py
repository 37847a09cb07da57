"""Features that name, number or order the patients instead of measuring them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from consilium.learn.cohort.data import Cohort
from consilium.learn.guards.features import TOO_GOOD, rank_correlation
from consilium.learn.guards.record import Gate, gate

Array = np.ndarray
IDENTIFIERS = "no identifier among the features"
MIN_ROWS = 20
LARGE = 1e4  # whole numbers beyond it, all different, could be record numbers
# Rooms whose columns are counted or measured by this workflow: a large whole number there is a count of voxels.
MEASURED = ("imaging/", "genomics/", "text/")
_NAMED = re.compile(
    r"(^|[^a-z])(id|ids|mrn|ssn|nhs|barcode|accession|identifier|uuid|guid|hash|(patient|subject|case|record|row|sample"
    r"|medical|hospital|study)[ .-]?(id|no|nr|num|number|code|index|key))([^a-z]|$)",
    re.I,
)


def identifiers(cohort: Cohort, allow: Sequence[str] = ()) -> Gate:
    """Fail: columns that number the patients, follow the numbers in their names, or are named like identifiers and
    hardly repeat. Warn: named so but repeating, or, in a supplied table, large whole numbers of which none repeats
    (also counts of reads)."""
    clear: list[dict[str, str]] = []
    doubtful: list[dict[str, str]] = []
    numbers = _numbers(cohort.patients)
    for b in cohort.blocks:
        if b.layout != "table":
            continue
        for c, name in enumerate(b.features):
            if f"{b.name}: {name}" in allow:
                continue
            why, sure = _why(name, b.values[:, c].astype(float), numbers, supplied=not b.name.startswith(MEASURED))
            if why:
                (clear if sure else doubtful).append({"feature": f"{b.name}: {name}", "why": why})
    if not clear and not doubtful:
        return gate(IDENTIFIERS, "pass", "no feature is named like one, numbers the patients or follows their names")
    found = [*clear, *doubtful]
    said = ", ".join(f"{f['feature']} ({f['why']})" for f in found[:10])
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    mend = "; leave them out, or list them under learn.guards.allow"
    return gate(IDENTIFIERS, "fail" if clear else "warn", f"these look like identifiers: {said}{more}{mend}",
                features=found)  # fmt: skip


def _numbers(patients: Sequence[str]) -> Array:
    """The number in each patient's name (its longest run of digits); NaN without one."""
    runs = [max(re.findall(r"\d+", p), key=len, default="") for p in patients]
    return np.array([float(r) if r else np.nan for r in runs])


def _why(name: str, x: Array, numbers: Array, supplied: bool) -> tuple[str, bool]:
    """(why the column looks like an identifier or "", beyond doubt?)."""
    rows = np.flatnonzero(np.isfinite(x))
    x = x[rows]
    unique = len(x) >= MIN_ROWS and len(np.unique(x)) >= 0.95 * len(x)
    named = bool(_NAMED.search(name.replace("_", " ")))
    if named and (unique or len(x) < MIN_ROWS):
        return "named like one", True
    if unique:
        steps = np.diff(x)
        if (steps > 0).all() or (steps < 0).all():
            even = np.allclose(steps, steps[0], rtol=1e-3)
            whole = bool((x == np.round(x)).all())
            return "rises or falls with the rows of the sheet", even or whole
        if (x == np.round(x)).all() and np.ptp(x) <= 1.2 * len(x):
            return "numbers the patients without a gap", True
        own = numbers[rows]
        if np.isfinite(own).all() and abs(rank_correlation(x, own)) > TOO_GOOD:
            return "follows the numbers in the patients' names", True
        if supplied and (x == np.round(x)).all() and np.abs(x).max() >= LARGE and len(np.unique(x)) == len(x):
            return "large whole numbers of which none repeats", False
    return ("named like one", False) if named else ("", False)
