"""Quality metrics against MRIQC's own functions, against known truths, and verdicts in words."""

import numpy as np
import pytest
from consilium.imaging.brain.registration import head_mask
from consilium.imaging.fmri import overview
from consilium.imaging.quality import (
    artefacts,
    cohort,
    limits,
    measures,
    metrics,
    metrics_fmri,
    patient,
    relations,
    sketch,
    slices,
    structural,
    units,
)
from consilium.imaging.quality.verdict import judge
from consilium.imaging.resampling import at_spacing
from consilium.simulate import images_defects
from consilium.simulate.images_brain import Scan, pet
from consilium.simulate.images_ct import chest
from scipy import ndimage

# MRIQC 24 (github.com/nipreps/mriqc at fbc90479): mriqc.qc.anatomical, mriqc.qc.functional.gsr and
# interfaces.anatomical.artifact_mask were run on these arrays with numpy 2.4, scipy and statsmodels.
MRIQC = {"snr": 28.263917104548273, "snrd": 85.90116848404858, "cnr": 4.812414293150189, "cjv": 0.2838007039040497,
         "fber": 723.645511232, "efc": 0.438145073, "wm2max": 0.8524933084478908, "ghost_x": -0.01760005798456062,
         "ghost_y": 0.11683546444307555, "qi1": 0.0013304643484831065}  # fmt: skip


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """What MRIQC's functions were run on: grey and white matter, air, a ball with a ghost and an artefact in air."""
    rng = np.random.default_rng(2024)
    gm, wm = rng.normal(300, 20, 4000), rng.normal(420, 15, 5000)
    air = np.hypot(*rng.normal(0, 5, (2, 8000)))
    volume = np.hypot(*rng.normal(0, 6, (2, 40, 48, 36)))
    x, y, z = np.indices(volume.shape)
    head = ((x - 20) / 12) ** 2 + ((y - 24) / 15) ** 2 + ((z - 18) / 11) ** 2 < 1
    volume[head] += 200 + 20 * rng.standard_normal(head.sum())
    volume[2:7, 4:9, 3:8] += 150
    volume = volume + 0.12 * np.roll(np.where(head, volume, 0), 24, axis=1)
    return {"gm": gm, "wm": wm, "air": air, "volume": volume, "head": head}


def test_metrics_equal_mriqc(arrays) -> None:
    gm, wm, air, volume, head = (arrays[k] for k in ("gm", "wm", "air", "volume", "head"))
    found = {
        "snr": metrics.snr_tissue(wm),
        "snrd": metrics.snr_air(wm, air),
        "cnr": metrics.cnr(gm, wm, float(air.std())),
        "cjv": metrics.cjv(gm, wm),
        "fber": metrics.fber(volume[head], volume[~head]),
        "efc": metrics.efc(volume),
        "wm2max": metrics.wm2max(volume, np.array([230.0])),
        "ghost_x": artefacts.ghost(volume, head, 0),
        "ghost_y": artefacts.ghost(volume, head, 1),
    }
    assert found == pytest.approx({k: v for k, v in MRIQC.items() if k != "qi1"}, rel=1e-5)
    assert artefacts.qi1(volume, head, ~head) == pytest.approx(MRIQC["qi1"], rel=0.05)  # distances on half the grid


def test_smoothness_of_smoothed_noise() -> None:
    rng = np.random.default_rng(1)
    everywhere = np.ones((40, 40, 40), bool)
    for sigma in (1.0, 2.0):
        smooth = ndimage.gaussian_filter(rng.normal(0, 1, everywhere.shape), sigma, mode="wrap")
        for axis in range(3):
            assert artefacts.fwhm(smooth, everywhere, axis) == pytest.approx(2.355 * sigma, rel=0.12)


