"""Whether columns still go together as among the training patients: what no single column shows.

Rank correlations (of normal scores, by rank within each cohort, so that margins have no part in them) of the columns
the model leans on most, against those at training. How much they change by chance was measured at bundling, on random
halves of the training patients; here nothing is fitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from consilium.learn.bundle import reference
from consilium.learn.cohort.data import Cohort
from consilium.learn.fusion.model import Trained

Array = np.ndarray
Facts = dict[str, Any]
HEAVY = 30  # columns
MIN_TRAINING, MIN_PATIENTS = 60, 20
MIN_PAIRS = 10  # patients with both columns, on each side, for a pair to count
DRAWS, AT_MOST = 100, 1000  # random halvings, and training patients that are halved
SURE = 10.83  # chi-square of one pair at .001
LARGE = 0.3  # change of a correlation
NEVER_ONE = 0.99


def normal_scores(values: Array) -> Array:
    """(row, column): normal quantile of each value's rank in its column (van der Waerden), SD 1; NaN stays.

    Ties share a rank. A column with one value only: NaN, it goes together with nothing.
    """
    from scipy.special import ndtri

    out = np.full(values.shape, np.nan)
    for c, x in enumerate(values.T):
        seen = np.isfinite(x)
        ordered = np.sort(x[seen])
        twice = sum(np.searchsorted(ordered, x[seen], side=side) for side in ("left", "right"))
        z = ndtri(twice / max(2 * len(ordered), 1))
        if len(z) and z.std() > 1e-9:
            out[seen, c] = (z - z.mean()) / z.std()
    return out


def correlations(values: Array) -> tuple[Array, Array]:
    """(correlation of the normal scores, rows it is made of) of each pair of columns i < j, by complete pairs."""
    z = normal_scores(values)
    seen = np.isfinite(z)
    filled = np.where(seen, z, 0.0)
    upper = np.triu_indices(values.shape[1], 1)
    both = (seen.T.astype(float) @ seen)[upper]
    cross, squares = filled.T @ filled, (filled**2).T @ seen
    scale = np.sqrt(squares * squares.T)[upper]
    return cross[upper] / np.maximum(scale, 1e-12), both


def changes(one: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
    """Squared change of each pair's correlation over its variance in normal data; NaN where rows are too few.

    On Fisher's scale (atanh), where the variance does not depend on the correlation.
    """
    (r, n), (s, m) = one, other
    enough = np.minimum(n, m) >= MIN_PAIRS
    apart = np.arctanh(np.clip(r, -NEVER_ONE, NEVER_ONE)) - np.arctanh(np.clip(s, -NEVER_ONE, NEVER_ONE))
    return np.where(enough, apart**2 / (1 / np.maximum(n - 3, 1) + 1 / np.maximum(m - 3, 1)), np.nan)


def heaviest(trained: Trained, cohort: Cohort) -> list[tuple[str, str, float]]:
    """(block, column, share of the model's weight) of the HEAVY columns of largest share."""
    shares, found = reference.block_shares(trained), []
    for model, share in zip(trained.blocks, shares, strict=True):
        block = cohort.block(model.name)
        assert block is not None
        names = reference.columns(model, block)[1]
        weights = float(share) * reference.column_weights(model, names)
        found += [(model.name, name, float(w)) for name, w in zip(names, weights, strict=True)]
    return sorted(found, key=lambda f: -f[2])[:HEAVY]


def values_of(trained: Trained, cohort: Cohort, wanted: list[tuple[str, str]]) -> Array:
    """(row, column) of these (block, column) names; NaN where the cohort has none."""
    out = np.full((len(cohort.patients), len(wanted)), np.nan)
    for model in trained.blocks:
        block = cohort.block(model.name)
        if block is not None:
            raw, names = reference.columns(model, block)
            place = {name: i for i, name in enumerate(names)}
            for c, (of, name) in enumerate(wanted):
                if of == model.name:
                    out[:, c] = raw[:, place[name]]
    return out


def statistics(trained: Trained, training: Cohort) -> Facts | None:
    """What is kept of the training patients: columns, correlations, and by how much they change by chance."""
    heavy = heaviest(trained, training)
    if len(heavy) < 2 or len(training.patients) < MIN_TRAINING:
        return None
    values = values_of(trained, training, [(b, c) for b, c, _ in heavy])
    r, n = correlations(values)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        rows = rng.permutation(len(values))[:AT_MOST]
        drawn.append(changes(*(correlations(values[half]) for half in np.array_split(rows, 2))))
    all_known: Array = np.isfinite(np.array(drawn)).all(axis=0)
    usual = np.where(all_known, np.mean(drawn, axis=0), np.nan)
    pairs = [None if not k or u <= 0 else float(u) for k, u in zip(all_known, usual, strict=True)]
    kept = np.array([p is not None for p in pairs])
    if not kept.any():
        return None
    total = (np.array(drawn)[:, kept] / usual[kept]).mean(axis=1)
    short = lambda a: [float(f"{v:.{reference.DIGITS}g}") for v in a]  # noqa: E731
    return {
        "columns": [[b, c, w] for b, c, w in heavy], "correlation": short(r), "n": [int(v) for v in n],
        "usual": [None if p is None else short([p])[0] for p in pairs], "variance": float(total.var(ddof=1)),
    }  # fmt: skip


def examine(known: Facts | None, trained: Trained, cohort: Cohort) -> Facts:
    """{status, reason, p, mean change in units of chance, pairs that changed much}; `cohort` aligned to the bundle.

    p: of a gamma distribution with the mean and variance that random halves of the training patients had.
    """
    from scipy.special import gammaincc

    if known is None:
        return {"status": "not assessed", "reason": "too few training patients or columns"}
    if len(cohort.patients) < MIN_PATIENTS:
        return {"status": "not assessed", "reason": f"fewer than {MIN_PATIENTS} patients"}
    columns = [(b, c) for b, c, _ in known["columns"]]
    here = correlations(values_of(trained, cohort, columns))
    home = (np.array(known["correlation"]), np.array(known["n"], dtype=float))
    usual = np.array([np.nan if u is None else u for u in known["usual"]])
    size = changes(home, here) / usual
    judged = np.isfinite(size)
    if not judged.any():
        return {"status": "not assessed", "reason": "no pair of columns has enough patients"}
    mean = float(size[judged].mean())
    # Fewer pairs than at training vary more.
    variance = known["variance"] * np.isfinite(usual).sum() / judged.sum()
    a, b = np.triu_indices(len(columns), 1)
    moved = np.flatnonzero(judged & (size >= SURE) & (np.abs(here[0] - home[0]) >= LARGE))
    moved = moved[np.argsort(-size[moved], kind="stable")]
    touched = {int(i) for k in moved for i in (a[k], b[k])}
    return {
        "status": "assessed", "reason": "", "n": len(cohort.patients), "pairs": int(judged.sum()), "change": mean,
        "p": float(gammaincc(1 / variance, mean / variance)), "weight": sum(known["columns"][i][2] for i in touched),
        "moved": [
            {"a": ": ".join(columns[a[k]]), "b": ": ".join(columns[b[k]]), "training": float(home[0][k]),
             "here": float(here[0][k])}
            for k in moved
        ],
    }  # fmt: skip
