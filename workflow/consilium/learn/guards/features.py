"""Single features, presence and site that know the outcome too well to have been known before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.guards.record import Gate, gate
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
Asked = tuple[str, Array, Sequence[str], Target]  # owner, values (row, column), names, outcome of the rows
SINGLE = "no feature gives the outcome away"
MISSING = "no gap gives the outcome away"
SITE = "no site gives the outcome away"
TOO_GOOD = 0.98  # separation (AUC, rank correlation) that no honest feature reaches
MIN_SIDE = 5  # rows on either side of a comparison
SURE_SIDE = 20  # rows on both sides from which on noise never separates so well
CHANCE = 1e-3  # cohorts of noise in which some column does
SITE_ROWS = 5  # patients of a site before its outcomes count


@dataclass(frozen=True)
class Contrast:
    """Columns against one question about the outcome. figures: 0.5 or 0 = nothing, 1 = all; whole: tells the whole
    outcome?; sides: (rows, positive(row)) whose AUC it is, None for a rank correlation."""

    measure: str
    outcome: str
    figures: Array
    whole: Array
    sides: tuple[Array, Array] | None = None


def single_features(cohort: Cohort, target: Target, rows: Array, allow: Sequence[str] = ()) -> Gate:
    """Every column alone against the outcome (see `separation`); allow: features the user knows to come before it."""
    known = target.take(rows)
    tables = [(b.name, *raw_table(b), known) for b in cohort.take(rows).blocks if b.layout != "volume"]
    return _said(SINGLE, tables, f"no single feature reaches {TOO_GOOD}", allow)


def gaps(cohort: Cohort, target: Target, rows: Array, allow: Sequence[str] = ()) -> Gate:
    """Which values and which blocks a patient has, against the outcome, one column at a time."""
    own, known = cohort.take(rows), target.take(rows)
    present = np.stack([b.present for b in own.blocks], axis=1).astype(float)
    tables: list[Asked] = [("presence", present, [b.name for b in own.blocks], known)]
    for b in own.blocks:
        have = np.flatnonzero(b.present)
        if b.layout != "volume" and len(have) >= 2 * MIN_SIDE:
            values, names = raw_table(b.take(have))
            missing = (~np.isfinite(values)).astype(float)
            tables.append((b.name, missing, [f"{n} missing" for n in names], known.take(have)))
    return _said(MISSING, tables, f"neither a block's presence nor a column's gaps reach {TOO_GOOD}", allow)


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
    tables = [("site", both, ["mean outcome of the site", *large], known)]
    return _said(SITE, tables, f"no site, nor all together, reach {TOO_GOOD}", ())


def _said(name: str, tables: Sequence[Asked], fine: str, allow: Sequence[str]) -> Gate:
    """Fail where a column separates the whole outcome beyond chance, warn where one of several classes or by chance."""
    number = sum(values.shape[1] for _, values, _, _ in tables)
    found = [f for table in tables for f in _columns(*table, number) if f["feature"] not in allow]
    if not found:
        more = f"; {len(allow)} features were allowed by the configuration" if allow else ""
        return gate(name, "pass", fine + more)
    found = sorted(found, key=lambda f: (not f["sure"], -f["figure"], f["feature"]))
    said = ", ".join(f"{f['feature']} ({f['measure']} {f['figure']:.3f} for {f['outcome']})" for f in found[:5])
    more = "" if len(found) <= 5 else f" and {len(found) - 5} more"
    mend = "; leave them out, or list them under learn.guards.allow" if name != SITE else ""
    verdict = "fail" if found[0]["sure"] else "warn"
    return gate(name, verdict, f"are these known before the outcome? {said}{more}{mend}", features=found)


def _columns(owner: str, values: Array, names: Sequence[str], target: Target, number: int) -> Iterator[dict[str, Any]]:
    """Columns that separate too well: {feature, measure, figure, outcome, sure}; sure: all of the outcome, and of
    `number` columns of noise less than one in a thousand cohorts would have such a one."""
    for c in separation(values, target):
        for i in (int(k) for k in np.flatnonzero(c.figures > TOO_GOOD)):
            chance = 0.0
            if c.sides is not None:
                seen = c.sides[1][np.isfinite(values[c.sides[0], i])]
                chance = number * by_chance(int(seen.sum()), int((~seen).sum()), float(c.figures[i]))
            yield {"feature": f"{owner}: {names[i]}", "measure": c.measure, "figure": float(c.figures[i]),
                   "outcome": c.outcome, "sure": bool(c.whole[i]) and chance < CHANCE}  # fmt: skip


def separation(values: Array, target: Target) -> Iterator[Contrast]:
    """Two classes: AUC. More classes: the smallest AUC of all pairs of classes (a copy of the outcome tells every pair
    apart, a marker of one class does not), and each class against the rest, which is the whole outcome only for a
    column of two values, such as a flag. Survival: event by the median event time against longer follow-up, event
    against none, and rank correlation with the time. Regression: rank correlation.
    """
    whole, part = np.ones(values.shape[1], dtype=bool), np.zeros(values.shape[1], dtype=bool)
    everybody = np.arange(len(target))

    def area(outcome: str, rows: Array, positive: Array, tells: Array = whole) -> Contrast:
        return Contrast("AUC", outcome, folded(areas(values[rows], positive)), tells, (rows, positive))

    if target.kind == "regression":
        yield Contrast("rank correlation", "the outcome", _rank_correlations(values, target.y), whole)
    elif target.kind == "survival":
        cut = float(np.median(target.time[target.event == 1]))
        early = (target.event == 1) & (target.time <= cut)
        judged = np.flatnonzero(early | (target.time > cut))
        yield area(f"event by {cut:g}", judged, early[judged])
        yield area("event", everybody, target.event == 1)
        yield Contrast("rank correlation", "time", _rank_correlations(values, target.time), whole)
    elif target.width == 2:
        yield area(target.classes[1], everybody, target.y == 1)
    else:
        yield _all_pairs(values, target, whole)
        flags = np.array([len(np.unique(c[np.isfinite(c)])) <= 2 for c in values.T], dtype=bool)
        for k, name in enumerate(target.classes):
            yield area(name, everybody, target.y == k, np.where(flags, whole, part))


def _all_pairs(values: Array, target: Target, whole: Array) -> Contrast:
    """The smallest AUC of all pairs of classes; by chance no more often than that of the two largest classes."""
    figures = []
    sides: tuple[Array, Array] = (np.arange(0), np.arange(0) > 0)
    for j in range(target.width):
        for k in range(j):
            rows = np.flatnonzero(np.isin(target.y, (j, k)))
            figures.append(folded(areas(values[rows], target.y[rows] == j)))
            sides = max(sides, (rows, target.y[rows] == j), key=lambda s: len(s[0]))
    return Contrast("smallest AUC of pairs", "all classes", np.min(figures, axis=0), whole, sides)


def by_chance(m: int, n: int, area: float) -> float:
    """Probability that noise of m and n rows has an AUC this far from one half: exact (Mann and Whitney 1947,
    doi:10.1214/aoms/1177730491), 0 where both sides have more than SURE_SIDE rows."""
    m, n = min(m, n), max(m, n)
    if m > SURE_SIDE:
        return 0.0
    pairs = int(np.floor((1 - area) * m * n + 1e-9))
    ways = np.zeros(pairs + 1)  # of ordering both sides so that so many pairs are the wrong way round
    ways[0] = 1.0
    for i in range(1, m + 1):
        if n + i <= pairs:
            ways[n + i :] -= ways[: pairs + 1 - n - i].copy()
        for r in range(min(i, pairs + 1)):
            ways[r::i] = np.cumsum(ways[r::i])
    return min(1.0, 2 * float(ways.sum()) / math.comb(m + n, m))


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
