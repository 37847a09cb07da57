"""Reading and writing around the fits: the task with its folds, and the model as a zip of plain files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.store import atomic, read_facts, write_facts, write_table
from consilium.learn import train as training
from consilium.learn.bundle import card, pack
from consilium.learn.cohort import data, tasks
from consilium.learn.cohort import folds as folding
from consilium.learn.fusion.model import Trained

_EPOCH = (1980, 1, 1, 0, 0, 0)


def folds(
    inputs: Path, patients: Path, kinship: str, name: str, kind: str, columns: dict[str, str], blocks: list[str],
    outer_folds: int, seed: int, out: Path, task: Path,
) -> None:  # fmt: skip
    """See stages.folds."""
    import pandas as pd

    from consilium.core.sheets import read_patients

    cohort = data.load(inputs)
    data.checked_names(cohort, blocks, name)
    cells = [p.outcomes for p in read_patients(patients)]
    target, known, said = tasks.read(kind, cells, **columns, file=str(patients), patients=cohort.patients)
    group = folding.groups(cohort, related_pairs(kinship))
    use, classes, notes, why = tasks.learnable(target, known, group)
    if kind == "classification":
        kept = [target.classes.index(c) for c in classes]
        codes = np.array([kept.index(y) if y in kept else -1 for y in target.y], dtype=int)
        target = tasks.Target(kind, codes, target.time, target.event, classes)
    fold = np.full(len(cohort.patients), -1)
    if not why:
        own, rows = target.take(np.flatnonzero(use)), [group[i] for i in np.flatnonzero(use)]
        k = folding.possible_folds(own, rows, outer_folds)
        if k < outer_folds:
            notes.append(f"{k} outer folds instead of {outer_folds}: no class or event has more independent patients")
        fold[use] = folding.assign(own, rows, k, seed)
    write_table(out, "folds", pd.DataFrame({"patient": cohort.patients, "group": group, "fold": fold}))
    about = {
        "name": name, "kind": kind, **columns, "blocks": blocks, "seed": seed,
        "status": "not assessed" if why else "assessed",
        "reason": why, "notes": notes, "classes": list(classes), "observed": said,
        "horizons": list(tasks.horizons(target.take(np.flatnonzero(use)))) if not why else [],
        "target": tasks.as_facts(target), "duplicates": folding.duplicates(cohort),
    }  # fmt: skip
    write_facts(task, about)


def related_pairs(kinship: str) -> list[tuple[str, str]]:
    """Pairs of second degree or closer, and duplicates, from cohort/genomics/kinship.tsv."""
    if not kinship:
        return []
    from consilium.core.store import read_table

    table = read_table(Path(kinship), "kinship")
    near = table[(table["kinship"] >= folding.KINSHIP_CUT) | (table["relationship"] == "duplicate")]
    return list(zip(near["patient_a"], near["patient_b"], strict=True))


def read_folds(path: Path) -> tuple[list[str], list[str], list[int]]:
    """(patient, group, fold) columns; read without pandas, whose import every training job would pay."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    if header.split("\t") != ["patient", "group", "fold"]:
        raise ValueError(f"{path} is not a table of folds")
    rows = [line.split("\t") for line in lines]
    return [r[0] for r in rows], [r[1] for r in rows], [int(r[2]) for r in rows]


def problem(inputs: Path, folds: Path, task: Path) -> training.Problem | str:
    """What the fits start from, or why the task is not assessed."""
    about = read_facts(task)
    if about["status"] != "assessed":
        return str(about["reason"])
    cohort = data.load(inputs)
    patients, group, fold = read_folds(folds)
    if tuple(patients) != cohort.patients:
        raise ValueError("folds and inputs list different patients")
    return training.problem(cohort, about, tasks.from_facts(about["target"]), group, np.array(fold))


def write_model(path: Path, trained: Trained | None, cohort: data.Cohort | None, settings: dict[str, Any]) -> None:
    """Zip of the bundle's files of one task (none when nothing was trained), with self-test; same model, same bytes."""
    files: pack.Files = {}
    if trained is not None and cohort is not None:
        files = pack.pack(trained, cohort, settings)
        again = pack.unpack(files)  # the self-test is of what was written, not of what was in memory
        made_up = card.selftest_cohort(again, json.loads(files["dictionary.json"]))
        record = {"cases": list(card.CASES), "expected": card.expected(again, made_up)}
        files["selftest.json"] = (json.dumps(record, indent=1) + "\n").encode()
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name])


def read_model(path: Path) -> pack.Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
