"""Holds the lines of a SAM file (text) against the specification (SAMv1): what is wrong with it, by line."""

from __future__ import annotations

import datetime
import gzip
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from consilium.core.errors import Problem
from consilium.genomics.intake.vcf_report import LISTED

_NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_OTHER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z*+.@_|-]*")
_HEADER = re.compile(r"@[A-Z]{2}(\t[A-Za-z][A-Za-z0-9]:[^\t]+)+")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,9}")
_SIGNED = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?")
_CIGAR = re.compile(r"\*|([0-9]+[MIDNSHPX=])+")
_STEP = re.compile(r"([0-9]+)([MIDNSHPX=])")
_CLIPS = re.compile(r"H?S?[MIDNPX=]*S?H?")
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]")
_PLATFORMS = {"CAPILLARY", "DNBSEQ", "ELEMENT", "HELICOS", "ILLUMINA", "IONTORRENT", "LS454", "ONT", "PACBIO",
              "SINGULAR", "SOLID", "ULTIMA"}  # fmt: skip
_ARRAYS = {"c": (-128, 127), "C": (0, 255), "s": (-32768, 32767), "S": (0, 65535), "i": (-(2**31), 2**31 - 1),
           "I": (0, 2**32 - 1)}  # fmt: skip
_MOST = 2**31 - 1


def problems(path: Path, patient: str = "") -> list[Problem]:
    """What is wrong with a SAM file (plain or gzip), the first LISTED faults; none when it is valid."""
    out: list[Problem] = []
    file = _File()
    line = 0
    try:
        with _opened(path) as handle:
            for line, raw in enumerate(handle, start=1):
                for found in file.faults(raw.rstrip("\r\n")):
                    out.append(
                        Problem(str(path), found, "a line as in the SAM specification", "correct it", line, patient)
                    )
                if len(out) >= LISTED:
                    return out[:LISTED]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        out.append(Problem(str(path), f"a file that cannot be read ({type(error).__name__})", "a whole SAM file",
                           "copy the file again", line, patient))  # fmt: skip
    lacking = [f"@PG with PP:{p}, which no @PG has as ID" for p in sorted(file.parents - file.seen["PG"])]
    return out + [Problem(str(path), found, "the ID of a @PG line", "correct it", 0, patient) for found in lacking]


def _opened(path: Path) -> IO[str]:
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else open(path, encoding="utf-8")


class _File:
    """What the lines so far said."""

    def __init__(self) -> None:
        self.n_lines = 0
        self.body = False
        self.seen: dict[str, set[str]] = {"SQ": set(), "RG": set(), "PG": set()}
        self.parents: set[str] = set()

    def faults(self, line: str) -> Iterator[str]:
        self.n_lines += 1
        cells = line.split("\t")
        if line.startswith("@") and len(cells[0]) == 3 and not self.body:
            yield from self._header(cells, line)
            return
        self.body = True
        if len(cells) < 11:
            yield f"{len(cells)} columns, not at least 11"
            return
        yield from _fixed(cells, self.seen["SQ"])
        yield from _sequence(cells)
        yield from _tags(cells[11:])

    def _header(self, cells: list[str], line: str) -> Iterator[str]:
        kind = cells[0][1:]
        if kind == "CO":
            return
        if not _HEADER.fullmatch(line):
            yield f"header line '{line[:40]}'"
            return
        keys = [c[:2] for c in cells[1:]]
        tags = {c[:2]: c[3:] for c in cells[1:]}
        yield from (f"@{kind} with {k} twice" for k in sorted({k for k in keys if keys.count(k) > 1}))
        check: dict[str, Callable[[dict[str, str]], Iterator[str]]] = {
            "HD": self._hd, "SQ": self._sq, "RG": self._rg, "PG": self._pg,
        }  # fmt: skip
        if kind in check:
            yield from check[kind](tags)

    def _hd(self, tags: dict[str, str]) -> Iterator[str]:
        if self.n_lines > 1:
            yield "@HD that is not the first line"
        if not re.fullmatch(r"[0-9]+\.[0-9]+", tags.get("VN", "")):
            yield f"@HD with VN:{tags.get('VN', '')}"
        if tags.get("SO", "unknown") not in ("unknown", "unsorted", "queryname", "coordinate"):
            yield f"@HD with SO:{tags['SO']}"
        if tags.get("GO", "none") not in ("none", "query", "reference"):
            yield f"@HD with GO:{tags['GO']}"
        if not re.fullmatch(r"(coordinate|queryname|unsorted)(:[A-Za-z0-9_-]+)+", tags.get("SS", "unsorted:x")):
            yield f"@HD with SS:{tags['SS']}"

    def _sq(self, tags: dict[str, str]) -> Iterator[str]:
        name, length = tags.get("SN", ""), tags.get("LN", "")
        others = tags["AN"].split(",") if "AN" in tags else []
        if not _NAME.fullmatch(name):
            yield f"@SQ with SN:{name[:40]}"
        if not (_WHOLE.fullmatch(length) and 0 < int(length) <= _MOST):
            yield f"@SQ with LN:{length[:20]}"
        yield from (f"@SQ with AN:{n}" for n in others if not _OTHER_NAME.fullmatch(n))
        yield from (f"@SQ with {n} twice" for n in (name, *others) if n in self.seen["SQ"])
        self.seen["SQ"].update((name, *others))
        if not re.fullmatch(r"[0-9a-f]{32}", tags.get("M5", "0" * 32)):
            yield f"@SQ with M5:{tags['M5']}"
        if tags.get("TP", "linear") not in ("linear", "circular"):
            yield f"@SQ with TP:{tags['TP']}"
        if not re.fullmatch(r"\*|[^:=]+(:\d+-\d+)?", tags.get("AH", "*")):
            yield f"@SQ with AH:{tags['AH']}"

    def _rg(self, tags: dict[str, str]) -> Iterator[str]:
        yield from self._id("RG", tags)
        if "DT" in tags and not _is_date(tags["DT"].strip()):
            yield f"@RG with DT:{tags['DT']}"
        if not _SIGNED.fullmatch(tags.get("PI", "0")):
            yield f"@RG with PI:{tags['PI']}"
        if tags.get("PL", "ILLUMINA").upper() not in _PLATFORMS:
            yield f"@RG with PL:{tags['PL']}"
        if not re.fullmatch(r"\*|[ACMGRSVTWYHKDBN]+", tags.get("FO", "*")):
            yield f"@RG with FO:{tags['FO']}"

    def _pg(self, tags: dict[str, str]) -> Iterator[str]:
        yield from self._id("PG", tags)
        if "PP" in tags:
            self.parents.add(tags["PP"])

    def _id(self, kind: str, tags: dict[str, str]) -> Iterator[str]:
        if "ID" not in tags:
            yield f"@{kind} without ID"
        elif tags["ID"] in self.seen[kind]:
            yield f"@{kind} with ID:{tags['ID']} twice"
        self.seen[kind].add(tags.get("ID", ""))


