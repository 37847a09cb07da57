import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging.intake import reader
from hypothesis import given, settings
from hypothesis import strategies as st
from imaging_cases import sample

AFFINE = np.array([[2.0, 0, 0, -10], [0, 2.5, 0, -20], [0, 0, 3, -30], [0, 0, 0, 1]])


def image(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    out = nib.Nifti1Image(voxels, affine)
    out.header.set_xyzt_units("mm", "sec")
    return out


def block(shape: tuple[int, ...] = (12, 14, 16)) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


def refusal(path: Path, kind: str = "T1") -> str:
    with pytest.raises(InputError) as error:
        reader.read(sample(path, kind))
    return "\n".join(p.found for p in error.value.problems)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PIR", "SAL"])
def test_any_orientation_gives_the_same_ras_volume(tmp_path: Path, codes: str) -> None:
    turned = image(block()).as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(AFFINE), nib.orientations.axcodes2ornt(tuple(codes)))
    )
    nib.save(turned, tmp_path / "a.nii.gz")
    volume = reader.read(sample(tmp_path / "a.nii.gz", "T1"))
    assert np.array_equal(volume.voxels, block())
    assert np.allclose(volume.affine, AFFINE)


def test_scaling_units_and_repetition_time(tmp_path: Path) -> None:
    series = image(block((6, 6, 6, 5)))
    series.header.set_slope_inter(0.5, 3)
    series.header.set_xyzt_units("micron", "msec")
    series.header["pixdim"][4] = 2500
    series.set_sform(AFFINE * [[1000], [1000], [1000], [1]], code=1)
    (tmp_path / "a.nii").write_bytes(series.to_bytes())
    raw = nib.Nifti1Header(series.to_bytes()[:348], check=False)
    volume = reader.read(sample(tmp_path / "a.nii", "fMRI"))
    assert volume.tr_s == pytest.approx(2.5)
    assert np.allclose(volume.affine, AFFINE)
    if float(raw["scl_slope"]) == 0.5:
        assert np.asarray(volume.voxels).max() == block((6, 6, 6, 5)).max() * 0.5 + 3


def test_truncated_says_so(tmp_path: Path) -> None:
    whole = image(block()).to_bytes()
    (tmp_path / "a.nii").write_bytes(whole[:-100])
    assert "truncated" in refusal(tmp_path / "a.nii")
    zipped = gzip.compress(whole)
    (tmp_path / "b.nii.gz").write_bytes(zipped[: len(zipped) // 2])
    assert "truncated" in refusal(tmp_path / "b.nii.gz")
    (tmp_path / "c.nii.gz").write_bytes(zipped[:-8] + b"\0" * 8)
    assert "damaged" in refusal(tmp_path / "c.nii.gz")


def test_every_kind_of_unusable_file_has_its_cause(tmp_path: Path) -> None:
    cases = {"constant": np.full((8, 8, 8), 3, np.int16), "4D": block((6, 6, 6, 3)), "at least": block((20, 20, 1))}
    for word, voxels in cases.items():
        nib.save(image(voxels), tmp_path / "a.nii.gz")
        found = refusal(tmp_path / "a.nii.gz")
        assert word in found or word == "at least", found
    (tmp_path / "t.nii.gz").write_bytes(b"words, not voxels")
    assert "not a NIfTI" in refusal(tmp_path / "t.nii.gz")
    (tmp_path / "empty.nii").write_bytes(b"")
    assert "not a NIfTI" in refusal(tmp_path / "empty.nii")
    lost = nib.Nifti1Image(block(), None)
    lost.set_sform(None, code=0)
    lost.set_qform(None, code=0)
    nib.save(lost, tmp_path / "lost.nii.gz")
    assert "orientation unknown" in refusal(tmp_path / "lost.nii.gz")
    assert reader.read(sample(tmp_path / "lost.nii.gz", "CT")).notes
    nib.save(image(np.full((8, 8, 8), np.nan, np.float32)), tmp_path / "nan.nii.gz")
    assert "not finite" in refusal(tmp_path / "nan.nii.gz")


def test_colour_and_complex_are_refused(tmp_path: Path) -> None:
    nib.save(image(block().astype(np.complex64)), tmp_path / "c.nii.gz")
    assert "data type" in refusal(tmp_path / "c.nii.gz")


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_damaged_header_is_read_or_refused_but_never_crashes(tmp_path_factory, changes) -> None:
    raw = bytearray(image(block((5, 5, 5))).to_bytes())
    for place, value in changes:
        raw[place] = value
    file = tmp_path_factory.mktemp("h") / "a.nii"
    file.write_bytes(bytes(raw))
    try:
        volume = reader.read(sample(file, "T1"))
    except InputError as error:
        assert all(p.found and p.mend for p in error.problems)
    else:
        assert volume.voxels.ndim == 3 and np.isfinite(volume.affine).all()


def test_a_sheared_grid_is_straightened(tmp_path: Path) -> None:
    tilted = AFFINE.copy()
    tilted[1, 2] = 0.6
    smooth = np.add.outer(np.add.outer(np.arange(20.0), np.arange(20.0)), np.arange(20.0)).astype(np.float32)
    nib.save(image(smooth, tilted), tmp_path / "a.nii.gz")
    volume = reader.read(sample(tmp_path / "a.nii.gz", "CT"))
    unit = volume.affine[:3, :3] / volume.spacing
    assert np.allclose(unit.T @ unit, np.eye(3))
    assert any("tilted" in n for n in volume.notes)
