"""A picture of three slices with an overlay: what a person looks at to see whether an image was understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Affine, Voxels, voxel_size

SIZE_INCH, DPI = (7.2, 2.6), 100


def draw(file: Path, voxels: Voxels, affine: Affine, overlay: NDArray | None = None,
         window: tuple[float, float] | None = None, centre: tuple[int, int, int] | None = None) -> None:  # fmt: skip
    """Sagittal, coronal and axial slice of a RAS volume as PNG; `overlay`: labels, tinted and outlined (0 = none).

    window: grey values for black and white; default 1st to 99.5th percentile. Same input, same bytes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    low, high = window or (float(np.percentile(voxels, 1)), float(np.percentile(voxels, 99.5)))
    at = centre or _centre(voxels, overlay)
    size = voxel_size(affine)
    figure = Figure(figsize=SIZE_INCH, dpi=DPI, facecolor="black")
    for k in range(3):
        axes = figure.add_axes((k / 3, 0.02, 1 / 3, 0.96))
        rest = [a for a in range(3) if a != k]
        aspect = size[rest[1]] / size[rest[0]]
        plane = np.take(voxels, at[k], axis=k).T
        axes.imshow(plane, origin="lower", cmap="gray", vmin=low, vmax=high if high > low else low + 1, aspect=aspect)
        if overlay is not None:
            _tint(axes, np.take(overlay, at[k], axis=k).T, aspect)
        axes.axis("off")
        if k:
            axes.text(0.01, 0.5, "L", color="white", transform=axes.transAxes, fontsize=8)
    figure.savefig(file, metadata={"Software": None})


def _centre(voxels: Voxels, overlay: NDArray | None) -> tuple[int, int, int]:
    """Middle of the overlay, else of the image's bright part."""
    what = overlay > 0 if overlay is not None and (overlay > 0).any() else voxels > np.percentile(voxels, 60)
    where = np.argwhere(what) if what.any() else np.array([np.array(voxels.shape) // 2])
    x, y, z = (round(float(v)) for v in where.mean(axis=0))
    return x, y, z


def _tint(axes: object, labels: NDArray, aspect: float) -> None:
    """Colours by label, stronger at the borders between labels."""
    from matplotlib import colormaps

    shown = labels > 0
    if not shown.any():
        return
    colours = colormaps["tab20"](labels.astype(int) % 20)
    edge = np.zeros(labels.shape, dtype=bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    colours[..., 3] = np.where(shown | edge, np.where(edge, 0.75, 0.22), 0)
    colours[..., 3] *= shown
    axes.imshow(colours, origin="lower", aspect=aspect, interpolation="nearest")  # type: ignore[attr-defined]
