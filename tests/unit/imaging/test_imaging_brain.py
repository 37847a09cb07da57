"""Registration, tissues and regional features on heads with a known truth."""

import numpy as np
import pytest
from consilium.imaging.brain import anatomy, atlas, bias, regional
from consilium.imaging.brain.images import _log_field
from consilium.imaging.brain.registration import Alignment, align, information, size_doubt
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Volume
from consilium.simulate.images_brain import Scan
from scipy import ndimage


def registered(scan: Scan) -> tuple[Volume, Alignment, np.ndarray, np.ndarray]:
    volume = Volume(scan.voxels.astype(np.float32), scan.affine, "T1", "nifti")
    coarse, coarse_grid = at_spacing(volume.voxels, volume.affine, 4.0)
    field, grid = _log_field(coarse, coarse_grid)
    corrected = coarse / np.exp(resample(field, grid, np.eye(4), coarse.shape, coarse_grid))
    return volume, align(corrected, coarse_grid), field, grid


@pytest.fixture(scope="module")
def aligned(head: Scan):
    return registered(head)


@pytest.mark.slow
def test_registration_finds_the_planted_pose(head: Scan, aligned) -> None:
    alignment = aligned[1]
    planted = np.vstack([np.reshape([float(v) for v in head.truth["scanner_to_mni"].split(",")], (3, 4)), [0, 0, 0, 1]])
    true = np.linalg.inv(planted)
    template = atlas.template()
    mni = np.argwhere(template.brain)[::200] @ template.affine[:3, :3].T + template.affine[:3, 3]
    error = np.linalg.norm((mni @ (alignment.matrix - true)[:3, :3].T) + (alignment.matrix - true)[:3, 3], axis=1)
    # The planted smooth warp alone moves voxels by 2.4 mm on average.
    assert alignment.reason == ""
    assert error.mean() < 3


@pytest.mark.slow
def test_most_of_a_planted_ramp_is_taken_out(head: Scan) -> None:
    coarse, grid = at_spacing(head.voxels.astype(np.float32), head.affine, 4.0)
    ramp = np.broadcast_to(np.linspace(-1, 1, coarse.shape[1])[:, None], coarse.shape)
    clean, shaded = (
        resample(field, place, np.eye(4), coarse.shape, grid)
        for field, place in (_log_field(image, grid) for image in (coarse, (coarse * np.exp(ramp)).astype(np.float32)))
    )
    inside = ndimage.binary_erosion(coarse > 0.3 * coarse.max(), iterations=2)
    taken = np.polyfit(ramp[inside], (shaded - clean)[inside], 1)[0]
    assert 0.7 < taken < 1.2


def test_thinned_voxels_stay_where_they_are() -> None:
    grid = np.diag([2.0, -3.0, 4.0, 1.0])
    grid[:3, 3] = (-10.0, 20.0, 5.0)
    place = np.tensordot(grid[:3, :3], np.indices((49, 48, 3)), 1) + grid[:3, 3].reshape(3, 1, 1, 1)
    for axis in range(3):
        some, thin = bias.thinned(place[axis].astype(np.float32), grid)
        assert some.shape == (17, 16, 3)
        where = np.tensordot(thin[:3, :3], np.indices(some.shape), 1) + thin[:3, 3].reshape(3, 1, 1, 1)
        assert np.allclose(some, where[axis])


@pytest.mark.slow
def test_an_image_of_something_else_is_not_believed() -> None:
    rng = np.random.default_rng(1)
    grid = np.indices((50, 50, 50)) - 25
    leg = ((grid[0] ** 2 + grid[1] ** 2) < 300) * 100.0 + rng.normal(0, 3, (50, 50, 50))
    assert align(leg.astype(np.float32), np.diag([4.0, 4, 4, 1])).reason


def test_a_foreground_that_is_not_of_a_heads_size_is_told(head: Scan) -> None:
    voxels, grid = at_spacing(head.voxels.astype(np.float32), head.affine, 4.0)
    assert size_doubt(voxels, grid) == ""
    for wrong in ((1.6, 1.0, 1.0), (1.0, 1.6, 1.0), (0.6, 0.6, 0.6)):
        told = size_doubt(voxels, grid @ np.diag([*wrong, 1.0]))
        assert "a wrong voxel size" in told and " mm large" in told


