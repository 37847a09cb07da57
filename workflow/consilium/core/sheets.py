"""Reads patients.tsv and samples.tsv and reports every problem of both at once."""

from __future__ import annotations

import csv
import datetime
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from consilium.core.errors import InputError, Problem

WHOLE_COHORT = "*"
PATIENT_COLUMNS = ("patient", "sex", "birth_year", "site", "family", "index_date", "father", "mother")
BRACES = "names without { and }, between which Snakemake reads wildcards", "rename the file or folder"
SAMPLE_COLUMNS = ("patient", "modality", "kind", "path", "taken_on", "series")
SEXES = ("female", "male", "unknown")
KINDS: dict[str, tuple[str, ...]] = {
    "genomics": ("vcf", "bam", "cram", "callable", "pgx_calls", "phenopacket"),
    "imaging": ("T1", "T2", "FLAIR", "CT", "PET", "fMRI", "mask"),
    "omics": ("expression", "methylation", "mirna", "protein", "copy_number", "mutation", "cells", "tiles"),
    "ehr": ("labs", "vitals", "drugs", "diagnoses", "clinical"),
    "text": ("pathology", "radiology"),
}
# Kinds that only make sense as one table of the whole cohort (patient = *).
COHORT_KINDS = {(m, k) for m in ("omics", "ehr") for k in KINDS[m]}
# Kinds of which every file belongs to one patient (patient = * is refused).
PATIENT_KINDS = {
    *(("genomics", k) for k in ("bam", "cram", "phenopacket")),
    *(("imaging", k) for k in KINDS["imaging"]),
}
DEMOGRAPHICS = "sheet/demographics"  # feature block of age and sex: of each cohort, whichever rooms have files
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_YEAR = re.compile(r"[0-9]{4}")

Fault = tuple[str, str, str]  # what was found, what is allowed, how to mend


@dataclass(frozen=True)
class Patient:
    """One row of patients.tsv. Empty cells are "" (unknown); outcomes keep the text of their cells."""

    patient: str
    sex: str = "unknown"
    birth_year: int | None = None
    site: str = ""
    family: str = ""
    index_date: str = ""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    father: str = ""
    mother: str = ""

    @property
    def age(self) -> int | None:
        """Years at the index date: its year less the year of birth; None where either is unknown."""
        if self.birth_year is None or not self.index_date:
            return None
        return int(self.index_date[:4]) - self.birth_year

    @property
    def lacks_demographics(self) -> str:
        """Why the patient has no feature block DEMOGRAPHICS, or ""."""
        known = self.age is not None or self.sex != "unknown"
        return "" if known else "neither sex nor age (year of birth and index date) in the patient sheet"


@dataclass(frozen=True)
class Sample:
    """One row of samples.tsv. `sample` is the kind, numbered from 2 on when a patient has several of one kind.

    series: number of the DICOM series meant, where the folder holds several; None where not said.
    """

    patient: str
    modality: str
    kind: str
    path: str
    taken_on: str
    sample: str
    line: int
    series: int | None = None


@dataclass(frozen=True)
class Sheets:
    patients: list[Patient]
    samples: list[Sample]

    def of(self, modality: str, patients: Iterable[str] | None = None) -> list[Sample]:
        """Samples of one modality, of `patients` (default: of anybody, cohort-level rows included)."""
        wanted = None if patients is None else set(patients)
        return [s for s in self.samples if s.modality == modality and (wanted is None or s.patient in wanted)]

    @property
    def ids(self) -> list[str]:
        return [p.patient for p in self.patients]


def load(
    patients: Path, samples: Path, outcomes: Iterable[str] = (), *, outcomes_needed: bool = True,
    beside: Iterable[Problem] = (),
) -> Sheets:  # fmt: skip
    """Read and check both sheets; `outcomes` are the extra columns of patients.tsv that the config names.

    They must be there and vary, unless `outcomes_needed` is False (a trained model is applied): then they may be
    there. Raises InputError with every problem of both files, and those found `beside`.
    """
    problems = list(beside)
    outcomes = tuple(outcomes)
    if not outcomes_needed:
        outcomes = tuple(c for c in outcomes if c in _header(patients))
    people = list(_patients(patients, outcomes, problems))
    rows = list(_samples(samples, problems, {p.patient for p in people}))
    if not problems and outcomes_needed:
        problems += _outcome_problems(patients, people, outcomes)
    if problems:
        raise InputError(problems)
    return Sheets(people, rows)


def read_samples(path: Path) -> list[Sample]:
    """Samples of an already checked sheet (what stages use)."""
    return list(_samples(path, [], None))


def read_patients(path: Path) -> list[Patient]:
    """Patients of an already checked sheet; every extra column is read as an outcome."""
    extra = tuple(c for c in dict.fromkeys(_header(path)) if c not in PATIENT_COLUMNS)
    return list(_patients(path, extra, []))


