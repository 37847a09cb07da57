"""A task's model as ONNX: whole, with 8-bit weights, and without its smallest coefficients; what each costs."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.store import atomic, write_facts
from consilium.learn.bundle import apply as applying
from consilium.learn.bundle import card, recalibrate
from consilium.learn.cohort import data
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import FROM_NETWORK
from consilium.learn.fusion.model import Trained
from consilium.learn.judge import metrics
from consilium.learn.models.heads import survival
from consilium.learn.models.linear import Linear

Array = np.ndarray
Facts = dict[str, Any]
AGREEMENT = 1e-5
OPSET = 18


@dataclass(frozen=True)
class Labelled:
    """Patients with known outcomes, to say what quantisation and pruning cost."""

    cohort: data.Cohort
    target: Target


def pruned(trained: Trained, share: float) -> Trained:
    """Without the `share` of each block's coefficients of smallest size (all classes of a column together)."""
    blocks = []
    for b in trained.blocks:
        size = np.abs(b.linear.weights).sum(axis=1)
        weights = b.linear.weights.copy()
        weights[np.argsort(size, kind="stable")[: int(share * len(size))]] = 0.0
        blocks.append(replace(b, linear=Linear(weights, b.linear.penalty)))
    return replace(trained, blocks=tuple(blocks))


def exported_choice(trained: Trained) -> tuple[str, str]:
    """(candidate that is exported, what is left out or ""): networks are not exported."""
    if trained.choice not in FROM_NETWORK:
        return trained.choice, ""
    other = "stack" if "stack" in trained.calibrations else "late_mean"
    return other, f"the shipped `{trained.choice}` holds networks, which are left out; `{other}` is exported instead"


def expected(trained: Trained, cohort: data.Cohort, choice: str) -> Array:
    """What the graph must give (see graph.Pipeline)."""
    parts = trained.parts(cohort)
    eta = trained.eta(parts, choice)
    out = trained.scores(eta)
    if trained.kind == "survival":
        out = np.concatenate([out, survival(eta, trained.hazard)], axis=1)
    return np.where(parts.mask.any(axis=1, keepdims=True), out, np.nan)


def feeds(trained: Trained, cohort: data.Cohort) -> dict[str, Array]:
    """Inputs of the graph: values and present of every block, in the bundle's order of features."""
    out: dict[str, Array] = {}
    for model in trained.blocks:
        block = cohort.block(model.name)
        assert block is not None
        out |= {f"{model.name}.values": block.values.astype(np.float32), f"{model.name}.present": block.present}
    return out


def write_graph(trained: Trained, cohort: data.Cohort, times: list[Array], choice: str, path: Path) -> None:
    """model.onnx. torch's older exporter: a twentieth of the time, and its graphs can be quantised."""
    import torch

    from consilium.learn.bundle.graph import Pipeline

    given = feeds(trained, cohort)
    axes = {name: {0: "patient"} for name in [*given, "prediction"]}
    graph = Pipeline(trained, times, choice).eval()
    with atomic(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, tuple(torch.from_numpy(v) for v in given.values()), str(temporary), dynamo=False,
            input_names=list(given), output_names=["prediction"], dynamic_axes=axes, opset_version=OPSET,
        )  # fmt: skip


def quantise(path: Path, out: Path) -> None:
    """8-bit weights, activations quantised as they come (dynamic)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)
    with atomic(out) as temporary:
        quantize_dynamic(path, temporary, weight_type=QuantType.QInt8)


def run_graph(path: Path, given: dict[str, Array]) -> Array:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, given)[0])


def write(folder: Path, task: str, prune: float, inputs: str, patients: str, out: Path) -> Facts:
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
    choice, left_out = exported_choice(trained)
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
        "inputs": {b.name: {k: dictionary[b.name][k] for k in ("layout", "shape", "features", "time")}
                   for b in trained.blocks},
    }  # fmt: skip
    write_facts(out / "export.json", facts)
    return facts


def _can_be_told(trained: Trained, folder: str) -> None:
    """InputError where the graph lacks a block's preparation."""
    lacking = [b for b in trained.blocks if b.design.layout in ("bag", "words")]
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
    if whole is None:
        lines.append("no outcomes were given (--inputs, --patients): the loss of performance was not measured")
    return "\n".join(lines)
