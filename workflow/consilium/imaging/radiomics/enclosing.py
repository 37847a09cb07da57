"""Smallest boxes and ellipsoids around points; both only approximate, see each."""

from __future__ import annotations

import numpy as np

from consilium.imaging.radiomics.prepare import Reals

TURNS = 90  # directions tried within a plane


def box_sides(points: Reals, normals: Reals) -> Reals:
    """Sides of the smallest box that lies with a face on a facet of the convex hull, turned in steps of one degree.

    points: (n, 3) corners of the hull. normals: (m, 3) of its facets. The smallest box of all has two sides flush with
    edges, and need not lie on a facet: up to a few percent smaller (O'Rourke 1985, doi:10.1007/BF00991005).
    """
    first = np.unique(np.round(normals * np.sign(normals[:, :1] + 1e-12), 6), axis=0)
    helper = np.where(np.abs(first[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    second = np.cross(first, helper)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    third = np.cross(first, second)
    angle = np.deg2rad(np.arange(TURNS))
    best, sides = np.inf, np.full(3, np.nan)
    for axis, u, v in zip(first, second, third, strict=True):
        high = np.ptp(points @ axis)
        a, b = points @ u, points @ v
        wide = np.ptp(np.outer(np.cos(angle), a) + np.outer(np.sin(angle), b), axis=1)
        deep = np.ptp(np.outer(-np.sin(angle), a) + np.outer(np.cos(angle), b), axis=1)
        i = int(np.argmin(wide * deep))
        if high * wide[i] * deep[i] < best:
            best, sides = high * wide[i] * deep[i], np.array([high, wide[i], deep[i]])
    return sides


def ellipsoid_axes(points: Reals, tolerance: float = 1e-3, rounds: int = 1000) -> Reals:
    """Half axes, largest first, of the smallest ellipsoid around points, to `tolerance`.

    Khachiyan's algorithm (doi:10.1287/moor.21.2.307).
    """
    n, d = points.shape
    lifted = np.column_stack([points, np.ones(n)])
    u = np.full(n, 1 / n)
    for _ in range(rounds):
        spread = lifted.T @ (lifted * u[:, None])
        far = np.einsum("ij,ij->i", lifted @ np.linalg.inv(spread), lifted)
        j = int(np.argmax(far))
        step = (far[j] - d - 1) / ((d + 1) * (far[j] - 1))
        if far[j] <= (1 + tolerance) * (d + 1):
            break
        u *= 1 - step
        u[j] += step
    centre = u @ points
    shape = (points.T * u) @ points - np.outer(centre, centre)
    return np.asarray(np.sqrt(np.linalg.eigvalsh(shape * d)[::-1]))