def test_noise_of_a_ball_is_found_again() -> None:
    rng = np.random.default_rng(2)
    grid = np.indices((40, 40, 40)) - 20
    ball = (grid**2).sum(axis=0) < 15**2
    for planted in (0.02, 0.1, 0.3):
        voxels = (100 * ball + rng.normal(0, 100 * planted, ball.shape)).astype(np.float32)
        assert artefacts.noise_share(voxels, ball) == pytest.approx(planted, rel=0.15)


def test_shading_is_measured_from_its_field() -> None:
    spread, middle = metrics.inu(np.linspace(0.5, 1.5, 1001))
    assert (spread, middle) == (pytest.approx(0.9), pytest.approx(1.0))


def test_shading_is_seen_without_its_field(head: Scan) -> None:
    """A ramp along an axis adds its slope times the head's extent, whatever the unit."""
    voxels = head.voxels.astype(np.float32)
    inside = head_mask(voxels)
    before = metrics.shading(voxels, inside)
    assert before < 0.6
    x = np.linspace(-0.8, 0.8, voxels.shape[0], dtype=np.float32)[:, None, None]
    across = np.ptp(np.percentile(np.broadcast_to(x, voxels.shape)[inside], [5, 95]))
    shaded = metrics.shading(7 * voxels * np.exp(x), inside)
    assert shaded == pytest.approx(across, abs=before + 0.1)
    assert judge("T1", {"shading": shaded, "registration_coverage": 1.0}, [])[1].startswith("strong shading")
    assert np.isnan(metrics.shading(voxels, np.zeros_like(inside)))


def test_slices_blank_repeated_and_out_of_order(head: Scan) -> None:
    clean = head.voxels.astype(np.float32)
    assert (slices.blank(clean), slices.repeated(clean)) == (0, 0)
    assert slices.disorder(clean) < 0.15 and slices.stripe(clean) < 0.3
    bad = clean.copy()
    bad[:, :, [20, 25]] = 0
    assert slices.blank(bad) == 2
    assert slices.blank(np.pad(clean, 4)) == 0  # around the image is not amid it
    bad = clean.copy()
    bad[:, 21] = bad[:, 20]
    assert slices.repeated(bad) == 1
    assert slices.disorder(clean[:, :, np.random.default_rng(3).permutation(clean.shape[2])]) > 0.25
    bad = clean.copy()
    bad[:, :, 24] *= 0.4
    assert slices.stripe(bad) > 0.6


def test_outliers_as_3dtoutcount_counts_them() -> None:
    """In theory: 4.753 (upper 1e-6 of the normal) x sqrt(pi / 2) x .6745 = 4.018 SD, beyond which 5.87e-5 lie."""
    rng = np.random.default_rng(4)
    series = rng.normal(100, 1, (100, 1000))
    assert metrics_fmri.outlier_fraction(series) == pytest.approx(5.87e-5, abs=4e-5)
    series[:, 500] += 20
    assert metrics_fmri.outlier_fraction(series) == pytest.approx(1 / 1000 + 5.87e-5, rel=0.05)


def test_series_not_steady_lost_or_frozen() -> None:
    rng = np.random.default_rng(5)
    level = 1000 + rng.normal(0, 2, 60)
    assert overview.dummies(level) == 0
    level[:3] += (300, 120, 60)
    assert overview.dummies(level) == 3
    series = rng.normal(100, 1, (50, 20))
    series[:, 7], series[:, 12] = series[:, 6], 10.0
    assert metrics_fmri.repeated_volumes(series) == 1
    assert metrics_fmri.lost_volumes(series.mean(axis=0)) == 1
    noise = rng.normal(100, 1, (2000, 10))
    same = np.repeat(noise[:, :1], 10, axis=1)
    assert metrics_fmri.quality_index(same) == pytest.approx(0)
    assert metrics_fmri.quality_index(noise) > 0.5


def test_one_slice_at_one_time_is_a_spike() -> None:
    rng = np.random.default_rng(6)
    courses = 500 + rng.normal(0, 3 / 20, (12, 40))
    courses[0] = np.nan  # a slice without enough brain
    assert metrics_fmri.slice_spikes(courses) == 0
    courses[5, 20] *= 1.2
    assert metrics_fmri.slice_spikes(courses) == pytest.approx(1 / 40)


