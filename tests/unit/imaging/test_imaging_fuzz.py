"""Damaged bytes: an image is read, or refused with a cause; never a traceback, and never a word of the header.

CONSILIUM_FUZZ=20000 pytest tests/unit/imaging/test_imaging_fuzz.py runs that many of each (about half an hour).
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging.intake import reader
from dicom_cases import AFFINE, T1, T2, VOXELS, enhanced, series
from imaging_cases import sample

TIMES = int(os.environ.get("CONSILIUM_FUZZ", "24"))


def damaged(raw: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes flipped (mostly in the header), the end cut off, a piece left out or doubled."""
    out = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        end = len(out) if rng.random() < 0.2 else min(len(out), 2400)
        out[int(rng.integers(end))] = int(rng.integers(256))
    if rng.random() < 0.3:
        del out[int(rng.integers(1, len(out))) :]
    if rng.random() < 0.2:
        a, b = sorted(int(v) for v in rng.integers(0, len(out), 2))
        out[a:b] = b"" if rng.random() < 0.5 else out[a:b] * 2
    return bytes(out)


def outcome(path: Path, kind: str) -> str:
    try:
        volume = reader.read(sample(path, kind))
    except InputError as error:
        assert all(p.found and p.allowed and p.mend for p in error.problems)
        return "\n".join(str(p) for p in error.problems)
    assert volume.voxels.dtype == np.float32 and np.isfinite(volume.affine).all()
    return "\n".join(volume.notes)


def test_damaged_dicom(tmp_path: Path) -> None:
    planted = series(tmp_path / "plain", voxels=VOXELS[..., :4], **T1)
    series(tmp_path / "echo", voxels=VOXELS[..., :4], **T2)
    (tmp_path / "multi").mkdir()
    enhanced(tmp_path / "multi" / "a.dcm", voxels=VOXELS[..., :4])
    rng = np.random.default_rng(1)
    seen = set()
    for turn in range(TIMES):
        folder = tmp_path / ("plain", "echo", "multi")[turn % 3]
        files = sorted(folder.iterdir())
        hit = files[int(rng.integers(len(files)))]
        whole = hit.read_bytes()
        hit.write_bytes(damaged(whole, rng))
        text = outcome(folder, ("T1", "T2", "fMRI", "CT")[turn % 4])
        hit.write_bytes(whole)
        seen.add(text)
        inside = text.replace(str(tmp_path), "")
        assert not any(value in inside for patient, _, _, value in planted.rows if value != patient)
    assert len(seen) > 3, "the damage did nothing"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("made", [nib.Nifti1Image, nib.Nifti2Image])
def test_damaged_nifti(tmp_path: Path, made: type, zipped: bool) -> None:
    image = made(VOXELS, AFFINE)
    image.header["descrip"] = b"Thistlewood"
    whole = image.to_bytes()
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(TIMES):
        raw = gzip.compress(whole) if zipped and rng.random() < 0.5 else whole
        raw = damaged(raw, rng)
        raw = gzip.compress(raw) if zipped and rng.random() < 0.5 else raw
        (tmp_path / "a.nii").write_bytes(raw)
        text = outcome(tmp_path / "a.nii", "T1")
        assert "Thistlewood" not in text
        seen.add(text)
    assert len(seen) > 3, "the damage did nothing"


@pytest.mark.parametrize(
    "text", ["", "[", "null", '{"SliceTiming": [1, "x"]}', '{"RepetitionTime": {}}', "[" * 5000, "\udcff"]
)
def test_damaged_sidecars(tmp_path: Path, text: str) -> None:
    nib.save(nib.Nifti1Image(np.stack([VOXELS] * 3, -1), AFFINE), tmp_path / "a.nii")
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    outcome(tmp_path / "a.nii", "fMRI")
