"""The table of a scoring file as columns of text, and what is wrong with its rows."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem

ADDITIVE, DOMINANT, RECESSIVE = 0, 1, 2
MOST_PROBLEMS = 20  # of one file that are listed one by one
_BLOCK = 1 << 30  # bytes that Arrow reads at a time
_COLUMNS = (
    "hm_chr", "hm_pos", "chr_name", "chr_position", "effect_allele", "other_allele", "hm_inferOtherAllele",
    "effect_weight", "effect_type", "allelefrequency_effect", "is_dominant", "is_recessive", "is_haplotype",
    "is_diplotype", "is_interaction", "locus_name",
)  # fmt: skip
_ALLELES = ("effect_allele", "other_allele", "hm_inferOtherAllele")
_NUMBERS = ("hm_pos", "chr_position", "effect_weight", "allelefrequency_effect")  # the cells of others recur
# Columns whose truth means a term that is no dosage of one allele.
_COMPLEX = {"is_haplotype": "haplotype term", "is_diplotype": "diplotype term", "is_interaction": "interaction term"}
_EFFECT_TYPES = {"": ADDITIVE, "additive": ADDITIVE, "dominant": DOMINANT, "recessive": RECESSIVE}
_TRUE = {"true", "1", "yes", "t"}
_BASES = re.compile(r"[ACGT]+")

Texts = Any  # (row,) texts: an array of objects, or a pandas Categorical where they recur


def bad(path: Path, found: str, mend: str, line: int = 0) -> Problem:
    return Problem(str(path), found, "a PGS Catalog scoring file for GRCh38", mend, line, "*")


@dataclass(frozen=True)
class Table:
    """Header lines, column names as written, and the cells of the columns that count, blank rows left out.

    cells: column -> (row,) text, as objects or a pandas Categorical, blanks stripped, alleles in upper case; or float64
    where all cells of a column are numbers.
    lines (row,): 1-based lines in the file. too_long: (line, number of cells) of rows with more cells than columns.
    """

    header: dict[str, str]
    columns: list[str]
    cells: dict[str, Texts]
    lines: npt.NDArray[np.int64]
    too_long: list[tuple[int, int]]

    @property
    def n_rows(self) -> int:
        return len(self.lines) + len(self.too_long)

    def column(self, name: str) -> Texts:
        """(row,) cells; "" everywhere where the file has no such column."""
        import pandas as pd

        if name in self.cells:
            return self.cells[name]
        return pd.Categorical.from_codes(np.zeros(len(self.lines), dtype=np.int8), categories=[""])

    def other_alleles(self) -> Texts:
        """(row,) the file's own, else the one that harmonisation inferred; "" where it is no sequence of bases."""
        chosen = own = self.column("other_allele")
        if "hm_inferOtherAllele" in self.cells:
            chosen = np.where(own != "", own, self.cells["hm_inferOtherAllele"])
        return by_value(chosen, lambda text: text if _BASES.fullmatch(text) else "", object)

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """(row,) effect_weight; NaN where it is no number."""
        return numbers(self.column("effect_weight"))

    def effects(self) -> npt.NDArray[np.int8]:
        """(row,) ADDITIVE, DOMINANT or RECESSIVE, by the flags or by effect_type."""
        typed = by_value(self.column("effect_type"), lambda t: _EFFECT_TYPES[t.lower()], np.int8)
        dominant, recessive = self.flag("is_dominant"), self.flag("is_recessive")
        return np.where(dominant, DOMINANT, np.where(recessive, RECESSIVE, typed)).astype(np.int8)

    def flag(self, name: str) -> npt.NDArray[np.bool_]:
        if name not in self.cells:
            return np.zeros(len(self.lines), dtype=bool)
        return by_value(self.cells[name], lambda text: text.lower() in _TRUE, bool)


def by_value(cells: Texts, function: Callable[[str], Any], dtype: Any) -> Texts:
    """`function` of every cell, called once a distinct value."""
    import pandas as pd

    codes, values = (cells.codes, cells.categories) if isinstance(cells, pd.Categorical) else pd.factorize(cells)
    return np.array([function(v) for v in values], dtype=dtype)[codes]


def numbers(cells: Texts) -> npt.NDArray[np.float64]:
    """Cells as numbers, NaN where they are none."""
    import pandas as pd

    if not isinstance(cells, pd.Categorical):
        with contextlib.suppress(ValueError):
            return np.asarray(cells, dtype=np.float64)
    return by_value(cells, _number, np.float64)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def read_lines(path: Path, text: str) -> Table:
    """The table in a scoring file's text. Raises InputError when there is none."""
    header: dict[str, str] = {}
    start, line = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        first = text[start:end]
        if first.strip() and not first.startswith("#"):
            columns = [c.strip() for c in first.split("\t")]
            cells, lines, too_long = _columns(columns, text[end + 1 :], line + 1)
            return Table(header, columns, cells, lines, too_long)
        if "=" in first and not first.startswith("##"):
            key, value = first.lstrip("#").split("=", 1)
            header[key.strip()] = value.strip()
        start, line = end + 1, line + 1
    raise InputError(bad(path, "no table below the header", "download it again"))


