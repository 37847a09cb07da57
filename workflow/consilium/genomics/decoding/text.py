"""VCF text in pieces that processes can share: each piece is whole lines, wherever the file was cut."""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from consilium.genomics import bgzf

_PIECE = 8 << 20  # bytes of text a piece, about


@dataclass(frozen=True)
class Piece:
    """Text between two places of a file: byte offsets of a plain file, of compressed blocks of a bgzipped one.

    The piece holds the lines that start after `start` and not after `end` (the first piece: from its first byte).
    """

    path: Path
    number: int
    start: int
    end: int
    blocked: bool


@contextmanager
def readable(path: Path, scratch: Path) -> Iterator[Path]:
    """The file itself, or its text in `scratch` where it is a BCF or packed as one gzip stream.

    Raises OSError or ValueError where it cannot be unpacked.
    """
    plain = scratch / "unpacked.vcf"
    try:
        yield plain if _unpacked(path, plain) else path
    finally:
        plain.unlink(missing_ok=True)


def _unpacked(path: Path, plain: Path) -> bool:
    """Write the text of a BCF or of one gzip stream to `plain`; False: the file can be read as it is."""
    import pysam
    from isal import igzip, isal_zlib

    with open(path, "rb") as handle:
        magic = handle.read(16)
    if magic[:2] != b"\x1f\x8b":
        return False
    try:
        with igzip.open(path, "rb") as packed:
            if packed.read(3) == b"BCF":
                _view(path, plain)
                return True
            if bgzf.is_bgzf(magic):
                return False
            packed.seek(0)
            with open(plain, "wb") as out:
                shutil.copyfileobj(packed, out, 1 << 22)
    except (EOFError, isal_zlib.error, pysam.SamtoolsError) as error:  # type: ignore[misc]
        raise ValueError(f"{path}: {error}") from None
    return True


def _view(path: Path, out: Path) -> None:
    import pysam.bcftools

    pysam.bcftools.view("--no-version", "-Ov", "-o", str(out), str(path), catch_stdout=False)


def pieces(path: Path, size: int = _PIECE) -> list[Piece]:
    """Cut a plain or bgzipped file; raises ValueError where a bgzipped one is not whole."""
    length = path.stat().st_size
    with open(path, "rb") as handle:
        blocked = bgzf.is_bgzf(handle.read(16))
        cuts = _block_cuts(handle.fileno(), length, size) if blocked else list(range(0, length, size))
    edges = [*cuts, length]
    return [Piece(path, i, a, b, blocked) for i, (a, b) in enumerate(pairwise(edges))]


def _block_cuts(descriptor: int, length: int, size: int) -> list[int]:
    """Offsets of compressed blocks about `size` bytes of text apart."""
    cuts, place, text = [0], 0, 0
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as data:
        while place < length:
            end = place + bgzf.size(data, place)
            if text >= size:
                cuts.append(place)
                text = 0
            text += int.from_bytes(data[end - 4 : end], "little")
            place = end
        if place != length:
            raise ValueError("the last block is cut off")
    return cuts


def read(piece: Piece) -> tuple[bytes, int]:
    """(text, offset of its first line); lines with their ends (the last of a file perhaps without).

    Raises ValueError where a compressed block is damaged.
    """
    with open(piece.path, "rb") as handle:
        handle.seek(piece.start)
        raw = handle.read(piece.end - piece.start)
        parts = _inflated(raw) if piece.blocked else [raw]
        while more := _next(handle, piece.blocked):
            end = more.find(b"\n") + 1
            parts.append(more[:end] if end else more)
            if end:
                break
    text = b"".join(parts)
    # A piece without any line of its own (one longer line passes through it) starts behind its text.
    return text, (text.find(b"\n") + 1 or len(text)) if piece.number else 0


def _inflated(raw: bytes) -> list[bytes | bytearray]:
    """Text of whole bgzip blocks. Raises ValueError where one is damaged."""
    out: list[bytes | bytearray] = []
    at = 0
    while at < len(raw):
        end = at + bgzf.size(raw, at)
        if text := bgzf.content(raw[at:end]):
            out.append(text)
        at = end
    return out


def _next(handle: IO[bytes], blocked: bool) -> bytes:
    """Some more text from where `handle` stands: one compressed block that holds any, or 64 kB."""
    if not blocked:
        return handle.read(1 << 16)
    while head := handle.read(bgzf.HEAD):
        if text := bgzf.content(head + handle.read(bgzf.size(head, 0) - bgzf.HEAD)):
            return bytes(text)
    return b""
