"""Reading and writing around the fits: the task with its folds, and the model as a zip of plain files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.store import atomic, read_facts, write_facts, write_table
from consilium.learn import train as training
from consilium.learn.bundle import card, pack
from consilium.learn.cohort import data, splits, tasks
from consilium.learn.cohort import folds as folding
from consilium.learn.fusion.model import Trained
from consilium.learn.guards import before
from consilium.learn.guards.record import Gate
from consilium.learn.settings import Judging

_EPOCH = (1980, 1, 1, 0, 0, 0)


def folds(
    inputs: Path, patients: Path, samples: Path, kinship: str, asked: tasks.Asked, judging: Judging, seed: int,
    out: Path, task: Path,
) -> None:  # fmt: skip
    """See stages.folds."""
    from consilium.core.sheets import read_patients, read_samples

    cohort, people = data.load(inputs), read_patients(patients)
    data.checked_names(cohort, list(asked.blocks), asked.name)
    used = cohort.only(asked.blocks)
    cells = [p.outcomes for p in people]
    target, known, said = tasks.read(asked, cells, str(patients), cohort.patients)
    joined = folding.links(cohort, related_pairs(kinship))
    group = folding.groups(cohort, joined)
    use, classes, notes, why = tasks.learnable(target, known, group)
    target = tasks.kept_classes(target, classes) if target.kind == "classification" else target
    if asked.split:
        fold = np.where(use, splits.given(asked.split, cells, known, str(patients), cohort.patients), -1)[None]
        why = why or splits.too_few(fold[0], target)
    else:
        fold, said_of_folds = _dealt(target, group, np.flatnonzero(use), judging, seed)
        notes += said_of_folds
    found: list[Gate] = []
    if not why:
        found = before.gates(used, target, group, list(fold), joined, people, read_samples(samples), judging.guards)
        why = judging.guards.why_stopped(found)
        judging.guards.stop(why, asked.name, str(patients))
    _write_folds(out, cohort.patients, group, fold)
    sites, no_sites = _sites(cohort, target, use, asked, judging)
    about = asked.facts() | {
        "seed": seed, "status": "not assessed" if why else "assessed", "reason": why, "notes": notes,
        "classes": list(classes), "observed": said, "outer_folds": judging.outer_folds,
        "horizons": list(tasks.horizons(target.take(np.flatnonzero(use)))) if not why else [],
        "target": tasks.as_facts(target), "guards": found, "sites": sites, "no_sites": no_sites,
        "duplicates": [link.facts() for link in joined if "values" in link.how],
    }  # fmt: skip
    write_facts(task, about)


def _dealt(
    target: tasks.Target, group: list[str], rows: np.ndarray, judging: Judging, seed: int
) -> tuple[np.ndarray, list[str]]:
    """(folds (repeat, patient), -1 beside `rows`; what is to be said of their number)."""
    fold = np.full((judging.repeats, len(group)), -1)
    if not len(rows):
        return fold, []
    own, names = target.take(rows), [group[i] for i in rows]
    k = folding.possible_folds(own, names, judging.outer_folds)
    short = f"{k} outer folds instead of {judging.outer_folds}: no class or event has more independent patients"
    fold[:, rows] = splits.repeated(own, names, k, judging.repeats, seed)
    return fold, [short] if k < judging.outer_folds else []


def _write_folds(path: Path, patients: Sequence[str], group: list[str], fold: np.ndarray) -> None:
    """fold (repeat, patient), the first repeat in a column of its own."""
    import pandas as pd

    further = [",".join(map(str, of)) for of in fold[1:].T] if len(fold) > 1 else [""] * len(patients)
    write_table(path, "folds", pd.DataFrame({"patient": patients, "group": group, "fold": fold[0], "repeats": further}))


def _sites(
    cohort: data.Cohort, target: tasks.Target, use: np.ndarray, asked: tasks.Asked, judging: Judging
) -> tuple[list[dict[str, Any]], str]:
    """(sites to be left out one at a time, why none)."""
    if not judging.leave_one_site_out:
        return [], "switched off"
    if asked.split:
        return [], "the split is given"
    return splits.sites(cohort.sites, target, use)


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
    rows = _fold_rows(path)
    return [r[0] for r in rows], [r[1] for r in rows], [int(r[2]) for r in rows]


def read_repeats(path: Path) -> list[list[int]]:
    """Folds of each further repeat, one list of patients a repeat."""
    rows = [r[3].split(",") if r[3] else [] for r in _fold_rows(path)]
    return [[int(f) for f in of] for of in zip(*rows, strict=True)]


def _fold_rows(path: Path) -> list[list[str]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    if header.split("\t") != ["patient", "group", "fold", "repeats"]:
        raise ValueError(f"{path} is not a table of folds")
    return [line.split("\t") for line in lines]


def problem(inputs: Path, folds: Path, task: Path) -> training.Problem | str:
    """What the fits start from, or why the task is not assessed."""
    about = read_facts(task)
    if about["status"] != "assessed":
        return str(about["reason"])
    cohort = data.load(inputs)
    patients, group, fold = read_folds(folds)
    if tuple(patients) != cohort.patients:
        raise ValueError("folds and inputs list different patients")
    about["repeats"] = read_repeats(folds)
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
