"""Lists of refused input: merged, printed, or turned into the error that stops a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from consilium.core.errors import InputError, Problem, parted

if TYPE_CHECKING:
    import pandas as pd


def merged(paths: Iterable[Path]) -> pd.DataFrame:
    """All rows of the given quarantine tables: sorted, each once. A table that is absent is a defect, not a gap."""
    from consilium.core.refused import joined
    from consilium.core.store import read_table

    return joined([read_table(Path(path), "quarantine") for path in paths])


def readable(table: pd.DataFrame) -> str:
    """The list for people: one line a problem, grouped by room."""
    if table.empty:
        return "No input file was refused."
    files = table["file"].drop_duplicates()
    lines = [f"Input files with problems: {len(files)}; problems: {len(table)}"]
    for room, part in table.groupby("room", sort=True):
        lines.append(f"  {room}")
        for row in part.itertuples(index=False):
            where = f"{row.file}:{row.line}" if row.line else row.file
            who = "whole cohort" if row.patient == "*" else row.patient
            lines.append(f"    [{who}] {where}: {row.cause}")
    return "\n".join(lines)


def refuse_any(table: pd.DataFrame) -> None:
    """Raise InputError with every row of the table; nothing happens when it is empty."""
    if len(table):
        raise InputError([_problem(row) for row in table.to_dict("records")])


def _problem(row: dict[str, object]) -> Problem:
    """A row as a Problem again: the cause's three parts, as core.errors.Problem.cause joins them."""
    found, allowed, mend = parted(str(row["cause"]))
    patient = "" if row["patient"] == "*" else str(row["patient"])
    return Problem(
        str(row["file"]), found, allowed or "a file the room can use", mend or "see the room's log",
        int(str(row["line"])), patient,
    )  # fmt: skip
