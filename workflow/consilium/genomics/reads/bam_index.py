"""The BAI index of a BAM file: which stretches of the file hold the reads of a region (SAM specification, 5.2)."""

from __future__ import annotations

import struct
from pathlib import Path

_LINEAR_BITS = 14  # the linear index has one entry for each 16 kb
_FIRST_BIN = ((0, 29), (1, 26), (9, 23), (73, 20), (585, 17), (4681, 14))  # of each level, and its width in bits

Chunk = tuple[int, int]  # virtual offsets: place of a BGZF block in the file << 16 | place inside the block


class BamIndex:
    """Chunks of a BAI file, by reference number. Raises ValueError for another format."""

    def __init__(self, path: Path) -> None:
        data = Path(path).read_bytes()
        if data[:4] != b"BAI\x01":
            raise ValueError(f"{path} is no BAI index")
        self._bins: list[dict[int, list[Chunk]]] = []
        self._linear: list[tuple[int, ...]] = []
        (n_references,) = struct.unpack_from("<i", data, 4)
        at = 8
        for _ in range(n_references):
            bins: dict[int, list[Chunk]] = {}
            (n_bins,) = struct.unpack_from("<i", data, at)
            at += 4
            for _ in range(n_bins):
                number, n_chunks = struct.unpack_from("<Ii", data, at)
                flat = struct.unpack_from(f"<{2 * n_chunks}Q", data, at + 8)
                bins[number] = list(zip(flat[::2], flat[1::2], strict=True))
                at += 8 + 16 * n_chunks
            (n_intervals,) = struct.unpack_from("<i", data, at)
            self._bins.append(bins)
            self._linear.append(struct.unpack_from(f"<{n_intervals}Q", data, at + 4))
            at += 4 + 8 * n_intervals

    def chunks(self, reference: int, intervals: list[tuple[int, int]]) -> list[Chunk]:
        """Stretches that hold every read that overlaps one of `intervals` (0-based, half-open), no block in two."""
        bins, linear = self._bins[reference], self._linear[reference]
        if not intervals:
            return []
        slot = min(start for start, _ in intervals) >> _LINEAR_BITS
        least = linear[slot] if slot < len(linear) else (linear[-1] if linear else 0)
        numbers = {n for start, end in intervals for n in _overlapping_bins(start, end)}
        return _joined([c for n in numbers for c in bins.get(n, ()) if c[1] > least])


def _overlapping_bins(start: int, end: int) -> list[int]:
    return [n for first, bits in _FIRST_BIN for n in range(first + (start >> bits), first + ((end - 1) >> bits) + 1)]


def _joined(chunks: list[Chunk]) -> list[Chunk]:
    """Sorted chunks; those that share a block or touch are one."""
    out: list[Chunk] = []
    for begin, end in sorted(chunks):
        if out and begin >> 16 <= out[-1][1] >> 16:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out
