"""What each patient supplied, kind by kind, and why the rest is not assessed."""

from __future__ import annotations

from typing import Any

from consilium.core.errors import parted
from consilium.core.sheets import KINDS, WHOLE_COHORT, Sample
from consilium.report.tables import Cohort

ROOM_TITLES = {
    "genomics": "Genome",
    "imaging": "Images",
    "omics": "Omics",
    "ehr": "Health record",
    "text": "Report texts",
}
KIND_TITLES = {
    "vcf": "Genotypes (VCF)", "bam": "Reads (BAM)", "cram": "Reads (CRAM)", "callable": "Callable regions (BED)",
    "pgx_calls": "Pharmacogene calls (outside)", "phenopacket": "HPO terms (phenopacket)",
    "T1": "MRI T1", "T2": "MRI T2", "FLAIR": "MRI FLAIR", "CT": "CT", "PET": "PET", "fMRI": "Functional MRI",
    "mask": "Lesion mask", "expression": "Gene expression", "methylation": "DNA methylation", "mirna": "microRNA",
    "protein": "Protein", "copy_number": "Copy number", "mutation": "Somatic mutations",
    "cells": "Single cells", "tiles": "Image tiles",
    "labs": "Laboratory values", "vitals": "Vital signs", "drugs": "Drug list", "diagnoses": "Coded diagnoses",
    "clinical": "Clinical table", "pathology": "Pathology reports", "radiology": "Radiology reports",
}  # fmt: skip
# Which feature blocks tell that a patient is in a cohort-level table of that kind.
BLOCKS_OF = {
    "vcf": ("genomics/variants",),
    "labs": ("ehr/series", "ehr/summary"),
    "vitals": ("ehr/series", "ehr/summary"),
    "clinical": ("ehr/clinical",),
    "pathology": ("text/findings",),
    "radiology": ("text/findings",),
    **{kind: (f"omics/{kind}",) for kind in KINDS["omics"]},
}
# Tables whose rows tell it better, since several kinds share a block: kind -> (table, column, value).
ROWS_OF = {
    "vcf": ("samples_qc", "", ""),
    "labs": ("observations", "category", "lab"),
    "vitals": ("observations", "category", "vital"),
    "drugs": ("drugs", "", ""),
    "diagnoses": ("diagnoses", "", ""),
    "pathology": ("findings", "document_kind", "pathology"),
    "radiology": ("findings", "document_kind", "radiology"),
}
Status = dict[str, Any]


def supplied(cohort: Cohort, patient: str) -> dict[str, Any]:
    """Status of every kind of data of every room, and of every feature block the models may use."""
    kinds = [_kind_status(cohort, patient, room, kind) for room, names in KINDS.items() for kind in names]
    blocks = [
        {"block": b.name, "title": b.title, "present": not b.reason.get(patient, "not supplied"),
         "why": b.reason.get(patient, "not supplied")}
        for b in cohort.blocks
    ]  # fmt: skip
    return {"kinds": kinds, "rows": _shown(kinds), "blocks": blocks,
            "rooms": {room: room_reason(kinds, room) for room in KINDS}}  # fmt: skip


def _shown(kinds: list[Status]) -> list[Status]:
    """Rows for the page: kinds of one room that are lacking for one reason share the last row of their room."""
    rows: list[Status] = []
    for room in dict.fromkeys(k["room"] for k in kinds):
        mine = [k for k in kinds if k["room"] == room]
        lacking: dict[str, list[Status]] = {}
        for kind in mine:
            if kind["status"] == "not supplied":
                lacking.setdefault(kind["why"], []).append(kind)
        rows += [k for k in mine if k["status"] != "not supplied"]
        rows += [same[0] | {"title": ", ".join(k["title"] for k in same)} for same in lacking.values()]
    return rows


def room_reason(kinds: list[Status], room: str) -> str:
    """ "" when the room has at least one usable kind of the patient; else why it has none."""
    mine = [k for k in kinds if k["room"] == room]
    if any(k["status"] in ("supplied", "flagged") for k in mine):
        return ""
    causes = [f"{k['title']} {k['status']}: {k['why']}" for k in mine if k["status"] in ("quarantined", "excluded")]
    return "; ".join(causes) or f"{ROOM_TITLES[room].lower()} not supplied"


def _kind_status(cohort: Cohort, patient: str, room: str, kind: str) -> Status:
    own, shared = cohort.samples(room, kind, patient), cohort.samples(room, kind, WHOLE_COHORT)
    base: Status = {"room": room, "room_title": ROOM_TITLES[room], "kind": kind, "title": KIND_TITLES[kind],
                    "files": [{"path": s.path, "taken_on": s.taken_on} for s in (own or shared)],
                    "status": "not supplied", "why": "", "note": ""}  # fmt: skip
    if not own and not shared:
        return base | {"why": "no row in the sample sheet"}
    refused = [r for r in _refusals(cohort, patient, room) if _concerns(r, own or shared)]
    if own:
        status, why, note = _from_quarantine(own, refused)
    else:
        status, why, note = _from_shared(cohort, patient, kind, refused)
    if status == "supplied":
        status, why = _from_quality(cohort, patient, room, kind)
    return base | {"status": status, "why": why, "note": note}


