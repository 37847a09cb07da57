"""Reads the tables of the room as text cells with their line numbers; every problem of a file at once."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from consilium.core.errors import Problem
from consilium.core.strangers import Strangers

LISTED = 20  # rows of one cause and file that are listed one by one; the rest is counted in one more line
MANUAL = "see docs/methods/ehr.md"
csv.field_size_limit(1 << 24)


def read_rows(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, list[Problem]]:
    """Cells of the columns `needed` and `optional` (absent ones empty) as stripped text, with `line` (1-based).

    Tab, comma or semicolon separated, found from the header; plain or gzipped; UTF-8. Other columns are ignored, or
    all kept where `needed` is only ("patient",). A line with another number of cells is a problem and left out. A
    file that cannot be read gives no rows.
    """
    empty = pd.DataFrame(columns=["line", *needed, *optional], dtype=object)
    text, problems = _text(path)
    if problems:
        return empty, problems
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count) if any(c in head for c in "\t;,") else "\t"
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [c.strip() for c in next(reader, [])]
    problems = _header_problems(path, header, needed)
    if problems:
        return empty, problems
    rows, lines = [], []
    ragged: list[tuple[int, int]] = []
    for cells in reader:
        if not any(c.strip() for c in cells):
            continue
        if len(cells) != len(header):
            ragged.append((reader.line_num, len(cells)))
            continue
        rows.append(cells)
        lines.append(reader.line_num)
    for line, n in ragged[:LISTED]:
        problems.append(Problem(str(path), f"{n} cells", f"{len(header)}, one a column", "correct the line", line))
    if len(ragged) > LISTED:
        problems.append(_rest(path, len(ragged) - LISTED, "lines with a wrong number of cells", ragged[LISTED][0]))
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    for column in frame.columns:
        frame[column] = frame[column].str.strip()
    for column in optional:
        if column not in frame:
            frame[column] = ""
    kept = list(frame.columns) if needed == ("patient",) else [*needed, *optional]
    frame = frame[kept].copy()
    frame.insert(0, "line", lines)
    return frame, problems


def listed(
    path: Path, rows: pd.DataFrame, found: Iterable[str], allowed: str | Iterable[str], mend: str, kind: str
) -> list[Problem]:
    """One problem a row of `rows` (columns line, patient), the first LISTED of them; the rest counted in one."""
    founds = list(found)
    allows = [allowed] * len(founds) if isinstance(allowed, str) else list(allowed)
    out = [
        Problem(str(path), f, a, mend, int(line), patient)
        for f, a, line, patient in list(zip(founds, allows, rows["line"], rows["patient"], strict=True))[:LISTED]
    ]
    if len(founds) > LISTED:
        out.append(_rest(path, len(founds) - LISTED, kind, int(rows["line"].iloc[LISTED])))
    return out


def known_patients(path: Path, rows: pd.DataFrame, known: set[str]) -> tuple[pd.DataFrame, list[Problem]]:
    """(rows of patients in the sheet, a problem that names the others)."""
    strange = rows[~rows["patient"].isin(known)]
    strangers = Strangers(str(path))
    for patient, line in zip(strange["patient"], strange["line"], strict=True):
        strangers.add(patient, int(line))
    return rows[rows["patient"].isin(known)], strangers.problems()


def _rest(path: Path, n: int, kind: str, line: int) -> Problem:
    """line: of the first that is not listed; a problem without a line concerns the whole file."""
    return Problem(str(path), f"{n} more {kind}", "see the lines listed", "mend them the same way", line)


def _header_problems(path: Path, header: list[str], needed: tuple[str, ...]) -> list[Problem]:
    if not any(header):
        return [Problem(str(path), "an empty file", f"columns {', '.join(needed)}", MANUAL)]
    out = []
    for column in needed:
        if column not in header:
            found = f"no column '{column}' (columns: {', '.join(header[:12])})"
            out.append(Problem(str(path), found, f"columns {', '.join(needed)}", "rename the column, or add it"))
    for column in sorted({c for c in header if header.count(c) > 1}):
        out.append(Problem(str(path), f"column '{column}' twice", "each column once", "remove one"))
    return out


def _text(path: Path) -> tuple[str, list[Problem]]:
    """(the text, problems)"""
    file = str(path)
    try:
        raw = Path(path).read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except FileNotFoundError:
        return "", [Problem(file, "no such file", "a table", "correct the path in samples.tsv")]
    except (OSError, EOFError) as error:
        return "", [Problem(file, f"a file that cannot be read: {error}", "a plain or gzipped table", "copy it again")]
    if b"\0" in raw[:65536]:
        return "", [Problem(file, "binary content", "a text table", "export it as tab or comma separated text")]
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"), []
    except UnicodeDecodeError as error:
        return "", [Problem(file, f"byte {error.start} is not UTF-8", "UTF-8 text", "save it as UTF-8")]
