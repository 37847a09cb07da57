"""A VCF of many samples to decoded rows: pieces of the file in parallel, plain lines by arrays, the rest by the reader.

What the fast way cannot take as it stands, line by line or for the whole file, goes to `joining.read_joint`, the full
reader; so both ways give the same rows, and every fault is named by the full reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.decoding import cells, codes, text
from consilium.genomics.decoding.decoded import Rows, Writer, block_height
from consilium.genomics.decoding.heads import Heads
from consilium.genomics.decoding.lines import Key, Line, UnfitError
from consilium.genomics.decoding.splitting import check_order, split
from consilium.genomics.intake.build import BUILD, CONTIGS, KnownSites, SiteEvidence
from consilium.genomics.intake.known_bases import Bases, read_known_bases
from consilium.genomics.intake.normalise import Reference, left_aligned

IN_FULL = 10  # first records of a file that the full reader checks whatever they look like
_BYTES = 4 << 20  # of text looked at a time, about
_ANY_BYTES = 1 << 20  # the same for lines of any layout: eight bytes are held for each of theirs

_INDEX = {name: i for i, name in enumerate(CONTIGS)}

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """How the pieces of a file are read. columns: the samples that are kept; min_dp, min_gq: calls with less are
    missing, 0 = all count; reference: FASTA, if any; targets: tables that tell bases where there is none; in_full:
    first records that the full reader checks; every: it checks one line of so many (0: no more)."""

    n_samples: int
    columns: tuple[int, ...]
    known_sites: Path | None
    reference: Path | None
    targets: tuple[Path, ...]
    folder: Path
    min_dp: int = 0
    min_gq: int = 0
    in_full: int = IN_FULL
    every: int = 0


@dataclass
class Decoding:
    """What a piece gave; slow: (line within the piece, its text); n_below (sample,): calls under min_dp or min_gq."""

    rows: Rows
    slow: list[tuple[int, bytes]]
    n_lines: int
    runs: list[tuple[bytes, int, int]]
    head: set[Key]
    tail: set[Key]
    evidence: SiteEvidence
    n_fast: int
    n_filtered: int
    n_other_contigs: int
    n_below: Ints

    def facts(self) -> dict[str, int]:
        """Counts of the lines that the full reader does not see, as `intake.patient.file_facts` names them."""
        return {"n_records": self.n_fast + self.n_other_contigs, "n_filtered": self.n_filtered,
                "n_other_contigs": self.n_other_contigs, "known_sites_grch38": self.evidence.grch38,
                "known_sites_grch37": self.evidence.grch37}  # fmt: skip


def pieces_of(path: Path, layout: Layout, pool: Executor | None) -> Iterator[Decoding]:
    """Decode a file piece by piece, in the order of the file. Raises UnfitError."""
    try:
        parts = text.pieces(path)
    except (ValueError, OSError):
        raise UnfitError from None
    work = [(piece, layout) for piece in parts]
    done: Iterator[Decoding | None] = pool.map(_piece, work) if pool else map(_piece, work)
    tails: list[set[Key]] = []
    runs: list[tuple[bytes, int, int]] = []
    evidence = SiteEvidence()
    for one in done:
        if one is None or any(one.head & tail for tail in tails):
            raise UnfitError
        tails = [*tails[-3:], one.tail]
        runs += one.runs
        evidence.grch37 += one.evidence.grch37
        evidence.grch38 += one.evidence.grch38
        yield one
    check_order(runs)
    if evidence.grch37 and evidence.build != BUILD:
        raise UnfitError


def _piece(work: tuple[text.Piece, Layout]) -> Decoding | None:
    """None where the file is unfit: an exception would be raised in the pool's own time."""
    try:
        return decode(*work)
    except (UnfitError, ValueError):
        return None


_bases: dict[tuple[Path | None, tuple[Path, ...]], Bases] = {}
_known: dict[Path, KnownSites] = {}


