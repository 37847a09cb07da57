"""Reads VCF text and says everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from consilium.genomics.intake import records
from consilium.genomics.intake.build import (
    BUILD,
    OLD_BUILD,
    KnownSites,
    build_of_lengths,
    build_of_names,
    canonical,
)
from consilium.genomics.intake.records import Definition, Fault
from consilium.genomics.intake.vcf_opening import lines_of
from consilium.genomics.intake.vcf_report import LISTED, Header, OtherBuildError, Report

__all__ = ["LISTED", "Header", "OtherBuildError", "Record", "Report", "read"]

_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_VERSION = re.compile(r"##fileformat=VCFv4\.(\d{1,3})")
_META = re.compile(r"##(INFO|FORMAT)=<(.*)>")
_ATTRIBUTE = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')
_CONTIG = re.compile(r"##contig=<.*?ID=([^,>]+)(?:.*?length=(\d+))?")


@dataclass(frozen=True)
class Record:
    """One data line of a chromosome of the primary assembly; `calls` are the GT cells of the wanted samples.

    `calls` is None where the line has no GT, or where its FILTER says that the caller does not stand by it.
    """

    line: int
    chrom: str
    pos: int
    rsid: str
    ref: str
    alts: tuple[str, ...]
    end: int
    calls: list[str] | None
    phase_sets: bool
    quality: tuple[int | None, int | None]  # GQ and DP of the first wanted sample


def read(
    path: Path,
    report: Report,
    known: KnownSites,
    choose: Callable[[list[str]], list[int]] = lambda names: list(range(len(names))),
    build: str = BUILD,
) -> Iterator[Record]:
    """Records of a VCF in file order; `choose` picks sample columns by their names.

    Raises InputError (also kept in `report.fatal`) as soon as the file proves unusable; single bad records are
    left out and noted in `report`. A file that is not of the `build` is refused at its end at the latest, with
    OtherBuildError where it could be read as GRCh37. Positions are those of the file.
    """
    report.build = build
    with lines_of(path, report) as lines:
        numbered = enumerate(lines, start=1)
        report.header = _header(numbered, report)
        if build == BUILD and _stated(report) == OLD_BUILD:  # known at once: no need to read to the end
            raise OtherBuildError(report.stop(*_OLD_BY_LENGTH).problems)
        yield from _records(numbered, report, known, choose(report.header.samples))
    _judge_build(report, build)
    report.end_strictly()


def _header(lines: Iterator[tuple[int, str]], report: Report) -> Header:
    header = Header()
    for number, raw in lines:
        line = raw.rstrip("\r\n")
        if number == 1:
            version = _VERSION.fullmatch(line)
            if version is None:
                found = f"'{line[:40]}'" if line.isprintable() else "binary content"
                raise report.stop(found, "##fileformat=VCFv4.x as the first line", "supply a VCF file", 1)
            header.version = (4, int(version[1]))
        elif line.startswith("##"):
            _meta(line, header)
        elif line.startswith("#"):
            header.samples = _sample_names(line.split("\t"), number, report)
            return header
        else:
            raise report.stop(
                f"'{line[:40]}' in the header", "lines that start with ##, then #CHROM", "mend it", number
            )
    raise report.stop("no #CHROM line", "a header that ends with #CHROM …", "supply the whole file")


def _meta(line: str, header: Header) -> None:
    if (match := _META.fullmatch(line)) is not None:
        items = {k: v.strip('"') for k, v in _ATTRIBUTE.findall(match[2])}
        if {"ID", "Number", "Type"} <= items.keys():
            table = header.info if match[1] == "INFO" else header.formats
            table[items["ID"]] = Definition(items["Number"], items["Type"])
    elif (match := _CONTIG.match(line)) is not None:
        header.contigs[match[1]] = int(match[2]) if match[2] else None


def _sample_names(cells: list[str], line: int, report: Report) -> list[str]:
    if cells[:8] != _COLUMNS:
        wrong = next((c for c, w in zip([*cells, *[""] * 8], _COLUMNS, strict=False) if c != w), "")
        raise report.stop(f"header column '{wrong}'", " ".join(_COLUMNS), "use these names, tabs between them", line)
    if len(cells) < 10 or cells[8] != "FORMAT":
        raise report.stop("no sample column: sites without genotypes", "FORMAT and one column a person",
                          "supply a VCF with genotypes", line)  # fmt: skip
    names = cells[9:]
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise report.stop(f"sample '{twice[0]}' more than once", "each sample once", "rename or remove one", line)
    return names


def _records(
    lines: Iterator[tuple[int, str]], report: Report, known: KnownSites, columns: list[int]
) -> Iterator[Record]:
    header = report.header
    width = 9 + len(header.samples)
    wanted = [9 + c for c in columns]
    checker = records.Checker(header.info, header.formats, header.version)
    order = _Order(report)
    for number, raw in lines:
        line = raw.rstrip("\r\n")
        if not line:
            continue
        cells = line.split("\t")
        report.n_records += 1
        if len(cells) != width:
            cut = " (the last line: the file is truncated)" if not raw.endswith("\n") else ""
            allowed = f"{width} columns, as in the header"
            report.soft_stop(Fault(f"{len(cells)} columns{cut}", allowed, "separate cells by one tab each"), number)
            report.n_malformed += 1
            continue
        contig = cells[0].strip("<>")
        chrom = canonical(contig)
        position = int(cells[1]) if cells[1].isascii() and cells[1].isdigit() and len(cells[1]) < 11 else None
        reach = (chrom, position, position + len(cells[3]) - 1) if position and chrom else (None, 0, 0)
        if position is not None:
            order.check(contig, position, number)
        if not _usable(checker.faults(cells, wanted), report, number, reach):
            continue
        if chrom is None or not position:
            report.n_other_contigs += 1
            continue
        alts = () if cells[4] == "." else tuple(cells[4].upper().split(","))
        if (twice := order.duplicate(chrom, position, cells[3].upper(), alts)) is not None:
            report.leave_out(twice, number, *reach)
            continue
        known.count(report.evidence, chrom, position, cells[3].upper(), alts)
        yield _record(cells, wanted, number, chrom, position, alts, report)


def _usable(faults: list[Fault], report: Report, number: int, reach: tuple[str | None, int, int]) -> bool:
    """Keep a record's faults in the report; False when it cannot be used."""
    for fault in faults:
        if not fault.unread:
            report.leave_out(fault, number, *reach)
            report.n_malformed += 1
            return False
        report.note(fault, number)
    return True


