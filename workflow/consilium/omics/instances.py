"""Reads long tables of instances: one row a cell or tile of a patient. Only what is kept of each patient is held."""

from __future__ import annotations

import csv
import gzip
import hashlib
import heapq
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from consilium.core.errors import Problem
from consilium.core.strangers import Strangers
from consilium.omics.reading import LISTED, MISSING

Array = np.ndarray
KEYS = ("patient", "instance")
LINES = 5000  # at a time
LARGEST = 3e38  # that float32 holds
_EMPTY = frozenset(MISSING)


@dataclass
class Listed:
    """Problems of one cause: the first ones by line, the rest counted."""

    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, cause: str, problem: Problem) -> None:
        lines = self.lines.setdefault(cause, [])
        lines.append(problem.line)
        if len(lines) <= LISTED:
            self.problems.append(problem)

    def closed(self, path: str) -> list[Problem]:
        allowed, mend = "see those listed", "mend them the same way"
        rest = [Problem(path, f"{len(lines) - LISTED} more {cause}", allowed, mend, lines[LISTED])
                for cause, lines in self.lines.items() if len(lines) > LISTED]  # fmt: skip
        return [*self.problems, *rest]


class Bag:
    """The instances of one patient that are kept: those of smallest hash, whatever the order of the lines."""

    def __init__(self, most: int) -> None:
        self.most, self.supplied = most, 0
        self._heap: list[tuple[int, str, Array]] = []  # (minus hash, instance, values): the largest hash on top
        self._names: set[str] = set()

    def put(self, patient: str, instance: str, values: Array) -> bool:
        """False where an instance of this name is kept already."""
        if instance in self._names:
            return False
        self.supplied += 1
        key = (-_hash(patient, instance), instance)
        full = len(self._heap) == self.most
        if full and key < self._heap[0][:2]:
            return True
        if full:
            self._names.discard(heapq.heappop(self._heap)[1])
        heapq.heappush(self._heap, (*key, values.copy()))  # a view would hold the lines read with it
        self._names.add(instance)
        return True

    def rows(self) -> list[Array]:
        """Values of each instance, smallest hash first."""
        return [values for _, _, values in sorted(self._heap, key=lambda e: (-e[0], e[1]))]


def read_instances(path: str, known: set[str], most: int) -> tuple[list[str], dict[str, Bag], list[Problem]]:
    """(features, bag of each patient, problems) of a delimited table (tab, comma, semicolon; plain or gzip; UTF-8) with
    the columns patient, instance and one a feature.

    A cell that is no finite number is missing and a problem, a line of another length, of an unknown patient or without
    an instance is left out. Of two lines of one instance the first counts; where more instances are supplied than kept
    the second is noticed only if the first was kept.
    """
    said, strangers = Listed(), Strangers(path)
    bags: dict[str, Bag] = {}
    features: list[str] = []
    try:
        with _opened(path) as handle:
            head = handle.readline().rstrip("\r\n").removeprefix("\ufeff")
            delimiter = max("\t;,", key=head.count)
            header = [c.strip() for c in next(csv.reader([head], delimiter=delimiter), [])]
            if problem := _header_problem(path, header):
                return [], {}, [problem]
            features = [c for c in header if c not in KEYS]
            table = _Table(path, header, delimiter != ",", known, most, said, bags, strangers)
            for rows in _batches(handle, delimiter):
                table.take(rows)
    except (OSError, EOFError, zlib.error) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        said.add("", Problem(path, f"a file that cannot be read: {why}", "a plain or gzipped table", "copy it again"))
        return [], {}, said.problems
    except (UnicodeDecodeError, csv.Error) as error:
        said.add("", Problem(path, f"no text table: {error}", "UTF-8 text", "export it as tab separated UTF-8 text"))
        return [], {}, said.problems
    strange = strangers.problems()
    if not bags and not said.problems and not strange:
        said.add("", Problem(path, "no rows below the header", "a header line and rows", "export it again"))
    return features, bags, said.closed(path) + strange


