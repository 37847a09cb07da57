import numpy as np
import pytest
from consilium.imaging.body import ct, lesion
from consilium.imaging.volume import Volume
from consilium.simulate.images_ct import chest


def test_lungs_and_nodules_of_simulated_chests() -> None:
    counts, lungs = [], []
    for seed in range(8):
        scan, nodules = chest(np.random.default_rng(seed))
        volume = Volume(scan.voxels.astype(np.float32), scan.affine, "CT", "nifti", unit="HU")
        parts = ct.find_parts(volume)
        values = {f.name: f.value for f in ct.features(volume, parts)[0]}
        counts.append((len(nodules), values["nodule_candidates"]))
        lungs.append((scan.truth["lung_hu"], values["lung_mean_hu"]))
        assert ct.quality(volume, parts)["air_hu"] == pytest.approx(-1000, abs=5)
        assert ct.quality(volume, parts)["soft_tissue_noise"] == pytest.approx(14, abs=2)
    planted, found = np.array(counts).T
    assert planted.sum() > 0 and np.abs(planted - found).sum() <= 2
    assert np.corrcoef(np.array(lungs).T)[0, 1] > 0.9


def test_without_lungs_nothing_is_said_of_them() -> None:
    hu = np.full((40, 40, 20), -1000, np.float32)
    hu[8:32, 8:32] = 40
    volume = Volume(hu, np.diag([4.0, 4, 4, 1]), "CT", "nifti", unit="HU")
    features, lack = ct.features(volume, ct.find_parts(volume))
    values = {f.name: f.value for f in features}
    assert np.isnan(values["lung_ml"]) and np.isnan(values["nodule_candidates"]) and "lungs" in lack
    assert values["body_hu_p50"] == 40


def ball(radius_mm: float, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    shape = tuple(int(60 / s) for s in spacing)
    mm = np.indices(shape) * np.reshape(spacing, (3, 1, 1, 1)) - 30
    inside = ((mm**2).sum(axis=0) <= radius_mm**2).astype(np.float32)
    return Volume(inside, np.diag([*spacing, 1.0]), "mask", "nifti")


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 3.0)])
def test_a_ball_is_round_and_of_its_volume(spacing: tuple[float, float, float]) -> None:
    volume = ball(15, spacing)
    values = {f.name: f.value for f in lesion.shape(volume.voxels > 0, volume)}
    assert values["volume_ml"] == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.03)
    assert values["surface_cm2"] == pytest.approx(4 * np.pi * 15**2 / 100, rel=0.06)
    assert values["roundness"] == pytest.approx(1, abs=0.06)
    assert values["n_pieces"] == 1 and values["extent_x_mm"] == pytest.approx(31, abs=1)


def test_intensity_ratio_and_other_grid() -> None:
    mask = ball(10)
    image = Volume(np.full((60, 60, 60), 50, np.float32), np.diag([1.0, 1, 1, 1]), "FLAIR", "nifti")
    image.voxels[mask.voxels > 0] = 100
    values = {f.name: f.value for f in lesion.intensity(mask.voxels > 0, image.voxels, np.ones((60, 60, 60), bool))}
    assert values["ratio_mean"] == pytest.approx(2) and values["ratio_sd"] == 0
    coarse = ball(10, (2.0, 2.0, 2.0))
    moved, share = lesion.on_image(coarse, image)
    assert share == pytest.approx(1, abs=0.05)
    assert moved.sum() == pytest.approx(mask.voxels.sum(), rel=0.1)