def _rows(path: Path, problems: list[Problem], needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """(line, cells) per row, cells stripped; a row with too few or too many cells is a problem.

    No rows where one of the columns `needed` is lacking, which `_header_problems` says.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problems.append(Problem(str(path), "no such file", "a sheet", "see config/README.md"))
        return []
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), f"byte {error.start} is not UTF-8", "UTF-8 text", "save it as UTF-8"))
        return []
    lines = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    if not lines:
        problems.append(Problem(str(path), "an empty file", "a header and rows", "see config/README.md"))
        return []
    header = [c.strip() for c in lines[0]]
    if not set(needed) <= set(header):
        return []
    out = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(c.strip() for c in cells) or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            problems.append(
                Problem(str(path), f"{len(cells)} cells", f"{len(header)} cells, one a column of the header",
                        "separate cells by one tab each", number)
            )  # fmt: skip
            continue
        out.append((number, dict(zip(header, (c.strip() for c in cells), strict=True))))
    return out


def _header(path: Path) -> list[str]:
    """Column names; none where the file cannot be read (which `_rows` reports)."""
    try:
        with open(path, encoding="utf-8-sig") as handle:
            return [c.strip() for c in handle.readline().rstrip("\r\n").split("\t")]
    except (FileNotFoundError, UnicodeDecodeError):
        return []


def _header_problems(path: Path, needed: tuple[str, ...], allowed: tuple[str, ...]) -> Iterator[Problem]:
    header = _header(path)
    if not header:
        return
    choice = ", ".join(allowed)
    if len(header) == 1 and (other := next((c for c in ";,|" if c in header[0]), None)):
        yield Problem(str(path), f"columns separated by '{other}'", "columns separated by tabs",
                      "save it as tab-separated text", 1)  # fmt: skip
        return
    for column in header:
        if column not in allowed:
            mend = "remove it, or name it as an outcome in the config" if "sex" in allowed else "remove it"
            yield Problem(str(path), f"unknown column '{column}'", choice, mend, 1)
        if header.count(column) > 1:
            yield Problem(str(path), f"column '{column}' twice", "each column once", "remove one", 1)
    for column in needed:
        if column not in header:
            yield Problem(str(path), f"no column '{column}'", choice, "add it (columns are separated by tabs)", 1)


def has_brace(path: str) -> bool:
    return "{" in path or "}" in path


def is_there(path: str) -> bool:
    """A name that no file can have, one too long say, is not there: Path.exists raises OSError."""
    return os.path.exists(path)  # noqa: PTH110


def _date_ok(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _patients(path: Path, outcomes: tuple[str, ...], problems: list[Problem]) -> Iterator[Patient]:
    problems += _header_problems(path, ("patient", "sex", *outcomes), (*PATIENT_COLUMNS, *outcomes))
    rows = _rows(path, problems, PATIENT_COLUMNS[:1])
    seen: dict[str, int] = {}
    for line, row in rows:
        name = row["patient"]
        problems += [Problem(str(path), *fault, line, name) for fault in _patient_faults(row, seen)]
        if name in seen or not _ID.fullmatch(name):
            continue
        seen[name] = line
        year = row.get("birth_year", "")
        yield Patient(
            name, row.get("sex", "") or "unknown", int(year) if _YEAR.fullmatch(year) else None, row.get("site", ""),
            row.get("family", ""), row.get("index_date", ""), {c: row.get(c, "") for c in outcomes},
            row.get("father", ""), row.get("mother", ""),
        )  # fmt: skip
    problems += _parent_problems(path, rows, seen)
    if not seen and not any(p.file == str(path) for p in problems):
        problems.append(
            Problem(str(path), "no patients", "at least one row", "add your patients, or try `make demo` first")
        )


def _patient_faults(row: Mapping[str, str], seen: Mapping[str, int]) -> Iterator[Fault]:
    """seen: line of each patient above."""
    name, sex, year, day = (row.get(c, "") for c in ("patient", "sex", "birth_year", "index_date"))
    this_year = datetime.date.today().year
    if not _ID.fullmatch(name):
        yield f"patient '{name}'", "letters, digits, '_', '-', '.', at most 64", "rename the patient"
    elif name in seen:
        yield f"patient '{name}' again (first in line {seen[name]})", "one row a patient", "remove or rename one"
    if sex and sex not in SEXES:
        yield f"sex '{sex}'", ", ".join(SEXES), "use one of these words"
    if year and not (_YEAR.fullmatch(year) and 1880 <= int(year) <= this_year):
        yield f"birth_year '{year}'", f"a year from 1880 to {this_year}, or empty", "correct the year"
    if day and not _date_ok(day):
        yield f"index_date '{day}'", "a date as YYYY-MM-DD, or empty", "rewrite the date"
    elif day and _YEAR.fullmatch(year) and day[:4] < year:
        yield f"index_date '{day}' before birth_year '{year}'", "a year of birth up to the index date", "correct one"


def _parent_problems(path: Path, rows: list[tuple[int, dict[str, str]]], seen: Mapping[str, int]) -> Iterator[Problem]:
    """Parents must be other patients of the sheet, of the right sex where it is given."""
    sexes = {row.get("patient", ""): row.get("sex", "") for _, row in rows}
    for line, row in rows:
        for role, wrong in (("father", "female"), ("mother", "male")):
            parent, name = row.get(role, ""), row.get("patient", "")
            if parent and (parent not in seen or parent == name):
                yield Problem(str(path), f"{role} '{parent}'", "another patient of this sheet, or empty",
                              "correct the name, or leave it empty", line, name)  # fmt: skip
            elif parent and sexes.get(parent) == wrong:
                yield Problem(str(path), f"{role} '{parent}', whose sex is {wrong}", f"a {role} of the right sex",
                              "correct the sex or the parent", line, name)  # fmt: skip


def _samples(path: Path, problems: list[Problem], known: set[str] | None) -> Iterator[Sample]:
    """known: the patients, empty where their sheet could not be read; None: the sheets were checked before."""
    problems += _header_problems(path, SAMPLE_COLUMNS[:4], SAMPLE_COLUMNS)
    seen: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for line, row in _rows(path, problems, SAMPLE_COLUMNS[:4]):
        patient, modality, kind, file = (row[c] for c in SAMPLE_COLUMNS[:4])
        wrong = list(_kind_faults(patient, modality, kind))
        told: list[Fault] = [*wrong, *(_cell_faults(row, known) if known is not None else ())]
        key = (patient, modality, kind, file, row.get("series", ""))
        if key in seen and known is not None:
            told.append((f"the same row as line {seen[key]}", "each file once", "remove one"))
        seen.setdefault(key, line)
        problems += [Problem(str(path), *fault, line, patient) for fault in told]
        if wrong:
            continue
        n = counts[(patient, modality, kind)] = counts.get((patient, modality, kind), 0) + 1
        series = int(row["series"]) if row.get("series", "").isdecimal() else None
        name = kind if n == 1 else f"{kind}-{n}"
        yield Sample(patient, modality, kind, file, row.get("taken_on", ""), name, line, series)


def _kind_faults(patient: str, modality: str, kind: str) -> Iterator[Fault]:
    if modality not in KINDS:
        yield f"modality '{modality}'", ", ".join(KINDS), "use one of these words"
    elif kind not in KINDS[modality]:
        yield f"kind '{kind}' of modality {modality}", ", ".join(KINDS[modality]), "use one of these words"
    elif (modality, kind) in COHORT_KINDS and patient != WHOLE_COHORT:
        yield f"patient '{patient}' for a {kind} table", "* (one table of the whole cohort)", "write * there"
    elif (modality, kind) in PATIENT_KINDS and patient == WHOLE_COHORT:
        yield f"patient '*' for a {kind} file", "the patient whose file it is", "name the patient"


def _cell_faults(row: Mapping[str, str], known: set[str]) -> Iterator[Fault]:
    patient, modality, kind, file = (row[c] for c in SAMPLE_COLUMNS[:4])
    if known and patient != WHOLE_COHORT and patient not in known:
        yield (f"patient '{patient}', who is not in the patient sheet", "a patient of that sheet, or *",
               "add the patient there, or correct the name")  # fmt: skip
    if not is_there(file):
        yield (f"path '{file}', which does not exist", "an existing file or DICOM folder",
               "correct the path (relative paths start where snakemake is called)")  # fmt: skip
    if has_brace(file):
        yield f"path '{file}'", *BRACES
    if row.get("taken_on") and not _date_ok(row["taken_on"]):
        yield f"taken_on '{row['taken_on']}'", "a date as YYYY-MM-DD, or empty", "rewrite the date"
    if row.get("series") and not (modality == "imaging" and row["series"].isdecimal()):
        yield (f"series '{row['series']}' for {modality} {kind}", "the number of a DICOM series, or empty",
               "give the series number of the images meant, and only for images")  # fmt: skip


def _outcome_problems(path: Path, people: list[Patient], outcomes: tuple[str, ...]) -> Iterator[Problem]:
    for column in outcomes:
        values = {p.outcomes[column] for p in people} - {""}
        if len(values) < 2:
            found = f"outcome '{column}' is {'empty' if not values else 'constant: ' + next(iter(values))}"
            yield Problem(str(path), found, "at least two different values", "remove the task or correct the column")
