"""Writes the bundle of all tasks: a folder of plain files with a manifest of their hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consilium import __version__
from consilium.core.provenance import code_digest, file_digest, versions
from consilium.core.store import atomic_folder, read_facts, read_table, write_facts, write_text
from consilium.learn import prepare
from consilium.learn.bundle import apply as applying
from consilium.learn.bundle import card, joint, pack, reference, tripod
from consilium.learn.cohort.data import Cohort
from consilium.learn.fusion.model import Trained
from consilium.learn.guards import dates, sides
from consilium.learn.judge import metrics

PACKAGES = ("numpy", "torch", "lightgbm", "safetensors")
IN_MANIFEST = ("name", "kind", "classes", "status", "reason", "n", "outcome", "time", "event")
REQUIRED = 0.95  # share of the training patients who had a block, from which on it counts as required
Facts = dict[str, Any]
_NAMING = (sides.SIDES, sides.COPIES, sides.AUDIT, dates.DATES)  # checks that name patients


def write(
    models: list[Path],
    tasks: list[Path],
    gate_files: list[Path],
    leaderboards: list[Path],
    references: list[Path],
    cohort: str,
    seed: int,
    out: Path,
) -> None:
    """See stages.bundle. The folder is replaced whole; the manifest is written last."""
    about: list[Facts] = []
    modalities: Facts = {}
    with atomic_folder(out.parent) as folder:
        for model, task, gate_file, board, statistics in zip(
            models, tasks, gate_files, leaderboards, references, strict=True
        ):
            facts, found = read_facts(task), read_facts(gate_file)
            files = prepare.read_model(model) if found["status"] == "assessed" else {}
            if files:
                known = read_facts(statistics)
                dictionary = with_ranges(json.loads(files["dictionary.json"]), known)
                files["dictionary.json"] = pack.as_json(dictionary)
                modalities |= dictionary
                _write_task(folder / facts["name"], files)
                write_facts(folder / facts["name"] / "gates.json", _without_patients(found))
                write_facts(folder / facts["name"] / "reference.json", known)
                shipped = _shipped(read_table(board, "leaderboard").to_dict("records"))
                (folder / facts["name"] / "performance.json").write_bytes(pack.as_json(shipped))
            about.append(_task_facts(facts, found, files, board))
        manifest = {
            "bundle_format": applying.FORMAT, "cohort": cohort, "seed": seed,
            "versions": {"consilium": __version__, **versions(*PACKAGES)}, "code": code_digest("learn"),
            "parent": None, "tasks": [{k: t[k] for k in IN_MANIFEST} for t in about],
            "modalities": dict(sorted(modalities.items())),
        }  # fmt: skip
        write_text(folder / "model_card.md", card.model_card(manifest, about))
        write_text(folder / "tripod_ai.md", tripod.sheet(manifest, about))
        write_text(folder / "intended_use.md", tripod.intended_use(manifest, about))
        write_manifest(folder, manifest)


def write_manifest(folder: Path, manifest: Facts) -> None:
    """The manifest with the hash of every other file of `folder`."""
    written = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != applying.MANIFEST)
    manifest["files"] = {str(p.relative_to(folder)): file_digest(p) for p in written}
    write_facts(folder / applying.MANIFEST, manifest)


def _shipped(board: list[Any]) -> list[Facts]:
    """Rows of the leaderboard that judge the shipped model, numbers that could not be computed as null."""
    return [{str(k): None if v != v else v for k, v in r.items()} for r in board if r["role"] == "shipped"]


def _write_task(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def with_ranges(dictionary: Facts, known: Facts) -> Facts:
    """Data dictionary with the usual range and the vocabulary of each feature, and which blocks are required.

    range: means of the lowest and of the highest group of training patients (see reference.binned; of a series or bag:
    of its minima and maxima); null where the model does not read the feature. required: nearly all training patients
    had the block, so the model was never judged without it.
    """
    out = {}
    for about in known["blocks"]:
        block = dict(dictionary[about["block"]])
        of = {f["feature"]: f for f in about["features"]}
        block["required"] = about["present"] >= REQUIRED
        block["features"] = [f | _range(f["name"], of, block["layout"] in ("series", "bag")) for f in block["features"]]
        out[about["block"]] = block
    return out


def _range(name: str, of: Facts, series: bool) -> Facts:
    low, high = (of.get(f"{name} {end}" if series else name) for end in ("min", "max"))
    ends = None
    if low and high and low["bins"] and high["bins"]:
        ends = [low["bins"]["low"], high["bins"]["high"]]
    return {"range": ends, "values": low["values"] if low and not series else []}


def write_reference(
    inputs: Path, folds: Path, task: Path, trained: Path, model: Path, outer_folds: int, out: Path
) -> None:
    """See stages.reference."""
    start, files = prepare.problem(inputs, folds, task), prepare.read_model(model)
    results = [read_facts(trained / "true" / f"{k}.json") for k in range(outer_folds)]
    results = [r for r in results if r["status"] == "assessed"]
    if isinstance(start, str) or not files or not results:
        why = start if isinstance(start, str) else "nothing was trained"
        write_facts(out, {"status": "not assessed", "reason": why})
        return
    training = start.cohort.take(start.labelled)
    write_facts(out, {"status": "assessed", "reason": "", **statistics(pack.unpack(files), training, results)})


def statistics(trained: Trained, training: Cohort, results: list[Facts]) -> Facts:
    """reference.json: columns, embedding and predictions, and how columns go together."""
    return {**reference.statistics(trained, training, results), "joint": joint.statistics(trained, training)}


def _task_facts(facts: Facts, found: Facts, files: dict[str, bytes], board: Path) -> Facts:
    table = read_table(board, "leaderboard")
    main = table[table["metric"] == metrics.MAIN[facts["kind"]]]
    last = next((c for c in found["choices"] if c["fold"] == "apply"), {"choice": "", "why": ""})
    status = "assessed" if files else "not assessed"
    return {
        "name": facts["name"], "kind": facts["kind"], "classes": facts["classes"], "status": status,
        "reason": found["reason"], **{k: facts[k] for k in ("outcome", "time", "event")},
        "blocks": list(json.loads(files["dictionary.json"])) if files else [],
        "n": found["n"], "choice": last["choice"], "why": last["why"], "leaderboard": main.to_dict("records"),
        "gates": _without_patients(found)["gates"],
    }  # fmt: skip


def _without_patients(found: Facts) -> Facts:
    """Gates without the names of patients: a bundle leaves the house."""
    kept = {k: v for k, v in found.items() if k not in ("duplicates", "schema_version")}
    kept["gates"] = [
        g | {"detail": "see the training run" if g["verdict"] != "pass" and g["gate"] in _NAMING else g["detail"],
             "figures": {k: v for k, v in g["figures"].items() if k not in ("split", "problems", "pairs", "files")}}
        for g in found["gates"]
    ]  # fmt: skip
    return kept
