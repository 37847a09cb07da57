"""Which patients train, which tune and which are judged. Groups (families) are never parted in folds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TUNE_SHARE = 0.12


def order(groups: Mapping[str, str], seed: int, purpose: str) -> list[str]:
    """Groups in an order that depends on their names, the seed and the purpose only."""
    return sorted(set(groups.values()), key=lambda g: hashlib.sha256(f"{seed}|{purpose}|{g}".encode()).hexdigest())


def assign(groups: Mapping[str, str], folds: int, seed: int) -> dict[str, int]:
    """Patient -> fold; groups are dealt out in turn, largest first, to the fold with the fewest patients."""
    sizes = {g: sum(of == g for of in groups.values()) for g in set(groups.values())}
    dealt = sorted(order(groups, seed, "fold"), key=lambda g: -sizes[g])
    filled = [0] * folds
    fold_of = {}
    for group in dealt:
        fold = filled.index(min(filled))
        fold_of[group] = fold
        filled[fold] += sizes[group]
    return {patient: fold_of[group] for patient, group in groups.items()}


def tuning(groups: Mapping[str, str], seed: int, part: str, member: int = 0) -> tuple[list[str], list[str]]:
    """(training, tuning) patients of one network among those that a part does not judge.

    Tuning patients choose threshold and clean-up; the network does not learn from them. Each member of a part has its
    own, as long as there are any that no member before has had: what one network does not learn from, the others do.
    """
    wanted = max(1, round(TUNE_SHARE * len(groups)))
    queue = order(groups, seed, f"tune {part}")
    chosen: list[str] = []
    for _ in range(member + 1):
        chosen = _taken(queue, groups, wanted)
        had = {groups[p] for p in chosen}
        queue = [g for g in queue if g not in had] + [g for g in queue if g in had]
    return sorted(p for p in groups if p not in chosen), sorted(chosen)


def _taken(queue: list[str], groups: Mapping[str, str], wanted: int) -> list[str]:
    """Patients of the first whole groups of a queue, at most `wanted`; a group that is too large is passed over."""
    chosen: list[str] = []
    for group in queue:
        patients = [p for p, g in groups.items() if g == group]
        if len(chosen) + len(patients) <= wanted:
            chosen += patients
    return chosen
