"""Facts beside an image: turned with its axes, kept only where the list says so; names after BIDS."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.sheets import Sample
from consilium.imaging import bids
from consilium.imaging.intake import reader, sidecar
from consilium.imaging.intake.recognise import Facts, kind_of
from consilium.imaging.volume import Volume
from imaging_cases import sample

AFFINE = np.array([[3.0, 0, 0, -10], [0, 3.5, 0, -20], [0, 0, 4, -30], [0, 0, 0, 1]])
TIMES = [0.0, 1.0, 0.5, 1.5]


def series(file: Path, codes: str = "RAS", facts: object = None, **header: float) -> Path:
    """A run of 5 volumes whose voxels are numbered in RAS order, stored with axes as `codes` say."""
    voxels = np.arange(6 * 7 * 4 * 5, dtype=np.int16).reshape(6, 7, 4, 5)
    image = nib.Nifti1Image(voxels, AFFINE)
    image = image.as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(AFFINE), nib.orientations.axcodes2ornt(tuple(codes)))
    )
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = 2.0
    for name, value in header.items():
        image.header[name] = value
    nib.save(image, file)
    if facts is not None:
        (file.parent / file.name.replace(".nii", ".json")).write_text(json.dumps(facts))
    return file


@pytest.mark.parametrize(
    ("codes", "slices", "phase", "axis", "order"),
    [  # stored axes; slice and phase direction in them; axis and order of slices, phase in the volume
        ("RAS", "k", "j-", 2, "up j-"),
        ("LPS", "k", "j-", 2, "up j"),
        ("LPI", "k", "i", 2, "down i-"),
        ("RAI", "k-", "j", 2, "up j"),
        ("SRA", "i", "k-", 2, "up j-"),
        ("RSA", "j-", "i", 2, "down i"),
    ],
)
def test_slice_times_and_phase_follow_the_axes(
    tmp_path: Path, codes: str, slices: str, phase: str, axis: int, order: str
) -> None:
    facts = {"SliceTiming": TIMES, "SliceEncodingDirection": slices, "PhaseEncodingDirection": phase}
    volume = reader.read(sample(series(tmp_path / "a.nii", codes, facts), "fMRI"))
    way, wanted = order.split()
    assert volume.slice_axis == axis and volume.phase_encoding == wanted
    assert list(volume.slice_times_s or ()) == (TIMES if way == "up" else TIMES[::-1])


def test_timing_of_the_header_where_no_sidecar_says_it(tmp_path: Path) -> None:
    file = series(tmp_path / "a.nii", slice_code=1, slice_duration=0.5, dim_info=3 << 4, slice_start=0, slice_end=3)
    assert reader.read(sample(file, "fMRI")).slice_times_s == (0.0, 0.5, 1.0, 1.5)
    assert reader.read(sample(series(tmp_path / "b.nii"), "fMRI")).slice_times_s is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"SliceTiming": TIMES[:3]}, "slice timing of 3 slices"),
        ({"SliceTiming": [0, 1, 2, 30]}, "beyond the repetition time"),
        ({"RepetitionTime": 3.0}, "2 s in the header, 3 s in the sidecar"),
        ([1, 2], "no JSON object"),
    ],
)
def test_facts_that_do_not_fit_are_noted(tmp_path: Path, facts: object, words: str) -> None:
    volume = reader.read(sample(series(tmp_path / "a.nii", facts=facts), "fMRI"))
    assert any(words in note for note in volume.notes) and volume.slice_times_s is None


def test_only_numbers_and_closed_words_are_kept() -> None:
    facts = {
        "EchoTime": 0.03, "FlipAngle": "Jane Doe", "Manufacturer": "SIEMENS Jane Doe", "SeriesDescription": "Jane Doe",
        "ScanningSequence": "EP\\GR", "SequenceVariant": "Jane", "RepetitionTime": float("nan"), "EchoNumber": True,
        "MRAcquisitionType": "3D", "AcquisitionTime": "10:15:00", "SliceThickness": [3], "PatientWeight": 70,
    }  # fmt: skip
    assert sidecar.kept(facts) == {
        "EchoTime": 0.03, "Manufacturer": "Siemens", "ScanningSequence": "EP\\GR", "MRAcquisitionType": "3D"
    }  # fmt: skip


def test_names_and_facts_of_what_is_kept() -> None:
    def named(kind: str, sample_name: str, registered: bool) -> str:
        return bids.stem(Sample("P-00_1", "imaging", kind, "x", "", sample_name, 2), registered)

    assert named("T1", "T1", True) == "sub-P001_space-MNI152NLin2009aSym_desc-brain_T1w"
    assert named("fMRI", "fMRI-2", False) == "sub-P001_task-unnamed_run-2_space-orig_desc-coarse_boldref"
    assert named("mask", "mask", False) == "sub-P001_space-orig_desc-lesion_mask"
    volume = Volume(np.zeros((3, 3, 3), np.float32), AFFINE, "PET", "dicom", unit="SUV", sidecar={"FlipAngle": 9})
    assert bids.sidecar(volume, False) == {"FlipAngle": 9, "SkullStripped": False, "Units": "SUV"}


@pytest.mark.parametrize(
    ("kind", "sequence", "te", "tr", "ti", "flip"),
    [  # usual clinical protocols at 1.5 and 3 T
        ("T1", "GR IR", 2.98, 2300, 900, 9),  # MPRAGE
        ("T1", "GR", 3.0, 7.8, 450, 12),  # IR-prepared SPGR
        ("T1", "GR", 4.6, 9.9, None, 8),  # TFE without a word on the inversion
        ("T1", "SE", 10, 500, None, 90),
        ("T1", "SE IR", 9, 2200, 860, 111),  # T1 FLAIR
        ("T2", "SE", 100, 4500, None, 150),
        ("T2", "SE", 408, 3200, None, 120),  # 3D turbo spin echo
        ("FLAIR", "SE IR", 120, 9000, 2500, 150),
        ("FLAIR", "SE IR", 388, 5000, 1800, 120),  # 3D
        ("PD", "SE", 15, 3000, None, 90),
        ("T2*", "GR", 20, 28, None, 15),
        ("", "GR", 3, 5, None, 3),
        ("", "SE", 45, 1200, None, 90),
    ],
)
def test_contrast_by_timing(kind: str, sequence: str, te: float, tr: float, ti: float | None, flip: float) -> None:
    facts = Facts("MR", sequence=frozenset(sequence.split()), echo_ms=te, repetition_ms=tr, inversion_ms=ti, flip=flip)
    assert kind_of(facts, 1)[0] == kind


def test_defined_terms_go_before_timing() -> None:
    def told(volumes: int = 1, **more: object) -> str:
        facts = {"sequence": frozenset({"EP", "GR"}), "echo_ms": 30.0, "repetition_ms": 2000.0} | more
        return kind_of(Facts("MR", **facts), volumes)[0]  # type: ignore[arg-type]

    assert told(100) == "fMRI" and told(1) == ""
    assert told(100, image_type=frozenset({"DERIVED", "ADC"})) == "DWI" == told(100, b_value=1000.0)
    assert told(100, image_type=frozenset({"ASL"})) == "perfusion"
    assert told(100, sequence=frozenset({"EP", "SE"})) == ""
    assert told(1, hint="localizer") == "localizer" and told(1, hint="fMRI") == "fMRI"
    assert kind_of(Facts("PT"), 1)[0] == "PET" and kind_of(Facts("another modality"), 1)[0] == ""


def test_left_and_right_that_contradict_are_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(1000, dtype=np.int16).reshape(10, 10, 10), AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ AFFINE, code=1)
    nib.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match="left and right"):
        reader.read(sample(tmp_path / "a.nii", "T1"))


@pytest.mark.parametrize("made", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f8", "i8"])
def test_every_layout_gives_the_same_voxels(tmp_path: Path, made: type, order: str, dtype: str) -> None:
    voxels = (np.arange(6 * 7 * 8) % 251).reshape(6, 7, 8)
    header = made.header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    image = made(voxels.astype(dtype), AFFINE, header)
    assert image.header.endianness == order
    (tmp_path / "a.nii").write_bytes(image.to_bytes())
    volume = reader.read(sample(tmp_path / "a.nii", "T1"))
    assert np.array_equal(volume.voxels, voxels) and np.allclose(volume.affine, AFFINE)
