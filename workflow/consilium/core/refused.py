"""Input that could not be used, as the table that every room writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from consilium.core.errors import Problem
from consilium.core.sheets import WHOLE_COHORT

if TYPE_CHECKING:
    import pandas as pd

ORDER = ["file", "line", "patient", "cause"]


def write_quarantine(path: Path, room: str, problems: Iterable[Problem]) -> None:
    """Table quarantine of a room: each problem once, sorted; patient * where it concerns a file of the whole cohort.

    Without pandas, whose import takes longer than most jobs without problems.
    """
    from consilium.core.store import write_columns

    rows = sorted({(p.file, p.line, p.patient or WHOLE_COHORT, p.cause) for p in problems})
    file, line, patient, cause = zip(*rows, strict=True) if rows else ((),) * 4
    write_columns(path, "quarantine", {"patient": patient, "room": [room] * len(rows), "file": file,
                                       "line": line, "cause": cause})  # fmt: skip


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All rows of several quarantine tables, each once, in a fixed order."""
    import pandas as pd

    from consilium.core.register import TABLES

    parts = [t for t in tables if len(t)]
    if not parts:
        return TABLES["quarantine"].empty()
    merged = pd.concat(parts, ignore_index=True).drop_duplicates()
    return TABLES["quarantine"].check(merged.sort_values(["room", *ORDER], kind="stable"))
