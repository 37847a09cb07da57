"""Pictures of predicted lesions: image, expert's and predicted outline, uncertainty; for the patient and the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilium.imaging.volume import Mask, Volume

NDArray = np.ndarray
DPI = 100
WINDOW_HU = (-1000.0, 400.0)
FOUND, EXPERT = "#FFB000", "#35C8FF"  # told apart with colour-blind eyes too


@dataclass(frozen=True)
class Case:
    """title: in the picture. found, expert, entropy: on the image's voxels; expert: None without a mask."""

    title: str
    image: Volume
    found: Mask
    expert: Mask | None
    entropy: NDArray


def draw(file: Path, cases: Sequence[Case]) -> None:
    """PNG, one row a case, the axial slice with most of the lesion: image, outlines, uncertainty.

    The patient's left is on the left, as in the room's other pictures, anterior up. Same input, same bytes.
    """
    figure = _figure(max(len(cases), 1))
    for row, case in enumerate(cases):
        _row(figure, row, len(cases), case)
    _key(figure, any(c.expert is not None for c in cases))
    if not cases:
        figure.text(0.5, 0.5, "no prediction could be compared with an expert's mask", color="white", ha="center")
    figure.savefig(file, format="png", metadata={"Software": None})


def _figure(rows: int) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    return Figure(figsize=(7.2, 2.45 * rows + 0.3), dpi=DPI, facecolor="black")


def slice_of(case: Case) -> int:
    """Slice with most of the expert's lesion, else of the predicted one, else the middle."""
    for mask in (case.expert, case.found):
        if mask is not None and mask.any():
            return int(mask.sum(axis=(0, 1)).argmax())
    return int(case.image.voxels.shape[2] // 2)


def _row(figure: Any, row: int, rows: int, case: Case) -> None:
    at = slice_of(case)
    shown = np.nan_to_num(case.image.voxels)
    plane, aspect = shown[:, :, at].T, float(case.image.spacing[1] / case.image.spacing[0])
    low, high = WINDOW_HU if case.image.unit == "HU" else np.percentile(shown, [1, 99.7])
    height = 2.45 / (2.45 * rows + 0.3)
    for column in range(3):
        box = (column / 3 + 0.003, 1 - (row + 1) * height + 0.003, 1 / 3 - 0.006, height - 0.006)
        axes = figure.add_axes(box)
        axes.axis("off")
        if column < 2:
            axes.imshow(plane, origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=aspect)
        else:
            axes.imshow(case.entropy[:, :, at].T, origin="lower", cmap="magma", vmin=0, vmax=1, aspect=aspect)
        if column == 1:
            for mask, colour in ((case.expert, EXPERT), (case.found, FOUND)):
                if mask is not None and mask[:, :, at].any():
                    axes.contour(mask[:, :, at].T.astype(float), [0.5], colors=colour, linewidths=1.3)
        if column == 0:
            axes.text(0.02, 0.98, case.title, color="white", transform=axes.transAxes, fontsize=8, va="top")
        axes.text(0.02, 0.5, "L", color="white", transform=axes.transAxes, fontsize=7)


def _key(figure: Any, expert: bool) -> None:
    figure.text(0.34, 0.012, "predicted", color=FOUND, fontsize=8)
    if expert:
        figure.text(0.45, 0.012, "expert", color=EXPERT, fontsize=8)
    figure.text(0.675, 0.012, "uncertainty: entropy, 0 (black) to 1 bit", color="white", fontsize=8)
