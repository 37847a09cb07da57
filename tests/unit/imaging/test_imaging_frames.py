"""A run read volume by volume against nibabel, whatever its type, order of axes or packing."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging import frames
from consilium.imaging.fmri import parcels
from consilium.imaging.intake import nifti, reader
from hypothesis import given, settings
from hypothesis import strategies as st
from imaging_cases import sample


def written(path: Path, voxels: np.ndarray, codes: str = "RAS", slope: float = 1.0, inter: float = 0.0) -> Path:
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(("R", "A", "S")), nib.orientations.axcodes2ornt(tuple(codes))
    )
    affine = np.diag([3.0, 3.5, 4.0, 1.0]) @ nib.orientations.inv_ornt_aff(turn, voxels.shape[:3])
    image = nib.Nifti1Image(nib.orientations.apply_orientation(voxels, turn), affine)
    image.set_sform(affine, 1)
    image.header["pixdim"][4] = 2.0
    image.header.set_slope_inter(slope, inter)
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


@settings(max_examples=40)
@given(codes=st.sampled_from(["RAS", "LPS", "PIR", "SAL", "ASR"]), kind=st.sampled_from(["<i2", "u1", "<f4", "<i4"]),
       slope=st.sampled_from([1.0, 0.25]), packed=st.booleans(), seed=st.integers(0, 99))  # fmt: skip
def test_volumes_equal_nibabel_in_ras(tmp_path_factory, codes, kind, slope, packed, seed) -> None:
    voxels = np.random.default_rng(seed).integers(0, 200, (5, 6, 4, 7)).astype(kind)
    name = tmp_path_factory.mktemp("run") / ("x.nii.gz" if packed else "x.nii")
    volume = nifti.read(written(name, voxels, codes, slope, 3.0 if slope != 1 else 0.0), "fMRI")
    wanted = nib.as_closest_canonical(nib.load(name))
    assert isinstance(volume.voxels, frames.FileFrames) and volume.voxels.shape == wanted.shape
    assert np.array_equal(np.asarray(volume.voxels), wanted.get_fdata(dtype=np.float32))
    assert np.allclose(volume.affine, wanted.affine)
    assert frames.extremes(volume.voxels) == pytest.approx((wanted.get_fdata().min(), wanted.get_fdata().max()))
    assert np.array_equal(np.asarray(frames.frames_of(volume.voxels, 3)), wanted.get_fdata(dtype=np.float32)[..., 3:])
    labels = np.random.default_rng(seed).integers(0, 4, wanted.shape[:3])
    means = parcels.series(volume.voxels, labels, 5)
    by_hand = [wanted.get_fdata()[labels == k].mean(axis=0) for k in (1, 2, 3)]
    assert np.allclose(means[:, :3].T, by_hand) and np.isnan(means[:, 3:]).all()
    array = frames.ArrayFrames(wanted.get_fdata(dtype=np.float32))
    assert np.allclose(parcels.series(array, labels, 5), means, equal_nan=True)
    assert array.digest() == frames.frames_of(volume.voxels).digest()


def test_blocks_smaller_than_the_run_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voxels = np.random.default_rng(1).integers(0, 2000, (5, 6, 4, 11)).astype(np.int16)
    path = written(tmp_path / "x.nii.gz", voxels)
    monkeypatch.setattr(frames, "BLOCK_BYTES", 500)  # two volumes at a time, and the header in pieces
    run = nifti.read(path, "fMRI").voxels
    assert [len(b) for b in run.blocks()] == [2, 2, 2, 2, 2, 1]
    assert np.array_equal(np.asarray(run), voxels)
    assert np.array_equal(run[..., 9], voxels[..., 9])


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_a_run_that_ends_early_or_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, np.random.default_rng(1).integers(0, 2000, (9, 9, 9, 20)).astype(np.int16))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="truncated"):
        nifti.read(path, "fMRI")
    if name.endswith("gz"):
        path.write_bytes(content[:2000] + bytes(64) + content[2064:])
        with pytest.raises(InputError, match=r"damaged|truncated"):
            nifti.read(path, "fMRI")
        path.write_bytes(content[:-8] + b"\0\0\0\0" + content[-4:])  # checksum
        with pytest.raises(InputError, match="damaged"):
            nifti.read(path, "fMRI")


def test_values_that_are_not_finite_are_counted_and_a_constant_run_is_refused(tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).normal(100, 5, (5, 6, 4, 10)).astype(np.float32)
    voxels[0, 0, 0] = [np.nan, np.inf, *voxels[0, 0, 0, 2:]]
    volume = nifti.read(written(tmp_path / "x.nii", voxels), "fMRI")
    assert volume.nan_share == pytest.approx(2 / voxels.size)
    assert np.isnan(volume.voxels[..., 1][0, 0, 0])
    with pytest.raises(InputError, match="constant"):
        reader.read(sample(written(tmp_path / "c.nii", np.full((9, 9, 9, 5), 7, np.int16)), "fMRI"))
