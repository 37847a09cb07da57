"""Runs, zones, distances of zones, tone differences and dependences of a lattice of grey levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from consilium.imaging.radiomics.lattice import Lattice
from consilium.imaging.radiomics.prepare import Reals
from consilium.imaging.volume import Mask

Whole = NDArray[np.integer]


def runs(grid: Lattice) -> tuple[Whole, Whole, Whole, Whole]:
    """(slice, direction, level, length) of every run of equal levels (IBSI 3.7, TP0I)."""
    goes_on = grid.same_ahead.ravel()
    starts = ~grid.same_behind
    first = np.flatnonzero(starts)
    n_dirs, n = starts.shape
    direction = np.repeat(np.arange(n_dirs), np.count_nonzero(starts, axis=1))
    voxel = first - direction * n
    length = np.ones(len(first), dtype=np.int64)
    growing = np.flatnonzero(goes_on[first])
    level, step = grid.level[voxel[growing]], grid.offsets[direction[growing]]
    place = grid.place[voxel[growing]] + step
    while growing.size:
        # All runs of all directions grow by one voxel at a time: as many rounds as the longest run is long.
        length[growing] += 1
        place = place + step
        alive = grid.padded[place] == level
        growing, place, step, level = growing[alive], place[alive], step[alive], level[alive]
    return grid.slice_of[voxel], direction, grid.level[voxel], length


def zones(grid: Lattice) -> tuple[Whole, Whole, Whole, Whole]:
    """(slice, level, size) of every connected zone of equal levels, and the zone of each voxel (IBSI 3.8, 9SAK)."""
    n = len(grid.level)
    own = np.zeros(len(grid.padded), dtype=np.int32)
    own[grid.place] = np.arange(n)
    each = np.count_nonzero(grid.same_ahead, axis=0)
    voxel = np.repeat(np.arange(n), each)
    direction = np.flatnonzero(grid.same_ahead.T) - voxel * len(grid.offsets)
    other = own[grid.place[voxel] + grid.offsets[direction]]
    # Row by row and as doubles, so that scipy takes them as they are.
    links = sparse.csr_array((np.ones(len(voxel)), other, np.concatenate([[0], each.cumsum()])), shape=(n, n))
    count, zone = sparse.csgraph.connected_components(links, directed=False)
    level, slice_of = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    level[zone], slice_of[zone] = grid.level, grid.slice_of
    return slice_of, level, np.bincount(zone, minlength=count), zone


def least(depth: Whole, zone: Whole) -> Whole:
    """Least depth of each zone (IBSI 3.9, VMDZ)."""
    out = np.full(int(zone.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(out, zone, depth)
    return out


def depths(shape: Mask, inside: Mask, flat: bool) -> Whole:
    """City-block distance to the region's border of every voxel of `inside`, from 1; within slices where `flat`.

    shape: the mask before resegmentation, which is what has a border (IBSI 3.9). The border of the image is one too.
    """
    cross = ndimage.generate_binary_structure(3, 1)
    if flat:
        cross[:, :, (0, 2)] = False
    padded = np.pad(shape, 1)
    far = ndimage.distance_transform_cdt(padded, metric=cross)[1:-1, 1:-1, 1:-1]
    return np.asarray(far[inside], dtype=np.int64)


def tones(grid: Lattice) -> tuple[Reals, Reals]:
    """(slice, level) voxels with neighbours and summed difference to their neighbours' mean (IBSI 3.10, IPET)."""
    total, near = np.zeros(len(grid.level)), np.zeros(len(grid.level))
    for levels in (grid.ahead, grid.behind):
        total += levels.sum(axis=0)
        near += np.count_nonzero(levels, axis=0)
    has = near > 0
    apart = np.abs(grid.level[has] - total[has] / near[has])
    n_slices = grid.n_slices if grid.flat else 1
    key = grid.level[has] + (grid.slice_of[has] * (grid.ng + 1) if grid.flat else 0)
    size = n_slices * (grid.ng + 1)
    count = np.bincount(key, minlength=size).reshape(n_slices, -1)[:, 1:].astype(np.float64)
    return count, np.bincount(key, weights=apart, minlength=size).reshape(n_slices, -1)[:, 1:].astype(np.float64)


def tone_features(count: Reals, apart: Reals) -> dict[str, Reals]:
    """Neighbourhood grey tone difference features of each matrix (matrix, level); NaN where undefined: no voxel with
    neighbours, one level alone (contrast, busyness, strength), or no difference at all (coarseness)."""
    rows = [
        _tone_row(n[n > 0], s[n > 0], np.flatnonzero(n).astype(np.float64) + 1)
        for n, s in zip(count, apart, strict=True)
    ]
    names = ("coarseness", "contrast", "busyness", "complexity", "strength")
    return dict(zip(names, np.array(rows).T, strict=True))


def _tone_row(n: Reals, s: Reals, level: Reals) -> tuple[float, ...]:
    if not n.size:
        return (float("nan"),) * 5
    total = n.sum()
    p = n / total
    weighted = float(p @ s)
    apart = np.abs(level[:, None] - level)
    several = len(n) > 1
    spread = float(np.abs(level[:, None] * p[:, None] - level * p).sum())
    both = p[:, None] + p
    contrast = float(p @ apart**2 @ p) / (len(n) * (len(n) - 1)) * float(s.sum()) / total if several else np.nan
    complexity = float((apart * (p * s + (p * s)[:, None]) / both).sum()) / total
    return (
        1 / weighted if weighted > 0 else np.nan,
        contrast,
        weighted / spread if several and spread > 0 else np.nan,
        complexity,
        float((both * apart**2).sum()) / float(s.sum()) if several and s.sum() > 0 else np.nan,
    )


def dependences(grid: Lattice) -> Whole:
    """Number of neighbours of the same level, plus one, of every voxel (IBSI 3.11, REK0; coarseness 0)."""
    same = np.count_nonzero(grid.same_ahead, axis=0) + np.count_nonzero(grid.same_behind, axis=0)
    return np.asarray(1 + same, dtype=np.int64)
