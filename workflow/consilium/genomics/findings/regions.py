"""Where genes lie: coding bases and exons from an Ensembl GFF3, or regions from a BED; overlaps of intervals."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import LENGTHS, canonical

Interval = tuple[str, int, int]  # chr1, 0-based start, end
NEAR = 100  # bases beside an exon: splice sites, and deletions that begin before it
_CODING = {"protein_coding"}


@dataclass
class Annotation:
    """regions: gene -> merged intervals that must be seen for it to count as assessed (coding bases, or BED regions).

    near: exons of all transcripts with NEAR bases at either end. lines: the GFF lines of these genes, for bcftools csq.
    Both are empty for a BED.
    """

    file: str
    kind: str  # gff or bed
    version: str = ""  # as the file's header states it
    regions: dict[str, list[Interval]] = field(default_factory=dict)
    near: list[Interval] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def read_annotation(path: Path, genes: Collection[str]) -> Annotation:
    """Regions of `genes` from a GFF3 with Ensembl's identifiers (ID=gene:…) or a BED (chrom, start, end, gene).

    Raises InputError for anything else, for bad lines, and where none of the genes is named.
    """
    bed = ".bed" in path.suffixes
    out = Annotation(str(path), "bed" if bed else "gff")
    try:
        with _opened(path) as handle:
            (_bed if bed else _gff)(enumerate(handle, start=1), frozenset(genes), out)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(_wrong(path, f"a file that cannot be read ({type(error).__name__})", 0)) from None
    if not out.regions:
        raise InputError(_wrong(path, "none of the genes of the list", 0))
    out.near = merged(out.near)
    out.regions = {g: merged(out.regions[g]) for g in sorted(out.regions)}
    return out


def _opened(path: Path) -> IO[str]:
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else open(path, encoding="utf-8")


def _wrong(path: Path | str, found: str, line: int) -> Problem:
    return Problem(str(path), found, "Ensembl's GFF3 of GRCh38 (ID=gene:…, biotype=…), or a BED with columns chrom, "
                   "start, end, gene", "supply such a file under genomics.gff", line)  # fmt: skip


def _bed(lines: Iterable[tuple[int, str]], genes: frozenset[str], out: Annotation) -> None:
    for number, line in lines:
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        cells = line.rstrip("\r\n").split("\t")
        chrom = canonical(cells[0])
        if len(cells) < 4 or not (cells[1].isdigit() and cells[2].isdigit()) or int(cells[1]) >= int(cells[2]):
            raise InputError(_wrong(out.file, f"'{line.strip()[:40]}'", number))
        if chrom and cells[3] in genes:
            _add(out, cells[3], (chrom, int(cells[1]), int(cells[2])), number)


def _gff(lines: Iterable[tuple[int, str]], genes: frozenset[str], out: Annotation) -> None:
    """Parents come before their children in Ensembl's files; a gene's line says its symbol as Name."""
    owner: dict[str, str] = {}  # identifier of a gene or transcript -> symbol
    coding: set[str] = set()
    ensembl = False
    for number, line in lines:
        if line.startswith("#") or not line.strip():
            _gff_header(line, number, out)
            continue
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) != 9 or not (cells[3].isdigit() and cells[4].isdigit()):
            raise InputError(_wrong(out.file, f"'{line.strip()[:40]}'", number))
        name, parent, symbol, biotype = _attributes(cells[8])
        ensembl = ensembl or name.startswith("gene:")
        if name.startswith("gene:") and symbol in genes:
            owner[name] = symbol
        elif parent in owner:
            if name.startswith("transcript:"):
                owner[name] = owner[parent]
                coding |= {name} if biotype in _CODING else set()
            elif chrom := canonical(cells[0]):
                _part(cells, chrom, owner[parent], parent in coding, number, out)
        else:
            continue
        out.lines.append(line)
    if not ensembl:
        raise InputError(_wrong(out.file, "no line with ID=gene:…", 0))


def _gff_header(line: str, number: int, out: Annotation) -> None:
    words = line[2:].split()
    if line.startswith(("#!genome-build", "#!genome-version")) and len(words) > 1:
        if any(b in line for b in ("GRCh37", "hg19")):
            raise InputError(_wrong(out.file, f"an annotation of {words[-1]}", number))
        out.version = out.version or words[-1]
    elif line.startswith("#!genebuild-last-updated") and len(words) > 1:
        out.version = f"{out.version}, gene build {words[-1]}".lstrip(", ")


def _attributes(text: str) -> tuple[str, str, str, str]:
    found = dict(item.partition("=")[::2] for item in text.split(";"))
    return found.get("ID", ""), found.get("Parent", ""), found.get("Name", ""), found.get("biotype", "")


def _part(cells: list[str], chrom: str, gene: str, coding: bool, line: int, out: Annotation) -> None:
    start, end = int(cells[3]) - 1, int(cells[4])
    if cells[2] == "CDS" and coding:
        _add(out, gene, (chrom, start, end), line)
    elif cells[2] == "exon":
        out.near.append((chrom, max(start - NEAR, 0), end + NEAR))


def _add(out: Annotation, gene: str, interval: Interval, line: int) -> None:
    chrom, _, end = interval
    if end > LENGTHS["GRCh38"][chrom]:
        raise InputError(_wrong(out.file, f"{chrom}:{end}, beyond the chromosome's end in GRCh38", line))
    out.regions.setdefault(gene, []).append(interval)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals in order, overlapping and touching ones joined."""
    out: list[Interval] = []
    for chrom, start, end in sorted(intervals):
        if out and out[-1][0] == chrom and start <= out[-1][2]:
            out[-1] = (chrom, out[-1][1], max(end, out[-1][2]))
        else:
            out.append((chrom, start, end))
    return out


def length(intervals: Iterable[Interval]) -> int:
    return sum(end - start for _, start, end in intervals)


def overlap(one: list[Interval], other: list[Interval]) -> int:
    """Bases in both of two merged lists."""
    return length(common(one, other))


def common(one: list[Interval], other: list[Interval]) -> Iterator[Interval]:
    """The parts that two merged lists share."""
    i = j = 0
    while i < len(one) and j < len(other):
        (a, a0, a1), (b, b0, b1) = one[i], other[j]
        if a == b and max(a0, b0) < min(a1, b1):
            yield a, max(a0, b0), min(a1, b1)
        if (a, a1) <= (b, b1):
            i += 1
        else:
            j += 1
