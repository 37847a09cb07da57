"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import intake, meaning, quality, reads, relations, scores, structure

TABLES = (
    *intake.TABLES,
    *quality.TABLES,
    *structure.TABLES,
    *meaning.TABLES,
    *reads.TABLES,
    *relations.TABLES,
    *scores.TABLES,
)
