"""Sites of interest: the allele-frequency reference, and the positions that must be known as tested or not."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake import lifting
from consilium.genomics.intake.build import CONTIGS, LENGTHS, canonical

_SITE_COLUMNS = ("chrom", "pos", "ref", "alt")
FLOOR = 0.001  # frequencies are kept this far from 0 and 1: an allele not seen in a sample is not impossible


@dataclass(frozen=True)
class Panel:
    """Autosomal single-base variants with their allele frequencies.

    chrom (site,) "chr1" …; pos (site,) 1-based; ref, alt (site,) bases; populations: names;
    frequency (site, population): frequency of `alt`, held within [FLOOR, 1 - FLOOR].
    """

    chrom: npt.NDArray[np.str_]
    pos: npt.NDArray[np.int64]
    ref: npt.NDArray[np.str_]
    alt: npt.NDArray[np.str_]
    populations: tuple[str, ...]
    frequency: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pos)


def read_panel(path: Path) -> Panel:
    """Read an allele-frequency table (TSV: chrom, pos, ref, alt, one column a population); sites in genome order.

    Rows off the autosomes or with anything but single bases are left out. Raises InputError naming every bad line.
    """
    problems: list[Problem] = []
    rows = []
    with lifting.text(path) as handle:
        table = csv.DictReader(handle, delimiter="\t")
        names = tuple(c for c in table.fieldnames or () if c not in _SITE_COLUMNS)
        lacking = [c for c in _SITE_COLUMNS if c not in (table.fieldnames or ())]
        if lacking or not names:
            raise InputError(
                Problem(str(path), f"no column {', '.join(lacking) or 'of a population'}",
                        "chrom, pos, ref, alt and one column a population", "supply such a table", 1)
            )  # fmt: skip
        for line, row in enumerate(table, start=2):
            chrom = canonical(row["chrom"])
            try:
                position, values = int(row["pos"]), [float(row[n]) for n in names]
                if not all(0 <= v <= 1 for v in values):
                    raise ValueError
            except (TypeError, ValueError):
                problems.append(Problem(str(path), "a position or frequency that is none", "a whole number; 0 to 1",
                                        "correct the cell", line))  # fmt: skip
                continue
            if chrom in CONTIGS[:22] and row["ref"] in "ACGT" and row["alt"] in "ACGT":
                rows.append((CONTIGS.index(str(chrom)), position, row["ref"], row["alt"], values))
    if problems:
        raise InputError(problems[:20])
    rows.sort()
    frequency = np.array([r[4] for r in rows], dtype=np.float64).reshape(len(rows), len(names))
    return Panel(
        np.array([CONTIGS[r[0]] for r in rows], dtype=str), np.array([r[1] for r in rows], dtype=np.int64),
        np.array([r[2] for r in rows], dtype=str), np.array([r[3] for r in rows], dtype=str),
        names, np.clip(frequency, FLOOR, 1 - FLOOR),
    )  # fmt: skip


class Wanted:
    """Positions at which a call of the reference allele must be kept apart from no call; reference bases if known."""

    def __init__(self, sites: Iterable[tuple[str, int, str]]) -> None:
        bases: dict[str, dict[int, str]] = {}
        for chrom, position, ref in sites:
            there = bases.setdefault(chrom, {})
            there[position] = max(there.get(position, ""), ref, key=len)
        self._positions = {c: sorted(b) for c, b in bases.items()}
        self._bases = bases

    def within(self, chrom: str, low: int, high: int) -> list[tuple[int, str]]:
        """(position, reference bases or "") in [low, high], ascending."""
        there = self._positions.get(chrom, [])
        chosen = there[bisect_left(there, low) : bisect_right(there, high)]
        return [(p, self._bases[chrom][p]) for p in chosen]

    def by_contig(self) -> list[tuple[str, list[int]]]:
        return [(c, self._positions[c]) for c in CONTIGS if c in self._positions]

    def __len__(self) -> int:
        return sum(map(len, self._positions.values()))


def read_wanted(panel: Panel, targets: Iterable[Path], scores: Iterable[Path], chain: Path | None = None) -> Wanted:
    """Positions of the panel, of target tables (TSV with chrom, pos, ref) and of PGS Catalog scoring files.

    chain: UCSC chain file, for scoring files on GRCh37.
    """
    sites = [(str(c), int(p), str(r)) for c, p, r in zip(panel.chrom, panel.pos, panel.ref, strict=True)]
    for path in targets:
        with lifting.text(path) as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                chrom = canonical(row["chrom"])
                if chrom and row["pos"].isdigit():
                    sites.append((chrom, int(row["pos"]), row.get("ref") or ""))
    for path in scores:
        sites += _score_sites(path, chain)
    return Wanted(s for s in sites if 0 < s[1] <= LENGTHS["GRCh38"][s[0]])


def _score_sites(path: Path, chain: Path | None) -> Iterator[tuple[str, int, str]]:
    """Positions of a scoring file: harmonised ones where it has them. What is no position is the score's own matter."""
    with lifting.text(path) as handle:
        said, lines = lifting.header_and_table(handle)
        rows = csv.DictReader(lines, delimiter="\t")
        old = lifting.speaks_for_old(said, rows.fieldnames or ())
        places = lifting.places_of_chain(chain) if chain and old else None
        for row in rows:
            chrom = canonical(row.get("hm_chr") or row.get("chr_name") or "")
            position = row.get("hm_pos") or row.get("chr_position") or ""
            if chrom and position.isdigit():
                place = places.block(chrom, int(position)) if places else None
                if places is None:
                    yield chrom, int(position), ""
                elif place:
                    yield place.to_chrom, place.at(int(position)), ""
