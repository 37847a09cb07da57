"""Data lines of a VCF whose fixed columns can be taken as they stand.

Nothing is judged here: a line that is not plainly right in every column that is used goes to the full reader
(`intake.vcf`), which says what is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from consilium.genomics.intake import records
from consilium.genomics.intake.build import canonical
from consilium.genomics.intake.calls import NO_ALT

_FORM = rb"GT(?::[A-Za-z_][0-9A-Za-z_.]*)*"
_FORMAT = re.compile(_FORM)
_LINE = re.compile(
    rb"([^\t\n]+)\t([1-9][0-9]{0,8})\t([^\t\n; ]+(?:;[^\t\n; ]+)*)\t([ACGT]+)\t([ACGT]+(?:,[ACGT]+)*|\.)\t"
    rb"(?:\.|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\t([^\t\n\r ]+)\t([^\t\n]*)\t(" + _FORM + rb")\t"
)
_START = re.compile(rb"<?([^\t\n>]*)>?\t([0-9]+)\t")

_BASE = {b"A": "A", b"C": "C", b"G": "G", b"T": "T"}
_PASSED = (b"PASS", b".")

Key = tuple[str, int, str, str]


class UnfitError(Exception):
    """The file is not one that can be read in pieces: the full reader takes it, and says why if something is wrong."""


@dataclass(frozen=True)
class Format:
    """Keys of a FORMAT column: how many, and which are DP and GQ (0: none)."""

    n_keys: int
    depth: int
    quality: int
    phase_sets: bool


@lru_cache(maxsize=1024)
def format_of(text: bytes) -> Format | None:
    """None where a key is there twice, or the text is none that starts with GT."""
    if _FORMAT.fullmatch(text) is None:
        return None
    keys = text.decode().split(":")
    if len(set(keys)) < len(keys):
        return None
    place = {k: i for i, k in enumerate(keys)}
    return Format(len(keys), place.get("DP", 0), place.get("GQ", 0), bool({"PS", "PGT", "PID"} & set(keys)))


@lru_cache(maxsize=1024)
def contig_of(name: bytes) -> str | None:
    """The chromosome, None for another contig."""
    return canonical(name.decode("utf-8", "replace"))


class Line(NamedTuple):
    """A data line: its number in the piece, and where it, its sample cells and its end are in the text.

    variants: (number of the ALT, trimmed form) where it is anything but one base for another; else None.
    """

    number: int
    start: int
    cells: int
    end: int
    rsid: bytes
    chrom: str
    pos: int
    ref: str
    alt: str
    form: Format
    variants: list[tuple[int, Key]] | None
    filtered: bool

    @property
    def n_alts(self) -> int:
        return 0 if self.alt == "." else self.alt.count(",") + 1

    @property
    def keys(self) -> list[tuple[int, Key]]:
        return self.variants or [(1, (self.chrom, self.pos, self.ref, self.alt))]


@dataclass(frozen=True)
class Read:
    """What a line was found to be: where it stands ("" where that cannot be told), and the line itself, None where it
    is for the full reader or lies on another contig."""

    contig: bytes
    pos: int
    line: Line | None
    elsewhere: bool = False


def read(text: bytes, number: int, start: int, end: int, in_full: bool) -> Read:
    """One line of `text`; in_full: it is for the full reader whatever it is, unless it lies on another contig."""
    found = _LINE.match(text, start, end)
    if found is None:
        head = _START.match(text, start, end)
        return Read(b"", 0, None) if head is None else Read(head[1], int(head[2]), None)
    raw, digits, rsid, ref, alt, filters, info, form = found.groups()
    position, chrom, keys = int(digits), contig_of(raw), format_of(form)
    if chrom is None:
        return Read(raw, position, None, elsewhere=True)
    filtered = filters not in _PASSED
    if (
        in_full or keys is None or text[end - 1] == 13  # '\r'
        or b"END=" in info or (filtered and not _filter_is_sound(filters))
    ):  # fmt: skip
        return Read(raw, position, None)
    variants: list[tuple[int, Key]] | None = None
    one, other = _BASE.get(ref), _BASE.get(alt)
    if one is None or other is None or one == other:
        one, other = ref.decode(), alt.decode()
        variants = _variants(chrom, position, one, other)
        if not variants:
            return Read(raw, position, None)
    line = Line(number, start, found.end(), end, rsid, chrom, position, one, other, keys, variants, filtered)
    return Read(raw, position, line)


@lru_cache(maxsize=1024)
def _filter_is_sound(filters: bytes) -> bool:
    return all(part and part not in (b"0", b".") for part in filters.split(b";"))


def _variants(chrom: str, position: int, ref: str, alt: str) -> list[tuple[int, Key]]:
    """Trimmed variants by ALT number; none where an ALT changes several bases at once, or two ALTs are one variant."""
    if alt == ".":
        return [(1, (chrom, position, ref, NO_ALT))]
    keys = []
    for number, one in enumerate(alt.split(","), start=1):
        where, r, a = records.trimmed(position, ref, one)
        if len(r) == len(a) and (len(r) > 1 or r == a):
            return []
        keys.append((number, (chrom, where, r, a)))
    return keys if len({k for _, k in keys}) == len(keys) else []


def told(text: bytes, start: int, end: int) -> list[Key]:
    """The variants of a line for the full reader, as far as they can be told; of several bases one by one."""
    cells = text[start:end].split(b"\t", 5)
    chrom = contig_of(cells[0].strip(b"<>"))
    if len(cells) < 6 or not chrom or not cells[1].isdigit():
        return []
    ref, alts = cells[3].decode("utf-8", "replace").upper(), cells[4].decode("utf-8", "replace").upper()
    out: list[Key] = []
    for where, r, a in (records.trimmed(int(cells[1]), ref, alt) for alt in alts.split(",") if alt.isalpha()):
        single = zip(range(where, where + len(r)), r, a, strict=False) if len(r) == len(a) else [(where, r, a)]
        out += [(chrom, place, x, y) for place, x, y in single if x != y]
    return out
