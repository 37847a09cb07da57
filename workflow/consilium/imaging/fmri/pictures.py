"""What a person looks at: the mean image on the template with the brain's outline, and the carpet plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging import preview
from consilium.imaging.brain import atlas
from consilium.imaging.brain.images import COARSE_MM
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.fmri import carpet
from consilium.imaging.fmri.run import Run
from consilium.imaging.outcome import Outcome
from consilium.imaging.quality import metrics_fmri
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Affine, Voxels

PURE = {"grey matter": ("gm", 0.6), "white matter": ("wm", 0.9), "CSF": ("csf", 0.8)}


def keep(out: Outcome, mean: Voxels, affine: Affine, alignment: Alignment, folder: Path) -> None:
    """The mean image: brain only on the template's grid, or coarse where it could not be registered."""
    if alignment.reason:
        out.volume = at_spacing(mean, affine, COARSE_MM)
        preview.draw(folder / "preview.png", *out.volume)
        return
    coarse = atlas.coarse_template(COARSE_MM)
    small = resample(mean, affine, alignment.matrix, coarse.brain.shape, coarse.affine) * coarse.brain
    out.volume = (small, coarse.affine)
    fine = atlas.template()
    shown = resample(mean, affine, alignment.matrix, fine.brain.shape, fine.affine)
    around = ndimage.binary_dilation(fine.brain, iterations=2)  # no face beyond the rim
    outline = fine.brain & ~ndimage.binary_erosion(fine.brain)
    preview.draw(folder / "preview.png", shown * around, fine.affine, outline.astype(np.int16))


def carpet_plot(folder: Path, run: Run, sample: NDArray, displacement: NDArray[np.float64], limit_mm: float) -> None:
    """carpet.webp: the realigned run by tissue. sample: (time, voxel) before realignment, for DVARS."""
    places = {name: np.flatnonzero(run.tissue[key] > least) for name, (key, least) in PURE.items()}
    carpet.draw(folder / "carpet.webp", run.values, places, displacement, metrics_fmri.dvars(sample.T), limit_mm)
