"""A run made ready to be measured: slice timing, realigned values of the brain's voxels, what is removed from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain import atlas
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.fmri import motion, nuisance, slice_timing
from consilium.imaging.fmri.settings import Settings
from consilium.imaging.frames import Frames
from consilium.imaging.resampling import resample
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

MIN_TISSUE_VOXELS = 20
MOST_TISSUE_VOXELS = 4000  # in the components, evenly taken: bounds memory
QUALITY_VOXELS = 20_000  # likewise of the quality metrics
MIN_SLICE_VOXELS = 20
MIN_SLICE_SHARE = 0.25  # of the largest slice's: the brain's ends move in and out of smaller ones


@dataclass(frozen=True)
class Run:
    """values: (time, voxel of `brain`) realigned. tissue: gm, wm, csf -> (voxel,) share. model removes nuisance and
    frequencies outside the band, unfiltered nuisance only. matrix: MNI mm -> image mm. told: facts for a reader."""

    values: NDArray[np.float32]
    brain: Mask
    tissue: dict[str, NDArray[np.float32]]
    model: nuisance.Model
    unfiltered: nuisance.Model
    affine: Affine
    matrix: Affine
    told: dict[str, object]


class Sampled:
    """Passes volumes on and keeps of each what the quality metrics need: some voxels, (time, voxel) in `taken`, and
    the mean of each slice's voxels of `mask`, (slice, time) in `slices`, NaN below MIN_SLICE_VOXELS or
    MIN_SLICE_SHARE."""

    def __init__(self, frames: Frames, mask: Mask, axis: int) -> None:
        where = np.flatnonzero(mask)
        self.frames, self.where = frames, where[:: -(-len(where) // QUALITY_VOXELS)]
        self.taken = np.zeros((frames.shape[3], len(self.where)), dtype=np.float32)
        self.mask, self.others = mask, tuple(a for a in range(3) if a != axis)
        counts = mask.sum(axis=self.others).astype(np.float64)
        least = max(MIN_SLICE_VOXELS, MIN_SLICE_SHARE * counts.max())
        self.counts = np.where(counts >= least, counts, np.nan)
        self.slices = np.zeros((mask.shape[axis], frames.shape[3]))

    def __iter__(self) -> Iterator[Voxels]:
        for t, volume in enumerate(_filled(self.frames)):
            self.taken[t] = volume.ravel()[self.where]
            self.slices[:, t] = (volume * self.mask).sum(axis=self.others, dtype=np.float64) / self.counts
            yield volume


def ready(volume: Volume, frames: Frames, moved: motion.Motion, alignment: Alignment, settings: Settings) -> Run:
    """`frames`: the volumes of the run without dummy scans; `moved`: their motion."""
    tissue, brain = _tissue(frames.shape[:3], volume.affine, alignment)
    times, lack = _in_time(volume, frames, settings)
    values = np.empty((frames.shape[3], int(brain.sum())), dtype=np.float32)
    for t, row in enumerate(motion.followed(times, volume.affine, moved, brain)):
        values[t] = row
    used = moved.displacement <= settings.scrub_fd_mm
    plan = nuisance.chosen(settings, len(used), volume.tr_s)
    common = values.mean(axis=1, dtype=np.float64)[used] if settings.global_signal else None
    pure = [values[:, m][used] for m in _pure(tissue)]
    model, unfiltered = (
        nuisance.model(plan, moved.parameters, used, volume.tr_s, pure, common, filtered) for filtered in (True, False)
    )
    told = {
        "removed": model.told,
        "slice_timing": f"not corrected: {lack}" if lack else "corrected to the middle of each volume",
        "volumes_used": int(used.sum()),
        "volumes_left_out": int((~used).sum()),
        "degrees_of_freedom": model.freedom,
    }
    return Run(values, brain, tissue, model, unfiltered, volume.affine, alignment.matrix, told)


def _filled(frames: Frames) -> Iterator[Voxels]:
    for volume in frames:
        yield np.nan_to_num(volume)


def _in_time(volume: Volume, frames: Frames, settings: Settings) -> tuple[Iterable[Voxels], str]:
    """(volumes with slice timing corrected, "") or (volumes as they are, why)."""
    lack = slice_timing.lack(volume) if settings.slice_timing else "switched off"
    if lack or volume.slice_times_s is None or volume.tr_s is None:
        return _filled(frames), lack
    share = slice_timing.weights(np.array(volume.slice_times_s), volume.tr_s)
    return slice_timing.corrected(_filled(frames), share, volume.slice_axis), ""


def _tissue(shape: tuple[int, ...], affine: Affine, alignment: Alignment) -> tuple[dict[str, NDArray], Mask]:
    """(share of each tissue in the brain's voxels, the brain on the run's grid)."""
    template = atlas.template()
    inverse = np.asarray(np.linalg.inv(alignment.matrix), dtype=np.float64)
    gm, wm, csf, whole = (
        resample(np.asarray(m, dtype=np.float32), template.affine, inverse, shape, affine)
        for m in (template.gm, template.wm, template.csf, template.brain)
    )
    brain = whole > 0.5
    return {"gm": gm[brain], "wm": wm[brain], "csf": csf[brain]}, brain


def _pure(tissue: dict[str, NDArray]) -> list[NDArray[np.intp]]:
    """Voxels of white matter and of CSF without grey matter mixed in (its signal is what is looked for)."""
    found = []
    for mask in (tissue["wm"] > 0.98, (tissue["csf"] > 0.85) & (tissue["gm"] < 0.1)):
        where = np.flatnonzero(mask)
        if len(where) >= MIN_TISSUE_VOXELS:
            found.append(where[:: -(-len(where) // MOST_TISSUE_VOXELS)])
    return found
