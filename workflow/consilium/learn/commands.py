"""What a person does to a bundle by hand; no rule runs these. Try: python scripts/learn.py --help."""

from __future__ import annotations

from pathlib import Path


def verify(bundle: Path) -> None:
    """Compare every file of a bundle with the manifest's hash, and repeat every task's self-test."""
    from consilium.learn.bundle import apply

    manifest = apply.verified(bundle)
    assessed = [t["name"] for t in manifest["tasks"] if t["status"] == "assessed"]
    for task in assessed:
        apply.load(bundle, task)
    tested = ", ".join(assessed) or "no task"
    print(f"{bundle}: {len(manifest['files'])} files as in the manifest; self-test agrees to 1e-6 in: {tested}")


def diff(a: Path, b: Path, out: Path) -> None:
    """Say how bundle B differs from bundle A: inputs, coefficients, calibration, performance, gates, versions."""
    from consilium.core.store import write_facts
    from consilium.learn.bundle import compare

    found = compare.difference(a, b)
    write_facts(out, found)
    print(compare.text(found))


def export(
    bundle: Path, task: str, out: Path, prune: float = 0.0, inputs: str = "", patients: str = "", folds: str = ""
) -> None:
    """Write a task's model as ONNX files into the folder OUT: whole, quantised, and pruned by the share PRUNE.

    inputs (cohort/learn/inputs.safetensors) and patients (a sheet with outcomes) of a cohort, best one that the model
    was not trained on: with them the loss of performance is measured and printed. folds: folder learn/TASK/train/true
    of a run with `learn.export_loss`: prints the loss on out-of-fold predictions.
    """
    from consilium.core.errors import InputError, Problem
    from consilium.learn.bundle import export as exporting

    if not 0 <= prune < 1:
        raise InputError(Problem("--prune", str(prune), "a share from 0 up to 1", "e.g. --prune 0.5"))
    print(exporting.text(exporting.write(bundle, task, prune, inputs, patients, folds, out)))
