"""Writes the pages of a chunk of patients: what is unchanged stays, a page that fails stops nobody else's."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consilium.core.provenance import code_digest, value_digest
from consilium.core.store import write_facts, write_text
from consilium.report.facts import NOTICE, collect
from consilium.report.page import render_failure, render_patient
from consilium.report.tables import Cohort

MARK = '<meta name="consilium-digest" content="{}">'


def write_pages(cohort: Cohort, members: Sequence[str], title: str, config_digest: str, manifest: Path) -> None:
    """report.json and report.html of every member, and the manifest {patient, status, folder, defects, digest}.

    The manifest says nothing of what was written or skipped: the same facts give the same bytes.
    """
    entries = [_one(cohort, patient, title, config_digest) for patient in members]
    for entry in entries:
        for defect in entry["defects"]:
            print(f"[{entry['patient']}] {defect}")
    write_facts(manifest, {"stage": "report_patients", "room": "report", "patients": entries})


def _one(cohort: Cohort, patient: str, title: str, config_digest: str) -> dict[str, Any]:
    folder = cohort.patients_folder / patient
    entry: dict[str, Any] = {"patient": patient, "status": "done", "folder": os.path.relpath(folder), "defects": []}
    try:
        facts, entry["defects"] = collect(cohort, patient, title, config_digest)
        entry["digest"] = facts["digest"]
        if not is_current(folder, facts["digest"]):
            page = render_patient(facts, folder)
            write_facts(folder / "report.json", facts)
            write_text(folder / "report.html", page)
    except Exception as error:  # a defect in one page is said in its place and in the manifest
        print(f"[{patient}]\n{traceback.format_exc()}")
        cause = f"{type(error).__name__}: {error}"
        digest = value_digest([patient, cause, code_digest("report")])[:32]
        entry |= {"status": "failed", "defects": [cause], "digest": digest}
        write_facts(folder / "report.json", {"digest": digest, "defect": cause})
        write_text(folder / "report.html", render_failure(patient, cohort.name, NOTICE, cause))
    return entry


def is_current(folder: Path, digest: str) -> bool:
    """Both files are there and the page carries this digest in its first lines."""
    page = folder / "report.html"
    if not page.exists() or not (folder / "report.json").exists():
        return False
    with open(page, encoding="utf-8") as handle:
        return MARK.format(digest) in handle.read(2000)
