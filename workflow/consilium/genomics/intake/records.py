"""Holds one VCF data line against the specification (VCFv4.1 to 4.4), field by field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Definition:
    """Number and Type of an INFO or FORMAT key."""

    number: str
    type: str
    minimum: float | None = None  # smallest allowed value
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a record. `unread`: it stands in a value that is not used here, the genotype can be."""

    found: str
    allowed: str
    mend: str
    unread: bool = False


_COUNT = Definition("1", "Integer", 0)
# Reserved INFO keys keep their meaning unless the header defines them otherwise.
_RESERVED = {
    "AA": Definition("1", "String"),
    "AC": Definition("A", "Integer", 0),
    "AF": Definition("A", "Float", 0),
    **dict.fromkeys(("AD", "ADF", "ADR"), Definition("R", "Integer", 0)),
    **dict.fromkeys(("BQ", "MQ"), Definition("1", "Float")),
    "CIGAR": Definition("A", "String", pattern=re.compile(r"(\d+[MIDNSHPX=])+|\.")),
    **dict.fromkeys(("AN", "DP", "END", "MQ0", "NS"), _COUNT),
    **dict.fromkeys(("DB", "H2", "H3", "SOMATIC", "VALIDATED", "1000G"), Definition("0", "Flag")),
}
# Reserved FORMAT keys, where the header does not define them; GT, PL and GL are treated apart.
_RESERVED_FORMATS = {
    **dict.fromkeys(("AD", "ADF", "ADR"), Definition("R", "Integer", 0)),
    **dict.fromkeys(("DP", "MIN_DP"), _COUNT),
    **dict.fromkeys(("GQ", "MQ", "PQ", "PS"), Definition("1", "Integer")),
    "EC": Definition("A", "Integer"),
    "FT": Definition("1", "String"),
    "GP": Definition("G", "Float"),
    "HQ": Definition("2", "Integer"),
    "PP": Definition("G", "Integer"),
}
_VALUE = {
    "Integer": re.compile(r"[+-]?\d+|\."),
    "Float": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)|\.", re.IGNORECASE),
    "Character": re.compile(r"."),
}
_LISTS = {
    name: re.compile(f"(?:{_VALUE[name].pattern})(?:,(?:{_VALUE[name].pattern}))*", _VALUE[name].flags)
    for name in ("Integer", "Float")
}
_CHROM = re.compile(r"[^\s:,<>*=][^\s:,<>]*|<[^\s:<>]+>")
_BASES = re.compile(r"[ACGTN]+", re.IGNORECASE)
_MATE = r"[\[\]](<[^\s<>]+>|[^\s\[\]<>,]+):\d+[\[\]]"
_ALT = re.compile(
    rf"[ACGTN]+|\*|<[^\s<>,]+>|\.[ACGTN]+|[ACGTN]+\.|[ACGTN.]+{_MATE}|{_MATE}[ACGTN.]+|"
    rf"[ACGTN]+[\[\]]<[^\s<>]+>[\[\]]|[\[\]]<[^\s<>]+>[\[\]][ACGTN]+",
    re.IGNORECASE,
)
_QUAL = re.compile(r"\.|\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_ID = re.compile(r"[^\s;]+(;[^\s;]+)*")
_INFO_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*|1000G")
_FORMAT = re.compile(r"[A-Za-z][0-9A-Za-z.]*(:[A-Za-z_][0-9A-Za-z_.]*)*")
_GT = re.compile(r"[/|]?([0-9]{1,6}|\.)([/|]([0-9]{1,6}|\.))*")
_END = re.compile(r"(?:^|;)END=([0-9]{1,10})(?:;|$)")
_SHORT, _MOST_KNOWN = 40, 20_000  # longest values that are looked up, and how many of a kind
# Reserved FORMAT keys with one value a genotype, whatever a sloppy header says.
_PER_GENOTYPE = {"PL": Definition("G", "Integer"), "GL": Definition("G", "Float")}


def trimmed(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The shortest form of a variant: common bases removed from the right, then from the left (one base stays)."""
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def end_of(info: str) -> int | None:
    """INFO/END, None without."""
    match = _END.search(info) if "END=" in info else None
    return int(match[1]) if match else None


def quality(keys: list[str], cell: str) -> tuple[int | None, int | None]:
    """GQ and DP (MIN_DP where given) of one sample cell; None where absent."""
    values = dict(zip(keys, cell.split(":"), strict=False))
    depth = _whole(values.get("MIN_DP", "."))
    return _whole(values.get("GQ", ".")), depth if depth is not None else _whole(values.get("DP", "."))


@lru_cache(maxsize=65536)
def _whole(text: str) -> int | None:
    """The whole part of a number; None where it is none, or not finite."""
    value = float(text) if _VALUE["Float"].fullmatch(text) and text != "." else math.nan
    return int(value) if math.isfinite(value) else None


@lru_cache(maxsize=65536)
def alleles(call: str) -> tuple[int, ...] | None:
    """Allele numbers of a GT cell, -1 for '.'; None when it is not a genotype."""
    if not _GT.fullmatch(call):
        return None
    return tuple(-1 if a == "." else int(a) for a in re.split(r"[/|]", call.lstrip("/|")))


class Checker:
    """Checks data lines of one file; keeps what its header defines.

    Most values of a file recur: those that were found sound are looked up afterwards.
    """

    def __init__(self, info: dict[str, Definition], formats: dict[str, Definition], version: tuple[int, int]) -> None:
        self._info = {**_RESERVED, **{k: _stricter(_RESERVED.get(k), v) for k, v in info.items()}}
        self._formats = {**_RESERVED_FORMATS, **formats}
        self._no_underscore = version < (4, 3)
        self._filters: dict[str, bool] = {}
        self._sound: dict[tuple[str, int, int], set[str]] = {}  # by key ("": items of INFO), ALT alleles, ploidy

    def _known(self, key: str, n_alt: int, ploidy: int) -> set[str]:
        found = self._sound.setdefault((key, n_alt, ploidy), set())
        if len(found) > _MOST_KNOWN:
            found.clear()
        return found

    def faults(self, cells: list[str], wanted: list[int]) -> list[Fault]:
        """What is wrong with a line; the columns `wanted` are checked among the samples. Empty when nothing is."""
        return [*self._fixed(cells), *self._values(cells), *self._samples(cells, wanted)]

    def _fixed(self, cells: list[str]) -> Iterator[Fault]:
        chrom, pos, name, ref, alt, qual, filters = cells[:7]
        if not _CHROM.fullmatch(chrom):
            yield Fault(
                f"CHROM '{chrom}'", "a name without blanks, colons, commas, stray brackets", "rename the contig"
            )
        if not (pos.isascii() and pos.isdigit()):
            yield Fault(f"POS '{pos}'", "a whole number from 0 on", "correct the position")
        if not _ID.fullmatch(name):
            yield Fault(f"ID '{name}'", "'.', or names joined by ';' without blanks", "correct the name", True)
        if not _BASES.fullmatch(ref):
            yield Fault(f"REF '{ref}'", "bases A, C, G, T, N", "correct the reference allele")
        if alt != "." and not all(_ALT.fullmatch(a) for a in alt.split(",")):
            yield Fault(f"ALT '{alt}'", "'.', or bases, '*', <symbol> or breakends joined by ','", "correct the allele")
        if not _QUAL.fullmatch(qual):
            yield Fault(f"QUAL '{qual}'", "'.', or a number from 0 on", "correct the quality", True)
        if not self._filter_ok(filters):
            yield Fault(f"FILTER '{filters}'", "'.', PASS, or names joined by ';' without blanks", "correct the filter")

    def _filter_ok(self, text: str) -> bool:
        if text not in self._filters:
            parts = text.split(";")
            alone = len(parts) == 1
            self._filters[text] = all(p and not re.search(r"\s", p) and p != "0" and (alone or p != ".") for p in parts)
        return self._filters[text]

    def _values(self, cells: list[str]) -> Iterator[Fault]:
        if cells[7] == ".":
            return
        n_alt = 0 if cells[4] == "." else cells[4].count(",") + 1
        known = self._known("", n_alt, 2)
        for item in cells[7].split(";"):
            if item in known:
                continue
            key, equals, value = item.partition("=")
            if not _INFO_KEY.fullmatch(key) or (equals and re.search(r"\s", value)):
                yield Fault(
                    f"INFO '{item[:40]}'", "key or key=value, joined by ';', without blanks", "correct it", True
                )
                continue
            definition = self._info.get(key)
            if definition and definition.number == "G":
                definition = Definition(".", definition.type)  # whose ploidy it should follow is nowhere said
            if definition and not _value_ok(definition, value if equals else None, n_alt, 2):
                mend = "correct the value or its definition"
                yield Fault(f"INFO {item[:40]}", _says(definition), mend, key != "END")
            elif len(item) <= _SHORT:
                known.add(item)

    def _samples(self, cells: list[str], wanted: list[int]) -> Iterator[Fault]:
        if not _FORMAT.fullmatch(cells[8]):
            yield Fault(f"FORMAT '{cells[8]}'", "keys joined by ':'", "correct it")
            return
        keys = cells[8].split(":")
        if "GT" in keys[1:]:
            yield Fault("GT is not the first FORMAT key", "GT first", "reorder the keys")
            return
        # VCFv4.2 wants letters and digits; callers do not keep to that (MIN_DP), so defined keys are not named.
        if self._no_underscore and "_" in cells[8]:
            odd = [k for k in keys if "_" in k and k not in self._formats]
            yield from (Fault(f"FORMAT key {k}", "letters and digits", "rename or define the key", True) for k in odd)
        n_alt = 0 if cells[4] == "." else cells[4].count(",") + 1
        for column in wanted:
            cell = cells[column]
            ploidy = 2
            if keys[0] == "GT":
                called = alleles(cell.partition(":")[0])
                if called is None or max(called) > n_alt:
                    allowed = f"allele numbers 0 to {n_alt} or '.', joined by / or |"
                    yield Fault(f"genotype '{cell.partition(':')[0]}'", allowed, "correct the genotype")
                    return
                ploidy = len(called)
                if len(keys) == 1 and ":" not in cell:
                    continue
            if (fault := self._subfields(keys, cell.split(":"), n_alt, ploidy)) is not None:
                yield fault
                return

    def _subfields(self, keys: list[str], values: list[str], n_alt: int, ploidy: int) -> Fault | None:
        if len(values) > len(keys):
            return Fault(f"{len(values)} values in a sample", f"{len(keys)}, one a FORMAT key", "remove the surplus")
        for key, value in zip(keys, values, strict=False):
            definition = self._formats.get(key)
            if key in _PER_GENOTYPE and (definition is None or definition.number in ("G", ".")):
                definition = _PER_GENOTYPE[key]
            if key == "GT" or definition is None:
                continue
            known = self._known(key, n_alt, ploidy)
            if value in known:
                continue
            if not _value_ok(definition, value, n_alt, ploidy):
                mend = "correct the value or its definition"
                return Fault(f"sample value {key}={value[:40]}", _says(definition), mend, True)
            if len(value) <= _SHORT:
                known.add(value)
        return None


def _stricter(reserved: Definition | None, own: Definition) -> Definition:
    """The header's definition, with the reserved key's bounds where both are of one type."""
    if reserved is None or reserved.type != own.type:
        return own
    return Definition(own.number, own.type, reserved.minimum, reserved.pattern)


def _value_ok(definition: Definition, value: str | None, n_alt: int, ploidy: int) -> bool:
    if definition.type == "Flag" or definition.number == "0":
        return value in (None, "0", "1")
    if value is None:
        return definition.type == "String" and definition.number != "A"
    if value == "." or value.startswith('"'):  # quoted text may hold commas
        return True
    # Without an ALT allele writers differ in what they count: any number will do.
    expected = (
        {"A": n_alt, "R": n_alt + 1, "G": math.comb(n_alt + ploidy, ploidy)}.get(definition.number) if n_alt else None
    )
    if definition.number.isdigit():
        expected = int(definition.number)
    if expected is not None and value.count(",") + 1 != expected:
        return False
    if definition.pattern is None and definition.type in _LISTS:
        fits = _LISTS[definition.type].fullmatch(value) is not None
    else:
        pattern = definition.pattern or _VALUE.get(definition.type)
        fits = pattern is None or all(pattern.fullmatch(v) for v in value.split(","))
    if not fits or definition.minimum is None:
        return fits
    return all(v == "." or float(v) >= definition.minimum for v in value.split(","))


def _says(definition: Definition) -> str:
    if definition.type == "Flag":
        return "a flag, without a value"
    counts = {"A": "one a ALT allele", "R": "one an allele", "G": "one a genotype", ".": "any number"}
    least = "" if definition.minimum is None else f", from {definition.minimum:g} on"
    return f"type {definition.type}{least}, number of values: {counts.get(definition.number, definition.number)}"
