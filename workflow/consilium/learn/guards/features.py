"""Single features, presence and site that know the outcome too well to have been known before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.guards.record import Gate, gate
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
SINGLE = "no feature gives the outcome away"
MISSING = "no gap gives the outcome away"
SITE = "no site gives the outcome away"
TOO_GOOD = 0.98  # separation (AUC, rank correlation) that no honest feature reaches
MIN_SIDE = 5  # rows on either side of a comparison
SITE_ROWS = 5  # patients of a site before its outcomes count


def single_features(cohort: Cohort, target: Target, rows: Array, allow: Sequence[str] = ()) -> Gate:
    """Every column alone against the outcome (see `separation`); allow: features the user knows to come before it."""
    blocks = [b for b in cohort.take(rows).blocks if b.layout != "volume"]
    known = target.take(rows)
    found = [f for b in blocks for f in _columns(b.name, *raw_table(b), known) if f["feature"] not in allow]
    return _said(SINGLE, found, f"no single feature reaches {TOO_GOOD}", len(allow))


def gaps(cohort: Cohort, target: Target, rows: Array, allow: Sequence[str] = ()) -> Gate:
    """Which values and which blocks a patient has, against the outcome, one column at a time."""
    own, known = cohort.take(rows), target.take(rows)
    present = np.stack([b.present for b in own.blocks], axis=1).astype(float)
    found = list(_columns("presence", present, [b.name for b in own.blocks], known))
    for b in own.blocks:
        if b.layout != "volume" and b.present.sum() >= 2 * MIN_SIDE:
            values, names = raw_table(b.take(np.flatnonzero(b.present)))
            bits = np.isfinite(values).astype(float)
            found += _columns(b.name, bits, [f"{n} missing" for n in names], known.take(np.flatnonzero(b.present)))
    found = [f for f in found if f["feature"] not in allow]
    return _said(MISSING, found, f"neither a block's presence nor a column's gaps reach {TOO_GOOD}", len(allow))


def site(cohort: Cohort, target: Target, rows: Array) -> Gate:
    """The outcome's mean at the patient's site (sites of SITE_ROWS patients or more) as a feature."""
    names = np.asarray(cohort.sites)[rows]
    large = [s for s in sorted(set(names) - {""}) if (names == s).sum() >= SITE_ROWS]
    if len(large) < 2:
        return gate(SITE, "not assessed", f"fewer than two sites have {SITE_ROWS} patients")
    known = target.take(rows)
    columns = np.stack([names == s for s in large], axis=1).astype(float)
    inside = np.isin(names, large)
    rate = np.full(len(rows), np.nan)
    level = known.time if known.kind == "survival" else np.asarray(known.y, dtype=float)
    for s in large:
        rate[names == s] = level[names == s].mean()
    both = np.column_stack([rate, np.where(inside[:, None], columns, np.nan)])
    found = list(_columns("site", both, ["mean outcome of the site", *large], known))
    return _said(SITE, found, f"no site, nor all together, reach {TOO_GOOD}", 0)


def _said(name: str, found: list[dict[str, Any]], fine: str, allowed: int) -> Gate:
    """Fail where something separates the whole outcome, warn where it separates one of several classes."""
    if not found:
        more = f"; {allowed} features were allowed by the configuration" if allowed else ""
        return gate(name, "pass", fine + more)
    found = sorted(found, key=lambda f: (not f["whole"], -f["figure"], f["feature"]))
    said = ", ".join(f"{f['feature']} ({f['measure']} {f['figure']:.3f} for {f['outcome']})" for f in found[:5])
    more = "" if len(found) <= 5 else f" and {len(found) - 5} more"
    mend = "; leave them out, or list them under learn.guards.allow" if name != SITE else ""
    verdict = "fail" if found[0]["whole"] else "warn"
    return gate(name, verdict, f"are these known before the outcome? {said}{more}{mend}", features=found)


def _columns(owner: str, values: Array, names: Sequence[str], target: Target) -> Iterator[dict[str, Any]]:
    """Columns that separate too well: {feature, measure, figure, outcome, whole}."""
    for measure, outcome, figures, whole in separation(values, target):
        for c in np.flatnonzero(figures > TOO_GOOD):
            yield {"feature": f"{owner}: {names[int(c)]}", "measure": measure, "figure": float(figures[c]),
                   "outcome": outcome, "whole": bool(whole[c])}  # fmt: skip


def separation(values: Array, target: Target) -> Iterator[tuple[str, str, Array, Array]]:
    """(measure, outcome, figure of each column, does it tell the whole outcome?), 0.5 or 0 = nothing, 1 = all.

    Two classes: AUC. More classes: the smallest AUC of all pairs of classes (a copy of the outcome tells every pair
    apart, a marker of one class does not), and each class against the rest, which is the whole outcome only for a
    column of two values, such as a flag. Survival: event by the median event time against longer follow-up, event
    against none, and rank correlation with the time. Regression: rank correlation.
    """
    n_columns = values.shape[1]
    all_of_it, part = np.ones(n_columns, dtype=bool), np.zeros(n_columns, dtype=bool)
    if target.kind == "regression":
        yield "rank correlation", "the outcome", _rank_correlations(values, target.y), all_of_it
    elif target.kind == "survival":
        cut = float(np.median(target.time[target.event == 1]))
        early = (target.event == 1) & (target.time <= cut)
        judged = np.flatnonzero(early | (target.time > cut))
        yield "AUC", f"event by {cut:g}", folded(areas(values[judged], early[judged])), all_of_it
        yield "AUC", "event", folded(areas(values, target.event == 1)), all_of_it
        yield "rank correlation", "time", _rank_correlations(values, target.time), all_of_it
    elif target.width == 2:
        yield "AUC", target.classes[1], folded(areas(values, target.y == 1)), all_of_it
    else:
        pairs = [_pair(values, target, j, k) for j in range(target.width) for k in range(j)]
        yield "smallest AUC of pairs", "all classes", np.min(pairs, axis=0), all_of_it
        flags = np.array([len(np.unique(c[np.isfinite(c)])) <= 2 for c in values.T], dtype=bool)
        for k, name in enumerate(target.classes):
            yield "AUC", name, folded(areas(values, target.y == k)), np.where(flags, all_of_it, part)


def _pair(values: Array, target: Target, j: int, k: int) -> Array:
    rows = np.flatnonzero(np.isin(target.y, (j, k)))
    return folded(areas(values[rows], target.y[rows] == j))


def folded(area: Array) -> Array:
    """AUC in whichever direction is better."""
    return np.maximum(area, 1 - area)


def areas(values: Array, positive: Array) -> Array:
    """AUC of each column over its finite rows; 0.5 with fewer than MIN_SIDE rows on either side."""
    out = np.full(values.shape[1], 0.5)
    for c in range(values.shape[1]):
        seen = np.isfinite(values[:, c])
        y, x = positive[seen], values[seen, c]
        if min(y.sum(), (~y).sum()) >= MIN_SIDE:
            low, high = np.sort(x[~y]), x[y]
            rank = 0.5 * (np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right"))
            out[c] = rank.mean() / len(low)
    return out


def _rank_correlations(values: Array, outcome: Array) -> Array:
    """|Spearman| of each column with the outcome over its finite rows; 0 with fewer than 4 MIN_SIDE rows."""
    out = np.zeros(values.shape[1])
    for c in range(values.shape[1]):
        seen = np.isfinite(values[:, c])
        if seen.sum() >= 4 * MIN_SIDE:
            out[c] = abs(rank_correlation(values[seen, c], outcome[seen]))
    return out


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rho, ties at their mean rank; 0 where one does not vary."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / size) if size > 0 else 0.0


def _ranks(x: Array) -> Array:
    _, code, count = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - 0.5 * (count - 1))[code]
