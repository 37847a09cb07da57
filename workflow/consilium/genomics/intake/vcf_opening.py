"""Opens VCF files however they are packed: plain, gzip, bgzip, or BCF (through bcftools)."""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consilium.genomics.intake.records import Fault
from consilium.genomics.intake.vcf_report import Report

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


@contextmanager
def lines_of(path: Path, report: Report) -> Iterator[Iterator[str]]:
    """Lines of a VCF (plain, gzip, bgzip) or BCF file. Raises InputError when it is none, or not whole."""
    with open(path, "rb") as handle:
        magic = handle.read(18)
    if not magic:
        raise report.stop("an empty file", "a VCF file", "supply the file again")
    if magic[:2] != b"\x1f\x8b":
        if magic[:4] == b"##fi":
            with open(path, "rb") as plain:
                yield _decoded(plain, report)
            return
        raise report.stop(_what(magic), "a VCF file that starts with ##fileformat=VCFv4.x", "supply the VCF itself")
    if magic[12:14] == b"BC" and not _has_end(path):
        _broken(report, "a truncated file: the bgzip end marker is absent")
    with gzip.open(path, "rb") as packed:
        lines = _decoded(packed, report)
        first = next(lines, "")
        if first.startswith("BCF"):
            with _bcf_as_text(path, report) as text:
                yield text
            return
        yield _again(first, lines)


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _decoded(handle: io.BufferedIOBase | gzip.GzipFile, report: Report) -> Iterator[str]:
    text = io.TextIOWrapper(handle, encoding="utf-8", errors="replace", newline="\n")  # type: ignore[type-var]
    last = ""
    try:
        for line in text:
            if last:
                yield last
            last = line
    except EOFError:
        _broken(report, "a truncated gzip file")
        return  # the last line may be cut
    except (zlib.error, gzip.BadGzipFile) as error:
        _broken(report, f"a damaged gzip file ({error})")
        return
    if last:
        yield last


def _broken(report: Report, found: str) -> None:
    """A file that is not whole: unusable, but at the lenient level what stands before the break is used."""
    if report.level != "lenient":
        raise report.stop(found, "a whole file", "copy the file again")
    report.note(Fault(found, "a whole file", "copy the file again"), 0)


@contextmanager
def _bcf_as_text(path: Path, report: Report) -> Iterator[Iterator[str]]:
    import pysam.bcftools

    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "bcf.vcf"
        try:
            pysam.bcftools.view("--no-version", "-Ov", "-o", str(text), str(path), catch_stdout=False)
        except pysam.SamtoolsError as error:
            raise report.stop(f"a BCF that cannot be read ({str(error)[:200]})", "a BCF", "write it again") from None
        with open(text, "rb") as handle:
            yield _decoded(handle, report)


def _has_end(path: Path) -> bool:
    with open(path, "rb") as handle:
        handle.seek(0, io.SEEK_END)
        if handle.tell() < len(_BGZF_END):
            return False
        handle.seek(-len(_BGZF_END), io.SEEK_END)
        return handle.read() == _BGZF_END


def _what(magic: bytes) -> str:
    for start, name in ((b"PK", "a zip archive"), (b"BZh", "a bzip2 file"), (b"\xfd7zXZ", "an xz file"),
                        (b"CRAM", "a CRAM file"), (b"@HD", "a SAM file"), (b"\x89HDF", "an HDF5 file")):  # fmt: skip
        if magic.startswith(start):
            return name
    if magic.startswith(b"\xef\xbb\xbf") or magic.startswith(b"\xff\xfe"):
        return "a byte order mark before the header"
    return "no ##fileformat line at the start"
