"""A VCF read in pieces: plain lines by `by_arrays`, the others as a file of their own for the full reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError
from consilium.genomics.decoding import by_arrays, codes, text
from consilium.genomics.decoding.decoded import Rows, Writer
from consilium.genomics.decoding.lines import UnfitError
from consilium.genomics.intake import vcf
from consilium.genomics.intake.build import CONTIGS, SiteEvidence
from consilium.genomics.intake.calls import Calls
from consilium.genomics.intake.setup import Setup
from consilium.genomics.intake.vcf_opening import lines_of

REST = "rest.codes"  # file of the rows that the full reader gave


@dataclass(frozen=True)
class Found:
    """What the plain lines gave. rows: decoded; rest: VCF of all other lines under the file's header, each in the line
    that it has in the file; names: samples taken; n_below (sample,): calls lost to limits; counts: `Decoding.facts`.
    """

    rows: Rows
    rest: Path
    names: list[str]
    n_below: npt.NDArray[np.int64]
    counts: Mapping[str, int]

    def with_counts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """`intake.patient.file_facts` of the rest as those of the whole file."""
        out = facts | {name: facts[name] + n for name, n in self.counts.items()}
        told = SiteEvidence(out["known_sites_grch38"], out["known_sites_grch37"]).build
        return out | {"build_by_known_sites": told or "not told"}


def read(
    file: Path, choose: Callable[[list[str]], list[int]], setup: Setup, folder: Path, scratch: Path,
    pool: Executor | None = None, every: int = 0, most: float = 1.0,
) -> Found:  # fmt: skip
    """Decode the plain lines of a VCF into `folder`.

    choose: columns of the samples to take, by their names; none: unfit. every: one line of so many is left to the full
    reader, to be checked in every value (0: the first lines alone). most: share of lines for the full reader, above
    which it takes the whole file (a gVCF's blocks, say). Raises UnfitError where it must.
    """
    if not file.is_file():
        raise UnfitError
    with ExitStack() as opened:
        try:
            plain = opened.enter_context(text.readable(file, scratch))
        except (OSError, ValueError):
            raise UnfitError from None
        names = header_names(plain)
        columns = tuple(choose(names))
        if not columns or len(set(names)) < len(names):
            raise UnfitError
        layout = by_arrays.Layout(len(names), columns, setup.known_sites, setup.reference, setup.targets, folder,
                                 setup.limits.min_dp, setup.limits.min_gq, every=every)  # fmt: skip
        rest = scratch / "rest.vcf"
        rows, below, counts = _gathered(
            by_arrays.pieces_of(plain, layout, pool), _header(plain), rest, len(columns), most
        )
    if counts["n_records"] and counts["n_records"] == counts["n_other_contigs"]:
        raise UnfitError  # perhaps no line is of use: the full reader says so
    return Found(rows, rest, [names[i] for i in columns], below, counts)


def _gathered(
    pieces: Iterable[by_arrays.Decoding], header: bytes, rest: Path, n_samples: int, most: float
) -> tuple[Rows, npt.NDArray[np.int64], Counter[str]]:
    """(rows, calls under limits (sample,), counts) of all pieces, whose slow lines are written to `rest`."""
    rows, below, counts = Rows(), np.zeros(n_samples, dtype=np.int64), Counter[str]()
    first = n_slow = 0
    with open(rest, "wb") as out:
        out.write(header)
        line = header.count(b"\n")
        for piece in pieces:
            for number, content in piece.slow:
                out.write(b"\n" * (first + number - line) + content + b"\n")
                line = first + number + 1
            first, n_slow = first + piece.n_lines, n_slow + len(piece.slow)
            if n_slow > most * first:
                raise UnfitError
            rows.take(piece.rows)
            below += piece.n_below
            counts.update(piece.facts())
    return rows, below, counts


def header_names(path: Path) -> list[str]:
    """Sample names; none where the header cannot be read: the full reader will say why."""
    try:
        with lines_of(path, vcf.Report(str(path), "*")) as lines:
            for line in lines:
                if not line.startswith("##"):
                    return line.rstrip("\r\n").split("\t")[9:] if line.startswith("#CHROM") else []
    except (InputError, OSError):
        pass
    return []


def _header(path: Path) -> bytes:
    with lines_of(path, vcf.Report(str(path), "*")) as lines:
        head = []
        for line in lines:
            head.append(line)
            if not line.startswith("##"):
                return "".join(head).encode()
    raise UnfitError


def rows_of_layers(layers: Mapping[str, list[Calls]], n_samples: int, folder: Path) -> Rows:
    """What the full reader gave, as decoded rows in `folder`, which is made where it is not there."""
    folder.mkdir(exist_ok=True)
    writer, height = Writer(folder, REST), by_arrays.block_height(n_samples)
    for chrom, some in layers.items():
        for layer in some:
            for start in range(0, len(layer), height):
                part = slice(start, start + height)
                keys = layer.keys[part]
                writer.add([CONTIGS.index(chrom)] * len(keys), [k[0] for k in keys],
                           writer.numbers(k[1:] for k in keys), [r.encode() for r in layer.rsid[part]],
                           codes.from_genotypes(layer.gt[part], layer.phased[part]))  # fmt: skip
    return writer.close()
