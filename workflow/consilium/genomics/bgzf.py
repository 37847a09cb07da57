"""Blocks of a bgzip file or BAM (SAM specification, section 4.1): how long one is, and its content."""

from __future__ import annotations

from mmap import mmap

HEAD = 18  # bytes: a gzip header whose one subfield, BC, is the block's size; htslib takes no other either
LARGEST = 1 << 16  # bytes, packed or not
_MAGIC, _SUBFIELD = b"\x1f\x8b\x08\x04", b"\x06\x00BC\x02\x00"
_SHORTEST = HEAD + 9  # bytes: header, anything packed, checksum and size at the end


def is_bgzf(head: bytes) -> bool:
    """Whether what begins with `head` (16 bytes) is in blocks; else it may be one gzip stream."""
    return head[:4] == _MAGIC and head[10:16] == _SUBFIELD


def size(packed: bytes | mmap, at: int) -> int:
    """Bytes of the block that begins at `at`. Raises ValueError where none does, or it is cut short."""
    head = packed[at : at + HEAD]
    if head[:4] != _MAGIC:
        raise ValueError("no BGZF block where one should begin")
    if len(head) < HEAD:
        raise ValueError("a BGZF block that is cut short")
    found = int.from_bytes(head[16:], "little") + 1
    if not is_bgzf(head) or found < _SHORTEST:
        raise ValueError("a gzip block without a BGZF size")
    return found


def content(block: bytes) -> bytearray:
    """What a whole block holds; nothing in the end marker. Raises ValueError where it is damaged (checksum, size)."""
    import deflate

    stated = int.from_bytes(block[-4:], "little")
    if stated > LARGEST:
        raise ValueError("a block that states more content than a BGZF block holds")
    try:
        return deflate.gzip_decompress(block, max(stated, 1))
    except deflate.DeflateError as error:
        raise ValueError(f"a damaged BGZF block ({error})") from None
