"""Every series of dcm_qa_nih (4 Siemens mosaic, 4 GE) against the images and BIDS facts that its authors keep."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.imaging.intake import convert, dicom_heads, reader
from consilium.imaging.intake.sidecar import turned
from consilium.imaging.volume import canonical
from imaging_cases import sample

# What dcm2niix writes otherwise since the reference was made (v1.0.20241127): its version, a field under a new name, a
# partial Fourier fraction of 1 no longer said, an hour without its zero in one file; new fields come on top.
CHANGED = {"ConversionSoftwareVersion", "PulseSequenceName", "PartialFourier", "AcquisitionTime"}
FOLDERS = {f"DCM2NIIX_regression_test_{n}": f"20180918GE/mr_000{n}" for n in (4, 5, 6, 7)}
FOLDERS |= {f"EPI_PE={d}_{n}": f"20180918Si/mr_000{n}" for n, d in enumerate(("AP", "PA", "RL", "LR"), start=3)}


LONG = [f"DCM2NIIX_regression_test_{n}" for n in (5, 6, 7)]  # one of this scanner in every run is enough


@pytest.fixture(scope="module")
def scans(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In/ of dcm_qa_nih, both scanners unpacked."""
    root = tmp_path_factory.mktemp("dcm_qa_nih")
    source = real_data / "imaging" / "dcm_qa_nih"
    with tarfile.open(source / "In_20180918GE.tar.xz") as packed:
        packed.extractall(root)
    (root / "In" / "20180918Si").symlink_to(source / "In" / "20180918Si")
    return root / "In"


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in FOLDERS])
def test_a_series_equals_its_reference(scans: Path, real_data: Path, tmp_path: Path, name: str) -> None:
    reference = real_data / "imaging" / "dcm_qa_nih" / "Ref" / f"{name}.nii"
    theirs, facts = nib.load(reference), json.loads(reference.with_suffix(".json").read_text())
    volume = reader.read(sample(scans / FOLDERS[name], "fMRI"), tmp_path)
    voxels, affine = canonical(np.asarray(theirs.dataobj), theirs.affine)
    assert np.array_equal(voxels, volume.voxels)
    assert np.array_equal(affine, volume.affine)
    assert volume.tr_s == facts["RepetitionTime"]
    # These files store slices upwards: their order is that of the volume; directions are turned with the axes.
    assert volume.slice_axis == 2 and list(volume.slice_times_s or ()) == facts["SliceTiming"]
    assert volume.phase_encoding == turned(facts["PhaseEncodingDirection"], theirs.affine)
    assert volume.seen["kind"] == "fMRI" and volume.seen["body_part"] == "head" and volume.notes == []
    same = set(volume.sidecar) & set(facts) - {"PhaseEncodingDirection"}
    assert len(same) >= 18 and all(volume.sidecar[f] == facts[f] for f in same)


@pytest.mark.parametrize("name", ["DCM2NIIX_regression_test_4", "EPI_PE=RL_5"])
def test_the_conversion_equals_the_reference_byte_for_byte_and_field_for_field(
    scans: Path, real_data: Path, tmp_path: Path, name: str
) -> None:
    reference = real_data / "imaging" / "dcm_qa_nih" / "Ref" / f"{name}.nii"
    heads = dicom_heads.read(scans / FOLDERS[name]).heads
    with convert.converted(heads, tmp_path) as (image, facts):
        ours = nib.load(image)
        assert np.array_equal(ours.dataobj, nib.load(reference).dataobj)
        assert np.array_equal(ours.affine, nib.load(reference).affine)
    wanted = json.loads(reference.with_suffix(".json").read_text())
    assert {f: facts.get(f) for f in set(wanted) - CHANGED} == {f: wanted[f] for f in set(wanted) - CHANGED}
    assert not set(facts) & {"PatientName", "PatientID", "PatientBirthDate", "AcquisitionDateTime"}
