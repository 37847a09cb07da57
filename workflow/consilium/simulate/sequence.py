"""The demo reference: true GRCh38 lengths, N outside the windows, seeded bases inside, true bases where it matters.

Written as BGZF by hand: a gigabase of N is one compressed block, repeated.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from
from consilium.core.store import atomic, write_text
from consilium.simulate.regions import CHROMOSOMES, GRCH38, Window

LINE = 13_000  # long lines: a block of N is 83 bytes (213 with lines of 60), and there are 26,000 such blocks
LINES_PER_BLOCK = 5
EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # BGZF end of file
BASES = np.frombuffer(b"ACGT", dtype=np.uint8)
SEQUENCES = dict[Window, np.ndarray]  # bases of each window as uint8 letters


def bases(windows: list[Window], positions: pd.DataFrame, seed: int) -> SEQUENCES:
    """Random bases (41 % GC) for every window, with the true reference bases at the star-allele positions.

    Around indels the repeat that decides their left-aligned place is built as the HGVS name of the variant says.
    """
    out = {}
    for window in windows:
        rng = np.random.default_rng(seed_from(seed, "bases", window.chrom, window.start))
        out[window] = BASES[rng.choice(4, window.length, p=(0.295, 0.205, 0.205, 0.295))]
    for chrom, pos, ref, alts, hgvs in positions[["chrom", "pos", "ref", "alts", "hgvs"]].itertuples(index=False):
        window = window_of(windows, chrom, pos)
        unit = indel_unit(ref, alts.split(","))
        if unit:
            _put(out[window], pos + 1 - window.start - 1, repeat_context(pos, unit, hgvs))
    for chrom, pos, ref in positions[["chrom", "pos", "ref"]].itertuples(index=False):
        window = window_of(windows, chrom, pos)
        _put(out[window], pos - window.start - 1, ref)
    return out


def window_of(windows: list[Window], chrom: str, pos: int) -> Window:
    """The window that holds a 1-based position; ValueError where none does."""
    for window in windows:
        if window.chrom == chrom and window.start < pos <= window.end:
            return window
    raise ValueError(f"{chrom}:{pos} lies in no simulated window")


def indel_unit(ref: str, alts: list[str]) -> str:
    """Bases that an indel adds or takes (without the anchor base); "" for a SNV."""
    longest = max((ref, *alts), key=len)
    shortest = min((ref, *alts), key=len)
    if len(longest) == len(shortest):
        return ""
    return (ref if len(ref) > 1 else longest)[1:]


def repeat_context(pos: int, unit: str, hgvs: str) -> str:
    """Reference bases from pos + 1 to one past the last place to which the indel can be shifted.

    HGVS names the rightmost place: `g.5del`, `g.5_7del`, `g.5dup`, `g.5_6insT`, or `g.5AT[1]` (number of copies).
    """
    first = hgvs.split(";")[0]
    if found := re.search(r"g\.(\d+)([ACGT]+)\[(\d+)\]$", first):
        start, piece, copies = int(found[1]), found[2], int(found[3]) + 1  # named is the allele one copy shorter
        end = start + copies * len(piece) - 1
    elif found := re.search(r"g\.(\d+)_\d+ins|(\d+)(?:del|dup)$", first):
        end = int(found[1] or found[2])
    else:
        raise ValueError(f"indel with unknown HGVS name {hgvs}")
    n = end - pos
    text = (unit * (n // len(unit) + 1))[: n + 1]
    other = "ACGT"[("ACGT".index(text[n]) + 1) % 4]  # ends the repeat
    return text[:n] + other


def _put(sequence: np.ndarray, at: int, text: str) -> None:
    sequence[at : at + len(text)] = np.frombuffer(text.encode(), dtype=np.uint8)


def _block(payload: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(payload) + deflate.flush()
    head = struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(payload), len(payload))


def write(path: Path, sequences: SEQUENCES) -> None:
    """Write `path` (bgzipped FASTA) with .fai and .gzi beside it; contigs of all windows, in genome order."""
    per_block = LINE * LINES_PER_BLOCK
    nothing = (b"N" * LINE + b"\n") * LINES_PER_BLOCK
    nothing_block = _block(nothing)
    index, sizes, done = [], [], 0
    with atomic(path) as temporary, open(temporary, "wb") as handle:

        def add(block: bytes, length: int) -> None:
            nonlocal done
            handle.write(block)
            sizes.append((len(block), length))
            done += length

        for chrom in [c for c in CHROMOSOMES if any(w.chrom == c for w in sequences)]:
            title = f">{chrom}\n".encode()
            add(_block(title), len(title))
            index.append(f"{chrom}\t{GRCH38[chrom]}\t{done}\t{LINE}\t{LINE + 1}\n")
            here = {w: s for w, s in sequences.items() if w.chrom == chrom}
            for start in range(0, GRCH38[chrom], per_block):
                end = min(start + per_block, GRCH38[chrom])
                hit = any(w.start < end and w.end > start for w in here)
                if not hit and end - start == per_block:
                    add(nothing_block, len(nothing))
                    continue
                payload = _lines(start, end, here)
                add(_block(payload), len(payload))
        handle.write(EMPTY_BLOCK)
    write_text(path.with_name(path.name + ".fai"), "".join(index))
    offsets = np.cumsum(np.array(sizes, dtype="<u8"), axis=0)[:-1]
    with atomic(path.with_name(path.name + ".gzi")) as temporary:
        temporary.write_bytes(struct.pack("<Q", len(offsets)) + offsets.tobytes())


def _lines(start: int, end: int, sequences: SEQUENCES) -> bytes:
    text = np.full(end - start, ord("N"), dtype=np.uint8)
    for window, sequence in sequences.items():
        a, b = max(start, window.start), min(end, window.end)
        if a < b:
            text[a - start : b - start] = sequence[a - window.start : b - window.start]
    raw = text.tobytes()
    return b"".join(raw[i : i + LINE] + b"\n" for i in range(0, len(raw), LINE))
