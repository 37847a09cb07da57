"""Writes de-identified DICOM copies of one sample: fresh headers, pixels without face, numbered file names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.imaging.brain.registration import Alignment, align
from consilium.imaging.intake import deidentify, reader
from consilium.imaging.privacy import faces, skull
from consilium.imaging.privacy.scrub import Scrubber, Tally, mark
from consilium.imaging.resampling import at_spacing
from consilium.imaging.volume import Affine, Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
FACELESS = ("CHEST", "ABDOMEN", "PELVIS", "TSPINE", "LSPINE", "HEART", "BREAST", "LIVER", "KIDNEY", "PROSTATE", "KNEE",
            "HIP", "SHOULDER", "ANKLE", "FOOT", "HAND", "WRIST", "ELBOW", "LEG", "ARM", "EXTREMITY", "CHESTABDOMEN",
            "CHESTABDPELVIS", "ABDOMENPELVIS")  # fmt: skip


def write(sample: Sample, scrubber: Scrubber, folder: Path, deface: bool) -> Tally:
    """Copies of the images of a DICOM sample as folder/000001.dcm …; what became of their attributes.

    Raises InputError where the sample cannot be used, holds text in its pixels, or a face that cannot be found.
    """
    with deidentify.quiet():
        return _write(sample, scrubber, folder, deface)


def _write(sample: Sample, scrubber: Scrubber, folder: Path, deface: bool) -> Tally:
    volume = reader.read(sample)
    datasets = list(_images(sample))
    problems = _problems(datasets)
    alignment, reason = _face(volume, datasets) if deface and not problems else (None, "")
    problems += [reason] if reason else []
    if problems:
        allowed, mend = "one image series without face or text", "see docs/methods/imaging/deidentification.md"
        raise InputError(
            [
                Problem(sample.path, f"no de-identified copy: {p}", allowed, mend, patient=sample.patient)
                for p in problems
            ]
        )
    tally = Tally()
    folder.mkdir(parents=True)
    for number, dataset in enumerate(sorted(datasets, key=_order), start=1):
        _write_one(dataset, scrubber, alignment, deface, folder / f"{number:06d}.dcm", tally)
    return tally


def _images(sample: Sample) -> Iterator[Any]:
    """Image data sets of the sample's modality, with pixels of one value each."""
    import pydicom

    path = Path(sample.path)
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        try:
            dataset = pydicom.dcmread(file)
        except Exception:  # what is no DICOM image was judged by the reader already
            continue
        localizer = "LOCALIZER" in [str(v).upper() for v in dataset.get("ImageType") or []]
        if "PixelData" in dataset and not localizer and deidentify.modality(dataset) in ("MR", "CT", "PT"):
            yield dataset


def _problems(datasets: list[Any]) -> list[str]:
    found = []
    if len({str(d.get("SeriesInstanceUID", "")) for d in datasets}) > 1:
        found.append("several series in one folder")
    if any("MOSAIC" in [str(v).upper() for v in d.get("ImageType") or []] for d in datasets):
        found.append("a Siemens mosaic, of which private attributes (dropped) say how many slices it holds")
    found += sorted({deidentify.burned_in(d) for d in datasets} - {""})
    return found


def _order(dataset: Any) -> tuple[float, float]:
    return float(dataset.get("AcquisitionNumber") or 0), float(dataset.get("InstanceNumber") or 0)


def _face(volume: Volume, datasets: list[Any]) -> tuple[Alignment | None, str]:
    """(registration that says where the face is, ""), (None, "") for an image without head, or (None, why unknown)."""
    if volume.kind == "CT":
        alignment = skull.alignment(volume)
        if alignment is None:
            return None, ""
    else:
        mean = volume.voxels if volume.voxels.ndim == 3 else volume.voxels.mean(axis=3)
        alignment = align(*at_spacing(mean, volume.affine, faces.COARSE_MM))
    if not alignment.reason:
        return alignment, ""
    parts = {str(d.get("BodyPartExamined", "") or "").upper() for d in datasets}
    if parts <= set(FACELESS):
        return None, ""
    return None, f"the face, if there is one, cannot be found: {alignment.reason}"


def _write_one(dataset: Any, scrubber: Scrubber, alignment: Alignment | None, deface: bool, file: Path,
               tally: Tally) -> None:  # fmt: skip
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    pixels = _plain(dataset)
    if alignment is not None:
        frames = pixels.reshape(-1, *pixels.shape[-2:])
        lowest = frames.min()
        for frame, affine in zip(frames, _planes(dataset, len(frames)), strict=True):
            frame[faces.face((*frame.T.shape, 1), affine, alignment)[:, :, 0].T] = lowest
    clean = scrubber.clean(dataset, tally)
    clean.PatientID = clean.PatientName = scrubber.patient
    clean.PixelData = pixels.tobytes()
    clean["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
    mark(clean, deface)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = clean.SOPClassUID, clean.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(str(file), clean, preamble=b"\0" * 128, file_meta=meta).save_as(file, enforce_file_format=True)


def _plain(dataset: Any) -> NDArray:
    """Stored values, unpacked; bits beyond those that are used are cleared: overlays were once hidden there."""
    pixels = np.array(dataset.pixel_array)
    spare = int(dataset.BitsAllocated) - int(dataset.BitsStored)
    return (pixels << spare) >> spare if spare > 0 and pixels.dtype.kind in "iu" else pixels


def _planes(dataset: Any, n: int) -> Iterator[Affine]:
    """(column, row, 0) -> RAS mm of every frame."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [dataset] * n
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]

    def value(frame: Any, group: str, name: str) -> Any:
        for holder in (frame, shared):
            if holder is not None and group in holder:
                return holder[group].value[0][name].value
        return dataset[name].value

    for frame in frames:
        position = value(frame, "PlanePositionSequence", "ImagePositionPatient")
        orientation = np.array(value(frame, "PlaneOrientationSequence", "ImageOrientationPatient"), dtype=float)
        rows, columns = (float(v) for v in value(frame, "PixelMeasuresSequence", "PixelSpacing"))
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = orientation[:3] * columns, orientation[3:] * rows
        affine[:3, 2] = np.cross(orientation[:3], orientation[3:])
        affine[:3, 3] = [float(v) for v in position]
        yield np.asarray(LPS_TO_RAS @ affine, dtype=np.float64)
