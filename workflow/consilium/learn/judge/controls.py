"""Runs that are there to be judged, not shipped: a planted effect, one site left out; and what may be said at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.guards.record import Gate, gate
from consilium.learn.judge import metrics
from consilium.learn.judge.evaluate import Judged

Array = np.ndarray
PLANTED = "a planted signal is found"
SITES = "sites not seen in training"
ENOUGH = 40  # see `information`; with less even a strong effect may stay hidden
WEAK = {"auc_within_folds": 0.6, "c_index_within_folds": 0.6, "r2": 0.1}  # lower bounds of "found"


def main_within(kind: str) -> tuple[str, float]:
    """(metric that compares patients of one fold only, its value when nothing is known)."""
    return ("r2", 0.0) if kind == "regression" else (f"{metrics.MAIN[kind]}_within_folds", 0.5)


def planted(j: Judged | None, about: dict[str, Any], why: str) -> Gate:
    """Fails when an effect known to be there is not found: interval of the within-fold figure not above chance."""
    if j is None:
        return gate(PLANTED, "not assessed", why)
    metric, chance = main_within(j.target.kind)
    value, replicates = j.value("shipped", metric)
    low, high = j.interval(replicates, metric)
    said = (
        f"{metric} {value:.3f} ({low:.3f} to {high:.3f}) on outcomes drawn from {len(about['features'])} columns of "
        f"{about['block']}"
    )
    figures = {"value": value, "lower": low, "upper": high, **about}
    if low > chance:
        return gate(PLANTED, "pass", said, **figures)
    if information(j.target) < ENOUGH:
        return gate(PLANTED, "warn", f"{said}: not found; so few patients or events may not be enough", **figures)
    return gate(PLANTED, "fail", f"{said}: not found, so nothing else this run did not find means much", **figures)


def information(target: Target) -> int:
    """Events, twice the smallest class, or patients."""
    if target.kind == "survival":
        return int(target.event.sum())
    if target.kind == "classification":
        return 2 * int(np.bincount(target.y, minlength=target.width).min())
    return len(target)


def left_out(site: Judged | None, true: Judged, about: dict[str, Any]) -> Gate:
    """Leave one site out against random folds, on the same patients: does the model hold at a place it did not see?"""
    if site is None:
        return gate(SITES, "not assessed", about["no_sites"] or "no site could be left out", sites=about["sites"])
    metric, _ = main_within(true.target.kind)
    place = {p: i for i, p in enumerate(true.patients)}
    rows = np.array([place[p] for p in site.patients])
    here, boot_here = site.value("shipped", metric)
    there, _ = true.value("shipped", metric, rows)
    value_low, value_high = site.interval(boot_here, metric)
    low, high = _difference(site, true, rows, metric)
    small = [s["site"] for s in about["sites"] if s["reason"]]
    said = (
        f"{metric} {here:.3f} ({value_low:.3f} to {value_high:.3f}) at sites left out, {there:.3f} in random folds, "
        f"n = {len(rows)}; difference {here - there:+.3f} ({low:+.3f} to {high:+.3f})"
    )
    said += f"; too small to be left out: {', '.join(small)}" if small else ""
    worse = high < 0
    return gate(SITES, "warn" if worse else "pass", said + (": the model does not carry over" if worse else ""),
                value=here, lower=value_low, upper=value_high, random_folds=there, difference=here - there,
                difference_lower=low, difference_upper=high, n=len(rows), sites=about["sites"])  # fmt: skip


def _difference(site: Judged, true: Judged, rows: Array, metric: str) -> tuple[float, float]:
    """95 % interval of the paired difference; the same groups are redrawn in both runs."""
    paired = replace(site, weights=true.weights[:, rows])
    return paired.interval(paired.value("shipped", metric)[1] - true.value("shipped", metric, rows)[1])


NO_SIGNAL = "no signal was found: do not use it"  # a prediction, where `signal` answers none


def signal(j: Judged, gates: Sequence[Gate]) -> dict[str, Any]:
    """What may be said of the task: {answer: none | weak | found, text, metric, value, lower, upper}.

    none: the 95 % interval of the shipped model's within-fold figure covers chance (or lies below it); weak: it lies
    above, but its lower end is below WEAK, or a check failed; found: otherwise.
    """
    metric, chance = main_within(j.target.kind)
    value, replicates = j.value("shipped", metric)
    low, high = j.interval(replicates, metric)
    failed = [g["gate"] for g in gates if g["verdict"] == "fail"]
    figure = f"{metric} {value:.3f}, 95 % interval {low:.3f} to {high:.3f}, chance {chance:g}"
    if not low > chance:
        answer, text = "none", f"no signal found: {figure}"
    elif low < WEAK[metric] or failed:
        doubt = f"; failed: {', '.join(failed)}" if failed else ""
        answer, text = "weak", f"a weak signal at best: {figure}{doubt}"
    else:
        answer, text = "found", f"a signal was found: {figure}"
    return {"answer": answer, "text": text, "metric": metric, "value": value, "lower": low, "upper": high}
