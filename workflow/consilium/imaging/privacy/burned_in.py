"""Looks for letters burned into the pixels: rows of small bright pieces of one height, as a screen or film shows them.

Two signs. Flat: pieces of exactly one grey value, which nature and noise do not make, in one slice. Lasting: bright
pieces at the same place in slices far apart, so that blurred letters are found as well. Slices are looked at along all
three axes, since a header may not say in which planes an image was taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Mask, Voxels

SLICES = 9  # looked at along each axis, spread over the middle nine tenths
BRIGHT = 0.5  # of the way from background to brightest: letters are brighter
HEIGHT = (5, 48)  # pixels of a letter's height
MAX_WIDTH = 1.6  # of its height (W, @)
FILLED = (0.12, 0.9)  # share of its box that a letter fills
EVEN = 1.35  # tallest to lowest letter of a row
GAP = 1.2  # heights between letters of a word
LETTERS_FLAT, LETTERS_LASTING = 5, 4  # at least, in one row
MAX_PIECES = 4000  # more is noise
REASON = "text burned into the pixels: rows of letters"


def found(voxels: Voxels, kind: str) -> str:
    """Why an image (x, y, z[, time]) may show a name in its pixels, "" where nothing looks like letters.

    Masks are not looked at: they hold no picture.
    """
    if kind == "mask":
        return ""
    volume = voxels if voxels.ndim == 3 else voxels[..., 0]
    for axis in range(3):
        planes = _planes(volume, axis)
        if any(_has_row(mask, LETTERS_FLAT) for mask in map(_flat, planes)):
            return REASON
        if len(planes) >= 3 and _has_row(_lasting(planes), LETTERS_LASTING):
            return REASON
    return ""


def _planes(volume: Voxels, axis: int) -> list[Voxels]:
    n = volume.shape[axis]
    places = sorted({round(float(p)) for p in np.linspace(0.05 * (n - 1), 0.95 * (n - 1), SLICES)})
    # np.take would copy a whole volume in Fortran order for every plane
    return [np.nan_to_num(volume[(slice(None),) * axis + (p,)]) for p in places]


def _levels(plane: Voxels) -> tuple[float, float]:
    """(background, brightest) grey value."""
    return float(np.median(plane[_edge(plane.shape)])), float(plane.max())


def _edge(shape: tuple[int, ...]) -> Mask:
    """The outermost pixels of a plane: background, or the letters themselves but seldom half of it."""
    out = np.zeros(shape, dtype=bool)
    out[[0, -1], :], out[:, [0, -1]] = True, True
    return out


def _flat(plane: Voxels) -> Mask:
    """Pixels of the most frequent among the bright grey values."""
    background, brightest = _levels(plane)
    bright = plane[plane > background + BRIGHT * (brightest - background)]
    if brightest <= background or bright.size < 20:
        return np.zeros(plane.shape, dtype=bool)
    values, counts = np.unique(bright, return_counts=True)
    return np.asarray(plane == values[np.argmax(counts)])


def _lasting(planes: list[Voxels]) -> Mask:
    """Pixels that are bright, by each plane's own measure, in all planes but one."""
    count = np.zeros(planes[0].shape, dtype=int)
    for plane in planes:
        background, brightest = _levels(plane)
        count += plane > background + BRIGHT * max(brightest - background, 1e-6)
    return np.asarray(count >= len(planes) - 1)


def _has_row(mask: Mask, letters: int) -> bool:
    """Whether pieces of a letter's size stand in a row, along either axis."""
    from scipy import ndimage

    labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
    if not letters <= n <= MAX_PIECES:
        return False
    sizes = np.bincount(labels.ravel())[1:]
    boxes = [(b[0].start, b[0].stop, b[1].start, b[1].stop) for b in _boxes(labels)]
    pieces = np.array([(*box, size) for box, size in zip(boxes, sizes, strict=True)], dtype=float)
    return any(_row(line, letters) for line in (pieces, pieces[:, [2, 3, 0, 1, 4]]))


def _boxes(labels: NDArray) -> list[Any]:
    from scipy import ndimage

    return list(ndimage.find_objects(labels))


def _row(pieces: NDArray[np.float64], letters: int) -> bool:
    """pieces: (n, 5) start and end across, start and end along the row, number of pixels."""
    height, width = pieces[:, 1] - pieces[:, 0], pieces[:, 3] - pieces[:, 2]
    share = pieces[:, 4] / (height * width)
    like = (height >= HEIGHT[0]) & (height <= HEIGHT[1]) & (width <= MAX_WIDTH * height)
    like &= (share >= FILLED[0]) & ((share <= FILLED[1]) | (width <= height / 2))  # I, l and 1 fill their box
    rest = pieces[like]
    return any(len(word) >= letters for word in _words(rest[np.argsort(rest[:, 2])]))


def _words(pieces: NDArray[np.float64]) -> Iterator[list[NDArray[np.float64]]]:
    """Runs of pieces that stand next to each other on one line, from each piece on."""
    for i, first in enumerate(pieces):
        word = [first]
        for piece in pieces[i + 1 :]:
            tall, last = first[1] - first[0], word[-1]
            if piece[2] - last[3] > GAP * tall:
                break
            same = abs(piece[1] - first[1]) <= 0.25 * tall and _even(piece, first)
            if same and piece[2] >= last[3] - 1:
                word.append(piece)
        yield word


def _even(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    heights = sorted((a[1] - a[0], b[1] - b[0]))
    return bool(heights[1] <= EVEN * heights[0])
