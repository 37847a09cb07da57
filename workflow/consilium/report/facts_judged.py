"""Facts of the cohort page on one task's models: how they did, what was checked, what that means in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consilium.report import facts_explanations
from consilium.report.facts_models import MAIN_METRIC, gates, unassessed
from consilium.report.tables import Cohort, Task, records
from consilium.report.words import capital, metric, named

Facts = dict[str, Any]
# Names that learn gives its checks in gates.json.
FUSION_GATE = "fusion beats every single modality"
CONTROL_GATE = "permuted outcomes give chance"
# Further sections of a task: template cohort/<name>.html, which reads t.<name>, and what makes these facts.
SECTIONS: dict[str, Callable[[Cohort, Task], Any]] = {
    "explanations": facts_explanations.of_cohort, "strata": facts_explanations.strata,
}  # fmt: skip
# What a check is there for, in plain words; a check that is not listed speaks for itself.
CHECKS = {
    "groups on one side": "Relatives and copies of one patient must not be learned from and judged on at once.",
    "fitted on training patients only": "Nothing may be fitted on the patients it is judged on.",
    "copies of patients": "A copy under another name would be learned from and judged on at once.",
    "nothing dated after the index date": "What was recorded afterwards cannot predict.",
    "no feature gives the outcome away": "A single value that tells the outcome was often recorded after it.",
    "no identifier among the features": "A number or a name of the patient is no finding.",
    "no gap gives the outcome away": "What was not measured should not tell the outcome by itself.",
    "no site gives the outcome away": "A site with one outcome alone teaches the site.",
    "missingness is not informative": "Which data a patient has should not tell the outcome.",
    "site does not predict the outcome": "Where a patient was seen should not tell the outcome.",
    CONTROL_GATE: "On shuffled outcomes the same path must find nothing.",
    "a planted signal is found": "An effect put there on purpose must be found by the same path.",
    "sites not seen in training": "A model should carry over to a site that it was not trained on.",
    FUSION_GATE: "All data together should do better than any single kind.",
    "better than age and sex": "A model should know more than age and sex do.",
    "90 % sets cover the outcome": "Nine of ten outcomes should lie in their sets, in every group.",
    "calibration": "A probability should mean what it says.",
}


def _signal(cohort: Cohort, task: Task) -> Facts:
    """In mode apply what the training run found."""
    key = "signal_at_training" if cohort.mode == "apply" else "signal"
    found: Facts = cohort.facts.get(f"{task.name}/gates", {}).get(key, {})
    return found


def signal_verdict(signal: Facts, why: str) -> Facts:
    """Is there anything in the data that tells the outcome? signal: what gates.json says of it."""
    if why or not signal:
        return {"level": "none", "text": f"Not assessed whether there is a signal: {why or 'it was not asked'}."}
    said = capital(named(signal["text"])).rstrip(".")
    if signal["answer"] == "found":
        return {"level": "info", "text": f"{said}."}
    advice = "Do not use the predictions" if signal["answer"] == "none" else "Use the predictions with great care"
    return {"level": "caution", "text": f"{said}. {advice}."}


def judged(cohort: Cohort, task: Task) -> Facts:
    name = MAIN_METRIC[task.type]
    board = cohort.table(f"{task.name}/leaderboard")
    rows = records(board[board["metric"] == name])
    others = board[(board["role"] == "shipped") & (board["metric"] != name)]
    predictions = cohort.table(f"{task.name}/predictions")
    checks = gates(cohort, task)
    why = unassessed(cohort, task)
    against = {(r["model"], r["modalities"]): r for r in records(cohort.table(f"{task.name}/differences"))}
    for row in rows:
        row["against"] = against.get((row["model"], row["modalities"])) or against.get((row["model"], ""))
    return {
        "name": task.name,
        "type": task.type,
        "metric": metric(name),
        "rows": rows,
        "more": records(others),
        **_verdicts(checks, rows, name, why),
        "signal": signal_verdict(_signal(cohort, task), why),
        "coverage": records(cohort.table(f"{task.name}/set_coverage")),
        "sections": list(SECTIONS),
        **{name: facts_of(cohort, task) for name, facts_of in SECTIONS.items()},
        "gates": [c | {"for": CHECKS.get(c["gate"], "")} for c in checks],
        "abstained": int(predictions["abstained"].fillna(False).sum()),
        "predicted": len(predictions),
    }


def _verdicts(checks: list[Facts], rows: list[Facts], name: str, why: str) -> Facts:
    if why:
        nothing = {"level": "caution", "text": f"No model is shipped: {why}."}
        return {"fusion": nothing, "control": {"level": "none", "text": "Nothing was fitted, so nothing is judged."}}
    return {
        "fusion": _of_gate(checks, FUSION_GATE) or fusion_verdict(rows, name),
        "control": _of_gate(checks, CONTROL_GATE) or control_verdict(rows, name),
    }


def _of_gate(checks: list[Facts], name: str) -> Facts | None:
    """What the models' own check says, which rests on paired differences; None when it was not made."""
    check = next((c for c in checks if c["gate"] == name and c["verdict"] != "not assessed"), None)
    if check is None:
        return None
    unproven = check["figures"].get("proven") is False
    level = {"pass": "caution" if unproven else "info", "warn": "caution", "fail": "alert"}[check["verdict"]]
    asked = "Does fusion beat every single modality?" if name == FUSION_GATE else f"{capital(name)}:"
    said = capital(named(check["detail"]))
    return {"level": level, "text": f"{asked} {said.rstrip('.')}."}