@dataclass
class _Table:
    path: str
    header: list[str]
    decimal_comma: bool  # a comma cannot separate cells, so it is a decimal one
    known: set[str]
    most: int
    said: Listed
    bags: dict[str, Bag]
    strangers: Strangers

    def __post_init__(self) -> None:
        self.patient, self.instance = (self.header.index(k) for k in KEYS)
        self.columns = [i for i, c in enumerate(self.header) if c not in KEYS]

    def take(self, rows: list[tuple[int, list[str]]]) -> None:
        """Lines with their numbers."""
        usable = [(n, cells) for n, cells in rows if self._usable(n, cells)]
        for (line, cells), values in zip(usable, self._numbers(usable), strict=True):
            patient, instance = cells[self.patient].strip(), cells[self.instance].strip()
            if not self.bags.setdefault(patient, Bag(self.most)).put(patient, instance, values):
                self._add("instances that come twice", f"instance '{instance}' again", "each instance once a patient",
                          "keep one (the first is used)", line, patient)  # fmt: skip

    def _usable(self, line: int, cells: list[str]) -> bool:
        if len(cells) != len(self.header):
            self._add("lines with a wrong number of cells", f"{len(cells)} cells", f"{len(self.header)}, one a column",
                      "correct the line (it is left out)", line)  # fmt: skip
            return False
        patient = cells[self.patient].strip()
        if patient not in self.known:
            self.strangers.add(patient, line)
            return False
        if not cells[self.instance].strip():
            self._add("lines without an instance", "an empty instance", "a name of the cell or tile", "fill it in",
                      line, patient)  # fmt: skip
            return False
        return True

    def _numbers(self, rows: list[tuple[int, list[str]]]) -> Array:
        """float32 (line, feature); NaN where a cell is empty or no number."""
        texts = [[cells[i].strip() for i in self.columns] for _, cells in rows]
        try:
            out = np.array(texts, dtype=float).reshape(len(texts), len(self.columns))
        except ValueError:
            out = np.full((1, 1), np.nan)
        if (np.abs(out) < LARGEST).all():  # nearly always; else cell by cell
            return out.astype(np.float32)
        out = np.full((len(texts), len(self.columns)), np.nan)
        places = [(i, j, c) for i, row in enumerate(texts) for j, c in enumerate(row) if c not in _EMPTY]
        for i, j, cell in places:
            number = _number(cell.replace(",", ".") if self.decimal_comma else cell)
            if abs(number) < LARGEST:
                out[i, j] = number
                continue
            line, cells = rows[i]
            self._add("cells that are no number (read as missing)", f"'{cell}' for {self.header[self.columns[j]]}",
                      "a number, or NA", "correct it (read as missing)", line, cells[self.patient].strip())  # fmt: skip
        return out.astype(np.float32)

    def _add(self, cause: str, found: str, allowed: str, mend: str, line: int, patient: str = "") -> None:
        self.said.add(cause, Problem(self.path, found, allowed, mend, line, patient))


def _header_problem(path: str, header: list[str]) -> Problem | None:
    lacking = [k for k in KEYS if k not in header]
    if lacking:
        found = f"no column {', '.join(lacking)} (columns: {', '.join(header[:8])})"
        return Problem(path, found, "columns patient, instance and one a feature", "rename or add the column")
    twice = sorted({c for c in header if header.count(c) > 1})
    if twice:
        return Problem(path, f"column '{twice[0]}' again", "each column once", "keep one")
    if len(header) == len(KEYS):
        return Problem(path, "no column of a feature", "columns patient, instance and one a feature", "add them")
    return None


def _opened(path: str) -> IO[str]:
    with Path(path).open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _batches(handle: IO[str], delimiter: str) -> Iterator[list[tuple[int, list[str]]]]:
    """Lines below the header with their numbers, empty ones left out."""
    reader = csv.reader(handle, delimiter=delimiter)
    lines = ((reader.line_num + 1, cells) for cells in reader if any(map(str.strip, cells)))
    while batch := list(islice(lines, LINES)):
        yield batch


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _hash(patient: str, instance: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{patient}\0{instance}".encode(), digest_size=8).digest(), "big")
