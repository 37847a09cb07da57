"""Simulated images of the demo cohort: T1, fMRI, CT, PET; NIfTI and DICOM; and the broken files of the fault tests.

What is planted is returned as truth. Importing core only; the workflow never imports this.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from consilium.core.pool import processes
from consilium.core.provenance import seed_from
from consilium.simulate import images_dicom as dicom
from consilium.simulate.images_brain import HALF_LIFE_F18_S, Scan, pet, t1
from consilium.simulate.images_ct import chest
from consilium.simulate.images_fmri import TR_S, fmri
from consilium.simulate.images_identity import Identity, Planted, identity

KINDS = {"T1": "has_t1", "fMRI": "has_fmri", "CT": "has_ct", "PET": "has_pet"}
DICOM_SHARE = {"T1": 0.25, "fMRI": 0.0, "CT": 0.6, "PET": 0.45}
WORTH_A_POOL = 24  # images; below it starting processes costs more than it saves
# Row of the sample sheet, truth of the image, its nodules, identifiers planted in it.
Written = tuple[dict[str, str], dict[str, Any], list[tuple[Any, ...]], list[tuple[str, str, str, str]]]
ORIENTATIONS = ("RAS", "LAS", "PIR")
TECHNICAL: dict[str, dict[str, object]] = {
    "T1": {"MagneticFieldStrength": "3", "EchoTime": "2.9", "RepetitionTime": "2300", "InversionTime": "900",
           "FlipAngle": "9", "ScanningSequence": "GR", "MRAcquisitionType": "3D"},
    "CT": {"KVP": "120", "RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU"},
    "PET": {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN"]},
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One image to write: whose, which kind, where, and the seeds and people behind it."""

    patient: str
    kind: str
    folder: Path
    taken_on: str
    person: Identity
    rng: np.random.Generator


