"""Joint VCFs and per-patient VCFs to one set of cohort genotypes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import PACKAGE, file_digest, value_digest
from consilium.core.sheets import Sample
from consilium.core.store import atomic_folder, read_facts, write_facts
from consilium.genomics.decoding import by_arrays, in_pieces, variants
from consilium.genomics.decoding.decoded import Decoded, Rows, save
from consilium.genomics.decoding.lines import UnfitError
from consilium.genomics.decoding.merging import Plan, plan
from consilium.genomics.intake import reading, thresholds, vcf
from consilium.genomics.intake.build import BUILD, CONTIGS
from consilium.genomics.intake.callable_regions import Regions
from consilium.genomics.intake.calls import Calls
from consilium.genomics.intake.checking import setup_digest
from consilium.genomics.intake.patient import CALLS_FILE, file_facts, patients_in, regions_of
from consilium.genomics.intake.setup import Setup

_FACTS = "facts.json"


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
    """Read one joint VCF record by record; only columns named as a patient of the sheet are kept.

    `own_regions`: patients' BED files.
    """
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


@dataclass(frozen=True)
class JointFile:
    """A joint VCF decoded into `folder` (see `decoded.Decoded`): the sheet's patients in it, in the file's order.

    n_below: patient -> calls that were lost to min_dp or min_gq; facts: see `intake.patient.file_facts`.
    """

    file: str
    folder: Path
    patients: list[str]
    n_ignored: int
    problems: list[Problem]
    n_below: dict[str, int]
    facts: dict[str, Any]


def decode_joints(
    files: Sequence[str], patients: Sequence[str], setup: Setup, kept: Path, pool: Executor | None,
    own_regions: Sequence[Sample] = (),
) -> list[JointFile]:  # fmt: skip
    """Decode joint VCFs into folders of `kept`. What is there of an unchanged file, decoded for the same patients with
    the same settings and code, is taken as it is; folders of files that are no longer in the sheet are removed."""
    regions = [(s.patient, file_digest(Path(s.path))) for s in own_regions if Path(s.path).exists()]
    base = [setup_digest(setup), regions, _code()] if files else []
    out = []
    for file in files:
        wanted = sorted(set(in_pieces.header_names(Path(file))) & set(patients))
        folder = kept / value_digest([base, file_digest(Path(file)) if Path(file).exists() else "absent", wanted])[:32]
        if not (folder / _FACTS).exists():
            with atomic_folder(folder) as made:
                facts = _decode_joint(file, patients, setup, made, pool, own_regions)
                write_facts(made / _FACTS, facts)
        facts = read_facts(folder / _FACTS)
        problems = [Problem(**{**p, "file": p["file"] or file}) for p in facts["problems"]]
        out.append(JointFile(file, folder, facts["patients"], facts["n_ignored"], problems, facts["n_below"],
                             {**facts["facts"], "file": file} if facts["facts"] else {}))  # fmt: skip
    for old in kept.iterdir() if kept.is_dir() else []:
        if old not in {j.folder for j in out}:
            shutil.rmtree(old)
    return out


@cache
def _code() -> str:
    """Digest of the sources that decoding depends on, as they stand: quicker than their syntax trees."""
    return value_digest([file_digest(p) for p in sorted((PACKAGE / "genomics").rglob("*.py"))])


def _decode_joint(
    file: str, patients: Sequence[str], setup: Setup, folder: Path, pool: Executor | None,
    own_regions: Sequence[Sample],
) -> dict[str, Any]:  # fmt: skip
    """Fill `folder`; the facts of a JointFile. Problems of the file itself name no file: it may be renamed."""
    with variants.scratch(folder) as scratch:
        try:
            if own_regions or setup.callable or setup.validation != "standard":
                raise UnfitError  # callable regions need the place of every record, the other levels its every value
            joint, rows, below = _in_pieces(file, patients, setup, folder, scratch, pool)
        except UnfitError:
            for made in folder.glob("*.codes"):
                made.unlink()
            source, below = thresholds.applied(Path(file), setup.limits, set(patients), scratch)
            joint, rows = read_joint(str(source), patients, setup, own_regions), Rows()
        rows.take(in_pieces.rows_of_layers(joint.calls, len(joint.patients), folder))
        save(folder, rows)
    return {"patients": joint.patients, "n_ignored": joint.n_ignored, "n_below": below,
            "problems": [{**p.to_dict(), "file": "" if p.file == joint.file else p.file} for p in joint.problems],
            "facts": joint.facts and {**joint.facts, "file": ""}}  # fmt: skip


def _in_pieces(
    file: str, patients: Sequence[str], setup: Setup, folder: Path, scratch: Path, pool: Executor | None
) -> tuple[Joint, Rows, dict[str, int]]:
    """(the file with the calls of its slow lines, rows of the others, calls lost to limits). Raises UnfitError."""
    ids = set(patients)
    found = in_pieces.read(Path(file), lambda names: [i for i, n in enumerate(names) if n in ids], setup, folder,
                           scratch, pool)  # fmt: skip
    source, counted = thresholds.applied(found.rest, setup.limits, ids, scratch)
    joint = read_joint(str(source), patients, setup)
    if not joint.patients or joint.facts["build"] != BUILD:
        raise UnfitError
    joint.facts = found.with_counts(joint.facts)
    lost = {p: int(n) + counted.get(p, 0) for p, n in zip(found.names, found.n_below, strict=True)}
    return joint, found.rows, {p: n for p, n in lost.items() if n}


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
        facts = Path(entry["folder"]) / _FACTS
        if entry["status"] == "done" and facts.exists():
            source = str(read_facts(facts)["source"])
            if source != "none":
                out.append(Own(entry["patient"], source, Path(entry["folder"])))
    return out


def sources(patients: Iterable[str], joints: Sequence[JointFile], own: Sequence[Own]) -> dict[str, str]:
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
    joints: Sequence[JointFile], own: Sequence[Own], chosen: Mapping[str, str], scratch: Path, pool: Executor | None
) -> Plan:
    """The cohort's rows, columns in the order of `chosen`."""
    place = {p: i for i, p in enumerate(chosen)}
    files = [
        (Decoded(j.folder, len(j.patients)), np.array([place[p] for p in j.patients], dtype=np.int64)) for j in joints
    ]
    used = [o for o in own if chosen.get(o.patient) == o.source]
    work = [(o.folder / CALLS_FILE, scratch / f"{i}") for i, o in enumerate(used)]
    for item, folder in zip(used, pool.map(decode_own, work) if pool else map(decode_own, work), strict=True):
        files.append((Decoded(folder, 1), np.array([place[item.patient]], dtype=np.int64)))
    return plan(files, len(place))


def decode_own(work: tuple[Path, Path]) -> Path:
    """Decode a VCF that `variants.write_vcf` wrote into a new folder."""
    path, folder = work
    folder.mkdir()
    rows = Rows()
    layout = by_arrays.Layout(1, (0,), None, None, (), folder, in_full=0)
    slow = 0
    for piece in by_arrays.pieces_of(path, layout, None):
        rows.take(piece.rows)
        slow += len(piece.slow)
    if slow:  # REF with N, say
        own = ((chrom, variants.read_own(path, chrom)) for chrom in CONTIGS)
        rows = in_pieces.rows_of_layers({chrom: [calls] for chrom, calls in own if calls is not None}, 1, folder)
    save(folder, rows)
    return folder
