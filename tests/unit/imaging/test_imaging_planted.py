"""Defects planted at random into a sound series or file: each is caught with its own reason, and the sound one is not.

CONSILIUM_DRAWS=100 pytest tests/unit/imaging/test_imaging_planted.py plants each of them a hundred times.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from consilium.core.errors import InputError
from consilium.imaging.intake import reader
from consilium.simulate.images_identity import identity
from dicom_cases import AFFINE, SCOUT, T1, T2, edit, series
from imaging_cases import sample

DRAWS = int(os.environ.get("CONSILIUM_DRAWS", "2"))
Rng = np.random.Generator
SHAPE = (8, 9, 7)


def voxels(rng: Rng) -> np.ndarray:
    return rng.integers(0, 2000, SHAPE).astype(np.int16)


def sound(folder: Path, rng: Rng, modality: str = "MR", **fields: object) -> Path:
    fields = T1 | {"SeriesNumber": int(rng.integers(1, 99))} | fields if modality == "MR" else fields
    series(folder / "s", modality, voxels=voxels(rng), **fields)
    return folder / "s"


def one_file(folder: Path, rng: Rng) -> Path:
    return sorted(folder.iterdir())[int(rng.integers(SHAPE[2]))]


def change_one(folder: Path, rng: Rng, change: Callable[[pydicom.Dataset], None]) -> Path:
    file = one_file(folder, rng)
    dataset = pydicom.dcmread(file)
    change(dataset)
    dataset.save_as(file)
    return folder


def missing_slice(folder: Path, rng: Rng) -> Path:
    series(folder / "s", voxels=voxels(rng), skip=(int(rng.integers(1, SHAPE[2] - 1)),), **T1)
    return folder / "s"


def moved_slice(folder: Path, rng: Rng) -> Path:
    def move(dataset: pydicom.Dataset) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, f"{float(z) + float(rng.uniform(0.4, 1.2)):.5g}"]

    return change_one(sound(folder, rng), rng, move)


def turned_slice(folder: Path, rng: Rng) -> Path:
    return change_one(sound(folder, rng), rng, lambda d: d.update({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}))


def other_person(folder: Path, rng: Rng) -> Path:
    name = identity("P002", 1970, int(rng.integers(99))).name
    return change_one(sound(folder, rng), rng, lambda d: d.update({"PatientName": name}))


def two_series(folder: Path, rng: Rng) -> Path:
    sound(folder / "a", rng)
    sound(folder / "b", rng)
    uid = f"1.2.{int(rng.integers(1, 999))}"
    edit(folder / "b" / "s", lambda d: d.update({"SeriesInstanceUID": uid}))
    return folder


def short_pixels(folder: Path, rng: Rng) -> Path:
    file = one_file(sound(folder, rng), rng)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - int(rng.integers(1, 2 * SHAPE[0] * SHAPE[1]))])
    return file.parent


def burned_in(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, BurnedInAnnotation="YES")


def phase_image(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, ImageType=["ORIGINAL", "PRIMARY", ("P", "PHASE")[int(rng.integers(2))]])


def localizer(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, **SCOUT)


def diffusion(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION"])


def other_contrast(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, **T2 | {"EchoTime": f"{rng.uniform(65, 120):.4g}", "InversionTime": None})


def ct_as_mr(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, "CT", RescaleSlope="1", RescaleIntercept="0")


def ct_unscaled(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, "CT")


def pet_without_decay(folder: Path, rng: Rng) -> Path:
    return sound(folder, rng, "PT", Units="BQML", DecayCorrection="START")


def colour(folder: Path, rng: Rng) -> Path:
    return change_one(sound(folder, rng), rng, lambda d: d.update({"SamplesPerPixel": 3}))


def nifti(folder: Path, image: nib.Nifti1Image, name: str = "a.nii") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(image.to_bytes())
    return folder / name


def made(rng: Rng) -> nib.Nifti1Image:
    image = nib.Nifti1Image(voxels(rng), AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.set_qform(AFFINE, code=1)
    return image


def flipped(folder: Path, rng: Rng) -> Path:
    image = made(rng)
    image.set_qform(AFFINE @ np.diag([-1, 1, 1, 1]), code=1)
    return nifti(folder, image)


def wrong_voxel_size(folder: Path, rng: Rng) -> Path:
    image = made(rng)
    image.header["pixdim"][int(rng.integers(1, 4))] *= rng.choice([0.5, 0.8, 1.3, 2.0])
    return nifti(folder, image)


def wrong_unit(folder: Path, rng: Rng) -> Path:
    image = made(rng)
    image.header.set_xyzt_units(("meter", "micron")[int(rng.integers(2))], "sec")
    return nifti(folder, image)


def no_orientation(folder: Path, rng: Rng) -> Path:
    file = nifti(folder, made(rng))
    raw = bytearray(file.read_bytes())
    raw[252:256] = bytes(4)  # qform_code, sform_code
    file.write_bytes(raw)
    return file


def constant(folder: Path, rng: Rng) -> Path:
    return nifti(folder, nib.Nifti1Image(np.full(SHAPE, int(rng.integers(0, 99)), np.int16), AFFINE))


def short_gzip(folder: Path, rng: Rng) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(made(rng).to_bytes())
    (folder / "a.nii.gz").write_bytes(packed[: int(rng.integers(len(packed) // 2, len(packed) - 8))])
    return folder / "a.nii.gz"


def not_finite(folder: Path, rng: Rng) -> Path:
    values = voxels(rng).astype(np.float32)
    values[rng.random(SHAPE) < rng.uniform(0.6, 1.0)] = np.nan
    return nifti(folder, nib.Nifti1Image(values, AFFINE))


REFUSED = [
    (missing_slice, "T1", "missing slice"), (moved_slice, "T1", "slice distances"),
    (turned_slice, "T1", "different size or direction"), (other_person, "T1", "more than one person"),
    (two_series, "T1", "2 series that could be the T1"), (short_pixels, "T1", "truncated pixels"),
    (burned_in, "T1", "burned-in annotation"), (phase_image, "T1", "phase images"),
    (localizer, "T1", "localizer by its header"), (diffusion, "T1", "DWI by its header"),
    (ct_as_mr, "T1", "modality CT"), (colour, "T1", "colour image"), (flipped, "T1", "left and right"),
    (wrong_unit, "T1", "voxel size"), (no_orientation, "T1", "orientation unknown"), (constant, "T1", "constant image"),
    (short_gzip, "T1", "truncated gzip"), (not_finite, "T1", "not finite numbers"),
]  # fmt: skip
FLAGGED = [
    (other_contrast, "T1", "the header speaks for T2"), (ct_unscaled, "CT", "without rescale slope"),
    (pet_without_decay, "PET", "SUV not computed"), (wrong_voxel_size, "T1", "voxel sizes of pixdim and sform"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "kind", "reason"), REFUSED, ids=[c[0].__name__ for c in REFUSED])
def test_refused_with_its_reason(tmp_path: Path, plant: Callable[..., Path], kind: str, reason: str) -> None:
    for draw in range(DRAWS):
        with pytest.raises(InputError, match=reason):
            reader.read(sample(plant(tmp_path / str(draw), np.random.default_rng(draw)), kind))


@pytest.mark.parametrize(("plant", "kind", "reason"), FLAGGED, ids=[c[0].__name__ for c in FLAGGED])
def test_used_and_flagged_with_its_reason(tmp_path: Path, plant: Callable[..., Path], kind: str, reason: str) -> None:
    for draw in range(DRAWS):
        volume = reader.read(sample(plant(tmp_path / str(draw), np.random.default_rng(draw)), kind))
        assert any(reason in note for note in volume.notes)


def test_sound_images_are_neither(tmp_path: Path) -> None:
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        assert reader.read(sample(sound(tmp_path / str(draw), rng), "T1")).notes == []
        assert reader.read(sample(nifti(tmp_path / str(draw), made(rng)), "T1")).notes == []