def _is_date(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _between(text: str, low: int, high: int) -> bool:
    return bool(_WHOLE.fullmatch(text)) and low <= int(text) <= high


def _fixed(cells: list[str], names: set[str]) -> Iterator[str]:
    query, flag, name, pos, quality, _, mate, mate_pos, length = cells[:9]
    if not re.fullmatch(r"[!-?A-~]{1,254}", query):
        yield f"QNAME '{query[:40]}'"
    if not _between(flag, 0, 2**16 - 1):
        yield f"FLAG '{flag[:20]}'"
    for column, value, special in (("RNAME", name, "*"), ("RNEXT", mate, "*=")):
        if len(value) == 1 and value in special:
            continue
        if not _NAME.fullmatch(value):
            yield f"{column} '{value[:40]}'"
        elif names and value not in names:
            yield f"{column} '{value[:40]}', which no @SQ line names"
    for column, value, most in (("POS", pos, _MOST), ("MAPQ", quality, 255), ("PNEXT", mate_pos, _MOST)):
        if not _between(value, 0, most):
            yield f"{column} '{value[:20]}'"
    if not (_SIGNED.fullmatch(length) and len(length) < 20 and abs(int(length)) <= _MOST):
        yield f"TLEN '{length[:20]}'"


def _sequence(cells: list[str]) -> Iterator[str]:
    cigar, bases, qualities = cells[5], cells[9], cells[10]
    if not re.fullmatch(r"\*|[A-Za-z=.]+", bases):
        yield f"SEQ '{bases[:40]}'"
    if not re.fullmatch(r"[!-~]+", qualities):
        yield f"QUAL '{qualities[:40]}'"
    if qualities != "*" and (bases == "*" or len(bases) != len(qualities)):
        yield f"{len(qualities)} qualities for {0 if bases == '*' else len(bases)} bases"
    if not _CIGAR.fullmatch(cigar):
        yield f"CIGAR '{cigar[:40]}'"
        return
    steps = [(int(n), op) for n, op in _STEP.findall(cigar)]
    if not _CLIPS.fullmatch("".join(op for _, op in steps)):
        yield f"CIGAR '{cigar[:40]}': clipped bases inside the read"
    spent = sum(n for n, op in steps if op in "MIS=X")
    if steps and bases != "*" and spent != len(bases):
        yield f"CIGAR of {spent} bases for a read of {len(bases)}"


def _tags(cells: list[str]) -> Iterator[str]:
    names = [c[:2] for c in cells]
    yield from (f"tag {n} twice" for n in sorted({n for n in names if names.count(n) > 1}))
    for cell in cells:
        if not (_TAG.fullmatch(cell[:2]) and cell[2:3] == ":" and cell[4:5] == ":" and _value_ok(cell[3], cell[5:])):
            yield f"tag '{cell[:40]}'"


def _value_ok(kind: str, value: str) -> bool:
    if kind == "A":
        return bool(re.fullmatch(r"[!-~]", value))
    if kind == "i":
        return bool(_SIGNED.fullmatch(value)) and -(2**31) <= _integer(value) <= 2**32 - 1
    if kind == "f":
        return _float_ok(value)
    if kind == "Z":
        return bool(re.fullmatch(r"[ !-~]*", value))
    if kind == "H":
        return bool(re.fullmatch(r"([0-9A-F]{2})*", value))
    return kind == "B" and _array_ok(value)


def _integer(text: str) -> int:
    digits = text.lstrip("+-").lstrip("0") or "0"
    return (-1 if text.startswith("-") else 1) * int(digits[:20])


def _float_ok(text: str) -> bool:
    """In the form of the specification, and a number of single precision."""
    if not _FLOAT.fullmatch(text):
        return False
    with np.errstate(over="ignore", under="ignore"):
        single = float(np.float32(text))
    return math.isfinite(single) and (single != 0 or float(text) == 0)


def _array_ok(value: str) -> bool:
    kind, *values = value.split(",")
    if kind == "f":
        return all(_float_ok(v) for v in values)
    if kind not in _ARRAYS:
        return False
    low, high = _ARRAYS[kind]
    return all(_SIGNED.fullmatch(v) and low <= _integer(v) <= high for v in values)