def write(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Write the images of `people` under root/raw/imaging.

    Returns sample rows and truth: images (one row an image, columns empty where they do not apply), nodules,
    identifiers (every identifying string planted in a header or file name).
    """
    rows, facts, nodules, identifiers = [], [], [], []
    for row, fact, found, planted in _written(list(_jobs(people, root, seed))):
        rows.append(row)
        facts.append(fact)
        nodules += found
        identifiers += planted
    truth = {
        "images": pd.DataFrame(facts),
        "nodules": pd.DataFrame(nodules, columns=["patient", "file", "nodule", "x_mm", "y_mm", "z_mm", "diameter_mm"]),
        "identifiers": pd.DataFrame(identifiers, columns=["patient", "file", "tag", "value"]),
    }
    return rows, truth


def _written(jobs: list[tuple[Job, dict[str, Any]]]) -> Iterator[Written]:
    """Every image written, in the order of `jobs`; each has its own seed, so the processes never show."""
    if len(jobs) < WORTH_A_POOL:
        yield from map(_write_one, jobs)
        return
    with processes(os.cpu_count() or 1) as pool:
        yield from pool.map(_write_one, jobs, chunksize=4)


def _write_one(work: tuple[Job, dict[str, Any]]) -> Written:
    job, one = work
    planted = Planted()
    scan, found = _scan(job, one)
    as_dicom = bool(job.rng.random() < DICOM_SHARE[job.kind])
    path, stored = _as_dicom(job, scan, planted) if as_dicom else _as_nifti(job, scan, planted)
    fact = {"patient": job.patient, "kind": job.kind, "file": str(path), "format": stored, **scan.truth}
    nodules = [(job.patient, str(path), i + 1, *n) for i, n in enumerate(found)]
    return _row(job, path), fact, nodules, planted.rows


def _jobs(people: pd.DataFrame, root: Path, seed: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    for one in people.to_dict("records"):
        person = identity(str(one["patient"]), int(one["birth_year"]), seed)
        for kind, wanted in KINDS.items():
            if one.get(wanted, False):
                folder = Path(root) / "raw" / "imaging" / str(one["patient"])
                rng = np.random.default_rng(seed_from(seed, "images", one["patient"], kind))
                yield Job(str(one["patient"]), kind, folder, str(one["index_date"])[:10], person, rng), one


def _scan(job: Job, one: dict[str, Any]) -> tuple[Scan, list[tuple[float, float, float, float]]]:
    z = float(one["z_image"])
    if job.kind == "CT":
        return chest(job.rng)
    if job.kind == "T1":
        return t1(z, str(one["sex"]), str(one["site"]), job.rng), []
    return (fmri(z, job.rng) if job.kind == "fMRI" else pet(z, job.rng)), []


def _row(job: Job, path: Path) -> dict[str, str]:
    return {"patient": job.patient, "modality": "imaging", "kind": job.kind, "path": str(path),
            "taken_on": job.taken_on}  # fmt: skip


def nifti_bytes(voxels: NDArray, affine: NDArray[np.float64], descrip: str = "", tr_s: float | None = None,
                slope: float = 1.0, extension: str = "") -> bytes:  # fmt: skip
    """A gzipped NIfTI-1 without time stamp; value = stored x slope."""
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header["descrip"] = descrip.encode()[:79]
    if tr_s is not None:
        image.header["pixdim"][4] = tr_s
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", extension.encode()))
    image.header.set_slope_inter(slope, 0.0)
    return gzip.compress(image.to_bytes(), 3, mtime=0)


def _as_nifti(job: Job, scan: Scan, planted: Planted) -> tuple[Path, str]:
    job.folder.mkdir(parents=True, exist_ok=True)
    file = job.folder / f"{job.patient}_{job.kind}.nii.gz"
    voxels, affine, slope = scan.voxels, scan.affine, 1.0
    if job.kind == "PET":
        slope = float(voxels.max()) / 32000
        voxels = np.round(voxels / slope).astype(np.int16)
    code = ORIENTATIONS[int(job.rng.integers(len(ORIENTATIONS)))] if job.kind != "fMRI" else "RAS"
    turned = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(("R", "A", "S")), nib.orientations.axcodes2ornt(tuple(code))
    )
    affine = affine @ nib.orientations.inv_ornt_aff(turned, voxels.shape[:3])
    voxels = nib.orientations.apply_orientation(voxels, turned)
    person, name = job.person, str(file)
    descrip = planted.add(job.patient, name, "descrip", f"{person.name} {person.mrn}")
    note = planted.add(job.patient, name, "extension", f"{person.national_id} of {person.address}")
    tr_s = TR_S if job.kind == "fMRI" else None
    file.write_bytes(nifti_bytes(np.ascontiguousarray(voxels), affine, descrip, tr_s, slope, note))
    if job.kind == "PET":
        _sidecar(file, job, scan, planted)
    return file, f"nifti {code}"


def _sidecar(file: Path, job: Job, scan: Scan, planted: Planted) -> None:
    """BIDS-like facts of a PET scan, and identifiers that exporters leave there."""
    person, name = job.person, str(file.with_name(f"{job.patient}_PET.json"))
    facts = {
        "Units": "Bq/mL",
        "TracerRadionuclide": "F18",
        "InjectedRadioactivity": scan.truth["dose_bq"] / 1e6,  # type: ignore[operator]
        "InjectedRadioactivityUnits": "MBq",
        "InjectionStart": -scan.truth["delay_s"],  # type: ignore[operator]
        "ScanStart": 0,
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
        "BodyWeight": scan.truth["weight_kg"],
        "PatientName": planted.add(job.patient, name, "json PatientName", person.name),
        "PatientID": planted.add(job.patient, name, "json PatientID", person.mrn),
        "InstitutionName": planted.add(job.patient, name, "json InstitutionName", person.clinic),
    }
    Path(name).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _as_dicom(job: Job, scan: Scan, planted: Planted, folder: str = "", skip: tuple[int, ...] = ()) -> tuple[Path, str]:
    path = job.folder / (folder or f"{job.patient}_{job.kind}_dicom")
    voxels, technical = scan.voxels, dict(TECHNICAL[job.kind])
    if job.kind == "CT":
        voxels = (voxels.astype(np.int32) + 1024).astype(np.uint16)
    if job.kind == "PET":
        slope = f"{float(voxels.max()) / 32000:.10g}"
        voxels = np.round(voxels / float(slope)).astype(np.uint16)
        technical |= {"RescaleSlope": slope, "RescaleIntercept": "0"} | _dose(scan)
    modality = {"T1": "MR", "CT": "CT", "PET": "PT"}[job.kind]
    dicom.write_series(path, voxels, scan.affine, modality, job.person, job.patient, job.taken_on, planted,
                       technical, skip)  # fmt: skip
    return path, "dicom"


def _dose(scan: Scan) -> dict[str, object]:
    """Radiopharmaceutical sequence; the scan starts at 10:15:00 (see images_dicom)."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    start = 10 * 3600 + 15 * 60 - int(scan.truth["delay_s"])  # type: ignore[call-overload]
    drug = Dataset()
    drug.RadionuclideTotalDose = str(scan.truth["dose_bq"])
    drug.RadionuclideHalfLife = str(HALF_LIFE_F18_S)
    drug.RadiopharmaceuticalStartTime = f"{start // 3600:02d}{start % 3600 // 60:02d}{start % 60:02d}"
    return {"RadiopharmaceuticalInformationSequence": Sequence([drug]), "PatientWeight": str(scan.truth["weight_kg"])}


def faults(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Broken images for the (extra) patients of `people`, taken in turn; truth: faults (file, what), identifiers."""
    from consilium.simulate import images_faults

    planted, rows, told = Planted(), [], []
    records = people.to_dict("records")
    for i, (name, fault) in enumerate(images_faults.FAULTS.items()):
        one = records[i % len(records)]
        patient = str(one["patient"])
        rng = np.random.default_rng(seed_from(seed, "image fault", name))
        job = Job(patient, fault.kind, Path(root) / "raw" / "imaging" / patient, str(one["index_date"])[:10],
                  identity(patient, int(one["birth_year"]), seed), rng)  # fmt: skip
        path = fault.make(job, planted)
        rows.append(_row(job, path))
        told.append((str(path), fault.what))
    truth = {
        "faults": pd.DataFrame(told, columns=["file", "what"]),
        "identifiers": pd.DataFrame(planted.rows, columns=["patient", "file", "tag", "value"]),
    }
    return rows, truth
