"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import findings, intake, meaning, quality, reads, relations, scores, structure

TABLES = (
    *intake.TABLES,
    *quality.TABLES,
    *structure.TABLES,
    *meaning.TABLES,
    *findings.TABLES,
    *reads.TABLES,
    *relations.TABLES,
    *scores.TABLES,
)
