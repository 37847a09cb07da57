"""Carpet plot: every tissue's voxels as rows, volumes as columns, under the traces of motion and of change
(doi:10.1016/j.neuroimage.2016.08.009). What a person sees at once: drifts, spikes, bands at every breath."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE_INCH, DPI = (7.2, 3.4), 100
ROWS = {"grey matter": 220, "white matter": 90, "CSF": 50}  # at most, evenly taken
GREY = 2.0  # standard deviations from black to white, to either side


def rows_of(values: NDArray, places: NDArray[np.intp], most: int) -> NDArray[np.float64]:
    """(at most `most`, time) rows of (time, voxel) values: straight trend removed, in standard deviations."""
    taken = places[np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int))]
    rows = values[:, taken].astype(np.float64).T
    time = np.linspace(-1, 1, rows.shape[1])
    rows -= rows.mean(axis=1, keepdims=True)
    rows -= (rows @ time / (time @ time))[:, None] * time
    return np.asarray(rows / np.maximum(rows.std(axis=1, keepdims=True), 1e-12))


def draw(file: Path, values: NDArray, tissues: dict[str, NDArray[np.intp]], displacement: NDArray[np.float64],
         change: NDArray[np.float64], limit_mm: float) -> None:  # fmt: skip
    """The plot as WebP. values: (time, voxel); tissues: name -> voxels; displacement: FD in mm; change: standardised
    DVARS, one less than volumes; limit_mm: FD above which volumes are left out. Same input, same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCH, dpi=DPI, facecolor="white")
    volumes = np.arange(len(values))
    upper = figure.add_axes((0.13, 0.84, 0.85, 0.14))
    _trace(upper, volumes, displacement, "FD, mm", limit_mm)
    lower = figure.add_axes((0.13, 0.66, 0.85, 0.14))
    _trace(lower, volumes[1:], change, "DVARS", None)
    parts = [(name, rows_of(values, at, ROWS[name])) for name, at in tissues.items() if len(at)]
    axes = figure.add_axes((0.13, 0.12, 0.85, 0.5))
    carpet = np.vstack([rows for _, rows in parts])
    axes.imshow(carpet, aspect="auto", cmap="gray", vmin=-GREY, vmax=GREY, interpolation="nearest")
    top = 0
    for name, rows in parts:
        axes.text(-0.01, 1 - (top + len(rows) / 2) / len(carpet), name.replace(" ", "\n"), fontsize=7, ha="right",
                  va="center", transform=axes.transAxes)  # fmt: skip
        top += len(rows)
        axes.axhline(top - 0.5, color="tab:orange", linewidth=1)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.set_xlabel("volume", fontsize=7)
    figure.savefig(file, format="webp", pil_kwargs={"quality": 60})


def _trace(axes: object, volumes: NDArray, values: NDArray[np.float64], title: str, limit: float | None) -> None:
    axes.plot(volumes, values, color="black", linewidth=0.8)  # type: ignore[attr-defined]
    if limit is not None:
        axes.axhline(limit, color="tab:red", linewidth=0.8)  # type: ignore[attr-defined]
    axes.set_xlim(-0.5, volumes[-1] + 0.5)  # type: ignore[attr-defined]
    axes.set_ylim(0, None)  # type: ignore[attr-defined]
    axes.set_ylabel(title, fontsize=7, rotation=0, ha="right", va="center")  # type: ignore[attr-defined]
    axes.tick_params(labelsize=7, labelbottom=False)  # type: ignore[attr-defined]
