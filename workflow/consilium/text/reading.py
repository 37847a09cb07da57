"""Reads reports: one text file each, or one table (patient, taken_on, text) of many."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import Problem
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.core.strangers import Strangers

COLUMNS = ("patient", "taken_on", "text")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?|")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
csv.field_size_limit(1 << 26)


@dataclass(frozen=True)
class Document:
    """One report. name: sample identifier (and line of a table); kind: pathology or radiology."""

    patient: str
    name: str
    kind: str
    taken_on: str
    text: str


def read_documents(samples: Iterable[Sample], known: set[str]) -> tuple[list[Document], list[Problem]]:
    """Every readable report of `samples`, in order, and the problems of the others."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for sample in samples:
        whole = sample.patient == WHOLE_COHORT
        text, found = _text(sample.path, "" if whole else sample.patient)
        if found:
            problems += found
        elif whole:
            rows, found = _table(sample, text, known)
            documents += rows
            problems += found
        else:
            documents.append(Document(sample.patient, sample.sample, sample.kind, sample.taken_on, text))
    return documents, problems


def _text(path: str, patient: str) -> tuple[str, list[Problem]]:
    def problem(found: str, allowed: str, mend: str) -> tuple[str, list[Problem]]:
        return "", [Problem(path, found, allowed, mend, 0, patient)]

    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        return problem(
            f"a file that cannot be read: {error.strerror}", "a text file", "correct the path in samples.tsv"
        )
    if not raw.strip():
        return problem("an empty file", "the text of a report", "export it again, or remove its row")
    if raw[:4] in (b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or raw[:5] == b"{\\rtf":
        return problem("a PDF, Word or RTF document", "plain UTF-8 text", "save it as plain text")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return problem(f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8", "UTF-8 text", "save it as UTF-8")
    if control := _CONTROL.search(text):
        found = f"control character U+{ord(control[0]):04X} at character {control.start()}"
        return problem(found, "plain text", "this looks like a binary file: export the report as plain text")
    return text, []


def _table(sample: Sample, text: str, known: set[str]) -> tuple[list[Document], list[Problem]]:
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in head else ",")
    header = [c.strip() for c in next(reader)]
    lacking = [c for c in COLUMNS if c not in header]
    if lacking:
        found = f"no column {', '.join(lacking)} (columns: {', '.join(header[:8])})"
        return [], [Problem(sample.path, found, "columns patient, taken_on, text", "rename or add the column")]
    at = [header.index(c) for c in COLUMNS]
    documents, problems, strangers = [], [], Strangers(sample.path)
    for cells in reader:
        line = reader.line_num
        if not any(c.strip() for c in cells):
            continue
        if len(cells) != len(header):
            allowed, mend = f"{len(header)}, one a column", "quote texts that hold tabs or line breaks"
            problems.append(Problem(sample.path, f"{len(cells)} cells", allowed, mend, line))
            continue
        patient, taken_on, report = cells[at[0]].strip(), cells[at[1]].strip(), cells[at[2]]
        if patient not in known:
            strangers.add(patient, line)
        elif problem := _row_problem(sample.path, line, patient, taken_on, report):
            problems.append(problem)
        else:
            documents.append(Document(patient, f"{sample.sample}:{line}", sample.kind, taken_on, report))
    return documents, problems + strangers.problems()


def _row_problem(path: str, line: int, patient: str, taken_on: str, report: str) -> Problem | None:
    if not _DATE.fullmatch(taken_on):
        return Problem(path, f"taken_on '{taken_on}'", "YYYY-MM-DD, or empty", "rewrite the date", line, patient)
    if not report.strip():
        return Problem(path, "an empty text", "the text of a report", "fill it in, or remove the row", line, patient)
    return None
