"""A task's model as ONNX: whole, with 8-bit weights, and without its smallest coefficients; what each costs."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.store import read_facts, write_facts
from consilium.learn.bundle import apply as applying
from consilium.learn.bundle import card, recalibrate
from consilium.learn.bundle.onnx_files import (
    expected,
    exported_choice,
    feeds,
    pruned,
    quantise,
    run_graph,
    write_graph,
)
from consilium.learn.cohort import data
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import Trained
from consilium.learn.judge import metrics

Array = np.ndarray
Facts = dict[str, Any]
AGREEMENT = 1e-5


@dataclass(frozen=True)
class Labelled:
    """Patients with known outcomes, to say what quantisation and pruning cost."""

    cohort: data.Cohort
    target: Target


def held_out(trained: Trained, cohort: data.Cohort, share: float) -> Facts:
    """Predictions (row, column) of the model's three files for patients whom it did not learn from; choice, share."""
    times = [np.array(b.time, dtype=float) for m in trained.blocks if (b := cohort.block(m.name)) is not None]
    choice, left_out = exported_choice(trained, cohort, times)
    given = feeds(trained, cohort)
    with tempfile.TemporaryDirectory() as folder:
        files = {v: Path(folder) / f"{v}.onnx" for v in ("whole", "quantised", "pruned")}
        write_graph(trained, cohort, times, choice, files["whole"])
        write_graph(pruned(trained, share), cohort, times, choice, files["pruned"])
        quantise(files["whole"], files["quantised"])
        said = {v: run_graph(path, given).tolist() for v, path in files.items()}
    return {"choice": choice, "left_out": left_out, "share": share, "scores": said}


def loss_out_of_fold(folder: Path, kind: str, classes: list[str]) -> Facts:
    """Main metric of each variant on the held-out patients of all outer folds, from the results in `folder`.

    InputError where no fold asked its files (`learn.export_loss`).
    """
    results = [read_facts(p) for p in sorted(folder.glob("*.json"))]
    results = [r for r in results if r.get("exported") and r["repeat"] == 0]
    if not results:
        raise InputError(
            Problem(str(folder), "no fold whose model was written as ONNX", "results of folds with learn.export_loss",
                    "set it and train again, or leave --folds out")
        )  # fmt: skip
    joined = lambda key: np.concatenate([np.array(r[key], dtype=float) for r in results])  # noqa: E731
    y = joined("y").astype(int) if kind == "classification" else joined("y")
    target = Target(kind, y, joined("time"), joined("event"), tuple(classes))
    metric, fold = metrics.MAIN[kind], np.repeat(np.arange(len(results)), [len(r["y"]) for r in results])
    judge, values = metrics.all_of(target, fold)[metric], {}
    for variant in results[0]["exported"]["scores"]:
        scores = np.concatenate([np.array(r["exported"]["scores"][variant], dtype=float) for r in results])
        known = np.flatnonzero(np.isfinite(scores).all(axis=1))
        values[variant] = float(judge(target.take(known), scores[known, : target.width], np.ones((1, len(known))))[0])
    return {"metric": metric, "n": len(y), "share": results[0]["exported"]["share"], "values": values}


def write(folder: Path, task: str, prune: float, inputs: str, patients: str, folds: str, out: Path) -> Facts:
    """See commands.export: model.onnx, model.quantised.onnx, model.pruned.onnx and export.json in `out`."""
    manifest = applying.verified(folder)
    about = applying.task_of(manifest, folder, task)
    if about["status"] != "assessed":
        raise InputError(
            Problem(str(folder), f"no model of '{task}': {about['reason']}", "a trained task", "name another")
        )
    trained = applying.load(folder, task)
    _can_be_told(trained, str(folder))
    dictionary = json.loads((folder / task / "dictionary.json").read_text(encoding="utf-8"))
    made_up = card.selftest_cohort(trained, dictionary)
    times = [np.array(dictionary[b.name]["time"]) for b in trained.blocks]
    choice, left_out = exported_choice(trained, made_up, times)
    known = _labelled(about, trained, dictionary, inputs, patients)
    models = {"whole": trained} | ({"pruned": pruned(trained, prune)} if prune else {})
    rows = []
    for variant, model in models.items():
        path = out / ("model.onnx" if variant == "whole" else f"model.{variant}.onnx")
        write_graph(model, made_up, times, choice, path)
        _check(path, model, made_up, choice)
        rows.append(_row(variant, path, model, choice, made_up, known))
    quantise(out / "model.onnx", out / "model.quantised.onnx")
    rows.insert(1, _row("quantised", out / "model.quantised.onnx", trained, choice, made_up, known))
    facts = {
        "task": task, "kind": about["kind"], "classes": about["classes"], "choice": choice, "left_out": left_out,
        "pruned_share": prune, "horizons": list(trained.horizons), "agreement": AGREEMENT, "variants": rows,
        "out_of_fold": loss_out_of_fold(Path(folds), about["kind"], about["classes"]) if folds else None,
        "inputs": {b.name: {k: dictionary[b.name][k] for k in ("layout", "shape", "features", "time")}
                   for b in trained.blocks},
    }  # fmt: skip
    write_facts(out / "export.json", facts)
    return facts