@pytest.mark.slow
def test_planted_atrophy_shows_in_the_medial_temporal_regions_only(aligned, head: Scan) -> None:
    volume, alignment, field, grid = aligned
    found, reason = anatomy.find(volume, alignment, field, grid, atlas.regions(), deformable=False)
    assert reason == "" and found is not None
    tissue, regions, template = found.tissue, atlas.regions(), atlas.template()
    before = {f.name: f.value for f in regional.structural(tissue, regions, template, alignment.scale)}
    assert 0.35 < before["gm_share"] < 0.6 and 0.25 < before["wm_share"] < 0.45
    # Take the grey matter of the hippocampi away and measure again.
    index = 1 + regions.names.index("hippocampus_L")
    lost = template.brain & (regions.labels == index)
    from dataclasses import replace

    thinner = replace(tissue, gm=np.where(lost, 0.5 * tissue.gm, tissue.gm))
    after = {f.name: f.value for f in regional.structural(thinner, regions, template, alignment.scale)}
    assert after["gm_permille.hippocampus_L"] == pytest.approx(0.5 * before["gm_permille.hippocampus_L"], rel=1e-3)
    assert after["gm_permille.hippocampus_R"] == before["gm_permille.hippocampus_R"]


def test_atlas_is_complete_and_sided() -> None:
    regions, template = atlas.regions(), atlas.template()
    assert 60 <= len(regions.names) <= 160 and len(set(regions.names)) == len(regions.names)
    counts = np.bincount(regions.labels.ravel(), minlength=len(regions.names) + 1)[1:]
    assert counts.min() > 100
    x = np.argwhere(regions.labels == 1 + regions.names.index("hippocampus_L")) @ template.affine[0, :3]
    assert (x + template.affine[0, 3] < 0).all()


def test_shipped_files_are_what_nilearn_gives() -> None:
    from nilearn.datasets import fetch_coords_dosenbach_2010, fetch_coords_seitzman_2018, load_mni152_template

    points, networks = atlas.nodes()
    public = fetch_coords_dosenbach_2010(ordered_regions=False)
    assert np.allclose(points, np.asarray(public.rois[["x", "y", "z"]], dtype=float))
    assert list(networks) == [str(n) for n in public.networks]
    public = fetch_coords_seitzman_2018(ordered_regions=False)
    assert np.allclose(atlas._seitzman()[0], np.asarray(public.rois[["x", "y", "z"]], dtype=float))
    assert atlas._seitzman()[1:] == ([str(r) for r in public.regions], [str(n) for n in public.networks])
    image = load_mni152_template(resolution=2)
    mine = atlas.template()
    theirs = resample(image.get_fdata(dtype=np.float32), image.affine, np.eye(4), mine.t1.shape, mine.affine)
    assert np.corrcoef(mine.t1.ravel(), theirs.ravel())[0, 1] > 0.99


def test_information_of_independent_and_equal_images() -> None:
    rng = np.random.default_rng(1)
    a = rng.random(20_000)
    assert information(rng.random(20_000), a) < 0.05
    assert information(a, a) > 0.9


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("shape", "sizes"), [((23, 31, 17), (1.0, 1.5, 4.0)), ((9, 20, 1), (7.0, 0.7, 5.0)), ((2, 8, 30), (3.1, 4.0, 0.4))]
)
def test_thinning_by_axis_is_smoothing_and_resampling(order, shape, sizes) -> None:
    """scipy's filter, then SimpleITK's interpolation: thick slices, one slice, a slab thinner than three samples."""
    rng = np.random.default_rng(3)
    voxels = np.asarray(rng.normal(100, 30, shape).astype(np.float32), order=order)
    voxels[1, 3, 0] = np.nan
    affine = np.diag([*sizes, 1.0])
    affine[:3, :3] = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) * sizes
    small, grid = at_spacing(voxels, affine, 4.0, fill=7.0)
    smooth = ndimage.gaussian_filter(np.nan_to_num(voxels, nan=7.0), np.maximum(4.0 / np.array(sizes) - 1, 0) * 0.45)
    expected = resample(smooth, affine, np.eye(4), small.shape, grid, 7.0)
    np.testing.assert_allclose(small, expected, rtol=0, atol=1e-4)
    assert np.isnan(voxels[1, 3, 0])
