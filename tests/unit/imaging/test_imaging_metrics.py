import numpy as np
import pytest
from consilium.imaging.fmri import motion
from consilium.imaging.quality import metrics, metrics_fmri, verdict


def test_efc_runs_from_one_voxel_to_all() -> None:
    one = np.zeros((10, 10, 10))
    one[3, 3, 3] = 5
    assert metrics.efc(one) == pytest.approx(0)
    assert metrics.efc(np.full((10, 10, 10), 7.0)) == pytest.approx(1)


def test_cjv_and_cnr_by_hand() -> None:
    gm, wm = np.array([1.0, 3.0] * 50), np.array([8.0, 12.0] * 50)
    assert metrics.cjv(gm, wm) == pytest.approx(1.4826 * (1 + 2) / 8, rel=1e-4)
    assert metrics.cnr(gm, wm, 2.0) == pytest.approx(8 / 3)


def test_snr_air_of_a_magnitude_image() -> None:
    rng = np.random.default_rng(1)
    air = np.hypot(rng.normal(0, 5, 200_000), rng.normal(0, 5, 200_000))
    assert metrics.snr_air(np.full(100, 200.0), air) == pytest.approx(200 / 5, rel=0.02)
    assert np.isnan(metrics.snr_air(np.full(100, 200.0), np.zeros(500)))


def test_dvars_of_noise_is_one_and_jumps_stand_out() -> None:
    rng = np.random.default_rng(2)
    series = 1000 + rng.normal(0, 10, (2000, 80))
    assert np.median(metrics_fmri.dvars(series)) == pytest.approx(1, rel=0.05)
    series[:, 40] += 60
    assert np.argmax(metrics_fmri.dvars(series)) in (39, 40)
    assert metrics_fmri.dvars(series).max() > 3


def test_tsnr_ignores_drift_and_gcor_finds_a_common_signal() -> None:
    rng = np.random.default_rng(3)
    series = 1000 + rng.normal(0, 10, (500, 200)) + np.linspace(0, 100, 200)
    assert metrics_fmri.tsnr(series) == pytest.approx(1050 / 10, rel=0.05)
    flat = rng.normal(0, 1, (500, 200))
    assert metrics_fmri.gcor(flat) < 0.02
    assert metrics_fmri.gcor(flat + rng.normal(0, 1, 200)) == pytest.approx(0.5, abs=0.1)


def test_framewise_displacement_by_hand() -> None:
    parameters = np.zeros((3, 6))
    parameters[1, 0], parameters[1, 4] = 0.3, 0.01
    assert motion.framewise_displacement(parameters) == pytest.approx([0, 0.8, 0.8])


def test_verdicts() -> None:
    head = {"registration_coverage": 1.0}
    assert verdict.judge("T1", {"snr_air": 30.0} | head, []) == ("keep", "")
    assert verdict.judge("T1", {"snr_air": float("nan")} | head, [])[0] == "keep"
    flagged = verdict.judge("T1", {"snr_air": 5.0} | head, [])
    assert flagged[0] == "flag" and "snr_air 5" in flagged[1]
    assert verdict.judge("fMRI", {"fd_mean": 2.0}, [])[0] == "exclude"
    assert verdict.judge("CT", {}, ["odd header"]) == ("flag", "odd header")