def fusion_verdict(rows: list[Facts], name: str) -> Facts:
    """Does the shipped model beat every single modality's baseline? Said plainly, with both intervals.

    Clear only where the shipped interval lies beyond the other's value: the intervals share patients, so this is a
    rule of thumb on the safe side, not a test.
    """
    shipped = next((r for r in rows if r["role"] == "shipped" and r["value"] is not None), None)
    singles = [r for r in rows if r["role"] in ("baseline", "candidate") and r["value"] is not None and _single(r)]
    if shipped is None or not singles:
        return {
            "level": "none",
            "text": "Not assessed whether the shipped model beats the single modalities: no leaderboard.",
        }
    sign = 1 if shipped["better"] == "higher" else -1
    best = max(singles, key=lambda r: (sign * r["value"], r["model"]))
    rival = f"{best['model']} on {best['modalities']}"
    said = f"{metric(name)} {_with_interval(shipped)} against {_with_interval(best)} of {rival}"
    if _single(shipped):
        text = f"The shipped model uses {shipped['modalities']} alone: fusion did not earn its place ({said})."
        return {"level": "caution", "text": text}
    if sign * (shipped["value"] - best["value"]) <= 0:
        return {"level": "caution", "text": f"The shipped model does not beat the best single modality: {said}."}
    edge = shipped["lower"] if sign > 0 else shipped["upper"]
    if edge is not None and sign * (edge - best["value"]) > 0:
        return {"level": "info", "text": f"The shipped model beats every single modality: {said}."}
    text = f"The shipped model is ahead of every single modality, but its interval does not exclude a tie: {said}."
    return {"level": "caution", "text": text}


def _single(row: Facts) -> bool:
    blocks = [m for m in str(row["modalities"] or "").split(", ") if "/" in m]
    return len(blocks) == 1


def _with_interval(row: Facts) -> str:
    ends = "" if row["lower"] is None else f" ({row['lower']:.2f} to {row['upper']:.2f})"
    return f"{row['value']:.2f}{ends}"


def control_verdict(rows: list[Facts], name: str) -> Facts:
    """Does the interval of the run on permuted outcomes cover chance?"""
    controls = [r for r in rows if r["role"] == "control" and r["lower"] is not None]
    if not controls or name not in ("auc", "c_index"):
        return {"level": "none", "text": "Permutation control: not assessed, it was not run."}
    bad = [r for r in controls if not r["lower"] <= 0.5 <= r["upper"]]
    said = "; ".join(f"{r['model']} {_with_interval(r)}" for r in controls)
    if bad:
        return {
            "level": "alert",
            "text": f"On permuted outcomes the interval does not cover chance: something leaks ({said}).",
        }
    return {"level": "info", "text": f"On permuted outcomes the interval covers chance, as it must: {said}."}
