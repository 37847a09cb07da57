"""The section of the cohort page on new patients that differ from the training patients."""

from pathlib import Path

import pandas as pd
from consilium.core.register import TABLES
from consilium.core.sheets import Sheets
from consilium.core.store import write_facts
from consilium.report.facts_drift import drift, message, recalibration
from consilium.report.page import environment
from consilium.report.tables import Cohort, Task

ALARM = {"severity": "alert", "what": "feature changed", "feature": "ehr/series: crp last",
         "detail": "higher: PSI 0.61", "action": "check unit"}  # fmt: skip
FOUND = {
    "status": "assessed", "reason": "", "n": 99, "n_training": 1367, "verdict": "alert", "alarms": [ALARM],
    "domain": [],
    "counts": {"large": 2, "moderate": 1, "none": 4, "lacking": 1, "not assessed": 3}, "far": 5,
    "performance": {"status": "not assessed", "reason": "no outcome classes"},
}  # fmt: skip
GATE = {"gate": "calibration", "verdict": "warn", "detail": "slope 0.41", "passed": True, "figures": {}}


def a_cohort(root: Path, found: dict, mode: str = "apply") -> Cohort:
    rows = [("crp last", "large", 0.2), ("age", "none", 0.5), ("k min", "lacking", 0.01), ("na max", "large", 0.3)]
    table = pd.DataFrame(
        [
            {"block": "ehr/series", "kind": "feature", "feature": f, "verdict": v, "weight": w, "n": 50}
            for f, v, w in rows
        ]
    )
    for column in TABLES["drift"].columns:
        if column.name not in table:
            table[column.name] = float("nan")
    facts = {"died/drift": found, "died/gates": {"gates": [], "at_training": [GATE]}}
    return Cohort("c", mode, root, root, ("ehr",), (Task("died", "classification"),), Sheets([], []),
                  {"died/drift": TABLES["drift"].check(table)}, facts)  # fmt: skip


def render(cohort: Cohort) -> str:
    facts = {"drift": drift(cohort), "recalibration": recalibration(cohort)}
    return environment().get_template("cohort/drift.html").render(facts=facts)


def test_alarms_columns_and_checks_at_training_are_printed(tmp_path):
    cohort = a_cohort(tmp_path, FOUND)
    (task,) = drift(cohort)
    assert [c["feature"] for c in task["columns"]] == ["k min", "na max", "crp last"]
    assert message(task)["level"] == "alert"
    page = render(cohort)
    for said in ("99 new patients against 1367", "ehr/series: crp last", "check unit", "slope 0.41",
                 "5 patients lie far", "no outcome classes"):  # fmt: skip
        assert said in page, said


def test_what_was_not_assessed_is_said(tmp_path):
    assert "nothing is applied" in render(a_cohort(tmp_path, FOUND, mode="train"))
    bundle_without = a_cohort(
        tmp_path, {"status": "not assessed", "reason": "the bundle holds no reference statistics"}
    )
    assert "not assessed: the bundle holds no reference" in render(bundle_without)
    assert message(drift(bundle_without)[0])["level"] == "caution"
    bare = a_cohort(tmp_path, FOUND)
    del bare.facts["died/drift"]
    assert "no drift.json was written" in render(bare)


def test_few_patients_are_not_compared_but_what_is_seen_of_them_is_said(tmp_path):
    few = FOUND | {"status": "not assessed", "reason": "8 patients, fewer than 20", "n": 8}
    (task,) = drift(a_cohort(tmp_path, few))
    assert message(task)["level"] == "alert" and "not compared: 8 patients, fewer than 20" in message(task)["text"]
    page = render(a_cohort(tmp_path, few))
    assert "Columns were not compared: 8 patients" in page and "check unit" in page and "changed much" not in page
    quiet = few | {"alarms": [], "verdict": "info"}
    (task,) = drift(a_cohort(tmp_path, quiet))
    assert message(task)["text"].startswith("Not assessed") and message(task)["level"] == "caution"
    assert "No alarm" not in render(a_cohort(tmp_path, quiet))


def test_recalibration_is_told_with_both_figures(tmp_path):
    side = {"mean_predicted": [0.9, 0.1], "observed": [0.8, 0.2], "coverage": 0.85}
    facts = {"status": "recalibrated", "reason": "", "n": 50, "fitted": ["intercept"], "folds": 5, "before": side,
             "after": side | {"mean_predicted": [0.79, 0.21], "coverage": None}}  # fmt: skip
    refused = {"status": "refused", "reason": "12 patients with a known outcome, fewer than 50", "n": 12}
    write_facts(tmp_path / "learn" / "recalibration.json", {"tasks": {"died": facts, "other": refused}})
    page = render(a_cohort(tmp_path, FOUND))
    assert "Intercept and conformal thresholds from 50 patients" in page and "0.79, 0.21" in page and "85 %" in page
    assert "fewer than 50" in page
