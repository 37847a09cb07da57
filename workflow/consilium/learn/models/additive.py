"""Additive model of a narrow block's design: a sum of bent lines, one a column, fitted with ridge penalties.

Each column may bend at three of its training quantiles, the usual places of three knots (doi:10.1007/978-3-319-19425-7,
section 2.4.6). Risk that rises at both ends, or ceases to rise, costs it few coefficients; what it says adds up column
by column, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models import linear
from consilium.learn.models.heads import centred
from consilium.learn.models.squeezed import MIN_VALUES

Array = np.ndarray
QUANTILES = (0.1, 0.5, 0.9)
ARRAYS = ("columns", "bent", "knots", "mean", "weights")  # of a fitted model
MAX_COLUMNS = 64  # of a design: among hundreds, bends told nothing beyond linear model and trees
GRID = tuple(p for p in linear.GRID if not p.share)  # a lasso on bends of one column keeps an arbitrary one


@dataclass(frozen=True)
class Additive:
    """columns: of the design, those that vary. bent, knots: column of the design and place of each bend.

    mean, weights: of the terms (columns, then bends) on the training rows; evidence = (terms - mean) @ weights.
    penalty: as fitted; a bundle, from which nothing is fitted, does not keep it.
    """

    columns: Array
    bent: Array
    knots: Array
    mean: Array
    weights: Array
    penalty: linear.Penalty = field(default=GRID[0], kw_only=True)

    def evidence(self, x: Array) -> Array:
        return centred((_terms(x, self.columns, self.bent, self.knots) - self.mean) @ self.weights)

    def by_column(self, x: Array) -> Array:
        """(row, column of x, width): what each column adds to the evidence; they add up to it."""
        out = np.zeros((len(x), x.shape[1], self.weights.shape[1]))
        away = _terms(x, self.columns, self.bent, self.knots) - self.mean
        for k, column in enumerate(np.concatenate([self.columns, self.bent])):
            out[:, column] += away[:, [k]] * self.weights[k]
        return centred(out)


def _terms(x: Array, columns: Array, bent: Array, knots: Array) -> Array:
    return np.concatenate([x[:, columns], np.maximum(x[:, bent] - knots, 0.0)], axis=1)


def fit(x: Array, target: Target, grid: tuple[linear.Penalty, ...] = GRID) -> list[Additive]:
    """One model a penalty, on rows of a design."""
    columns = np.flatnonzero(np.ptp(x, axis=0) > 0)
    places = [(c, k) for c in columns if len(np.unique(x[:, c])) >= MIN_VALUES
              for k in np.unique(np.quantile(x[:, c], QUANTILES))]  # fmt: skip
    bent, knots = np.array([c for c, _ in places], dtype=int), np.array([k for _, k in places], dtype=float)
    terms = _terms(x, columns, bent, knots)
    mean, spread = terms.mean(axis=0), terms.std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf) * np.sqrt(max(terms.shape[1], 1))  # mean square norm 1, see linear
    models = linear.fit((terms - mean) / scale, target, grid)
    return [
        Additive(columns, bent, knots, mean, m.weights / scale[:, None], penalty=g)
        for m, g in zip(models, grid, strict=True)
    ]
