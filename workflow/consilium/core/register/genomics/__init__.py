"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import intake, meaning, quality, scores, structure

TABLES = (
    *intake.TABLES,
    *quality.TABLES,
    *structure.TABLES,
    *meaning.TABLES,
    *scores.TABLES,
)
from consilium.core.register.genomics import meaning, quality, relations, structure

TABLES = (*quality.TABLES, *structure.TABLES, *relations.TABLES, *meaning.TABLES)
