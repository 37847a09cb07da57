"""Rows of table `explanations`: the pieces that say most of each patient, and the windows of a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.learn.explain.pieces import Pieces
from consilium.learn.fusion.model import Trained

Array = np.ndarray
TOP = 6  # pieces a patient and modality


def targets(trained: Trained, wanted: Array) -> list[str]:
    if trained.kind == "classification":
        return [trained.classes[k] for k in wanted]
    return ["risk" if trained.kind == "survival" else "value"] * len(wanted)


def top(
    patients: Sequence[str], wanted: Sequence[str], modality: str, explainer: str, found: Pieces, contribution: Array
) -> list[dict[str, Any]]:
    """The TOP pieces of each patient by size of contribution (row, piece); pieces that say nothing are left out."""
    out = []
    for i, patient in enumerate(patients):
        order = np.lexsort((np.arange(contribution.shape[1]), -np.abs(np.round(contribution[i], 12))))[:TOP]
        kept = [j for j in order if abs(contribution[i, j]) > 1e-9]
        out += [
            {"patient": patient, "target": wanted[i], "modality": modality, "explainer": explainer, "kind": found.kind,
             "feature": found.names[j], "value": float(found.values[i, j]), "unit": found.units[j],
             "percentile": float(found.percentile[i, j]), "contribution": float(contribution[i, j]), "rank": r + 1}
            for r, j in enumerate(kept)
        ]  # fmt: skip
    return out


def hidden(
    patients: Sequence[str], wanted: Sequence[str], modality: str, explainer: str,
    found: list[tuple[str, Array, Array]], scale: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a patient and window in which the patient has values; value: their number."""
    out = []
    for i, patient in enumerate(patients):
        mine = [(name, float(scale * change[i]), float(count[i])) for name, change, count in found if count[i]]
        mine.sort(key=lambda m: (-abs(m[1]), m[0]))
        out += [
            {"patient": patient, "target": wanted[i], "modality": modality, "explainer": explainer, "kind": "window",
             "feature": name, "value": count, "unit": "values", "percentile": float("nan"), "contribution": change,
             "rank": r + 1}
            for r, (name, change, count) in enumerate(mine)
        ]  # fmt: skip
    return out
