"""A head to deform: MNI152 brain with skull and scalp added, and where atrophy is planted, on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
CSF = 0.22  # T1 intensity of CSF, white matter about .87, grey matter about .65
# Planted atrophy: hippocampus with entorhinal and parahippocampal cortex, amygdala, temporal pole.
# Centre (right side; the left is its mirror) and semi-axes in mm, MNI.
ATROPHY = (((27.0, -20.0, -17.0), (12.0, 22.0, 11.0)), ((24.0, -3.0, -20.0), (11.0, 11.0, 11.0)),
           ((38.0, 8.0, -32.0), (12.0, 12.0, 12.0)))  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Maps of one shape with `affine` voxel -> MNI mm. t1, gm, wm: 0..1. order: rank 0..1 of grey-matter loss in
    the atrophy zone (1 = lost last), 2 elsewhere. zone: 1 in the atrophy zone."""

    t1: Array
    gm: Array
    wm: Array
    brain: NDArray[np.bool_]
    order: Array
    zone: NDArray[np.bool_]
    affine: NDArray[np.float64]


@cache
def head(spacing_mm: int = 2) -> Head:
    """The template head at `spacing_mm`, from the MNI152 maps that nilearn ships."""
    from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template

    image = load_mni152_template(resolution=spacing_mm)
    t1 = np.clip(image.get_fdata(dtype=np.float32), 0, 1)
    gm = np.clip(load_mni152_gm_template(resolution=spacing_mm).get_fdata(dtype=np.float32), 0, 1)
    wm = np.clip(load_mni152_wm_template(resolution=spacing_mm).get_fdata(dtype=np.float32), 0, 1)
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1 > 0.1, iterations=2))
    affine = np.asarray(image.affine, dtype=np.float64)
    zone = atrophy_zone(t1.shape, affine)
    return Head(_with_scalp(t1, brain, spacing_mm), gm * brain, wm * brain, brain, _loss_order(gm, zone), zone, affine)


def voxel_mm(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, x, y, z) coordinates in mm of every voxel centre."""
    grid = np.indices(shape, dtype=np.float64).reshape(3, -1)
    return (affine[:3, :3] @ grid + affine[:3, 3:]).reshape(3, *shape)


def atrophy_zone(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.bool_]:
    mm = voxel_mm(shape, affine)
    mm[0] = np.abs(mm[0])
    inside = np.zeros(shape, dtype=bool)
    for centre, axes in ATROPHY:
        inside |= sum(((mm[i] - centre[i]) / axes[i]) ** 2 for i in range(3)) <= 1
    return inside


def _with_scalp(t1: Array, brain: NDArray[np.bool_], spacing_mm: float) -> Array:
    """Dark skull and bright scalp around the brain, so that a reader has to find the brain."""
    far = ndimage.distance_transform_edt(~brain) * spacing_mm
    out = np.where(brain, np.maximum(t1, 0.15), 0).astype(np.float32)
    for above, upto, value in ((0, 2.5, CSF), (2.5, 4.5, 0.06), (4.5, 6, 0.3), (6, 8, 0.06), (8, 13, 0.8)):
        out[(far > above) & (far <= upto)] = value
    return out


def _loss_order(gm: Array, zone: NDArray[np.bool_]) -> Array:
    """Outer grey matter goes first; a fixed jitter breaks ties. Ranked by grey-matter mass, so a fraction is exact."""
    rng = np.random.default_rng(20240101)
    depth = ndimage.gaussian_filter(gm, 1.2) + rng.normal(0, 0.05, gm.shape)
    inside = np.flatnonzero(zone & (gm > 0.2))
    ranked = inside[np.argsort(depth.ravel()[inside], kind="stable")]
    mass = np.cumsum(gm.ravel()[ranked], dtype=np.float64)
    order = np.full(gm.size, 2, dtype=np.float32)
    order[ranked] = mass / mass[-1]
    return order.reshape(gm.shape)


def atrophied(base: Head, fraction: float) -> tuple[Array, Array]:
    """(t1, gm) after `fraction` of the zone's grey matter gave way to CSF."""
    lost = base.order <= fraction
    return np.where(lost, np.float32(CSF), base.t1), np.where(lost, np.float32(0), base.gm)


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], amplitude: float, knots: int = 6) -> Array:
    """Random field of standard deviation `amplitude`, smooth over a `knots`-th of the volume."""
    coarse = rng.normal(0, 1, (knots, knots, knots))
    middle = ndimage.zoom(coarse, 4, order=2, mode="nearest").astype(np.float32)
    field = ndimage.zoom(middle, [s / n for s, n in zip(shape, middle.shape, strict=True)], order=1, mode="nearest")
    return (field * (amplitude / max(float(field.std()), 1e-6))).astype(np.float32)


def random_pose(rng: np.random.Generator, scale_sd: float = 0.035) -> NDArray[np.float64]:
    """Affine scanner mm -> MNI mm: turns of a few degrees, shifts of some mm, sizes of heads."""
    turn = np.deg2rad(rng.normal(0, 3.5, 3))
    cx, cy, cz, sx, sy, sz = *np.cos(turn), *np.sin(turn)
    rotation = (
        np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    )
    pose = np.eye(4)
    pose[:3, :3] = rotation @ np.diag(1 + rng.normal(0, scale_sd, 3))
    pose[:3, 3] = rng.normal(0, 4, 3)
    return pose


def sample(volume: Array, volume_affine: NDArray[np.float64], mm: NDArray[np.float64], order: int = 1) -> Array:
    """Values of `volume` at MNI coordinates `mm` (3, …); 0 outside."""
    inverse = np.linalg.inv(volume_affine)
    where = np.tensordot(inverse[:3, :3], mm, 1) + inverse[:3, 3].reshape(3, *([1] * (mm.ndim - 1)))
    return ndimage.map_coordinates(volume, where, order=order, mode="constant", cval=0.0).astype(np.float32)
