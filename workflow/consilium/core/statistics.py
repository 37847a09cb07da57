"""Statistics that more than one room prints: bootstrap of whole groups, its interval, the log-rank test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray
# Across folds every patient is judged once and taught the models of all other folds: what makes one fold easy for the
# others' models makes the others easy for its own. Redrawing the judged patients does not see that. For linear scores
# of nothing the variance is twice that of independent folds, whatever their number (docs/methods/learn/uncertainty.md;
# doi:10.1080/01621459.2023.2197686, doi:10.1023/A:1024068626366).
CROSSED = 2**0.5


def group_weights(groups: Sequence[str], repeats: int, seed: int) -> Array:
    """(repeat, row): how often each row was drawn when whole groups are, so that relatives stay together."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=repeats)
    return np.asarray(drawn[:, codes].astype(float))


def interval(
    replicates: Array, bounds: tuple[float, float] = (-np.inf, np.inf), crossed: bool = False
) -> tuple[Array, Array]:
    """95 % percentile interval along the first axis, within `bounds`.

    replicates: (replicate, ...), NaN where one cannot be judged; NaN ends where half of them or more cannot. crossed:
    figures across folds; the distance of both ends from the median is multiplied by CROSSED.
    """
    values = np.asarray(replicates, dtype=float)
    kept = np.isfinite(values).sum(axis=0)
    enough = kept >= max(2, 0.5 * len(values))
    known = np.where(enough, values, 0.0)
    middle, *ends = np.nanquantile(np.where(np.isfinite(known), known, np.nan), [0.5, 0.025, 0.975], axis=0)
    low, high = (np.clip(middle + (CROSSED if crossed else 1.0) * (end - middle), *bounds) for end in ends)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def log_rank(time: Array, event: Array, group: Array) -> tuple[float, int]:
    """(chi-square, degrees of freedom) of the log-rank test over all groups (Mantel 1966; doi:10.2307/2344317).

    time, event (true: it happened), group: (row,). (NaN, 0) with fewer than two groups.
    """
    names = np.unique(group)
    if len(names) < 2:
        return float("nan"), 0
    died = np.asarray(event) == 1
    gap, spread = np.zeros(len(names)), np.zeros((len(names), len(names)))
    member = group[None, :] == names[:, None]
    for t in np.unique(time[died]):
        risk, now = time >= t, died & (time == t)
        n, d = risk.sum(), now.sum()
        share = (member & risk).sum(axis=1) / n
        gap += (member & now).sum(axis=1) - d * share
        if n > 1:
            spread += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    return float(gap[:-1] @ np.linalg.pinv(spread[:-1, :-1]) @ gap[:-1]), len(names) - 1
