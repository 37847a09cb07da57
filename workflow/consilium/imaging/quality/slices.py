"""Slices of a volume that are blank, repeated, out of order or of another brightness; one pure function each.

Voxels are (x, y, z) without NaN; each measure looks along all three axes, since a header may name them wrongly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Voxels


def _planes(voxels: Voxels, axis: int) -> NDArray[np.float32]:
    """(slice, voxel) at most about 4000 voxels a slice, evenly taken: enough to compare slices."""
    planes = np.moveaxis(voxels, axis, 0)
    step = max(1, int(np.sqrt(planes[0].size / 4000)))
    return np.ascontiguousarray(planes[:, ::step, ::step]).reshape(planes.shape[0], -1).astype(np.float32)


def _filled(planes: NDArray) -> tuple[int, int]:
    """(first, last + 1) slice that varies."""
    varying = np.flatnonzero(planes.max(axis=1) > planes.min(axis=1))
    return (int(varying[0]), int(varying[-1]) + 1) if varying.size else (0, 0)


def blank(voxels: Voxels) -> float:
    """Number of constant slices between slices with content (a twentieth of the richest slice's voxels above its
    lowest value), along the worst axis; lower is better."""
    worst = 0
    for axis in range(3):
        planes = np.moveaxis(voxels, axis, 0).reshape(voxels.shape[axis], -1)
        filled = (planes > planes.min(axis=1, keepdims=True)).sum(axis=1)
        rich = np.flatnonzero(filled > 0.05 * filled.max())
        if rich.size:
            worst = max(worst, int((filled[rich[0] : rich[-1]] == 0).sum()))
    return float(worst)


def repeated(voxels: Voxels) -> float:
    """Number of slices equal to the one before them and not constant, along the worst axis; lower is better."""
    worst = 0
    for axis in range(3):
        planes = np.moveaxis(voxels, axis, 0)
        varying = planes.reshape(len(planes), -1).max(axis=1) > planes.reshape(len(planes), -1).min(axis=1)
        same = [varying[i] and bool(np.array_equal(planes[i], planes[i - 1])) for i in range(1, len(planes))]
        worst = max(worst, sum(same))
    return float(worst)


def disorder(voxels: Voxels) -> float:
    """Share of slices that are more like the second next slice than the next, along the worst axis, 0..1; lower is
    better: slices in wrong order give a third or more."""
    shares = []
    for axis in range(3):
        planes = _planes(voxels, axis)
        first, last = _filled(planes)
        planes = planes[first:last]
        if len(planes) < 8:
            continue
        one = np.abs(np.diff(planes, axis=0)).mean(axis=1)
        two = np.abs(planes[2:] - planes[:-2]).mean(axis=1)
        shares.append(float((one[:-1] > two).mean()))
    return max(shares) if shares else float("nan")


def stripe(voxels: Voxels) -> float:
    """Largest departure of a slice's brightness from that of its two neighbours, along the worst axis, as a natural
    logarithm; lower is better: a slice with lost or doubled signal.

    Median ratio over voxels that are bright (above the image's mean) in both neighbours, in slices with at least a
    third as many of them as the richest has, and 50. Values count from the image's lowest.
    """
    found = []
    voxels = voxels - voxels.min()
    level = float(voxels.mean(dtype=np.float64))
    for axis in range(3):
        planes = _planes(voxels, axis)
        lit = planes > level
        both = [lit[i - 1] & lit[i + 1] for i in range(1, len(planes) - 1)]
        least = max([50.0, *(b.sum() / 3 for b in both)])
        for i, some in enumerate(both, start=1):
            if some.sum() >= least:
                middle = np.median(2 * planes[i][some] / (planes[i - 1][some] + planes[i + 1][some]))
                found.append(abs(float(np.log(max(middle, 1e-3)))))
    return max(found) if found else float("nan")
