"""Trained models as a folder, its use on another cohort, and what can be done to it by hand."""

from __future__ import annotations

from pathlib import Path


def reference(inputs: Path, folds: Path, task: Path, trained: Path, model: Path, outer_folds: int, out: Path) -> None:
    """What the training patients look like, without any of them: bins of features, embedding, expected performance.

    trained: folder of the outer folds' results, whose held-out patients give the embedding; model: the final model.
    """
    from consilium.learn.bundle import ship

    ship.write_reference(inputs, folds, task, trained, model, outer_folds, out)


def bundle(
    models: list[Path],
    tasks: list[Path],
    gates: list[Path],
    leaderboards: list[Path],
    references: list[Path],
    cohort: str,
    seed: int,
    out: Path,
) -> None:
    """Put the final models of all tasks into one folder that `apply` takes to another cohort. out: its manifest."""
    from consilium.learn.bundle import ship

    ship.write(models, tasks, gates, leaderboards, references, cohort, seed, out)


def apply(
    inputs: Path, bundle: Path, task: str, predictions: Path, leaderboard: Path, contributions: Path, gates: Path,
    drift: Path, alarms: Path,
) -> None:  # fmt: skip
    """Predict every patient with a bundle's model, whatever blocks the patient has, and compare the cohort with the
    training cohort. Fits nothing. drift: table by feature; alarms: drift.json."""
    from consilium.learn.bundle import predict

    outputs = {
        "predictions": predictions, "leaderboard": leaderboard, "contributions": contributions, "gates": gates,
        "drift": drift, "alarms": alarms,
    }  # fmt: skip
    predict.apply_bundle(inputs, bundle, task, outputs)


def recalibrate(inputs: Path, patients: Path, bundle: Path, cohort: str, seed: int, facts: Path, out: Path) -> None:
    """A new bundle with intercept, slope and conformal thresholds fitted to outcomes of this cohort; the old stays.

    facts: before and after, on patients that were not fitted on. out: the new bundle's manifest.
    """
    from consilium.learn.bundle import recalibrate as again

    again.write(inputs, patients, bundle, cohort, seed, facts, out)
