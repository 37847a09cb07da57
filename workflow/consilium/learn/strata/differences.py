"""How strata differ: outcomes, features, what is present; with what may and may not be concluded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.core.statistics import log_rank
from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
MIN_VALUES = 5  # of a feature in a stratum
HELD_OUT = "held out: a patient's own outcome did not enter that patient's stratum"
CIRCULAR = "circular: the strata were made from this block, so a difference is no news"
FREE = "not used: this was not looked at when the strata were made"


def outcome(name: str, target: Target, known: Array, labels: Array, basis: str) -> dict[str, Any] | None:
    """One row: does the outcome differ between strata? None where it cannot be asked."""
    from scipy.stats import chi2

    rows = known & (labels >= 0)
    if len(np.unique(labels[rows])) < 2:
        return None
    own, part = labels[rows], target.take(np.flatnonzero(rows))
    if target.kind == "survival":
        if not part.event.any():
            return None
        p = float(chi2.sf(*log_rank(part.time, part.event, own)))
        return _row("outcome", name, "log-rank", p, int(rows.sum()), basis)
    if target.kind == "regression":
        return _row("outcome", name, "Kruskal-Wallis", _kruskal(part.y, own), int(rows.sum()), basis)
    return _row("outcome", name, "chi-squared", _table(part.y, own), int(rows.sum()), basis)


def features(cohort: Cohort, labels: Array, used: Sequence[str]) -> list[dict[str, Any]]:
    """One row a column of every table and series, and one a block for its presence."""
    out = []
    for block in cohort.blocks:
        basis = CIRCULAR if block.name in used else FREE
        rows = labels >= 0
        if 0 < block.present[rows].sum() < rows.sum():
            p = _table(block.present[rows].astype(int), labels[rows])
            out.append(_row("presence", block.name, "chi-squared", p, int(rows.sum()), basis))
        if block.layout == "volume":
            continue
        raw, names = raw_table(block)
        for j, name in enumerate(names):
            have = rows & block.present & np.isfinite(raw[:, j])
            counts = np.bincount(labels[have], minlength=labels.max() + 1)
            enough = np.isin(labels, np.flatnonzero(counts >= MIN_VALUES)) & have
            if (counts >= MIN_VALUES).sum() >= 2 and np.ptp(raw[enough, j]) > 0:
                p = _kruskal(raw[enough, j], labels[enough])
                row = _row("feature", f"{block.name}: {name}", "Kruskal-Wallis", p, int(enough.sum()), basis)
                medians = [float(np.median(raw[have & (labels == g), j])) if counts[g] else None
                           for g in range(labels.max() + 1)]  # fmt: skip
                out.append(row | {"medians": medians})
    return out


def corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With q after Benjamini and Hochberg (doi:10.1111/j.2517-6161.1995.tb02031.x) over all rows, smallest first."""
    ranked = sorted((r for r in rows if np.isfinite(r["p"])), key=lambda r: (r["p"], r["what"], r["name"]))
    low = 1.0
    for i in range(len(ranked) - 1, -1, -1):
        low = min(low, ranked[i]["p"] * len(ranked) / (i + 1))
        ranked[i] = ranked[i] | {"q": low}
    return ranked


def _row(what: str, name: str, test: str, p: float, n: int, basis: str) -> dict[str, Any]:
    return {"what": what, "name": name, "test": test, "p": p, "n": n, "basis": basis}


def _kruskal(values: Array, labels: Array) -> float:
    from scipy.stats import kruskal

    return float(kruskal(*(values[labels == g] for g in np.unique(labels))).pvalue)


def _table(values: Array, labels: Array) -> float:
    from scipy.stats import chi2_contingency

    counts = np.array([[((values == v) & (labels == g)).sum() for v in np.unique(values)] for g in np.unique(labels)])
    return float(chi2_contingency(counts, correction=False).pvalue) if min(counts.shape) > 1 else float("nan")
