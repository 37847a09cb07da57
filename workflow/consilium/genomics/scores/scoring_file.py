"""Reads a PGS Catalog scoring file (GRCh38, harmonised to it, or GRCh37 and lifted over) and refuses, by name, what
cannot be scored.

The catalogue's own reader (pgscatalog.core) stops at the first bad row and validates each row as an object, which
takes minutes for a million variants; here the table is read by columns, and every problem is wanted, with its line.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.lifting import names_old, speaks_for_old
from consilium.genomics.scores.scoring_table import (
    ADDITIVE,
    DOMINANT,
    RECESSIVE,
    Table,
    bad,
    by_value,
    numbers,
    read_lines,
    row_problems,
)

GRCH38 = {"GRCH38", "HG38"}
UNSTATED = {"", "NR"}
EFFECTS = ("additive", "dominant", "recessive")  # names of the codes ADDITIVE, DOMINANT, RECESSIVE
KEY_SHIFT = 40  # a chromosome's number stands above any position

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[Any]

__all__ = ["ADDITIVE", "DOMINANT", "EFFECTS", "RECESSIVE", "ScoringFile", "Terms", "read_scoring_file", "site_keys"]


@dataclass(frozen=True)
class Terms:
    """The variants of a score as columns, in file order.

    chrom (term,) index into CONTIGS, -1 = no position given or another contig; pos (term,) 1-based, 0 = not given, or
    a position of GRCh37 without a place in GRCh38 (with chrom >= 0);
    effect_allele, other_allele (term,) upper-case text, other "" = not given; weight (term,) float64; effect (term,)
    ADDITIVE, DOMINANT or RECESSIVE; frequency (term,) of the effect allele as the file gives it, NaN = not given;
    line (term,) in the file, 1-based.
    """

    chrom: Ints
    pos: Ints
    effect_allele: Texts
    other_allele: Texts
    weight: Floats
    effect: npt.NDArray[np.int8]
    frequency: Floats
    line: Ints

    def __len__(self) -> int:
        return len(self.pos)

    @property
    def without_place(self) -> npt.NDArray[np.bool_]:
        """(term,) lifting over found no place in GRCh38."""
        return (self.chrom >= 0) & (self.pos == 0)

    @property
    def key(self) -> Ints:
        """(term,) chromosome and position as one number, -1 without a position."""
        return np.where((self.chrom >= 0) & (self.pos > 0), site_keys(self.chrom, self.pos), -1)

    def same_variants(self, other: Terms) -> bool:
        """All but the weights and what they weigh (`effect`) is the same, in the same order."""
        return len(self) == len(other) and all(
            np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
            for one, two in ((self.pos, other.pos), (self.chrom, other.chrom), (self.frequency, other.frequency),
                             (self.effect_allele, other.effect_allele), (self.other_allele, other.other_allele))
        )  # fmt: skip

    def digest(self) -> str:
        """Hash of everything that decides a sum: a reference made with other terms is told by it."""
        content = hashlib.sha256()
        for column in (self.chrom, self.pos, self.weight, self.effect):
            content.update(np.ascontiguousarray(column).tobytes())
        for texts in (self.effect_allele, self.other_allele):
            content.update("\t".join(texts).encode())
        return content.hexdigest()[:16]


def site_keys(chrom: Ints, pos: Ints) -> Ints:
    """One number a site: sorts like (chromosome, position)."""
    return (chrom.astype(np.int64) << KEY_SHIFT) + pos.astype(np.int64)


@dataclass(frozen=True)
class ScoringFile:
    """A score and its terms. header: `#key=value` lines, values stripped. note: what every sum of it has to say."""

    name: str
    trait: str
    terms: Terms
    header: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def trait_id(self) -> str:
        """What scores of one trait share: the ontology term where the file names one, else the trait's own name."""
        return self.header.get("trait_efo") or self.trait.strip().lower()


