"""Defects of files: each draw writes a file or folder and is read by the room's own reader."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from consilium.core.errors import InputError
from consilium.core.sheets import Sample
from consilium.imaging.brain.images import _suv_features
from consilium.imaging.intake import reader
from consilium.imaging.quality.units import raw_offset
from consilium.imaging.quality.verdict import judge
from consilium.simulate import images_dicom as dicom
from consilium.simulate.images import nifti_bytes
from consilium.simulate.images_brain import pet
from consilium.simulate.images_ct import chest
from consilium.simulate.images_identity import Planted, identity

Rng = np.random.Generator
Draw = Callable[[Rng, Path], str]


def said(path: Path, kind: str) -> str:
    """What the room says of a file: the reader's causes, or the verdict on what can be judged without a template."""
    try:
        volume = reader.read(Sample("P", "imaging", kind, str(path), "", kind, 2))
    except InputError as error:
        return "; ".join(p.found for p in error.problems)
    metrics = {"nan_share": volume.nan_share}
    metrics |= {f"spacing_{a}": float(s) for a, s in zip("xyz", volume.spacing, strict=True)}
    if kind == "CT":
        metrics["raw_offset"] = raw_offset(volume.voxels)
    if volume.unit == "SUV":
        metrics["suv_mean_head"] = next(f.value for f in _suv_features(volume)[0] if f.name == "suv_mean")
    return judge(kind, metrics, [*volume.notes, volume.unit_reason])[1]


def _head(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = rng.uniform(-90, -70, 3)
    grid = np.indices((40, 48, 40)) - np.array([20, 24, 20]).reshape(3, 1, 1, 1)
    ball = (grid**2).sum(axis=0) < rng.uniform(14, 17) ** 2
    return (ball * rng.integers(200, 400, ball.shape) + rng.integers(0, 20, ball.shape)).astype(np.int16), affine


def _nifti(rng: Rng, folder: Path, change: Callable[[nib.Nifti1Image], None] | None = None) -> Path:
    voxels, affine = _head(rng)
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    if change is not None:
        change(image)
    path = folder / "image.nii.gz"
    path.write_bytes(gzip.compress(image.to_bytes(), 1))
    return path


def truncated(rng: Rng, folder: Path) -> str:
    path = _nifti(rng, folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * rng.uniform(0.05, 0.98))])
    return said(path, "T1")


