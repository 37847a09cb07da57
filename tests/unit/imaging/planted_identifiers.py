"""Images of one invented person with identifiers wherever files can hold them: in DICOM, NIfTI and beside them."""

from __future__ import annotations

import gzip
import io
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from consilium.imaging.intake import deidentify
from consilium.simulate import images_dicom
from consilium.simulate.images_identity import Identity, Planted
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

PERSON = Identity(
    "Quillfeather-Zoltanski", "Xanthippa", "MRN-731Q90462", "19610402", "88 Larkspurgasse, Ambervale 40961",
    "+44-555-0123-987", "Klinikum Eulenbruch", "Dr-Thistlewood^Barnabasz", "ACC604417329",
    "NID-8812-550193", "SN90417735",
)  # fmt: skip
TAKEN_ON = "2024-03-17"


@dataclass
class Places:
    """place -> values planted there."""

    values: dict[str, set[str]] = field(default_factory=dict)

    def add(self, place: str, value: str) -> str:
        self.values.setdefault(place, set()).add(value)
        return value

    @property
    def all(self) -> set[str]:
        return set().union(*self.values.values())


def dicom(folder: Path, voxels: NDArray, affine: NDArray, modality: str, places: Places, **technical: object) -> None:
    """A series in a sub-folder with the person's name, with a report, a DICOMDIR and a note beside it."""
    with deidentify.quiet():  # pydicom warns of what is planted
        _dicom(folder, voxels, affine, modality, places, technical)


def _dicom(folder: Path, voxels: NDArray, affine: NDArray, modality: str, places: Places, technical: Any) -> None:
    inner = folder / places.add("folder name", f"{PERSON.family}_{modality}-folder")
    planted = Planted()
    images_dicom.write_series(inner, voxels, affine, modality, PERSON, "P001", TAKEN_ON, planted, technical)
    for _, _, tag, value in planted.rows:
        if value not in ("P001", ""):
            places.add(tag, value)
    places.add("StudyDate", TAKEN_ON.replace("-", ""))
    for file in sorted(inner.iterdir()):
        dataset = pydicom.dcmread(file)
        for kind in (_texts, _odd_values, _nested, _overlay, _private):
            kind(dataset, places)
        dataset.file_meta.SourceApplicationEntityTitle = places.add("file meta", "AE_WOLFSBANE")
        dataset.preamble = places.add("preamble", "preamble of Wolfsbane-Preamble").encode().ljust(128, b"\0")
        dataset.PixelData += places.add("after the pixels", "Mirabeau^Kim").encode().ljust(32, b"\0")
        dataset.save_as(file)
    _beside(inner, places)


def _texts(d: Dataset, places: Places) -> None:
    for tag, value in {
        "InstitutionalDepartmentName": "Ward Moonrakers", "RequestingPhysician": "Req^Ezquerra",
        "NameOfPhysiciansReadingStudy": "Kjaersgard^Gus", "PhysiciansOfRecord": "Oyelaranti^Fay",
        "AdditionalPatientHistory": "neighbour of Dragomirov", "Occupation": "Organist of Ambervale",
        "MilitaryRank": "Rittmeister-7", "EthnicGroup": "Caspiana-folk", "PatientBirthName": "Vanterpool^Hal",
        "DerivationDescription": "derived for Isaurelia", "StudyComments": "ring Percivalta at home",
        "CurrentPatientLocation": "Bed 14 Oldquarry", "RequestedProcedureDescription": "knee of Oswaldine",
        "PerformedProcedureStepDescription": "step for Theophrast", "AdmissionID": "ADM-5520917",
        "PatientInsurancePlanCodeSequence": None, "DeviceUID": "1.2.276.19610402.90417735", "PlateID": "PLATE-771203",
        "ContrastBolusAgent": "agent given to Zebediah", "AcquisitionComments": "moved says Marguerida",
        "TextComments": "text of Wilhelmira", "RegionOfResidence": "Fennel Wharf North",
        "StorageMediaFileSetID": "MEDIA-330918", "PatientTransportArrangements": "taxi of Ludomir",
        "MedicalAlerts": "alert Ahrens-Brackwater", "ResponsiblePerson": "Quintessa^Eve",
        "ScheduledPerformingPhysicianName": "Trelawney^Ida", "PersonName": "Abernathyx^Dan",
    }.items():  # fmt: skip
        if value is not None and pydicom.datadict.tag_for_keyword(tag) is not None:
            setattr(d, tag, places.add(tag, value))


def _odd_values(d: Dataset, places: Places) -> None:
    """Identifiers in attributes whose kind of value nobody suspects: numbers, code strings, dates, other alphabets."""
    raw = {
        "EchoTime": ("DS", "Zanzibar^DS"), "SeriesNumber": ("IS", "604417329555"),
        "BodyPartExamined": ("CS", "MIRABELLE_CS"),
        "PatientAge": ("AS", "061Q61X"), "PatientBirthTime": ("TM", "Timewolf"), "SliceLocation": ("DS", "4455501239"),
        "RadionuclideTotalDose": ("DS", "99 of Halloway"), "ScanOptions": ("CS", "HALLOWEENA"),
    }  # fmt: skip
    for tag, (vr, value) in raw.items():
        element = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(tag), vr, len(value), places.add(f"{tag} ({vr})", value).encode(), 0, False, True
        )
        d._dict[element.tag] = element  # as a file would give it: not checked
    d.SpecificCharacterSet = "ISO_IR 192"
    d.ImageType = ["ORIGINAL", "PRIMARY", places.add("ImageType", "TAMARISQUES_IT")]
    d.PatientName = f"{PERSON.name}={places.add('ideographic name', '山田太郎花子')}"


