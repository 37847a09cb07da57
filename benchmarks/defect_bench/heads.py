"""Defects of head images: registered and segmented once, then a defect a draw is measured and judged.

The registration, tissues and bias field of the clean image are kept, since these defects do not move the head; head
mask and every metric are computed on the image with the defect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from consilium.core.sheets import Sample
from consilium.imaging.brain import anatomy, atlas
from consilium.imaging.brain import images as brain_images
from consilium.imaging.brain.choice import Choice
from consilium.imaging.brain.registration import Alignment, align, head_mask
from consilium.imaging.intake import reader
from consilium.imaging.quality import structural
from consilium.imaging.quality.verdict import judge
from consilium.imaging.reading import COARSE_MM
from consilium.imaging.resampling import at_spacing, coverage, resample
from consilium.imaging.volume import Volume
from consilium.simulate import images_defects as plant
from consilium.simulate.images_brain import t1

Rng = np.random.Generator
REAL = ("niivue_nifti/t1_crop.nii.gz", "niivue_nifti/MR_Gd.nii.gz")
SPACING_MM = 4.0


@dataclass(frozen=True)
class Head:
    """A clean image with its registration, tissues and bias field on its own grid."""

    voxels: np.ndarray
    affine: np.ndarray
    alignment: Alignment
    brain: structural.Brain
    field: np.ndarray


def heads(data: Path | None, simulated: int = 3) -> list[Head]:
    """Simulated heads at 4 mm and, where `data` is given, real ones brought to 4 mm."""
    scans = [t1(0.0, "female", f"site_{s % 3 + 1}", np.random.default_rng(s), SPACING_MM) for s in range(simulated)]
    found = [(s.voxels.astype(np.float32), s.affine) for s in scans]
    for name in REAL if data is not None else ():
        assert data is not None
        volume = reader.read(Sample("P", "imaging", "T1", str(data / name), "", "T1", 2))
        small, grid = at_spacing(volume.voxels, volume.affine, SPACING_MM)
        found.append((np.maximum(small, 0), grid))
    return [_head(voxels, affine) for voxels, affine in found]


def _head(voxels: np.ndarray, affine: np.ndarray) -> Head:
    """As `brain.images.structural` works on an image."""
    coarse, place = at_spacing(voxels, affine, COARSE_MM)
    log_field, grid = brain_images._log_field(coarse, place)
    field = np.exp(resample(log_field, grid, np.eye(4), coarse.shape, place))
    alignment = align((coarse / field).astype(np.float32), place)
    volume = Volume(voxels, affine, "T1", "nifti")
    found, reason = anatomy.find(volume, alignment, log_field, grid, atlas.regions(), Choice().deformable)
    assert found is not None, reason
    brain = structural.brain_of(found.tissue, alignment, voxels.shape, affine)
    return Head(voxels, affine, alignment, brain, np.exp(resample(log_field, grid, np.eye(4), voxels.shape, affine)))


def measured(head: Head, voxels: np.ndarray) -> dict[str, float]:
    """Metrics of `voxels`, an image on the grid of `head`."""
    coarse, grid = at_spacing(voxels, head.affine, COARSE_MM)
    mask = brain_images._on_grid(head_mask(coarse), grid, Volume(voxels, head.affine, "T1", "nifti"))
    found = structural.structural(voxels, mask, head.field, head.brain)
    return found | {"registration_coverage": head.alignment.coverage, "nan_share": 0.0}


def said(head: Head, voxels: np.ndarray, kind: str = "T1") -> str:
    return judge(kind, measured(head, voxels), [])[1]


def again(head: Head, rng: Rng) -> np.ndarray:
    """The clean image with a little noise of its own, so that no two draws are alike; blanked air stays blanked."""
    level = 0.01 * float(np.percentile(head.voxels, 95))
    noisy = np.abs(head.voxels + rng.normal(0, level, head.voxels.shape))
    return np.where(head.voxels > 0, noisy, 0).astype(np.float32)


def cropped(head: Head, rng: Rng) -> str:
    """Coverage of the part that is left, by the registration of the whole."""
    part = plant.crop(head.voxels, rng)
    grid = head.affine.copy()
    grid[:3, 3] = head.affine[:3, :3] @ [s.start or 0 for s in part] + head.affine[:3, 3]
    template = atlas.template()
    inside = coverage(head.voxels[part].shape, grid, head.alignment.matrix, template.affine, template.brain)
    return judge("T1", {"registration_coverage": float(inside.sum() / template.brain.sum())}, [])[1]


def other_contrast(head: Head, rng: Rng) -> str:
    """A FLAIR under the name of a T1."""
    white = float(np.median(head.voxels[head.voxels > np.percentile(head.voxels, 85)]))
    return said(head, plant.other_contrast(again(head, rng), white))


def voxel_size(head: Head, rng: Rng) -> str:
    """One axis of the header longer by 1.5 to 1.9, or all by 1.4 to 1.9 or .5 to .65; registered anew."""
    factor = np.ones(4)
    if rng.random() < 0.5:
        factor[int(rng.integers(3))] = rng.uniform(1.5, 1.9)
    else:
        factor[:3] = rng.uniform(1.4, 1.9) if rng.random() < 0.5 else rng.uniform(0.5, 0.65)
    alignment = align(head.voxels, head.affine @ np.diag(factor))
    low, high = alignment.stretches.min(), alignment.stretches.max()
    found = {"stretch_min": low, "stretch_max": high, "stretch_ratio": high / low,
             "registration_coverage": alignment.coverage}  # fmt: skip
    if alignment.reason:
        return f"not registered: {alignment.reason}"
    return judge("T1", found, [])[1]


WORDS = {
    "noise": "noise",
    "ghost": "ghost",
    "spike in k-space": "herring-bone",
    "motion of the head": "motion",
    "wrap-around": "wrapped around|wrap-around",
    "blank slices": "blank slices",
    "repeated slices": "slices that repeat",
    "slices in wrong order": "wrong order",
    "slices that lost signal": "another brightness",
    "clipped values": "clipped",
    "few grey levels": "few grey levels",
    "shading": "shading",
}
Draw = Callable[[Head, Rng], str]


def _planted(defect: Callable[[np.ndarray, Rng], np.ndarray]) -> Draw:
    return lambda head, rng: said(head, defect(again(head, rng), rng))


DEFECTS: dict[str, tuple[str, Draw]] = {
    **{name: (WORDS[name], _planted(defect)) for name, defect in plant.HEAD.items()},
    "brain cut off": ("brain cut off", cropped),
    "FLAIR given as T1": ("contrast is not that of T1", other_contrast),
}
SLOW: dict[str, tuple[str, Draw]] = {"wrong voxel size": ("voxel size|stretches", voxel_size)}


def clean(head: Head, rng: Rng) -> str:
    return said(head, again(head, rng))
