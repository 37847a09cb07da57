"""Blocks of bgzip: their length and content, and that nothing else is taken for one."""

import struct
import zlib

import pytest
from consilium.genomics import bgzf
from hypothesis import given
from hypothesis import strategies as st


def block(content: bytes, before: bytes = b"") -> bytes:
    """As the SAM specification lays it out; before: another subfield in front of BC."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    extra = len(before) + 6
    size = 12 + extra + len(packed) + 8
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", extra) + before
    return (
        head + struct.pack("<2s2H", b"BC", 2, size - 1) + packed + struct.pack("<2I", zlib.crc32(content), len(content))
    )


@given(st.binary(max_size=5000), st.binary(max_size=40))
def test_a_block_is_measured_and_unpacked(content: bytes, behind: bytes) -> None:
    packed = block(content)
    assert bgzf.size(b"ab" + packed + behind, 2) == len(packed)
    assert bgzf.content(packed) == content
    assert bgzf.is_bgzf(packed)


def test_another_subfield_is_no_block() -> None:
    """samtools refuses it as "not BGZF compressed"; a VCF of that kind is read as one gzip stream."""
    packed = block(b"text", struct.pack("<2sH3s", b"XY", 3, b"abc"))
    assert not bgzf.is_bgzf(packed)
    with pytest.raises(ValueError, match="without a BGZF size"):
        bgzf.size(packed, 0)


@given(st.binary(max_size=60), st.booleans())
def test_other_bytes_are_refused_as_such(noise: bytes, like_gzip: bool) -> None:
    """Also a header that is cut, or states a size that no block has."""
    try:
        found = bgzf.size((b"\x1f\x8b\x08\x04" if like_gzip else b"") + noise, 0)
    except ValueError:
        return
    assert found > bgzf.HEAD + 8


@pytest.mark.parametrize("cut", [4, 10, 13, 17])
def test_a_cut_header_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        bgzf.size(block(b"text")[:cut], 0)


@pytest.mark.parametrize("place", [-8, -4, 20], ids=["checksum", "size", "content"])
def test_a_damaged_block_is_refused(place: int) -> None:
    packed = bytearray(block(b"a line of some length, again a line of some length"))
    packed[place] ^= 0x55
    with pytest.raises(ValueError, match=r"damaged"):
        bgzf.content(bytes(packed))