def damaged(rng: Rng, folder: Path) -> str:
    path = _nifti(rng, folder)
    whole = bytearray(path.read_bytes())
    at = int(rng.integers(len(whole) // 10, len(whole) - 9))
    whole[at : at + 4] = bytes(b ^ 0xFF for b in whole[at : at + 4])
    path.write_bytes(bytes(whole))
    return said(path, "T1")


def constant(rng: Rng, folder: Path) -> str:
    value = int(rng.integers(0, 500))
    path = folder / "image.nii.gz"
    path.write_bytes(nifti_bytes(np.full((30, 30, 30), value, np.int16), np.diag([4.0, 4, 4, 1])))
    return said(path, "T1")


def not_finite(rng: Rng, folder: Path) -> str:
    voxels, affine = _head(rng)
    broken = voxels.astype(np.float32)
    broken[rng.random(voxels.shape) < rng.uniform(0.001, 0.9)] = rng.choice([np.nan, np.inf])
    path = folder / "image.nii.gz"
    path.write_bytes(nifti_bytes(broken, affine))
    return said(path, "T1")


def no_orientation(rng: Rng, folder: Path) -> str:
    def change(image: nib.Nifti1Image) -> None:
        image.set_sform(None, 0)
        image.set_qform(None, 0)

    return said(_nifti(rng, folder, change), "T1")


def flipped_header(rng: Rng, folder: Path) -> str:
    """sform with left and right exchanged, qform as it was; or the other way round."""

    def change(image: nib.Nifti1Image) -> None:
        turned = image.affine @ np.diag([-1.0, 1, 1, 1])
        (image.set_sform if rng.random() < 0.5 else image.set_qform)(turned, 1)

    return said(_nifti(rng, folder, change), "T1")


def sizes_disagree(rng: Rng, folder: Path) -> str:
    def change(image: nib.Nifti1Image) -> None:
        image.set_qform(None, 0)
        image.header["pixdim"][1 + int(rng.integers(3))] *= rng.choice([0.5, 0.8, 1.25, 2.0])

    return said(_nifti(rng, folder, change), "T1")


def wrong_units(rng: Rng, folder: Path) -> str:
    unit = str(rng.choice(["meter", "micron"]))
    return said(_nifti(rng, folder, lambda image: image.header.set_xyzt_units(unit, "sec")), "T1")


def thick_voxels(rng: Rng, folder: Path) -> str:
    def change(image: nib.Nifti1Image) -> None:
        factor = np.ones(4)
        factor[int(rng.integers(3))] = rng.uniform(2.2, 7)
        image.set_sform(image.affine @ np.diag(factor), 1)
        image.set_qform(image.affine, 1)

    return said(_nifti(rng, folder, change), "T1")


def text(rng: Rng, folder: Path) -> str:
    path = folder / "image.nii.gz"
    path.write_bytes(bytes(rng.integers(32, 120, int(rng.integers(10, 5000)), dtype=np.uint8)))
    return said(path, "T1")


def a_series_as_t1(rng: Rng, folder: Path) -> str:
    voxels, affine = _head(rng)
    path = folder / "image.nii.gz"
    path.write_bytes(nifti_bytes(np.stack([voxels] * int(rng.integers(2, 5)), axis=-1), affine))
    return said(path, "T1")


def _dicom(rng: Rng, folder: Path, name: str = "one", person: int = 0, modality: str = "CT",
           skip: tuple[int, ...] = ()) -> Path:  # fmt: skip
    voxels, affine = _head(rng)
    kept: dict[str, dict[str, object]] = {"CT": {"RescaleIntercept": "-1024", "RescaleSlope": "1", "KVP": "120"}}
    technical = kept.get(modality, {})
    dicom.write_series(folder / "series" / name, voxels[::2, ::2, 8:32], affine, modality,
                       identity(f"P{person}", 1960, 1), "P", "2024-01-01", Planted(), technical, skip)  # fmt: skip
    return folder / "series"


def missing_slice(rng: Rng, folder: Path) -> str:
    first = int(rng.integers(1, 20))
    return said(_dicom(rng, folder, skip=tuple(range(first, first + int(rng.integers(1, 4))))), "CT")


def mixed_series(rng: Rng, folder: Path) -> str:
    _dicom(rng, folder, "one")
    return said(_dicom(rng, folder, f"two{rng.integers(9)}"), "CT")


def two_persons(rng: Rng, folder: Path) -> str:
    _dicom(rng, folder, "one", 1)
    return said(_dicom(rng, folder, "two", 2 + int(rng.integers(50))), "CT")


def wrong_modality(rng: Rng, folder: Path) -> str:
    true, given = [("CT", "T1"), ("CT", "PET"), ("MR", "CT"), ("PT", "T1")][int(rng.integers(4))]
    return said(_dicom(rng, folder, modality=true), given)


def truncated_pixels(rng: Rng, folder: Path) -> str:
    path = _dicom(rng, folder)
    files = sorted(path.rglob("*.dcm"))
    some = files[int(rng.integers(len(files)))]
    whole = some.read_bytes()
    some.write_bytes(whole[: len(whole) - int(rng.integers(40, 800))])
    return said(path, "CT")


def screenshot(rng: Rng, folder: Path) -> str:
    pixels = (rng.random((64, 64)) * 90).astype(np.uint8)
    dicom.write_capture(folder / "shot" / "a.dcm", pixels, identity("P", 1960, 1), "P", "2024-01-01", Planted())
    return said(folder / "shot", "PET")


def ct_without_rescale(rng: Rng, folder: Path) -> str:
    scan, _ = chest(rng)
    path = folder / "ct.nii.gz"
    raw = scan.voxels.astype(np.int32) + int(rng.choice([1000, 1024]))
    path.write_bytes(nifti_bytes(np.maximum(raw, 0).astype(np.int16), scan.affine))
    return said(path, "CT")


def _pet(rng: Rng, folder: Path, change: Callable[[dict[str, object]], object]) -> str:
    scan = pet(0.0, rng, spacing_mm=8.0)
    path = folder / "pet.nii.gz"
    path.write_bytes(nifti_bytes(scan.voxels, scan.affine))
    dose_bq, delay_s = (float(str(scan.truth[k])) for k in ("dose_bq", "delay_s"))
    facts: dict[str, object] = {
        "Units": "Bq/mL", "TracerRadionuclide": "F18", "InjectedRadioactivity": dose_bq / 1e6,
        "InjectedRadioactivityUnits": "MBq", "InjectionStart": -delay_s,
        "ImageDecayCorrected": True, "ImageDecayCorrectionTime": 0, "BodyWeight": scan.truth["weight_kg"],
    }  # fmt: skip
    change(facts)
    (folder / "pet.json").write_text(json.dumps(facts))
    return said(path, "PET")


def pet_without_tags(rng: Rng, folder: Path) -> str:
    tags = ["InjectionStart", "ImageDecayCorrected", "TracerRadionuclide", "ImageDecayCorrectionTime",
            "InjectedRadioactivity", "BodyWeight"]  # fmt: skip
    return _pet(rng, folder, lambda facts: facts.pop(str(rng.choice(tags))))


def pet_without_units(rng: Rng, folder: Path) -> str:
    return _pet(rng, folder, lambda facts: facts.update(Units=str(rng.choice(["", "counts", "PROPCPS"]))))


def pet_wrong_dose(rng: Rng, folder: Path) -> str:
    """Dose or weight off by a factor of ten to a million."""

    def change(facts: dict[str, object]) -> None:
        tag = str(rng.choice(["InjectedRadioactivity", "BodyWeight"]))
        facts[tag] = float(facts[tag]) * 10.0 ** float(rng.choice([-6, -3, -2, 2, 3, 6]))  # type: ignore[arg-type]

    return _pet(rng, folder, change)


DEFECTS: dict[str, tuple[str, Draw]] = {
    "truncated gzip": ("truncated", truncated),
    "damaged gzip": ("damaged|truncated|no NIfTI magic", damaged),
    "constant volume": ("constant image", constant),
    "not finite voxels": ("voxels without a value|not finite", not_finite),
    "no orientation": ("orientation unknown", no_orientation),
    "left-right flipped sform or qform": ("contradict each other on left and right", flipped_header),
    "voxel sizes of pixdim and sform differ": ("voxel sizes of pixdim and sform", sizes_disagree),
    "metres or microns": ("field of view|voxel size", wrong_units),
    "implausibly long voxels": ("very large voxels", thick_voxels),
    "not an image": ("not a NIfTI", text),
    "a series given as T1": ("4D", a_series_as_t1),
    "missing slices (DICOM)": ("missing slice", missing_slice),
    "mixed series (DICOM)": ("2 series", mixed_series),
    "two persons in a folder (DICOM)": ("more than one person", two_persons),
    "wrong modality (DICOM)": ("modality", wrong_modality),
    "truncated pixels (DICOM)": ("truncated", truncated_pixels),
    "screenshot (DICOM)": ("screenshot", screenshot),
    "CT without rescale": ("rescale", ct_without_rescale),
    "PET without decay tags, dose or weight": ("SUV not computed", pet_without_tags),
    "PET without units": ("units are neither", pet_without_units),
    "PET with wrong dose or weight": ("wrong dose, weight or time|no believable", pet_wrong_dose),
}
CLEAN: dict[str, Draw] = {
    "clean NIfTI": lambda rng, folder: said(_nifti(rng, folder), "T1"),
    "clean DICOM": lambda rng, folder: said(_dicom(rng, folder), "CT"),
    "clean PET": lambda rng, folder: _pet(rng, folder, lambda facts: None),
}
