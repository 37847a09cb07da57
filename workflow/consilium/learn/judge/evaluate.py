"""From the folds' held-out predictions to tables: predictions, leaderboard, contributions, learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.core.statistics import group_weights, interval
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import CANDIDATES
from consilium.learn.judge import metrics

Array = np.ndarray
REPEATS = 1000


@dataclass(frozen=True)
class Held:
    """Out-of-fold predictions of one model. rows: which of the judged patients it could judge; scores: of all."""

    scores: Array
    rows: Array


@dataclass(frozen=True)
class Judged:
    """Held-out predictions of all folds, patients in fold order. weights: the bootstrap, one draw for every model."""

    patients: list[str]
    target: Target
    fold: Array
    groups: list[str]
    models: dict[str, Held]
    weights: Array
    cut: Array | None = None  # threshold of the second of two classes that the row's training patients gave; nan: none
    times: tuple[float, ...] = ()  # at which predicted survival is judged
    more: tuple[Judged, ...] = ()  # further repeats, the same patients in the same order with the same weights

    def metrics(self, rows: Array) -> dict[str, metrics.Metric]:
        cut = None if self.cut is None else self.cut[rows]
        return metrics.all_of(self.target, self.fold[rows], cut, self.times)

    @property
    def crossed(self) -> bool:
        """Every judged patient also taught the models of other judged patients; not so with a given split."""
        return len(np.unique(self.fold)) > 1

    def interval(self, replicates: Array, metric: str = "") -> tuple[float, float]:
        """95 % interval of a metric's replicates; without `metric`: of a difference, which has no bounds."""
        bounds = metrics.BOUNDS.get(metric, (0.0, 1.0)) if metric else (-np.inf, np.inf)
        low, high = interval(replicates, bounds, self.crossed)
        return float(low), float(high)

    def value(self, name: str, metric: str, rows: Array | None = None) -> tuple[float, Array]:
        """(metric over the model's patients, its replicates), means over repeats; NaN when it cannot be computed."""
        held = self.models[name]
        rows = np.flatnonzero(held.rows) if rows is None else rows
        if not len(rows):
            return float("nan"), np.full(len(self.weights), np.nan)
        if self.more:
            once = [replace(self, more=()), *self.more]
            found = [j.value(name, metric, rows) for j in once if name in j.models]
            return float(np.mean([v for v, _ in found])), np.mean([r for _, r in found], axis=0)
        function = self.metrics(rows)[metric]
        both = np.concatenate([np.ones((1, len(rows))), self.weights[:, rows]])
        out = function(self.target.take(rows), held.scores[rows], both)
        return float(out[0]), out[1:]


def judged(results: Sequence[dict[str, Any]], task: dict[str, Any], group_of: dict[str, str], seed: int) -> Judged:
    """Merge the folds' results (train.outer_fold), repeat by repeat."""
    repeats = sorted({r.get("repeat", 0) for r in results})
    runs = [_one_run([r for r in results if r.get("repeat", 0) == k], task, group_of, seed) for k in repeats]
    return replace(runs[0], more=tuple(runs[1:]))


def _one_run(results: Sequence[dict[str, Any]], task: dict[str, Any], group_of: dict[str, str], seed: int) -> Judged:
    """Patients in alphabetical order; where a fold lacks a model, its rows are not judged for it."""
    kind, classes = task["kind"], tuple(task["classes"])
    patients = [p for r in results for p in r["patients"]]
    fold = np.concatenate([np.full(len(r["patients"]), int(r["fold"])) for r in results])
    dtype = int if kind == "classification" else float
    y = np.array([v for r in results for v in r["y"]], dtype=dtype)
    time = np.array([np.nan if v is None else v for r in results for v in r["time"]], dtype=float)
    event = np.array([v for r in results for v in r["event"]], dtype=float)
    names = sorted({m for r in results for m in r["models"]})
    order = np.argsort(np.array(patients), kind="stable")
    models = {}
    for name in names:
        scores, rows = [], []
        width = max((len(row) for r in results for row in r["models"].get(name, {}).get("scores", [])), default=1)
        for r in results:
            m, n = r["models"].get(name), len(r["patients"])
            scores.append(np.zeros((n, width)) if m is None else np.array(m["scores"], dtype=float).reshape(n, width))
            rows.append(np.zeros(n, dtype=bool) if m is None else np.array(m["judged"], dtype=bool))
        models[name] = Held(np.concatenate(scores)[order], np.concatenate(rows)[order])
    patients = [patients[i] for i in order]
    groups = [group_of[p] for p in patients]
    cuts = [(r.get("doubt") or {}).get("cut") for r in results]
    cut = np.concatenate([np.full(len(r["y"]), np.nan if c is None else c) for r, c in zip(results, cuts, strict=True)])
    target = Target(kind, y, time, event, classes, bool(task.get("levels"))).take(order)
    times = tuple(results[0].get("times", ()))
    weights = group_weights(groups, REPEATS, seed)
    return Judged(patients, target, fold[order], groups, models, weights, cut[order], times)


def split(name: str) -> tuple[str, str]:
    """Model name and block of a model's key."""
    model, _, block = name.partition("|")
    return model, block


