"""Cohort genotypes as two bits a call: counts and dosages without touching call_genotype.

The store keeps them beside call_genotype, in its group `planes` (VCF-Zarr readers pass it by). A store without that
group, made by another program, is read from call_genotype instead: slower, same answers.

Two planes a row, one bit a sample: `low` = heterozygous or no call, `high` = homozygous ALT or no call. No call means
not diploid and complete: a missing strand, or a haploid call, whose exact form stands in call_genotype alone; rows
that hold such calls are marked `odd`.

    with open_planes(path) as planes:
        counts = site_counts(planes)                                  # het, hom_alt, no_call per row
        doses = dosages(planes, rows)                                 # int8, NO_CALL where no call
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort import chunkfiles
from consilium.genomics.cohort.chunkgroup import Group
from consilium.genomics.decoding import codes

NO_CALL = -1
GROUP, ARRAY, ODD = "planes", "calls", "odd"

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Block:
    """Consecutive rows from `start` on; planes (row, plane, word): bit s % 64 of word s // 64 is sample s, spare bits
    0; low, high (row, word): the first and the second.
    """

    start: int
    planes: Bits

    @property
    def low(self) -> Bits:
        return self.planes[:, 0]

    @property
    def high(self) -> Bits:
        return self.planes[:, 1]

    def __len__(self) -> int:
        return len(self.planes)


class Planes:
    """Packed genotypes on disk. `read(i)` gives block i as bytes (row, plane, byte)."""

    def __init__(
        self, n_sites: int, n_samples: int, height: int, odd: npt.NDArray[np.bool_],
        read: Callable[[int], npt.NDArray[np.uint8]],
    ) -> None:  # fmt: skip
        self.n_sites, self.n_samples, self.height, self.odd, self._read = n_sites, n_samples, height, odd, read

    @property
    def n_blocks(self) -> int:
        return -(-self.n_sites // self.height)

    def block(self, number: int) -> Block:
        raw = self._read(number)[: self.n_sites - number * self.height]
        return Block(number * self.height, np.ascontiguousarray(raw).view(np.uint64))

    def blocks(self, rows: Ints | None = None) -> Iterator[tuple[Block, slice | Ints]]:
        """Blocks in row order, each with its rows that are wanted (all, or those of the ascending `rows`), as places
        inside the block."""
        for number in range(self.n_blocks):
            if rows is None:
                yield self.block(number), slice(None)
                continue
            first = number * self.height
            low, high = np.searchsorted(rows, [first, first + self.height])
            if high > low:
                yield self.block(number), rows[low:high] - first


def words_of(n_samples: int) -> int:
    return max(1, -(-n_samples // 64))


def pack(low: npt.NDArray[np.uint8], high: npt.NDArray[np.uint8], n_samples: int) -> npt.NDArray[np.uint8]:
    """(row, plane, byte) in whole words, from the planes (row, byte) that np.packbits makes, little end first."""
    out = np.zeros((len(low), 2, 8 * words_of(n_samples)), dtype=np.uint8)
    out[:, 0, : low.shape[1]], out[:, 1, : high.shape[1]] = low, high
    return out


def pack_calls(gt: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """(planes (row, plane, byte), odd (row,)) of allele numbers (row, sample, strand); any number from 1 on is ALT."""
    low, high, odd = codes.plane_bits(codes.from_genotypes(np.minimum(gt, 1), np.zeros(gt.shape[:2], dtype=bool)))
    return pack(low, high, gt.shape[1]), odd


@contextmanager
def open_planes(path: Path) -> Iterator[Planes]:
    """Planes of a cohort's VCF-Zarr (folder or zip). Raises InputError when it is none."""
    from consilium.genomics.cohort.genotypes import open_genotypes

    if (stored := stored_planes(Path(path))) is not None:
        yield stored
        return
    with open_genotypes(path) as genotypes:
        yield planes_of(genotypes.group)


def stored_planes(path: Path) -> Planes | None:
    """Planes of a store in a folder; None where it has none."""
    folder = path / GROUP / ARRAY
    if not folder.is_dir():
        return None
    shape, chunks = chunkfiles.shape(folder)
    n_samples = chunkfiles.shape(path / "call_genotype")[0][1]
    odd = chunkfiles.read_all(path / GROUP / ODD).astype(bool)
    return Planes(shape[0], n_samples, chunks[0], odd, chunkfiles.reader(folder))