def test_raw_ct_values_are_known() -> None:
    hu = np.full((20, 20, 20), -1000.0, np.float32)
    hu[5:15, 5:15, 5:15] = 40
    assert units.raw_offset(hu) == 0
    assert units.raw_offset(hu + 1024) == pytest.approx(1024, abs=30)
    assert units.raw_offset(np.clip(hu, 0, 100)) == 0  # windowed, not raw


def test_copies_are_known_and_other_people_are_not(head: Scan) -> None:
    voxels = head.voxels.astype(np.float32)
    images = [voxels, 3 * voxels**0.8 + 7, voxels[::-1], voxels[:, ::-1]]
    found = cohort.copies(np.stack([sketch.draw(v, head.affine) for v in images]), ["T1"] * 4)
    assert [(i, j, turned) for i, j, _, turned in found] == [(0, 1, False), (0, 2, True), (1, 2, True)]


def test_pets_are_compared_by_detail() -> None:
    first, second = (pet(0.0, np.random.default_rng(seed)) for seed in (1, 2))  # as a whole they look the same
    images = [(first.voxels, first.affine), (3 * first.voxels**0.8 + 7, first.affine),
              at_spacing(first.voxels, first.affine, 5.0), (first.voxels[::-1], first.affine),
              (second.voxels, second.affine)]  # fmt: skip
    likenesses = np.stack([sketch.draw(v, grid) for v, grid in images])
    as_others = {(i, j) for i, j, _, _ in cohort.copies(likenesses, ["T1"] * 5)}
    assert (0, 4) in as_others
    found = cohort.copies(likenesses, ["PET"] * 5)
    assert {(i, j, turned) for i, j, _, turned in found} >= {(0, 1, False), (0, 2, False), (0, 3, True), (1, 3, True)}
    assert all(j < 4 for _, j, _, _ in found)
    assert (0, 1) in {(i, j) for i, j, _, _ in cohort.copies(likenesses, ["PET", *["T1"] * 4])}  # under another kind


def test_chests_are_compared_by_detail() -> None:
    people = [chest(np.random.default_rng(seed))[0] for seed in (11, 29)]
    images = [(scan.voxels.astype(np.float32), scan.affine) for scan in people]
    images += [at_spacing(*images[0], 5.5), (images[0][0][::-1], people[0].affine)]
    likenesses = np.stack([sketch.draw(v, grid) for v, grid in images])
    as_others = {(i, j) for i, j, _, _ in cohort.copies(likenesses, ["T1"] * 4)}
    assert (0, 1) in as_others  # as a whole the two look the same
    found = {(i, j, turned) for i, j, _, turned in cohort.copies(likenesses, ["CT"] * 4)}
    assert found == {(0, 2, False), (0, 3, True), (2, 3, True)}


def test_outliers_are_told_by_direction() -> None:
    values = np.array([10.0, 11, 9, 10, 12, 10, 9, 11] * 5 + [2])
    groups = [("T1", "3 T")] * 41
    z = cohort.outlier_scores(groups, ["snr_air"] * 41, values)
    assert [cohort.is_outlier("snr_air", v) for v in z] == [False] * 40 + [True]
    few = cohort.outlier_scores(groups[:9], ["snr_air"] * 9, values[-9:])  # as far away, but the spread is a guess
    assert -cohort.OUTLIER_Z < few[-1] < -2
    assert not cohort.is_outlier("cjv", z[-1])  # low is good
    assert np.isnan(cohort.outlier_scores(groups[:7], ["snr_air"] * 7, values[:7])).all()
    assert np.isnan(cohort.outlier_scores(groups, ["spacing_x"] * 41, values)).all()
    counted = (1 + 1e-2 * np.arange(41) / 41 + (np.arange(41) > 37)) / 2e5  # one voxel of a head, of three heads two
    assert np.isnan(cohort.outlier_scores(groups, ["clipped_share"] * 41, counted)).all()


