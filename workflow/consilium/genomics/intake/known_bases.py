"""Reference bases that are known without a FASTA: at defining positions, and in the repeats around their indels."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from consilium.genomics.ascending import find
from consilium.genomics.intake.build import canonical
from consilium.genomics.intake.lifting import text


class Bases(Protocol):
    """Anything that knows reference bases of GRCh38."""

    def bases(self, chrom: str, position: int, length: int = 1) -> str:
        """Bases from a 1-based position on; N where they are not known."""
        ...

    def tells(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(position,) where the base may be known, on whatever chromosome."""
        ...


class KnownBases:
    """Single bases of GRCh38 by place; N elsewhere. The base given first holds."""

    def __init__(self, sites: Iterable[tuple[str, int, str]] = ()) -> None:
        self._bases: dict[tuple[str, int], str] = {}
        for chrom, position, ref in sites:
            self.add(chrom, position, ref)

    def add(self, chrom: str, position: int, bases: str) -> None:
        self.__dict__.pop("_positions", None)
        for i, base in enumerate(bases):
            if base in "ACGT":
                self._bases.setdefault((chrom, position + i), base)

    def bases(self, chrom: str, position: int, length: int = 1) -> str:
        return "".join(self._bases.get((chrom, p), "N") for p in range(position, position + length))

    def tells(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return find(self._positions, positions)[1]

    @cached_property
    def _positions(self) -> npt.NDArray[np.int64]:
        return np.unique(np.array([position for _, position in self._bases], dtype=np.int64))

    def __len__(self) -> int:
        return len(self._bases)


def repeat(position: int, ref: str, alts: Iterable[str], last: int) -> str:
    """Reference bases from `position` to `last`, the last base to which an insertion or deletion there can be moved.

    An indel can be moved as far as the reference repeats its bases: so its alleles and `last` tell those bases.
    "" where no ALT is an insertion or deletion anchored at its first base.
    """
    for alt in alts:
        longer, shorter = (ref, alt) if len(ref) > len(alt) else (alt, ref)
        if len(longer) > len(shorter) and longer.startswith(shorter):
            unit = longer[len(shorter) :]
            room = max(last - position + 1 - len(shorter), 0)
            return shorter + (unit * (room // len(unit) + 1))[:room]
    return ""


def read_known_bases(targets: Iterable[Path]) -> KnownBases:
    """From tables of positions (TSV: chrom, pos, ref; for indels also alts and last). Rows without a base: skipped."""
    known = KnownBases()
    repeats = KnownBases()
    for path in targets:
        with text(path) as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                chrom, ref = canonical(row["chrom"]), (row.get("ref") or "").upper()
                if chrom is None or not row["pos"].isdigit() or not ref:
                    continue
                known.add(chrom, int(row["pos"]), ref)
                if (row.get("last") or "").isdigit():
                    alts = (row.get("alts") or "").split(",")
                    repeats.add(chrom, int(row["pos"]), repeat(int(row["pos"]), ref, alts, int(row["last"])))
    for (chrom, position), base in repeats._bases.items():
        known.add(chrom, position, base)
    return known
