"""LightGBM on a block's design: small trees for small cohorts; evidence on the scale of `heads`."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.heads import centred, objective, prior

Array = np.ndarray
MAX_COLUMNS = 300  # those whose score test at the prior is largest, on the training rows
ROUNDS = 60


@dataclass(frozen=True)
class Boosted:
    """text: the model as LightGBM writes it ("" = nothing could be learned). columns: of the design it uses."""

    text: str
    columns: Array
    width: int

    def evidence(self, x: Array) -> Array:
        if not self.text or not len(x):
            return np.zeros((len(x), self.width))
        raw = booster(self.text).predict(x[:, self.columns], raw_score=True, num_threads=1)
        return _as_evidence(np.asarray(raw), self.width)


def _as_evidence(raw: Array, width: int) -> Array:
    out = raw.reshape(len(raw), -1)
    if width == 2 and out.shape[1] == 1:
        out = np.concatenate([-out, out], axis=1) / 2
    return centred(out)


def booster(text: str) -> Any:
    """The trees that were written as `text`."""
    return _lightgbm().Booster(model_str=text)


def _lightgbm() -> Any:
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


def settings(n: int, seed: int) -> dict[str, Any]:
    """Leaves and shrinkage by sample size: below 500 rows hardly more than additive stumps."""
    small = n < 500
    return {
        "num_leaves": 4 if small else 15, "min_data_in_leaf": max(5, n // 15 if small else 20),
        "learning_rate": 0.06 if small else 0.05, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1,
        "lambda_l2": 2.0, "max_bin": 31 if small else 255, "min_data_in_bin": 1, "seed": seed % 2**31, "num_threads": 1,
        "deterministic": True, "force_col_wise": True, "verbosity": -1, "boost_from_average": False,
        "feature_pre_filter": False,
    }  # fmt: skip


def fit(x: Array, target: Target, seed: int) -> Boosted:
    n, width = len(x), target.width
    at = prior(target)
    start = np.tile(at.offset, (n, 1))
    if n < 10 or not x.shape[1]:
        return Boosted("", np.arange(0), width)
    gradient = objective(target, at)(start)[1]
    strength = np.abs((x - x.mean(axis=0)).T @ gradient).sum(axis=1) / np.maximum(x.std(axis=0), 1e-12)
    columns = np.sort(np.argsort(-strength, kind="stable")[:MAX_COLUMNS])
    if target.kind == "classification" and len(np.unique(target.y)) < 2:
        return Boosted("", columns, width)
    about: dict[str, Any] = settings(n, seed)
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
    data = _lightgbm().Dataset(x[:, columns], label, init_score=first, params=about, free_raw_data=False)
    trees = _lightgbm().train(about, data, ROUNDS if n < 500 else 3 * ROUNDS)
    return Boosted(trees.model_to_string(), columns, width)


def _cox_objective(target: Target) -> Any:
    """Gradient of the Cox partial likelihood; its Hessian's diagonal, bounded below, from the same risk sets."""
    loss = objective(target, prior(target))

    def gradients(scores: Array, _data: Any) -> tuple[Array, Array]:
        gradient = loss(scores.reshape(-1, 1))[1][:, 0]
        hessian = np.maximum(gradient + target.event, 0.05)  # exp(eta) x sum of 1 / risk sets: an upper bound
        return gradient, hessian

    return gradients