def _columns(columns: list[str], body: str, first_line: int) -> tuple[dict[str, Texts], Any, list[tuple[int, int]]]:
    """Cells by Arrow's reader; by hand, row by row, where rows have more or fewer cells than the header."""
    # Most texts have no blank: that is seen at once.
    blanks = " " in body and any(b in f"{body}\n" for b in (" \t", "\t ", " \n", "\n "))
    read = _by_arrow(columns, body, not blanks)
    if read is None:
        cells, lines, too_long = _by_hand(columns, body, first_line)
    else:
        cells, n_rows = read
        lines, too_long = np.arange(first_line, first_line + n_rows, dtype=np.int64), []
    cells = {c: _cleaned(c, v) if blanks or c in _ALLELES else v for c, v in cells.items()}
    filled = np.zeros(len(lines), dtype=bool)
    for values in cells.values():
        filled |= True if values.dtype.kind == "f" else values != ""
        if filled.all():
            return cells, lines, too_long
    return {c: v[filled] for c, v in cells.items()}, lines[filled], too_long


def _by_arrow(columns: list[str], body: str, as_numbers: bool) -> tuple[dict[str, Texts], int] | None:
    """(cells, rows) of the columns that count; None where a row has more or fewer cells than the header.

    as_numbers: columns of numbers alone come as float64.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv

    names = [c if columns.index(c) == i else f"{c}.{i}" for i, c in enumerate(columns)]
    kinds = {c: pa.string() if c in _NUMBERS else pa.dictionary(pa.int32(), pa.string()) for c in _COLUMNS}
    wanted = [c for c in names if c in kinds]
    content = body.rstrip("\n").encode()
    if not content.strip() or not wanted:
        return None
    try:
        table = csv.read_csv(
            pa.py_buffer(content),
            csv.ReadOptions(use_threads=False, column_names=names, block_size=min(len(content) + 1, _BLOCK)),
            csv.ParseOptions(delimiter="\t", quote_char=False, newlines_in_values=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=kinds, include_columns=wanted, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    whole = table.unify_dictionaries()
    found = {name: whole[name].combine_chunks() for name in wanted}
    return {
        name: _numbers_or_texts(cells, as_numbers) if name in _NUMBERS
        else pd.Categorical.from_codes(cells.indices.to_numpy(), categories=cells.dictionary.to_pylist())
        for name, cells in found.items()
    }, table.num_rows  # fmt: skip


def _numbers_or_texts(cells: Any, as_numbers: bool) -> Texts:
    """An Arrow array of texts as float64 where all are finite numbers, else as it stands."""
    import pyarrow as pa

    if as_numbers:
        with contextlib.suppress(pa.ArrowInvalid):
            values = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
            if np.isfinite(values).all():
                return values
    return cells.to_numpy(zero_copy_only=False)


def _by_hand(columns: Sequence[str], body: str, first_line: int) -> tuple[dict[str, Texts], Any, list[tuple[int, int]]]:
    rows, lines, too_long = [], [], []
    for line, text in enumerate(body.split("\n"), start=first_line):
        cells = text.split("\t")
        if len(cells) > len(columns):
            too_long.append((line, len(cells)))
        else:
            rows.append([*cells, *[""] * (len(columns) - len(cells))])
            lines.append(line)
    places = {c: columns.index(c) for c in _COLUMNS if c in columns}
    return (
        {c: np.array([r[i] for r in rows], dtype=object) for c, i in places.items()},
        np.array(lines, dtype=np.int64), too_long,
    )  # fmt: skip


def _cleaned(column: str, cells: Texts) -> Texts:
    import pandas as pd

    def clean(text: str) -> str:
        return text.strip().upper() if column in _ALLELES else text.strip()

    if isinstance(cells, pd.Categorical) and all(clean(v) == v for v in cells.categories):
        return cells
    return by_value(cells, clean, object)


def row_problems(path: Path, table: Table) -> list[Problem]:
    """Every row that cannot be used, by line: complex terms by their names first. A missing position is no problem."""
    found = [(line, f"{n} cells under {len(table.columns)} columns") for line, n in table.too_long]
    flagged = {column: table.flag(column) for column in _COMPLEX}
    alleles, weights = table.column("effect_allele"), table.column("effect_weight")
    spelled = by_value(alleles, lambda text: bool(_BASES.fullmatch(text)), bool)
    numeric = np.isfinite(table.weights)
    types = by_value(table.column("effect_type"), lambda text: text.lower() in _EFFECT_TYPES, bool)
    both = table.flag("is_dominant") & table.flag("is_recessive")
    complex_term = np.any([*flagged.values()], axis=0)
    needed = "effect_weight" in table.columns  # a file without the column has one problem, not one a row
    wrong = complex_term | ~spelled | (~numeric & needed) | ~types | both
    for i in np.flatnonzero(wrong) if "effect_allele" in table.columns else ():
        what = next((name for column, name in _COMPLEX.items() if flagged[column][i]), "")
        if what:
            found.append((int(table.lines[i]), f"{what} '{alleles[i]}'"))
        elif not spelled[i]:
            found.append((int(table.lines[i]), f"effect_allele '{alleles[i]}' is no sequence of A, C, G, T"))
        elif not types[i]:
            found.append((int(table.lines[i]), f"effect_type '{table.column('effect_type')[i]}'"))
        elif both[i]:
            found.append((int(table.lines[i]), "a term both dominant and recessive"))
        else:
            found.append((int(table.lines[i]), f"effect_weight '{weights[i]}' is no number"))
    mend = "use a score without such rows: the others alone would be another score"
    problems = [bad(path, text, mend, line) for line, text in sorted(found)[:MOST_PROBLEMS]]
    if len(found) > MOST_PROBLEMS:
        problems.append(bad(path, f"{len(found) - MOST_PROBLEMS} more rows like these", "see the rows named"))
    return problems
