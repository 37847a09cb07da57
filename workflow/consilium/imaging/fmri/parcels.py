"""Mean signal of every label of a parcellation: sorted once, summed by segments; values as NiftiLabelsMasker's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.frames import FileFrames, Frames


class LabelMeans:
    """Means over the voxels of each label. labels: (voxel,) integers, 0 = none; n: number of labels."""

    def __init__(self, labels: NDArray, n: int) -> None:
        inside = np.flatnonzero(labels)
        self.order = inside[np.argsort(labels[inside], kind="stable")]
        found = labels[self.order]
        self.starts = np.flatnonzero(np.diff(found, prepend=0))
        self.which = found[self.starts] - 1
        self.size = np.bincount(found, minlength=n + 1)[1:]
        self.n = n

    def of(self, rows: NDArray) -> NDArray[np.float64]:
        """(time, label) means of (time, voxel) values, summed in double precision; NaN for a label without voxels."""
        out = np.full((len(rows), self.n), np.nan)
        if len(self.order):
            for t, row in enumerate(rows):
                sums = np.add.reduceat(row[self.order], self.starts, dtype=np.float64)
                out[t, self.which] = sums / self.size[self.which]
        return out


def series(frames: Frames, labels: NDArray, n: int) -> NDArray[np.float64]:
    """(time, label) mean of every label in every volume of a run. labels: (x, y, z) on the run's grid, 0 = none.

    Voxels that are not finite count as 0, as nilearn has them. A file is summed as it is stored and scaled afterwards.
    """
    if not isinstance(frames, FileFrames):
        means = LabelMeans(labels.ravel(), n)
        return np.concatenate([means.of(np.nan_to_num(v).reshape(1, -1)) for v in frames])
    means = LabelMeans(frames.stored_order(labels), n)
    found = [means.of(_finite(block)) for block in frames.blocks()]
    return np.concatenate(found) * frames.layout.slope + frames.layout.inter


def _finite(block: NDArray) -> NDArray:
    return np.nan_to_num(block, posinf=0, neginf=0) if block.dtype.kind == "f" else block
