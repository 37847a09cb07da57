"""Tables that the genomics room writes."""

from __future__ import annotations

from consilium.core.register.genomics import meaning, quality, reads, structure

TABLES = (*quality.TABLES, *structure.TABLES, *reads.TABLES, *meaning.TABLES)
