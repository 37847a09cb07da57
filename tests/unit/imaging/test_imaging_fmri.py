"""Steps of the fMRI pipeline by planted values: dummy scans, slice timing, motion, ALFF, fALFF, ReHo."""

import numpy as np
import pytest
from consilium.imaging.fmri import activity, motion, nuisance, overview, regions, slice_timing
from consilium.imaging.fmri.parcels import LabelMeans
from consilium.imaging.fmri.settings import Settings
from consilium.imaging.frames import ArrayFrames
from consilium.imaging.volume import Volume
from scipy import ndimage, signal, stats

TR_S = 2.0


def steady(n: int, seed: int = 1) -> np.ndarray:
    return 1000 + np.random.default_rng(seed).normal(0, 1, n)


@pytest.mark.parametrize("planted", [0, 1, 4])
def test_bright_volumes_at_the_start_are_counted(planted: int) -> None:
    level = steady(80)
    level[:planted] += np.array([300, 90, 40, 15])[:planted]
    assert overview.dummies(level) == planted


def test_dark_volumes_and_late_spikes_are_no_dummies() -> None:
    level = steady(80)
    level[0], level[40] = 500, 2000
    assert overview.dummies(level) == 0
    assert overview.dummies(np.full(30, 7.0)) == 0


def volume(voxels: np.ndarray, times: tuple[float, ...] | None, axis: int = 2, tr_s: float | None = TR_S) -> Volume:
    return Volume(voxels, np.eye(4), "fMRI", "nifti", tr_s=tr_s, slice_times_s=times, slice_axis=axis)


@pytest.mark.parametrize("axis", [0, 2])
def test_slices_are_moved_to_the_middle_of_their_volume(axis: int) -> None:
    times = np.array([0.0, 1.0, 0.5, 1.5])
    moments = np.arange(60)[:, None] * TR_S + times
    wave = 100 + np.sin(2 * np.pi * 0.05 * moments)  # (time, slice)
    shape = [3, 3, 3]
    shape[axis] = 4
    form = [1, 1, 1]
    form[axis] = 4
    frames = [np.broadcast_to(row.reshape(form), shape).astype(np.float32) for row in wave]
    out = list(slice_timing.corrected(frames, slice_timing.weights(times, TR_S), axis))
    wanted = 100 + np.sin(2 * np.pi * 0.05 * (np.arange(60) * TR_S + TR_S / 2))
    got = np.moveaxis(np.array(out), axis + 1, 1)[:, :, 0, 0]
    assert len(out) == 60
    assert np.abs(got[5:-5] - wanted[5:-5, None]).max() < 0.01
    assert np.abs(wave[5:-5] - wanted[5:-5, None]).max() > 0.25  # what there was to correct


def test_runs_shorter_than_the_window_come_out_whole() -> None:
    frames = [np.full((2, 2, 2), float(t), np.float32) for t in range(3)]
    out = list(slice_timing.corrected(frames, slice_timing.weights(np.array([1.0, 1.0]), TR_S), 2))
    assert [float(v[0, 0, 0]) for v in out] == pytest.approx([0, 1, 2])  # taken in the middle: nothing moves


def test_why_slice_timing_is_not_corrected() -> None:
    voxels = np.zeros((4, 4, 3, 2), np.float32)
    assert slice_timing.lack(volume(voxels, (0, 1.5, 0.7))) == ""
    assert "not said" in slice_timing.lack(volume(voxels, None))
    assert "2 slice times for 3" in slice_timing.lack(volume(voxels, (0, 1)))
    assert "4 slice times" not in slice_timing.lack(volume(voxels, (0, 1, 0.5, 1.5), axis=0))
    assert "up to 700 s" in slice_timing.lack(volume(voxels, (0, 350, 700)))
    assert "at once" in slice_timing.lack(volume(voxels, (0, 0, 0)))
    assert "repetition time" in slice_timing.lack(volume(voxels, (0, 1.5, 0.7), tr_s=None))


