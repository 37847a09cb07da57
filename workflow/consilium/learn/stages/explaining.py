"""Reasons for predictions, tested before they are printed; strata of the patients."""

from __future__ import annotations

from pathlib import Path


def explain(
    task: Path, trained: Path, final: Path, leaderboard: Path, outer_folds: int, explanations: Path, gates: Path
) -> None:
    """Judge the explanations of all folds by their gates; write those that passed, and why the others did not.

    trained: folder of the folds.
    """
    from consilium.learn.explain import verdict

    verdict.write(task, trained, final, leaderboard, outer_folds, explanations, gates)