def _nested(d: Dataset, places: Places) -> None:
    deep, middle, top = Dataset(), Dataset(), Dataset()
    deep.PersonName = places.add("three sequences deep", "Ravenscrofter^Jo")
    middle.PersonIdentificationCodeSequence = Sequence([deep])
    middle.InstitutionName = places.add("two sequences deep", "Hospice Nethermoor")
    top.ReferringPhysicianIdentificationSequence = Sequence([middle])
    d.ReferencedStudySequence = Sequence([top])
    frame = Dataset()
    frame.FrameComments = places.add("functional group", "frame of Ottokarina")
    frame.FrameLabel = places.add("functional group", "label of Gwendoleen")
    shared = Dataset()
    shared.FrameContentSequence = Sequence([frame])
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    item = Dataset()
    item.Rows = item.Columns = item.BitsAllocated = 8
    item.ImageComments = places.add("icon", "icon of Philomenax")
    item.PixelData = bytes(64)
    item["PixelData"].VR = "OB"
    d.IconImageSequence = Sequence([item])
    drug = (d.get("RadiopharmaceuticalInformationSequence") or Sequence([Dataset()]))[0]
    drug.Radiopharmaceutical = places.add("radiopharmaceutical", "FDG for Barnabyssa")
    d.RadiopharmaceuticalInformationSequence = Sequence([drug])


def _overlay(d: Dataset, places: Places) -> None:
    d.add_new(0x60000010, "US", 8)
    d.add_new(0x60000011, "US", 8)
    d.add_new(0x60000022, "LO", places.add("overlay description", "overlay Hildegunde"))
    d.add_new(0x60004000, "LT", places.add("overlay comments", "comment Rosamundo"))
    d.add_new(0x60003000, "OW", b"\0" * 8)
    d.add_new(0x50002500, "LO", places.add("curve label", "curve of Leopoldina"))
    d.add_new(0xFFFCFFFC, "OB", places.add("padding", "padding Konstantina").encode())


def _private(d: Dataset, places: Places) -> None:
    block = d.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", places.add("private blob", "tPatientName=Eglantyne").encode("utf-16-le"))
    inner = Dataset()
    inner.PatientName = places.add("private sequence", "Balthasara^Ada")
    block.add_new(0x20, "SQ", Sequence([inner]))


def _beside(folder: Path, places: Places) -> None:
    """A structured report, a directory and a text file among the images."""
    report, item = Dataset(), Dataset()
    item.ValueType, item.TextValue = "TEXT", places.add("structured report", "report says Melisandre")
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.4"
    report.Modality, report.ContentSequence = "SR", Sequence([item])
    report.PatientName = places.add("structured report", "Ingeborgis^Bob")
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    pydicom.dcmwrite(folder / "report.dcm", report, enforce_file_format=True)
    record = Dataset()
    record.PatientName = places.add("DICOMDIR", "Fredegunde^Cid")
    record.file_meta = report.file_meta
    record.SOPClassUID, record.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3.5"
    pydicom.dcmwrite(folder / "DICOMDIR", record, enforce_file_format=True)
    (folder / places.add("file beside", "notes_of_Sigismunda.txt")).write_text(places.add("note", "call Wenceslausa"))


def nifti(file: Path, voxels: NDArray, affine: NDArray, places: Places, sidecar: dict[str, Any] | None = None) -> None:
    """A gzipped NIfTI with identifiers in every free text, in extensions, after the voxels and in the gzip header."""
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=1)
    for name, value in {
        "descrip": "descr Adelgundis",
        "aux_file": "aux Theodulfa",
        "intent_name": "int Wunibald",
    }.items():
        image.header[name] = places.add(f"NIfTI {name}", value).encode()
    extensions = image.header.extensions
    extensions.append(nib.nifti1.Nifti1Extension("comment", places.add("NIfTI comment", "ext Kunigunda").encode()))
    extensions.append(nib.nifti1.Nifti1Extension("afni", places.add("NIfTI AFNI", "afni Walpurgisa").encode()))
    data = bytearray(image.to_bytes())
    struct.pack_into("18s", data, 14, places.add("NIfTI db_name", "db Notburgas").encode())
    buffer = io.BytesIO()
    with gzip.GzipFile(places.add("gzip file name", "Rotrudis_scan.nii"), "wb", 1, buffer, mtime=0) as zipped:
        zipped.write(bytes(data) + places.add("after the voxels", "tail Ermentruda").encode())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(buffer.getvalue())
    told = {"PatientName": "Liutgarda^Lea", "PatientBirthDate": "1957-11-23", "SeriesDescription": "series Gisilas",
            "InstitutionName": "Clinic Hadewigs", "AcquisitionDateTime": "2024-03-17T10:15:00",
            "PatientID": "J-7719305", "ImageComments": "json of Frideruna", "DeviceSerialNumber": "JSN-55120",
            "Units": "unit of Uodalrich"}  # fmt: skip
    own = {k: places.add(f"JSON {k}", v) for k, v in told.items() if k not in (sidecar or {})}
    Path(str(file).removesuffix(".nii.gz") + ".json").write_text(json.dumps({**own, **(sidecar or {})}))


def with_text(voxels: NDArray, text: str) -> NDArray:
    """The volume with `text` burned into the corner of every axial slice."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", voxels.shape[:2][::-1], 0)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    draw.text((1, 1), text, fill=1, font=ImageFont.load_default(12))
    out = voxels.copy()
    out[np.asarray(picture, dtype=bool)] = voxels.max()
    return out
