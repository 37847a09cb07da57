"""A trained model as files: plain JSON, LightGBM text and safetensors. No pickle, no patient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.fusion import Calibration, Fusion, Stack
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models.additive import ARRAYS, Additive
from consilium.learn.models.boosting import Boosted
from consilium.learn.models.hazards import Hazards
from consilium.learn.models.heads import Course, Prior
from consilium.learn.models.linear import Linear
from consilium.learn.models.preproc import Design
from consilium.learn.uncertainty.doubt import Doubt

Array = np.ndarray
Files = dict[str, bytes]  # path inside the task's folder -> content


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def pack(trained: Trained, cohort: Cohort, settings: dict[str, Any]) -> Files:
    """Every file of one task. `cohort` gives the data dictionary (names, units, shapes), nothing else."""
    from safetensors.numpy import save

    files: Files = {}
    fitted: dict[str, Array] = {}
    for i, b in enumerate(trained.blocks):
        fitted |= {f"{i:03d}.{k}": np.ascontiguousarray(v) for k, v in b.design.arrays.items()}
        for name, trees in (("boosting", b.boosted), ("forest", b.forest)):
            if trees is not None:
                fitted[f"{i:03d}.{name}_columns"] = np.ascontiguousarray(trees.columns)
                files[f"{name}/{i:03d}.txt"] = trees.text.encode()
        for name in ARRAYS if b.additive is not None else ():
            fitted[f"{i:03d}.additive_{name}"] = np.ascontiguousarray(getattr(b.additive, name))
    files["preproc.safetensors"] = save(fitted)
    for s, net in enumerate(trained.nets):
        files[f"network-{s}.safetensors"] = save({k: np.ascontiguousarray(v) for k, v in net.weights.items()})
    files["model.json"] = as_json(_facts(trained, settings))
    files["baselines.json"] = as_json([_coefficients(b) for b in trained.blocks])
    files["calibration.json"], files["conformal.json"] = calibrations(trained), thresholds(trained)
    files["dictionary.json"] = as_json({b.name: describe(b) for b in cohort.blocks if b.name in trained.fusion.blocks})
    return files


def calibrations(trained: Trained) -> bytes:
    return as_json({k: {"scale": c.scale, "bias": c.bias.tolist()} for k, c in sorted(trained.calibrations.items())})


def thresholds(trained: Trained) -> bytes:
    return as_json(trained.doubt.facts() if trained.doubt else None)


def describe(block: Block) -> dict[str, Any]:
    """Data dictionary of a block: what a new cohort must call things, and in which units."""
    return {
        "title": block.title, "layout": block.layout, "required": False, "shape": block.shape,
        "features": [{"name": f, "unit": u} for f, u in zip(block.features, block.units, strict=True)],
        "time": list(block.time),
    }  # fmt: skip


def _facts(trained: Trained, settings: dict[str, Any]) -> dict[str, Any]:
    f = trained.fusion
    shapes = {n: [k, list(s)] for n, (k, s) in trained.nets[0].shapes.items()} if trained.nets else {}
    hazards = trained.nets[0].hazards if trained.nets else None
    return {
        "kind": trained.kind, "classes": list(trained.classes), "choice": trained.choice,
        "prior": {"offset": trained.at.offset.tolist(), "centre": trained.at.centre, "scale": trained.at.scale},
        "blocks": [{"name": b.name, "layout": b.design.layout, "columns": list(b.design.names), "mix": b.mix,
                    "far": b.far} for b in trained.blocks],
        "fusion": {"best": f.best, "average": list(f.average), "weights": f.stack.weights.tolist(),
                   "presence": f.stack.presence.tolist()},
        "networks": {"number": len(trained.nets), "shapes": shapes, "level": trained.level,
                     "hazards": hazards.facts() if hazards else None},
        "horizons": list(trained.horizons), "hazard": trained.hazard.tolist(), "settings": settings,
        "course": None if trained.course is None else
        {"times": trained.course.times.tolist(), "cumulative": trained.course.cumulative.tolist()},
    }  # fmt: skip


def _coefficients(b: BlockModel) -> dict[str, Any]:
    rows = [[n, *map(float, w)] for n, w in zip(b.design.names, b.linear.weights, strict=True)]
    return {"block": b.name, "penalty": b.linear.penalty, "coefficients": rows}


def unpack(files: Files) -> Trained:
    """The model that `pack` wrote, number for number."""
    from safetensors.numpy import load

    facts = json.loads(files["model.json"])
    fitted = load(files["preproc.safetensors"])
    coefficients = json.loads(files["baselines.json"])
    width = len(facts["classes"]) if facts["kind"] == "classification" else 1
    blocks = []
    for i, (about, lines) in enumerate(zip(facts["blocks"], coefficients, strict=True)):
        arrays = {k.split(".", 1)[1]: v for k, v in fitted.items() if k.startswith(f"{i:03d}.")}
        trees = {
            name: Boosted(files[f"{name}/{i:03d}.txt"].decode(), columns, width, ratio=name == "forest")
            for name in ("boosting", "forest")
            if (columns := arrays.pop(f"{name}_columns", None)) is not None
        }
        bent = [arrays.pop(f"additive_{n}") for n in ARRAYS if f"additive_{n}" in arrays]
        weights = np.array([row[1:] for row in lines["coefficients"]], dtype=float).reshape(-1, width)
        design = Design(about["layout"], tuple(about["columns"]), arrays)
        linear = Linear(weights, lines["penalty"])
        blocks.append(
            BlockModel(about["name"], design, linear, trees.get("boosting"), about["mix"], about["far"],
                       trees.get("forest"), Additive(*bent) if bent else None)
        )  # fmt: skip
    f = facts["fusion"]
    names = tuple(b.name for b in blocks)
    stack = Stack(np.array(f["weights"]), np.array(f["presence"], dtype=float).reshape(-1, width))
    calibrations = {
        k: Calibration(c["scale"], np.array(c["bias"])) for k, c in json.loads(files["calibration.json"]).items()
    }
    bounds = json.loads(files["conformal.json"])
    p = facts["prior"]
    return Trained(
        facts["kind"], tuple(facts["classes"]), Prior(np.array(p["offset"]), p["centre"], p["scale"]), tuple(blocks),
        _networks(files, facts["networks"], width), Fusion(names, f["best"], stack, (f["average"][0], f["average"][1])),
        calibrations, facts["choice"],
        Doubt.from_facts(bounds) if bounds else None, tuple(facts["horizons"]), np.array(facts["hazard"]),
        Course(*(np.array(facts["course"][k]) for k in ("times", "cumulative"))) if facts["course"] else None,
        facts["networks"]["level"],
    )  # fmt: skip


def _networks(files: Files, about: dict[str, Any], width: int) -> tuple[Any, ...]:
    if not about["number"]:
        return ()
    from safetensors.numpy import load

    from consilium.learn.networks.network import Net

    shapes = {n: (kind, tuple(shape)) for n, (kind, shape) in about["shapes"].items()}
    hazards = Hazards(*(tuple(about["hazards"][k]) for k in ("ends", "offset"))) if about["hazards"] else None
    width = len(hazards.ends) if hazards else width
    return tuple(
        Net(shapes, width, load(files[f"network-{s}.safetensors"]), hazards=hazards) for s in range(about["number"])
    )


def read_folder(folder: Path) -> Files:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
