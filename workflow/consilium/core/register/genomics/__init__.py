"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import findings, meaning, quality, scores, structure

TABLES = (*quality.TABLES, *structure.TABLES, *meaning.TABLES, *scores.TABLES, *findings.TABLES)