def _refusals(cohort: Cohort, patient: str, room: str) -> list[dict[str, Any]]:
    """Refusals of the patient's own rows and files, and of whole cohort files; a stray row concerns nobody here."""
    shared = [r for r in cohort.rows("quarantine", WHOLE_COHORT) if not r["line"]]
    return [r for r in cohort.rows("quarantine", patient) + shared if r["room"] == room]


def _concerns(row: dict[str, Any], samples: list[Sample]) -> bool:
    """The refusal names one of these files, something inside one of these folders, or several joined by commas."""
    named = str(row["file"]).split(", ")
    return any(n == s.path or n.startswith(s.path.rstrip("/") + "/") for n in named for s in samples)


def _from_quarantine(own: list[Sample], refused: list[dict[str, Any]]) -> tuple[str, str, str]:
    """(status, why, note): quarantined when every own file is refused."""
    bad = [s for s in own if any(_concerns(r, [s]) for r in refused)]
    if bad and len(bad) == len(own):
        return "quarantined", _causes(refused), ""
    return "supplied", "", f"{len(bad)} of {len(own)} files refused: {_causes(refused)}" if bad else ""


def _from_shared(cohort: Cohort, patient: str, kind: str, refused: list[dict[str, Any]]) -> tuple[str, str, str]:
    """(status, why, note) of a patient in tables of the cohort. Who was found in what was read was not refused.

    Quarantined: no row of the patient is left, since they were refused, or nobody's, and a table as a whole was.
    """
    status, why = _in_shared_table(cohort, patient, kind)
    rows = [r for r in refused if r["patient"] == patient]
    if status == "supplied":
        return status, why, f"{len(rows)} row{'s' if len(rows) != 1 else ''} refused: {_causes(rows)}" if rows else ""
    causes = rows if _serves(cohort, kind) else refused
    return ("quarantined", _causes(causes), "") if causes else (status, why, "")


def _causes(refused: list[dict[str, Any]]) -> str:
    """What was found, without the advice on mending: that is for the person who prepares the files."""
    return "; ".join(dict.fromkeys(parted(r["cause"])[0] for r in refused))


def _serves(cohort: Cohort, kind: str) -> bool:
    """Tables of this kind gave something of anybody whose rows were read: a chunk's patients in large tables."""
    if kind in ROWS_OF:
        table, column, value = ROWS_OF[kind]
        rows = cohort.table(table)
        return len(rows) > 0 and (not column or bool((rows[column] == value).any()))
    return any(not reason for b in cohort.blocks if b.name in BLOCKS_OF.get(kind, ()) for reason in b.reason.values())


def _in_shared_table(cohort: Cohort, patient: str, kind: str) -> tuple[str, str]:
    if kind in ROWS_OF:
        table, column, value = ROWS_OF[kind]
        if any(not column or r[column] == value for r in cohort.rows(table, patient)):
            return "supplied", ""
    wanted = BLOCKS_OF.get(kind, ())
    found = [b for b in cohort.blocks if b.name in wanted]
    # Labs and vitals share their blocks: only their rows tell. A report without a finding has a block but no row.
    if kind not in ("labs", "vitals") and any(not b.reason.get(patient, "not supplied") for b in found):
        return "supplied", ""
    reasons = [b.reason.get(patient, "") for b in found]
    why = next((r for r in reasons if r and r != "not supplied"), "no row of this patient in the cohort's table")
    return "not supplied", why


def _from_quality(cohort: Cohort, patient: str, room: str, kind: str) -> tuple[str, str]:
    """Verdict of quality control over the files that could be read."""
    if room == "imaging":
        rows = [r for r in cohort.rows("image_qc", patient) if r["kind"] == kind]
        return _verdict({r["sample"]: (r["verdict"], r["reason"]) for r in rows})
    if kind == "vcf":
        rows = [r for r in cohort.rows("samples_qc", patient) if r["source"] != "reads"]
        return _verdict({r["source"]: (r["verdict"], r["reason"]) for r in rows})
    return "supplied", ""


def _verdict(verdicts: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Excluded only if every sample is; flagged if any is flagged or excluded."""
    bad = {name: v for name, v in verdicts.items() if v[0] == "exclude"}
    said = "; ".join(f"{name}: {why}" for name, (verdict, why) in sorted(verdicts.items()) if verdict != "keep")
    if bad and len(bad) == len(verdicts):
        return "excluded", said
    return ("flagged", said) if said else ("supplied", "")
