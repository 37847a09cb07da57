"""Where depth is measured: genes of the table that comes along, genes and targets of the user's BED files, windows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import BUILD, CONTIGS, LENGTHS, canonical

WINDOW = 1000  # longest window, bases
Interval = tuple[int, int]  # 0-based, half-open, as in BED


@dataclass(frozen=True)
class Region:
    """One row of the coverage table: intervals of one chromosome, sorted, none overlapping another."""

    kind: str  # gene (its body), exons, target
    gene: str
    chrom: str
    intervals: tuple[Interval, ...]

    @property
    def name(self) -> str:
        """Place in the usual writing, 1-based and inclusive."""
        return f"{self.chrom}:{self.intervals[0][0] + 1}-{self.intervals[-1][1]}"

    @property
    def n_bases(self) -> int:
        return sum(end - start for start, end in self.intervals)


@dataclass(frozen=True)
class Gene:
    """A gene of the table. steady: its depth can serve as a control."""

    name: str
    steady: bool
    chrom: str
    start: int
    end: int
    exons: tuple[Interval, ...]


@dataclass(frozen=True)
class Window:
    """A stretch of at most WINDOW bases. steady: inside a gene whose depth can serve as a control."""

    chrom: str
    start: int
    end: int
    genes: str
    steady: bool


def read_genes(path: Path) -> list[Gene]:
    """Genes of resources/gene_regions.tsv."""
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return [
        Gene(r["gene"], r["steady"] == "yes", r["chrom"], int(r["start"]), int(r["end"]),
             tuple((int(a), int(b)) for a, b in (e.split("-") for e in r["exons"].split(";"))))
        for r in rows
    ]  # fmt: skip


def regions(genes: Sequence[Gene], genes_bed: Path | None = None, targets_bed: Path | None = None) -> list[Region]:
    """All regions in genome order. A gene that `genes_bed` names replaces the exons of the same gene of the table."""
    named = _by_gene(read_bed(genes_bed)) if genes_bed else []
    own = {r.gene for r in named}
    out = [Region("gene", g.name, g.chrom, ((g.start, g.end),)) for g in genes]
    out += [Region("exons", g.name, g.chrom, g.exons) for g in genes if g.name not in own]
    out += named
    targets = sorted(set(read_bed(targets_bed))) if targets_bed else []
    out += [Region("target", gene, chrom, ((start, end),)) for chrom, start, end, gene in targets]
    return sorted(out, key=lambda r: (CONTIGS.index(r.chrom), r.intervals[0], r.kind, r.gene))


def _by_gene(rows: list[tuple[str, int, int, str]]) -> list[Region]:
    found: dict[tuple[str, str], list[Interval]] = {}
    for chrom, start, end, gene in rows:
        found.setdefault((chrom, gene or f"{chrom}:{start + 1}-{end}"), []).append((start, end))
    return [Region("exons", gene, chrom, tuple(joined(parts))) for (chrom, gene), parts in found.items()]


def joined(intervals: Sequence[Interval]) -> list[Interval]:
    """Sorted intervals, those that overlap or touch made one."""
    out: list[Interval] = []
    for start, end in sorted(intervals):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def read_bed(path: Path) -> list[tuple[str, int, int, str]]:
    """(chromosome, start, end, gene) of each row; contigs outside the primary assembly are left out.

    The gene is the fourth column up to the first of | ; and comma, "" without one. Raises InputError, all rows at once.
    """
    out, problems = [], []
    with open(path, encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            cells = line.rstrip("\r\n").split("\t")
            if not line.strip() or cells[0].startswith(("#", "track", "browser")):
                continue
            row = _bed_row(cells)
            if row is None:
                allowed = f"chromosome, start and end by tabs, start before end, inside the chromosome of {BUILD}"
                problems.append(Problem(str(path), f"row '{line.strip()[:60]}'", allowed, "mend the row", number))
            elif row[0]:
                out.append(row)
    if problems:
        raise InputError(problems)
    return out


def _bed_row(cells: list[str]) -> tuple[str, int, int, str] | None:
    """The row; its chromosome is "" for a contig outside the primary assembly. None: not a BED row."""
    if len(cells) < 3 or not (cells[1].isdecimal() and cells[2].isdecimal()):
        return None
    chrom, start, end = canonical(cells[0]), int(cells[1]), int(cells[2])
    if start >= end or (chrom and end > LENGTHS[BUILD][chrom]):
        return None
    gene = cells[3].replace("|", ";").replace(",", ";").split(";")[0].strip() if len(cells) > 3 else ""
    return chrom or "", start, end, gene if gene != "." else ""


def windows(places: Sequence[Region], genes: Sequence[Gene]) -> list[Window]:
    """Everything that the regions cover, in genome order, in windows of nearly equal size up to WINDOW bases."""
    steady = {g.name for g in genes if g.steady}
    out = []
    for chrom in CONTIGS:
        here = [r for r in places if r.chrom == chrom]
        spans = sorted((s, e, r.gene) for r in here for s, e in r.intervals)
        at = 0
        active: list[tuple[int, int, str]] = []
        for start, end in joined([i for r in here for i in r.intervals]):
            parts = -(-(end - start) // WINDOW)
            edges = [start + (end - start) * i // parts for i in range(parts + 1)]
            for low, high in pairwise(edges):
                while at < len(spans) and spans[at][0] < high:
                    active.append(spans[at])
                    at += 1
                active = [a for a in active if a[1] > low]
                names = sorted({a[2] for a in active} - {""})
                out.append(Window(chrom, low, high, ",".join(names), bool(steady.intersection(names))))
    return out
