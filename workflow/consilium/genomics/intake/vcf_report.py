"""What reading a VCF brings to light: its header, its problems, what its positions say about the build."""

from __future__ import annotations

from dataclasses import dataclass, field

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import BUILD, SiteEvidence
from consilium.genomics.intake.records import Definition, Fault

LISTED = 20  # problems listed one by one; the rest is counted
LEVELS = ("lenient", "standard", "strict")


class OtherBuildError(InputError):
    """The file is whole and speaks for GRCh37: it can be read again as such."""


@dataclass
class Header:
    """What the header says: sample names in column order, contig lengths, value definitions, version of the format."""

    version: tuple[int, int] = (4, 3)
    samples: list[str] = field(default_factory=list)
    contigs: dict[str, int | None] = field(default_factory=dict)
    info: dict[str, Definition] = field(default_factory=dict)
    formats: dict[str, Definition] = field(default_factory=dict)


@dataclass
class LiftCounts:
    """What became of the records of a GRCh37 file; each record counts once among `lifted` and the dropped ones.

    lifted: kept, at a GRCh38 position. swapped: of those, REF and ALT change places. new_reference: of those, none of
    the record's alleles is the GRCh38 base. flipped: of those, on the other strand. Dropped: `unmapped` (no position
    in GRCh38 is known), `unverified` (the GRCh38 base is not known), `conflict` (alleles that do not fit it).
    """

    lifted: int = 0
    swapped: int = 0
    new_reference: int = 0
    flipped: int = 0
    unmapped: int = 0
    unverified: int = 0
    conflict: int = 0

    @property
    def dropped(self) -> int:
        return self.unmapped + self.unverified + self.conflict


@dataclass
class Report:
    """What reading a file brought to light; complete once the records are read to the end.

    level: lenient uses what can be used of a broken file, standard refuses a file whose structure is broken and
    leaves out broken records, strict refuses a file with any fault.
    """

    file: str
    patient: str = ""
    level: str = "standard"
    header: Header = field(default_factory=Header)
    fatal: list[Problem] = field(default_factory=list)  # the file cannot be used
    left_out: list[Problem] = field(default_factory=list)  # single records that are not used
    noted: dict[str, Problem] = field(default_factory=dict)  # values that nobody reads here; the first of a kind
    spoiled: list[tuple[str, int, int]] = field(default_factory=list)  # chrom, start, end of records left out
    n_left_out: int = 0
    n_malformed: int = 0  # of those left out: against the specification
    n_records: int = 0
    n_other_contigs: int = 0
    n_filtered: int = 0
    n_polyploid: int = 0  # genotypes of more than two strands: missing
    build: str = BUILD
    contigs_seen: set[str] = field(default_factory=set)
    evidence: SiteEvidence = field(default_factory=SiteEvidence)
    lift: LiftCounts | None = None
    n_callable: int = 0  # needed positions that the callable regions make reference calls

    def stop(self, found: str, allowed: str, mend: str, line: int = 0) -> InputError:
        self.fatal.append(Problem(self.file, found, allowed, mend, line, self.patient))
        return InputError(self.fatal)

    def soft_stop(self, fault: Fault, line: int) -> None:
        """A fault of the file's structure: it ends the reading, but at the lenient level costs one record only."""
        if self.level != "lenient":
            raise self.stop(fault.found, fault.allowed, fault.mend, line)
        self.leave_out(fault, line)

    def leave_out(self, fault: Fault, line: int, chrom: str | None = None, start: int = 0, end: int = 0) -> None:
        """`chrom`, `start`, `end` (1-based): where the record was, as far as it can be told; not reference there."""
        self.n_left_out += 1
        if chrom:
            self.spoiled.append((chrom, start, max(start, end)))
        if len(self.left_out) < LISTED:
            found = f"record left out: {fault.found}"
            self.left_out.append(Problem(self.file, found, fault.allowed, fault.mend, line, self.patient))

    def note(self, fault: Fault, line: int) -> None:
        kind = fault.found.split("=")[0]
        if kind not in self.noted and len(self.noted) < LISTED:
            found = f"genotype used, but {fault.found}"
            self.noted[kind] = Problem(self.file, found, fault.allowed, fault.mend, line, self.patient)

    def restarted(self) -> Report:
        """An empty report of the same file, to read it once more."""
        return Report(self.file, self.patient, self.level)

    def take(self, other: Report) -> None:
        """Become `other` (whoever holds this report sees the reading that counts)."""
        self.__dict__.update(other.__dict__)

    def end_strictly(self) -> None:
        """At the strict level, refuse a file with any fault; raises InputError."""
        n = self.n_left_out + len(self.noted)
        if self.level == "strict" and n:
            raise self.stop(f"{n} fault{'s' if n > 1 else ''} (genomics.validation: strict)", "a file without any",
                            "mend the records listed, or choose another level")  # fmt: skip

    @property
    def problems(self) -> list[Problem]:
        more = self.n_left_out - len(self.left_out)
        note = [
            Problem(self.file, f"{more} more records left out", "records as in the VCF specification",
                    "mend the file as for the records listed", 0, self.patient)
        ]  # fmt: skip
        records_said = [*self.left_out, *(note if more else [])]
        if self.fatal and self.level == "strict":
            return [*self.fatal, *records_said, *self.noted.values()]
        if self.fatal:  # what single records lack matters then only if it is why nothing is left
            return [*self.fatal, *(records_said if self.n_malformed == self.n_records else [])]
        return [*records_said, *self.noted.values(), *self._lift_said()]

    def _lift_said(self) -> list[Problem]:
        """One line where more than a twentieth of a GRCh37 file's records has no use."""
        lift = self.lift
        if lift is None or lift.dropped <= 0.05 * (lift.lifted + lift.dropped):
            return []
        total = lift.lifted + lift.dropped
        found = (f"{lift.dropped} of {total} records of this GRCh37 file not used: {lift.unmapped} without "
                 f"a known place in GRCh38, {lift.unverified} where the GRCh38 base is not known, "
                 f"{lift.conflict} with alleles that do not fit it")  # fmt: skip
        return [Problem(self.file, found, "records that can be lifted over to GRCh38",
                        "set genomics.chain (places) and genomics.reference (bases)", 0, self.patient)]  # fmt: skip
