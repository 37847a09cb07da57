"""Where in the patient a voxel lies, as more channels: what is normal in one place is a lesion in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

NDArray = np.ndarray
TISSUE = -1.0  # of the intensity scale: darker is air or fluid
LEAST = 0.05  # of the fullest slice's tissue: slices with less are above or below the patient
CHANNELS = 3


@dataclass(frozen=True)
class Extent:
    """Of a patient's tissue: first and last slice, mean row and column (pixels)."""

    first: int
    last: int
    row: float
    column: float

    def height(self, at: int) -> float:
        """Of a slice: -1 the first with tissue, 1 the last."""
        return 2 * (at - self.first) / max(self.last - self.first, 1) - 1

    def slice_at(self, height: float) -> float:
        return self.first + (height + 1) / 2 * max(self.last - self.first, 1)


def extent(stack: NDArray) -> Extent:
    """Of a (slice, row, column) stack; the whole stack where there is no tissue."""
    tissue = np.asarray(stack > TISSUE)
    if not tissue.any():
        tissue = np.ones(tissue.shape, dtype=bool)
    by_slice = tissue.sum((1, 2))
    filled = np.flatnonzero(by_slice >= LEAST * by_slice.max())
    rows, columns = (tissue.sum(axes, dtype=np.float64) for axes in ((0, 2), (0, 1)))
    row, column = (float((n * np.arange(len(n))).sum() / n.sum()) for n in (rows, columns))
    return Extent(int(filled[0]), int(filled[-1]), row, column)


def channels(of: Sequence[Extent], at: Sequence[int], size: int) -> torch.Tensor:
    """(n, CHANNELS, size, size) of n slices `at` of n patients, about -1 to 1.

    Height within the tissue; distance from its middle column, to either side; row from its middle: the latter two in
    quarters of the slice's width.
    """
    import torch

    quarter, pixels = size / 4, np.arange(size)
    columns, rows = (np.array([middle]).T for middle in ([o.column for o in of], [o.row for o in of]))
    out = np.empty((len(at), CHANNELS, size, size), dtype=np.float32)
    out[:, 0] = np.clip([o.height(i) for o, i in zip(of, at, strict=True)], -1.5, 1.5)[:, None, None]
    out[:, 1] = (np.abs(pixels - columns) / quarter - 1)[:, None, :]
    out[:, 2] = ((pixels - rows) / quarter)[:, :, None]
    return torch.from_numpy(out)