def _opened(layout: Layout) -> tuple[KnownSites | None, Bases | None]:
    """Once a process."""
    source = (layout.reference, layout.targets)
    if any(source) and source not in _bases:
        _bases[source] = Reference(layout.reference) if layout.reference else read_known_bases(layout.targets)
    if layout.known_sites and layout.known_sites not in _known:
        _known[layout.known_sites] = KnownSites(layout.known_sites)
    return (
        _known[layout.known_sites] if layout.known_sites else None,
        _bases.get(source),
    )


def decode(piece: text.Piece, layout: Layout) -> Decoding:
    known, reference = _opened(layout)
    content, start = text.read(piece)
    if not content.endswith(b"\n"):  # a file's last line may lack its end
        content += b"\n"
    in_full = layout.in_full + content[:start].count(b"\n") if piece.number == 0 else 0
    found = split(content, start, in_full, known, reference, layout.every)
    worker = _Piece(content, layout, reference, Writer(layout.folder, f"{piece.number}.codes"))
    for batch in found.fast.batches(block_height(len(layout.columns)), _BYTES):
        worker.batch(batch)
    slow = sorted([*((n, content[a:b]) for n, a, b in found.slow), *worker.slow])
    return Decoding(worker.writer.close(), slow, found.n_lines, found.runs, found.head, found.tail, found.evidence,
                    len(found.fast) - len(worker.slow) + found.n_filtered, found.n_filtered, found.n_other_contigs,
                    worker.n_below)  # fmt: skip


