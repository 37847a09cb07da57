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
from consilium.report.facts_drift import drift, message, recalibration
from consilium.report.facts_judged import judged
from consilium.report.run_summary import kind_counts
from consilium.report.supplied import KIND_TITLES, ROOM_TITLES
from consilium.report.tables import Cohort, Task, records
from consilium.report.words import number

Facts = dict[str, Any]


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
        "refused": records(cohort.table("quarantine")),
        "identity": _identity(cohort),
        "associations": associations(cohort),
        "dropped": dropped_counts(cohort),
        "tasks": [judged(cohort, t) for t in cohort.tasks],
        "drift": drift(cohort),
        "recalibration": recalibration(cohort),
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
    return {
        "name": name,
        "title": title,
        "short": entry.title,
        "section": entry.section,
        "task": of,
        "caption": entry.caption,
    }


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
    for row in records(cohort.table("identity")):
        if row["verdict"] == "swap":
            whose = f", fits {row['likely_patient']}" if row["likely_patient"] else ""
            doubts.append((row["patient"], "swap", f"reads {row['sample']} agree at {_pct(row['concordance'])}{whose}"))
        if row["contamination_verdict"] == "contaminated":
            doubts.append(
                (row["patient"], "contaminated", f"foreign share of {row['sample']} {_pct(row['contamination'])}")
            )
    for row in records(cohort.table("samples_qc")):
        if {row["sex_sheet"], row["sex_inferred"]} == {"female", "male"}:
            doubts.append((row["patient"], "sex mismatch", f"sheet {row['sex_sheet']}, genome {row['sex_inferred']}"))
    for row in records(cohort.table("kinship")):
        if row["relationship"] == "duplicate":
            said = f"same genome as {row['patient_b']} (kinship {number(row['kinship'])}): duplicate or identical twin"
            doubts.append((row["patient_a"], "duplicate", said))
    return [{"patient": p, "what": w, "detail": d} for p, w, d in sorted(doubts)]


def _pct(share: Any) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"


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
    out += [message(task) for task in facts["drift"]]
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
        n, withheld = task["predicted"], task["abstained"]
        if n == withheld:
            text = "The bundle of another cohort predicts nothing of anybody here; nothing was fitted."
            return _message("caution", name, text, "each with its reason on the patient's page")
        text = f"Predicted with the bundle of another cohort. At training: {task['signal']['text']}"
        level = "caution" if task["signal"]["level"] == "caution" else "info"
        basis = f"predictions for {n - withheld} of {n} patients; nothing was fitted or judged here"
        return _message(level, name, text, basis)
    first = task["signal"] if task["signal"]["level"] != "info" else task["fusion"]
    return _message(first["level"], name, first["text"], task["control"]["text"])


def _message(level: str, topic: str, text: str, basis: str) -> Facts:
    return {"level": level, "topic": topic, "text": text, "basis": basis}


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
