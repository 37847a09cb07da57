"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import (
    association,
    findings,
    intake,
    meaning,
    quality,
    reads,
    relations,
    scores,
    structure,
    windows,
)

TABLES = (
    *intake.TABLES,
    *quality.TABLES,
    *structure.TABLES,
    *meaning.TABLES,
    *association.TABLES,
    *findings.TABLES,
    *reads.TABLES,
    *relations.TABLES,
    *scores.TABLES,
    *windows.TABLES,
)
