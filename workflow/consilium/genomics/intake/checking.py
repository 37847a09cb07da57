"""What the stages share: the check of one file, tasks of a chunk, what a task depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.genomics.findings.phenopackets import read_patient
from consilium.genomics.intake import vcf
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.patient import Setup, one_sample, patients_in
from consilium.genomics.reads import alignments as reads

if TYPE_CHECKING:
    pass

_ENDS = 1 << 20


def problems_of(sample: Sample, patients: set[str], known_sites: Path, reference: Path | None) -> list[Problem]:
    """Everything wrong with one file of the sheet, as the later stages will find it."""
    if sample.kind == "phenopacket":
        try:
            read_patient(Path(sample.path), sample.patient)
        except InputError as error:
            return error.problems
        return []
    if sample.kind != "vcf":
        try:
            reads.check(reads.ReadsFile(Path(sample.path), sample.patient, reference))
        except InputError as error:
            return error.problems
        return []
    report = vcf.Report(sample.path, sample.patient)
    try:
        joint = sample.patient == WHOLE_COHORT
        choose = partial(patients_in, patients=patients, report=report) if joint else partial(one_sample, report=report)
        for _ in vcf.read(Path(sample.path), report, KnownSites(known_sites), choose):
            pass
    except InputError:
        pass
    return report.problems


def tasks(rows: Sequence[Sample], patients: str, kinds: Sequence[str], folder: Path, name: str) -> list[Task]:
    """One task for each patient of the comma-separated list who has a file of one of the kinds."""
    out = []
    for patient in patients.split(","):
        own = tuple(s for s in rows if s.patient == patient and s.kind in kinds)
        if own:
            out.append(Task(patient, own, folder / patient / name))
    return out


def setup_digest(setup: Setup) -> dict[str, Any]:
    """Content of the files that every patient's result depends on."""
    tables = [setup.panel, setup.known_sites, *setup.targets, *setup.scores]
    return {
        "tables": [file_digest(p) for p in tables],
        "reference": _fasta_digest(setup.reference) if setup.reference else "none",
    }


def _fasta_digest(path: Path) -> str:
    """Size, both ends and index of a FASTA: reading 3 GB for each chunk would cost more than the work itself."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        digest.update(handle.read(_ENDS))
        size = handle.seek(0, 2)
        handle.seek(max(size - _ENDS, 0))
        digest.update(handle.read() + str(size).encode())
    for suffix in (".fai", ".gzi"):
        beside = Path(f"{path}{suffix}")
        digest.update(beside.read_bytes() if beside.exists() else b"")
    return digest.hexdigest()
