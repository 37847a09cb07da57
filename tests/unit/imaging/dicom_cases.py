"""DICOM folders of the kinds that scanners and archives hand over, made from one small volume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from consilium.simulate import images_dicom
from consilium.simulate.images_identity import Identity, Planted, identity
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

AFFINE = np.array([[2.0, 0, 0, -12], [0, 2.5, 0, -20], [0, 0, 3, -30], [0, 0, 0, 1]])
VOXELS = np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10)
PERSON = identity("P001", 1960, 1)
# Timing of usual protocols at 3 T (ms).
T1 = {"ScanningSequence": ["GR", "IR"], "EchoTime": "2.9", "RepetitionTime": "2300", "InversionTime": "900"}
T2 = {"ScanningSequence": "SE", "EchoTime": "100", "RepetitionTime": "5000"}
FLAIR = {"ScanningSequence": ["SE", "IR"], "EchoTime": "90", "RepetitionTime": "9000", "InversionTime": "2500"}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}


def series(
    folder: Path,
    modality: str = "MR",
    skip: tuple[int, ...] = (),
    person: Identity = PERSON,
    voxels: np.ndarray = VOXELS,
    affine: np.ndarray = AFFINE,
    **technical: Any,
) -> Planted:
    """One series of `voxels` in `folder`; technical: header fields, e.g. SeriesNumber=3."""
    planted = Planted()
    images_dicom.write_series(folder, voxels, affine, modality, person, "P001", "2024-03-01", planted, technical, skip)
    return planted


def edit(folder: Path, change: Callable[[Any], None], new: str = "") -> None:
    """Apply `change` to every file; new: write beside the old ones, as other images, under this prefix."""
    for file in sorted(folder.iterdir()):
        dataset = pydicom.dcmread(file)
        if new:
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
                f"{dataset.SOPInstanceUID}.{len(new)}"
            )
        change(dataset)
        dataset.save_as(folder / (new + file.name))


def enhanced(file: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray = AFFINE, lost: tuple[int, ...] = ()) -> None:
    """All slices as one enhanced MR image (PS3.3 A.36); lost: slices that are left out."""
    folder = file.parent / "classic"
    series(folder, voxels=voxels, affine=affine, **T1)
    slices = sorted((pydicom.dcmread(f) for f in folder.iterdir()), key=lambda d: float(d.ImagePositionPatient[2]))
    slices = [d for k, d in enumerate(slices) if k not in lost]
    out = slices[0]
    frames = []
    for k, one in enumerate(slices):
        frame, plane, content = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = one.ImagePositionPatient
        content.DimensionIndexValues, content.InStackPositionNumber, content.StackID = [1, k + 1], k + 1, "1"
        frame.PlanePositionSequence, frame.FrameContentSequence = Sequence([plane]), Sequence([content])
        frames.append(frame)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = out.PixelSpacing, out.SliceThickness
    orientation.ImageOrientationPatient = out.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    out.SharedFunctionalGroupsSequence, out.PerFrameFunctionalGroupsSequence = Sequence([shared]), Sequence(frames)
    out.NumberOfFrames = len(frames)
    out.PixelData = b"".join(d.PixelData for d in slices)
    out.SOPClassUID = out.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        del out[tag]
    out.save_as(file)
    for made in folder.iterdir():
        made.unlink()
    folder.rmdir()
