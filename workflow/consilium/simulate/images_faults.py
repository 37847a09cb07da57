"""Images that are broken on purpose, one function a fault, and the words that their refusal must contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from consilium.simulate import images_dicom as dicom
from consilium.simulate.images_brain import Scan, t1
from consilium.simulate.images_ct import chest
from consilium.simulate.images_identity import Planted

if TYPE_CHECKING:
    from consilium.simulate.images import Job


@dataclass(frozen=True)
class Fault:
    """kind: kind in samples.tsv. what: word of the expected cause. make: writes the file and returns its path."""

    kind: str
    what: str
    make: Callable[[Job, Planted], Path]


def _t1(job: Job) -> Scan:
    return t1(0.0, "female", "site_1", job.rng, spacing_mm=4.0)


def _file(job: Job, name: str, content: bytes) -> Path:
    job.folder.mkdir(parents=True, exist_ok=True)
    path = job.folder / name
    path.write_bytes(content)
    return path


def truncated(job: Job, planted: Planted) -> Path:
    from consilium.simulate.images import nifti_bytes

    scan = _t1(job)
    whole = nifti_bytes(scan.voxels, scan.affine)
    return _file(job, "truncated_T1.nii.gz", whole[: len(whole) * 2 // 3])


def constant(job: Job, planted: Planted) -> Path:
    from consilium.simulate.images import nifti_bytes

    return _file(job, "constant_T1.nii.gz", nifti_bytes(np.full((40, 48, 40), 7, np.int16), np.diag([4.0, 4, 4, 1])))


def no_orientation(job: Job, planted: Planted) -> Path:
    import gzip

    scan = _t1(job)
    image = nib.Nifti1Image(scan.voxels, None)
    image.header.set_zooms((4.0, 4.0, 4.0))
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    return _file(job, "no_orientation_T1.nii.gz", gzip.compress(image.to_bytes(), 6, mtime=0))


def renamed_text(job: Job, planted: Planted) -> Path:
    return _file(job, "text_PET.nii.gz", b"This is a note about the scan, not the scan.\n")


def missing_slice(job: Job, planted: Planted) -> Path:
    from consilium.simulate.images import _as_dicom

    scan, _ = chest(job.rng)
    thin = Scan(scan.voxels[:, :, 20:44], scan.affine, scan.truth)
    return _as_dicom(job, thin, planted, "missing_slice_CT", skip=(9, 10))[0]


def no_dicom(job: Job, planted: Planted) -> Path:
    folder = job.folder / "no_dicom_CT"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "readme.txt").write_text("The images are on the other disk.\n", encoding="utf-8")
    return folder


def screenshot(job: Job, planted: Planted) -> Path:
    folder = job.folder / "screenshot_PET"
    pixels = (job.rng.random((64, 64)) * 90).astype(np.uint8)
    pixels[4:12, 4:60:3] = 255  # letters burned in, as a block
    dicom.write_capture(folder / "capture.dcm", pixels, job.person, job.patient, job.taken_on, planted)
    return folder


def wrong_modality(job: Job, planted: Planted) -> Path:
    from dataclasses import replace

    from consilium.simulate.images import _as_dicom

    scan, _ = chest(job.rng)
    return _as_dicom(replace(job, kind="CT"), scan, planted, "ct_given_as_PET")[0]


FAULTS: dict[str, Fault] = {
    "truncated": Fault("T1", "truncated", truncated),
    "constant": Fault("T1", "constant", constant),
    "no_orientation": Fault("T1", "orientation", no_orientation),
    "renamed_text": Fault("PET", "not a NIfTI", renamed_text),
    "missing_slice": Fault("CT", "missing", missing_slice),
    "no_dicom": Fault("CT", "no DICOM", no_dicom),
    "screenshot": Fault("PET", "secondary capture", screenshot),
    "wrong_modality": Fault("PET", "modality", wrong_modality),
}
