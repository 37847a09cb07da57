"""Every guard of a task with its verdict, its figures and what they mean: what gates.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import fit_calibration
from consilium.learn.guards.record import Gate, gate
from consilium.learn.judge import metrics
from consilium.learn.judge.evaluate import Judged, difference, mean_interval, split
from consilium.learn.models.heads import prior

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
    low, high = metrics.interval(replicates)
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
    singles = [n for n in j.models if split(n)[1] and split(n)[1] != "all blocks"]
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


def coverage(results: Sequence[dict[str, Any]], target: Target) -> Gate:
    """Share of held-out patients whose outcome lies in the 90 % set or interval."""
    title = "90 % sets cover the outcome"
    if target.kind == "survival":
        return gate(title, "not assessed", "no set is given for survival")
    hits: list[bool] = []
    sizes: list[float] = []
    for r in results:
        for y, record in zip(r["y"], r["shipped"], strict=True):
            if target.kind == "classification" and "set" in record:
                members = record["set"].split(" or ")
                hits.append(target.classes[int(y)] in members)
                sizes.append(float(len(members)))
            elif target.kind == "regression" and "lower" in record and record["lower"] is not None:
                hits.append(record["lower"] <= y <= record["upper"])
                sizes.append(record["upper"] - record["lower"])
    if not hits:
        return gate(title, "not assessed", "no set could be given")
    share, n = float(np.mean(hits)), len(hits)
    slack = 1.96 * float(np.sqrt(0.9 * 0.1 / n))
    said = f"{share:.3f} of {n} held-out patients, mean size {np.mean(sizes):.2f}"
    verdict = "pass" if share >= 0.9 - slack else "warn"
    return gate(title, verdict, said, coverage=share, n=n, mean_size=float(np.mean(sizes)))


def calibration(j: Judged) -> Gate:
    """Slope of the shipped linear predictor on held-out patients (1 = calibrated), and ECE for classes."""
    title = "calibration"
    if j.target.kind == "regression":
        return gate(title, "not assessed", "intervals are judged by their coverage")
    scores = j.models["shipped"].scores
    at = prior(j.target)
    eta = np.log(np.maximum(scores, 1e-12)) - at.offset if j.target.kind == "classification" else scores
    slope = fit_calibration(eta, j.target, at).scale
    if j.target.kind == "survival":
        return gate(title, "pass" if 0.5 <= slope <= 2 else "warn", f"slope {slope:.2f} (1 = calibrated)", slope=slope)
    value, replicates = j.value("shipped", "ece")
    low, high = metrics.interval(replicates)
    said = f"slope {slope:.2f} (1 = calibrated), expected calibration error {value:.3f} ({low:.3f} to {high:.3f})"
    verdict = "pass" if 0.5 <= slope <= 2 and value <= 0.15 else "warn"
    return gate(title, verdict, said, slope=slope, ece=value, lower=low, upper=high)
