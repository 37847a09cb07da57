"""Logistic regression with Firth's penalty, many variants at once: finite also where a genotype parts the groups.

Firth 1993 (DOI 10.1093/biomet/80.1.27), Heinze and Schemper 2002 (DOI 10.1002/sim.1047).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.association.regression import Fits, Null

Floats = npt.NDArray[np.float64]
_STEPS = 60
_LONGEST_STEP = 5.0
_CLOSE = 1e-8
_BATCH = 4_000_000  # numbers in one (variant, person) array


@dataclass(frozen=True)
class _Data:
    """called, g (variant, person): g is 0 without a call. pairs (person, column x column): products of covariates."""

    y: Floats
    covariates: Floats
    pairs: Floats
    called: Floats
    g: Floats

    def take(self, rows: npt.NDArray[np.int64]) -> _Data:
        return _Data(self.y, self.covariates, self.pairs, self.called[rows], self.g[rows])


@dataclass(frozen=True)
class _State:
    """Penalised log likelihood, its slope, and the inverse of the information, per variant."""

    likelihood: Floats
    slope: Floats
    information: Floats
    inverse: Floats


def firth(counts: npt.NDArray[np.int8], y: Floats, covariates: Floats, null: Null) -> Fits:
    """Penalised fit per variant, p by the penalised likelihood ratio (the null penalised by the same information).

    counts (variant, person): ALT alleles, negative = no call: that person is left out there. NaN: did not converge.
    """
    size = max(1, _BATCH // max(len(y), 1))
    parts = [_batch(counts[i : i + size], y, covariates, null) for i in range(0, len(counts), size)]
    if not parts:
        return Fits(*(np.empty(0) for _ in range(3)))
    return Fits(*(np.concatenate([getattr(part, f) for part in parts]) for f in ("beta", "se", "p")))


def _batch(counts: npt.NDArray[np.int8], y: Floats, covariates: Floats, null: Null) -> Fits:
    from scipy.special import chdtrc

    q = covariates.shape[1]
    called = (counts >= 0).astype(np.float64)
    pairs = (covariates[:, :, None] * covariates[:, None, :]).reshape(len(y), q * q)
    data = _Data(y, covariates, pairs, called, np.where(counts >= 0, counts, 0).astype(np.float64))
    start = np.tile(np.append(null.theta, 0.0), (len(counts), 1))
    theta, full = _fitted(data, start, q + 1)
    _, without = _fitted(data, start, q)
    with np.errstate(invalid="ignore"):
        ratio = np.maximum(2 * (full.likelihood - without.likelihood), 0)
        return Fits(theta[:, q], np.sqrt(full.inverse[:, q, q]), chdtrc(1, ratio))


def _fitted(data: _Data, start: Floats, free: int) -> tuple[Floats, _State]:
    """Newton's method with halved steps over the first `free` coefficients; NaN where it does not converge."""
    n, m = start.shape
    at, trial, result = start.copy(), start.copy(), np.full_like(start, np.nan)
    best = _State(np.full(n, -np.inf), np.zeros((n, m)), np.zeros((n, m, m)), np.zeros((n, m, m)))
    active = np.arange(n)
    for _ in range(_STEPS):
        here = _state(data.take(active), trial[active])
        better = here.likelihood >= best.likelihood[active] - 1e-10
        trial[active[~better]] = (trial[active[~better]] + at[active[~better]]) / 2
        moved = active[better]
        at[moved] = trial[moved]
        for name in _State.__annotations__:
            getattr(best, name)[moved] = getattr(here, name)[better]
        step = np.einsum("ijk,ik->ij", _inverse(here.information[better, :free, :free]), here.slope[better, :free])
        longest = np.abs(step).max(axis=1, initial=0)
        trial[moved, :free] += step * np.minimum(1, _LONGEST_STEP / np.maximum(longest, 1e-300))[:, None]
        done = moved[longest < _CLOSE]
        result[done] = at[done]
        active = np.setdiff1d(active, done)
        if not len(active):
            break
    best.likelihood[active] = np.nan
    best.inverse[active] = np.nan
    return result, best


def _inverse(matrices: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:  # somewhere a covariate has nobody left: that fit does not converge, the others do
        return np.asarray(np.linalg.pinv(matrices, hermitian=True))


def _state(data: _Data, theta: Floats) -> _State:
    q = data.covariates.shape[1]
    line = theta[:, :q] @ data.covariates.T + theta[:, q:] * data.g
    mean = 1 / (1 + np.exp(-np.clip(line, -700, 700)))
    weight = mean * (1 - mean) * data.called
    weighted = weight * data.g
    information = np.empty((len(theta), q + 1, q + 1))
    information[:, :q, :q] = (weight @ data.pairs).reshape(-1, q, q)
    information[:, :q, q] = information[:, q, :q] = weighted @ data.covariates
    information[:, q, q] = np.einsum("ij,ij->i", weighted, data.g)
    inverse = _inverse(information)
    hat = inverse[:, :q, :q].reshape(-1, q * q) @ data.pairs.T
    hat += 2 * data.g * (inverse[:, :q, q] @ data.covariates.T) + data.g**2 * inverse[:, q, q, None]
    hat *= weight
    pull = (data.y - mean) * data.called + hat * (0.5 - mean)
    slope = np.concatenate([pull @ data.covariates, np.einsum("ij,ij->i", pull, data.g)[:, None]], axis=1)
    gain = ((data.y * line - np.logaddexp(0, line)) * data.called).sum(axis=1)
    return _State(gain + 0.5 * np.linalg.slogdet(information)[1], slope, information, inverse)
