"""DICOM files of one image -> NIfTI and its BIDS facts, by dcm2niix (a program of its own wheel; BSD).

It runs on links under neutral names in a folder that is gone afterwards; nothing that it prints is shown or kept, since
it prints names of files, and its JSON goes through the keep-list of sidecar.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from consilium.imaging.intake.dicom_heads import Head, silent

SECONDS = 1800
CORRECTED = ("_Tilt_", "_Eq_")  # resampled copies that it makes beside the image: we resample once, ourselves


class ConversionError(Exception):
    """Why there is no image, in words that hold nothing of the headers."""


@contextmanager
def converted(heads: list[Head], scratch: Path | None) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(NIfTI file, whole content of its JSON) of the one image that the files of `heads` are.

    scratch: folder that the caller clears after a crash (default: the system's). ConversionError where there is no
    image, or more than one.
    """
    folder = Path(tempfile.mkdtemp(prefix=".convert.", dir=scratch))
    try:
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        for i, head in enumerate(heads):
            _stage(head, folder / "in" / f"{i:06d}.dcm")
        code = _run(folder)
        images = [f for f in sorted((folder / "out").glob("*.nii")) if not any(c in f.name for c in CORRECTED)]
        if len(images) != 1:
            found = f"{len(images)} images" if images else "no image"
            raise ConversionError(f"dcm2niix makes {found} of it{'' if images else f' (exit status {code})'}")
        yield images[0], _facts(images[0].with_suffix(".json"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stage(head: Head, place: Path) -> None:
    """A link to the file, or a copy in a transfer syntax that dcm2niix reads (not big-endian, not deflated)."""
    if not head.rewrite:
        place.symlink_to(head.file.resolve())
        return
    import pydicom

    try:
        with silent():
            dataset = pydicom.dcmread(head.file)
            pixels = dataset.pixel_array
            dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            dataset.remove_private_tags()  # of unknown type: their bytes cannot be turned; this also reads all others
            pydicom.dcmwrite(place, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    except Exception:  # the text of the error may quote the header
        raise ConversionError("a file of it cannot be unpacked") from None


def _run(folder: Path) -> int:
    """-g i: without the user's settings; -ba y: JSON without person and dates; -z n: not compressed; -x i: as it is."""
    import dcm2niix

    options = ["-g", "i", "-b", "y", "-ba", "y", "-z", "n", "-x", "i", "-f", "image"]
    command = [dcm2niix.bin, *options, "-o", str(folder / "out"), str(folder / "in")]
    try:
        return subprocess.run(command, capture_output=True, timeout=SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        raise ConversionError(f"dcm2niix was not done after {SECONDS} s") from None


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, json.JSONDecodeError):  # free texts of a header can break its JSON: the image is good without
        return {}
    return facts if isinstance(facts, dict) else {}
