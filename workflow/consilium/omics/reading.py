"""Reads one omics matrix, features x patients or patients x features, whichever the patient names say."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.errors import Problem
from consilium.core.strangers import Strangers

MISSING = ["", "NA", "N/A", "na", "n/a", "NaN", "nan", "NULL", "null", "None", ".", "-"]
LISTED = 20  # cells, lines or names of one cause that are listed one by one; the rest is counted in one more line
csv.field_size_limit(1 << 26)


@dataclass
class Matrix:
    """values: patients (known ones, in file order) x features as supplied, float64, NaN missing."""

    values: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


def read_matrix(path: Path, known: set[str]) -> Matrix:
    """Read a delimited matrix (tab, comma, semicolon; plain or gzip; UTF-8) of the patients in `known`.

    The first column (or one named patient) holds the names of the rows, the first line those of the columns; a first
    line one cell short, as R writes it, is understood. A cell that is no number is missing and a problem; so is a
    patient or feature that comes twice (the first is used), a line of wrong length and a patient nobody knows.
    """
    nothing = pd.DataFrame(index=pd.Index([], name="patient", dtype=object))
    text, problems = _text(path)
    if problems:
        return Matrix(nothing, problems)
    header, body, lines, problems = _lines(path, text)
    if not header or not lines:
        problems.append(_problem(path, "no rows below the header", "a header line and rows", "export it again"))
        return Matrix(nothing, problems)
    delimiter = _delimiter(text)
    cells = pd.read_csv(
        io.StringIO(body), sep=delimiter, header=None, index_col=False, dtype={_id_column(header): str},
        na_values=MISSING, keep_default_na=False, low_memory=False, skip_blank_lines=True,
    )  # fmt: skip
    names = cells.pop(_id_column(header)).fillna("").str.strip().tolist()
    columns = [h for i, h in enumerate(header) if i != _id_column(header)]
    in_rows, in_columns = len(known.intersection(names)), len(known.intersection(columns))
    if not in_rows and not in_columns:
        examples = f"first line: {', '.join(columns[:3])}, …; first column: {', '.join(names[:3])}, …"
        found = f"no patient of the sheet in the first line or the first column ({examples})"
        problems.append(_problem(path, found, "names as in the patient sheet", "rename the patients"))
        return Matrix(nothing, problems)
    rows_are_patients = in_rows >= in_columns
    numbers, bad = _numbers(path, cells, columns, names, lines, delimiter, rows_are_patients)
    problems += bad
    frame = pd.DataFrame(numbers, index=names, columns=columns)
    frame = frame if rows_are_patients else frame.T
    line_of = dict(zip(names, lines, strict=True))
    frame, strange = _only_known(path, frame, known, line_of, rows_are_patients)
    frame, doubled = _once(path, frame, line_of, rows_are_patients)
    frame.index.name = "patient"
    return Matrix(frame, problems + strange + doubled)


def _text(path: Path) -> tuple[str, list[Problem]]:
    try:
        raw = Path(path).read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except FileNotFoundError:
        return "", [_problem(path, "no such file", "a table", "correct the path in samples.tsv")]
    except (OSError, EOFError) as error:
        return "", [_problem(path, f"a file that cannot be read: {error}", "a plain or gzipped table", "copy it again")]
    if b"\0" in raw[:65536]:
        return "", [_problem(path, "binary content", "a text table", "export it as tab separated text")]
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        return "", [_problem(path, f"byte {error.start} is not UTF-8", "UTF-8 text", "save it as UTF-8")]
    return text, []


def _delimiter(text: str) -> str:
    head = text.split("\n", 1)[0]
    return max("\t;,", key=head.count) if any(c in head for c in "\t;,") else "\t"


def _id_column(header: list[str]) -> int:
    return header.index("patient") if "patient" in header else 0


def _lines(path: Path, text: str) -> tuple[list[str], str, list[int], list[Problem]]:
    """(header, text of the well-formed rows, their line numbers, problems)"""
    delimiter = _delimiter(text)
    if '"' in text:
        parsed = csv.reader(io.StringIO(text), delimiter=delimiter)
        header = next(parsed, [])
        rows = [(parsed.line_num, cells) for cells in parsed if any(map(str.strip, cells))]
        counts = [len(cells) for _, cells in rows]
        written = [delimiter.join(_requoted(c, delimiter) for c in cells) for _, cells in rows]
        numbers = [n for n, _ in rows]
    else:
        head, *rest = text.split("\n")
        header = head.split(delimiter)
        numbers = [i for i, line in enumerate(rest, 2) if line.strip()]
        written = [rest[i - 2] for i in numbers]
        counts = [line.count(delimiter) + 1 for line in written]
    header = [h.strip() for h in header]
    if counts and all(c == len(header) + 1 for c in counts):
        header = ["", *header]
    wrong = [(n, c) for n, c in zip(numbers, counts, strict=True) if c != len(header)]
    problems = [
        _problem(path, f"{c} cells", f"{len(header)}, one a column", "correct the line (it is left out)", n)
        for n, c in wrong[:LISTED]
    ]
    problems += _rest(path, [n for n, _ in wrong], "lines with a wrong number of cells")
    left_out = {n for n, _ in wrong}
    kept = [(n, w) for n, w in zip(numbers, written, strict=True) if n not in left_out]
    return header, "\n".join(w for _, w in kept), [n for n, _ in kept], problems


def _requoted(cell: str, delimiter: str) -> str:
    return '"' + cell.replace('"', '""').replace("\n", " ") + '"' if delimiter in cell or '"' in cell else cell


def _numbers(
    path: Path, cells: pd.DataFrame, columns: list[str], names: list[str], lines: list[int], delimiter: str, rows: bool
) -> tuple[np.ndarray, list[Problem]]:
    """(numbers, problems of the cells that are none). Decimal commas are understood where they cannot separate."""
    out = np.empty(cells.shape)
    bad: list[tuple[int, int, object]] = []
    for j, name in enumerate(cells.columns):
        column = cells[name]
        if column.dtype == object or column.dtype == bool:
            as_text = column.astype(str).where(column.notna())
            if delimiter != ",":
                as_text = as_text.str.replace(",", ".", regex=False)
            numbers = pd.to_numeric(as_text, errors="coerce").to_numpy(dtype=float, copy=True)
        else:
            numbers = column.to_numpy(dtype=float, copy=True)
        wrong = column.notna().to_numpy() & ~np.isfinite(numbers)
        bad += [(int(i), j, column.iloc[i]) for i in np.flatnonzero(wrong)]
        numbers[wrong] = np.nan
        out[:, j] = numbers
    bad.sort(key=lambda cell: cell[:2])
    problems = []
    for i, j, value in bad[:LISTED]:
        patient, feature = (names[i], columns[j]) if rows else (columns[j], names[i])
        found = f"'{value}' for {feature}"
        problems.append(_problem(path, found, "a number, or NA", "correct it (read as missing)", lines[i], patient))
    return out, problems + _rest(path, [lines[i] for i, *_ in bad], "cells that are no number (read as missing)")


def _only_known(
    path: Path, frame: pd.DataFrame, known: set[str], line_of: dict[str, int], rows: bool
) -> tuple[pd.DataFrame, list[Problem]]:
    strangers = Strangers(str(path))
    for name in frame.index:
        if name not in known:
            strangers.add(name, line_of[name] if rows else 1)
    return frame[frame.index.isin(known)], strangers.problems()


def _once(path: Path, frame: pd.DataFrame, line_of: dict[str, int], rows: bool) -> tuple[pd.DataFrame, list[Problem]]:
    problems = []
    again = sorted(set(frame.index[frame.index.duplicated()]))
    for patient in again[:LISTED]:
        line = line_of[patient] if rows else 1
        mend = "keep one, or merge them (the first is used)"
        problems.append(_problem(path, f"patient '{patient}' again", "each patient once", mend, line, patient))
    doubled = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    for feature in doubled[:LISTED]:
        line = 1 if rows else line_of[feature]
        problems.append(_problem(path, f"feature '{feature}' again", "each once", "keep one (the first is used)", line))
    problems += _rest(path, [line_of[p] if rows else 1 for p in again], "patients that come twice")
    problems += _rest(path, [1 if rows else line_of[f] for f in doubled], "features that come twice")
    return frame.loc[~frame.index.duplicated(), ~frame.columns.duplicated()], problems


def _problem(path: Path, found: str, allowed: str, mend: str, line: int = 0, patient: str = "") -> Problem:
    return Problem(str(path), found, allowed, mend, line, patient)


def _rest(path: Path, lines: list[int], kind: str) -> list[Problem]:
    """What comes after the first LISTED, at the line of its first; a problem without a line concerns the whole file."""
    found, allowed = f"{len(lines) - LISTED} more {kind}", "see those listed"
    return [_problem(path, found, allowed, "mend them the same way", line) for line in lines[LISTED : LISTED + 1]]
