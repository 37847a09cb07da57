"""One small strip of pictures per brain image: what each step did, on the template's 2 mm grid and without the face.

Only the brain and a rim of RIM_MM around it are drawn, so no strip can show a face. Same input, same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.anatomy import Anatomy
from consilium.imaging.brain.atlas import GRID_MM, template
from consilium.imaging.volume import Mask, Voxels

NAME = "preview.webp"
MIDDLE = (36, 57, 29)  # voxel of the template near the hippocampus: what atrophy is looked for in
RIM_MM = 6.0
SCALE = 2  # picture points per voxel
QUALITY = 75
HEADLINE = 16  # points above each panel
TISSUES = ((60, 110, 220), (225, 120, 50), (240, 235, 215))  # CSF, grey, white matter
LINE = (255, 210, 0)
Picture = NDArray[np.uint8]


def steps(file: Path, found: Anatomy) -> None:
    """Strip of a T1, T2 or FLAIR image: bias before and after, brain, tissues, the template's outline, regions."""
    brain = found.maps.brain
    near = ndimage.binary_dilation(brain, iterations=round(RIM_MM / GRID_MM))
    before, after = (_grey(v * near, brain) for v in (found.moved, found.corrected))
    own = found.tissue
    classes = np.stack([own.csf, own.gm, own.wm], axis=-1) @ np.array(TISSUES)
    white = template().wm > 0.5 if found.field is None else found.maps.wm > 0.5
    _write(file, [
        ("as supplied", before, None, None),
        ("bias corrected, brain", after, brain, None),
        ("tissues", np.where(brain[..., None], classes, 0).astype(np.uint8), None, None),
        ("template's white matter", after, white, None),
        ("regions", after, None, np.where(found.maps.gm > 0.5, found.regions.labels, 0)),
    ])  # fmt: skip


def registered(file: Path, moved: Voxels) -> None:
    """Strip of a registered PET: uptake, and the template's outlines on it."""
    brain = template().brain
    shown = _grey(moved * ndimage.binary_dilation(brain, iterations=round(RIM_MM / GRID_MM)), brain)
    _write(file, [("uptake", shown, None, None), ("template's brain", shown, brain, None),
                  ("template's grey matter", shown, template().gm > 0.5, None)])  # fmt: skip


def _grey(voxels: Voxels, brain: Mask) -> Picture:
    """(x, y, z, 3): black is 0, white the 99.5th percentile within the brain."""
    high = float(np.percentile(voxels[brain], 99.5))
    level = np.clip(voxels / max(high, 1e-9), 0, 1) * 255
    return np.repeat(level.astype(np.uint8)[..., None], 3, axis=-1)


def _write(file: Path, panels: list[tuple[str, Picture, Mask | None, NDArray | None]]) -> None:
    """Axial above coronal slice of every panel, side by side, as WebP."""
    from PIL import Image, ImageDraw

    columns = [np.vstack([_slice(axis, *panel[1:]) for axis in (2, 1)]) for panel in panels]
    strip = np.hstack(columns)
    canvas = Image.new("RGB", (strip.shape[1], strip.shape[0] + HEADLINE))
    canvas.paste(Image.fromarray(strip), (0, HEADLINE))
    pen = ImageDraw.Draw(canvas)
    for k, (name, *_) in enumerate(panels):
        pen.text((4 + k * columns[0].shape[1], 1), name, fill=(230, 230, 230))
    pen.text((2, HEADLINE + columns[0].shape[0] // 4), "L", fill=(230, 230, 230))
    canvas.save(file, "WEBP", quality=QUALITY, method=4)


def _slice(axis: int, voxels: Picture, outline: Mask | None, labels: NDArray | None) -> Picture:
    """One slice as a picture, left on the left, front or top upwards."""
    plane = _enlarged(np.take(voxels, MIDDLE[axis], axis=axis))
    if labels is not None:
        plane = _coloured(plane, _enlarged(np.take(labels, MIDDLE[axis], axis=axis)))
    if outline is not None:
        inside = _enlarged(np.take(outline, MIDDLE[axis], axis=axis))
        plane = np.where((inside & ~ndimage.binary_erosion(inside))[..., None], np.array(LINE, dtype=np.uint8), plane)
    return np.ascontiguousarray(np.swapaxes(plane, 0, 1)[::-1])


def _enlarged(plane: NDArray) -> NDArray:
    return plane.repeat(SCALE, axis=0).repeat(SCALE, axis=1)


def _coloured(plane: Picture, labels: NDArray) -> Picture:
    """Labels as a light tint, each number its own colour."""
    turn = (labels[..., None] * np.array([0.618, 0.382, 0.236])) % 1
    tint = 70 + 185 * turn
    return np.where(labels[..., None] > 0, 0.6 * plane + 0.4 * tint, plane).astype(np.uint8)
