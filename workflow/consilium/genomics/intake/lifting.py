"""Places of GRCh37 in GRCh38: gapless blocks, from a UCSC chain file, the shipped table or harmonised scoring files."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import IO

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import BUILD, LENGTHS, OLD_BUILD, canonical

_MEND = "supply UCSC's hg19ToHg38.over.chain.gz (genomics.chain)"


@dataclass(frozen=True, order=True)
class Block:
    """A stretch without gaps: GRCh37 [start, end] lies at `target` … in GRCh38 (1-based, inclusive).

    minus: on the other strand; `target` is then the GRCh38 position of `end`, the positions run backwards.
    exact: known for the REF of one variant, not a stretch of sequence: an insertion or deletion may fill it.
    """

    chrom: str
    start: int
    end: int
    to_chrom: str
    target: int
    minus: bool = False
    exact: bool = False

    def at(self, position: int) -> int:
        return self.target + (self.end - position if self.minus else position - self.start)

    def clipped(self, start: int, end: int) -> Block:
        if (start, end) == (self.start, self.end):
            return self
        return replace(self, start=start, end=end, target=self.at(end) if self.minus else self.at(start))


class Lift:
    """Looks GRCh37 positions up. Where blocks overlap, the one given first holds."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks: dict[str, list[Block]] = {}
        for block in blocks:
            self._add(block)

    def _add(self, block: Block) -> None:
        there = self._blocks.setdefault(block.chrom, [])
        start = block.start
        while start <= block.end:  # what earlier blocks leave free
            i = bisect_right(there, start, key=lambda b: b.start)
            if i and there[i - 1].end >= start:
                start = there[i - 1].end + 1
                continue
            end = min(block.end, there[i].start - 1) if i < len(there) else block.end
            there.insert(i, block.clipped(start, end))
            start = end + 1

    def block(self, chrom: str, position: int) -> Block | None:
        """The block that holds a position; None where GRCh38 has no known place for it."""
        there = self._blocks.get(chrom, [])
        i = bisect_right(there, position, key=lambda b: b.start)
        return there[i - 1] if i and there[i - 1].end >= position else None

    def pieces(self, chrom: str, start: int, end: int) -> list[Block]:
        """The parts of [start, end] that have a place, in order of GRCh37."""
        there = self._blocks.get(chrom, [])
        i = max(bisect_right(there, start, key=lambda b: b.start) - 1, 0)
        out = []
        while i < len(there) and there[i].start <= end:
            low, high = max(start, there[i].start), min(end, there[i].end)
            if low <= high:
                out.append(there[i].clipped(low, high))
            i += 1
        return out

    def blocks(self, chrom: str) -> list[Block]:
        """Blocks of a chromosome, ascending and apart."""
        return self._blocks.get(chrom, [])

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))


@lru_cache(maxsize=1)
def places_of_chain(path: Path) -> Lift:
    """The places of a chain file; kept, because it takes a second to read."""
    return Lift(read_chain(path))


def names_old(build: str) -> bool:
    """Whether the name of a build is one of GRCh37's."""
    return build.upper() in ("GRCH37", "HG19")


def speaks_for_old(said: Mapping[str, str], columns: Collection[str]) -> bool:
    """Whether a scoring file states GRCh37 for its positions, and no harmonised ones stand beside them."""
    harmonised = said.get("HmPOS_build") or "hm_pos" in columns
    return names_old(said.get("genome_build", "")) and not harmonised


def read_chain(path: Path) -> Iterator[Block]:
    """Blocks of a UCSC chain file from GRCh37 to GRCh38 (plain or gzip), best chain first.

    Format: genome.ucsc.edu/goldenPath/help/chain.html. Contigs off the primary assembly are left out.
    Raises InputError with the line of the first fault, or when the lengths are those of other builds.
    """
    chains: list[tuple[int, list[Block]]] = []
    number = 0
    try:
        with text(path) as handle:
            reader = _Chain(path)
            for number, line in enumerate(handle, start=1):
                cells = line.split()
                if cells and cells[0] == "chain":
                    chains.append((int(cells[1]), reader.start(cells, number)))
                elif cells and not line.startswith("#"):
                    reader.step([int(c) for c in cells])
    except (ValueError, IndexError, TypeError, EOFError, OSError) as error:
        found = f"no line of a chain file ({type(error).__name__})" if number else "a chain file that cannot be read"
        raise InputError(Problem(str(path), found, "lines as in a UCSC chain file", _MEND, number)) from None
    if not any(blocks for _, blocks in chains):
        raise InputError(Problem(str(path), "no chain of a known chromosome", f"chains {OLD_BUILD} to {BUILD}", _MEND))
    chains.sort(key=lambda c: -c[0])  # stable
    for _, blocks in chains:
        yield from blocks


