"""Which genes are looked at, and which of their variants count: the ACMG list, or the user's own."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import InputError, Problem

COLUMNS = ("gene", "phenotype", "inheritance", "report")
INHERITANCES = ("AD", "AR", "XL", "MT", "")
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]*")
_ONE_VARIANT = re.compile(r"homozygous (chr[0-9XYM]+)-(\d+)-([ACGT]+)-([ACGT]+)")
_RULES = "all, two, truncating, or homozygous chr6-26092913-G-A"


@dataclass(frozen=True)
class Gene:
    """report: all (every P or LP), two (homozygous, hemizygous or two variants), truncating, or "homozygous <variant>".

    inheritance: AD, AR, XL, MT or "" (not said).
    """

    symbol: str
    phenotype: str = ""
    inheritance: str = ""
    report: str = "all"

    @property
    def only(self) -> tuple[str, int, str, str] | None:
        """The one variant that counts, where the rule names one."""
        match = _ONE_VARIANT.fullmatch(self.report)
        return (match[1], int(match[2]), match[3], match[4]) if match else None


@dataclass(frozen=True)
class GeneList:
    """name: what the list calls itself in its first comment line, else its file's name."""

    name: str
    genes: dict[str, Gene]


def read_genes(path: Path) -> GeneList:
    """Read a gene list: TSV with column gene and, if wanted, phenotype, inheritance, report; `#` begins a comment.

    Without a rule, genes with recessive inheritance (AR) need two variants, all others one. Raises InputError with
    every problem.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"a gene list that cannot be read ({type(error).__name__})",
                                 "UTF-8 text with tabs", "supply the list")) from None  # fmt: skip
    numbered = [(n, text) for n, text in enumerate(lines, start=1) if text.strip() and not text.startswith("#")]
    name = next((t.lstrip("# ").strip() for t in lines[:1] if t.startswith("#")), "") or path.stem
    header = [c.strip() for c in numbered[0][1].split("\t")] if numbered else []
    if "gene" not in header:
        raise InputError(Problem(str(path), "no column 'gene'", f"a header with {', '.join(COLUMNS)}",
                                 "name the columns, tabs between them", numbered[0][0] if numbered else 0))  # fmt: skip
    problems: list[Problem] = []
    genes: dict[str, Gene] = {}
    for line, text in numbered[1:]:
        row = dict(zip(header, (c.strip() for c in next(csv.reader([text], delimiter="\t"))), strict=False))
        found = list(_faults(row, genes))
        problems += [Problem(str(path), *fault, line) for fault in found]
        if not found:
            rule = row.get("report") or ("two" if row.get("inheritance") == "AR" else "all")
            genes[row["gene"]] = Gene(row["gene"], row.get("phenotype", ""), row.get("inheritance", ""), rule)
    if not genes and not problems:
        problems.append(Problem(str(path), "no gene", "one row a gene", "add the genes"))
    if problems:
        raise InputError(problems)
    return GeneList(name, genes)


def _faults(row: dict[str, str], known: dict[str, Gene]) -> Iterator[tuple[str, str, str]]:
    symbol, rule = row.get("gene", ""), row.get("report", "")
    if not _SYMBOL.fullmatch(symbol):
        yield f"gene '{symbol}'", "an HGNC symbol", "correct the symbol"
    if symbol in known:
        yield f"gene '{symbol}' again", "each gene once", "remove one row"
    if row.get("inheritance", "") not in INHERITANCES:
        yield f"inheritance '{row['inheritance']}'", ", ".join(INHERITANCES[:-1]) + " or empty", "use one of these"
    if rule and rule not in ("all", "two", "truncating") and not _ONE_VARIANT.fullmatch(rule):
        yield f"report '{rule}'", _RULES, "use one of these"
