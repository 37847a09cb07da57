"""Blocks of a bgzip file or BAM (SAM specification, section 4.1): how long one is, and its content."""

from __future__ import annotations

import struct
from mmap import mmap

HEAD = 18  # bytes from which the size of a block is known, as bgzip and its kin write it
LARGEST = 1 << 16  # bytes, packed or not
_MAGIC = b"\x1f\x8b\x08\x04"
_SHORTEST = HEAD + 8  # bytes: header, and checksum and size at the end


def is_bgzf(head: bytes) -> bool:
    """Whether a file that begins with `head` (16 bytes) is in blocks; else it may be one gzip stream."""
    return head[:4] == _MAGIC and head[12:14] == b"BC"


def size(packed: bytes | mmap, at: int) -> int:
    """Bytes of the block that begins at `at`: the BC subfield of its gzip header. Raises ValueError where none does."""
    if packed[at : at + 4] != _MAGIC:
        raise ValueError("no BGZF block where one should begin")
    try:
        (extra,) = struct.unpack_from("<H", packed, at + 10)
        field, last = at + 12, at + 12 + extra
        while field < last:
            name, length, found = struct.unpack_from("<2s2H", packed, field)
            if name == b"BC" and found >= _SHORTEST:
                return int(found) + 1
            field += 4 + length
    except struct.error:
        raise ValueError("a BGZF block that is cut short") from None
    raise ValueError("a gzip block without a BGZF size")


def content(block: bytes) -> bytearray:
    """What a whole block holds; nothing in the end marker. Raises ValueError where it is damaged (checksum, size)."""
    import deflate

    (stated,) = struct.unpack_from("<I", block, len(block) - 4)
    if stated > LARGEST:
        raise ValueError("a block that states more content than a BGZF block holds")
    try:
        return deflate.gzip_decompress(block, max(stated, 1))
    except deflate.DeflateError as error:
        raise ValueError(f"a damaged BGZF block ({error})") from None
