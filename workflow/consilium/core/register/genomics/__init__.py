"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import association, meaning, quality, structure

TABLES = (*quality.TABLES, *structure.TABLES, *meaning.TABLES, *association.TABLES)
