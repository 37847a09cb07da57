"""Mode apply: a bundle's predictions for another cohort, with what differs between the two cohorts. Fits nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.store import read_facts, write_facts
from consilium.learn.bundle import alarms, drift, estimate
from consilium.learn.bundle import apply as applying
from consilium.learn.cohort import data
from consilium.learn.fusion.model import Trained
from consilium.learn.judge import gates, results
from consilium.learn.judge.controls import NO_SIGNAL

Facts = dict[str, Any]


@dataclass(frozen=True)
class Applied:
    """Everything that is written: rows of the tables and facts."""

    rows: list[Facts]
    shares: list[Facts]
    gates: Facts
    drift_rows: list[Facts]
    drift: Facts


def apply_bundle(inputs: Path, folder: Path, task: str, outputs: dict[str, Path]) -> None:
    """See stages.apply."""
    manifest = applying.verified(folder)
    about = applying.task_of(manifest, folder, task)
    cohort = data.load(inputs)
    if about["status"] != "assessed":
        found = _nothing(task, cohort, f"the bundle holds no model of this task: {about['reason']}")
    else:
        found = _applied(folder, task, manifest, cohort, str(inputs))
    results.write_rows(outputs["predictions"], "predictions", found.rows, about["classes"])
    results.write_rows(outputs["contributions"], "contributions", found.shares, [])
    results.write_rows(outputs["leaderboard"], "leaderboard", [], [])
    results.write_rows(outputs["drift"], "drift", found.drift_rows, [])
    write_facts(outputs["gates"], found.gates)
    write_facts(outputs["alarms"], found.drift)


def _nothing(task: str, cohort: data.Cohort, why: str) -> Applied:
    about = {"name": task, "notes": [], "observed": [""] * len(cohort.patients), "duplicates": []}
    nothing = results.evaluate_nothing(about, cohort, why)
    return Applied(nothing["predictions"], [], nothing["gates"], [], {"status": "not assessed", "reason": why})


def _applied(folder: Path, task: str, manifest: Facts, cohort: data.Cohort, source: str) -> Applied:
    trained = applying.load(folder, task)
    dictionary = json.loads((folder / task / "dictionary.json").read_text(encoding="utf-8"))
    fitting, notes = applying.aligned(cohort, dictionary, source)
    records = trained.predictions(fitting)
    drift_rows, facts, cautions = examined(folder / task, trained, fitting, records)
    needed = lacking_required(dictionary, fitting)
    judged = read_facts(folder / task / "gates.json")
    useless = f"at training {NO_SIGNAL}" if judged.get("signal", {}).get("answer") == "none" else ""
    warned = ["" if r["abstained"] else useless for r in records]
    rows = [
        {"patient": p, "fold": "apply", "observed": "", **r}
        | {"reason": "; ".join(said for said in (r["reason"], unused, lacks, *caution) if said)}
        for p, r, unused, lacks, caution in zip(fitting.patients, records, warned, needed, cautions, strict=True)
    ]
    return Applied(rows, trained.contributions(fitting, int(manifest["seed"])),
                   _gates(task, folder, judged, notes, len(rows), facts), drift_rows, facts)  # fmt: skip


def lacking_required(dictionary: Facts, cohort: data.Cohort) -> list[str]:
    """Per patient: the blocks without which the model was never judged and which the patient lacks, or ""."""
    required = [b for b, about in dictionary.items() if about["required"]]
    out = []
    for i in range(len(cohort.patients)):
        have = {b.name for b in cohort.blocks if b.present[i]}
        without = [b for b in required if b not in have]
        out.append(f"the model was never judged on patients without {', '.join(without)}" if without else "")
    return out


def examined(
    folder: Path, trained: Trained, cohort: data.Cohort, records: Sequence[Facts]
) -> tuple[list[Facts], Facts, list[list[str]]]:
    """(rows of table `drift`, drift.json, cautions of each patient)."""
    path = folder / "reference.json"
    if not path.exists():
        why = "the bundle holds no reference statistics"
        return [], {"status": "not assessed", "reason": why}, [[] for _ in records]
    known = json.loads(path.read_text(encoding="utf-8"))
    rows, domain, far = drift.examine(known, trained, cohort)
    names = [f"p_{c}" for c in trained.classes]
    given = [[r[n] for n in names] for r in records if names and names[0] in r]
    guess = estimate.without_labels(np.array(given).reshape(len(given), len(names)), known["predictions"])
    n = len(cohort.patients)
    facts: Facts = {"status": "assessed", "reason": "", "n": n, "n_training": known["n"]}
    raised = alarms.raised(rows, domain, guess)
    if n < drift.MIN_PATIENTS:
        facts |= {"status": "not assessed", "reason": f"{n} patients, fewer than {drift.MIN_PATIENTS}"}
    worst = alarms.verdict(raised)
    facts |= {"verdict": worst, "alarms": raised, "domain": domain["domain"], "presence": domain["presence"],
              "centroids": domain["centroids"], "joint": domain["joint"], "far": domain["far"], "performance": guess,
              "counts": {v: sum(r["verdict"] == v for r in rows) for v in
                         ("large", "moderate", "none", "lacking", "not assessed")}}  # fmt: skip
    whole = "this cohort differs from the training cohort (drift.tsv): check before use" if worst == "alert" else ""
    return rows, facts, [[f, whole] for f in far]


def _gates(task: str, folder: Path, judged: Facts, notes: Facts, n: int, found: Facts) -> Facts:
    """judged: the checks of the training run."""
    lacking = [f"block {b}" for b in notes["lacking_blocks"]]
    lacking += [
        f"{b}: {len(f)} features ({', '.join(f[:5])}{' …' if len(f) > 5 else ''})"
        for b, f in notes["lacking_features"].items()
    ]
    checks = [
        gates.gate("bundle is whole", "pass", "every file has the hash of the manifest; the self-test agrees to 1e-6"),
        gates.gate("the cohort has what the model was trained on", "warn" if lacking else "pass",
                   f"lacking: {'; '.join(lacking)}" if lacking else "every block and feature of the bundle", **notes),
        _drift_gate(found),
    ]  # fmt: skip
    shipped = json.loads((folder / task / "performance.json").read_text(encoding="utf-8"))
    return {"task": task, "status": "assessed", "reason": "", "notes": [], "n": n, "gates": checks, "choices": [],
            "duplicates": [], "at_training": judged["gates"], "signal_at_training": judged.get("signal", {}),
            "performance_at_training": shipped}  # fmt: skip


def _drift_gate(found: Facts) -> gates.Gate:
    title = "the cohort resembles the training cohort"
    if found["status"] != "assessed":
        return gates.gate(title, "not assessed", found["reason"])
    counts = found["counts"]
    said = f"{counts['large']} columns changed much, {counts['moderate']} moderately, {counts['lacking']} lacking, "
    said += f"{counts['none']} not"
    if found["alarms"]:
        first = found["alarms"][0]
        said += f"; {len(found['alarms'])} alarms, first: {first['what']} {first['feature']} ({first['detail']})"
    return gates.gate(title, {"info": "pass", "caution": "warn", "alert": "warn"}[found["verdict"]], said)
