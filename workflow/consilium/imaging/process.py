"""One patient's images: read, judge, process and write each; the work of a chunk stage."""

from __future__ import annotations

from pathlib import Path

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.imaging import outcome, reading
from consilium.imaging.brain.choice import Choice
from consilium.imaging.intake import suv
from consilium.imaging.outcome import Outcome
from consilium.imaging.volume import STRUCTURAL, Volume

PAIRED = ("FLAIR", "T2", "T1", "PET", "CT")  # which image a mask belongs to, in order of preference


def one_patient(task: Task, folder: Path, grid_mm: float, choice: Choice, threads: int = 1) -> list[Problem]:
    """Process every image of a patient into folder/<sample>/; problems of those that cannot be used.

    Images go first, masks after them, since a mask is measured on its image. threads: that read ahead.
    """
    problems: list[Problem] = []
    done: dict[str, tuple[Volume, Outcome]] = {}
    samples = sorted(task.samples, key=lambda s: (s.kind == "mask", s.sample))
    for sample, volume in reading.ahead(samples, threads):
        if isinstance(volume, InputError):
            problems += volume.problems
            continue
        try:
            result = _dispatch(volume, sample, done, folder / sample.sample, grid_mm, choice)
        except InputError as error:
            problems += error.problems
            continue
        verdict, reason = outcome.write(result, volume, sample, folder / sample.sample)
        if sample.kind in PAIRED:
            done[sample.sample] = (volume, result)
        if verdict == "exclude":
            problems.append(
                Problem(sample.path, f"excluded by QC: {reason}", "an image within the limits of docs/methods",
                        "look at its picture; acquire or export it again", patient=sample.patient)
            )  # fmt: skip
    return problems


def sidecars(task: Task) -> list[Path]:
    """JSON files beside PET NIfTI: their content counts as input."""
    return [suv.sidecar(Path(s.path)) for s in task.samples if s.kind == "PET" and not Path(s.path).is_dir()]


def _dispatch(volume: Volume, sample: Sample, done: dict[str, tuple[Volume, Outcome]], folder: Path,
              grid_mm: float, choice: Choice) -> Outcome:  # fmt: skip
    from consilium.imaging.body import images as body_images
    from consilium.imaging.brain import images as brain_images
    from consilium.imaging.fmri import series as fmri_series

    folder.mkdir(parents=True, exist_ok=True)
    if volume.kind in STRUCTURAL:
        return brain_images.structural(volume, folder, grid_mm, choice)
    if volume.kind == "fMRI":
        return fmri_series.fmri(volume, folder)
    if volume.kind == "PET":
        return brain_images.pet(volume, folder, choice)
    if volume.kind == "CT":
        return body_images.ct(volume, folder)
    return body_images.mask(volume, partner(sample, done), folder)


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
