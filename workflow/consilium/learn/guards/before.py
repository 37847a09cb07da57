"""The guards that need no model: asked before anything is fitted, so that a stopped task costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.core.sheets import Patient, Sample
from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.folds import Link
from consilium.learn.cohort.tasks import Target
from consilium.learn.guards import dates, features, identifiers, sides
from consilium.learn.guards.record import Gate, Guards

Array = np.ndarray


def gates(
    cohort: Cohort, target: Target, group: Sequence[str], folds: Sequence[Array], joined: Sequence[Link],
    patients: Sequence[Patient], samples: Sequence[Sample], guards: Guards,
) -> list[Gate]:  # fmt: skip
    """cohort: of the task's blocks; folds: one array a repeat, -1 = without outcome."""
    rows = np.flatnonzero(folds[0] >= 0)
    split = [sides.no_group_split(list(cohort.patients), list(group), fold) for fold in folds]
    known = {cohort.patients[i]: _outcome(target, int(i)) for i in rows}
    return guards.judged([
        next((g for g in split if g["verdict"] == "fail"), split[0]),
        sides.copies(joined, known),
        dates.after_index(patients, samples, sorted({b.name.split("/")[0] for b in cohort.blocks})),
        features.single_features(cohort, target, rows, guards.allow),
        features.gaps(cohort, target, rows, guards.allow),
        features.site(cohort, target, rows),
        identifiers.identifiers(cohort, guards.allow),
    ])  # fmt: skip


def _outcome(target: Target, i: int) -> tuple[Any, ...]:
    return (target.time[i], target.event[i]) if target.kind == "survival" else (target.y[i],)
