"""Radiomic features against hand computation, brute force and shapes of known size."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from consilium.core import store
from consilium.core.chunks import read_manifests
from consilium.core.sheets import read_samples
from consilium.imaging import collect, stages
from consilium.imaging.radiomics import (
    autocorrelation,
    catalogue,
    cooccurrence,
    enclosing,
    intensity,
    matrices,
    shape,
    surface,
    texture,
)
from consilium.imaging.radiomics.lattice import lattice
from consilium.imaging.radiomics.lesion_block import MIN_VOXELS, Wanted, measured
from consilium.imaging.radiomics.measure import AGGREGATIONS, everything
from consilium.imaging.radiomics.prepare import Region, Settings, box, grey_levels, region
from consilium.imaging.volume import Volume
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, spatial

ONE = np.ones(3)


def whole(voxels: np.ndarray, spacing: np.ndarray = ONE) -> Region:
    mask = np.ones(voxels.shape, bool)
    return Region(voxels.astype(float), mask, mask, spacing)


def ball(radius: float, size: int = 40) -> np.ndarray:
    where = np.indices((size, size, size)) - (size - 1) / 2
    return (where**2).sum(axis=0) <= radius**2


def random_region(seed: int, ng: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """(levels as an array with 0 outside, mask)."""
    rng = np.random.default_rng(seed)
    mask = rng.random((6, 5, 4)) < 0.7
    mask[2, 2, 2] = True
    return np.where(mask, rng.integers(1, ng + 1, mask.shape), 0), mask


def grid_of(levels: np.ndarray, mask: np.ndarray, flat: bool = False):
    return lattice(mask, levels[mask], int(levels.max()), flat)


def test_statistics_by_hand() -> None:
    x = np.array([1.0, 2, 3, 4, 10])
    got = intensity.statistics(x)
    assert got["mean"] == 4 and got["var"] == 10 and got["median"] == 3 and got["range"] == 9
    assert got["mad"] == pytest.approx(2.4) and got["medad"] == pytest.approx((2 + 1 + 0 + 1 + 7) / 5)
    assert got["qcod"] == pytest.approx((4 - 2) / (4 + 2)) and got["energy"] == 130
    assert got["skew"] == pytest.approx((-27 - 8 - 1 + 216) / 5 / 10**1.5)
    flat = intensity.moments(np.full(5, 2.0))
    assert flat["skew"] == 0 and flat["kurt"] == 0 and np.isnan(intensity.moments(np.array([-1.0, 1]))["cov"])


def test_histogram_mode_and_slopes() -> None:
    got = intensity.histogram(np.array([1, 1, 1, 3, 3, 4]), 4)
    assert got["mode"] == 1 and got["entropy"] == pytest.approx(0.5 + np.log2(3) / 3 + np.log2(6) / 6)
    assert (got["max_grad"], got["max_grad_g"], got["min_grad"], got["min_grad_g"]) == (0.5, 3, -3, 1)


def test_co_occurrence_by_hand() -> None:
    """One row 1 1 2: pairs (1,1), (1,2), each both ways."""
    levels = np.array([1, 1, 2]).reshape(3, 1, 1)
    counts = cooccurrence.matrices(grid_of(levels, levels > 0)).sum(axis=(0, 1))
    assert counts.tolist() == [[2, 1], [1, 0]]
    got = {k: v[0] for k, v in cooccurrence.features(counts[None]).items()}
    assert got["joint_max"] == 0.5 and got["contrast"] == 0.5 and got["joint_avg"] == 1.25
    assert got["energy"] == pytest.approx(0.25 + 2 / 16) and got["joint_entr"] == pytest.approx(1.5)
    assert got["corr"] == pytest.approx((0.5 + 2 * 0.5 - 1.25**2) / (0.75 + 4 * 0.25 - 1.25**2))


def test_runs_by_hand() -> None:
    levels = np.array([1, 1, 1, 2, 1]).reshape(5, 1, 1)
    _, direction, level, length = texture.runs(grid_of(levels, levels > 0))
    along = direction == np.bincount(direction).argmin()
    assert sorted(zip(level[along].tolist(), length[along].tolist(), strict=True)) == [(1, 1), (1, 3), (2, 1)]
    assert len(level) == 12 * 5 + 3  # in the other directions every voxel is a run
    cells = matrices.gather(np.zeros(3, int), level[along], length[along], np.array([5.0]))
    got = {k: v[0] for k, v in matrices.features(cells).items()}
    assert got["short"] == pytest.approx((1 + 1 + 1 / 9) / 3) and got["percentage"] == pytest.approx(0.6)
    assert got["level_nonuniformity"] == pytest.approx((4 + 1) / 3) and got["entropy"] == pytest.approx(np.log2(3))


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.booleans())
def test_textures_by_brute_force(seed: int, flat: bool) -> None:
    levels, mask = random_region(seed)
    grid = grid_of(levels, mask, flat)
    padded = np.pad(levels, 1)
    offsets = [d for d in np.ndindex(3, 3, 3) if d != (1, 1, 1) and (not flat or d[2] == 1)]
    near = np.stack([padded[tuple(slice(i, i + n) for i, n in zip(d, levels.shape, strict=True))] for d in offsets])
    assert texture.dependences(grid).tolist() == ((near == levels).sum(axis=0) + 1)[mask].tolist()
    count, apart = texture.tones(grid)
    known = (near > 0).sum(axis=0)
    mean = near.sum(axis=0) / np.maximum(known, 1)
    assert apart.sum() == pytest.approx(np.abs(levels - mean)[mask & (known > 0)].sum())
    assert count.sum() == (mask & (known > 0)).sum()
    linked = np.ones((3, 3, 3))
    if flat:
        linked[:, :, (0, 2)] = 0
    expected = sorted(
        size
        for g in np.unique(levels[mask])
        for size in np.bincount(ndimage.label(levels == g, linked)[0].ravel())[1:].tolist()
    )
    _, level, size, _ = texture.zones(grid)
    assert sorted(size.tolist()) == expected and (level * size).sum() == levels.sum()
    _, direction, _, length = texture.runs(grid)
    assert np.bincount(direction, weights=length).tolist() == [mask.sum()] * len(grid.offsets)
    pairs = cooccurrence.matrices(grid)
    assert pairs.sum() == known[mask].sum() and (pairs == pairs.swapaxes(2, 3)).all()


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_autocorrelation_by_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, mask = random_region(seed)
    spacing = rng.uniform(0.5, 3, 3)
    voxels = rng.normal(size=mask.shape)
    x = voxels[mask]
    far = spatial.distance.squareform(spatial.distance.pdist(np.argwhere(mask) * spacing))
    weight = np.divide(1, far, out=np.zeros_like(far), where=far > 0)
    apart = x - x.mean()
    moran = len(x) / weight.sum() * (apart @ weight @ apart) / (apart @ apart)
    geary = (len(x) - 1) / (2 * weight.sum()) * (weight * (x[:, None] - x) ** 2).sum() / (apart @ apart)
    got = autocorrelation.features(Region(voxels, mask, mask, spacing))
    assert got["moran_i"] == pytest.approx(moran, abs=1e-10) and got["geary_c"] == pytest.approx(geary, abs=1e-10)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_mesh_is_closed_and_its_hull_is_found(seed: int) -> None:
    mask = np.random.default_rng(seed).random((5, 6, 7)) < 0.5
    mask[2, 2, 2] = True
    spacing = np.array([1.0, 2.0, 0.7])
    here, moved = (surface.volume_and_area(m, spacing) for m in (mask, np.pad(mask, ((3, 0), (1, 0), (0, 2)))))
    assert here == pytest.approx(moved)  # a surface with holes would have a volume that depends on the place
    cubes = surface.volume_and_area(mask, ONE)
    assert surface.volume_and_area(mask[::-1], ONE)[1] == pytest.approx(cubes[1])
    assert 0 < cubes[0] <= mask.sum()
    corners = []
    for axis in range(3):
        cut = np.argwhere(np.diff(np.pad(mask, 1).astype(int), axis=axis)).astype(float) - 1
        cut[:, axis] += 0.5
        corners.append(cut)
    full = spatial.ConvexHull(np.concatenate(corners) * spacing)
    few = spatial.ConvexHull(surface.outermost(mask, spacing))
    assert few.volume == pytest.approx(full.volume) and few.area == pytest.approx(full.area)


def test_ball_and_single_voxel() -> None:
    got = shape.features(Region(ball(15) * 1.0, ball(15), ball(15), ONE), uncertain=True)
    assert got["volume"] == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)
    assert got["diam"] == pytest.approx(30, abs=1) and got["pca_maj_axis"] == pytest.approx(4 * 15 / 5**0.5, rel=0.01)
    assert got["sphericity"] > 0.9 and got["vol_dens_conv_hull"] > 0.95
    assert got["vol_dens_mvee"] == pytest.approx(1, abs=0.1) and got["vol_dens_ombb"] == pytest.approx(
        np.pi / 6, abs=0.05
    )
    assert got["vol_dens_aabb"] == pytest.approx(np.pi / 6, abs=0.05)
    one = shape.features(whole(np.ones((1, 1, 1))))
    assert one["volume"] == pytest.approx(1 / 6) and np.isnan(one["pca_elongation"])  # an octahedron


def test_enclosing_of_a_turned_box() -> None:
    corners = np.array(list(np.ndindex(2, 2, 2))) * [2.0, 3, 5]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    hull = spatial.ConvexHull(corners @ turn)
    sides = enclosing.box_sides(corners @ turn, hull.equations[:, :3])
    assert np.prod(sides) == pytest.approx(30, rel=0.05)
    assert enclosing.ellipsoid_axes(corners @ turn) == pytest.approx(np.array([5, 3, 2]) * 3**0.5 / 2, rel=0.02)


def test_peak_is_the_mean_over_one_millilitre() -> None:
    voxels = np.zeros((21, 21, 21))
    voxels[10, 10, 10] = 100
    mask = np.zeros(voxels.shape, bool)
    mask[9:12, 9:12, 9:12] = True
    near = (((np.indices(voxels.shape) - 10) ** 2).sum(axis=0) <= intensity.PEAK_MM**2).sum()
    got = intensity.peaks(Region(voxels, mask, mask, ONE))
    assert got["loc"] == pytest.approx(100 / near) and got["glob"] == pytest.approx(100 / near)
    cut = slice(9, 12), slice(9, 12), slice(9, 12)  # at the image's border only what there is counts
    assert intensity.peaks(whole(voxels[cut]))["loc"] == pytest.approx(100 / 27)


def test_grey_levels() -> None:
    x = np.array([0.0, 24.9, 25, 99, 100])
    assert grey_levels(x, Settings(bins=4))[0].tolist() == [1, 1, 2, 4, 4]
    assert grey_levels(x, Settings(bin_size=25))[0].tolist() == [1, 1, 2, 4, 5]
    assert grey_levels(x, Settings(bin_size=25, origin=-50))[1] == 7
    assert grey_levels(np.full(3, 7.0), Settings(bins=32)) == (pytest.approx(np.ones(3)), 1)
    with pytest.raises(ValueError, match="bin"):
        grey_levels(x, Settings())


def test_interpolation_keeps_the_grids_centre_and_edges() -> None:
    x = np.arange(10.0)[:, None, None] * np.ones((10, 4, 4))
    got = region(x, np.ones(x.shape, bool), np.array([3.0, 2, 2]), Settings(spacing_mm=(2, 0, 0)))
    assert got.voxels.shape == (15, 4, 4) and got.spacing.tolist() == [2, 2, 2]
    assert got.voxels[:, 0, 0].mean() == pytest.approx(4.5) and got.shape.all()
    assert np.diff(got.voxels[1:-1, 0, 0]) == pytest.approx(2 / 3)
    small = np.zeros(x.shape, bool)
    small[4:6, 1:3, 1:3] = True
    cropped = region(x, small, np.array([3.0, 2, 2]), Settings(spacing_mm=(1, 1, 1)))
    assert cropped.shape.sum() == pytest.approx(2 * 3 * 4 * 4, rel=0.4)
    assert cropped.values.mean() == pytest.approx(4.5)


def test_resegmentation_takes_both_limits_from_the_drawn_mask() -> None:
    x = np.concatenate([np.zeros(98), [50, 1000]]).reshape(100, 1, 1)
    kept = region(x, np.ones(x.shape, bool), ONE, Settings(range=(-1, 60), sigmas=3)).values
    assert kept.size == 99 and kept.max() == 50
    gap = x.copy()
    gap[0] = np.nan
    assert region(gap, np.ones(x.shape, bool), ONE, Settings(bins=4)).values.size == 99


def test_box() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[3, 2, 6] = True
    assert box(mask, (0, 0, 0)) == (slice(1, 4), slice(2, 3), slice(3, 7))
    assert box(mask, (2, 1, 1)) == (slice(0, 5), slice(1, 4), slice(2, 7))


def test_every_feature_has_a_code_and_a_unit() -> None:
    rng = np.random.default_rng(2)
    found = everything(whole(rng.integers(1, 6, (6, 6, 6))), Settings(bins=5), tuple(AGGREGATIONS), uncertain=True)
    assert {catalogue.base(name) for name in found} == set(catalogue.CODES)
    assert len(set(catalogue.CODES.values())) == len(catalogue.CODES) - 2  # V and I at 10 and 90 % share a code
    assert catalogue.unit("stat_var", "HU", "HU") == "(HU)2" and catalogue.unit("cm_joint_entr_3D_avg", "", "") == "bit"
    assert catalogue.unit("ivh_i10", "SUV", "level of 1000") == "level of 1000"


def test_constant_region_is_undefined_not_wrong() -> None:
    got = everything(whole(np.full((4, 4, 4), 3.0)), Settings(bins=8), tuple(AGGREGATIONS))
    undefined = {k for k, v in got.items() if not np.isfinite(v)}
    assert {"morph_moran_i", "cm_corr_3D_comb", "ngt_coarseness_3D", "ivh_v10"} <= undefined
    assert got["szm_z_perc_3D"] == 1 / 64 and got["rlm_rl_entr_2D_comb"] > 0 and got["stat_var"] == 0


def lesion(kind: str, unit: str) -> tuple[np.ndarray, Volume]:
    rng = np.random.default_rng(4)
    voxels = rng.normal(50, 10, (40, 40, 40)).astype(np.float32)
    return ball(8), Volume(voxels, np.diag([1.0, 1, 1, 1]), kind, "nifti", unit=unit)


@pytest.mark.parametrize(
    ("kind", "unit", "told"), [("CT", "HU", "HU"), ("PET", "SUV", "SUV"), ("FLAIR", "arbitrary", "tissue = 1")]
)
def test_lesion_block(kind: str, unit: str, told: str) -> None:
    mask, image = lesion(kind, unit)
    block, how = measured(mask, image, 50.0, Wanted())
    found = {f.name: f for f in block.features}
    mean = found[f"{kind.lower()}.stat_mean"]
    assert block.reason == "" and mean.unit == told and how["n_voxels"] > 2000
    assert mean.value == pytest.approx(1.0 if told == "tissue = 1" else 50, rel=0.02)
    assert all(np.isfinite(f.value) for f in block.features)


def test_lesions_that_cannot_be_measured_say_why() -> None:
    mask, image = lesion("FLAIR", "arbitrary")
    assert "tissue" in measured(mask, image, float("nan"), Wanted())[0].reason
    dot = np.zeros_like(mask)
    dot[20, 20, 20:23] = True
    block, how = measured(dot, image, 50.0, Wanted())
    assert str(MIN_VOXELS) in block.reason and how["n_voxels"] < MIN_VOXELS and not block.features


def test_same_lesion_same_features_whatever_the_surrounding_array() -> None:
    mask, image = lesion("CT", "HU")
    larger = Volume(np.pad(image.voxels, 6, mode="reflect"), image.affine, "CT", "nifti", unit="HU")
    few, many = (measured(m, v, 50.0, Wanted())[0] for m, v in ((mask, image), (np.pad(mask, 6), larger)))
    assert {f.name: f.value for f in few.features} == pytest.approx({f.name: f.value for f in many.features})


def nifti(path: Path, voxels: np.ndarray) -> str:
    nib.save(nib.Nifti1Image(voxels.astype(np.int16), np.diag([2.0, 2, 2, 1])), path)
    return str(path)


def test_every_mask_has_a_row_and_the_first_a_block(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    hu = np.full((40, 40, 30), -1000)
    hu[6:34, 6:34] = rng.normal(40, 12, (28, 28, 30))
    image = nifti(tmp_path / "ct.nii.gz", hu)
    masks = np.zeros((3, *hu.shape))
    masks[0, 12:20, 12:20, 10:18] = masks[1, 25, 25, 20] = masks[2, 20:26, 12:18, 5:9] = 1
    rows = [("P1", "CT", image), *(("P1", "mask", nifti(tmp_path / f"m{i}.nii.gz", m)) for i, m in enumerate(masks))]
    rows.append(("P2", "mask", nifti(tmp_path / "alone.nii.gz", masks[0])))
    table = pd.DataFrame(rows, columns=["patient", "kind", "path"]).assign(modality="imaging", taken_on="")
    samples, manifest = tmp_path / "samples.tsv", tmp_path / "m.json"
    table[["patient", "modality", "kind", "path", "taken_on"]].to_csv(samples, sep="\t", index=False)
    wanted = json.dumps({"radiomics": {"spacing_mm": 0}})
    stages.process(samples, "P1,P2", tmp_path / "out", manifest, wanted)
    stages.radiomics([manifest], samples, tmp_path / "radiomics.tsv")
    got = store.read_table(tmp_path / "radiomics.tsv", "radiomics")
    assert list(got["patient"]) == ["P1", "P1", "P1", "P2"] and list(got["n_voxels"].fillna(0)) == [512, 1, 144, 0]
    assert got["reason"].eq("").tolist() == [True, False, True, False] and "no image" in got["reason"][3]
    assert got["morph_vol_approx"][0] == 512 * 8 and got["stat_mean"][0] == pytest.approx(40, abs=2)
    cohort = collect.Cohort(read_manifests([manifest]), read_samples(samples), ["P1", "P2"])
    block = collect.table_block(cohort, "radiomics")
    assert block is not None and block["present"].values.tolist() == [True, False]
    assert float(block["values"].sel(patient="P1", feature="ct.morph_vol_approx")) == 512 * 8
