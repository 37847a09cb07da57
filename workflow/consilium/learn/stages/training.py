"""Training: features and outcomes -> folds, fitted models, judged predictions."""

from __future__ import annotations

from pathlib import Path


def gather(features: list[Path], patients: Path, out: Path) -> None:
    """Put the feature blocks of all rooms into one file, rows in the order of the patient sheet. Nothing is fitted."""
    from consilium.core.sheets import read_patients
    from consilium.learn.cohort import data

    data.save(out, data.gathered(features, read_patients(patients)))


def folds(
    inputs: Path, patients: Path, kinship: str, name: str, kind: str, outcome: str, time: str, event: str, blocks: str,
    outer_folds: int, seed: int, folds: Path, task: Path,
) -> None:  # fmt: skip
    """Group relatives and duplicates, deal the groups into outer folds; write the folds and the task's outcome.

    kinship: table of related pairs, or "" without genomes. blocks: room/block names joined by commas, or "" for all.
    """
    from consilium.learn import prepare

    columns = {"outcome": outcome, "time": time, "event": event}
    wanted = [b for b in blocks.split(",") if b]
    prepare.folds(inputs, patients, kinship, name, kind, columns, wanted, outer_folds, seed, folds, task)


def train(
    inputs: Path, folds: Path, task: Path, labels: str, fold: int, settings: str, out: Path, ablation: str = ""
) -> None:  # fmt: skip
    """Fit everything without one outer fold and predict it. labels: true or permuted.

    settings: section `learn` as JSON. ablation: with augmentation `auto`, the verdict among these training patients.
    """
    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training
    from consilium.learn.settings import Plan

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": labels, "fold": str(fold)})
    elif fold > start.fold.max():
        why = f"this outcome allows {start.fold.max() + 1} folds only"
        write_facts(out, {"status": "skipped", "reason": why, "labels": labels, "fold": str(fold)})
    else:
        plan = Plan.from_json(settings).decided(ablation)
        write_facts(out, training.outer_fold(start, labels, fold, plan))


def final(
    inputs: Path, folds: Path, task: Path, settings: str, out: Path, model: Path, ablation: str = ""
) -> None:  # fmt: skip
    """Fit on every patient with an outcome, predict the others; the model as a zip of plain files."""
    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training
    from consilium.learn.settings import Plan

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": "true", "fold": "apply"})
        prepare.write_model(model, None, None, {})
        return
    plan = Plan.from_json(settings).decided(ablation)
    trained, result = training.final(start, plan)
    prepare.write_model(model, trained, start.cohort, {**vars(plan), "seed": start.seed})
    write_facts(out, result)


def evaluate(
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, outer_folds: int, permuted: int,
    predictions: Path, leaderboard: Path, contributions: Path, gates: Path, learning_curve: Path, control: Path,
) -> None:  # fmt: skip
    """Judge all models on held-out patients, run every guard. trained: folder of the folds; permuted: 1 = control."""
    from consilium.learn.judge import results

    outputs = {
        "predictions": predictions, "leaderboard": leaderboard, "contributions": contributions, "gates": gates,
        "learning_curve": learning_curve, "control": control,
    }  # fmt: skip
    results.evaluate_stage(inputs, folds, task, trained, final, outer_folds, bool(permuted), outputs)
