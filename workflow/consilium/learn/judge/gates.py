"""Every guard of a task with its verdict, its figures and what they mean: what gates.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.learn.guards.record import Gate, gate
from consilium.learn.judge import metrics
from consilium.learn.judge.evaluate import Judged, difference, mean_interval, role, split

Array = np.ndarray
INFORMATIVE = 0.6  # AUC of presence bits alone


def alone(j: Judged, name: str, title: str, meaning: str) -> Gate:
    """Does something that should know nothing (presence of blocks, site) predict the outcome?"""
    metric = metrics.MAIN[j.target.kind]
    if name not in j.models or metric == "mae":
        return gate(
            title, "not assessed", "it does not vary in this cohort" if metric != "mae" else "the outcome is a number"
        )
    value, replicates = j.value(name, metric)
    low, high = j.interval(replicates, metric)
    said = f"{metric} {value:.3f} ({low:.3f} to {high:.3f})"
    verdict = "warn" if value > INFORMATIVE else "pass"
    return gate(title, verdict, f"{said}: {meaning}" if verdict == "warn" else said, value=value, lower=low, upper=high)


def control_facts(runs: Sequence[Judged]) -> dict[str, Any]:
    """permuted.json: figures on shuffled outcomes, means over the drawn permutations (as are the interval's ends).

    The verdict rests on pairs of the same fold: pooled figures of nothing lie a little below chance.
    """
    if not runs:
        return {"status": "not assessed", "reason": "the control was not run", "verdict": "not assessed"}
    kind = runs[0].target.kind
    main = "r2" if kind == "regression" else f"{metrics.MAIN[kind]}_within_folds"
    chance = 0.0 if kind == "regression" else 0.5
    value, low, high = mean_interval(runs, "shipped", main)
    if not np.isfinite(low):
        why = "no fold has patients of different outcome to compare"
        return {"status": "not assessed", "reason": why, "verdict": "not assessed"}
    below = "pass" if kind == "regression" else "warn"  # r2 of nothing is negative
    verdict = "fail" if low > chance else (below if high < chance else "pass")
    out: dict[str, Any] = {"status": "assessed", "metric": main, "permutations": len(runs), "n": len(runs[0].patients)}
    out |= {"value": value, "lower": low, "upper": high, "verdict": verdict, "covers_chance": low <= chance <= high}
    if kind != "regression":
        a, b, c = mean_interval(runs, "shipped", metrics.MAIN[kind])
        out[metrics.MAIN[kind]] = {"value": a, "lower": b, "upper": c}
    return out


def control(facts: dict[str, Any]) -> Gate:
    title = "permuted outcomes give chance"
    if facts["status"] != "assessed":
        return gate(title, "not assessed", facts["reason"])
    said = f"{facts['metric']} {facts['value']:.3f} ({facts['lower']:.3f} to {facts['upper']:.3f}), "
    said += f"mean of {facts['permutations']} runs on shuffled outcomes"
    return gate(title, facts["verdict"], said, **{k: facts[k] for k in ("value", "lower", "upper")})


def fusion_against_singles(j: Judged) -> Gate:
    """Shipped model against every single block's models on the same patients, paired bootstrap over groups."""
    singles = [n for n in j.models if role(n) == "baseline" and split(n)[1] and split(n)[1] != "all blocks"]
    rows = [difference(j, "shipped", n) for n in singles]
    if not rows:
        return gate("fusion beats every single modality", "not assessed", "no single block could be judged")
    worst = min(rows, key=lambda r: r["difference"])
    beaten = worst["difference"] > 0
    proven = all(r["lower"] > 0 for r in rows)
    said = (
        f"{'yes' if beaten else 'no'}: {worst['metric']} {worst['value']:.3f} against {worst['other']:.3f} of the "
        f"strongest rival, {worst['against']} on {worst['modality']}, n = {worst['n']}; difference "
        f"{worst['difference']:+.3f} ({worst['lower']:+.3f} to {worst['upper']:+.3f})"
        + ("" if proven or not beaten else "; not proven: it includes 0")
    )
    return gate("fusion beats every single modality", "pass" if beaten else "warn", said, beaten=beaten, proven=proven,
                differences=rows)  # fmt: skip


def against(j: Judged, other: str, title: str) -> Gate:
    if other not in j.models:
        return gate(title, "not assessed", "that baseline could not be fitted")
    d = difference(j, "shipped", other)
    said = (
        f"{d['metric']} {d['value']:.3f} against {d['other']:.3f}, difference {d['difference']:+.3f} "
        f"({d['lower']:+.3f} to {d['upper']:+.3f})"
    )
    verdict = "pass" if d["lower"] > 0 else "warn"
    return gate(title, verdict, said if verdict == "pass" else f"{said}: not proven", **d)


def coverage(rows: Sequence[dict[str, Any]], kind: str) -> Gate:
    """Rows of table `coverage`: everybody's share against 90 %, and groups that are covered less, beyond chance."""
    title = "90 % sets cover the outcome"
    if not rows:
        return gate(title, "not assessed", "no set could be given")
    everybody = rows[0]
    share, n, width = everybody["coverage"], everybody["n"], everybody["width"]
    slack = 1.96 * float(np.sqrt(0.9 * 0.1 / n))
    size = {"classification": "mean number of classes", "regression": "mean length", "survival": "mean bound"}[kind]
    said = f"{share:.3f} of {n} held-out patients, {size} {width:.3g}"
    low = [f"{r['group']} {r['level']} {r['coverage']:.3f} (n = {r['n']})" for r in rows[1:] if r["upper"] < 0.9]
    if low:
        said += f"; covered less than others, beyond chance: {', '.join(low)}"
    verdict = "pass" if share >= 0.9 - slack and not low else "warn"
    return gate(title, verdict, said, coverage=share, n=n, mean_size=width, low=low)


def calibration(j: Judged) -> Gate:
    """Slope of the shipped linear predictor on held-out patients (1 = calibrated), and ECE for classes."""
    title = "calibration"
    if j.target.kind == "regression":
        return gate(title, "not assessed", "intervals are judged by their coverage")
    figures: dict[str, Any] = {}
    said = []
    names = {"calibration_slope": ("slope", "1 = calibrated"), "calibration_intercept": ("intercept", "0 = calibrated"),
             "ece": ("expected calibration error", "")}  # fmt: skip
    for metric in names if j.target.kind == "classification" else ("calibration_slope",):
        if metric == "calibration_intercept" and j.target.width > 2:
            continue
        value, replicates = j.value("shipped", metric)
        low, high = j.interval(replicates, metric)
        short, meaning = names[metric]
        figures |= {metric.removeprefix("calibration_"): value, f"{metric}_interval": [low, high]}
        said.append(f"{short} {value:.2f} ({low:.2f} to {high:.2f}{'; ' + meaning if meaning else ''})")
    if not np.isfinite(figures["slope"]):
        return gate(title, "warn", "the slope cannot be fitted: predictions separate the outcomes, or do not vary")
    verdict = "pass" if 0.5 <= figures["slope"] <= 2 and figures.get("ece", 0) <= 0.15 else "warn"
    return gate(title, verdict, ", ".join(said), **figures)
