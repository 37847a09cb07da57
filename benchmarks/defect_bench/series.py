"""Defects of fMRI series: simulated once, then a defect a draw is measured and judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from consilium.imaging.brain.registration import head_mask
from consilium.imaging.fmri import motion, overview
from consilium.imaging.fmri.run import Sampled
from consilium.imaging.frames import frames_of
from consilium.imaging.quality import metrics_fmri
from consilium.imaging.quality.verdict import judge
from consilium.simulate import images_defects as plant
from consilium.simulate.images_fmri import SPACING_MM, fmri

Rng = np.random.Generator
STEP = 2  # every second voxel along each axis: series of 10 mm, for speed


def series(n: int = 3) -> list[np.ndarray]:
    """Simulated series without jumps of the head."""
    found: list[np.ndarray] = []
    seed = 0
    while len(found) < n:
        scan = fmri(0.0, np.random.default_rng(seed), 60)
        seed += 1
        if not scan.truth["n_spikes"]:
            x, y, z = (k // STEP * STEP for k in scan.voxels.shape[:3])
            blocks = scan.voxels[:x, :y, :z].astype(np.float32)
            found.append(blocks.reshape(x // STEP, STEP, y // STEP, STEP, z // STEP, STEP, -1).mean(axis=(1, 3, 5)))
    return found


def said(voxels: np.ndarray, with_motion: bool) -> str:
    frames = frames_of(voxels)
    first = overview.look(frames)
    early = overview.dummies(first.brightness)
    brain = head_mask(first.reference)
    affine = np.diag([SPACING_MM * STEP] * 3 + [1.0])
    sample = Sampled(frames_of(voxels, early), brain, 2)
    if with_motion:
        displacement = motion.estimate(sample, first.reference, affine, brain).displacement
    else:
        displacement = np.zeros(sum(1 for _ in sample))  # a sample is taken as the volumes pass
    found = metrics_fmri.metrics(sample.taken.T, displacement) | metrics_fmri.of_mean(first.reference, brain)
    found |= {"slice_spikes": metrics_fmri.slice_spikes(sample.slices), "dummy_volumes": float(early)}
    return judge("fMRI", found, [])[1]


def again(clean: np.ndarray, rng: Rng) -> np.ndarray:
    return (clean + rng.normal(0, 0.2, clean.shape)).astype(np.float32)


def short(clean: np.ndarray, rng: Rng) -> str:
    return said(again(clean, rng)[..., : int(rng.integers(5, 49))], False)


def moved(clean: np.ndarray, rng: Rng) -> str:
    return said(plant.series_motion(again(clean, rng), SPACING_MM * STEP, rng), True)


Draw = Callable[[np.ndarray, Rng], str]


def _planted(defect: Callable[[np.ndarray, Rng], np.ndarray]) -> Draw:
    return lambda clean, rng: said(defect(again(clean, rng), rng), False)


WORDS = {
    "slice spikes": "spikes",
    "volumes not in steady state": "not in steady state",
    "lost volumes": "without their signal",
    "repeated volumes": "volumes that repeat",
    "ghost of a series": "ghost along",
}
DEFECTS: dict[str, tuple[str, Draw]] = {
    **{name: (WORDS[name], _planted(defect)) for name, defect in plant.SERIES.items()},
    "short series": ("short series", short),
    "motion in a series": ("head motion", moved),
}


def clean(voxels: np.ndarray, rng: Rng) -> str:
    return said(again(voxels, rng), True)
