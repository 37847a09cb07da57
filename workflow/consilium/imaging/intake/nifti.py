"""Reads NIfTI-1 and NIfTI-2 (.nii, .nii.gz) and says precisely what is wrong with a file. Free text is never kept."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.errors import InputError, Problem
from consilium.imaging.volume import Affine, Volume, canonical, clean, voxel_size

UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
UNIT_S = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
MAX_VOXELS = 2**31
SPACING_MM = (0.05, 30.0)


@dataclass
class _RefusedError(Exception):
    found: str
    allowed: str
    mend: str


def read(path: Path, kind: str, patient: str = "") -> Volume:
    """The image of `path` as a Volume. InputError with one Problem when it cannot be used.

    Header extensions and the free texts (descrip, aux_file, intent_name, db_name) are not read.
    """
    try:
        header, raw = _content(path)
        voxels, notes = _voxels(header, raw)
        affine = _affine(header, kind, notes)
        _check_dims(voxels, kind)
    except _RefusedError as no:
        raise InputError(Problem(str(path), no.found, no.allowed, no.mend, patient=patient)) from None
    voxels, share = clean(voxels)
    voxels, affine = canonical(voxels, affine)
    tr_s = _tr_s(header, notes) if voxels.ndim == 4 else None
    unit = {"CT": "HU", "PET": "unknown"}.get(kind, "arbitrary")
    return Volume(voxels, affine, kind, "nifti", unit=unit, tr_s=tr_s, notes=notes, nan_share=share)


def _content(path: Path) -> tuple[Any, bytes]:
    """(nibabel header, voxel bytes), reading no further than the voxels end."""
    if path.is_dir():
        raise _RefusedError("a folder", "a .nii or .nii.gz file", "name the file in it")
    zipped = _magic(path) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if zipped else open(path, "rb") as handle:
            return _parse(handle)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = "truncated" if isinstance(error, EOFError) else "damaged"
        raise _RefusedError(f"a {what} gzip stream", "a whole file", "copy or convert it again") from None


def _magic(path: Path) -> bytes:
    with open(path, "rb") as handle:
        return handle.read(2)


def _parse(handle: Any) -> tuple[Any, bytes]:
    import nibabel as nib

    start = handle.read(540)
    if start[344:348] == b"n+1\0":
        cls: Any = nib.Nifti1Header
    elif start[4:8] == b"n+2\0":
        cls = nib.Nifti2Header
    elif start[344:348] == b"ni1\0":
        raise _RefusedError("one half of a .hdr/.img pair", "a single .nii or .nii.gz", "convert it to .nii.gz")
    else:
        raise _RefusedError("not a NIfTI file (no NIfTI magic number)", "NIfTI-1 or NIfTI-2, or a DICOM folder",
                       "convert it (for DICOM: name the folder)")  # fmt: skip
    if len(start) < cls.sizeof_hdr:
        raise _RefusedError("a truncated header", "a whole file", "copy or convert it again")
    header = cls(start[: cls.sizeof_hdr], check=False)
    begin, size = _extent(header)
    rest = handle.read(begin + size - len(start))
    have = len(start) + len(rest)
    if have < begin + size:
        raise _RefusedError(f"truncated: {have} of {begin + size} bytes", "a whole file", "copy or convert it again")
    while handle.read(1 << 20):  # to the end, where gzip verifies its checksum
        pass
    return header, (start + rest)[begin : begin + size]


def _extent(header: Any) -> tuple[int, int]:
    """(first byte, number of bytes) of the voxels."""
    n = int(header["dim"][0])
    dims = [int(d) for d in header["dim"][1 : n + 1]] if 0 < n < 8 else []
    if not dims or min(dims) < 1 or len([d for d in dims if d > 1]) < 2:
        raise _RefusedError(f"dimensions {dims}", "3 or 4 positive dimensions", "convert the image again")
    if np.prod(dims, dtype=np.float64) > MAX_VOXELS:
        raise _RefusedError(f"dimensions {dims}", f"at most {MAX_VOXELS} voxels", "check the header, or resample")
    try:
        dtype = header.get_data_dtype()
    except Exception:
        dtype = None
    if dtype is None or dtype.fields is not None or dtype.kind not in "iuf":
        raise _RefusedError(f"NIfTI data type {int(header['datatype'])}", "an integer or real type",
                       "convert to int16 or float32 (colour and complex images are not read)")  # fmt: skip
    begin = int(header["vox_offset"])
    if not header.sizeof_hdr <= begin <= 2**28:
        raise _RefusedError(
            f"voxels said to start at byte {begin}", f"{header.sizeof_hdr + 4} or more", "convert again"
        )
    return begin, int(np.prod(dims)) * dtype.itemsize


def _voxels(header: Any, raw: bytes) -> tuple[NDArray, list[str]]:
    n = int(header["dim"][0])
    shape = [int(d) for d in header["dim"][1 : n + 1]]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    shape += [1] * (3 - len(shape))
    voxels = np.frombuffer(raw, dtype=header.get_data_dtype()).reshape(shape, order="F")
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite(slope) and slope != 0 and (slope, inter) != (1.0, 0.0):
        voxels = voxels.astype(np.float32) * np.float32(slope) + np.float32(inter if np.isfinite(inter) else 0)
    return voxels, []


def _check_dims(voxels: NDArray, kind: str) -> None:
    if kind == "fMRI" and voxels.ndim != 4:
        raise _RefusedError("one volume (3D)", "a 4D series for kind fMRI", "give the series, or correct the kind")
    if kind != "fMRI" and voxels.ndim != 3:
        found = f"{voxels.ndim}D, {voxels.shape[3]} volumes"
        raise _RefusedError(found, f"one volume (3D) for kind {kind}", "extract one volume, or correct the kind")
    if min(voxels.shape[:3]) < 3:
        raise _RefusedError(
            f"{'x'.join(map(str, voxels.shape[:3]))} voxels", "at least 3 along each axis", "give 3D data"
        )


def _affine(header: Any, kind: str, notes: list[str]) -> Affine:
    """sform if set, else qform, in mm. Without either, left and right cannot be told: refused but for CT and masks."""
    unit = int(header["xyzt_units"]) & 7
    scale = np.diag([UNIT_MM.get(unit, 1.0)] * 3 + [1.0])
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    if sform > 0:
        affine = np.asarray(header.get_sform(), dtype=np.float64)
    elif qform > 0:
        affine = _qform(header)
    elif kind in ("CT", "mask"):
        affine = np.diag([*np.abs(header["pixdim"][1:4]).astype(float), 1.0])
        notes.append("orientation unknown (sform and qform codes are 0): no left or right is said")
    else:
        raise _RefusedError("orientation unknown: sform and qform codes are 0", "a header that tells left from right",
                       "convert the DICOM again (dcm2niix), or set the sform if you know it")  # fmt: skip
    affine = scale @ affine
    _check_affine(affine)
    if sform > 0 and qform > 0:
        apart = float(np.abs(scale @ _qform(header) - affine)[:3, :3].max() / voxel_size(affine).min())
        if apart > 0.05:
            notes.append("sform and qform disagree: the sform is used")
    zooms = np.abs(header["pixdim"][1:4].astype(float)) * scale[0, 0]
    if sform > 0 and not np.allclose(zooms, voxel_size(affine), rtol=0.02):
        notes.append("voxel sizes of pixdim and sform disagree: the sform is used")
    return affine


def _qform(header: Any) -> Affine:
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except Exception:
        raise _RefusedError("a qform that is no rotation", "a unit quaternion", "convert the image again") from None


def _check_affine(affine: Affine) -> None:
    sizes = voxel_size(affine)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise _RefusedError("an orientation matrix without volume", "three independent axes", "convert the image again")
    if sizes.min() < SPACING_MM[0] or sizes.max() > SPACING_MM[1]:
        found = "voxel size " + " x ".join(f"{s:.4g}" for s in sizes) + " mm"
        raise _RefusedError(found, f"{SPACING_MM[0]} to {SPACING_MM[1]} mm", "correct units or header")


def _tr_s(header: Any, notes: list[str]) -> float | None:
    """Seconds between volumes, None (with a note) when the header says nothing believable."""
    unit = int(header["xyzt_units"]) & 56
    tr_s = float(header["pixdim"][4]) * UNIT_S.get(unit, 1.0)
    if unit in (0, 8) and 100 <= tr_s <= 20000:
        notes.append("repetition time in seconds would be minutes: milliseconds assumed")
        tr_s /= 1000
    if not 0.1 <= tr_s <= 20:
        notes.append("no believable repetition time in the header")
        return None
    return tr_s
