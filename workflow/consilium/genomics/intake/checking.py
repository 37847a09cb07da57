"""What the stages share: the check of one file, tasks of a chunk, what a task depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.genomics.findings.phenopackets import read_patient
from consilium.genomics.intake import reading, vcf
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.callable_regions import read_bed
from consilium.genomics.intake.patient import one_sample, patients_in
from consilium.genomics.intake.setup import Setup
from consilium.genomics.reads import alignments as reads

_ENDS = 1 << 20


def problems_of(sample: Sample, patients: set[str], setup: Setup, known: KnownSites) -> list[Problem]:
    """Everything wrong with one file of the sheet, as the later stages will find it."""
    if sample.kind == "phenopacket":
        try:
            read_patient(Path(sample.path), sample.patient)
        except InputError as error:
            return error.problems
        return []
    if sample.kind == "callable":
        return read_bed(Path(sample.path), sample.patient.strip(WHOLE_COHORT), setup.validation, "")[1]
    if sample.kind != "vcf":
        try:
            reads.check(reads.ReadsFile(Path(sample.path), sample.patient, setup.reference))
        except InputError as error:
            return error.problems
        return []
    report = vcf.Report(sample.path, sample.patient, setup.validation)
    joint = sample.patient == WHOLE_COHORT
    choose = partial(patients_in, patients=patients, report=report) if joint else partial(one_sample, report=report)
    with suppress(InputError):
        reading.checked(Path(sample.path), report, choose, setup, known)
    return report.problems


def tasks(
    rows: Sequence[Sample], patients: str, kinds: Sequence[str], folder: Path, name: str, beside: Sequence[str] = ()
) -> list[Task]:
    """One task for each patient of the comma-separated list who has a file of one of the kinds.

    Files of the kinds `beside` go with it, but alone make no task.
    """
    out = []
    for patient in patients.split(","):
        own = tuple(s for s in rows if s.patient == patient and s.kind in (*kinds, *beside))
        if any(s.kind in kinds for s in own):
            out.append(Task(patient, own, folder / patient / name))
    return out


def setup_digest(setup: Setup) -> dict[str, Any]:
    """Content of the files that every patient's result depends on."""
    return {
        "tables": [file_digest(p) for p in setup.files()],
        "validation": setup.validation,
        "limits": asdict(setup.limits),
        "reference": fasta_digest(setup.reference) if setup.reference else "none",
    }


def fasta_digest(path: Path) -> str:
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
