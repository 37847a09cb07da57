"""learn: features and outcomes -> folds, models, judged predictions, a bundle; or a bundle's predictions."""

from __future__ import annotations

from pathlib import Path


def gather(features: list[Path], patients: Path, out: Path) -> None:
    """Put the feature blocks of all rooms into one file, rows in the order of the patient sheet. Nothing is fitted."""
    from consilium.core.sheets import read_patients
    from consilium.learn import data

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
    inputs: Path, folds: Path, task: Path, labels: str, fold: int, inner_folds: int, network_seeds: int, epochs: int,
    cnn_min_patients: int, out: Path,
) -> None:  # fmt: skip
    """Fit everything without one outer fold and predict it. labels: true or permuted. network_seeds 0: no network."""
    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": labels, "fold": str(fold)})
    elif fold > start.fold.max():
        why = f"this outcome allows {start.fold.max() + 1} folds only"
        write_facts(out, {"status": "skipped", "reason": why, "labels": labels, "fold": str(fold)})
    else:
        plan = training.Plan(inner_folds, network_seeds, epochs, cnn_min_patients)
        write_facts(out, training.outer_fold(start, labels, fold, plan))


def final(
    inputs: Path, folds: Path, task: Path, inner_folds: int, network_seeds: int, epochs: int, cnn_min_patients: int,
    out: Path, model: Path,
) -> None:  # fmt: skip
    """Fit on every patient with an outcome, predict the others; the model as a zip of plain files."""
    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": "true", "fold": "apply"})
        prepare.write_model(model, None, None, {})
        return
    plan = training.Plan(inner_folds, network_seeds, epochs, cnn_min_patients)
    trained, result = training.final(start, plan)
    prepare.write_model(model, trained, start.cohort, {**vars(plan), "seed": start.seed})
    write_facts(out, result)


def evaluate(
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, outer_folds: int, permuted: int,
    predictions: Path, leaderboard: Path, contributions: Path, gates: Path, learning_curve: Path, control: Path,
) -> None:  # fmt: skip
    """Judge all models on held-out patients, run every guard. trained: folder of the folds; permuted: 1 = control."""
    from consilium.learn import judge

    outputs = {
        "predictions": predictions, "leaderboard": leaderboard, "contributions": contributions, "gates": gates,
        "learning_curve": learning_curve, "control": control,
    }  # fmt: skip
    judge.evaluate_stage(inputs, folds, task, trained, final, outer_folds, bool(permuted), outputs)


def bundle(
    models: list[Path],
    tasks: list[Path],
    gates: list[Path],
    leaderboards: list[Path],
    cohort: str,
    seed: int,
    out: Path,
) -> None:
    """Put the final models of all tasks into one folder that `apply` takes to another cohort. out: its manifest."""
    from consilium.learn import ship

    ship.write(models, tasks, gates, leaderboards, cohort, seed, out)


def apply(
    inputs: Path, bundle: Path, task: str, predictions: Path, leaderboard: Path, contributions: Path, gates: Path
) -> None:
    """Predict every patient with a bundle's model, whatever blocks the patient has. Fits nothing."""
    from consilium.learn import ship

    ship.apply_bundle(inputs, bundle, task, predictions, leaderboard, contributions, gates)
