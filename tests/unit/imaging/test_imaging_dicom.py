from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging.intake import reader
from consilium.simulate import images_dicom
from consilium.simulate.images_identity import identity
from dicom_cases import AFFINE, PERSON, VOXELS, series
from imaging_cases import sample


def refusal(path: Path, kind: str) -> str:
    with pytest.raises(InputError) as error:
        reader.read(sample(path, kind))
    return "\n".join(str(p) for p in error.value.problems)


def test_slices_come_back_in_place_whatever_the_file_order(tmp_path: Path) -> None:
    series(tmp_path / "s", EchoTime="2.9")
    volume = reader.read(sample(tmp_path / "s", "T1"))
    assert np.array_equal(volume.voxels, VOXELS)
    assert np.allclose(volume.affine, AFFINE, atol=1e-4)
    assert volume.technical["EchoTime"] == 2.9


def test_rescale_makes_hounsfield_units(tmp_path: Path) -> None:
    series(tmp_path / "s", "CT", RescaleSlope="2", RescaleIntercept="-1024")
    volume = reader.read(sample(tmp_path / "s", "CT"))
    assert volume.unit == "HU"
    assert np.array_equal(volume.voxels, VOXELS * 2.0 - 1024)


def test_refusals_name_the_cause_and_nobody(tmp_path: Path) -> None:
    planted = series(tmp_path / "gap", "CT", skip=(4, 5))
    assert "2 missing slice" in refusal(tmp_path / "gap", "CT")
    planted.rows += series(tmp_path / "ct", "CT").rows
    assert "modality CT where samples.tsv says PET" in refusal(tmp_path / "ct", "PET")
    planted.rows += series(tmp_path / "two" / "a").rows
    series(tmp_path / "two" / "b", person=identity("P002", 1970, 1))
    text = refusal(tmp_path / "two", "T1")
    assert "more than one person" in text
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "x.txt").write_text("no image")
    assert "no DICOM image" in refusal(tmp_path / "none", "CT")
    pixels = np.zeros((16, 16), np.uint8)
    images_dicom.write_capture(tmp_path / "sc" / "a.dcm", pixels, PERSON, "P001", "2024-03-01", planted)
    texts = [refusal(tmp_path / "sc", "PET"), refusal(tmp_path / "gap", "CT"), refusal(tmp_path / "ct", "PET"), text]
    assert "secondary capture" in texts[0]
    for _, _, _, value in planted.rows:
        assert not any(value in t for t in texts)


def test_truncated_pixels_and_a_lost_position(tmp_path: Path) -> None:
    import pydicom

    series(tmp_path / "s")
    files = sorted((tmp_path / "s").iterdir())
    dataset = pydicom.dcmread(files[3])
    dataset.PixelData = dataset.PixelData[:-20]
    dataset.save_as(files[3])
    assert "truncated pixels" in refusal(tmp_path / "s", "T1")
    series(tmp_path / "t")
    files = sorted((tmp_path / "t").iterdir())
    dataset = pydicom.dcmread(files[0])
    del dataset.ImagePositionPatient
    dataset.save_as(files[0])
    assert "without position" in refusal(tmp_path / "t", "T1")


def test_a_burned_in_annotation_is_refused(tmp_path: Path) -> None:
    series(tmp_path / "s", BurnedInAnnotation="YES")
    assert "burned-in" in refusal(tmp_path / "s", "T1")
