"""An fMRI run from reading to features: dummy scans, motion, slice timing, nuisance, connectivity, activity, graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.store import write_table
from consilium.imaging.brain import atlas
from consilium.imaging.brain.images import common_metrics, registration_metrics
from consilium.imaging.brain.registration import align, head_mask
from consilium.imaging.fmri import measure, motion, overview, pictures
from consilium.imaging.fmri.run import Sampled, ready
from consilium.imaging.fmri.settings import Settings
from consilium.imaging.frames import frames_of
from consilium.imaging.outcome import Block, Outcome
from consilium.imaging.quality import metrics_fmri, sketch
from consilium.imaging.volume import Volume

if TYPE_CHECKING:
    import pandas as pd

BLOCKS = ("fmri_connectivity", "fmri_partial", "fmri_graph", "fmri_activity")


def fmri(volume: Volume, folder: Path, settings: Settings | None = None, parcels: atlas.Regions | None = None
         ) -> Outcome:  # fmt: skip
    """Measure a run and write its tables and pictures into `folder`. parcels: regions on the template's grid, by
    default the room's own."""
    settings, parcels = settings or Settings(), parcels or atlas.regions()
    whole = frames_of(volume.voxels)
    first = overview.look(whole)
    early = overview.dummies(first.brightness) if settings.dummy_scans is None else settings.dummy_scans
    early = min(early, whole.shape[3] - 1)
    frames = frames_of(volume.voxels, early)
    head = head_mask(first.reference)
    sample = Sampled(frames, head, volume.slice_axis)
    moved = motion.estimate(sample, first.reference, volume.affine, head)
    alignment = align(first.reference, volume.affine)
    found = common_metrics(volume) | metrics_fmri.metrics(sample.taken.T, moved.displacement)
    found |= metrics_fmri.of_mean(first.reference, head)
    found |= {"slice_spikes": metrics_fmri.slice_spikes(sample.slices), "dummy_volumes": float(early)}
    out = Outcome(found | registration_metrics(alignment), list(volume.notes), {}, alignment=alignment)
    out.sketch = sketch.draw(first.reference, volume.affine)
    out.details |= {"voxel_hash": whole.digest(), "dummy_scans": early}
    if volume.tr_s is None:
        out.notes.append("no repetition time: connectivity without band limits, no ALFF")
    write_table(folder / "motion.tsv", "fmri_motion", motion_table(moved, early, settings.scrub_fd_mm))
    if alignment.reason:
        _nothing(out, f"not registered to the brain template: {alignment.reason}")
    else:
        run = ready(volume, frames, moved, alignment, settings)
        if run.model.reason:
            _nothing(out, run.model.reason)
        else:
            out.blocks = measure.blocks(run, volume.tr_s, settings, parcels, folder)
            out.not_assessed |= {name: b.reason for name, b in out.blocks.items() if b.reason}
        out.details |= run.told
        pictures.carpet_plot(folder, run, sample.taken, moved.displacement, settings.scrub_fd_mm)
    pictures.keep(out, first.reference, volume.affine, alignment, folder)
    return out


def _nothing(out: Outcome, reason: str) -> None:
    """No block is assessed."""
    out.blocks = {name: Block(reason=reason) for name in BLOCKS}
    out.not_assessed |= dict.fromkeys(BLOCKS, reason)


def motion_table(moved: motion.Motion, early: int, limit_mm: float) -> pd.DataFrame:
    """Table "fmri_motion": a row a volume, dummy scans included; the first volume that counts has moved by 0."""
    import pandas as pd

    n = len(moved.displacement)
    table = pd.DataFrame(np.round(moved.parameters, 6), columns=["x", "y", "z", "pitch", "roll", "yaw"])
    table.insert(0, "volume", np.arange(early, early + n))
    table["fd"] = np.round(moved.displacement, 6)
    table["fate"] = np.where(moved.displacement > limit_mm, "moved", "used")
    dropped = pd.DataFrame({"volume": np.arange(early), "fate": "dummy"})
    return pd.concat([dropped, table]).reset_index(drop=True) if early else table
