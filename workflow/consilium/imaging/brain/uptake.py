"""PET uptake ratios (SUVR) per region, relative to a reference region; without partial volume correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.atlas import Regions, regions, template
from consilium.imaging.brain.regional import Feature, covered, sums
from consilium.imaging.volume import Mask, Voxels

CEREBELLUM = ("cerebellum_L", "cerebellum_R")
PONS = ((0.0, -27.0, -33.0), (11.0, 8.0, 12.0))  # centre and semi-axes of an ellipsoid within the pons, MNI mm
MIN_COVERED = 0.9  # share of a reference that must lie in the image
PURE_WHITE = 0.95


def ratios(voxels: Voxels, mask: Mask, parts: Regions, reference: str) -> tuple[list[Feature], str]:
    """(SUVR per region, reference used): mean uptake over the region's grey matter over that of the reference.

    voxels, mask: on the template's grid, mask where the image has values. reference: cerebellum, pons, white_matter,
    whole_brain or a region of `parts`; all grey matter takes its place where it is not in the image, and is reported.
    """
    uptake = np.where(mask, np.nan_to_num(voxels), 0)
    grey = np.where(mask, template().gm, 0) ** 2  # less spill-in from neighbours at the rim of grey matter
    usable = covered(mask, parts)
    total, weight = sums(grey * uptake, parts), sums(grey, parts)
    wanted = reference_weights(reference, parts)
    name = reference if (wanted * mask).sum() >= MIN_COVERED * wanted.sum() else "all grey matter"
    wanted = np.where(mask, wanted, 0) if name == reference else grey
    level = float((wanted * uptake).sum() / max(float(wanted.sum()), 1e-9))
    values = np.where(usable & (weight > 0), total / np.maximum(weight, 1e-9) / max(level, 1e-9), np.nan)
    if level <= 0:
        values[:] = np.nan
    pairs = zip(parts.names, values, strict=True)
    return [Feature(f"suvr.{n}", float(v), f"{name} = 1") for n, v in pairs], name


def reference_weights(reference: str, parts: Regions) -> NDArray[np.float64]:
    """Weights of the reference region on the template's grid. KeyError where there is no such region."""
    maps = template()
    if reference == "cerebellum":
        known = regions()
        inside = np.isin(known.labels, [1 + known.names.index(n) for n in CEREBELLUM])
        return np.asarray(inside * maps.gm.astype(np.float64) ** 2)
    if reference == "pons":
        grid = np.indices(maps.brain.shape).reshape(3, -1)
        mm = (maps.affine[:3, :3] @ grid + maps.affine[:3, 3:]).T
        near = (((mm - PONS[0]) / PONS[1]) ** 2).sum(axis=1).reshape(maps.brain.shape) <= 1
        return np.asarray(near & maps.brain, dtype=np.float64)
    if reference == "white_matter":
        return np.asarray(maps.wm > PURE_WHITE, dtype=np.float64)
    if reference == "whole_brain":
        return np.asarray(maps.gm + maps.wm, dtype=np.float64)
    if reference not in parts.names:
        raise KeyError(reference)
    return np.asarray((parts.labels == 1 + parts.names.index(reference)) * maps.gm.astype(np.float64) ** 2)
