"""First-order features of CT: densities of the body, lungs, and candidates for nodules. No diagnosis is made.

Low-attenuation area below -950 HU: Gevenois et al. 1996 (doi:10.1164/ajrccm.154.1.8680679). Nodule candidates are
connected dense pieces enclosed by lung: vessels cut across and scars count too, nodules on the wall do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from consilium.imaging.brain.regional import Feature
from consilium.imaging.volume import Mask, Volume, Voxels

BODY_HU = -300.0
LUNG_HU = -500.0
DENSE_HU = -400.0
LAA_HU = -950.0
MIN_LUNG_ML = 300.0
NODULE_MM = (6.0, 40.0)  # equivalent diameter of a candidate
MIN_ROUND = 0.25  # share of its bounding box that a candidate fills (a sphere: .52)


@dataclass(frozen=True)
class Parts:
    """body: patient with lungs. lungs: air-filled lungs; empty where none. nodules: labels 1.. of candidates."""

    body: Mask
    lungs: Mask
    nodules: np.ndarray
    n_nodules: int


def find_parts(volume: Volume) -> Parts:
    """Body as the largest piece above BODY_HU, holes filled slice by slice; lungs as large air inside it."""
    hu = np.nan_to_num(volume.voxels, nan=-1024.0)
    body = _largest(ndimage.binary_opening(hu > BODY_HU))
    # The table is often attached by a thin bridge; lungs open at the ends, so holes are filled slice by slice.
    body = np.stack([ndimage.binary_fill_holes(body[:, :, k]) for k in range(body.shape[2])], axis=2)
    air = body & (hu < LUNG_HU)
    labels, n = ndimage.label(air)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:] * volume.voxel_ml
    lungs = np.isin(labels, 1 + np.flatnonzero(sizes > 100.0))
    if lungs.sum() * volume.voxel_ml < MIN_LUNG_ML:
        lungs = np.zeros_like(body)
    nodules, count = _nodules(hu, lungs, volume)
    return Parts(body, lungs, nodules, count)


def _largest(mask: Mask) -> Mask:
    labels, n = ndimage.label(mask)
    if n == 0:
        return np.zeros_like(mask)
    return np.asarray(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))


def _nodules(hu: Voxels, lungs: Mask, volume: Volume) -> tuple[np.ndarray, int]:
    """Dense pieces inside the closed lungs, of a nodule's size and not elongated."""
    if not lungs.any():
        return np.zeros(hu.shape, dtype=np.int16), 0
    labels, _ = ndimage.label(~lungs & (hu > DENSE_HU))
    out = np.zeros(hu.shape, dtype=np.int16)
    count = 0
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == i
        sides = np.array(inside.shape) * volume.spacing
        diameter = (6 * inside.sum() * volume.voxel_ml * 1000 / np.pi) ** (1 / 3)
        if not NODULE_MM[0] <= diameter <= NODULE_MM[1] or sides.max() > 2.5 * NODULE_MM[1]:
            continue
        rim = ndimage.binary_dilation(np.pad(inside, 1)) & ~np.pad(inside, 1)
        # Enclosed by lung on all sides but for a fifth (vessels lead to it), not a splinter.
        around = _padded(lungs | (hu < DENSE_HU), box)[rim]
        if around.mean() >= 0.8 and inside.mean() >= MIN_ROUND:
            count += 1
            out[box][inside] = count
    return out, count


def _padded(mask: Mask, box: tuple[slice, ...]) -> Mask:
    """`mask` in the box grown by one voxel; False beyond the image."""
    wide = np.pad(mask, 1)
    return wide[tuple(slice(s.start, s.stop + 2) for s in box)]


def features(volume: Volume, parts: Parts) -> tuple[list[Feature], dict[str, str]]:
    """(features, why some are not assessed). Lung features are NaN where no lungs are in the image."""
    hu = np.nan_to_num(volume.voxels, nan=-1024.0)
    out, lack = [], {}
    tissue = hu[parts.body & ~parts.lungs]
    for q in (5, 25, 50, 75, 95):
        value = float(np.percentile(tissue, q)) if tissue.size else float("nan")
        out.append(Feature(f"body_hu_p{q:02d}", value, "HU"))
    bone = float((tissue > 200).mean()) if tissue.size else float("nan")
    fat = float(((tissue > -190) & (tissue < -30)).mean()) if tissue.size else float("nan")
    out += [Feature("dense_share", bone, "fraction"), Feature("fat_share", fat, "fraction")]
    lung, has = hu[parts.lungs], bool(parts.lungs.any())
    if not has:
        lack["lungs"] = f"less than {MIN_LUNG_ML:g} ml of lung in the image"
    nan = float("nan")
    sizes = np.bincount(parts.nodules.ravel())[1:] * volume.voxel_ml if parts.n_nodules else np.zeros(1)
    out += [
        Feature("lung_ml", float(lung.size * volume.voxel_ml) if has else nan, "ml"),
        Feature("lung_mean_hu", float(lung.mean()) if has else nan, "HU"),
        Feature("lung_p15_hu", float(np.percentile(lung, 15)) if has else nan, "HU"),
        Feature("laa950_share", float((lung < LAA_HU).mean()) if has else nan, "fraction"),
        Feature("nodule_candidates", float(parts.n_nodules) if has else nan, "count"),
        Feature("nodule_candidates_ml", float(sizes.sum()) if has else nan, "ml"),
        Feature("largest_candidate_ml", float(sizes.max()) if has else nan, "ml"),
    ]
    return out, lack


def quality(volume: Volume, parts: Parts) -> dict[str, float]:
    """air_hu: median outside the body (about -1000). soft_tissue_hu, soft_tissue_noise: mode and local spread of the
    body between -200 and 200 HU."""
    hu = np.nan_to_num(volume.voxels, nan=-1024.0)
    far = ~ndimage.binary_dilation(parts.body, iterations=3)
    # Beyond the round field of view scanners write a padding value: only believable air counts.
    air = hu[far & (hu > -1200) & (hu < -700)]
    soft = hu[parts.body & (hu > -200) & (hu < 200)]
    counts, edges = np.histogram(soft, bins=80, range=(-200, 200)) if soft.size else (np.zeros(80), np.zeros(81))
    k = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 1.5)))
    peak = (edges[k] + edges[k + 1]) / 2 if soft.size else float("nan")
    near = np.abs(hu - peak) < 60
    core = ndimage.binary_erosion(parts.body & near, iterations=1)
    change = np.diff(hu, axis=0)[core[:-1] & core[1:]]
    return {
        "air_hu": float(np.median(air)) if air.size > 100 else float("nan"),
        "soft_tissue_hu": float(peak),
        "soft_tissue_noise": float(change.std() / np.sqrt(2)) if change.size > 100 else float("nan"),
    }
