"""One patient's images: read, judge, process and write each; the work of a chunk stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.core.store import scratch_folder, write_facts
from consilium.imaging import outcome, reading
from consilium.imaging.intake import deidentify, sidecar
from consilium.imaging.outcome import RELATIONS, Outcome
from consilium.imaging.quality import patient, sketch, structural, units
from consilium.imaging.settings import Settings
from consilium.imaging.volume import STRUCTURAL, Volume

PAIRED = ("FLAIR", "T2", "T1", "PET", "CT")  # which image a mask belongs to, in order of preference


def one_patient(task: Task, folder: Path, settings: Settings, threads: int = 1) -> list[Problem]:
    """Process every image of a patient into folder/<sample>/; problems of those that cannot be used.

    Images go first, masks after them, since a mask is measured on its image. threads: that read ahead.
    """
    problems: list[Problem] = []
    done: dict[str, tuple[Volume, Outcome]] = {}
    heads: dict[str, Outcome] = {}
    persons: dict[str, str] = {}
    samples = sorted(task.samples, key=lambda s: (s.kind == "mask", s.sample))
    kept = PAIRED if samples and samples[-1].kind == "mask" else ()  # images are held for masks only
    # Quiet around all of it: reading threads would undo each other's silence.
    with scratch_folder(folder / ".scratch") as scratch, deidentify.quiet():
        for sample, volume in reading.ahead(samples, scratch=scratch, threads=threads):
            if isinstance(volume, InputError):
                problems += volume.problems
                continue
            try:
                result = _dispatch(volume, sample, done, folder / sample.sample, settings)
                _look_again(result, volume)
            except InputError as error:
                problems += error.problems
                continue
            verdict, reason = outcome.write(result, volume, sample, folder / sample.sample)
            persons[sample.sample] = volume.person
            if sample.kind in STRUCTURAL:
                heads[sample.sample] = result
            if sample.kind in kept:
                done[sample.sample] = (volume, result)
            if verdict == "exclude":
                problems.append(
                    Problem(sample.path, f"excluded by QC: {reason}", "an image within the limits of docs/methods",
                            "look at its picture; acquire or export it again", patient=sample.patient)
                )  # fmt: skip
    if len(persons) > 1:
        write_facts(folder / RELATIONS, patient.related(heads, persons))
    return problems


def _look_again(result: Outcome, volume: Volume) -> None:
    """Quality that any kind shares: slices, a likeness for finding copies, why units are not known."""
    if volume.kind in ("CT", "PET"):
        result.metrics |= structural.of_slices(np.nan_to_num(volume.voxels, nan=float(np.nanmin(volume.voxels))))
    if volume.kind == "CT":
        result.metrics["raw_offset"] = units.raw_offset(volume.voxels)
    if volume.kind == "PET" and volume.unit_reason:
        result.notes.append(volume.unit_reason)
    if volume.kind == "mask":
        result.metrics["volume_share"] = float((np.nan_to_num(volume.voxels) > 0).mean())
    elif result.sketch is None:
        result.sketch = sketch.draw(volume.voxels, volume.affine)


def sidecars(task: Task) -> list[Path]:
    """JSON files beside NIfTI: their content counts as input."""
    return [sidecar.beside(Path(s.path)) for s in task.samples if s.kind != "mask" and not Path(s.path).is_dir()]


def _dispatch(volume: Volume, sample: Sample, done: dict[str, tuple[Volume, Outcome]], folder: Path,
              settings: Settings) -> Outcome:  # fmt: skip
    from consilium.imaging.body import images as body_images
    from consilium.imaging.brain import images as brain_images
    from consilium.imaging.fmri import series as fmri_series

    folder.mkdir(parents=True, exist_ok=True)
    if volume.kind in STRUCTURAL:
        return brain_images.structural(volume, folder, settings.grid_mm, settings.brain)
    if volume.kind == "fMRI":
        return fmri_series.fmri(volume, folder, settings.fmri, settings.brain.regions)
    if volume.kind == "PET":
        return brain_images.pet(volume, folder, settings.brain)
    if volume.kind == "CT":
        return body_images.ct(volume, folder, settings.deface)
    return body_images.mask(volume, partner(sample, done), folder, settings.radiomics, settings.deface)


def partner(sample: Sample, done: dict[str, tuple[Volume, Outcome]]) -> tuple[Volume, Outcome] | None:
    """The image of a mask: the one with the same number (mask-2: FLAIR-2), else the first there is."""
    number = sample.sample.removeprefix("mask")
    for kind in PAIRED:
        if f"{kind}{number}" in done:
            return done[f"{kind}{number}"]
    for kind in PAIRED:
        for name in sorted(done):
            if name.split("-")[0] == kind:
                return done[name]
    return None