@dataclass
class _Piece:
    """Calls of one piece's lines, batch by batch."""

    content: bytes
    layout: Layout
    reference: Bases | None
    writer: Writer
    slow: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._columns: Any = np.array(self.layout.columns, dtype=np.int64)
        if np.array_equal(self._columns, np.arange(self.layout.n_samples)):
            self._columns = slice(None)
        self.n_below = np.zeros(len(self.layout.columns), dtype=np.int64)

    def batch(self, lines: Heads) -> None:
        width = 4 * self.layout.n_samples - 1
        fixed = (lines.end - lines.cells == width) & (lines.of_forms("n_keys") == 1)
        if fixed.any():
            part = lines if fixed.all() else lines.part(fixed)
            found = cells.fixed_width(self.content, part.cells, self.layout.n_samples)
            calls, plain = codes.from_diploid(found)
            if not plain.all():  # cells of other widths, whose sum is the same by chance
                fixed[np.flatnonzero(fixed)[~plain]] = False
                part, found, calls = part.part(plain), found[plain], calls[plain]
            self._rows(part, found[:, self._columns], calls[:, self._columns], np.ones(len(part), dtype=bool), None)
        other = lines.part(~fixed)
        for part in other.batches(len(other), _ANY_BYTES):
            self._any_layout(part)

    def _any_layout(self, lines: Heads) -> None:
        first, last = int(lines.start[0]), int(lines.end[-1])
        # An end of line and spare bytes, so that the last cell can be read as any other.
        text = np.frombuffer(self.content[first:last] + b"\n" + bytes(8), dtype=np.uint8)
        table = cells.table(text, lines.cells - first, lines.end - first, self.layout.n_samples)
        sound = (table.n_colons[:, self._columns] < lines.of_forms("n_keys")[:, None]).all(axis=1)
        below, usable = self._below(table, lines)
        found = np.ascontiguousarray(table.cells()[:, self._columns])
        calls, plain = codes.from_diploid(found)
        self._rows(lines, found, calls, sound & usable, below, plain)

    def _below(self, table: cells.Table, lines: Heads) -> tuple[npt.NDArray[np.bool_] | None, Any]:
        """(calls under the limits (line, kept sample), usable (line,)); None without limits."""
        below, usable = None, np.ones(len(lines), dtype=bool)
        for limit, name in ((self.layout.min_dp, "depth"), (self.layout.min_gq, "quality")):
            places = lines.of_forms(name)
            for place in set(places[places > 0].tolist()) if limit else ():
                here = places == place
                values, good = table.numbers(place)
                low = ((values >= 0) & (values < limit))[:, self._columns] & here[:, None]
                below = low if below is None else below | low
                usable &= good | ~here
        return below, usable

    def _rows(
        self, lines: Heads, found: codes.Cells, calls: codes.Codes, usable: npt.NDArray[np.bool_],
        below: npt.NDArray[np.bool_] | None, plain: npt.NDArray[np.bool_] | None = None,
    ) -> None:  # fmt: skip
        """Write the rows of lines whose cells are `found`; lines that are not `usable` go to `slow`.

        calls: codes of the cells, right where `plain` (None: everywhere); below: calls under the limits.
        """
        sets = lines.of_forms("phase_sets") > 0
        if sets.any():
            calls[sets] &= np.uint8(codes.CALL)
        simple = usable & lines.plain & (True if plain is None else plain)
        self._write(lines, calls, simple, below)
        others = np.flatnonzero(~simple)
        done = np.zeros(len(lines), dtype=bool)
        asked = others[usable[others]]
        if len(asked):
            done[asked] = self._others(
                [lines.line(i) for i in asked], found[asked], None if below is None else below[asked]
            )
        for i in others[~done[others]]:
            start, end = int(lines.start[i]), int(lines.end[i])
            self.slow.append((int(lines.number[i]), self.content[start:end]))

    def _write(
        self, lines: Heads, calls: codes.Codes, chosen: npt.NDArray[np.bool_], below: npt.NDArray[np.bool_] | None
    ) -> None:
        if not chosen.all():
            lines, calls = lines.part(chosen), calls[chosen]
        if below is not None:
            self._lose(calls, below[chosen])
        pair = lines.ref.astype(np.int64) << 7 | lines.alt
        there = np.flatnonzero(np.bincount(pair, minlength=1 << 14))
        number = np.zeros(1 << 14, dtype=np.int64)
        number[there] = self.writer.numbers((chr(p >> 7), chr(p & 127)) for p in there.tolist())
        self.writer.add(lines.contig, lines.pos, number[pair], lines.rsid, calls)

    def _lose(self, part: codes.Codes, below: npt.NDArray[np.bool_]) -> None:
        called = below & ((part & codes.NOTHING) != codes.NOTHING)
        self.n_below += called.sum(axis=0)
        part[called] = codes.NOTHING

    def _others(
        self, lines: list[Line], found: codes.Cells, below: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.bool_]:
        """Write the rows of lines with any number of ALTs, one a variant; which lines (line,) have cells of one or two
        strands that name their alleles: the others are not written."""
        alleles, phased, good = codes.alleles_of(found)
        good &= alleles.max(axis=(1, 2), initial=0) <= np.array([line.n_alts for line in lines])
        phased[np.array([line.form.phase_sets for line in lines], dtype=bool)] = False
        if below is not None:
            called = below & (alleles >= 0).any(axis=2) & good[:, None]
            self.n_below += called.sum(axis=0)
            alleles[called], phased[called] = -1, False
        rows = [(i, number, self._placed(key)) for i in np.flatnonzero(good) for number, key in lines[i].keys]
        if rows:
            at, numbers = (np.array([row[k] for row in rows]) for k in (0, 1))
            keys = [key for _, _, key in rows]
            self.writer.add([_INDEX[k[0]] for k in keys], [k[1] for k in keys],
                            self.writer.numbers(k[2:] for k in keys), [lines[i].rsid for i in at],
                            codes.of_allele(alleles[at], phased[at], numbers[:, None]))  # fmt: skip
        return good

    def _placed(self, key: Key) -> Key:
        """Left-aligned where it is an insertion or deletion and bases are known."""
        chrom, position, ref, alt = key
        if self.reference is None or not alt.isalpha() or len(ref) == len(alt):
            return key
        return (chrom, *left_aligned(self.reference, chrom, position, ref, alt))