def _can_be_told(trained: Trained, folder: str) -> None:
    """InputError where the graph lacks a block's preparation."""
    lacking = [b for b in trained.blocks if b.design.layout in ("bag", "words", "dna")]
    if lacking:
        raise InputError(
            [Problem(folder, f"block {b.name} of layout {b.design.layout}", "tables, series and volumes",
                     "train the task without it (learn.tasks[].blocks)") for b in lacking]
        )  # fmt: skip


def _labelled(about: Facts, trained: Trained, dictionary: Facts, inputs: str, patients: str) -> Labelled | None:
    if not inputs or not patients:
        return None
    cohort, _ = applying.aligned(data.load(Path(inputs)), dictionary, inputs)
    cohort = with_all_blocks(cohort, dictionary)
    target, known = recalibrate.labelled(about, cohort, Path(patients), trained)
    rows = np.flatnonzero(known & trained.parts(cohort).mask.any(axis=1))
    if not len(rows):
        raise InputError(Problem(patients, "no outcome of a patient who can be predicted", "outcomes", "add them"))
    return Labelled(cohort.take(rows), target.take(rows))


def with_all_blocks(cohort: data.Cohort, dictionary: Facts) -> data.Cohort:
    """The cohort with every block of the bundle; one that it lacks is absent for everybody."""
    n, blocks = len(cohort.patients), list(cohort.blocks)
    for name, about in dictionary.items():
        if cohort.block(name) is None:
            values = np.full((n, *about["shape"]), np.nan, dtype=np.float32)
            names = tuple(f["name"] for f in about["features"])
            units = tuple(f["unit"] for f in about["features"])
            none = np.zeros(n, dtype=bool)
            blocks.append(data.Block(name, about["title"], about["layout"], values, none, ("not supplied",) * n, names,
                                     units, tuple(about["time"])))  # fmt: skip
    return replace(cohort, blocks=tuple(sorted(blocks, key=lambda b: b.name)))


def _largest(path: Path, trained: Trained, cohort: data.Cohort, choice: str) -> float:
    """Largest difference between the graph's and the model's numbers; absent must agree."""
    got, wanted = run_graph(path, feeds(trained, cohort)), expected(trained, cohort, choice)
    if (np.isnan(got) != np.isnan(wanted)).any():
        return float("inf")
    return float(np.nanmax(np.abs(got - wanted), initial=0.0))


def _check(path: Path, trained: Trained, cohort: data.Cohort, choice: str) -> None:
    difference = _largest(path, trained, cohort, choice)
    if difference > AGREEMENT:
        path.unlink()
        raise InputError(
            Problem(str(path), f"differs from the model by {difference:.2g} on the self-test patients",
                    f"at most {AGREEMENT}", "use the versions in manifest.json, or report this")
        )  # fmt: skip


def _row(
    variant: str, path: Path, trained: Trained, choice: str, made_up: data.Cohort, known: Labelled | None
) -> Facts:
    """Size, largest difference from `trained` on the patients at hand, and the main metric where outcomes are known."""
    row: Facts = {"variant": variant, "file": path.name, "bytes": path.stat().st_size,
                  "difference": _largest(path, trained, made_up, choice)}  # fmt: skip
    if known is not None:
        row["difference"] = max(row["difference"], _largest(path, trained, known.cohort, choice))
        metric = metrics.MAIN[known.target.kind]
        scores = run_graph(path, feeds(trained, known.cohort))[:, : known.target.width]
        judge = metrics.all_of(known.target, np.zeros(len(known.target)))[metric]
        value = float(judge(known.target, scores, np.ones((1, len(known.target))))[0])
        row |= {"metric": metric, "n": len(known.target), "value": value}
    return row


def text(facts: Facts) -> str:
    """What is printed: a line a file, with the loss of the main metric against the whole model."""
    lines = [
        f"task {facts['task']}: `{facts['choice']}` exported" + (f"; {facts['left_out']}" * bool(facts["left_out"]))
    ]
    whole = facts["variants"][0].get("value")
    for r in facts["variants"]:
        said = f"{r['variant']:<10} {r['file']}  {r['bytes']:,} bytes  largest difference {r['difference']:.2g}"
        if whole is not None:
            said += f"  {r['metric']} {r['value']:.4f} (change {r['value'] - whole:+.4f}) on {r['n']} patients"
        lines.append(said)
    found = facts["out_of_fold"]
    if found is not None:
        whole_out = found["values"]["whole"]
        said = ", ".join(f"{v} {x:.4f} (change {x - whole_out:+.4f})" for v, x in found["values"].items())
        lines.append(f"out of fold, {found['n']} patients, {found['share']:g} pruned: {found['metric']} {said}")
    elif whole is None:
        lines.append("neither results of folds (--folds) nor outcomes (--inputs, --patients) were given: the loss of "
                     "performance was not measured")  # fmt: skip
    return "\n".join(lines)