class _Chain:
    """Where the reader of a chain file stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks: list[Block] | None = None

    def start(self, cells: list[str], line: int) -> list[Block]:
        _, _, old, old_size, old_strand, old_start, _, new, new_size, new_strand, new_start, _ = cells[:12]
        self._old, self._new = canonical(old), canonical(new)
        for chrom, size, build in ((self._old, old_size, OLD_BUILD), (self._new, new_size, BUILD)):
            if chrom not in (None, "chrM") and int(size) != LENGTHS[build][str(chrom)]:
                found = f"{chrom} of {size} bases where {build} has {LENGTHS[build][str(chrom)]}"
                raise InputError(Problem(str(self._path), found, f"a chain from {OLD_BUILD} to {BUILD}", _MEND, line))
        if old_strand != "+" or new_strand not in "+-":
            raise ValueError(new_strand)
        self._size, self._minus = int(new_size), new_strand == "-"
        self._at, self._to = int(old_start), int(new_start)
        self._blocks = []
        return self._blocks

    def step(self, numbers: list[int]) -> None:
        size, *gaps = numbers
        if self._blocks is None or size < 1 or len(gaps) not in (0, 2):
            raise ValueError(size)
        if self._old and self._new:
            first = self._size - self._to - size + 1 if self._minus else self._to + 1
            self._blocks.append(Block(self._old, self._at + 1, self._at + size, self._new, first, self._minus))
        old_gap, new_gap = gaps or (0, 0)
        self._at, self._to = self._at + size + old_gap, self._to + size + new_gap


def read_table(path: Path) -> tuple[list[Block], dict[tuple[str, int], tuple[str, str]]]:
    """(blocks, sites whose base differs) of resources/lift_grch37.tsv.

    Sites: (GRCh38 chrom, position) -> (GRCh37 base, GRCh38 base), on the GRCh38 strand.
    """
    blocks, differing = [], {}
    with text(path) as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            start, end, target = int(row["start_grch37"]), int(row["end_grch37"]), int(row["start_grch38"])
            if row["ref_grch37"]:
                differing[row["chrom"], target] = (row["ref_grch37"], row["ref_grch38"])
            else:
                exact = row["n_variants"] == "1"
                blocks.append(Block(row["chrom"], start, end, row["chrom"], target, exact=exact))
    return blocks, differing


def read_targets(path: Path) -> Iterator[tuple[Block, str, str]]:
    """(place, GRCh37 REF, GRCh38 REF) of the rows of a position table that name the GRCh37 position and base.

    Columns pos_grch37 and ref_grch37 beside chrom, pos, ref; a table without them gives nothing.
    """
    with text(path) as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            chrom, new, old = canonical(row["chrom"]), row["pos"], row.get("pos_grch37") or ""
            ref, old_ref = row.get("ref") or "", row.get("ref_grch37") or ""
            if chrom and new.isdigit() and old.isdigit() and old_ref:
                end = int(old) + len(old_ref) - 1
                yield Block(chrom, int(old), end, chrom, int(new), exact=True), old_ref, ref


def header_and_table(lines: Iterator[str]) -> tuple[dict[str, str], Iterator[str]]:
    """(`#key=value` lines, the lines from the first other one on) of a scoring file."""
    said: dict[str, str] = {}
    for line in lines:
        if not line.startswith("#"):
            return said, chain((line,), (other for other in lines if not other.startswith("#")))
        key, equals, value = line.strip("#\n ").partition("=")
        said.update({key: value.strip()} if equals else {})
    return said, iter(())


def read_score(path: Path) -> Iterator[tuple[Block, frozenset[str]]]:
    """Single positions of a scoring file that names its GRCh37 and its harmonised GRCh38 positions, with its alleles.

    Strand: positions whose alleles could be mistaken for those of the other strand (A/T, C/G) are left out.
    """
    with text(path) as handle:
        said, lines = header_and_table(handle)
        if not names_old(said.get("genome_build", "")) or said.get("HmPOS_build") != BUILD:
            return
        for row in csv.DictReader(lines, delimiter="\t"):
            chrom, to_chrom = canonical(row.get("chr_name") or ""), canonical(row.get("hm_chr") or "")
            old, new = row.get("chr_position") or "", row.get("hm_pos") or ""
            alleles = frozenset({row.get("effect_allele") or "", row.get("other_allele") or ""})
            plain = len(alleles) == 2 and alleles <= set("ACGT") and alleles not in ({"A", "T"}, {"C", "G"})
            if chrom and to_chrom and old.isdigit() and new.isdigit() and plain:
                yield Block(chrom, int(old), int(old), to_chrom, int(new)), alleles


def text(path: Path) -> IO[str]:
    """A text file, gzipped or not."""
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8", newline="") if packed else open(path, encoding="utf-8", newline="")
