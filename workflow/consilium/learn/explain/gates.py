"""Tests that an explanation must pass before it is printed: pure figures of maps, and the verdict on them.

A map is phi (row, piece): what each piece adds to the evidence for a row's target.
E1, E2: arXiv:1810.03292 (weights and labels at random). E3: arXiv:1806.07421 (deletion, insertion).
E4: split halves, with the correction of Spearman and Brown (doi:10.1111/j.2044-8295.1910.tb00206.x).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
ALIKE = 0.3  # largest mean correlation with a map that should have nothing in common
STABLE = 0.5  # smallest rank correlation between maps of two fits
STEPS = 8  # of a deletion or insertion curve
ORDERS = 3  # random orders a row
MIN_ROWS = 8
REPEATS = 500
TITLES = {
    "E1": "maps of random weights", "E2": "maps and use on permuted outcomes", "E3": "deletion and insertion",
    "E4": "stability over patients",
}  # fmt: skip


def alike(a: Array, b: Array) -> Array:
    """(row,): correlation of two maps over pieces; with fewer than three pieces their cosine; NaN where one is flat."""
    if a.shape[1] >= 3:
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, (a * b).sum(axis=1) / size, np.nan)


def ranked(a: Array) -> Array:
    """Ranks along each row, ties at their mean."""
    out = np.empty(a.shape)
    for i, row in enumerate(a):
        _, code, count = np.unique(row, return_inverse=True, return_counts=True)
        out[i] = (np.cumsum(count) - (count - 1) / 2)[code]
    return out


def rank_alike(a: Array, b: Array) -> Array:
    """(row,): Spearman's correlation of two maps; with fewer than three pieces as in `alike`."""
    return alike(ranked(a), ranked(b)) if a.shape[1] >= 3 else alike(a, b)


def mean_of(values: list[Array]) -> float | None:
    """Mean of all finite numbers; None without any."""
    every = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.zeros(0)
    return float(every.mean()) if len(every) else None


def corrected(half: float) -> float:
    """Reliability of a fit to all patients from the correlation between fits to halves (as it is below 0)."""
    return 2 * half / (1 + half) if half > 0 else half


def order_gain(ask: Callable[[Array], Array], phi: Array, generator: np.random.Generator) -> Array:
    """(row,): area between insertion and deletion curve in the map's order, less that in random orders.

    ask: keep (row, piece) -> evidence (row,). Above 0: the pieces it names first matter most. In units of evidence.
    """
    n, p = phi.shape

    def between(order: Array) -> Array:
        place = np.argsort(order, axis=1)
        area = np.zeros(n)
        for s in range(1, STEPS):
            top = place < round(p * s / STEPS)
            area += ask(top) - ask(~top)
        return area / STEPS

    chance = [between(np.argsort(generator.random(phi.shape), axis=1)) for _ in range(ORDERS)]
    return between(np.argsort(-phi, axis=1, kind="stable")) - np.mean(chance, axis=0)


def lower_bound(values: Array, seed: int) -> tuple[float, float]:
    """(mean, lower end of the 95 % bootstrap interval over rows)."""
    drawn = np.random.default_rng(seed).integers(len(values), size=(REPEATS, len(values)))
    return float(values.mean()), float(np.quantile(values[drawn].mean(axis=1), 0.025))


def gate(name: str, verdict: str, detail: str, value: float | None = None) -> dict[str, Any]:
    """verdict: pass, fail or not assessed (which lets nothing through but does not fail)."""
    return {"gate": name, "title": TITLES[name], "verdict": verdict, "detail": detail, "value": value}


def random_weights(correlation: float | None) -> dict[str, Any]:
    if correlation is None:
        return gate("E1", "not assessed", "no map differs between pieces")
    said = f"mean correlation {correlation:+.2f} with maps of random weights (allowed: within {ALIKE})"
    return gate("E1", "pass" if abs(correlation) < ALIKE else "fail", said, correlation)


def permuted_outcomes(correlation: float | None, agreement: Array, seed: int) -> dict[str, Any]:
    """agreement (row,): evidence of held-out patients times the residual of their outcome; above 0 = right."""
    if len(agreement) < MIN_ROWS:
        return gate("E2", "not assessed", f"{len(agreement)} held-out patients, fewer than {MIN_ROWS}")
    value, low = lower_bound(agreement, seed)
    if low <= 0:
        said = "on held-out patients this evidence agrees with the outcome no better than chance"
        return gate("E2", "fail", f"{said} ({value:.3f}, 95 % from {low:.3f})", value)
    if correlation is not None and abs(correlation) >= ALIKE:
        said = f"mean correlation {correlation:+.2f} with maps fitted to permuted outcomes (allowed: within {ALIKE})"
        return gate("E2", "fail", said, correlation)
    said = "" if correlation is None else f"; mean correlation {correlation:+.2f} with maps fitted to permuted outcomes"
    return gate("E2", "pass", f"agrees with held-out outcomes ({value:.3f}, 95 % from {low:.3f}){said}", value)


def deletion_insertion(gain: Array, seed: int, pieces: int) -> dict[str, Any]:
    if pieces < 3:
        return gate("E3", "not assessed", f"{pieces} features: nothing to order")
    if len(gain) < MIN_ROWS:
        return gate("E3", "not assessed", f"{len(gain)} held-out patients, fewer than {MIN_ROWS}")
    value, low = lower_bound(gain, seed)
    said = f"insertion less deletion beyond random orders: {value:.3f} (95 % from {low:.3f})"
    return gate("E3", "pass" if low > 0 else "fail", said, value)


def stability(correlation: float | None, fits: str) -> dict[str, Any]:
    if correlation is None:
        return gate("E4", "fail", f"no two {fits} give a map that differs between features")
    said = f"rank correlation {correlation:.2f} between {fits} (at least {STABLE})"
    return gate("E4", "pass" if correlation >= STABLE else "fail", said, correlation)
