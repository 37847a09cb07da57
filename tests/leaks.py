"""Searches files for planted identifiers: in any spelling, encoding and container a program might leave them in."""

from __future__ import annotations

import base64
import datetime
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHORTEST = 5  # letters: shorter pieces occur by chance
COMMON = {"study", "series", "scanner", "private", "protocol", "operator", "report"}  # words that name nobody


def spellings(value: str) -> set[str]:
    """A value as it is, its words, names turned around, dates as people write them; lower case."""
    words = [w for w in re.split(r"[\^ ,=]+", value) if w]
    names = {w for w in words if not w.islower() and w.lower() not in COMMON}
    out = {value, *names, " ".join(words), " ".join(reversed(words)), "_".join(words), "".join(words)}
    if re.fullmatch(r"(19|20)\d{6}", value):
        day = datetime.datetime.strptime(value, "%Y%m%d")
        for form in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y"):
            out.add(day.strftime(form))
    return {text.lower() for text in out if len(text) >= SHORTEST}


def patterns(values: Iterable[str]) -> dict[bytes, set[str]]:
    """Bytes to look for -> the values they stand for. Text patterns are lower case, base64 ones as they are."""
    out: dict[bytes, set[str]] = {}
    for value in values:
        for text in spellings(value):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "shift_jis"):
                out.setdefault(text.encode(encoding, "ignore"), set()).add(value)
        raw = value.encode()
        for skip in range(3):  # base64 of the value at any place of a longer text
            core = base64.b64encode(b"\0" * skip + raw)[4 if skip else 0 : -4]
            if len(core) >= 8:
                out.setdefault(core, set()).add(value)
        out.setdefault(raw.hex().encode(), set()).add(value)
    return {k: v for k, v in out.items() if len(k) >= SHORTEST}


def contents(file: Path) -> Iterator[bytes]:
    """A file's bytes, and what is inside where it is a gzip, zip, PNG or PDF."""
    yield from _opened(file.read_bytes())


def _opened(data: bytes) -> Iterator[bytes]:
    yield data
    if data[:2] == b"\x1f\x8b":
        yield from _opened(gzip.decompress(data))
    elif data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _opened(archive.read(name))
    elif data[:4] in (b"\x89PNG", b"%PDF"):
        for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
            try:
                yield zlib.decompressobj().decompress(data[start.start() :])
            except zlib.error:
                continue


def search(files: Iterable[Path], wanted: dict[bytes, set[str]], root: Path) -> list[str]:
    """ "file: value" for every planted value that is found in a file or in its name below `root`."""
    starts: dict[int, list[bytes]] = {}
    for text in wanted:
        starts.setdefault(int.from_bytes(text[:3], "little"), []).append(text)
    known = np.zeros(1 << 24, dtype=bool)
    known[list(starts)] = True
    found = set()
    for file in files:
        name = str(file.relative_to(root)).encode()
        for data in (name, *(contents(file) if file.is_file() else ())):
            for version in (data, data.lower()):
                found |= {f"{file}: {v}" for text in _hits(version, starts, known) for v in wanted[text]}
    return sorted(found)


def _hits(data: bytes, starts: dict[int, list[bytes]], known: NDArray[np.bool_]) -> Iterator[bytes]:
    """Texts of `starts` (by their first three bytes) that occur in the data; one look at each place."""
    if len(data) < SHORTEST:
        return
    raw = np.frombuffer(data, dtype=np.uint8).astype(np.int32)
    first = raw[:-2] | raw[1:-1] << 8 | raw[2:] << 16
    for place in np.flatnonzero(known[first]):
        for text in starts[int(first[place])]:
            if data.startswith(text, int(place)):
                yield text
