"""Deformable registration, thickness and uptake ratios against what was planted."""

from pathlib import Path

import numpy as np
import pytest
from consilium.imaging.brain import atlas, deform, pictures, thickness, uptake
from consilium.imaging.brain.atlas import Regions
from consilium.simulate.images_head import smooth_field
from PIL import Image
from scipy import ndimage


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.slow
def test_a_planted_warp_is_found() -> None:
    known, regions = atlas.template(), atlas.regions()
    rng = np.random.default_rng(3)
    planted = np.stack([smooth_field(rng, known.brain.shape, 2.5) for _ in range(3)])
    true = deform.individual(known, planted)
    field = deform.displacement(true.gm, true.wm, known)
    found = deform.individual(known, field)
    assert dice(found.wm > 0.5, true.wm > 0.5) > 0.9 > dice(known.wm > 0.5, true.wm > 0.5)
    assert dice(found.brain, true.brain) > 0.98 > dice(known.brain, true.brain)
    own, wanted = (deform.carried(regions, known, f).labels for f in (field, planted))
    inside = true.gm > 0.5
    assert (own == wanted)[inside].mean() > 0.9 > (regions.labels == wanted)[inside].mean()
    assert deform.fold_share(field, true.brain) == 0
    error, before = (np.linalg.norm(d, axis=0)[true.brain].mean() for d in (field - planted, planted))
    assert error < 0.5 * before


def test_without_a_difference_nothing_moves() -> None:
    known = atlas.template()
    field = deform.displacement(known.gm, known.wm, known)
    assert np.abs(field).max() < 0.1
    assert np.array_equal(deform.carried(atlas.regions(), known, 0 * field).labels, atlas.regions().labels)


def test_folds_are_counted() -> None:
    field = np.zeros((3, 8, 8, 8), dtype=np.float32)
    brain = np.ones((8, 8, 8), dtype=bool)
    field[0] = -3 * 2 * np.arange(8)[:, None, None]  # steps back three voxels for each one forward
    assert deform.fold_share(field, brain) == 1


@pytest.mark.parametrize("mm", [1.5, 2.5, 4.0])
@pytest.mark.parametrize("radius", [0.0, 40.0])
def test_thickness_of_known_sheets_and_shells(mm: float, radius: float) -> None:
    size, fine = 56, 2  # grid of 2 mm, drawn at 1 mm and averaged
    at = (np.arange(size * fine) + 0.5) * 2 / fine - size
    x, y, z = np.meshgrid(at, at, at, indexing="ij", sparse=True)
    far = np.sqrt(x**2 + y**2 + z**2) - radius if radius else (0.3 * x + 0.2 * y + z) / np.sqrt(1.13)
    # A soft edge of one fine voxel: the share of the voxel beyond the surface.
    beyond = [np.clip(far - level + 0.5, 0, 1) for level in (0.0, mm)]
    wm, gm = 1 - beyond[0], beyond[0] - beyond[1]
    wm, gm = (m.reshape(size, fine, size, fine, size, fine).mean(axis=(1, 3, 5)).astype(np.float32) for m in (wm, gm))
    labels = (gm > 0.2).astype(np.int16)
    if not radius:  # away from the edge of the grid, where gradients are one-sided
        labels[:8], labels[-8:], labels[:, :8], labels[:, -8:] = 0, 0, 0, 0
    found = thickness.per_region(gm, wm, Regions(labels, ("cortex",), np.zeros((1, 3))), 1.0)[0]
    curved = mm * (1 + mm / radius + mm**2 / (3 * radius**2)) if radius else mm  # shell over its inner surface
    assert found == pytest.approx(curved, rel=0.06)


def test_no_boundary_no_thickness() -> None:
    labels = np.zeros((20, 20, 20), dtype=np.int16)
    labels[5:15, 5:15, 5:15] = 1
    gm = labels.astype(np.float32)
    parts = Regions(labels, ("kernel", "absent"), np.zeros((2, 3)))
    assert np.isnan(thickness.per_region(gm, np.zeros_like(gm), parts, 1.0)).all()


def test_uptake_ratios_by_reference() -> None:
    maps, parts = atlas.template(), atlas.regions()
    voxels = np.where(maps.brain, 2.0, 0.0).astype(np.float32)
    for reference, factor in (("cerebellum", 4.0), ("pons", 5.0), ("hippocampus_L", 3.0)):
        hot = voxels.copy()
        hot[uptake.reference_weights(reference, parts) > 0] *= factor
        values, used = uptake.ratios(hot, maps.brain, parts, reference)
        by_name = {f.name: f for f in values}
        assert used == reference and by_name["suvr.thalamus_L"].unit == f"{reference} = 1"
        assert by_name["suvr.thalamus_L"].value == pytest.approx(1 / factor, rel=0.01)
    with pytest.raises(KeyError):
        uptake.reference_weights("nowhere", parts)


def test_a_reference_outside_the_image_is_replaced_and_said() -> None:
    maps, parts = atlas.template(), atlas.regions()
    high = maps.brain & (np.indices(maps.brain.shape)[2] > 40)
    voxels = ndimage.gaussian_filter(maps.gm, 1.0)
    values, used = uptake.ratios(voxels, high, parts, "cerebellum")
    assert used == "all grey matter"
    assert all(np.isnan(f.value) for f in values if "cerebellum" in f.name)


def test_a_strip_is_small_repeatable_and_shows_no_more_than_the_brain(tmp_path: Path) -> None:
    maps = atlas.template()
    bright = np.where(maps.brain, maps.t1, 9.0).astype(np.float32)  # what lies outside would be white
    for name in ("a.webp", "b.webp"):
        pictures.registered(tmp_path / name, bright)
    assert (tmp_path / "a.webp").read_bytes() == (tmp_path / "b.webp").read_bytes()
    assert (tmp_path / "a.webp").stat().st_size < 60_000
    with Image.open(tmp_path / "a.webp") as strip:
        first = np.asarray(strip.convert("L"))[pictures.HEADLINE :, : 2 * maps.brain.shape[0]]
    far = ~ndimage.binary_dilation(maps.brain[:, :, pictures.MIDDLE[2]], iterations=6)
    plane = first[: 2 * far.shape[1]][::-1].T[::2, ::2]
    assert np.median(plane[far]) < 20 and plane[far].mean() < 20 < plane[~far].mean()
