"""Reads NIfTI-1 and NIfTI-2 (.nii, .nii.gz) and says precisely what is wrong with a file. Free text is never kept."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.errors import InputError, Problem
from consilium.imaging.frames import opened
from consilium.imaging.intake import nifti_series, recognise, sidecar
from consilium.imaging.volume import Affine, Volume, Voxels, canonical, voxel_size

UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre
UNIT_S = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
MAX_VOXELS = 2**31
SPACING_MM = (0.05, 30.0)
BLOCK_BYTES = 4_000_000  # of voxels read at once: few calls for Python, little memory beside the image


@dataclass
class RefusedError(Exception):
    """Why a file is no image that can be used: found, allowed, how to mend."""

    found: str
    allowed: str
    mend: str


def read(path: Path, kind: str, patient: str = "") -> Volume:
    """The image of `path` as a Volume. InputError with one Problem when it cannot be used.

    Header extensions and the free texts (descrip, aux_file, intent_name, db_name) are not read. Of a JSON file beside
    the image only what sidecar.py keeps is.
    """
    notes: list[str] = []
    try:
        header, voxels, share = stored(path, lazily=kind == "fMRI")
        affine = _affine(header, kind, notes)
        _check_dims(voxels, kind)
    except RefusedError as no:
        raise InputError(Problem(str(path), no.found, no.allowed, no.mend, patient=patient)) from None
    shape, on_disk = voxels.shape, affine
    voxels, affine = canonical(voxels, affine)
    unit = {"CT": "HU", "PET": "unknown"}.get(kind, "arbitrary")
    out = Volume(voxels, affine, kind, "nifti", unit=unit, notes=notes, nan_share=share)
    out.seen = {"kind": recognise.NOT_TOLD, "body_part": recognise.NOT_TOLD}
    facts = sidecar.load(path)
    if facts is None:
        notes.append("the JSON file beside it is no JSON object: not used")
        facts = {}
    if voxels.ndim == 4:
        out.tr_s = _tr_s(header, notes, told="RepetitionTime" in facts)
        facts = _header_timing(header) | facts
    sidecar.apply(out, facts, on_disk, shape)
    return out


def stored(path: Path, lazily: bool = False) -> tuple[Any, Voxels, float]:
    """(nibabel header, scaled float32 voxels in the file's axes with NaN where not finite, share of those).

    3D, or 4D with trailing axes of length 1 dropped; read volume by volume, so that memory holds the result and no
    copy of it. lazily: a 4D file is only checked here and read again where it is used (frames.FileFrames).
    RefusedError where the file is no such image.
    """
    if path.is_dir():
        raise RefusedError("a folder", "a .nii or .nii.gz file", "name the file in it")
    from isal import igzip_lib

    zipped = _magic(path) == b"\x1f\x8b"
    try:
        with opened(path) as handle:
            return _parse(handle, path if lazily else None)
    except MemoryError:
        raise RefusedError("an image larger than the memory", "an image that fits", "check the header, or resample"
                           ) from None  # fmt: skip
    except (EOFError, igzip_lib.IsalError, gzip.BadGzipFile) as error:  # type: ignore[misc]
        what = "truncated" if isinstance(error, EOFError) else "damaged"
        raise RefusedError(f"a {what} {'gzip stream' if zipped else 'file'}", "a whole file", "copy or convert it again"
                           ) from None  # fmt: skip


def _magic(path: Path) -> bytes:
    with open(path, "rb") as handle:
        return handle.read(2)


def _parse(handle: Any, path: Path | None) -> tuple[Any, Voxels, float]:
    import nibabel as nib

    start = handle.read(540)
    if start[344:348] == b"n+1\0":
        cls: Any = nib.Nifti1Header
    elif start[4:8] == b"n+2\0":
        cls = nib.Nifti2Header
    elif start[344:348] == b"ni1\0":
        raise RefusedError("one half of a .hdr/.img pair", "a single .nii or .nii.gz", "convert it to .nii.gz")
    else:
        raise RefusedError("not a NIfTI file (no NIfTI magic number)", "NIfTI-1 or NIfTI-2, or a DICOM folder",
                       "convert it (for DICOM: name the folder)")  # fmt: skip
    if len(start) < cls.sizeof_hdr:
        raise RefusedError("a truncated header", "a whole file", "copy or convert it again")
    header = cls(start[: cls.sizeof_hdr], check=False)
    begin, shape, dtype = _extent(header)
    if path is not None and len(shape) == 4:
        return header, *nifti_series.series(path, header, begin, shape)
    held = io.BytesIO(start[begin:])  # the first voxels may be in what was read already
    if begin > len(start):
        handle.read(begin - len(start))
    voxels = np.empty(shape, dtype=np.float32, order="F")
    bad = _fill(voxels, dtype, header, held, handle)
    while handle.read(1 << 20):  # to the end, where gzip verifies its checksum
        pass
    return header, voxels, bad / voxels.size


def _fill(voxels: Voxels, dtype: np.dtype, header: Any, held: Any, handle: Any) -> int:
    """Read `voxels` a block at a time, first from `held`, then from `handle`. Returns how many were not finite."""
    flat = voxels.reshape(-1, order="F")
    bad, step = 0, BLOCK_BYTES // dtype.itemsize
    for start in range(0, flat.size, step):
        part = flat[start : start + step]
        size = part.size * dtype.itemsize
        raw = held.read(size)
        raw += handle.read(size - len(raw))
        if len(raw) < size:
            have, need = start * dtype.itemsize + len(raw), flat.size * dtype.itemsize
            raise RefusedError(f"truncated: {have} of {need} bytes of voxels", "a whole file",
                               "copy or convert it again")  # fmt: skip
        part[:], missing = _scaled(np.frombuffer(raw, dtype=dtype), header)
        bad += missing
    return bad


def _scaled(raw: NDArray, header: Any) -> tuple[Voxels, int]:
    """(values after slope and intercept, NaN where not finite; how many those are)."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw.astype(np.float32)
        if np.isfinite(slope) and slope != 0 and (slope, inter) != (1.0, 0.0):
            values = values * np.float32(slope) + np.float32(inter if np.isfinite(inter) else 0)
    bad = ~np.isfinite(values)
    missing = int(bad.sum())
    if missing:
        values[bad] = np.nan
    return values, missing


def _extent(header: Any) -> tuple[int, tuple[int, ...], np.dtype]:
    """(first byte of the voxels, shape, type)."""
    n = int(header["dim"][0])
    dims = [int(d) for d in header["dim"][1 : n + 1]] if 0 < n < 8 else []
    if not dims or min(dims) < 1 or len([d for d in dims if d > 1]) < 2:
        raise RefusedError(f"dimensions {dims}", "3 or 4 positive dimensions", "convert the image again")
    if np.prod(dims, dtype=np.float64) > MAX_VOXELS:
        raise RefusedError(f"dimensions {dims}", f"at most {MAX_VOXELS} voxels", "check the header, or resample")
    try:
        dtype = header.get_data_dtype()
    except Exception:
        dtype = None
    if dtype is None or dtype.fields is not None or dtype.kind not in "iuf":
        raise RefusedError(f"NIfTI data type {int(header['datatype'])}", "an integer or real type",
                       "convert to int16 or float32 (colour and complex images are not read)")  # fmt: skip
    begin = int(header["vox_offset"])
    if not header.sizeof_hdr <= begin <= 2**28:
        raise RefusedError(f"voxels said to start at byte {begin}", f"{header.sizeof_hdr + 4} or more", "convert again")
    while len(dims) > 3 and dims[-1] == 1:
        dims.pop()
    return begin, tuple(dims + [1] * (3 - len(dims))), dtype


def _check_dims(voxels: NDArray, kind: str) -> None:
    if kind == "fMRI" and voxels.ndim != 4:
        raise RefusedError("one volume (3D)", "a 4D series for kind fMRI", "give the series, or correct the kind")
    if kind != "fMRI" and voxels.ndim != 3:
        found = f"{voxels.ndim}D, {voxels.shape[3]} volumes"
        raise RefusedError(found, f"one volume (3D) for kind {kind}", "extract one volume, or correct the kind")
    if min(voxels.shape[:3]) < 3:
        raise RefusedError(
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
        raise RefusedError("orientation unknown: sform and qform codes are 0", "a header that tells left from right",
                       "convert the DICOM again (dcm2niix), or set the sform if you know it")  # fmt: skip
    affine = scale @ affine
    _check_affine(affine)
    if sform > 0 and qform > 0:
        other = scale @ _qform(header)
        if np.linalg.det(other[:3, :3]) * np.linalg.det(affine[:3, :3]) < 0:
            raise RefusedError("sform and qform that contradict each other on left and right", "one orientation",
                               "convert the DICOM again (dcm2niix), or mend the wrong one if you know it")  # fmt: skip
        if float(np.abs(other - affine)[:3, :3].max() / voxel_size(affine).min()) > 0.05:
            notes.append("sform and qform disagree: the sform is used")
    zooms = np.abs(header["pixdim"][1:4].astype(float)) * scale[0, 0]
    if sform > 0 and not np.allclose(zooms, voxel_size(affine), rtol=0.02):
        notes.append("voxel sizes of pixdim and sform disagree: the sform is used")
    return affine


def _qform(header: Any) -> Affine:
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except Exception:
        raise RefusedError("a qform that is no rotation", "a unit quaternion", "convert the image again") from None


def _check_affine(affine: Affine) -> None:
    sizes = voxel_size(affine)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise RefusedError("an orientation matrix without volume", "three independent axes", "convert the image again")
    if sizes.min() < SPACING_MM[0] or sizes.max() > SPACING_MM[1]:
        found = "voxel size " + " x ".join(f"{s:.4g}" for s in sizes) + " mm"
        raise RefusedError(found, f"{SPACING_MM[0]} to {SPACING_MM[1]} mm", "correct units or header")


def _tr_s(header: Any, notes: list[str], told: bool) -> float | None:
    """Seconds between volumes, None (with a note, unless a sidecar tells) when the header says nothing believable."""
    unit = int(header["xyzt_units"]) & 56
    tr_s = float(header["pixdim"][4]) * UNIT_S.get(unit, 1.0)
    if unit in (0, 8) and 100 <= tr_s <= 20000:
        notes.append("repetition time in seconds would be minutes: milliseconds assumed")
        tr_s /= 1000
    if not 0.1 <= tr_s <= 20:
        if not told:
            notes.append("no believable repetition time in the header")
        return None
    return round(tr_s, 6)  # the header holds float32


def _header_timing(header: Any) -> dict[str, Any]:
    """Slice timing of the header's slice_code and slice_duration under its BIDS name; {} where it says none."""
    try:
        times = header.get_slice_times()
        axis = header.get_dim_info()[2]
    except Exception:  # nibabel: no slice axis, code or duration, or ones that no scanner has
        return {}
    seconds = UNIT_S.get(int(header["xyzt_units"]) & 56, 1.0)
    if not np.ptp([t or 0.0 for t in times]) or any(t is None for t in times):
        return {}
    return {"SliceTiming": [float(t) * seconds for t in times], "SliceEncodingDirection": "ijk"[axis]}
