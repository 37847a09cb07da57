"""Trained models as a folder, and its use on another cohort."""

from __future__ import annotations

from pathlib import Path


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
    from consilium.learn.bundle import ship

    ship.write(models, tasks, gates, leaderboards, cohort, seed, out)


def apply(
    inputs: Path, bundle: Path, task: str, predictions: Path, leaderboard: Path, contributions: Path, gates: Path
) -> None:
    """Predict every patient with a bundle's model, whatever blocks the patient has. Fits nothing."""
    from consilium.learn.bundle import ship

    ship.apply_bundle(inputs, bundle, task, predictions, leaderboard, contributions, gates)