def read_scoring_file(path: Path, build_of: Any = None, lift: Callable[[Terms], Terms] | None = None) -> ScoringFile:
    """Read and check one file. Raises InputError with every problem found.

    build_of: function of Terms that tells the build from the positions ("" = cannot tell); it decides where the
    file states no build, and overrules a header that the positions speak against. lift: brings terms of a file that
    states GRCh37 to GRCh38; without it such a file is refused.
    """
    table = read_lines(path, _text(path))
    problems = [*_column_problems(path, table), *row_problems(path, table)]
    if problems:
        raise InputError([*_build_problems(path, table, None, None), *problems])
    terms = _terms(table)
    problems = _build_problems(path, table, terms, build_of, lift is not None)
    if not problems and not (terms.chrom >= 0).any():
        problems = [bad(path, "no row has a position", "use the file harmonised to GRCh38")]
    if problems:
        raise InputError(problems)
    note = ""
    if lift is not None and speaks_for_old(table.header, table.columns):
        terms = lift(terms)
        note = f"lifted over from GRCh37: {terms.without_place.sum()} of {len(terms)} variants have no place in GRCh38"
    name = table.header.get("pgs_id") or Path(path).name.removesuffix(".gz").removesuffix(".txt").removesuffix(".tsv")
    return ScoringFile(name, table.header.get("trait_reported", ""), terms, table.header, note)


def _text(path: Path) -> str:
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(bad(path, f"{type(error).__name__}: {error}", "download it again")) from None
    except UnicodeDecodeError as error:
        raise InputError(bad(path, f"byte {error.start} is not UTF-8", "download it again")) from None


def _column_problems(path: Path, table: Table) -> list[Problem]:
    if "dosage_1_weight" in table.columns:
        found = "no column effect_weight but weights per dosage (dosage_0_weight …)"
        return [bad(path, found, "use a score with one weight per allele")]
    lacking = [c for c in ("effect_allele", "effect_weight") if c not in table.columns]
    if not ({"hm_chr", "hm_pos"} <= set(table.columns) or {"chr_name", "chr_position"} <= set(table.columns)):
        lacking.append("hm_chr and hm_pos, or chr_name and chr_position")
    mend = "use the file harmonised to GRCh38 (…_hmPOS_GRCh38.txt.gz)"
    return [bad(path, f"no column {c}", mend) for c in lacking]


def _build_problems(
    path: Path, table: Table, terms: Terms | None, build_of: Any, can_lift: bool = False
) -> list[Problem]:
    if not table.n_rows:
        return [bad(path, "no variants", "download it again")]
    key = "HmPOS_build" if "hm_pos" in table.columns else "genome_build"
    stated = table.header.get(key, "")
    spoken = build_of(terms) if terms is not None and build_of is not None else ""
    mend = "use the file harmonised to GRCh38 (…_hmPOS_GRCh38.txt.gz)"
    if speaks_for_old(table.header, table.columns):
        mend += ", or give the chain file of the two builds (genomics.chain)"
        if spoken == "GRCh38":
            return [bad(path, f"{key} '{stated}', but known variants lie as in GRCh38", "correct its header")]
        return [] if can_lift else [bad(path, f"{key} '{stated}'", mend)]
    if spoken == "GRCh37" and not names_old(stated):
        mend += " or, if it is on GRCh37, say so in its header (#genome_build=GRCh37)"
        return [bad(path, f"{key} '{stated or 'not given'}', but known variants lie as in GRCh37", mend)]
    if stated.upper() in GRCH38 or (stated.upper() in UNSTATED and spoken == "GRCh38"):
        return []
    told = "" if stated.upper() not in UNSTATED or terms is None else ", and its positions do not tell the build"
    return [bad(path, f"{key} '{stated or 'not given'}'{told}", mend)]


def _terms(table: Table) -> Terms:
    """Columns of a table without problems."""
    place = ("hm_chr", "hm_pos") if "hm_pos" in table.columns else ("chr_name", "chr_position")
    chrom_text, pos_text = (table.column(c) for c in place)
    chrom = by_value(chrom_text, _contig, np.int64)
    pos = np.nan_to_num(numbers(pos_text), nan=0.0, posinf=0.0, neginf=0.0).astype(np.int64)
    chrom = np.where(pos > 0, chrom, -1)
    frequency = numbers(table.column("allelefrequency_effect"))
    return Terms(
        chrom, np.where(chrom >= 0, pos, 0), np.asarray(table.column("effect_allele"), dtype=object),
        table.other_alleles(), table.weights, table.effects(),
        np.where((frequency >= 0) & (frequency <= 1), frequency, math.nan), table.lines,
    )  # fmt: skip


def _contig(name: str) -> int:
    known = canonical(name) if name else None
    return CONTIGS.index(known) if known else -1
