"""Patients in chunks: which chunk a patient belongs to, and running one stage over the patients of a chunk.

A chunk never changes once it is assigned: new patients open new chunks, so that adding one patient is one new job.
"""

from __future__ import annotations

import csv
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.pool import processes
from consilium.core.provenance import code_digest, file_digest, value_digest
from consilium.core.sheets import Sample
from consilium.core.store import atomic_folder, clear_killed, read_facts, write_facts, write_text

STAMP = "stamp.json"


def assign(patients: Sequence[str], size: int, kept: Path) -> dict[str, list[str]]:
    """Chunk name -> its patients, honouring the assignment kept in `kept` (TSV: patient, chunk).

    Patients that left the cohort are dropped from their chunk; new ones fill new chunks of at most `size`.
    """
    known: dict[str, str] = {}
    if kept.exists():
        with open(kept, newline="", encoding="utf-8") as handle:
            known = {row["patient"]: row["chunk"] for row in csv.DictReader(handle, delimiter="\t")}
    chunks: dict[str, list[str]] = {}
    for patient in patients:
        if patient in known:
            chunks.setdefault(known[patient], []).append(patient)
    new = [p for p in patients if p not in known]
    first = 1 + max((int(c) for c in known.values()), default=0)
    for i in range(0, len(new), size):
        chunks[f"{first + i // size:05d}"] = list(new[i : i + size])
    return dict(sorted(chunks.items()))


def keep(chunks: dict[str, list[str]], kept: Path) -> None:
    """Append new assignments to `kept`; what is there stays (a patient who comes back finds the old chunk)."""
    old: list[tuple[str, str]] = []
    if kept.exists():
        with open(kept, newline="", encoding="utf-8") as handle:
            old = [(row["patient"], row["chunk"]) for row in csv.DictReader(handle, delimiter="\t")]
    have = {p for p, _ in old}
    new = [(p, c) for c, members in chunks.items() for p in members if p not in have]
    if new or not kept.exists():
        text = "".join(f"{p}\t{c}\n" for p, c in [("patient", "chunk"), *old, *new])
        write_text(kept, text)


@dataclass(frozen=True)
class Task:
    """What a chunk stage does for one patient: its samples, and the folder that holds the outcome."""

    patient: str
    samples: tuple[Sample, ...]
    folder: Path  # patients/<patient>/<room>/…; written whole or not at all


Work = Callable[[Task, Path], list[Problem]]


def run_chunk(
    stage: str,
    room: str,
    tasks: Iterable[Task],
    work: Work,
    manifest: Path,
    settings: dict[str, Any],
    threads: int = 1,
    extra_inputs: Callable[[Task], list[Path]] = lambda task: [],
) -> None:
    """Run `work(task, empty_folder)` for every task, in up to `threads` processes, and write the manifest.

    `work` writes into the folder it is given and returns the problems of files it could not use; raising InputError
    quarantines the patient for this room. Whatever happens to one patient, the others go on. A patient whose input
    files, settings and code are unchanged since the last run is not computed again. `work` must be importable (a
    module-level function or functools.partial of one).
    """
    tasks = list(tasks)
    base = {"settings": settings, "code": code_digest(room), "stage": stage}
    if threads == 1 or len(tasks) < 2:
        results = [_one(task, work, base, extra_inputs(task)) for task in tasks]
    else:
        with processes(min(threads, len(tasks))) as pool:
            futures: list[Future[dict[str, Any]]] = [
                pool.submit(_one, task, work, base, extra_inputs(task)) for task in tasks
            ]
            results = [f.result() for f in futures]
    write_facts(manifest, {"stage": stage, "room": room, "patients": results})


def _one(task: Task, work: Work, base: dict[str, Any], extra: list[Path]) -> dict[str, Any]:
    stamp = value_digest(
        [base, [asdict(s) | {"line": 0} for s in task.samples], [_digest(Path(s.path)) for s in task.samples],
         [_digest(p) for p in extra]]
    )  # fmt: skip
    clear_killed(task.folder)
    kept = task.folder / STAMP
    if kept.exists():
        facts = read_facts(kept)
        if facts["stamp"] == stamp:
            return _located(facts["entry"], task)
    try:
        with atomic_folder(task.folder) as folder:
            try:
                problems = work(task, folder)
                status = "done"
            except InputError as error:
                problems, status = error.problems, "quarantined"
            except Exception as error:  # one patient's file never stops the cohort; the cause is kept
                problems, status = [_defect(task, error)], "quarantined"
                # Places only: a message can quote a file's header, and with it a person's name.
                trace = "".join(traceback.format_tb(error.__traceback__))
                write_text(folder / "defect.txt", f"{trace}{type(error).__name__}\n")
            entry = {
                "patient": task.patient,
                "status": status,
                "problems": [p.to_dict() for p in sorted(problems)],
            }
            write_facts(folder / STAMP, {"stamp": stamp, "entry": entry})
    except OSError as error:
        raise InputError(
            Problem(str(task.folder), str(error), "a folder that can be written", "free space, mend rights")
        ) from error
    return _located(entry, task)


def _located(entry: dict[str, Any], task: Task) -> dict[str, Any]:
    """The entry with the folder as seen from here: results may have been moved since the stamp was written."""
    return {**entry, "folder": os.path.relpath(task.folder)}


def _digest(path: Path) -> str:
    return file_digest(path) if path.exists() else "absent"


def _defect(task: Task, error: Exception) -> Problem:
    files = ", ".join(s.path for s in task.samples)
    return Problem(
        files, type(error).__name__, "a file this stage can process",
        f"see {task.folder / 'defect.txt'} and report it: this is a case consilium does not name yet",
        patient=task.patient,
    )  # fmt: skip


def read_manifests(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Entries of all manifests, by patient; see `run_chunk` for their fields."""
    entries = [entry for path in paths for entry in read_facts(path)["patients"]]
    return sorted(entries, key=lambda e: str(e["patient"]))
