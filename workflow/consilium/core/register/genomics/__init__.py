"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import meaning, quality, relations, structure

TABLES = (*quality.TABLES, *structure.TABLES, *relations.TABLES, *meaning.TABLES)
