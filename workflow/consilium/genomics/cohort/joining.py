"""Joint VCFs and per-patient VCFs to one set of cohort genotypes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.core.store import read_facts
from consilium.genomics.cohort import variants
from consilium.genomics.intake import reading, vcf
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.callable_regions import Regions
from consilium.genomics.intake.calls import Calls, Part, merge
from consilium.genomics.intake.patient import CALLS_FILE, file_facts, patients_in, regions_of
from consilium.genomics.intake.setup import Setup


@dataclass
class Joint:
    """What one joint VCF gave: calls by contig (layers), the sheet's patients in it, and what was wrong."""

    file: str
    patients: list[str] = field(default_factory=list)
    n_ignored: int = 0
    calls: dict[str, list[Calls]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def read_joint(file: str, patients: Sequence[str], setup: Setup, own_regions: Sequence[Sample] = ()) -> Joint:
    """Read one joint VCF; only columns named as a patient of the sheet are kept. `own_regions`: patients' BED files."""
    ids = set(patients)
    joint, report = Joint(file), vcf.Report(file, "*", setup.validation)

    def choose(names: list[str]) -> list[int]:
        columns = patients_in(names, ids, report)
        joint.patients = [names[i] for i in columns]
        joint.n_ignored = len(names) - len(columns)
        return columns

    def regions(build: str) -> Regions | None:
        return regions_of(joint.patients, own_regions, setup, joint.problems, build)

    try:
        joint.calls = reading.calls_of(Path(file), report, choose, reading.Tables.of(setup), regions)
        joint.facts = file_facts(report)
    except InputError:
        joint.calls, joint.patients = {}, []
    joint.problems += report.problems
    return joint


def read_joints(
    files: Sequence[str], patients: Sequence[str], setup: Setup, threads: int, own_regions: Sequence[Sample] = ()
) -> list[Joint]:
    work = partial(read_joint, patients=list(patients), setup=setup, own_regions=own_regions)
    if threads == 1 or len(files) < 2:
        return [work(f) for f in files]
    with ProcessPoolExecutor(min(threads, len(files)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, files))


@dataclass(frozen=True)
class Own:
    """A patient's own normalised VCF; source: vcf or reads."""

    patient: str
    source: str
    folder: Path


def own_files(entries: Iterable[dict[str, Any]]) -> list[Own]:
    """Normalised VCFs of the intake manifests' patients, by patient."""
    out = []
    for entry in entries:
        facts = Path(entry["folder"]) / "facts.json"
        if entry["status"] == "done" and facts.exists():
            source = str(read_facts(facts)["source"])
            if source != "none":
                out.append(Own(entry["patient"], source, Path(entry["folder"])))
    return out


def sources(patients: Iterable[str], joints: Sequence[Joint], own: Sequence[Own]) -> dict[str, str]:
    """Patient -> where the genotypes come from (vcf, joint, reads), in sheet order; without any: not in it.

    Calls from reads count only where there is nothing else, so that a swapped BAM cannot taint good genotypes.
    """
    called = {p for j in joints for p in j.patients}
    kinds = {o.patient: o.source for o in own}
    out = {}
    for patient in patients:
        if kinds.get(patient) == "vcf":
            out[patient] = "vcf"
        elif patient in called:
            out[patient] = "joint"
        elif patient in kinds:
            out[patient] = "reads"
    return out


def merged(
    joints: Sequence[Joint], own: Sequence[Own], chosen: dict[str, str]
) -> Iterator[tuple[str, Calls, npt.NDArray[np.int32]]]:
    """Merged calls contig by contig, columns in the order of `chosen`."""
    place = {p: i for i, p in enumerate(chosen)}
    used = [o for o in own if chosen.get(o.patient) == o.source]
    for chrom in CONTIGS:
        parts = [
            Part(calls, np.array([place[p] for p in joint.patients], dtype=np.int64))
            for joint in joints
            for calls in joint.calls.get(chrom, [])
        ]
        for item in used:
            calls_of_one = variants.read_own(item.folder / CALLS_FILE, chrom)
            if calls_of_one is not None:
                parts.append(Part(calls_of_one, np.array([place[item.patient]])))
        if parts:
            yield chrom, *merge(parts, len(place))
