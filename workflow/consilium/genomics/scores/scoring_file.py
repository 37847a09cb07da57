"""Reads a PGS Catalog scoring file (GRCh38, or harmonised to it) and refuses, by name, what cannot be scored.

The catalogue's own reader (pgscatalog.core) stops at the first bad row and validates each row as an object, which
takes minutes for a million variants; here every problem of a file is wanted, with its line, so the table is read whole.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from consilium.core.errors import InputError, Problem

GRCH38 = {"GRCH38", "HG38"}
ADDITIVE, DOMINANT, RECESSIVE = "additive", "dominant", "recessive"
MOST_PROBLEMS = 20  # of one file that are listed one by one

# Columns whose presence or truth means a term that is no dosage of one allele.
_REFUSED_FLAGS = {
    "is_haplotype": "haplotype terms",
    "is_diplotype": "diplotype terms",
    "is_interaction": "interaction terms",
}
_BASES = set("ACGT")


@dataclass(frozen=True)
class Term:
    """One variant of a score. chrom "" = the file gives no position. other_allele "" = not given.

    frequency: of the effect allele, as the file gives it; NaN = not given. line: in the file, 1-based.
    """

    chrom: str
    pos: int
    effect_allele: str
    other_allele: str
    weight: float
    effect: str = ADDITIVE
    frequency: float = math.nan
    line: int = 0


@dataclass(frozen=True)
class ScoringFile:
    """A score and its terms. header: `#key=value` lines, values stripped."""

    name: str
    trait: str
    terms: tuple[Term, ...]
    header: dict[str, str] = field(default_factory=dict)


def read_scoring_file(path: Path) -> ScoringFile:
    """Read and check one file. Raises InputError with every problem found."""
    header, columns, rows, first_line = _read(path)
    problems = [*_column_problems(path, columns), *_build_problems(path, header, columns, bool(rows))]
    if any(p.found.startswith("no column") for p in problems):
        raise InputError(problems)
    terms, bad_rows = _terms(path, columns, rows, first_line)
    if problems or bad_rows:
        raise InputError([*problems, *_shortened(path, bad_rows)])
    name = header.get("pgs_id") or Path(path).name.removesuffix(".gz").removesuffix(".txt").removesuffix(".tsv")
    return ScoringFile(name, header.get("trait_reported", ""), tuple(terms), header)


def _read(path: Path) -> tuple[dict[str, str], list[str], list[list[str]], int]:
    """(header, column names, rows, line of the first row)."""
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(_bad(path, f"{type(error).__name__}: {error}", "download it again")) from None
    except UnicodeDecodeError as error:
        raise InputError(_bad(path, f"byte {error.start} is not UTF-8", "download it again")) from None
    header: dict[str, str] = {}
    lines = text.splitlines()
    start = 0
    while start < len(lines) and (lines[start].startswith("#") or not lines[start].strip()):
        if "=" in lines[start] and not lines[start].startswith("##"):
            key, value = lines[start].lstrip("#").split("=", 1)
            header[key.strip()] = value.strip()
        start += 1
    if start == len(lines):
        raise InputError(_bad(path, "no table below the header", "download it again"))
    columns = [c.strip() for c in lines[start].split("\t")]
    rows = list(csv.reader(lines[start + 1 :], delimiter="\t", quoting=csv.QUOTE_NONE))
    return header, columns, rows, start + 2


def _bad(path: Path, found: str, mend: str, line: int = 0) -> Problem:
    return Problem(str(path), found, "a PGS Catalog scoring file for GRCh38", mend, line, "*")


def _column_problems(path: Path, columns: Sequence[str]) -> list[Problem]:
    if "dosage_1_weight" in columns:
        found = "no column effect_weight but weights per dosage (dosage_0_weight …)"
        return [_bad(path, found, "use a score with one weight per allele")]
    lacking = [c for c in ("effect_allele", "effect_weight") if c not in columns]
    if not ({"hm_chr", "hm_pos"} <= set(columns) or {"chr_name", "chr_position"} <= set(columns)):
        lacking.append("hm_chr and hm_pos, or chr_name and chr_position")
    return [_bad(path, f"no column {c}", "use the file harmonised to GRCh38 (…_hmPOS_GRCh38.txt.gz)") for c in lacking]


def _build_problems(path: Path, header: dict[str, str], columns: Sequence[str], has_rows: bool) -> list[Problem]:
    if not has_rows:
        return [_bad(path, "no variants", "download it again")]
    key = "HmPOS_build" if "hm_pos" in columns else "genome_build"
    build = header.get(key, "")
    if build.upper() in GRCH38:
        return []
    return [_bad(path, f"{key} '{build or 'not given'}'", "use the file harmonised to GRCh38 (…_hmPOS_GRCh38.txt.gz)")]


def _terms(path: Path, columns: list[str], rows: list[list[str]], first_line: int) -> tuple[list[Term], list[Problem]]:
    terms: list[Term] = []
    problems: list[Problem] = []
    for line, cells in enumerate(rows, start=first_line):
        if not any(c.strip() for c in cells):
            continue
        if len(cells) > len(columns):
            problems.append(_bad(path, f"{len(cells)} cells under {len(columns)} columns", "download it again", line))
            continue
        row = dict(zip(columns, (c.strip() for c in cells), strict=False))
        found = _row_problem(row)
        if found:
            problems.append(_bad(path, found, "use a score without such rows, or correct them", line))
        else:
            terms.append(_term(row, "hm_pos" in columns, line))
    if not problems and not any(t.chrom for t in terms):
        problems.append(_bad(path, "no row has a position", "use the file harmonised to GRCh38"))
    return terms, problems


def _row_problem(row: dict[str, str]) -> str:
    """What makes the row unusable; "" = nothing. A missing position does not: that variant is not found."""
    for column, what in _REFUSED_FLAGS.items():
        if _true(row.get(column, "")):
            return f"{what} ({row['effect_allele']})"
    allele = row.get("effect_allele", "").upper()
    if not allele or not set(allele) <= _BASES:
        return f"effect_allele '{allele}' is no sequence of A, C, G, T"
    if not math.isfinite(_number(row.get("effect_weight", ""))):
        return f"effect_weight '{row.get('effect_weight', '')}' is no number"
    if _true(row.get("is_dominant", "")) and _true(row.get("is_recessive", "")):
        return "a term both dominant and recessive"
    return ""


def _term(row: dict[str, str], harmonised: bool, line: int) -> Term:
    chrom, pos = ("hm_chr", "hm_pos") if harmonised else ("chr_name", "chr_position")
    place = _number(row.get(pos, ""))
    located = bool(row.get(chrom)) and math.isfinite(place)
    other = row.get("other_allele", "").upper()
    effect = (
        DOMINANT if _true(row.get("is_dominant", ""))
        else RECESSIVE if _true(row.get("is_recessive", "")) else ADDITIVE
    )  # fmt: skip
    frequency = _number(row.get("allelefrequency_effect", ""))
    return Term(
        row[chrom].removeprefix("chr") if located else "",
        int(place) if located else 0,
        row["effect_allele"].upper(),
        other if set(other) <= _BASES else "",
        float(row["effect_weight"]),
        effect,
        frequency if 0 <= frequency <= 1 else math.nan,
        line,
    )


def _true(cell: str) -> bool:
    return cell.lower() in ("true", "1", "yes", "t")


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _shortened(path: Path, problems: list[Problem]) -> list[Problem]:
    if len(problems) <= MOST_PROBLEMS:
        return problems
    left = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], _bad(path, f"{left} more rows like these", "see the rows named", 0)]
