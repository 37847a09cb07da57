"""Callable regions (BED): where a patient's file is silent, was the position read and found to be reference?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.core.errors import Problem
from consilium.genomics.intake.build import LENGTHS, canonical, in_par
from consilium.genomics.intake.calls import ABSENT, MISSING, NO_ALT, Calls, CallsBuilder
from consilium.genomics.intake.known_bases import Bases
from consilium.genomics.intake.lifting import Lift, text
from consilium.genomics.intake.panel import Wanted
from consilium.genomics.intake.vcf import Record

Span = tuple[int, int]
_SHAPE = "chromosome, start and end (0-based, end not included), separated by tabs"


@dataclass(frozen=True)
class Bed:
    """Regions by contig: 1-based, inclusive, ascending, apart from each other."""

    file: str
    spans: dict[str, list[Span]]

    def covers(self, chrom: str, start: int, end: int) -> bool:
        there = self.spans.get(chrom, [])
        i = bisect_right(there, (start, 1 << 60))
        return bool(i) and there[i - 1][1] >= end

    def lifted(self, places: Lift) -> Bed:
        """The parts of GRCh37 regions that have a place in GRCh38 (on the same strand)."""
        moved: dict[str, list[Span]] = {}
        for chrom, spans in self.spans.items():
            for low, high in spans:
                for piece in places.pieces(chrom, low, high):
                    if not piece.minus:
                        moved.setdefault(piece.to_chrom, []).append(
                            (piece.target, piece.target + piece.end - piece.start)
                        )
        return Bed(self.file, {c: _joined(s) for c, s in moved.items()})


def read_bed(path: Path, patient: str, level: str, build: str) -> tuple[Bed | None, list[Problem]]:
    """A BED file (plain or gzip) on `build` ("": not known yet), and what is wrong with it.

    A line that is no region makes the file unusable (None), as does one beyond the end of its chromosome; at the
    lenient level such lines alone are left out. Contigs off the primary assembly are ignored.
    """
    problems: list[Problem] = []
    spans: dict[str, list[Span]] = {}
    try:
        with text(path) as handle:
            for number, line in enumerate(handle, start=1):
                cells = line.rstrip("\r\n").split("\t")
                if line.strip() == "" or line.startswith(("#", "track", "browser")):
                    continue
                found = _fault(cells, build)
                if found:
                    problems.append(Problem(str(path), found, _allowed(found, build), _mend(found), number, patient))
                elif (chrom := canonical(cells[0])) is not None:
                    spans.setdefault(chrom, []).append((int(cells[1]) + 1, int(cells[2])))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        found = f"a BED file that cannot be read ({type(error).__name__})"
        return None, [Problem(str(path), found, "a BED file, plain or gzip", "copy the file again", 0, patient)]
    if not spans and not problems:
        problems.append(Problem(str(path), "no region on a known chromosome", _SHAPE, "rename the contigs", 0, patient))
    usable = bool(spans) and (not problems or level == "lenient")
    return (Bed(str(path), {c: _joined(s) for c, s in spans.items()}) if usable else None), problems[:20]


def _fault(cells: list[str], build: str) -> str:
    if len(cells) < 3:
        return f"{len(cells)} columns"
    if not all(c.isascii() and c.isdigit() and len(c) < 11 for c in cells[1:3]):
        return f"region {cells[1][:20]} to {cells[2][:20]}"
    chrom = canonical(cells[0])
    if int(cells[1]) >= int(cells[2]):
        return f"region {cells[1]} to {cells[2]}: no base"
    if chrom and int(cells[2]) > (LENGTHS[build][chrom] if build else max(t[chrom] for t in LENGTHS.values())):
        return f"end {cells[2]} beyond {chrom}"
    return ""


def _allowed(found: str, build: str) -> str:
    return f"regions of {build or 'a known build'}" if "beyond" in found else _SHAPE


def _mend(found: str) -> str:
    return "supply the regions on the build of the patient's VCF" if "beyond" in found else "correct the line"


def _joined(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for low, high in sorted(spans):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out


class Touched:
    """Needed positions of which a file speaks in any way, be it with a filtered, half or broken record."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.places: set[tuple[str, int]] = set()

    def add_all(self, spans: Iterable[tuple[str, int, int]]) -> None:
        for chrom, start, end in spans:
            self.places.update((chrom, p) for p, _ in self._wanted.within(chrom, start, end))

    def watch(self, found: Iterable[Record]) -> Iterator[Record]:
        for record in found:
            self.add_all([(record.chrom, record.pos, max(record.end, record.pos + len(record.ref) - 1))])
            yield record


@dataclass(frozen=True)
class Regions:
    """Callable regions of the samples of one file: `beds[i]` are those of chosen column i (none: untested there)."""

    beds: Sequence[Sequence[Bed]]

    def lifted(self, places: Lift) -> Regions:
        once = {id(b): b.lifted(places) for beds in self.beds for b in beds}
        return Regions([[once[id(b)] for b in beds] for beds in self.beds])

    def fill(
        self, calls: dict[str, list[Calls]], wanted: Wanted, touched: Touched, bases: Bases | None, n_samples: int
    ) -> int:
        """Add reference calls at needed positions in the regions of which the file says nothing; returns how many.

        The reference base comes from the table of positions or the FASTA: without one, the position stays untested.
        Ploidy as in the sample's own calls on X, one on Y and the mitochondrion, else two.
        """
        spoken = {(c, p) for c, layers in calls.items() for layer in layers for k in layer.keys
                  for p, _ in wanted.within(c, k[0], k[0] + len(k[1]) - 1)}  # fmt: skip
        builder = CallsBuilder(n_samples)
        one = _haploid_on_x(calls.get("chrX", []), n_samples)
        unphased = np.zeros(n_samples, dtype=bool)
        n = 0
        for chrom, positions in wanted.by_contig():
            for position in positions:
                if (chrom, position) in spoken or (chrom, position) in touched.places:
                    continue
                ref = wanted.within(chrom, position, position)[0][1] or (bases.bases(chrom, position) if bases else "")
                inside = self._inside(chrom, position, len(ref), n_samples) if ref and "N" not in ref else None
                if inside is not None and inside.any():
                    gt = np.where(inside[:, None], 0, MISSING) * np.ones((1, 2), dtype=np.int8)
                    single = inside & (one & (not in_par(position)) if chrom == "chrX" else chrom in ("chrY", "chrM"))
                    gt[single, 1] = ABSENT
                    builder.add(chrom, position, ref, NO_ALT, ".", gt, unphased)
                    n += int(inside.sum())
        for chrom, layers in builder.by_contig().items():
            calls.setdefault(chrom, []).extend(layers)
        return n

    def _inside(self, chrom: str, position: int, length: int, n_samples: int) -> npt.NDArray[np.bool_]:
        return np.array([any(b.covers(chrom, position, position + length - 1) for b in self.beds[i])
                         for i in range(n_samples)], dtype=bool)  # fmt: skip


def _haploid_on_x(layers: list[Calls], n_samples: int) -> npt.NDArray[np.bool_]:
    """Per sample: most of its calls on X outside the pseudo-autosomal regions have one strand."""
    single, double = np.zeros(n_samples, dtype=int), np.zeros(n_samples, dtype=int)
    for layer in layers:
        outside = np.array([not in_par(k[0]) for k in layer.keys], dtype=bool)
        gt = layer.gt[outside]
        single += (gt[:, :, 1] == ABSENT).sum(axis=0)
        double += (gt[:, :, 1] >= 0).sum(axis=0)
    return single > double
