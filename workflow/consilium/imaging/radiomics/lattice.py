"""A region's grey levels as flat lists, so that neighbours are one lookup for all voxels and directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics.prepare import spots
from consilium.imaging.volume import Mask

# One of each pair of opposite directions at Chebyshev distance 1: 13 in space, 4 within a slice.
IN_SPACE = tuple(d for d in product((-1, 0, 1), repeat=3) if d > (0, 0, 0))
IN_SLICE = tuple(d for d in IN_SPACE if d[2] == 0)


@dataclass(frozen=True)
class Lattice:
    """The region's voxels in C order. padded: levels (0 outside the region), one voxel of margin, flattened.
    place: index of each voxel in `padded`. level: from 1 to ng. slice_of: number of the slice (along z) among those
    that hold voxels. offsets: (direction) step in `padded`. flat: neighbours are sought within slices only."""

    padded: NDArray[np.int32]
    place: NDArray[np.int32]
    level: NDArray[np.int32]
    slice_of: NDArray[np.int64]
    offsets: NDArray[np.int32]
    ng: int
    flat: bool

    @property
    def n_slices(self) -> int:
        return int(self.slice_of.max()) + 1

    @cached_property
    def ahead(self) -> NDArray[np.int32]:
        """(direction, voxel) level of the neighbour, 0 outside the region."""
        return self.padded[self.place + self.offsets[:, None]]

    @cached_property
    def behind(self) -> NDArray[np.int32]:
        """(direction, voxel) level of the neighbour on the other side, 0 outside the region."""
        return self.padded[self.place - self.offsets[:, None]]

    @cached_property
    def same_ahead(self) -> NDArray[np.bool_]:
        return np.asarray(self.ahead == self.level)

    @cached_property
    def same_behind(self) -> NDArray[np.bool_]:
        return np.asarray(self.behind == self.level)


def lattice(mask: Mask, levels: NDArray[np.int64], ng: int, flat: bool) -> Lattice:
    """mask: (x, y, z) intensity mask. levels: one a voxel of the mask, in C order."""
    found = spots(mask)
    found = found - found.min(axis=0) + 1
    size = found.max(axis=0) + 2
    strides = np.array([size[1] * size[2], size[2], 1])
    place = (found @ strides).astype(np.int32)
    padded = np.zeros(int(size.prod()), dtype=np.int32)
    padded[place] = levels
    held = np.zeros(int(size[2]), dtype=np.int64)
    held[found[:, 2]] = 1
    slice_of = (np.cumsum(held) - 1)[found[:, 2]]
    directions = np.array(IN_SLICE if flat else IN_SPACE)
    return Lattice(padded, place, levels.astype(np.int32), slice_of, (directions @ strides).astype(np.int32), ng, flat)
