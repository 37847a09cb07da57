"""Simulated chest CT: body, lungs, heart, ribs, spine, vessels, and planted nodules, in Hounsfield units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.simulate.images_brain import Scan
from consilium.simulate.images_head import smooth_field, voxel_mm

SHAPE, SPACING_MM = (84, 66, 64), 4.0
LUNGS = (((-68.0, 0.0, 0.0), (52.0, 74.0, 112.0)), ((68.0, 0.0, 0.0), (52.0, 74.0, 112.0)))


def _ellipsoid(mm: NDArray, centre: tuple[float, ...], axes: tuple[float, ...]) -> NDArray[np.float64]:
    """Squared normalised distance: at most 1 inside."""
    return sum(((mm[i] - centre[i]) / axes[i]) ** 2 for i in range(3))


def _place_nodules(rng: np.random.Generator, size: float) -> list[tuple[float, float, float, float]]:
    """(x, y, z, diameter) in mm, well inside a lung and apart from each other."""
    wanted = int(rng.choice([0, 1, 2, 3, 4], p=[0.35, 0.25, 0.2, 0.1, 0.1]))
    placed: list[tuple[float, float, float, float]] = []
    while len(placed) < wanted:
        diameter = float(rng.uniform(10, 22))
        centre, axes = LUNGS[int(rng.integers(2))]
        point = [float(c) * size + float(rng.uniform(-0.6, 0.6)) * a * size for c, a in zip(centre, axes, strict=True)]
        room = _ellipsoid(np.array(point), tuple(c * size for c in centre), tuple(a * size for a in axes)) < 0.36
        medial = abs(point[0]) < 45  # heart and hilum
        apart = all(np.linalg.norm(np.subtract(point, p[:3])) > 45 for p in placed)
        if room and apart and not medial:
            placed.append((point[0], point[1], point[2], diameter))
    return placed


def _body(mm: NDArray, size: float) -> NDArray[np.float32]:
    """Air, fat, muscle, lungs, heart, ribs, spine."""

    def inside(centre: tuple[float, ...], axes: tuple[float, ...]) -> NDArray[np.bool_]:
        return _ellipsoid(mm, tuple(c * size for c in centre), tuple(a * size for a in axes)) <= 1

    hu = np.full(mm.shape[1:], -1000, dtype=np.float32)
    hu[inside((0, 0, 0), (158, 118, 1000))] = -100
    hu[inside((0, 0, 0), (145, 105, 1000))] = 45
    ribs = inside((0, 0, 0), (136, 97, 1000)) & ~inside((0, 0, 0), (129, 90, 1000))
    hu[ribs & (np.mod(mm[2] + 0.3 * mm[1], 26) < 9)] = 420
    for centre, axes in LUNGS:
        hu[inside(centre, axes)] = -860
    hu[inside((14, 12, -28), (50, 46, 60))] = 50
    hu[inside((0, -74, 0), (21, 21, 1000))] = 380
    return hu


def chest(rng: np.random.Generator) -> tuple[Scan, list[tuple[float, float, float, float]]]:
    """(scan in HU int16, planted nodules); nodules do not depend on any latent cause."""
    size, emphysema = float(rng.uniform(0.92, 1.0)), float(np.clip(rng.normal(0, 18), -30, 60))
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = -SPACING_MM * (np.array(SHAPE) - 1) / 2 + rng.uniform(-2, 2, 3)
    mm = voxel_mm(SHAPE, affine)
    hu = _body(mm, size)
    lung = hu == -860
    hu[lung] += smooth_field(rng, SHAPE, 35, knots=12)[lung] - emphysema
    nodules = _place_nodules(rng, size)
    for x, y, z, diameter in nodules:
        far = np.sqrt(sum((mm[i] - p) ** 2 for i, p in enumerate((x, y, z))))
        # A voxel on the surface is partly nodule: share falls from 1 to 0 across one voxel.
        share = np.clip((diameter / 2 - far) / SPACING_MM + 0.5, 0, 1)
        hu = hu * (1 - share) + 45 * share
    hu = (hu + rng.normal(0, 14, SHAPE)).astype(np.float32)
    truth: dict[str, object] = {"n_nodules": len(nodules), "body_scale": size, "lung_hu": -860 - emphysema}
    return Scan(np.clip(np.round(hu), -1024, 3071).astype(np.int16), affine, truth), nodules