def test_planted_motion_is_found_and_undone() -> None:
    still = ndimage.gaussian_filter(np.random.default_rng(4).normal(0, 1, (24, 26, 22)), 2.5) * 1000 + 500
    turn = 0.03  # about z, through the middle
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    middle = (np.array(still.shape) - 1) / 2
    turned = ndimage.affine_transform(still, matrix.T, middle - matrix.T @ middle, order=3, mode="nearest")
    shifted = ndimage.shift(still, (0.4, -0.2, 0.3), order=3, mode="nearest")
    series = np.stack([still] * 5 + [shifted, turned], axis=-1).astype(np.float32)
    mask, affine = np.zeros(still.shape, bool), np.diag([4.0, 4, 4, 1])
    mask[5:-4, 4:-4, 4:-4] = True
    frames = ArrayFrames(series)
    found = motion.estimate(frames, still.astype(np.float32), affine, mask)
    assert found.parameters[5, :3] == pytest.approx([1.6, -0.8, 1.2], abs=0.15)
    assert found.parameters[6, 5] == pytest.approx(turn, abs=0.003)
    assert np.abs(found.parameters[:5]).max() < 0.05
    assert found.displacement[5] == pytest.approx(3.6, abs=0.3)
    back = np.array(list(motion.followed(frames, affine, found, mask)))
    before = series[mask].T
    for t in (5, 6):
        assert np.abs(back[t] - back[0]).mean() < 0.3 * np.abs(before[t] - before[0]).mean()


def plain(n: int, used: np.ndarray | None = None) -> nuisance.Model:
    """A model that removes the mean only."""
    used = np.ones(n, bool) if used is None else used
    basis = np.full((int(used.sum()), 1), 1 / np.sqrt(used.sum()))
    return nuisance.Model(basis, used, "", int(used.sum()) - 1, "")


def test_amplitudes_equal_the_fourier_transform_and_lomb_scargle() -> None:
    n = 100
    values = np.random.default_rng(5).normal(0, 3, (n, 4))
    alff, falff = activity.amplitudes(values, plain(n), TR_S, (0.01, 0.1))
    spectrum = np.abs(np.fft.rfft(values - values.mean(axis=0), axis=0))[1:] * np.sqrt(2) / n * np.sqrt(2)
    spectrum[-1] /= np.sqrt(2)  # the highest frequency has a cosine only
    hertz = np.fft.rfftfreq(n, TR_S)[1:]
    band = (hertz >= 0.01) & (hertz <= 0.1)
    assert alff == pytest.approx(spectrum[band].mean(axis=0), rel=1e-6)
    assert falff == pytest.approx(spectrum[band].sum(axis=0) / spectrum.sum(axis=0), rel=1e-6)
    used = np.ones(n, bool)
    used[[3, 4, 50, 51, 52, 77]] = False
    left = values[used] - values[used].mean(axis=0)
    when = np.flatnonzero(used) * TR_S
    cosine, sine = activity.wave_pairs(np.flatnonzero(used).astype(float), n)
    power = (cosine.T @ left) ** 2 + (sine.T @ left) ** 2
    theirs = np.stack([signal.lombscargle(when, v, 2 * np.pi * hertz) for v in left.T], axis=1)
    assert power[:-1] == pytest.approx(2 * theirs[:-1], rel=1e-6)


def test_planted_slow_waves_raise_alff_and_falff() -> None:
    n, rng = 200, np.random.default_rng(6)
    slow = np.sin(2 * np.pi * 0.05 * TR_S * np.arange(n))[:, None]
    fast = np.sin(2 * np.pi * 0.2 * TR_S * np.arange(n))[:, None]
    values = rng.normal(0, 1, (n, 60))
    values[:, :20] += 2 * slow
    values[:, 20:40] += 2 * fast
    values[60] += 100  # a spike in a volume that is left out
    used = np.arange(n) != 60
    alff, falff = activity.amplitudes(values, plain(n, used), TR_S, (0.01, 0.1))
    assert alff[:20].mean() / alff[40:].mean() > 1.25 and alff[20:40].mean() / alff[40:].mean() < 1.1
    assert falff[:20].mean() > falff[40:].mean() > falff[20:40].mean()
    assert np.isnan(activity.amplitudes(values, plain(n), 5.0, (0.01, 0.1))[1]).all()  # nothing above the band


