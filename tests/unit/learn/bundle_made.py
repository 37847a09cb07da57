"""A small model without networks, its reference statistics and its bundle, for the tests of the bundle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from consilium.learn import prepare, train
from consilium.learn.bundle import pack, ship
from consilium.learn.cohort import data, folds
from consilium.learn.fusion.model import Trained
from consilium.learn.judge.results import write_rows
from consilium.learn.settings import Plan
from learn_cohorts import classes, mixed

N = 90


def made() -> tuple[train.Problem, Trained, dict]:
    """(what was fitted on, model, what an outer fold would say of the same patients)."""
    whole, y = mixed(N, 0, 1.6)
    target, groups = classes(y), [f"g{i}" for i in range(N)]
    task = {"name": "diagnosis", "blocks": [], "horizons": [], "seed": 1}
    p = train.problem(whole, task, target, groups, folds.assign(target, groups, 3, 1))
    model, _ = train.final(p, Plan(3, 0, (4,), 20))
    assert model is not None
    scores = model.scores(model.eta(model.parts(whole)))
    held = {
        "patients": whole.patients,
        "y": y,
        "models": {"shipped": {"scores": scores}},
        "held_out": model.view(whole),
    }
    return p, model, held


def bundle(folder: Path, p: train.Problem, model: Trained, held: dict) -> Path:
    """The bundle's folder, as ship.write makes it; `board` says what the shipped model reached."""
    folder.mkdir(parents=True)
    prepare.write_model(folder / "model.zip", model, p.cohort, {"seed": 1})
    task = {"name": "diagnosis", "kind": model.kind, "classes": list(model.classes), "outcome": "dx", "time": "",
            "event": ""}  # fmt: skip
    (folder / "task.json").write_text(json.dumps(task))
    gate = {"gate": "calibration", "verdict": "pass", "passed": True, "detail": "slope 1.0", "figures": {}}
    found = {"status": "assessed", "reason": "", "n": N, "choices": [], "gates": [gate], "duplicates": []}
    (folder / "gates.json").write_text(json.dumps(found))
    row = {"model": "shipped", "modalities": "all", "metric": "auc", "better": "higher", "value": 0.8, "lower": 0.7,
           "upper": 0.9, "n": N, "role": "shipped"}  # fmt: skip
    write_rows(folder / "leaderboard.tsv", "leaderboard", [row], [])
    (folder / "reference.json").write_text(json.dumps(ship.statistics(model, p.cohort, [held])))
    names = ("model.zip", "task.json", "gates.json", "leaderboard.tsv", "reference.json")
    ship.write(*[[folder / f] for f in names], "first", 1, folder / "bundle" / "manifest.json")
    return folder / "bundle"


def sheet(path: Path, patients: tuple[str, ...], outcome: list[str]) -> Path:
    lines = ["patient\tsex\tbirth_year\tsite\tfamily\tindex_date\tdx"]
    lines += [f"{p}\tunknown\t\t\t\t\t{o}" for p, o in zip(patients, outcome, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def packed(whole: data.Cohort, y: np.ndarray, epochs: int) -> tuple[train.Problem, Trained, dict[str, bytes]]:
    """(what was fitted on, model with one network and without explanations, files of its bundle)."""
    target, groups = classes(y), [f"g{i}" for i in range(len(y))]
    task = {"name": "task", "blocks": [], "horizons": [], "seed": 1}
    p = train.problem(whole, task, target, groups, folds.assign(target, groups, 3, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_explained", lambda *_: {})
        model, _ = train.final(p, Plan(3, 1, (epochs,), 20))
    assert model is not None
    return p, model, pack.pack(model, whole, {"seed": 1})


def others(n: int, seed: int) -> tuple[data.Cohort, np.ndarray]:
    """New patients of the same population."""
    return mixed(n, seed, 1.6)
