"""A patient's own large VCFs: decoded in pieces as joint ones are, joined, and written as one normalised VCF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from consilium.core.errors import InputError
from consilium.genomics.decoding import codes, in_pieces, merging, variants
from consilium.genomics.decoding.decoded import Decoded, save
from consilium.genomics.decoding.lines import UnfitError
from consilium.genomics.intake import reading, thresholds, vcf
from consilium.genomics.intake.build import BUILD, CONTIGS
from consilium.genomics.intake.calls import Calls

_PACKED, _PLAIN = 16 << 20, 128 << 20  # bytes from which on a file is large: the full reader takes some 15 s for them
_EVERY = 1000  # one line of so many is checked in every value
_MOST = 0.5  # share of lines for the full reader, above which it takes the whole file
_ROWS = 10_000  # written at a time


def is_large(path: Path) -> bool:
    """A file of which not every value needs to be looked at to name each kind of fault."""
    if not path.is_file():
        return False
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return path.stat().st_size >= (_PACKED if packed else _PLAIN)


def decode(report: vcf.Report, tables: reading.Tables, folder: Path) -> tuple[in_pieces.Found, int]:
    """Decode the file of `report`, which becomes that of its lines for the full reader, into the new `folder`.

    Returns what the plain lines gave, and the calls lost to limits. Raises UnfitError, with `report` as it was, where
    the full reader must take the whole file.
    """
    folder.mkdir()
    setup, rest = tables.setup, report.restarted()
    with variants.scratch(folder) as scratch:
        found = in_pieces.read(Path(report.file), _alone, setup, folder, scratch, None, _EVERY, _MOST)
        source, lost = thresholds.applied(found.rest, setup.limits, None, scratch)
        try:
            layers = reading.calls_of(source, rest, _alone, tables)
        except InputError:
            raise UnfitError from None
    if rest.build != BUILD:
        raise UnfitError
    found.rows.take(in_pieces.rows_of_layers(layers, 1, folder))
    save(folder, found.rows)
    report.take(rest)
    return found, int(found.n_below.sum()) + sum(lost.values())


def _alone(names: list[str]) -> list[int]:
    return [0] if len(names) == 1 else []


def write(path: Path, patient: str, parts: Sequence[Path | Mapping[str, list[Calls]]], scratch: Path) -> int:
    """Join files, decoded into folders or read to layers, as `calls.merge` does, in one VCF; returns its records."""
    folders = []
    for i, part in enumerate(parts):
        if not isinstance(part, Path):
            rows = in_pieces.rows_of_layers(part, 1, folder := scratch / f"layers{i}")
            save(folder, rows)
            part = folder
        folders.append(part)
    plan = merging.plan([(Decoded(f, 1), np.array([0])) for f in folders], 1)
    variants.write_lines(path, [patient], _lines(plan))
    return len(plan)


def _cell(code: int) -> str:
    one, two = ("." if code & lost else "1" if code & alt else "0"
                for alt, lost in ((codes.ALT_1, codes.LOST_1), (codes.ALT_2, codes.LOST_2)))  # fmt: skip
    return one if code & codes.HAPLOID else one + ("|" if code & codes.PHASED else "/") + two


_CELLS = [_cell(code) for code in range(1 << 6)]


def _lines(plan: merging.Plan) -> Iterator[str]:
    for start in range(0, len(plan), _ROWS):
        rows = slice(start, min(start + _ROWS, len(plan)))
        calls, clashes = merging.stretch(plan, rows.start, rows.stop)
        contig, pos, allele = plan.places(rows)
        pairs = [plan.alleles[a] for a in allele.tolist()]
        columns = (contig.tolist(), pos.tolist(), plan.rsid[rows].tolist(), pairs, clashes.tolist(),
                   calls[:, 0].tolist())  # fmt: skip
        yield "".join([
            variants.line(CONTIGS[c], p, name.decode("utf-8", "replace"), ref, alt, n, _CELLS[code])
            for c, p, name, (ref, alt), n, code in zip(*columns, strict=True)
        ])  # fmt: skip
