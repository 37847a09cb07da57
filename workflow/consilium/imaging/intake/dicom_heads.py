"""Reads the headers of a DICOM folder, pixels aside, into facts per file; headers go no further than this module."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.provenance import value_digest
from consilium.imaging.intake import deidentify, recognise, suv
from consilium.imaging.intake.recognise import Facts

MAX_FRAMES = 100_000
MAX_SERIES = 1_000_000  # first series number that is not believed
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
UNREADABLE = {"1.2.840.10008.1.2.4.51": "JPEG Extended (12 bit)"}


@dataclass(frozen=True)
class Plane:
    """One slice in space: DICOM position and direction cosines (LPS mm); mm between rows, between columns."""

    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]


@dataclass
class Head:
    """One image file. planes: one, or one a frame, none for a mosaic. order: acquisition and instance number.

    series, person, image: hashes. number: series number, None where not said. burned_in: why its pixels may show a
    person's data. fault: why it cannot be used, "" if it can. pixels_at: byte where the pixel element begins.
    rescaled: whether it says how to rescale pixels. rewrite: whether dcm2niix needs it in another transfer syntax.
    """

    file: Path
    planes: list[Plane]
    shape: tuple[int, int]
    order: tuple[float, float]
    series: str
    person: str
    image: str
    number: int | None
    modality: str
    facts: Facts
    technical: dict[str, float]
    words: dict[str, str]
    dose: suv.Dose | None
    burned_in: str
    fault: str
    pixels_at: int
    mosaic: bool = False
    rescaled: bool = True
    rewrite: bool = False

    def pixel_digest(self) -> str:
        """Hash of the stored pixels: equal for the same image sent twice."""
        with open(self.file, "rb") as handle:
            handle.seek(self.pixels_at)
            return hashlib.file_digest(handle, "sha256").hexdigest()


@dataclass
class Folder:
    """What a folder holds. broken: causes of files whose header cannot be read."""

    heads: list[Head] = field(default_factory=list)
    n_other: int = 0  # files that are not DICOM
    n_without_image: int = 0  # DICOM without pixels (reports, structure sets)
    broken: list[str] = field(default_factory=list)


class _UnusableError(Exception):
    """Why one file cannot be used, in words that hold nothing of its header."""


@contextmanager
def silent() -> Iterator[None]:
    """Without pydicom's warnings, which quote values of the header, and without its checks of values."""
    import pydicom

    settings = pydicom.config.settings
    kept = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = pydicom.config.IGNORE
    try:
        with deidentify.quiet():
            yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = kept


def read(path: Path) -> Folder:
    """Read a folder (with its sub-folders) or a single file. Never raises on bad files; see Folder."""
    found = Folder()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    with silent():
        for file in files:
            if file.name != "DICOMDIR":
                _read_file(file, found)
    return found


