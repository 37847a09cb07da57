"""Decoded genotypes of one file, in a folder: which variant each row is, and the calls in compressed blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.decoding.codes import Codes

_BLOCK = 1_250_000  # calls a block, about
_KEPT = 6  # blocks in memory

Ints = npt.NDArray[np.int64]


def block_height(n_samples: int) -> int:
    return max(1, min(20_000, _BLOCK // max(n_samples, 1)))


@dataclass
class Rows:
    """Rows in the order they were met, as arrays that follow one another: contig (index into CONTIGS), pos, allele
    (index into `alleles`), rsid; block (into `blocks`) and place in it. blocks: (file, offset, size, rows)."""

    contig: list[npt.NDArray[Any]] = field(default_factory=list)
    pos: list[npt.NDArray[Any]] = field(default_factory=list)
    allele: list[npt.NDArray[Any]] = field(default_factory=list)
    rsid: list[npt.NDArray[Any]] = field(default_factory=list)
    block: list[npt.NDArray[Any]] = field(default_factory=list)
    place: list[npt.NDArray[Any]] = field(default_factory=list)
    alleles: dict[tuple[str, str], int] = field(default_factory=dict)
    blocks: list[tuple[str, int, int, int]] = field(default_factory=list)

    def take(self, other: Rows) -> None:
        """Append the rows of another piece."""
        mine = np.array([self.alleles.setdefault(pair, len(self.alleles)) for pair in other.alleles], dtype=np.int32)
        self.contig += other.contig
        self.pos += other.pos
        self.allele += [mine[part] for part in other.allele]
        self.rsid += other.rsid
        self.block += [part + np.int32(len(self.blocks)) for part in other.block]
        self.place += other.place
        self.blocks += other.blocks


class Writer:
    """Takes the rows of one piece, packed block by block."""

    def __init__(self, folder: Path, name: str) -> None:
        self._rows = Rows()
        self._path, self._offset = folder / name, 0
        self._packed: list[bytes] = []

    def numbers(self, pairs: Iterable[tuple[str, str]]) -> Ints:
        """Of (ref, alt) pairs, by which `add` is told of them."""
        known = self._rows.alleles
        return np.array([known.setdefault(pair, len(known)) for pair in pairs], dtype=np.int64)

    def add(
        self, contig: npt.ArrayLike, pos: npt.ArrayLike, allele: Ints, rsid: npt.ArrayLike, codes: Codes
    ) -> None:  # fmt: skip
        """Rows by index into CONTIGS, position, number of their alleles and ID, with their calls (row, sample)."""
        if not len(allele):
            return
        packed = _codec().encode(np.ascontiguousarray(codes))
        self._packed.append(packed)
        r = self._rows
        r.contig.append(np.asarray(contig, dtype=np.int8))
        r.pos.append(np.asarray(pos, dtype=np.int32))
        r.allele.append(allele.astype(np.int32))
        r.rsid.append(np.asarray(rsid, dtype=bytes))
        r.block.append(np.full(len(allele), len(r.blocks), dtype=np.int32))
        r.place.append(np.arange(len(allele), dtype=np.int32))
        r.blocks.append((self._path.name, self._offset, len(packed), len(allele)))
        self._offset += len(packed)

    def close(self) -> Rows:
        """Write the blocks; returns the rows."""
        if self._packed:
            self._path.write_bytes(b"".join(self._packed))
        return self._rows


@lru_cache(maxsize=1)
def _codec() -> Any:
    import numcodecs.blosc

    numcodecs.blosc.use_threads = False  # work is shared among processes
    return numcodecs.Blosc("lz4", 5, numcodecs.Blosc.NOSHUFFLE)


def save(folder: Path, rows: Rows) -> None:
    """Write the table of rows, to be opened with `Decoded`."""
    import json

    kinds = {"contig": np.int8, "pos": np.int32, "allele": np.int32, "rsid": "S1", "block": np.int32,
             "place": np.int32}  # fmt: skip
    parts = {name: [np.empty(0, dtype=kind), *getattr(rows, name)] for name, kind in kinds.items()}
    arrays: dict[str, Any] = {name: np.concatenate(found) for name, found in parts.items()}
    np.savez(folder / "rows.npz", **arrays)
    (folder / "alleles.json").write_text(json.dumps({"alleles": list(rows.alleles), "blocks": rows.blocks}))


class Decoded:
    """A saved folder. contig, pos, allele, rsid (row,) as in `Rows`; alleles: (ref, alt) pairs."""

    def __init__(self, folder: Path, n_samples: int) -> None:
        import json

        with np.load(folder / "rows.npz") as table:
            self.contig, self.pos, self.allele = (table[k] for k in ("contig", "pos", "allele"))
            self.rsid, self._block, self._place = (table[k] for k in ("rsid", "block", "place"))
        more = json.loads((folder / "alleles.json").read_text())
        self.alleles = [(r, a) for r, a in more["alleles"]]
        self.n_samples = n_samples
        self._folder, self._blocks = folder, more["blocks"]
        self._read = lru_cache(maxsize=_KEPT)(self._read_block)

    def __len__(self) -> int:
        return len(self.pos)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the folder anew."""
        return Decoded, (self._folder, self.n_samples)

    def _read_block(self, number: int) -> Codes:
        name, offset, size, n_rows = self._blocks[number]
        with open(self._folder / name, "rb") as handle:
            handle.seek(offset)
            raw = _codec().decode(handle.read(size))
        return np.frombuffer(raw, dtype=np.uint8).reshape(n_rows, self.n_samples)

    def codes(self, rows: Ints) -> Codes:
        """(row, sample) calls of some rows, in any order."""
        out = np.empty((len(rows), self.n_samples), dtype=np.uint8)
        blocks = self._block[rows]
        for number in sorted(set(blocks.tolist())):
            here = np.flatnonzero(blocks == number)
            places = self._place[rows[here]]
            # Mostly a run of rows for a run of rows, which is copied as it stands.
            out[_run(here)] = self._read(number)[_run(places)]
        return out


def _run(places: Ints) -> Ints | slice:
    """Places that follow one another as a slice."""
    whole = len(places) > 0 and bool((np.diff(places) == 1).all())
    return slice(int(places[0]), int(places[-1]) + 1) if whole else places
