"""Writes a volume as a DICOM series whose headers are full of planted identifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from consilium.simulate.images_identity import Identity, Planted, digits_of

SOP_CLASS = {
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "OT": "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
}
UID_ROOT = "1.2.826.0.1.3680043.10.1111"


def to_lps(volume: NDArray, affine: NDArray[np.float64]) -> tuple[NDArray, NDArray[np.float64]]:
    """Flip the first two axes of a RAS volume, so that columns run left and rows run back; affine stays RAS mm."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    flip[:2, 3] = volume.shape[0] - 1, volume.shape[1] - 1
    return volume[::-1, ::-1], affine @ flip


def write_series(
    folder: Path,
    volume: NDArray[np.int16] | NDArray[np.uint16],
    affine: NDArray[np.float64],
    modality: str,
    person: Identity,
    patient: str,
    taken_on: str,
    planted: Planted,
    technical: dict[str, object],
    skip: tuple[int, ...] = (),
) -> None:
    """One file per slice of `volume` (x, y, z; `affine` voxel -> RAS mm), without the slices in `skip`.

    File names carry the person's name in an order unlike that of the slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored, placed = to_lps(volume, affine)
    uid = f"{UID_ROOT}.{taken_on.replace('-', '')}.{digits_of(str(folder.name), 9)}"
    base = _base(modality, person, patient, taken_on, uid, planted, str(folder), technical)
    spacing = np.linalg.norm(placed[:3, :3], axis=0)
    to_patient = np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed
    base.ImageOrientationPatient = [_ds(v) for v in (to_patient[:3, :2] / spacing[:2]).T.ravel()]
    base.PixelSpacing = [_ds(spacing[1]), _ds(spacing[0])]
    base.SliceThickness = _ds(spacing[2])
    base.Rows, base.Columns = stored.shape[1], stored.shape[0]
    base.SamplesPerPixel, base.PhotometricInterpretation = 1, "MONOCHROME2"
    base.BitsAllocated, base.BitsStored, base.HighBit = 16, 16, 15
    base.PixelRepresentation = int(volume.dtype == np.int16)
    label = person.name.upper().replace("^", "_")
    planted.add(patient, str(folder), "file name", label)
    for k in range(stored.shape[2]):
        if k in skip:
            continue
        base.InstanceNumber = stored.shape[2] - k
        base.ImagePositionPatient = [_ds(v) for v in (to_patient @ [0, 0, k, 1])[:3]]
        base.SOPInstanceUID = f"{uid}.{k + 1}"
        base.PixelData = np.ascontiguousarray(stored[:, :, k].T).tobytes()
        _save(base, folder / f"{label}_{(k * 37) % 1000:04d}.dcm")


def write_capture(file: Path, pixels: NDArray[np.uint8], person: Identity, patient: str, taken_on: str,
                  planted: Planted) -> None:  # fmt: skip
    """A secondary capture (screenshot) with burned-in annotation."""
    file.parent.mkdir(parents=True, exist_ok=True)
    uid = f"{UID_ROOT}.{taken_on.replace('-', '')}.{digits_of(file.stem, 9)}"
    shot = _base("OT", person, patient, taken_on, uid, planted, str(file.parent), {"BurnedInAnnotation": "YES"})
    shot.SOPInstanceUID, shot.InstanceNumber = f"{uid}.1", 1
    shot.Rows, shot.Columns = pixels.shape
    shot.SamplesPerPixel, shot.PhotometricInterpretation = 1, "MONOCHROME2"
    shot.BitsAllocated, shot.BitsStored, shot.HighBit, shot.PixelRepresentation = 8, 8, 7, 0
    shot.PixelData = pixels.tobytes()
    _save(shot, file)


def _ds(value: float) -> str:
    return f"{value:.8g}"[:16]


def _base(modality: str, person: Identity, patient: str, taken_on: str, uid: str, planted: Planted, file: str,
          technical: dict[str, object]) -> FileDataset:  # fmt: skip
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = UID(SOP_CLASS[modality]), ExplicitVRLittleEndian
    out = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    date = taken_on.replace("-", "")
    out.SpecificCharacterSet, out.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY"]
    out.SOPClassUID, out.Modality = SOP_CLASS[modality], modality
    out.SeriesNumber, out.PatientSex = 2, "O"
    out.StudyDate = out.SeriesDate = out.AcquisitionDate = out.ContentDate = date
    out.StudyTime = out.SeriesTime = out.AcquisitionTime = "101500"
    for tag, value in _personal(person, patient, date, uid).items():
        setattr(out, tag, planted.add(patient, file, tag, value))
    _nested(out, person, patient, planted, file)
    for name, given in technical.items():
        setattr(out, name, given)
    return out


def _personal(person: Identity, patient: str, date: str, uid: str) -> dict[str, str]:
    return {
        "PatientName": person.name,
        "PatientID": person.mrn,
        "PatientBirthDate": person.birth_date,
        "OtherPatientIDs": person.national_id,
        "PatientAddress": person.address,
        "PatientTelephoneNumbers": person.phone,
        "PatientComments": f"called {person.given} by staff of {person.clinic}",
        "PatientMotherBirthName": f"{person.family}^Mater",
        "InstitutionName": person.clinic,
        "InstitutionAddress": f"7 {person.address}",
        "ReferringPhysicianName": person.physician,
        "PerformingPhysicianName": f"{person.physician}-2",
        "OperatorsName": f"{person.given}^Operator",
        "AccessionNumber": person.accession,
        "StudyID": f"S{person.accession}",
        "StationName": f"ST{person.device}",
        "DeviceSerialNumber": person.device,
        "StudyDescription": f"Study of {person.family}",
        "SeriesDescription": f"Series for {person.given} {person.family}",
        "ProtocolName": f"protocol {person.mrn}",
        "ImageComments": f"call {person.phone} about {patient} {person.national_id}",
        "StudyInstanceUID": f"{uid}.7",
        "SeriesInstanceUID": f"{uid}.8",
        "FrameOfReferenceUID": f"{uid}.9",
    }


def _nested(out: Dataset, person: Identity, patient: str, planted: Planted, file: str) -> None:
    """Identifiers where simple scrubbers do not look: sequences, private tags, a free text in a kept-looking tag."""
    inner = Dataset()
    inner.PatientID = planted.add(patient, file, "OtherPatientIDsSequence/PatientID", f"OTHER-{person.mrn}")
    inner.IssuerOfPatientID = planted.add(patient, file, "OtherPatientIDsSequence/IssuerOfPatientID", person.clinic)
    out.OtherPatientIDsSequence = Sequence([inner])
    request = Dataset()
    request.RequestedProcedureDescription = planted.add(
        patient, file, "RequestAttributesSequence/RequestedProcedureDescription", f"for {person.name}"
    )
    out.RequestAttributesSequence = Sequence([request])
    block = out.private_block(0x0009, "CONSILIUM DEMO", create=True)
    block.add_new(1, "LO", planted.add(patient, file, "private (0009,xx01)", f"private {person.name} {person.mrn}"))
    block.add_new(2, "UN", planted.add(patient, file, "private (0009,xx02)", f"blob {person.national_id}").encode())
    # Tags that de-identifiers usually keep can hold names too.
    out.ManufacturerModelName = planted.add(patient, file, "ManufacturerModelName", f"Scanner of {person.family}")
    out.SoftwareVersions = planted.add(patient, file, "SoftwareVersions", f"v1 {person.physician}")


def _save(dataset: FileDataset, file: Path) -> None:
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(file, enforce_file_format=True)