def _read_file(file: Path, found: Folder) -> None:
    import pydicom

    with open(file, "rb") as handle:
        try:
            dataset = pydicom.dcmread(handle, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            found.n_other += 1
            return
        except Exception as error:  # only the type is said: the text of the error may quote the header
            found.broken.append(f"a header that cannot be read ({type(error).__name__})")
            return
        try:
            if "Rows" not in dataset or "Columns" not in dataset:
                found.n_without_image += 1
                return
            found.heads.append(_head(file, handle, dataset))
        except Exception as error:
            found.broken.append(f"a header that cannot be read ({type(error).__name__})")


def _check_pixels(handle: Any, at: int, dataset: Any) -> None:
    """Whether the pixel element is there and whole, without reading it."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise _UnusableError("a colour image")
    if str(syntax) in UNREADABLE:
        raise _UnusableError(f"pixels compressed as {UNREADABLE[str(syntax)]}, which cannot be unpacked here")
    if str(syntax) == DEFLATED:
        return  # the whole content is packed: it is looked at when it is unpacked
    size = os.fstat(handle.fileno()).st_size
    order = "<" if syntax.is_little_endian else ">"
    start = handle.read(12)
    if len(start) < 8:
        raise _UnusableError("truncated: no pixels after the header")
    implicit = syntax.is_implicit_VR
    length = struct.unpack(order + "I", start[4:8] if implicit else start[8:12].ljust(4, b"\0"))[0]
    begin = at + (8 if implicit else 12)
    if length == 0xFFFFFFFF:
        _check_items(handle, begin, size)
        return
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    need = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("BitsAllocated", 16)) // 8 * frames
    have = min(length, size - begin)
    if have < need:
        raise _UnusableError(f"truncated pixels: {max(have, 0)} of {need} bytes")


def _check_items(handle: Any, at: int, size: int) -> None:
    """Walk the fragments of compressed pixels to their delimiter (PS3.5 A.4)."""
    while at + 8 <= size:
        handle.seek(at)
        group, element, length = struct.unpack("<HHI", handle.read(8))
        if (group, element) == (0xFFFE, 0xE0DD):
            return
        if (group, element) != (0xFFFE, 0xE000):
            break
        at += 8 + length
    raise _UnusableError("truncated or damaged compressed pixels")


def _series_number(dataset: Any) -> int | None:
    """It is named in results, so only what a scanner counts: longer numbers may be a person's or an order's."""
    number = dataset.get("SeriesNumber")
    return int(number) if isinstance(number, int) and 0 <= number < MAX_SERIES else None


def _head(file: Path, handle: Any, dataset: Any) -> Head:
    at = handle.tell()
    burned_in, fault, planes = deidentify.burned_in(dataset), "", []
    facts = recognise.facts_of(dataset)
    mosaic = "MOSAIC" in facts.image_type
    try:
        _check_pixels(handle, at, dataset)
        planes = [] if mosaic or burned_in else _planes(dataset)
    except _UnusableError as no:
        fault = str(no)
    return Head(
        file=file,
        planes=planes,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        order=(_number(dataset.get("AcquisitionNumber")), _number(dataset.get("InstanceNumber"))),
        series=value_digest(str(dataset.get("SeriesInstanceUID", ""))),
        person=value_digest([str(dataset.get("PatientID", "")), str(dataset.get("PatientName", ""))]),
        image=value_digest(str(dataset.get("SOPInstanceUID", "") or file)),
        number=_series_number(dataset),
        modality=deidentify.modality(dataset),
        facts=facts,
        technical=deidentify.numbers(dataset),
        words=deidentify.words(dataset),
        dose=suv.dose_of(dataset),
        burned_in=burned_in,
        fault=fault,
        pixels_at=at,
        mosaic=mosaic,
        rewrite=str(dataset.file_meta.TransferSyntaxUID) in (DEFLATED, BIG_ENDIAN),
        rescaled="RescaleIntercept" in dataset or "SharedFunctionalGroupsSequence" in dataset,
    )


def _number(value: Any) -> float:
    return float(value) if value is not None and str(value).strip() else 0.0


def _planes(dataset: Any) -> list[Plane]:
    """Geometry of a classic image, or of every frame of an enhanced one (PS3.3 C.7.6.16)."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        if "ImagePositionPatient" not in dataset or "ImageOrientationPatient" not in dataset:
            raise _UnusableError("an image without position or orientation")
        if int(dataset.get("NumberOfFrames", 1) or 1) > 1:
            raise _UnusableError("a multi-frame image without geometry per frame")
        return [_plane(dataset, dataset, dataset)]
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    if not 0 < len(frames) <= MAX_FRAMES:
        raise _UnusableError("a multi-frame image without geometry per frame")
    names = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
    return [_plane(*(_group(frame, shared, name) for name in names)) for frame in frames]


def _group(frame: Any, shared: Any, name: str) -> Any:
    for holder in (frame, shared):
        if holder is not None and name in holder:
            return holder[name].value[0]
    raise _UnusableError("a multi-frame image without geometry per frame")


def _plane(position: Any, orientation: Any, measures: Any) -> Plane:
    rows, columns = (float(v) for v in measures.PixelSpacing)
    place = np.array([float(v) for v in position.ImagePositionPatient])
    axes = np.array([float(v) for v in orientation.ImageOrientationPatient]).reshape(2, 3)
    if not (np.isfinite(place).all() and np.isfinite(axes).all() and np.abs(axes @ axes.T - np.eye(2)).max() < 0.01):
        raise _UnusableError("position or direction cosines that no image has")
    return Plane(place, axes, (rows, columns))
