"""Reads the files of a DICOM folder into de-identified slices; the headers go no further than this module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.provenance import value_digest
from consilium.imaging.intake import deidentify, suv


@dataclass
class Slice:
    """One plane. position and orientation as in DICOM (LPS mm); spacing: mm between rows, between columns.

    pixels: (rows, columns) float32 after rescaling. order: acquisition and instance number. series, person: hashes.
    """

    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]
    order: tuple[float, ...]
    series: str
    person: str
    modality: str
    localizer: bool
    pixels: NDArray[np.float32]
    technical: dict[str, float]
    words: dict[str, str]
    dose: suv.Dose | None = None


@dataclass
class Reading:
    """What a folder holds: slices, and what was found beside them. broken: causes of unreadable image files."""

    slices: list[Slice] = field(default_factory=list)
    n_other: int = 0  # files that are not DICOM
    n_without_image: int = 0  # DICOM without pixels (reports, structure sets)
    burned_in: str = ""
    broken: list[str] = field(default_factory=list)


def read(path: Path) -> Reading:
    """Read a folder (with its sub-folders) or a single file. Never raises on bad files; see Reading."""
    found = Reading()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if file.name != "DICOMDIR":
            _read_file(file, found)
    return found


def _read_file(file: Path, found: Reading) -> None:
    import pydicom

    try:
        dataset = pydicom.dcmread(file)
    except pydicom.errors.InvalidDicomError:
        found.n_other += 1
        return
    except Exception as error:  # only the type is said: the text of the error may quote the header
        found.broken.append(f"a header that cannot be read ({type(error).__name__})")
        return
    if "PixelData" not in dataset:
        found.n_without_image += 1
        return
    found.burned_in = found.burned_in or deidentify.burned_in(dataset)
    if found.burned_in:
        return
    try:
        found.slices += list(_slices(dataset))
    except _UnusableError as no:
        found.broken.append(str(no))
    except Exception as error:
        found.broken.append(f"pixels or geometry that cannot be read ({type(error).__name__})")


class _UnusableError(Exception):
    """Why one file cannot be used, in words that hold nothing of its header."""


def _slices(dataset: Any) -> Iterator[Slice]:
    pixels = _pixels(dataset)
    image_type = [str(v).upper() for v in (dataset.get("ImageType") or [])]
    if "MOSAIC" in image_type:
        yield from _mosaic(dataset, pixels)
    elif pixels.ndim == 3:
        yield from _frames(dataset, pixels)
    else:
        if "ImagePositionPatient" not in dataset or "ImageOrientationPatient" not in dataset:
            raise _UnusableError("an image without position or orientation")
        yield _slice(dataset, pixels, dataset, dataset, dataset, dataset.get("InstanceNumber") or 0)


def _pixels(dataset: Any) -> NDArray:
    syntax = dataset.file_meta.TransferSyntaxUID
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise _UnusableError("a colour image")
    if not syntax.is_compressed:
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        need = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8 * frames
        if len(dataset.PixelData) < need:
            raise _UnusableError(f"truncated pixels: {len(dataset.PixelData)} of {need} bytes")
    try:
        return np.asarray(dataset.pixel_array)
    except Exception as error:
        if syntax.is_compressed:
            raise _UnusableError(f"pixels compressed as {syntax.name}, which cannot be unpacked here") from error
        raise


def _slice(dataset: Any, pixels: NDArray, position: Any, orientation: Any, measures: Any, number: Any,
           rescale: Any = None) -> Slice:  # fmt: skip
    """One slice; geometry may come from functional groups, the rest from the file's header."""
    rescale = dataset if rescale is None else rescale
    slope, inter = deidentify.number(rescale, "RescaleSlope"), deidentify.number(rescale, "RescaleIntercept")
    values = pixels.astype(np.float32) * np.float32(1.0 if slope is None else slope)
    rows, columns = (float(v) for v in measures.PixelSpacing)
    image_type = [str(v).upper() for v in (dataset.get("ImageType") or [])]
    return Slice(
        position=np.array([float(v) for v in position.ImagePositionPatient]),
        orientation=np.array([float(v) for v in orientation.ImageOrientationPatient]).reshape(2, 3),
        spacing=(rows, columns),
        order=(float(dataset.get("AcquisitionNumber") or 0), float(number)),
        series=value_digest(str(dataset.get("SeriesInstanceUID", ""))),
        person=value_digest([str(dataset.get("PatientID", "")), str(dataset.get("PatientName", ""))]),
        modality=deidentify.modality(dataset),
        localizer="LOCALIZER" in image_type,
        pixels=values + np.float32(0.0 if inter is None else inter),
        technical=deidentify.numbers(dataset),
        words=deidentify.words(dataset),
        dose=suv.dose_of(dataset),
    )


def _frames(dataset: Any, pixels: NDArray) -> Iterator[Slice]:
    """Enhanced multi-frame images: geometry per frame, or shared."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if not per_frame or len(per_frame) != len(pixels):
        raise _UnusableError("a multi-frame image without geometry per frame")

    def group(frame: Any, name: str) -> Any:
        for holder in (frame, shared):
            if holder is not None and name in holder:
                return holder[name].value[0]
        return None

    for i, frame in enumerate(per_frame):
        position = group(frame, "PlanePositionSequence")
        orientation = group(frame, "PlaneOrientationSequence")
        measures = group(frame, "PixelMeasuresSequence")
        if position is None or orientation is None or measures is None:
            raise _UnusableError("a multi-frame image without geometry per frame")
        rescale = group(frame, "PixelValueTransformationSequence")
        yield _slice(dataset, pixels[i], position, orientation, measures, i, rescale)


def _mosaic(dataset: Any, pixels: NDArray) -> Iterator[Slice]:
    """Siemens mosaic: one plane tiled with the slices of a volume; position is that of the whole tiled plane."""
    count = dataset.get((0x0019, 0x100A))
    n = int(count.value) if count is not None and str(count.value).strip().isdigit() else 0
    apart = deidentify.number(dataset, "SpacingBetweenSlices") or deidentify.number(dataset, "SliceThickness")
    if n < 2 or apart is None:
        raise _UnusableError("a mosaic that does not say how many slices it holds")
    tiles = int(np.ceil(np.sqrt(n)))
    rows, columns = pixels.shape[0] // tiles, pixels.shape[1] // tiles
    first = _slice(dataset, pixels, dataset, dataset, dataset, dataset.get("InstanceNumber") or 0)
    across, down = first.orientation
    corner = first.position + across * first.spacing[1] * (pixels.shape[1] - columns) / 2
    corner = corner + down * first.spacing[0] * (pixels.shape[0] - rows) / 2
    normal = np.cross(across, down)
    for k in range(n):
        r, c = divmod(k, tiles)
        tile = first.pixels[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns]
        yield Slice(**{**vars(first), "position": corner + normal * apart * k, "pixels": tile})
