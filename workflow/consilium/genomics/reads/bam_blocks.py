"""BAM records as arrays, straight from the compressed blocks: a Python loop over reads would cost ten times as much."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from consilium.genomics import bgzf
from consilium.genomics.reads.bam_index import Chunk

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
HEAD = np.dtype(
    [("size", "<i4"), ("reference", "<i4"), ("pos", "<i4"), ("name_length", "u1"), ("mapq", "u1"), ("bin", "<u2"),
     ("n_cigar", "<u2"), ("flag", "<u2"), ("length", "<i4"), ("mate_reference", "<i4"), ("mate_pos", "<i4")]
)  # fmt: skip
NAME_AT = 36  # where the read name begins in a record; the insert size before it is not used
PADDING = 256  # zero bytes behind the last record, so that a read name can be taken at its longest anywhere
_BATCH = 2 << 20  # compressed bytes that are worked on at once; more than the 64 kb that a block can have


@dataclass(frozen=True)
class Records:
    """Reads of one batch in file order: `data` (bytes), `at` (read,) = where each begins, `head` (read,) fields."""

    data: Bytes
    at: Ints
    head: npt.NDArray[np.void]

    def only(self, keep: npt.NDArray[np.bool_]) -> Records:
        return self if keep.all() else Records(self.data, self.at[keep], _raw(self.head)[keep].view(HEAD))

    def __len__(self) -> int:
        return len(self.at)


def _raw(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same bytes without fields: numpy picks from those four times as fast."""
    return values.view(f"V{values.dtype.itemsize}")


def items(data: Bytes, dtype: npt.DTypeLike, at: Ints) -> npt.NDArray[Any]:
    """Values of `dtype` at any byte offsets, aligned or not."""
    kind = np.dtype(dtype)
    if not len(at):
        return np.empty(0, dtype=kind)
    return _everywhere(data, f"V{kind.itemsize}" if kind.fields else kind)[at].view(kind)


def _everywhere(data: Bytes, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The value of `dtype` that begins at each byte."""
    kind = np.dtype(dtype)
    return np.ndarray((len(data) - kind.itemsize + 1,), dtype=kind, buffer=data.data, strides=(1,))


def batches(handle: BinaryIO, chunks: list[Chunk]) -> Iterator[Records]:
    """All reads that begin in `chunks` (and at most some more from their last blocks), some megabytes at a time.

    Raises ValueError where the bytes are not BGZF or not BAM.
    """
    for begin, end in chunks:
        carry, skip = b"", begin & 0xFFFF
        for blocks in _inflated(handle, begin >> 16, end >> 16):
            text = b"".join([carry, *blocks, bytes(PADDING)])
            data = np.frombuffer(text, dtype=np.uint8)
            n = len(text) - PADDING
            if carry:
                at, done = _one_by_one(text, 0, n)
            else:
                edges = np.concatenate([[0], np.cumsum([len(b) for b in blocks])])
                at, done = _record_starts(text, data, edges, min(skip, n))
                skip -= min(skip, n)
            carry = text[done:n]
            yield Records(data, at, items(data, HEAD, at))


def _inflated(handle: BinaryIO, first: int, last: int) -> Iterator[list[bytearray]]:
    """Contents of the BGZF blocks that begin at file offsets `first` to `last`, in batches."""
    handle.seek(first)
    place, rest = first, b""
    while place <= last:
        packed = rest + handle.read(min(_BATCH, last - place + bgzf.LARGEST))
        if not packed:
            return
        out, at = [], 0
        while place + at <= last and at + bgzf.HEAD <= len(packed):
            end = at + bgzf.size(packed, at)
            if end > len(packed):
                break
            if text := bgzf.content(packed[at:end]):
                out.append(text)
            at = end
        if at == 0:
            raise ValueError("a BGZF block that is cut short")
        place, rest = place + at, packed[at:]
        yield out


def _record_starts(text: bytes, data: Bytes, edges: Ints, start: int) -> tuple[Ints, int]:
    """(where each whole record begins, where the first record that is not whole begins).

    samtools and its kin begin a record with each block, so that all blocks can be walked at once; where a writer does
    not, the records are followed one by one.
    """
    first = int(np.searchsorted(edges[1:], start, side="right"))
    here, ends = np.concatenate([[start], edges[first + 1 : -1]]), edges[first + 1 :]
    if not len(ends):
        return np.empty(0, dtype=np.int64), int(edges[-1])
    # Without a sign: what no size can be lies behind every end.
    found, size_at = [], _everywhere(data, "<u4")
    while len(here):
        found.append(here)
        here = here + size_at[here] + 4
        inside = here < ends
        if np.count_nonzero(inside) < len(here):
            if not np.array_equal(here[~inside], ends[~inside]):
                return _one_by_one(text, start, int(edges[-1]))
            here, ends = here[inside], ends[inside]
    starts = np.sort(np.concatenate(found))
    if size_at[starts].min() < NAME_AT - 4:
        return _one_by_one(text, start, int(edges[-1]))
    return starts, int(edges[-1])


def _one_by_one(text: bytes, start: int, end: int) -> tuple[Ints, int]:
    found, at, size_at = [], start, struct.Struct("<i").unpack_from
    while at + 4 <= end:
        size = size_at(text, at)[0]
        if size < NAME_AT - 4:
            raise ValueError("a BAM record that is too short")
        if at + 4 + size > end:
            break
        found.append(at)
        at += 4 + size
    return np.array(found, dtype=np.int64), at
