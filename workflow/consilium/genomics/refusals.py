"""The room's quarantine list, from the lists of its stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows of several quarantine tables, each once, in a fixed order."""
    import pandas as pd

    from consilium.core.register import TABLES

    parts = [t for t in tables if len(t)]
    if not parts:
        return TABLES["quarantine"].empty()
    merged = pd.concat(parts, ignore_index=True).drop_duplicates()
    return TABLES["quarantine"].check(merged.sort_values(["patient", "file", "line", "cause"], kind="stable"))


def first_causes(refused: pd.DataFrame) -> dict[str, str]:
    """Patient -> cause of the first refused file; cohort-level files ("*") are nobody's."""
    out: dict[str, str] = {}
    for row in refused.itertuples():
        if row.patient != "*":
            out.setdefault(row.patient, f"{row.file}: {row.cause}")
    return out
