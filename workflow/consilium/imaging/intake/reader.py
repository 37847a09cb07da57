"""One image of samples.tsv -> Volume, the same way for the check of all files and for processing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.imaging.frames import extremes
from consilium.imaging.intake import deidentify, dicom, nifti, sidecar, suv
from consilium.imaging.privacy import burned_in
from consilium.imaging.volume import Volume, clean, shear, voxel_size

FOV_MM = (30.0, 2500.0)  # shortest and longest believable side of an image
MAX_SHEAR = 0.001


def read(sample: Sample, scratch: Path | None = None) -> Volume:
    """Read, validate and bring to RAS order. InputError with the causes when the image cannot be used.

    scratch: folder for the files of a conversion, to be kept for as long as the volume is used (an fMRI run is read
    from there, volume by volume) and cleared then, also after a crash; default: the system's, and runs in memory.
    """
    with deidentify.quiet():
        return _read(sample, scratch)


def _read(sample: Sample, scratch: Path | None) -> Volume:
    path = Path(sample.path)
    try:
        if path.is_dir() or _is_dicom(path):
            volume = dicom.read(path, sample.kind, sample.patient, sample.series, scratch)
        else:
            volume = nifti.read(path, sample.kind, sample.patient)
            if sample.kind == "PET":
                suv.apply_sidecar(volume, sidecar.load(path))
    except OSError as error:
        raise InputError(
            Problem(sample.path, f"cannot be read ({error.strerror})", "a readable file", "check path and rights",
                    patient=sample.patient)
        ) from None  # fmt: skip
    problems = [Problem(sample.path, *p, patient=sample.patient) for p in content_problems(volume)]
    if problems:
        raise InputError(problems)
    return straightened(volume) if shear(volume.affine) > MAX_SHEAR else volume


def _is_dicom(path: Path) -> bool:
    with open(path, "rb") as handle:
        return handle.read(132)[128:] == b"DICM"


def content_problems(volume: Volume) -> list[tuple[str, str, str]]:
    """Voxels or geometry that no image has: all equal, nothing finite, a side of metres."""
    problems = []
    sides = volume.spacing * volume.voxels.shape[:3]
    if sides.min() < 1 or sides.max() > FOV_MM[1]:
        text = "field of view " + " x ".join(f"{s:.4g}" for s in sides) + " mm"
        problems.append((text, f"sides of at most {FOV_MM[1]:g} mm", "correct units or header"))
    if volume.nan_share > 0.5:
        text = f"{volume.nan_share:.0%} of the voxels are not finite numbers"
        problems.append((text, "at most 50 %", "convert the image again"))
        return problems
    if text := burned_in.found(volume.voxels, volume.kind):
        problems.append((text, "images without text in their pixels", "supply the original series, or mask the text"))
    low, high = extremes(volume.voxels)
    if volume.kind == "mask":
        if high <= 0:
            problems.append(("an empty mask", "at least one voxel above 0", "supply the mask, or leave the row out"))
    elif low == high:
        problems.append((f"a constant image (every voxel {low:.6g})", "voxels that differ", "export it again"))
    return problems


def straightened(volume: Volume) -> Volume:
    """Resample a sheared grid (CT with tilted gantry) onto a rectangular one of the same voxel size."""
    from consilium.imaging.resampling import resample

    corners = np.array(np.meshgrid(*[[0, n - 1] for n in volume.voxels.shape[:3]])).reshape(3, -1)
    mm = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]
    sizes, low = voxel_size(volume.affine), mm.min(axis=1)
    shape = tuple(int(n) for n in np.ceil((mm.max(axis=1) - low) / sizes) + 1)
    grid = np.diag([*sizes, 1.0])
    grid[:3, 3] = low
    fill = extremes(volume.voxels)[0]
    parts = volume.voxels if volume.voxels.ndim == 4 else volume.voxels[..., None]
    moved = [resample(parts[..., t], volume.affine, np.eye(4), shape, grid, fill) for t in range(parts.shape[3])]
    volume.voxels, _ = clean(np.stack(moved, axis=-1) if volume.voxels.ndim == 4 else moved[0])
    volume.affine, volume.slice_times_s = grid, None  # its slices are not those that were taken
    volume.notes.append("a sheared grid (tilted gantry) was resampled to a rectangular one")
    return volume
