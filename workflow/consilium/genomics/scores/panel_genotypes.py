"""Genotypes of reference people at wanted positions, from VCF files, block by block: a panel need not fit in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import CONTIGS, build_of_lengths, canonical
from consilium.genomics.intake.vcf_opening import lines_of
from consilium.genomics.intake.vcf_report import Report
from consilium.genomics.scores.scoring_file import KEY_SHIFT

_ROWS = 1000  # records of a block
_NEAR = 2000  # wanted positions closer than this are fetched together from an indexed file

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """Reference people and the population of each (a name of the ancestry reference's), in the table's order."""

    names: list[str]
    population: list[str]


@dataclass(frozen=True)
class Block:
    """Records of one stretch: key (row,), alleles (row, number) with "" as padding, calls (row, person, strand)."""

    key: Ints
    alleles: npt.NDArray[Any]
    calls: npt.NDArray[np.int8]


def read_people(path: Path) -> People:
    """TSV with columns person and population; raises InputError."""
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    lacking = [c for c in ("person", "population") if not rows or c not in rows[0]]
    names = [r["person"] for r in rows] if not lacking else []
    found = f"no column {', '.join(lacking)}" if lacking else "a person twice" if len(set(names)) < len(names) else ""
    if found:
        raise _bad(path, found, "a TSV with columns person and population, each person once", "correct the table")
    return People(names, [r["population"] for r in rows])


def blocks(files: Sequence[Path], wanted: Ints, people: People) -> Iterator[Block]:
    """Blocks of the records at `wanted` (sorted site keys); all records of a position in one block. InputError."""
    for file in files:
        yield from _blocks(file, wanted, people)


class _Genotypes(dict[str, int]):
    """Number of each GT text seen; `strands` (number, 2): its allele numbers, -1 where it is not a diploid call."""

    def __init__(self) -> None:
        super().__init__()
        self.strands: list[tuple[int, int]] = []

    def __missing__(self, text: str) -> int:
        parts = text.partition(":")[0].replace("|", "/").split("/")
        whole = len(parts) == 2 and all(p.isdigit() for p in parts)
        self.strands.append((int(parts[0]), int(parts[1])) if whole else (-1, -1))
        self[text] = len(self.strands) - 1
        return self[text]


_Held = list[tuple[int, list[str], npt.NDArray[np.int32]]]


def _blocks(file: Path, wanted: Ints, people: People) -> Iterator[Block]:
    columns: list[int] = []
    held: _Held = []
    known = _Genotypes()
    for line in _lines(file, wanted):
        if line.startswith("#"):
            columns = _columns(file, line, people)
            continue
        chrom, pos = line.split("\t", 2)[:2]
        key = _key(chrom, pos)
        if key is None or not _within(wanted, key):
            continue
        if len(held) >= _ROWS and held[-1][0] != key:
            yield _block(held, known)
            held = []
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) <= max(columns, default=0):
            raise _bad(file, f"{len(cells)} columns at {chrom}:{pos}", "the columns of the header", "mend the file")
        if cells[8].partition(":")[0] != "GT":
            continue
        alleles = [cells[3].upper(), *(() if cells[4] == "." else cells[4].upper().split(","))]
        genotypes = [cells[c] for c in columns]
        if cells[8] != "GT":
            genotypes = [g.partition(":")[0] for g in genotypes]
        held.append((key, alleles, np.array(list(map(known.__getitem__, genotypes)), dtype=np.int32)))
    if held:
        yield _block(held, known)


def _lines(file: Path, wanted: Ints) -> Iterator[str]:
    """The #CHROM line and data lines: near the wanted positions where there is an index, else all."""
    import pysam

    report = Report(str(file), "*")
    indexed = any(Path(f"{file}{end}").exists() for end in (".tbi", ".csi"))
    with lines_of(file, report) as lines:
        lengths: dict[str, int | None] = {}
        for line in lines:
            if line.startswith("##contig=<") and "length=" in line:
                name = line.split("ID=", 1)[1].split(",", 1)[0].split(">", 1)[0]
                digits = line.split("length=", 1)[1].split(",", 1)[0].strip(">\r\n ")
                lengths[name] = int(digits) if digits.isdigit() else None
            elif not line.startswith("##"):
                yield line
                break
        if build_of_lengths(lengths) not in ("", "GRCh38"):
            raise report.stop("contig lengths of another genome build", "GRCh38", "supply the panel on GRCh38")
        if not indexed:
            yield from lines
            return
    try:
        with pysam.TabixFile(str(file)) as table:
            named = {canonical(c): c for c in table.contigs}
            for contig, low, high in _stretches(wanted):
                if contig in named:
                    yield from table.fetch(named[contig], low - 1, high)
    except OSError as error:
        raise _bad(file, f"an index that does not serve ({error})", "its own .tbi or .csi", "index it again") from None


def _stretches(wanted: Ints) -> Iterator[tuple[str, int, int]]:
    start = 0
    for i in range(1, len(wanted) + 1):
        if i == len(wanted) or wanted[i] - wanted[i - 1] > _NEAR:
            chrom, low = divmod(int(wanted[start]), 1 << KEY_SHIFT)
            yield CONTIGS[chrom], low, int(wanted[i - 1]) % (1 << KEY_SHIFT)
            start = i


def _key(chrom: str, pos: str) -> int | None:
    name = canonical(chrom)
    if name is None or not pos.isdigit():
        return None
    return (CONTIGS.index(name) << KEY_SHIFT) + int(pos)


def _within(wanted: Ints, key: int) -> bool:
    at = int(np.searchsorted(wanted, key))
    return at < len(wanted) and int(wanted[at]) == key


def _bad(file: Path, found: str, allowed: str, mend: str) -> InputError:
    return InputError(Problem(str(file), found, allowed, mend, 0, "*"))


def _columns(file: Path, line: str, people: People) -> list[int]:
    cells = line.rstrip("\r\n").split("\t")
    place = {name: i for i, name in enumerate(cells) if i >= 9}
    absent = [p for p in people.names if p not in place]
    if absent:
        found = f"{len(absent)} of {len(people.names)} reference people are not in it ({', '.join(absent[:3])} …)"
        raise _bad(file, found, "every person of genomics.reference_panel.people",
                   "shorten the table of people, or supply the whole panel")  # fmt: skip
    return [place[p] for p in people.names]


def _block(held: _Held, known: _Genotypes) -> Block:
    width = max(2, *(len(alleles) for _, alleles, _ in held))
    alleles = np.array([[*a, *[""] * (width - len(a))] for _, a, _ in held], dtype=object)
    strands = np.array(known.strands, dtype=np.int8)
    return Block(np.array([k for k, _, _ in held], dtype=np.int64), alleles, strands[np.stack([c for _, _, c in held])])
