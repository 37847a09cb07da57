"""The room's tables: findings of all documents, what was read per patient, what was refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from consilium.core.errors import Problem
from consilium.core.pool import processes
from consilium.core.register import TABLES
from consilium.core.sheets import Patient
from consilium.text import words as reading
from consilium.text.extract import extract
from consilium.text.reading import Document

SHARE = 50  # documents a process takes at a time
PARALLEL_FROM = 2_000_000  # characters in all from which more processes pay for their start
ORDER = ["patient", "taken_on", "document", "start", "end", "concept", "value"]


def findings(documents: list[Document], threads: int = 1) -> pd.DataFrame:
    """Table findings, in the same order whatever the number of threads."""
    if threads > 1 and sum(len(d.text) for d in documents) > PARALLEL_FROM:
        with processes(threads) as pool:
            found = list(pool.map(_rows, documents, chunksize=SHARE))
    else:
        found = [_rows(d) for d in documents]
    rows = [row for part in found for row in part]
    if not rows:
        return TABLES["findings"].empty()
    return pd.DataFrame(rows).sort_values(ORDER, kind="stable").reset_index(drop=True)


def words(read: list[Document], people: list[Patient], most: int) -> dict[str, list[str]]:
    """Columns of table report_words, patients in sheet order; `most` words a patient, none with 0."""
    of: dict[str, list[Document]] = {}
    for document in read if most else ():
        of.setdefault(document.patient, []).append(document)
    columns: dict[str, list[str]] = {"patient": [], "document": [], "word": []}
    for person in people:
        for name, word in reading.of_patient(of.get(person.patient, []), person, most):
            columns["patient"].append(person.patient)
            columns["document"].append(name)
            columns["word"].append(word)
    return columns


def documents(
    read: list[Document], found: pd.DataFrame, people: list[Patient], problems: list[Problem]
) -> dict[str, Any]:
    """Facts per patient: documents read, and whether each is dated after the index date; patients refused."""
    counts = found.groupby(["patient", "document"]).size().to_dict() if len(found) else {}
    index = {p.patient: p.index_date for p in people}
    per: dict[str, list[dict[str, Any]]] = {}
    for d in sorted(read, key=lambda d: (d.patient, d.taken_on, d.kind, d.name)):
        late = bool(index[d.patient] and d.taken_on and d.taken_on[:10] > index[d.patient][:10])
        entry = {"document": d.name, "kind": d.kind, "taken_on": d.taken_on,
                 "findings": int(counts.get((d.patient, d.name), 0)), "after_index_date": late}  # fmt: skip
        per.setdefault(d.patient, []).append(entry)
    return {"patients": per, "refused": sorted({p.patient for p in problems if p.patient})}


def reasons(facts: dict[str, Any], people: list[Patient]) -> dict[str, str]:
    """Patient -> "" where a report counts for the features, else why none does."""
    out = {}
    for person in people:
        mine = facts["patients"].get(person.patient, [])
        if any(not d["after_index_date"] for d in mine):
            out[person.patient] = ""
        elif mine:
            out[person.patient] = "only reports dated after the index date"
        elif person.patient in facts["refused"]:
            out[person.patient] = "no report could be read, see cohort/text/quarantine.tsv"
        else:
            out[person.patient] = "not supplied"
    return out


def _rows(document: Document) -> list[dict[str, Any]]:
    base = {"patient": document.patient, "document": document.name, "document_kind": document.kind,
            "taken_on": document.taken_on}  # fmt: skip
    return [base | asdict(f) for f in extract(document.text)]
