"""Facts of the cohort page in mode apply: how the new patients differ from those the bundle was trained on."""

from __future__ import annotations

from typing import Any

from consilium.core.store import read_facts
from consilium.report.tables import Cohort, Task, records

Facts = dict[str, Any]
LISTED = 12  # columns on the page; drift.tsv has all
ORDER = ("lacking", "large", "moderate")


def drift(cohort: Cohort) -> list[Facts]:
    """One entry a task; none in mode train, where nothing is applied. why: columns were not compared; what is seen
    without (blocks that nobody has, patients who lie far) stands in `alarms` all the same."""
    return [_task(cohort, task) for task in cohort.tasks] if cohort.mode == "apply" else []


def _task(cohort: Cohort, task: Task) -> Facts:
    found = cohort.facts.get(f"{task.name}/drift", {"status": "not assessed", "reason": "no drift.json was written"})
    at_training = cohort.facts.get(f"{task.name}/gates", {}).get("at_training", [])
    base: Facts = {"name": task.name, "why": "" if found["status"] == "assessed" else found["reason"],
                   "at_training": [{k: g[k] for k in ("gate", "verdict", "detail")} for g in at_training]}  # fmt: skip
    if "alarms" not in found:
        return base
    return base | {k: found[k] for k in ("n", "n_training", "verdict", "alarms", "domain", "counts", "far")} | {
        "performance": found["performance"], "columns": _columns(cohort, task),
    }  # fmt: skip


def message(task: Facts) -> Facts:
    """What the head of the page says of one entry of `drift`."""
    topic, basis = f"{task['name'].replace('_', ' ')}, drift", "drift.tsv and the section below"
    if task["why"] and not task.get("alarms"):
        text = f"Not assessed whether these patients resemble the training patients: {task['why']}."
        return {"level": "caution", "topic": topic, "text": text, "basis": basis}
    said = {
        "alert": "These patients differ from the training patients: compare predictions with outcomes before use.",
        "caution": "These patients differ from the training patients in part.",
        "info": "No difference from the training patients was found.",
    }[task["verdict"]]
    said += f" Their columns were not compared: {task['why']}." if task["why"] else ""
    return {"level": task["verdict"], "topic": topic, "text": said, "basis": basis}


def _columns(cohort: Cohort, task: Task) -> list[Facts]:
    """The columns that changed, the gravest first, then by their weight in the model."""
    rows = records(cohort.table(f"{task.name}/drift"))
    changed = [r for r in rows if r["verdict"] in ORDER]
    changed.sort(key=lambda r: (ORDER.index(r["verdict"]), -(r["weight"] or 0.0), r["feature"]))
    return changed[:LISTED]


def recalibration(cohort: Cohort) -> list[Facts]:
    """What `learn.recalibrate` did to each task; none where it was not asked for."""
    path = cohort.root / "learn" / "recalibration.json"
    if cohort.mode != "apply" or not path.exists():
        return []
    return [{"name": name, **facts} for name, facts in sorted(read_facts(path)["tasks"].items())]
