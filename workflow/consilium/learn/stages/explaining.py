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


def strata(
    inputs: Path, task: str, tasks: list[Path], trained: Path, outer_folds: int, k_max: int, strata: Path, facts: Path
) -> None:
    """Cluster the patients by what the models say of them out of fold; say so where there are no stable groups.

    tasks: task.json of every task, whose outcomes are compared between strata; task: the one to cluster by.
    """
    from consilium.learn.strata import find

    own = next(t for t in tasks if t.parent.name == task)
    find.write(inputs, own, tasks, trained, outer_folds, k_max, strata, facts)
