"""Facts of one patient from the learn and treatment rooms: predictions, reasons for them, options."""

from __future__ import annotations

import math
from typing import Any

from consilium.report.facts_explanations import explanations
from consilium.report.tables import Cohort, Task, records

Facts = dict[str, Any]
MAIN_METRIC = {"classification": "auc", "survival": "c_index", "regression": "mae"}


def predictions(cohort: Cohort, patient: str, *types: str) -> Facts:
    """One entry a task of the given types; each a prediction, an abstention with its reason, or why there is none."""
    wanted = [t for t in cohort.tasks if t.type in types]
    why = "" if wanted else "no task of this type in the configuration"
    return {"why": why, "tasks": [_task(cohort, patient, task) for task in wanted]}


def _task(cohort: Cohort, patient: str, task: Task) -> Facts:
    rows = cohort.rows(f"{task.name}/predictions", patient)
    base: Facts = {"name": task.name, "type": task.type, "outcome": task.outcome or task.time,
                   "performance": performance(cohort, task)}  # fmt: skip
    if not rows:
        return base | {"why": "no prediction was made for this patient"}
    row = rows[0]
    probabilities = [
        {"name": k[2:], "p": v} for k, v in row.items() if k.startswith("p_") and v is not None
    ]  # fmt: skip
    if task.type == "survival":
        probabilities.sort(key=lambda p: _as_number(p["name"]))
    kept = ("fold", "observed", "predicted", "risk", "value", "lower", "upper", "abstained", "reason")
    # Classes may hold " or " only between them: the contract joins sets so.
    return base | {k: row[k] for k in kept} | {
        "why": "",
        "probabilities": probabilities,
        "set": [c for c in str(row["set"] or "").split(" or ") if c],
        "modalities": [m for m in str(row["modalities"] or "").split(", ") if m],
        "contributions": _contributions(cohort, patient, task),
        "explanations": explanations(cohort, patient, task),
        "place": _place(cohort, task, row),
    }  # fmt: skip


def _as_number(text: str) -> float:
    digits = "".join(c for c in text if c.isdigit() or c == ".")
    return float(digits) if digits.strip(".") else 0.0


def _contributions(cohort: Cohort, patient: str, task: Task) -> list[Facts]:
    rows = cohort.rows(f"{task.name}/contributions", patient)
    return [{k: r[k] for k in ("target", "modality", "contribution")} for r in rows]


def _place(cohort: Cohort, task: Task, row: Facts) -> Facts | None:
    """Where a risk score lies among the cohort's: share of patients of the same fold with a lower one."""
    if task.type != "survival" or row["risk"] is None:
        return None
    table = cohort.table(f"{task.name}/predictions")
    # Scores of different folds come from different models: only those of one fold compare.
    peers = table[(table["fold"] == row["fold"]) & table["risk"].notna()]["risk"].astype(float)
    return {"lower_share": float((peers < row["risk"]).mean()), "n": len(peers)} if len(peers) > 1 else None


def shipped(cohort: Cohort, task: Task) -> str:
    """Name of the model that is shipped: what the final fit chose; "" where nothing was fitted (mode apply)."""
    choices = cohort.facts.get(f"{task.name}/gates", {}).get("choices", [])
    final = next((c.get("choice", "") for c in choices if str(c.get("fold")) == "apply"), "")
    board = cohort.table(f"{task.name}/leaderboard")
    names = sorted(set(board[board["role"] == "shipped"]["model"]))
    return str(final or (names[0] if names else ""))


def unassessed(cohort: Cohort, task: Task) -> str:
    """Why nothing could be learned or predicted for the task at all; "" when something could."""
    content = cohort.facts.get(f"{task.name}/gates", {})
    return str(content.get("reason", "")) if content.get("status") == "not assessed" else ""


def performance(cohort: Cohort, task: Task) -> Facts:
    """The shipped model's main metric with its interval, from patients the models had not seen; in mode apply that of
    the training run, since nothing is judged here."""
    checks = cohort.facts.get(f"{task.name}/gates", {})
    applied = cohort.mode == "apply"
    board = checks.get("performance_at_training", []) if applied else records(cohort.table(f"{task.name}/leaderboard"))
    row = next((r for r in board if r["role"] == "shipped" and r["metric"] == MAIN_METRIC[task.type]), None)
    if row is None:
        other = "this run applies a model of another cohort" if applied else ""
        return {"why": unassessed(cohort, task) or other or "no shipped model"}
    signal = checks.get("signal_at_training" if applied else "signal", {})
    return {"why": "", "model": shipped(cohort, task), "metric": row["metric"], "better": row["better"],
            **{k: math.nan if row[k] is None else row[k] for k in ("value", "lower", "upper")}, "n": row["n"],
            "signal": signal.get("answer", ""), "applied": applied}  # fmt: skip


def gates(cohort: Cohort, task: Task) -> list[Facts]:
    """Checks of the model as {gate, verdict, detail, figures}; verdict: pass, warn, fail or not assessed."""
    content = cohort.facts.get(f"{task.name}/gates", {})
    return [_gate(g) for g in content.get("gates", [])]


def _gate(record: Facts) -> Facts:
    verdict = record.get("verdict") or {True: "pass", False: "fail", None: "not assessed"}[record.get("passed")]
    return {"gate": record["gate"], "verdict": verdict, "detail": record.get("detail", ""),
            "figures": record.get("figures", {})}  # fmt: skip


def treatment(cohort: Cohort, patient: str, drug_why: str) -> Facts:
    """Guideline rows, actions first, and the estimated effect of the option, with what may be said of it."""
    order = {"action": 0, "not assessed": 1, "standard": 2, "no guideline": 3}
    rules = sorted(cohort.rows("guidelines", patient), key=lambda r: (order.get(r["status"], 4), r["drug"]))
    effects = cohort.rows("effects", patient)
    return {
        "guidelines": rules,
        "guidelines_why": "" if rules else drug_why or "no guideline was looked up for this patient",
        "effects": effects,
        "effects_why": "" if effects else "no comparison of treatments in the configuration, or no data for it",
    }
