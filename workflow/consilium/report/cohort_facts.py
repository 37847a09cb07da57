"""Facts of the cohort page: who is in it, what was refused, how the models did, where each patient's page is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consilium.core.chunks import read_manifests
from consilium.core.provenance import code_digest, value_digest
from consilium.core.store import read_facts
from consilium.report.catalogue import entry_of
from consilium.report.facts import NOTICE, methods
from consilium.report.facts_association import associations, dropped_counts
from consilium.report.facts_explanations import of_cohort, strata
from consilium.report.facts_models import MAIN_METRIC, gates, unassessed
from consilium.report.run_summary import kind_counts
from consilium.report.supplied import KIND_TITLES, ROOM_TITLES
from consilium.report.tables import Cohort, Task, plain
from consilium.report.words import capital, metric, named, number

Facts = dict[str, Any]
# Names that learn gives its checks in gates.json.
FUSION_GATE = "fusion beats every single modality"
CONTROL_GATE = "permuted outcomes give chance"


def cohort_facts(
    cohort: Cohort, manifests: Sequence[Path], figures: Sequence[str], title: str, config_digest: str
) -> Facts:
    """Everything the cohort page shows; figures are named, and read from cohort/figures when it is rendered."""
    facts: Facts = {
        "title": title,
        "notice": NOTICE,
        "cohort": cohort.name,
        "mode": cohort.mode,
        "rooms": {room: room in cohort.rooms for room in ROOM_TITLES},
        "room_titles": ROOM_TITLES,
        "people": _people(cohort),
        "kinds": _kinds(cohort),
        "refused": _records(cohort, "quarantine"),
        "identity": _identity(cohort),
        "associations": associations(cohort),
        "dropped": dropped_counts(cohort),
        "tasks": [_task(cohort, t) for t in cohort.tasks],
        "patients": _patients(cohort, manifests),
        "figures": [_figure(name) for name in figures],
        "figure_folder": str(cohort.root / "figures"),
        "methods": methods(cohort, config_digest),
    }
    facts["messages"] = _messages(facts)
    facts["digest"] = value_digest([facts, code_digest("report")])[:32]
    return facts


def _figure(name: str) -> Facts:
    entry, task = entry_of(name)
    title = entry.title if not task else f"{task.replace('_', ' ')}: {entry.title}"
    of = task if entry.types else ""
    return {"name": name, "title": title, "section": entry.section, "task": of, "caption": entry.caption}


def _records(cohort: Cohort, table: str) -> list[Facts]:
    return [{str(k): plain(v) for k, v in r.items()} for r in cohort.table(table).to_dict("records")]


def _people(cohort: Cohort) -> Facts:
    people = cohort.sheets.patients

    def counted(values: list[str]) -> list[tuple[str, int]]:
        return [(v, values.count(v)) for v in sorted(set(values))]

    years = sorted(p.birth_year for p in people if p.birth_year)
    return {
        "n": len(people),
        "sex": counted([p.sex for p in people]),
        "sites": counted([p.site or "not given" for p in people]),
        "birth_years": [years[0], years[len(years) // 2], years[-1]] if years else [],
        "n_birth_years": len(years),
        "families": len({p.family for p in people if p.family}),
        "outcomes": [_outcome(cohort, t) for t in cohort.tasks],
    }


def _outcome(cohort: Cohort, task: Task) -> Facts:
    cells = [p.outcomes for p in cohort.sheets.patients]
    if task.type == "survival":
        known = [c for c in cells if c.get(task.time) and c.get(task.event)]
        events = sum(c[task.event] in ("1", "1.0") for c in known)
        return {"task": task.name, "known": len(known), "said": f"{events} events"}
    values = [c[task.outcome] for c in cells if c.get(task.outcome)]
    if task.type == "regression":
        return {"task": task.name, "known": len(values), "said": "a number"}
    counts = ", ".join(f"{v} {values.count(v)}" for v in sorted(set(values)))
    return {"task": task.name, "known": len(values), "said": counts}


def _kinds(cohort: Cohort) -> list[Facts]:
    order = ("supplied", "flagged", "excluded", "quarantined", "not supplied")
    return [
        {"room": ROOM_TITLES[room], "kind": KIND_TITLES[kind], "counts": [n.get(s, 0) for s in order]}
        for (room, kind), n in kind_counts(cohort).items()
    ]


def _identity(cohort: Cohort) -> list[Facts]:
    """Patients whose identity is in doubt, each with its cause."""
    doubts = []
    for row in _records(cohort, "identity"):
        if row["verdict"] == "swap":
            whose = f", fits {row['likely_patient']}" if row["likely_patient"] else ""
            doubts.append((row["patient"], "swap", f"reads {row['sample']} agree at {_pct(row['concordance'])}{whose}"))
        if row["contamination_verdict"] == "contaminated":
            doubts.append(
                (row["patient"], "contaminated", f"foreign share of {row['sample']} {_pct(row['contamination'])}")
            )
    for row in _records(cohort, "samples_qc"):
        if {row["sex_sheet"], row["sex_inferred"]} == {"female", "male"}:
            doubts.append((row["patient"], "sex mismatch", f"sheet {row['sex_sheet']}, genome {row['sex_inferred']}"))
    for row in _records(cohort, "kinship"):
        if row["relationship"] == "duplicate":
            said = f"same genome as {row['patient_b']} (kinship {number(row['kinship'])}): duplicate or identical twin"
            doubts.append((row["patient_a"], "duplicate", said))
    return [{"patient": p, "what": w, "detail": d} for p, w, d in sorted(doubts)]


def _pct(share: Any) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"


def _task(cohort: Cohort, task: Task) -> Facts:
    name = MAIN_METRIC[task.type]
    board = cohort.table(f"{task.name}/leaderboard")
    rows = [{str(k): plain(v) for k, v in r.items()} for r in board[board["metric"] == name].to_dict("records")]
    others = board[(board["role"] == "shipped") & (board["metric"] != name)]
    predictions = cohort.table(f"{task.name}/predictions")
    checks = gates(cohort, task)
    return {
        "name": task.name,
        "type": task.type,
        "metric": metric(name),
        "rows": rows,
        "more": [{str(k): plain(v) for k, v in r.items()} for r in others.to_dict("records")],
        **_verdicts(checks, rows, name, unassessed(cohort, task)),
        "gates": checks,
        "explanations": of_cohort(cohort, task),
        "strata": strata(cohort, task),
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


def _patients(cohort: Cohort, manifests: Sequence[Path]) -> list[Facts]:
    """One entry a patient in sheet order: link, what their page says first, and whether the page has defects."""
    entries = {e["patient"]: e for e in read_manifests(manifests)}
    out = []
    for patient in cohort.sheets.ids:
        entry = entries.get(patient)
        facts = cohort.patients_folder / patient / "report.json"
        summary = read_facts(facts).get("summary", []) if entry and facts.exists() else []
        out.append(
            {
                "patient": patient,
                "link": f"../patients/{patient}/report.html",
                "status": entry["status"] if entry else "no page",
                "defects": entry["defects"] if entry else [],
                "alerts": sum(m["level"] == "alert" for m in summary),
                "first": summary[0]["text"] if summary else "",
                "level": summary[0]["level"] if summary else "",
            }
        )
    return out


def _messages(facts: Facts) -> list[Facts]:
    """What a reader should know of the cohort before anything else."""
    out = [_task_message(task, facts["mode"]) for task in facts["tasks"]]
    doubts = facts["identity"]
    if doubts:
        n = len({d["patient"] for d in doubts})
        who = ", ".join(f"{d['patient']} {d['what']}" for d in doubts[:8])
        out.append(_message("alert", "Identity", f"The identity of {_count(n, 'patient')} is in doubt.", who))
    files = {r["file"] for r in facts["refused"]}
    if files:
        text = f"{_count(len(files), 'input file')} could not be used in full."
        out.append(_message("caution", "Files", text, "each with its cause below"))
    else:
        out.append(_message("info", "Files", "Every input file could be used.", "quarantine.tsv is empty"))
    failed = [p["patient"] for p in facts["patients"] if p["status"] != "done" or p["defects"]]
    if failed:
        text = f"{_count(len(failed), 'page')} of patients incomplete or missing."
        out.append(_message("alert", "Pages", text, ", ".join(failed[:8])))
    return out


def _task_message(task: Facts, mode: str) -> Facts:
    name = task["name"].replace("_", " ")
    if mode == "apply":
        text = "Predicted with the bundle of another cohort; nothing was fitted or judged here."
        return _message("info", name, text, f"{task['predicted']} patients, abstained from {task['abstained']}")
    return _message(task["fusion"]["level"], name, task["fusion"]["text"], task["control"]["text"])


def _message(level: str, topic: str, text: str, basis: str) -> Facts:
    return {"level": level, "topic": topic, "text": text, "basis": basis}


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
