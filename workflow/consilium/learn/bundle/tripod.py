"""The reporting sheet after TRIPOD+AI (doi:10.1136/bmj-2023-078378) and the sheet of intended use, filled from the run.

The items are told in our own words; what a run cannot know is left "to be filled by the user".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consilium.learn.bundle.card import row_of

Facts = dict[str, Any]
USER = "**to be filled by the user:** "
# Item of the statement, what it asks for, the answer: {names} are filled from the run, {user} is not known to a run.
ITEMS = (
    ("1", "title: development or evaluation, population, outcome", "{user}title of the report"),
    ("2", "abstract", "{user}abstract, after TRIPOD+AI for abstracts"),
    ("3a", "clinical background and why the model is needed", "{user}context and existing models"),
    ("3b", "target population, purpose in the care pathway, users", "{user}see intended_use.md"),
    ("3c", "known inequalities between groups of people", "{user}inequalities in this care"),
    ("4", "aims", "development with internal evaluation by nested cross-validation"),
    ("5a", "sources of data, how representative", "cohort `{cohort}`; {user}source and representativeness"),
    ("5b", "dates of data and follow-up", "{user}first and last inclusion, end of follow-up"),
    ("6a", "setting and number of centres", "{user}setting and centres"),
    ("6b", "who was eligible", "{user}eligibility"),
    ("6c", "treatments given", "{user}treatments and how they were handled"),
    ("7", "data preparation and quality checks", "units harmonised, refused files listed; the same for all patients"),
    ("8a", "outcome, its time horizon, how assessed", "{outcome}; {user}definition and assessment"),
    ("8b, 8c", "who assessed it, blinded to predictors?", "{user}assessors and blinding"),
    ("9a", "choice of first predictors", "all {features} given; none chosen by outcome outside training folds"),
    ("9b", "definition and timing of predictors", "{blocks}; names, units, ranges: manifest.json"),
    ("9c", "who assessed subjective predictors", "{user}assessors, where there are any"),
    ("10", "sample size and how it was arrived at", "{n} patients; {user}justification"),
    ("11", "missing data", "{missing}"),
    ("12a", "how data were divided", "outer folds of whole groups (family, kinship, duplicates); held out once each"),
    ("12b", "handling of predictors", "median, indicator, arcsinh, z-score clipped at 5 SD; volumes: components"),
    ("12c", "type of model, building, internal validation", "{building}; shipped: `{choice}` ({why})"),
    ("12d", "differences between clusters", "{site}"),
    ("12e", "measures of performance", "{measures}"),
    ("12f", "updating of the model", "{updating}"),
    ("12g", "how predictions are computed in evaluation", "`mode: apply`; the self-test repeats them to 1e-6"),
    ("13", "class imbalance", "no resampling; probabilities keep the training prevalence"),
    ("14", "fairness", "{user}which groups matter, and why these measures"),
    ("15", "output of the model", "{output}"),
    ("16", "differences of training and evaluation data", "none inside one cohort; drift.tsv in mode apply"),
    ("17", "ethical approval", "{user}committee, consent or waiver"),
    ("18a, 18b", "funding, conflicts of interest", "{user}both"),
    ("18c, 18d", "protocol, registration", "{user}where to find them, or that there is none"),
    ("18e", "data availability", "this bundle holds no patient; {user}where the data are"),
    ("18f", "code availability", "consilium {version}, code {code}, seed {seed}"),
    ("19", "involvement of patients and public", "{user}involvement, or none"),
    ("20a", "flow of participants", "{n} judged; run_summary.tsv and quarantine.tsv of the training run"),
    ("20b, 20c", "characteristics of participants", "ranges of features: manifest.json; {user}table of people"),
    ("21", "participants and events in each analysis", "{n} in every outer analysis; leaderboard.tsv"),
    ("22", "full specification of the model", "baselines.json, calibration.json, weights: this folder"),
    ("23a", "performance with intervals, in subgroups", "below; calibration {calibration}; {user}subgroups"),
    ("23b", "performance between clusters", "{site}"),
    ("24", "results of updating", "{updating}"),
    ("25", "interpretation, fairness included", "{user}interpretation"),
    ("26", "limitations", "cross-validation inside one cohort; model_card.md, Limits; {user}further ones"),
    ("27a", "poor or lacking input at use", "{missing}; each prediction's reason says what is lacking or far"),
    ("27b", "interaction and expertise needed", "{user}who reads the prediction, and how"),
    ("27c", "next steps", "{user}external evaluation before any use"),
)  # fmt: skip
MISSING = (
    "a patient without a block keeps a mask, nothing is imputed across blocks; gaps inside a table take the training "
    "median and an indicator column"
)
MEASURES = (
    "discrimination (AUC, C-index), Brier score, log loss, calibration slope and error, coverage of the 90 % sets; "
    "95 % intervals by bootstrap over whole groups"
)
UPDATING = "none at training; what recalibration did stands at the end of this sheet, if there was any"
BUILDING = (
    "linear models and boosted trees per block, networks where they are on; shares, stack, choice and calibration "
    "inside the training patients (nested cross-validation by groups); see docs/methods/learn.md"
)


def sheet(manifest: Facts, tasks: Sequence[Facts]) -> str:
    """Markdown: one table a task."""
    lines = [
        "# Reporting sheet after TRIPOD+AI", "",
        "Items of the statement (doi:10.1136/bmj-2023-078378), told shortly; the checklist itself is the authority.",
    ]  # fmt: skip
    for task in tasks:
        lines += ["", f"## Task `{task['name']}` ({task['kind']})", ""]
        if task["status"] != "assessed":
            lines += [f"Not assessed: {task['reason']}."]
            continue
        known = _known(manifest, task)
        lines += ["| item | asks for | answer |", "|---|---|---|"]
        lines += [f"| {item} | {asks} | {answer.format(**known)} |" for item, asks, answer in ITEMS]
        lines += ["", "Performance (item 23):", "", "| model | role | metric | value (95 % interval) | n |"]
        lines += ["|---|---|---|---|---|", *(row_of(r) for r in task["leaderboard"] if r["role"] == "shipped")]
    return "\n".join([*lines, ""])


def _known(manifest: Facts, task: Facts) -> dict[str, Any]:
    """What the run knows, by the names in ITEMS."""
    outcome = task["outcome"] or f"{task['time']} and {task['event']}"
    gates = {g["gate"]: f"{g['verdict']}: {g['detail']}" for g in task["gates"]}
    of = {b: about for b, about in manifest["modalities"].items() if b in task["blocks"]}
    return {
        "user": USER, "cohort": manifest["cohort"], "n": task["n"], "choice": task["choice"], "why": task["why"],
        "outcome": f"`{outcome}`" + (f", classes {', '.join(task['classes'])}" if task["classes"] else ""),
        "features": sum(len(about["features"]) for about in of.values()),
        "blocks": ", ".join(f"`{b}`{' (required)' if about['required'] else ''}" for b, about in of.items()),
        "missing": MISSING, "measures": MEASURES, "updating": UPDATING, "building": BUILDING,
        "site": gates.get("site does not predict the outcome", "not assessed"),
        "calibration": gates.get("calibration", "not assessed"), "output": _output(task["kind"]),
        "version": manifest["versions"].get("consilium", ""), "code": manifest["code"][:12], "seed": manifest["seed"],
    }  # fmt: skip


def _output(kind: str) -> str:
    return {
        "classification": "calibrated probability of each class and a 90 % set; a set of all classes is an abstention",
        "survival": "log relative hazard and survival probabilities at fixed times",
        "regression": "value with a 90 % interval",
    }[kind]


def intended_use(manifest: Facts, tasks: Sequence[Facts]) -> str:
    """Markdown: what the bundle is for, what it is not for, and under which licence."""
    required = [b for b, m in manifest["modalities"].items() if m["required"]]
    optional = [b for b, m in manifest["modalities"].items() if not m["required"]]
    names = ", ".join(f"`{t['name']}`" for t in tasks)
    return "\n".join([
        "# Intended use and licence of use", "",
        "**Research use only. Not a medical device; no clinical decision may rest on it.**", "",
        f"- Made for: predicting {names} in research cohorts of patients like those of cohort `{manifest['cohort']}`.",
        "- Not for: diagnosis or treatment of a person; cohorts for which drift.json raises an alert, before outcomes "
        "were compared; patients whose prediction carries a caution.",
        f"- Required blocks (the model was never judged without them): {', '.join(required) or 'none'}.",
        f"- Optional blocks (masked where absent): {', '.join(optional) or 'none'}.",
        f"- Population, setting and users: {USER}who the model is meant for.",
        f"- Licence of use of this bundle: {USER}the data's terms decide it. The software is under the MIT licence, "
        "which says nothing about weights fitted on your data.",
        f"- Contact: {USER}who answers for this bundle.", "",
    ])  # fmt: skip
