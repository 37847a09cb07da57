"""Radiomics of a lesion mask on its image: which preparation each kind of image gets, and the feature block."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.imaging.brain.regional import Feature
from consilium.imaging.outcome import Block
from consilium.imaging.radiomics import catalogue
from consilium.imaging.radiomics.measure import everything
from consilium.imaging.radiomics.prepare import Settings, region
from consilium.imaging.volume import Mask, Volume

NAME = "radiomics"
MIN_VOXELS = 27  # of the new grid: fewer do not fill a neighbourhood
HU = (-1000.0, 3000.0)
MR_SIGMAS = 3.0  # outliers would stretch the grey levels of everything else
AGGREGATION = "3D_comb"


@dataclass(frozen=True)
class Wanted:
    """Section imaging.radiomics of the settings: see config/README.md."""

    enabled: bool = True
    spacing_mm: float = 1.0
    ct_bin_hu: float = 25.0
    pet_bin_suv: float = 0.25
    mr_bins: int = 32

    @classmethod
    def read(cls, text: str) -> Wanted:
        """From JSON; keys that are not given keep their defaults."""
        return cls(**json.loads(text))


def preparation(kind: str, unit: str, wanted: Wanted) -> tuple[Settings, str]:
    """(settings, unit of the prepared intensities) of a kind of image.

    CT in HU: whole units, bins of fixed size from -1000. PET in SUV: bins of fixed size from 0. All else has no
    absolute unit: a fixed number of bins, intensities over the median of the surrounding tissue.
    """
    grid = (wanted.spacing_mm,) * 3 if wanted.spacing_mm > 0 else None
    if kind == "CT" and unit == "HU":
        return Settings(grid, whole_units=True, range=HU, bin_size=wanted.ct_bin_hu, discrete=True), "HU"
    if kind == "PET" and unit == "SUV":
        return Settings(grid, bin_size=wanted.pet_bin_suv, origin=0.0), "SUV"
    return Settings(grid, sigmas=MR_SIGMAS, bins=wanted.mr_bins), "tissue = 1"


def measured(lesion: Mask, image: Volume, tissue: float, wanted: Wanted) -> tuple[Block, dict[str, Any]]:
    """(block, how it was measured). Features are named `<kind>.<name>`: intensities of another kind of image are
    another feature.

    lesion: on the image's grid, not empty. tissue: median intensity of the surrounding tissue, NaN where unknown.
    """
    settings, unit = preparation(image.kind, image.unit, wanted)
    voxels = image.voxels
    if unit == "tissue = 1":
        if not tissue > 0:
            return Block(reason="no surrounding tissue that intensities could be related to"), {}
        voxels = voxels / np.float32(tissue)
    prepared = region(voxels, lesion, image.spacing, settings)
    n = int(prepared.inside.sum())
    how = {
        "image": image.kind,
        "spacing_mm": [float(f"{s:.4g}") for s in prepared.spacing],
        "n_voxels": n,
        "bins": settings.bins or f"width {settings.bin_size:g} {unit}",
        "aggregation": AGGREGATION,
    }
    if n < MIN_VOXELS:
        size = " x ".join(f"{s:.3g}" for s in prepared.spacing)
        return Block(reason=f"{n} voxels of {size} mm with usable intensities; at least {MIN_VOXELS} are needed"), how
    found = everything(prepared, settings, (AGGREGATION,))
    of_histogram = "level of 1000" if settings.bins else unit
    features = [
        Feature(f"{image.kind.lower()}.{name}", value, catalogue.unit(name, unit, of_histogram))
        for name, value in found.items()
    ]
    return Block(features), how