def test_reho_is_kendalls_w_of_27_voxels() -> None:
    n, rng = 40, np.random.default_rng(7)
    mask = np.ones((5, 5, 5), bool)
    mask[0, 0, 0] = False
    common = rng.normal(0, 1, n)[:, None]
    values = common + rng.normal(0, 1, (n, int(mask.sum())))
    found = activity.reho(values, plain(n), mask)
    grid = np.full(mask.shape, np.nan)
    grid[mask] = found
    assert np.isfinite(grid).sum() == 26  # of the 27 inside, one touches the hole
    volume_of = np.full((*mask.shape, n), np.nan)
    volume_of[mask] = values.T
    around = volume_of[1:4, 1:4, 2:5].reshape(27, n)
    ranks = stats.rankdata(around, axis=1)
    friedman = stats.friedmanchisquare(*around.T).statistic
    assert grid[2, 2, 3] == pytest.approx(friedman / (27 * (n - 1)), rel=1e-9)
    total = ranks.sum(axis=0)
    assert grid[2, 2, 3] == pytest.approx(12 * ((total - total.mean()) ** 2).sum() / (27**2 * (n**3 - n)), rel=1e-9)


def test_planted_homogeneity_is_found_where_it_is() -> None:
    n, rng = 120, np.random.default_rng(8)
    mask = np.ones((12, 8, 8), bool)
    values = rng.normal(0, 1, (n, mask.size))
    together = np.arange(mask.size) // 64 < 6
    values[:, together] += rng.normal(0, 1, n)[:, None]
    found = activity.reho(values.astype(np.float32), plain(n), mask)
    assert np.nanmean(found[np.arange(mask.size) // 64 < 5]) > 0.4
    assert np.nanmean(found[np.arange(mask.size) // 64 > 6]) == pytest.approx(1 / 27, abs=0.01)


def test_parcels_of_a_network_are_joined_and_small_groups_are_missing() -> None:
    from consilium.imaging.brain.atlas import Regions

    names = ("Visual_L_-10_-80_4", "Visual_R_12_-78_4", "hippocampus_L", "thalamus_R")
    atlas = Regions(np.zeros((1, 1, 1), np.int16), names, np.zeros((4, 3)))
    labels = np.repeat([1, 2, 3, 4, 0], [4, 4, 6, 3, 5])
    groups = regions.grouped(labels, atlas)
    assert groups.names == ("Visual", "hippocampus_L", "thalamus_R")
    values = np.where(labels == 2, 3.0, 1.0)
    values[0] = np.nan
    means = groups.means(values)
    assert means[:2] == pytest.approx([(3 * 1 + 4 * 3) / 7, 1]) and np.isnan(means[2])


def test_covariance_is_in_per_cent_and_lists_regions_that_are_there() -> None:
    rng = np.random.default_rng(9)
    labels = np.repeat([1, 2, 3], [10, 10, 2])
    left = np.column_stack([rng.normal(0, 10, (5000, 2)), np.zeros(5000)])
    table = regions.covariance(LabelMeans(labels, 3), np.where(labels == 2, 500.0, 1000.0), left, ("a", "b", "c"))
    assert list(zip(table["region_a"], table["region_b"], strict=True)) == [("a", "a"), ("b", "a"), ("b", "b")]
    assert table["covariance"].to_numpy() == pytest.approx([1, 0, 4], abs=0.15)


def test_settings_from_the_config_section() -> None:
    assert Settings.from_json("{}") == Settings()
    text = '{"dummy_scans": "auto", "band_hz": [0.02, 0.08], "compcor": 0}'
    assert Settings.from_json(text) == Settings(band_hz=(0.02, 0.08), compcor=0)
    assert Settings.from_json('{"dummy_scans": 3}').dummy_scans == 3
