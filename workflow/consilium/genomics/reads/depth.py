"""Depth of reads at each base of a stretch, counted as mosdepth counts it (DOI 10.1093/bioinformatics/btx699).

A base counts once a fragment: where the mates of a proper pair overlap, one of them. Deleted and skipped bases do not
count. Unmapped, secondary, failed and duplicate reads are left out; mapping quality is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from consilium.genomics.reads.bam_blocks import NAME_AT, Bytes, Ints, Records, batches, items
from consilium.genomics.reads.bam_index import Chunk

EXCLUDED_FLAGS = 1796  # unmapped, secondary, failed, duplicate
_PROPER, _SUPPLEMENTARY = 0x2, 0x800
_COUNTED = np.isin(np.arange(16), (0, 7, 8))  # CIGAR M, =, X
_ON_REFERENCE = np.isin(np.arange(16), (0, 2, 3, 7, 8))  # and D, N


@dataclass(frozen=True)
class Pieces:
    """Aligned stretches: the read that each belongs to, its first base and the base behind its last."""

    read: Ints
    first: Ints
    last: Ints

    def of(self, wanted: Ints) -> tuple[Ints, Ints]:
        """(index into `wanted`, index of the stretch) of the stretches of the wanted reads; `read` must be sorted."""
        every = np.bincount(self.read, minlength=int(wanted.max(initial=-1)) + 1)
        count = every[wanted]
        return np.repeat(np.arange(len(wanted)), count), _ramps((np.cumsum(every) - every)[wanted], count)


def base_depth(handle: BinaryIO, chunks: list[Chunk], reference: int, start: int, end: int) -> npt.NDArray[np.int32]:
    """Depth (end - start,) of the bases [start, end), 0-based, of the reference with that number.

    `chunks` must hold every read over the bases that are asked for: bases that they do not cover come out too low.
    """
    pieces, mates, n, longest = [], [], 0, 0
    for batch in batches(handle, chunks):
        head = batch.head
        kept = batch.only((head["reference"] == reference) & (head["pos"] < end) & (head["flag"] & EXCLUDED_FLAGS == 0))
        part, stop = aligned(kept)
        longest = max(longest, int((stop - kept.head["pos"]).max(initial=0)))
        mates.append(_mates(kept, stop, longest, n))
        pieces.append(Pieces(part.read + n, part.first, part.last))
        n += len(kept)
    if not pieces:
        return np.zeros(end - start, dtype=np.int32)
    every = Pieces(*(np.concatenate([getattr(p, k) for p in pieces]) for k in ("read", "first", "last")))
    first, last = _overlaps(every, np.concatenate(mates))
    # What two mates share counts once: there depth rises where the shared stretch ends, and falls where it begins.
    rises = _at(np.concatenate([every.first, last]), start, end)
    rises -= _at(np.concatenate([every.last, first]), start, end)
    return np.cumsum(rises[:-1], dtype=np.int32)


def aligned(records: Records) -> tuple[Pieces, Ints]:
    """Stretches that count, and the base behind each read's last one on the reference."""
    n = records.head["n_cigar"].astype(np.int64)
    begin = records.at + NAME_AT + records.head["name_length"]
    owner = np.repeat(np.arange(len(n)), n)
    codes = items(records.data, "<u4", np.repeat(begin, n) + 4 * _ramps(np.zeros_like(n), n))
    kind, length = codes & 15, (codes >> 4).astype(np.int64)
    step = np.where(_ON_REFERENCE[kind], length, 0)
    ends = np.cumsum(step)
    total = np.concatenate([[0], ends])[np.concatenate([[0], np.cumsum(n)])]
    offset = records.head["pos"].astype(np.int64) - total[:-1]
    last = ends + offset[owner]
    counted = _COUNTED[kind]
    pieces = Pieces(owner[counted], (last - step)[counted], last[counted])
    return pieces, total[1:] + offset


def _ramps(begin: Ints, count: Ints) -> Ints:
    """begin[i], begin[i] + 1, … count[i] of them, for each i, in a row."""
    before = np.cumsum(count) - count
    return np.arange(int(count.sum())) + np.repeat(begin - before, count)


_MATE = np.dtype([("name", "u8"), ("read", "i8"), ("pos", "i8"), ("mate", "i8"), ("stop", "i8")])


def _mates(records: Records, stop: Ints, longest: int, n: int) -> npt.NDArray[np.void]:
    """Reads of proper pairs whose mates may overlap: no read before this one is longer than `longest`."""
    head = records.head
    pos, mate = head["pos"].astype(np.int64), head["mate_pos"].astype(np.int64)
    pair = (head["flag"] & (_PROPER | _SUPPLEMENTARY) == _PROPER) & (head["mate_reference"] == head["reference"])
    at = np.flatnonzero(pair & np.where(pos <= mate, stop > mate, pos - mate < longest))
    out = np.empty(len(at), dtype=_MATE)
    out["name"], out["read"] = _hashes(records.data, records.at[at], head["name_length"][at]), at + n
    out["pos"], out["mate"], out["stop"] = pos[at], mate[at], stop[at]
    return out


def _weights(n: int) -> npt.NDArray[np.uint64]:
    """Odd numbers without a pattern, by splitmix64 (DOI 10.1145/2660193.2660195): numpy.random is slow to import."""
    x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) | np.uint64(1)


_WEIGHTS = _weights(32)  # of a multilinear hash over the read name, eight bytes each


def _hashes(data: Bytes, at: Ints, lengths: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """64-bit hash of each read name."""
    width = -(-int(lengths.max(initial=0)) // 8) * 8
    if not width:
        return np.zeros(len(at), dtype=np.uint64)
    names = items(data, f"V{width}", at + NAME_AT).view(np.uint8).reshape(-1, width)
    names *= np.arange(width) < lengths[:, None]
    words = names.view(np.uint64)
    mixed = (words ^ (words >> np.uint64(29))) * _WEIGHTS[: width // 8]
    return np.asarray((mixed ^ (mixed >> np.uint64(32))).sum(axis=1, dtype=np.uint64))


def _overlaps(pieces: Pieces, mates: npt.NDArray[np.void]) -> tuple[Ints, Ints]:
    """(first base, base behind the last) of every stretch that both mates of a pair cover."""
    mates = mates[np.argsort(mates["name"], kind="stable")]  # the reads of a name stay in file order
    a, b = mates[:-1], mates[1:]
    both = (a["name"] == b["name"]) & (a["mate"] == b["pos"]) & (b["mate"] == a["pos"])
    both &= (a["pos"] <= a["mate"]) & (a["stop"] > b["pos"])
    one, two = a["read"][both], b["read"][both]
    pair, left = pieces.of(one)
    start, right = pieces.of(two[pair])
    first = np.maximum(pieces.first[left][start], pieces.first[right])
    last = np.minimum(pieces.last[left][start], pieces.last[right])
    shared = first < last
    return first[shared], last[shared]


def _at(places: Ints, start: int, end: int) -> Ints:
    """How many places lie at each base of [start, end] (those before count at its start, those behind at its end)."""
    return np.bincount(np.clip(places, start, end) - start, minlength=end - start + 1)
