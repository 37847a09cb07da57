"""Bundle of all tasks, and its use on another cohort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import code_digest, file_digest, versions
from consilium.core.store import atomic_folder, read_facts, read_table, write_facts, write_text
from consilium.learn import prepare
from consilium.learn.bundle import apply as applying
from consilium.learn.bundle import card
from consilium.learn.cohort import data
from consilium.learn.guards import dates, sides
from consilium.learn.judge import gates, metrics, results

PACKAGES = ("consilium", "numpy", "torch", "lightgbm", "safetensors")
Facts = dict[str, Any]


def write(
    models: list[Path],
    tasks: list[Path],
    gate_files: list[Path],
    leaderboards: list[Path],
    cohort: str,
    seed: int,
    out: Path,
) -> None:
    """See stages.bundle. The folder is replaced whole; the manifest is written last."""
    about: list[Facts] = []
    modalities: Facts = {}
    with atomic_folder(out.parent) as folder:
        for model, task, gate_file, board in zip(models, tasks, gate_files, leaderboards, strict=True):
            facts, found = read_facts(task), read_facts(gate_file)
            files = prepare.read_model(model) if found["status"] == "assessed" else {}
            for name, content in sorted(files.items()):
                path = folder / facts["name"] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if files:
                modalities |= json.loads(files["dictionary.json"])
                write_facts(folder / facts["name"] / "gates.json", _without_patients(found))
            about.append(_task_facts(facts, found, files, board))
        manifest = {
            "cohort": cohort, "seed": seed, "versions": versions(*PACKAGES), "code": code_digest("learn"),
            "tasks": [{k: t[k] for k in ("name", "kind", "classes", "status", "reason", "n")} for t in about],
            "modalities": dict(sorted(modalities.items())),
        }  # fmt: skip
        write_text(folder / "model_card.md", card.model_card(manifest, about))
        written = sorted(p for p in folder.rglob("*") if p.is_file())
        manifest["files"] = {str(p.relative_to(folder)): file_digest(p) for p in written}
        write_facts(folder / applying.MANIFEST, manifest)


def _task_facts(facts: Facts, found: Facts, files: dict[str, bytes], board: Path) -> Facts:
    table = read_table(board, "leaderboard")
    main = table[table["metric"] == metrics.MAIN[facts["kind"]]]
    last = next((c for c in found["choices"] if c["fold"] == "apply"), {"choice": "", "why": ""})
    status = "assessed" if files else "not assessed"
    return {
        "name": facts["name"], "kind": facts["kind"], "classes": facts["classes"], "status": status,
        "reason": found["reason"],
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


_NAMING = (sides.SIDES, sides.COPIES, sides.AUDIT, dates.DATES)  # checks that name patients


def apply_bundle(
    inputs: Path, folder: Path, task: str, predictions: Path, leaderboard: Path, contributions: Path, gate_file: Path
) -> None:
    """See stages.apply."""
    manifest = applying.verified(folder)
    known = {t["name"]: t for t in manifest["tasks"]}
    if task not in known:
        raise InputError(Problem(str(folder), f"no task '{task}'", ", ".join(known), "name a task of the bundle"))
    cohort = data.load(inputs)
    about = known[task]
    if about["status"] != "assessed":
        why = f"the bundle holds no model of this task: {about['reason']}"
        nothing = results.evaluate_nothing(
            {"name": task, "notes": [], "observed": [""] * len(cohort.patients), "duplicates": []}, cohort, why
        )
        rows, shares, found = nothing["predictions"], [], nothing["gates"]
    else:
        trained = applying.load(folder, task)
        dictionary = json.loads((folder / task / "dictionary.json").read_text(encoding="utf-8"))
        fitting, notes = applying.aligned(cohort, dictionary, str(inputs))
        records = zip(fitting.patients, trained.predictions(fitting), strict=True)
        rows = [{"patient": p, "fold": "apply", "observed": "", **r} for p, r in records]
        shares = trained.contributions(fitting, int(manifest["seed"]))
        found = _applied_gates(task, folder, notes, len(rows))
    results.write_rows(predictions, "predictions", rows, about["classes"])
    results.write_rows(contributions, "contributions", shares, [])
    results.write_rows(leaderboard, "leaderboard", [], [])
    write_facts(gate_file, found)


def _applied_gates(task: str, folder: Path, notes: Facts, n: int) -> Facts:
    lacking = [f"block {b}" for b in notes["lacking_blocks"]]
    lacking += [
        f"{b}: {len(f)} features ({', '.join(f[:5])}{' …' if len(f) > 5 else ''})"
        for b, f in notes["lacking_features"].items()
    ]
    checks = [
        gates.gate("bundle is whole", "pass", "every file has the hash of the manifest; the self-test agrees to 1e-6"),
        gates.gate("the cohort has what the model was trained on", "warn" if lacking else "pass",
                   f"lacking: {'; '.join(lacking)}" if lacking else "every block and feature of the bundle", **notes),
    ]  # fmt: skip
    at_training = read_facts(folder / task / "gates.json")["gates"]
    return {"task": task, "status": "assessed", "reason": "", "notes": [], "n": n, "gates": checks, "choices": [],
            "duplicates": [], "at_training": at_training}  # fmt: skip
