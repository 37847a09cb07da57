"""One regression a variant, many at once: least squares, and the score test of logistic regression.

Both are least squares after covariates are taken out of the outcome and of the genotype (Frisch, Waugh and Lovell);
for the score test every row is weighted by the null model. A person without a call does not count at that variant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEPS = 50
_NOTHING_LEFT = 1e-8  # share of a genotype's variance that covariates leave: below, it is one of them


@dataclass(frozen=True)
class Fits:
    """Per variant; NaN where the covariates leave nothing of the genotype. beta: per ALT allele."""

    beta: Floats
    se: Floats
    p: Floats


@dataclass(frozen=True)
class Null:
    """Logistic regression on covariates alone. theta: coefficients; mean: fitted probabilities (person,)."""

    theta: Floats
    mean: Floats


def linear(counts: npt.NDArray[np.int8], y: Floats, covariates: Floats) -> Fits:
    """Least squares of y (person,) on ALT counts (variant, person; negative = no call) and covariates (person, column,
    intercept among them); exact t-test."""
    from scipy.special import stdtr

    basis = np.linalg.qr(covariates)[0]
    left = y - basis @ (basis.T @ y)
    gg, gy, yy, free = _projected(counts, left, basis, np.ones(len(y)))
    with np.errstate(invalid="ignore", divide="ignore"):
        beta = gy / gg
        se = np.sqrt(np.maximum(yy - beta * gy, 0) / free / gg)
        p = 2 * stdtr(free, -np.abs(beta / se))
    return Fits(beta, se, p)


def logistic_null(y: Floats, covariates: Floats) -> Null | None:
    """Newton's method; None where covariates part cases from controls (no finite coefficients)."""
    theta = np.zeros(covariates.shape[1])
    for _ in range(_STEPS):
        mean = 1 / (1 + np.exp(-np.clip(covariates @ theta, -700, 700)))
        weight = mean * (1 - mean)
        information = covariates.T @ (covariates * weight[:, None])
        if np.linalg.cond(information) > 1e10:
            return None
        step = np.linalg.solve(information, covariates.T @ (y - mean))
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            return Null(theta, 1 / (1 + np.exp(-(covariates @ theta))))
    return None


def score(counts: npt.NDArray[np.int8], y: Floats, covariates: Floats, null: Null) -> Fits:
    """Efficient score test per variant; beta is one Newton step from 0, exact as the effect goes to 0.

    At a variant with gaps, covariates are refitted to the called people by one Newton step.
    """
    from scipy.special import chdtrc

    root = np.sqrt(null.mean * (1 - null.mean))
    basis = np.linalg.qr(covariates * root[:, None])[0]
    gg, gy, _, _ = _projected(counts, (y - null.mean) / root, basis, root)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Fits(gy / gg, 1 / np.sqrt(gg), chdtrc(1, gy**2 / gg))


def _projected(
    counts: npt.NDArray[np.int8], y: Floats, basis: Floats, root: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Per variant, over called people and beside the covariates: genotype x genotype, genotype x y, y x y, degrees
    of freedom. basis: orthonormal, of the weighted covariates; y: weighted, without what the basis says; root: square
    root of each person's weight.
    """
    called = counts >= 0
    whole = called.all(axis=1)
    n = called.sum(axis=1)
    g = np.where(called, counts, 0).astype(np.float64)
    g -= (g.sum(axis=1) / np.maximum(n, 1))[:, None] * called
    g *= root
    c = g @ basis
    square = np.einsum("ij,ij->i", g, g)
    gg = square - np.einsum("ij,ij->i", c, c)
    gy, yy, rank = g @ y, np.full(len(g), y @ y), np.full(len(g), float(basis.shape[1]))
    if not whole.all():
        gap = np.flatnonzero(~whole)
        gg[gap], gy[gap], yy[gap], rank[gap] = _with_gaps(called[gap], square[gap], gy[gap], c[gap], y, basis)
    gg = np.where(gg > _NOTHING_LEFT * np.maximum(square, 1e-300), gg, np.nan)
    return gg, gy, yy, n - rank - 1.0


def _with_gaps(
    called: npt.NDArray[np.bool_], square: Floats, gy: Floats, c: Floats, y: Floats, basis: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    q = basis.shape[1]
    here = called.astype(np.float64)
    gram = (here @ (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)).reshape(-1, q, q)
    values, vectors = np.linalg.eigh(gram)
    inverse = np.where(values > 1e-9, 1 / np.maximum(values, 1e-300), 0)
    cy = here @ (basis * y[:, None])
    turned, turned_y = (np.einsum("ikj,ik->ij", vectors, x) for x in (c, cy))
    return (
        square - (turned**2 * inverse).sum(axis=1),
        gy - (turned * turned_y * inverse).sum(axis=1),
        here @ y**2 - (turned_y**2 * inverse).sum(axis=1),
        (values > 1e-9).sum(axis=1).astype(np.float64),
    )