def role(name: str) -> str:
    """shipped, candidate, baseline, or stress: the shipped model with one block taken away from everybody."""
    if name == "shipped":
        return "shipped"
    if split(name)[0] == "without":
        return "stress"
    return "candidate" if name in CANDIDATES else "baseline"


def leaderboard(
    all_true: Judged, control: Sequence[Judged], blocks: Sequence[str], planted: Judged | None = None,
    site: Judged | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of table `leaderboard`: shipped, candidates, baselines, the permuted and planted control, sites left out."""
    order = {"shipped": 0, "candidate": 1, "baseline": 2, "stress": 3}
    rows = []
    for name in sorted(all_true.models, key=lambda n: (order[role(n)], n)):
        model, block = split(name)
        used = {"age_sex": "age, sex", "missingness": "presence of blocks", "site": "site", "prevalence": "none"}
        about = block or used.get(model, ", ".join(blocks))
        rows += _metric_rows([all_true], name, model, about, role(name))
    if control:
        rows += _metric_rows(control, "shipped", "permuted", ", ".join(blocks), "control")
    if planted is not None:
        rows += _metric_rows([planted], "shipped", "planted", ", ".join(blocks), "planted")
    if site is not None:
        rows += _metric_rows([site], "shipped", "leave one site out", ", ".join(blocks), "site")
    return rows


def _metric_rows(runs: Sequence[Judged], name: str, model: str, about: str, as_role: str) -> list[dict[str, Any]]:
    out = []
    rows = np.flatnonzero(runs[0].models[name].rows)
    for metric in runs[0].metrics(rows):
        if metric in metrics.SHIPPED_ONLY and as_role != "shipped" and (metric, name) != ("ibs", "prevalence"):
            continue
        value, low, high = mean_interval(runs, name, metric)
        out.append({
            "model": model, "modalities": about or "none", "metric": metric, "better": metrics.BETTER[metric],
            "value": value, "lower": low, "upper": high, "n": int(runs[0].models[name].rows.sum()), "role": as_role,
        })  # fmt: skip
    return out


def mean_interval(runs: Sequence[Judged], name: str, metric: str) -> tuple[float, float, float]:
    """(value, lower, upper), each the mean over `runs` (one but for the control, which is drawn several times)."""
    found = []
    for j in runs:
        value, replicates = j.value(name, metric)
        found.append((value, *j.interval(replicates, metric)))
    value, low, high = np.mean(found, axis=0)
    return float(value), float(low), float(high)


def difference(j: Judged, name: str, other: str) -> dict[str, Any]:
    """Paired difference of the main metric, `name` better than `other` > 0, over the patients both can judge."""
    metric = metrics.MAIN[j.target.kind]
    rows = np.flatnonzero(j.models[name].rows & j.models[other].rows)
    sign = 1.0 if metrics.BETTER[metric] == "higher" else -1.0
    a, boot_a = j.value(name, metric, rows)
    b, boot_b = j.value(other, metric, rows)
    low, high = j.interval(sign * (boot_a - boot_b))
    model, block = split(other)
    return {
        "against": model, "modality": block, "metric": metric, "n": len(rows), "value": a, "other": b,
        "difference": sign * (a - b), "lower": low, "upper": high,
    }  # fmt: skip


def difference_rows(j: Judged) -> list[dict[str, Any]]:
    """Rows of table `differences`: the shipped model against every other one."""
    out = []
    for name in sorted(n for n in j.models if n != "shipped"):
        d = difference(j, "shipped", name)
        out.append({
            "model": d["against"], "modalities": d["modality"], "role": role(name), "metric": d["metric"], "n": d["n"],
            "shipped": d["value"], "other": d["other"], "difference": d["difference"], "lower": d["lower"],
            "upper": d["upper"],
        })  # fmt: skip
    return out


def prediction_rows(
    results: Sequence[dict[str, Any]], observed: dict[str, str], order: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of table `predictions` in sheet order, one a patient; patients in no result: not assessed."""
    rows = {}
    for r in results:
        for patient, record in zip(r.get("patients", []), r.get("shipped", []), strict=True):
            rows[patient] = {"patient": patient, "fold": r["fold"], "observed": observed.get(patient, ""), **record}
    return [rows[p] for p in order if p in rows]


def training_rows(observed: dict[str, str], patients: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of table `predictions` of patients on whom the models of a given split were fitted: no honest prediction."""
    about = {"fold": "train", "abstained": True, "reason": "in the training part of the given split", "modalities": ""}
    return [{"patient": p, "observed": observed.get(p, ""), **about} for p in patients]


def unassessed_rows(observed: dict[str, str], order: Sequence[str], why: str) -> list[dict[str, Any]]:
    about = {"fold": "apply", "abstained": True, "reason": f"not assessed: {why}", "modalities": ""}
    return [{"patient": p, "observed": observed.get(p, ""), **about} for p in order]


def curve_rows(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of table `learning_curve`; the final fit is fold `final`."""
    out = []
    for r in results:
        fold = "final" if r.get("fold") == "apply" else r.get("fold", "")
        out += [{"fold": fold, **c} for c in r.get("facts", {}).get("curves", [])]
    return out