def test_a_verdict_says_what_is_wrong_in_words() -> None:
    verdict, reason = judge("CT", {"raw_offset": 1024.0}, ["odd header"])
    assert verdict == "exclude"
    assert reason.startswith("raw scanner values: the rescale to Hounsfield units is missing (raw_offset 1.02e+03 HU")
    assert reason.endswith("odd header")


def test_what_needs_a_head_is_not_asked_of_other_images() -> None:
    assert judge("T1", {"snr_air": 1.0}, [])[0] == "keep"
    assert judge("T1", {"snr_air": 1.0, "registration_coverage": 1.0}, [])[0] == "flag"


def test_every_limit_is_a_registered_metric() -> None:
    assert {limit.metric for some in limits.LIMITS.values() for limit in some} <= set(measures.METRICS)


@pytest.fixture(scope="module")
def clean(head: Scan) -> tuple[np.ndarray, np.ndarray]:
    """A simulated head and its foreground."""
    voxels = head.voxels.astype(np.float32)
    return voxels, head_mask(voxels)


@pytest.mark.parametrize(
    ("defect", "metric"),
    [("noise", "noise_share"), ("ghost", "ghost_y"), ("spike in k-space", "kspace_spike"), ("wrap-around", "edge_y"),
     ("blank slices", "blank_slices"), ("repeated slices", "repeated_slices"), ("clipped values", "clipped_share"),
     ("slices in wrong order", "slice_disorder"), ("slices that lost signal", "slice_stripe"),
     ("few grey levels", "grey_levels"), ("motion of the head", "ghost_y")],
)  # fmt: skip
def test_a_planted_defect_passes_its_limit_and_a_clean_head_does_not(clean, defect: str, metric: str) -> None:
    voxels, mask = clean
    flags = {limit.metric: limit.flag for limit in limits.LIMITS["T1"]}
    low, high = flags[metric]
    sound = structural.anywhere(voxels, mask)[metric]
    assert (low is None or sound >= low) and (high is None or sound <= high)
    caught = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        bad = images_defects.HEAD[defect](voxels, rng)
        found = structural.anywhere(bad, head_mask(bad))
        both = (
            found[metric],
            found["ghost_x"] if metric == "ghost_y" else found["edge_x"] if metric == "edge_y" else 0,
        )
        caught += any((low is not None and v < low) or (high is not None and v > high) for v in both)
    assert caught == 3


@pytest.mark.slow
def test_left_and_right_exchanged_are_seen_against_another_sequence(head: Scan) -> None:
    voxels = head.voxels.astype(np.float32)
    flair = images_defects.other_contrast(voxels, float(np.percentile(voxels, 95)))
    assert relations.compare(voxels, head.affine, flair, head.affine).finding == ""
    assert "exchanged" in relations.compare(voxels, head.affine, flair[::-1].copy(), head.affine).finding


def test_a_head_of_another_size_is_not_the_same_head(head: Scan) -> None:
    voxels = head.voxels.astype(np.float32)
    flair = images_defects.other_contrast(voxels, float(np.percentile(voxels, 95)))
    found = relations.compare(voxels, head.affine, flair, head.affine @ np.diag([1.0, 1.08, 1.0, 1.0]))
    assert found.preference > relations.SURE  # it fits one way round, as a relative's head may
    assert "not the same head, or a wrong voxel size" in found.finding
    assert max(abs(np.log(found.stretches))) == pytest.approx(np.log(1.08), abs=0.02)


def test_headers_that_name_two_persons_are_told() -> None:
    told = patient.related({}, {"T1": "a", "CT": "b", "PET": ""})["reasons"]
    assert set(told) == {"T1", "CT"} and "another person" in told["T1"][0]
