"""Mesh of a mask by marching cubes at the half level: volume, area and corners, without building the mesh.

A binary mask has 256 kinds of cubes; what each adds to volume and area is known beforehand, so that a region is
measured by counting kinds (Lorensen and Cline 1987, doi:10.1145/37401.37422). Where the surface through a face can be
drawn in two ways, the two inside corners are kept apart, which leaves no holes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics.prepare import Reals
from consilium.imaging.volume import Mask

CORNERS = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)], dtype=np.float64)
# Corners of the six faces, anticlockwise as seen from outside the cube.
FACES = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
MOST = 5  # triangles that a cube can hold


def _loops(kind: int) -> list[list[tuple[int, int]]]:
    """Closed polygons of a cube: cut edges (as pairs of corners) in order, seen anticlockwise from outside the body."""
    follows = {}
    for face in FACES:
        for i, corner in enumerate(face):
            if not kind >> corner & 1 or kind >> face[i - 1] & 1:
                continue
            # A row of inside corners starts here; the surface cuts the edge before it and the edge after it.
            j = i
            while kind >> face[(j + 1) % 4] & 1:
                j += 1
            before = (min(face[i - 1], corner), max(face[i - 1], corner))
            after = (min(face[j % 4], face[(j + 1) % 4]), max(face[j % 4], face[(j + 1) % 4]))
            follows[before] = after
    loops = []
    while follows:
        here = min(follows)
        loop = []
        while here in follows:
            loop.append(here)
            here = follows.pop(here)
        loops.append(loop)
    return loops


def _fan(points: Reals) -> Reals:
    """(triangle, corner, axis): the polygon as a fan from the corner that gives the largest area.

    Polygons of more than four corners are not flat, so the choice matters; this one gives the volumes and areas of the
    usual tables, on which the reference values of IBSI rest.
    """
    fans = []
    for start in range(len(points) if len(points) > 4 else 1):
        turned = np.roll(points, -start, axis=0)
        fans.append(np.stack([np.stack([turned[0], b, c]) for b, c in pairwise(turned[1:])]))
    return max(fans, key=lambda fan: round(float(np.linalg.norm(_half_cross(fan), axis=1).sum()), 9))


def _half_cross(corners: Reals) -> Reals:
    """Area vectors of triangles (..., corner, axis)."""
    return np.asarray(np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]) / 2)


@lru_cache(maxsize=1)
def triangles() -> Reals:
    """(kind, triangle, corner, axis) in a cube of side 1; degenerate triangles fill the rest."""
    out = np.zeros((256, MOST, 3, 3))
    for kind in range(1, 255):
        found = np.concatenate([_fan(np.array([(CORNERS[a] + CORNERS[b]) / 2 for a, b in p])) for p in _loops(kind)])
        out[kind, : len(found)] = found
    return out


def kinds(mask: Mask) -> NDArray[np.uint8]:
    """(x + 1, y + 1, z + 1) kind of the cube between voxel centres; the mask has a margin of one added."""
    m = np.zeros([n + 2 for n in mask.shape], dtype=np.uint8)
    m[1:-1, 1:-1, 1:-1] = mask
    x = m[:-1] | m[1:] << 1
    y = x[:, :-1] | x[:, 1:] << 2
    return np.asarray(y[:, :, :-1] | y[:, :, 1:] << 4)


def volume_and_area(mask: Mask, spacing: Reals) -> tuple[float, float]:
    """(volume in mm3, area in mm2) of the mesh (IBSI 3.1, RNU0 and C0JK)."""
    found = kinds(mask)
    place = np.arange(found.shape[0], dtype=np.float64)
    key = found + 256 * np.arange(found.shape[0])[:, None, None]
    by_plane = np.bincount(key.ravel(), minlength=256 * found.shape[0]).reshape(-1, 256)
    count = by_plane.sum(axis=0)
    area, facing, flow = _of_kinds(*(float(s) for s in spacing))
    volume = count @ flow + (place * spacing[0]) @ by_plane @ facing
    return float(volume), float(count @ area)


@lru_cache(maxsize=8)
def _of_kinds(*spacing: float) -> tuple[Reals, Reals, Reals]:
    """(area, part that faces x, flow of (x, 0, 0) through the surface) of each kind of cube; volume is that flow."""
    corners = triangles() * np.array(spacing)
    cross = _half_cross(corners)
    area = np.linalg.norm(cross, axis=2).sum(axis=1)
    flow = (cross[:, :, 0] * corners[:, :, :, 0].mean(axis=2)).sum(axis=1)
    return area, cross[:, :, 0].sum(axis=1), flow


def outermost(mask: Mask, spacing: Reals) -> Reals:
    """(point, axis) in mm: corners of the mesh among which all corners of its convex hull are.

    Seen from each of six sides, a corner of the hull is the nearest point of its line of voxels, and nearer than the
    middle of any two nearest points on opposite sides of it.
    """
    points = []
    for axis in range(3):
        line = np.moveaxis(mask, axis, 0)
        held = line.any(axis=0)
        far = line.shape[0]
        first = np.where(held, line.argmax(axis=0), np.inf)
        last = np.where(held, far - line[::-1].argmax(axis=0), -np.inf)
        for near, sign in ((first, 1.0), (-last, -1.0)):
            rows, columns = near.shape
            wide = np.full((rows + 2, columns + 2), np.inf)
            wide[1:-1, 1:-1] = near
            keep = held.copy()
            for i, j in ((0, 1), (1, 0), (1, 1), (1, -1)):
                ahead = wide[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
                behind = wide[1 - i : 1 - i + rows, 1 - j : 1 - j + columns]
                keep &= near < (ahead + behind) / 2
            spots = np.argwhere(keep)
            points.append(np.insert(spots.astype(np.float64), axis, sign * near[keep] - 0.5, axis=1))
    return np.concatenate(points) * spacing
