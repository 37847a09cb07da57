"""Made training rows: whether they help, and synthetic patients to hand on."""

from __future__ import annotations

from pathlib import Path


def augment(
    inputs: Path, folds: Path, task: Path, ancestry: str, part: str, settings: str, facts: Path, table: Path,
    draws: Path,
) -> None:  # fmt: skip
    """Judge noise, mixup and a GAN against no augmentation on repeated halves.

    ancestry: table of ancestries, or "" without genomes. part: all, or the outer fold whose patients are left out.
    settings: section `learn` as JSON.
    """
    from consilium.learn.augment import files
    from consilium.learn.augment.settings import Ablation

    files.ablate(inputs, folds, task, ancestry, part, Ablation.from_json(settings), facts, table, draws)


def synthesise(inputs: Path, folds: Path, task: Path, number: int, facts: Path, table: Path) -> None:
    """Write `number` synthetic patients of the table blocks, unless the privacy check refuses them."""
    from consilium.learn.augment import files

    files.synthesise(inputs, folds, task, number, facts, table)
