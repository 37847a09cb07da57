"""What reading a VCF brings to light: its header, its problems, what its positions say about the build."""

from __future__ import annotations

from dataclasses import dataclass, field

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import SiteEvidence
from consilium.genomics.intake.records import Definition, Fault

LISTED = 20  # problems listed one by one; the rest is counted


@dataclass
class Header:
    """What the header says: sample names in column order, contig lengths, value definitions."""

    samples: list[str] = field(default_factory=list)
    contigs: dict[str, int | None] = field(default_factory=dict)
    info: dict[str, Definition] = field(default_factory=dict)
    formats: dict[str, Definition] = field(default_factory=dict)


@dataclass
class Report:
    """What reading a file brought to light; complete once the records are read to the end."""

    file: str
    patient: str = ""
    header: Header = field(default_factory=Header)
    fatal: list[Problem] = field(default_factory=list)  # the file cannot be used
    left_out: list[Problem] = field(default_factory=list)  # single records that are not used
    noted: dict[str, Problem] = field(default_factory=dict)  # values that nobody reads here; the first of a kind
    n_left_out: int = 0
    n_malformed: int = 0  # of those left out: against the specification
    n_records: int = 0
    n_other_contigs: int = 0
    n_filtered: int = 0
    evidence: SiteEvidence = field(default_factory=SiteEvidence)

    def stop(self, found: str, allowed: str, mend: str, line: int = 0) -> InputError:
        self.fatal.append(Problem(self.file, found, allowed, mend, line, self.patient))
        return InputError(self.fatal)

    def leave_out(self, fault: Fault, line: int) -> None:
        self.n_left_out += 1
        if len(self.left_out) < LISTED:
            found = f"record left out: {fault.found}"
            self.left_out.append(Problem(self.file, found, fault.allowed, fault.mend, line, self.patient))

    def note(self, fault: Fault, line: int) -> None:
        kind = fault.found.split("=")[0]
        if kind not in self.noted and len(self.noted) < LISTED:
            found = f"genotype used, but {fault.found}"
            self.noted[kind] = Problem(self.file, found, fault.allowed, fault.mend, line, self.patient)

    @property
    def problems(self) -> list[Problem]:
        more = self.n_left_out - len(self.left_out)
        note = [
            Problem(self.file, f"{more} more records left out", "records as in the VCF specification",
                    "mend the file as for the records listed", 0, self.patient)
        ]  # fmt: skip
        records_said = [*self.left_out, *(note if more else [])]
        if self.fatal:  # what single records lack matters then only if it is why nothing is left
            return [*self.fatal, *(records_said if self.n_malformed == self.n_records else [])]
        return [*records_said, *self.noted.values()]
