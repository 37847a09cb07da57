"""Feature names to one spelling per kind. No mapping between name spaces: the table for it is not shipped."""

from __future__ import annotations

import re
from collections.abc import Sequence

GENE_KINDS = ("expression", "copy_number", "mutation")
_ENSEMBL = re.compile(r"(ENS[A-Z]{0,6}\d{11})(?:\.\d+)?(_PAR_Y)?", re.IGNORECASE)
_WITH_ENTREZ = re.compile(r"([^|]+)\|(\d+)")
# What spreadsheets make of MARCH1, SEPT2, DEC1 and their like (10.1186/s13059-016-1044-7).
_DATE = re.compile(r"(\d{1,2}-(?:Mar|Sep|Dec|Oct|Apr|Feb)|(?:Mar|Sep|Dec|Oct|Apr|Feb)-\d{1,2}|\d{4}/\d{2}/\d{2})", re.I)


def canonical(name: str, kind: str) -> str:
    """One spelling of a feature name; "" for a gene name that a spreadsheet turned into a date.

    Genes: Ensembl identifiers without version, symbols in upper case, SYMBOL|ENTREZ as the symbol (?|ENTREZ as
    ENTREZ:number). Other kinds as supplied: hsa-miR-21 and hsa-mir-21 are not the same.
    """
    name = name.strip()
    if kind not in GENE_KINDS:
        return name
    if _DATE.fullmatch(name):
        return ""
    if match := _ENSEMBL.fullmatch(name):
        return match[1].upper() + (match[2] or "").upper()
    if match := _WITH_ENTREZ.fullmatch(name):
        return f"ENTREZ:{match[2]}" if match[1] == "?" else match[1].upper()
    return name.upper()


def name_space(names: Sequence[str]) -> str:
    """ "Ensembl", "symbols" or "mixed": what the gene names of a table are."""
    share = sum(bool(_ENSEMBL.fullmatch(n)) for n in names) / max(1, len(names))
    return "Ensembl" if share > 0.99 else "symbols" if share < 0.01 else "mixed"
