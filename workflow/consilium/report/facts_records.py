"""Facts of one patient from the ehr and text rooms: labs over time, alerts, drugs, diagnoses, report findings."""

from __future__ import annotations

from datetime import date
from typing import Any

from consilium.report.tables import Cohort
from consilium.report.words import capital, number

Facts = dict[str, Any]
CRITICAL = ("critically low", "critically high")


def labs(cohort: Cohort, patient: str, why: str) -> Facts:
    """Every analyte with its series, reference range and alerts, those with an alert first."""
    rows = cohort.rows("observations", patient)
    alerts = cohort.rows("alerts", patient)
    series: dict[str, list[Facts]] = {}
    for row in rows:
        series.setdefault(row["analyte"], []).append(row)
    analytes = [_analyte(name, found, alerts) | {"title": _title(cohort, name)} for name, found in series.items()]
    analytes.sort(key=lambda a: (not a["critical"], not a["alert"], a["category"], a["analyte"]))
    return {
        "why": "" if rows else why or "no laboratory value or vital sign of this patient in the cohort's tables",
        "analytes": analytes,
        "alerts": [
            a | {"title": _title(cohort, a["analyte"])}
            for a in sorted(alerts, key=lambda a: (a["alert"] not in CRITICAL, a["analyte"], a["taken_on"]))
        ],
    }


def _title(cohort: Cohort, analyte: str) -> str:
    return cohort.titles.get(analyte) or capital(analyte.replace("_", " "))


def _analyte(name: str, rows: list[Facts], alerts: list[Facts]) -> Facts:
    rows = sorted(rows, key=lambda r: (r["taken_on"], r["value"]))
    mine = [a for a in alerts if a["analyte"] == name]
    last = rows[-1]
    dated = all(r["days"] is not None for r in rows)
    first = _ordinal(rows[0]["taken_on"])
    return {
        "analyte": name,
        "category": last["category"],
        "unit": last["unit"],
        "ref_low": last["ref_low"],
        "ref_high": last["ref_high"],
        "x_label": "days from the index date" if dated else "days from the first value",
        "points": [
            [float(r["days"]) if dated else _ordinal(r["taken_on"]) - first, float(r["value"]), r["taken_on"]]
            for r in rows
            if r["value"] is not None
        ],
        "n": len(rows),
        "latest": last["value"],
        # Of a value given as a limit the table holds half of it or the limit; people read what was reported.
        "latest_limit": f"{last['censored']} {number(last['source_value'])} {last['source_unit']}".strip()
        if last["censored"]
        else "",
        "n_censored": sum(bool(r["censored"]) for r in rows),
        "latest_on": last["taken_on"],
        "alert": next((a["alert"] for a in mine if a["taken_on"] == last["taken_on"]), ""),
        "critical": any(a["alert"] in CRITICAL for a in mine),
        "converted": sorted({r["source_unit"] for r in rows if r["source_unit"] and r["source_unit"] != r["unit"]}),
    }


def _ordinal(day: str) -> float:
    try:
        return float(date.fromisoformat(day[:10]).toordinal())
    except ValueError:
        return 0.0


def drugs(cohort: Cohort, patient: str, status: Facts) -> Facts:
    rows = cohort.rows("drugs", patient)
    return {"why": "" if rows else _why_kind(status, "no drug of this patient on the list"), "drugs": rows}


def diagnoses(cohort: Cohort, patient: str, status: Facts) -> Facts:
    rows = cohort.rows("diagnoses", patient)
    return {"why": "" if rows else _why_kind(status, "no coded diagnosis of this patient"), "diagnoses": rows}


def _why_kind(status: Facts, otherwise: str) -> str:
    if status["status"] in ("not supplied", "quarantined", "excluded"):
        return f"{status['status']}: {status['why']}" if status["why"] else str(status["status"])
    return otherwise


def omics(cohort: Cohort, patient: str, why: str) -> Facts:
    """Quality of the patient's column in every omics table."""
    rows = cohort.rows("omics_qc", patient)
    return {"why": "" if rows else why or "no omics table holds this patient", "rows": rows}


def findings(cohort: Cohort, patient: str, why: str) -> Facts:
    """Findings by document, in the order of the text, each with the words that say so."""
    documents: dict[str, Facts] = {}
    for row in cohort.rows("findings", patient):
        document = documents.setdefault(
            row["document"],
            {"document": row["document"], "kind": row["document_kind"], "taken_on": row["taken_on"], "rows": []},
        )
        document["rows"].append(
            {k: row[k] for k in ("concept", "value", "negated", "uncertain", "context", "start", "end", "span")}
        )
    for document in documents.values():
        document["rows"].sort(key=lambda r: (r["start"], r["concept"]))
    missing = "" if documents else why or "the texts were read; none of the known concepts was found in them"
    return {"why": missing, "documents": [documents[d] for d in sorted(documents)]}
