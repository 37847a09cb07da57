"""One VCF file to normalised calls on GRCh38, whatever its build: what intake and merge share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from consilium.genomics.intake import normalise, vcf
from consilium.genomics.intake.build import BUILD, OLD_BUILD, KnownSites, canonical
from consilium.genomics.intake.callable_regions import Regions, Touched
from consilium.genomics.intake.calls import Calls
from consilium.genomics.intake.known_bases import Bases
from consilium.genomics.intake.lift import Rules, lifted
from consilium.genomics.intake.panel import Wanted
from consilium.genomics.intake.setup import Setup, rules
from consilium.genomics.intake.vcf import Record
from consilium.genomics.intake.vcf_report import LiftCounts, OtherBuildError, Report

ByContig = dict[str, list[Calls]]
Choose = Callable[[list[str]], list[int]]
Find = Callable[[str], Regions | None]
RCRS = 16569  # length of the revised Cambridge sequence
_UNFIT = 0.1  # share of lifted records whose alleles contradict GRCh38, above which the file is of another build


def _none(build: str) -> None:
    """No callable regions."""


@dataclass(frozen=True)
class Tables:
    """What a file is held against: needed positions, known sites, reference bases."""

    setup: Setup
    wanted: Wanted
    known: KnownSites
    bases: Bases

    @classmethod
    def of(cls, setup: Setup) -> Tables:
        _, wanted, known, reference = setup.load()
        return cls(setup, wanted, known, setup.bases(reference))


def calls_of(path: Path, report: Report, choose: Choose, tables: Tables, regions: Find = _none) -> ByContig:
    """Layers of calls by contig (see `calls.Calls`) of the sample columns that `choose` picks, on GRCh38.

    The file is read as GRCh38; when its contig lengths, accessions or known variants say GRCh37, once more as such,
    lifted over. `regions` finds the callable regions of the chosen columns, on the build that it is given: they turn
    needed positions of which the file does not speak into reference calls. Raises InputError, also kept in `report`,
    when the file cannot be used.
    """
    fresh = report.restarted()
    try:
        return _calls(path, report, choose, tables, None, regions)
    except OtherBuildError:
        report.take(fresh)
    return _calls(path, report, choose, tables, rules(tables.setup), regions)


def checked(path: Path, report: Report, choose: Choose, setup: Setup, known: KnownSites) -> None:
    """Read a file as `calls_of` does, but keep nothing: its problems are then in `report`."""
    fresh = report.restarted()
    try:
        deque(_records(path, report, choose, known, None), maxlen=0)
    except OtherBuildError:
        report.take(fresh)
        deque(_records(path, report, choose, known, rules(setup)), maxlen=0)


def _records(path: Path, report: Report, choose: Choose, known: KnownSites, lift: Rules | None) -> Iterator[Record]:
    """Records on GRCh38. The header is read, and the columns chosen, once the first is asked for."""
    found = vcf.read(path, report, known, choose, OLD_BUILD if lift else BUILD)
    if lift is None:
        yield from found
        return
    report.lift = LiftCounts()
    first = next(found, None)
    if first is not None:
        yield from lifted(chain([first], found), lift, report.lift, _same_mitochondrion(report))
    _judge_lift(report, report.lift)


def _calls(path: Path, report: Report, choose: Choose, tables: Tables, lift: Rules | None, regions: Find) -> ByContig:
    chosen: list[int] = []

    def chosen_columns(names: list[str]) -> list[int]:
        chosen[:] = choose(names)
        return chosen

    found = _records(path, report, chosen_columns, tables.known, lift)
    first = next(found, None)
    found = found if first is None else chain([first], found)
    where, touched = regions(report.build), Touched(tables.wanted)
    if where is not None:
        found = touched.watch(found)
        where = where.lifted(lift.places) if lift else where
    calls = normalise.normalised(found, report, len(chosen), tables.wanted, tables.bases)
    if where is not None:
        touched.add_all(report.spoiled)
        report.n_callable = where.fill(calls, tables.wanted, touched, tables.bases, len(chosen))
    return calls


def _same_mitochondrion(report: Report) -> bool:
    """chrM is the revised Cambridge sequence: by its length, or where none is given by its name (MT, not chrM)."""
    contigs = report.header.contigs
    lengths = {length for name, length in contigs.items() if canonical(name) == "chrM" and length}
    names = {n for n in (*contigs, *report.contigs_seen) if canonical(n) == "chrM"}
    return lengths == {RCRS} if lengths else bool(names) and not any(n.upper() in ("CHRM", "M") for n in names)


def _judge_lift(report: Report, lift: LiftCounts) -> None:
    told = lift.lifted + lift.conflict
    if lift.lifted == 0 and lift.dropped:
        raise report.stop(f"genome build {OLD_BUILD}, and none of {lift.dropped} records can be lifted over to {BUILD}",
                          "records at places and with bases known in both builds",
                          "set genomics.chain and genomics.reference, or supply the file on GRCh38")  # fmt: skip
    unfit = lift.new_reference + lift.conflict
    if unfit > max(2, _UNFIT * told):
        raise report.stop(f"{unfit} of {told} records whose alleles do not fit {BUILD} after lifting from {OLD_BUILD}",
                          f"a file of {OLD_BUILD}", "supply the file on GRCh38, or correct its header")  # fmt: skip
