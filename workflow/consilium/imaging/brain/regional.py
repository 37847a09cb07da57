"""Features per region of the atlas: tissue volumes, thickness of cortex, intensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain import thickness
from consilium.imaging.brain.atlas import SUBCORTICAL, Regions, Template
from consilium.imaging.brain.tissue import Tissue
from consilium.imaging.volume import Mask

MIN_VOXELS = 20  # covered voxels that a region needs


@dataclass(frozen=True)
class Feature:
    """value: NaN where it could not be computed."""

    name: str
    value: float
    unit: str


def sums(weights: NDArray, regions: Regions) -> NDArray[np.float64]:
    """Sum of `weights` (on the atlas grid) per region."""
    n = len(regions.names) + 1
    total = np.bincount(regions.labels.ravel(), weights=weights.ravel().astype(np.float64), minlength=n)
    return np.asarray(total[1:n], dtype=np.float64)


def covered(mask: Mask, regions: Regions) -> NDArray[np.bool_]:
    """Regions of which at least nine tenths (and MIN_VOXELS) lie in `mask`."""
    have, whole = sums(mask, regions), sums(np.ones(mask.shape), regions)
    return np.asarray((have >= 0.9 * whole) & (have >= MIN_VOXELS))


def structural(tissue: Tissue, regions: Regions, template: Template, scale: float) -> list[Feature]:
    """Regional and global features of a T1, T2 or FLAIR image.

    gm_permille: grey matter of the region per thousand of intracranial volume (a ratio, so head size drops out).
    intensity: mean intensity of the region's grey matter, white matter median = 1. csf_share: CSF in the region's
    voxels. thickness_mm: of cortex only, see thickness.py. icv_ml: brain with its CSF times the registration's
    determinant (Buckner et al. 2004, doi:10.1016/j.neuroimage.2004.06.018). `regions` and `template`: the patient's
    own after deformable registration.
    """
    whole = float(template.brain.sum())
    usable = covered(tissue.mask, regions)
    gm, weighted = sums(tissue.gm, regions), sums(tissue.gm * tissue.intensity, regions)
    size, csf = sums(tissue.mask, regions), sums(tissue.csf, regions)
    out = [Feature("icv_ml", whole * _voxel_ml(template) * scale, "ml")]
    for name in ("gm", "wm", "csf"):
        out.append(Feature(f"{name}_share", float(getattr(tissue, name).sum()) / whole, "fraction of ICV"))
    for i, name in enumerate(regions.names):
        out.append(Feature(f"gm_permille.{name}", _if(usable[i], 1000 * gm[i] / whole), "permille of ICV"))
    for i, name in enumerate(regions.names):
        out.append(Feature(f"csf_share.{name}", _if(usable[i], csf[i] / max(size[i], 1)), "fraction"))
    for i, name in enumerate(regions.names):
        enough = bool(usable[i]) and gm[i] > 1
        out.append(Feature(f"intensity.{name}", _if(enough, weighted[i] / max(gm[i], 1)), "white matter = 1"))
    cortex = [i for i, n in enumerate(regions.names) if n.rsplit("_", 1)[0] not in SUBCORTICAL.values()]
    thick = thickness.per_region(tissue.gm, tissue.wm, regions, scale ** (1 / 3))
    return out + [Feature(f"thickness_mm.{regions.names[i]}", _if(usable[i], thick[i]), "mm") for i in cortex]


def _voxel_ml(template: Template) -> float:
    return float(abs(np.linalg.det(template.affine[:3, :3]))) / 1000


def _if(usable: bool, value: float) -> float:
    return float(value) if usable else float("nan")