def planes_of(group: Any) -> Planes:
    """Planes of an open group, zarr's or `chunkgroup`'s; from its files where it lies in a folder: that is faster."""
    if isinstance(group, Group):
        root: Path | None = group.root
    else:
        top = getattr(group.store, "root", None)
        root = None if top is None else Path(top) / group.path
    if root is not None and (stored := stored_planes(root)) is not None:
        return stored
    calls = group["call_genotype"]
    if GROUP not in group:
        return _of_calls(calls.shape, calls.chunks[0], lambda a, b: calls[a:b])
    packed = group[GROUP][ARRAY]
    height = packed.chunks[0]
    odd = np.asarray(group[GROUP][ODD][:], dtype=bool)
    return Planes(
        calls.shape[0], calls.shape[1], height, odd, lambda i: np.asarray(packed[i * height : (i + 1) * height])
    )


def of_array(gt: Any) -> Planes:
    """Planes of a dask array of allele numbers (row, sample, strand)."""
    height = gt.chunks[0][0] if len(gt) else 1
    return _of_calls(gt.shape, height, lambda a, b: gt[a:b].compute(scheduler="synchronous"))


def _of_calls(shape: tuple[int, ...], height: int, read: Callable[[int, int], Any]) -> Planes:
    height = max(1, height)

    def block(i: int) -> npt.NDArray[np.int8]:
        gt = np.asarray(read(i * height, (i + 1) * height), dtype=np.int8)
        return gt if gt.shape[2] == 2 else np.concatenate([gt, np.full_like(gt, -2)], axis=2)

    odd = [pack_calls(block(i))[1] for i in range(-(-shape[0] // height))]
    return Planes(shape[0], shape[1], height, np.concatenate([np.zeros(0, dtype=bool), *odd]),
                  lambda i: pack_calls(block(i))[0])  # fmt: skip


@dataclass(frozen=True)
class SiteCounts:
    """Per row: heterozygous, homozygous ALT, no call (see the module), out of n samples."""

    het: Ints
    hom_alt: Ints
    no_call: Ints
    n: int

    @property
    def hom_ref(self) -> Ints:
        return self.n - self.het - self.hom_alt - self.no_call

    @property
    def alt_freq(self) -> Floats:
        """NaN where nobody is called."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.het + 2 * self.hom_alt) / (2 * (self.n - self.no_call))


def mask_of(chosen: npt.NDArray[np.bool_]) -> Bits:
    """(word,): the chosen samples as bits."""
    out = np.zeros(8 * words_of(len(chosen)), dtype=np.uint8)
    packed = np.packbits(chosen, bitorder="little")
    out[: len(packed)] = packed
    return out.view(np.uint64)


def site_counts(planes: Planes, chosen: npt.NDArray[np.bool_] | None = None) -> SiteCounts:
    """Counts of every row over all samples, or over the `chosen` ones (sample,)."""
    out = np.zeros((3, planes.n_sites), dtype=np.int64)
    mask = None if chosen is None else mask_of(chosen)
    for block, _ in planes.blocks():
        low, high = (block.low, block.high) if mask is None else (block.low & mask, block.high & mask)
        both = low & high
        lows, highs, lost = (np.bitwise_count(x).sum(axis=1, dtype=np.int64) for x in (low, high, both))
        out[:, block.start : block.start + len(block)] = lows - lost, highs - lost, lost
    return SiteCounts(out[0], out[1], out[2], planes.n_samples if chosen is None else int(chosen.sum()))


@cache
def _doses_of_bytes() -> npt.NDArray[np.uint64]:
    """Of every byte of low (first) and of high: the eight samples' dosages as one number."""
    pairs = np.arange(1 << 16, dtype="<u2").view(np.uint8).reshape(-1, 2, 1)
    bits = np.unpackbits(pairs, axis=2, bitorder="little").astype(np.int8)
    doses = bits[:, 0] + 2 * bits[:, 1]
    doses[doses == 3] = NO_CALL
    return doses.view(np.uint64)[:, 0]


def doses(low: Bits, high: Bits, n_samples: int) -> npt.NDArray[np.int8]:
    """(row, sample) ALT alleles 0 to 2, NO_CALL, of planes (row, word)."""
    pairs = np.stack([np.ascontiguousarray(plane).view(np.uint8) for plane in (low, high)], axis=2)
    return _doses_of_bytes()[pairs.view("<u2")[:, :, 0]].view(np.int8)[:, :n_samples]


def dosages(planes: Planes, rows: Ints) -> npt.NDArray[np.int8]:
    """(row, sample) ALT alleles 0 to 2, NO_CALL; `rows` in any order."""
    order = np.argsort(rows, kind="stable")
    out = np.empty((len(rows), planes.n_samples), dtype=np.int8)
    done = 0
    for block, here in planes.blocks(np.asarray(rows, dtype=np.int64)[order]):
        part = doses(block.low[here], block.high[here], planes.n_samples)
        out[order[done : done + len(part)]] = part
        done += len(part)
    return out
