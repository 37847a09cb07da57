"""Facts of the explanations that passed their tests, why the others were withheld, and of the patients' strata."""

from __future__ import annotations

from typing import Any

from consilium.report.tables import Cohort, Task
from consilium.report.words import named

Facts = dict[str, Any]
NONE = "no explanations were made for this task"


def explanations(cohort: Cohort, patient: str, task: Task) -> Facts:
    """What most moved one patient's prediction, a list a modality used; why: why there is nothing at all."""
    content = cohort.facts.get(f"{task.name}/explanation_gates")
    if content is None:
        applied = "this run applies a model of another cohort, which explanations were not made for"
        return {"why": applied if cohort.mode == "apply" else NONE, "modalities": [], "withheld": []}
    if content["reason"]:
        return {"why": f"explanations withheld: {named(content['reason'])}", "modalities": [], "withheld": []}
    rows = cohort.rows(f"{task.name}/explanations", patient)
    used = {r["modality"] for r in cohort.rows(f"{task.name}/contributions", patient)}
    shown = [
        {"modality": modality, "explainer": explainer,
         "rows": sorted((r for r in rows if (r["modality"], r["explainer"]) == (modality, explainer)),
                        key=lambda r: r["rank"])}
        for modality, explainer in dict.fromkeys((r["modality"], r["explainer"]) for r in rows if r["modality"] in used)
    ]  # fmt: skip
    withheld = [
        {"modality": b["modality"], "explainer": b["explainer"], "reason": b["reason"]}
        for b in content["blocks"] if b["status"] == "withheld" and b["modality"] in used
    ]  # fmt: skip
    return {"why": "" if shown or withheld else "no feature moved this prediction", "modalities": shown,
            "withheld": withheld}  # fmt: skip


def of_cohort(cohort: Cohort, task: Task) -> Facts:
    """Gates of every modality and explainer, and the features whose shuffling cost most; why: as above."""
    content = cohort.facts.get(f"{task.name}/explanation_gates")
    if content is None:
        return {"why": NONE, "blocks": [], "importance": []}
    keep = [i for i in content["importance"] if i["lower"] is not None and i["lower"] > 0]
    return {"why": content["reason"], "blocks": content["blocks"], "importance": keep,
            "looked_at": len(content["importance"])}  # fmt: skip


def strata(cohort: Cohort, task: Task) -> Facts:
    """Stable groups of patients with how they differ; why: that there are none, or that none were looked for."""
    content = cohort.facts.get(f"{task.name}/strata")
    if content is None:
        return {"why": "not looked for", "strata": [], "differences": [], "n_tests": 0}
    return {"why": content["reason"], "strata": content["strata"], "differences": content["differences"],
            "n_tests": content["n_tests"]}  # fmt: skip