def _record(
    cells: list[str], wanted: list[int], line: int, chrom: str, position: int, alts: tuple[str, ...], report: Report
) -> Record:
    keys = cells[8].split(":")
    calls = [cells[i].split(":", 1)[0] for i in wanted] if keys[0] == "GT" else None
    if cells[6] not in ("PASS", "."):
        report.n_filtered += 1
        calls = None
    end = records.end_of(cells[7]) or position + len(cells[3]) - 1
    quality = records.quality(keys, cells[wanted[0]]) if wanted else (None, None)
    sets = any(k in keys for k in ("PS", "PGT", "PID"))
    return Record(line, chrom, position, cells[2], cells[3].upper(), alts, end, calls, sets, quality)


class _Order:
    """Holds records to the file order that the specification asks for, and finds variants given twice."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._contig, self._position = "", 0
        self._seen: set[tuple[str, int, str, str]] = set()

    def check(self, contig: str, position: int, line: int) -> None:
        if contig != self._contig:
            if contig in self._report.contigs_seen:
                self._disorder(f"contig {contig} again after another contig", "all records of a contig together", line)
            self._report.contigs_seen.add(contig)
            self._contig, self._position, self._seen = contig, 0, set()
        if position < self._position:
            self._disorder(f"position {position} after {self._position}", "records in order of position", line)
        self._position = position

    def _disorder(self, found: str, allowed: str, line: int) -> None:
        """The lenient level uses records in any order: what comes twice then is joined as from two files."""
        fault = Fault(found, allowed, "sort the file (bcftools sort)")
        if self._report.level != "lenient":
            raise self._report.stop(fault.found, fault.allowed, fault.mend, line)
        self._report.note(Fault("records out of order", allowed, fault.mend), line)

    def duplicate(self, chrom: str, position: int, ref: str, alts: tuple[str, ...]) -> Fault | None:
        keys = [(chrom, *records.trimmed(position, ref, a)) for a in alts if a.isalpha()]
        if not keys and not alts:
            return None
        if any(k in self._seen for k in keys):
            return Fault(f"{chrom}:{position} {ref}>{','.join(alts)} given twice", "each variant once",
                         "remove one of the records")  # fmt: skip
        self._seen.update(keys)
        if len(self._seen) > 10_000:  # a trimmed variant starts at its record's position or later
            self._seen = {k for k in self._seen if k[1] >= position}
        return None


_MEND = "supply the file on GRCh38, or correct its header"
_OLD_BY_LENGTH = (f"genome build {OLD_BUILD}: the contigs of the header are as in {OLD_BUILD} (hg19)", BUILD, _MEND)


def _stated(report: Report) -> str:
    """What contig lengths and RefSeq accessions say of the build; "" when nothing, other when they are of neither."""
    found = {build_of_lengths(report.header.contigs),
             build_of_names([*report.header.contigs, *report.contigs_seen])} - {""}  # fmt: skip
    return found.pop() if len(found) == 1 else "other" if found else ""


def _judge_build(report: Report, build: str) -> None:
    stated, spoken = _stated(report), report.evidence.build
    if spoken == OLD_BUILD and stated == BUILD:
        raise report.stop(f"genome build {OLD_BUILD}: known variants lie as in {OLD_BUILD}, with contigs of {BUILD} in "
                          "the header", "header and records of one build", _MEND)  # fmt: skip
    if spoken == BUILD and stated == OLD_BUILD:
        raise report.stop(f"contigs of {stated} with variants at positions of {BUILD}", "header and records of one "
                          "build", "correct the header or the records: one of them is wrong")  # fmt: skip
    if stated == "other":
        raise report.stop("contig lengths of another genome build", f"{BUILD} or {OLD_BUILD}", _MEND)
    if OLD_BUILD in (stated, spoken) and build == BUILD:
        why = f"known variants lie as in {OLD_BUILD} (hg19)"
        raise OtherBuildError(report.stop(f"genome build {OLD_BUILD}: {why}", BUILD, _MEND).problems)
    if report.level == "strict" and not stated and not spoken and report.n_records:
        raise report.stop("a genome build that neither contig lengths nor known variants tell", BUILD,
                          "add ##contig lines with lengths, or choose another genomics.validation")  # fmt: skip
    if report.n_records and report.n_records == report.n_other_contigs:
        raise report.stop("no record on a chromosome that is known", "chr1 … chr22, chrX, chrY, chrM, without chr, or "
                          "RefSeq accessions (NC_…)", "rename the contigs")  # fmt: skip
    if report.n_records and report.n_records == report.n_malformed:
        first = report.left_out[0]
        raise report.stop(f"no record that can be used; the first: {first.found.removeprefix('record left out: ')}",
                          first.allowed, first.mend, first.line)  # fmt: skip
