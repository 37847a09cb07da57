"""LightGBM on a block's design: boosted trees, and a forest for survival; evidence on the scale of `heads`."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.heads import baseline_hazard, centred, event_weights, objective, prior

Array = np.ndarray
MAX_COLUMNS = 300  # those whose score test at the prior is largest, on the training rows
MIN_COLUMNS = 3  # that a tree sees, however few the block has
LARGE = 500  # rows from which on shape and rounds are chosen by out-of-fold loss
TREES = 150  # of a forest
MIN_RATIO = 0.02  # observed over expected events of a forest; below it the logarithm runs away


@dataclass(frozen=True)
class Shape:
    """What one boosted model may look like. leaf: fewest rows of a leaf; 0 = by sample size."""

    leaves: int
    rate: float
    rounds: int
    leaf: int = 20
    columns: float = 0.5  # share of the columns a tree sees
    shrink: float = 2.0  # L2 penalty of a leaf's value

    @property
    def name(self) -> str:
        return f"{self.rounds} rounds of {self.leaves} leaves at {self.rate:g}"


SMALL = (Shape(4, 0.06, 60, 0),)
ROUNDS = (60, 120, 180, 270, 400)
SHAPES = tuple(Shape(4, 0.05, r) for r in ROUNDS) + tuple(Shape(15, 0.03, r, 30, 0.3) for r in ROUNDS)


def shapes(n: int) -> tuple[Shape, ...]:
    """The shapes that compete where n training rows have the block, from plain to bold."""
    return SMALL if n < LARGE else SHAPES


@dataclass(frozen=True)
class Boosted:
    """text: the model as LightGBM writes it ("" = nothing could be learned). columns: of the design it uses.

    ratio: the trees give observed over expected events (a forest), whose logarithm is the evidence. shape: as fitted;
    a bundle, from which nothing is fitted, does not keep it.
    """

    text: str
    columns: Array
    width: int
    ratio: bool = False
    shape: Shape = SMALL[0]

    def evidence(self, x: Array, rounds: int = 0) -> Array:
        """rounds: of the first trees alone; 0 = all."""
        if not self.text or not len(x):
            return np.zeros((len(x), self.width))
        about = {"num_threads": 1, "num_iteration": rounds or -1}
        # A forest's raw score is the sum of its trees; not raw, their mean.
        raw = booster(self.text).predict(x[:, self.columns], raw_score=not self.ratio, **about)
        if self.ratio:
            return np.log(np.maximum(np.asarray(raw), MIN_RATIO)).reshape(-1, 1)
        return _as_evidence(np.asarray(raw), self.width)


def _as_evidence(raw: Array, width: int) -> Array:
    out = raw.reshape(len(raw), -1)
    if width == 2 and out.shape[1] == 1:
        out = np.concatenate([-out, out], axis=1) / 2
    return centred(out)


def booster(text: str) -> Any:
    """The trees that were written as `text`."""
    return lightgbm().Booster(model_str=text)


def lightgbm() -> Any:
    """LightGBM without its optional wrappers: importing pandas and scikit-learn for them costs 3 CPU s a job."""
    if "lightgbm" not in sys.modules:
        modules: dict[str, Any] = sys.modules
        hidden = {name: modules.get(name) for name in ("pandas", "sklearn", "dask", "matplotlib", "graphviz")}
        modules.update(dict.fromkeys(hidden))  # None: "import pandas" fails, which LightGBM allows for
        try:
            return importlib.import_module("lightgbm")
        finally:
            for name, module in hidden.items():
                if module is None:
                    del modules[name]
                else:
                    modules[name] = module
    return sys.modules["lightgbm"]


def settings(n: int, seed: int, shape: Shape) -> dict[str, Any]:
    """Of few rows hardly more than additive stumps."""
    small = n < LARGE
    return {
        "num_leaves": shape.leaves, "min_data_in_leaf": shape.leaf or max(5, n // 15), "learning_rate": shape.rate,
        "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": shape.shrink,
        "max_bin": 31 if small else 63, "min_data_in_bin": 1, **_COMMON, "seed": seed % 2**31,
    }  # fmt: skip


_COMMON: dict[str, Any] = {
    "num_threads": 1, "deterministic": True, "force_col_wise": True, "verbosity": -1, "boost_from_average": False,
    "feature_pre_filter": False,
}  # fmt: skip


def fit(x: Array, target: Target, seed: int, shape: Shape = SMALL[0]) -> Boosted:
    n, width = len(x), target.width
    at = prior(target)
    start = np.tile(at.offset, (n, 1))
    columns = _columns(x, target)
    if not len(columns) or (target.kind == "classification" and len(np.unique(target.y)) < 2):
        return Boosted("", columns, width)
    about: dict[str, Any] = settings(n, seed, shape) | {"feature_fraction": share(shape.columns, len(columns))}
    label: Array = target.y.astype(float)
    first: Array | None = None
    if target.kind == "classification" and width == 2:
        about["objective"], first = "binary", np.full(n, at.offset[1] - at.offset[0])
    elif target.kind == "classification":
        about |= {"objective": "multiclass", "num_class": width}
        first = start.ravel(order="F")
    elif target.kind == "regression":
        about["objective"], label = "regression", (target.y - at.centre) / at.scale
    else:
        about["objective"] = _cox_objective(target)
    data = lightgbm().Dataset(x[:, columns], label, init_score=first, params=about, free_raw_data=False)
    trees = lightgbm().train(about, data, shape.rounds)
    return Boosted(trees.model_to_string(), columns, width)


def share(wanted: float, columns: int) -> float:
    """Share of `columns` that a tree or node draws: `wanted`, but MIN_COLUMNS at least, and no small even number.

    LightGBM draws a small subset by integers of a linear congruential generator, whose lowest bit alternates: with an
    even number of draws each draw sees the same bit for ever. A forest of two columns a node of seven was offered odd
    or even ones first, by its seed, with C indices of .655 or .667 on the same training patients.
    """
    count = max(MIN_COLUMNS, round(wanted * columns))
    if count % 2 == 0 and count <= columns / np.log2(count):
        count += 1
    return min(1.0, count / columns)


def _columns(x: Array, target: Target) -> Array:
    """The MAX_COLUMNS varying columns of largest score test at the prior, in order; none where rows are too few."""
    if len(x) < 10 or not x.shape[1]:
        return np.arange(0)
    at = prior(target)
    gradient = objective(target, at, weighted=True)(np.tile(at.offset, (len(x), 1)))[1]
    strength = np.abs((x - x.mean(axis=0)).T @ gradient).sum(axis=1) / np.maximum(x.std(axis=0), 1e-12)
    varies = np.flatnonzero(np.ptp(x, axis=0) > 0)
    return np.sort(varies[np.argsort(-strength[varies], kind="stable")[:MAX_COLUMNS]])


def paths(x: Array, target: Target, seed: int, offered: tuple[Shape, ...], asked: Array) -> Array:
    """Evidence (shape, row of `asked`, width) of every shape; shapes that differ in rounds alone share one model."""
    out = np.zeros((len(offered), len(asked), target.width))
    families: dict[Shape, list[int]] = {}
    for i, shape in enumerate(offered):
        families.setdefault(replace(shape, rounds=0), []).append(i)
    for places in families.values():
        longest = max((offered[i] for i in places), key=lambda s: s.rounds)
        model = fit(x, target, seed, longest)
        for i in places:
            out[i] = model.evidence(asked, offered[i].rounds)
    return out


def forest(x: Array, target: Target, seed: int) -> Boosted:
    """Survival forest: relative-risk trees (doi:10.2307/2532300) on bootstrap samples, random columns at each split.

    A leaf holds observed over expected events: the mean of event / H(time), weighted by H(time) (Nelson-Aalen).
    """
    columns = _columns(x, target)
    if not len(columns):
        return Boosted("", columns, 1)
    expected = np.maximum(baseline_hazard(target, np.zeros((len(x), 1)), tuple(target.time)), 1e-6)
    about = {
        "boosting": "rf", "objective": "regression", "num_leaves": 31, "min_data_in_leaf": 10 if len(x) < LARGE else 15,
        "feature_fraction_bynode": share(1 / 3, len(columns)), "bagging_fraction": 0.632, "bagging_freq": 1,
        "lambda_l2": 1.0, "max_bin": 63, "min_data_in_bin": 1, **_COMMON, "seed": seed % 2**31,
    }  # fmt: skip
    data = lightgbm().Dataset(x[:, columns], target.event / expected, weight=expected, params=about)
    return Boosted(lightgbm().train(about, data, TREES).model_to_string(), columns, 1, ratio=True)


def _cox_objective(target: Target) -> Any:
    """Gradient of the weighted partial likelihood; its Hessian's diagonal, bounded below, from the same risk sets."""
    loss, events = objective(target, prior(target), weighted=True), target.event * event_weights(target)

    def gradients(scores: Array, _data: Any) -> tuple[Array, Array]:
        gradient = loss(scores.reshape(-1, 1))[1][:, 0]
        hessian = np.maximum(gradient + events, 0.05)  # exp(eta) x sum of 1 / risk sets: an upper bound
        return gradient, hessian

    return gradients
