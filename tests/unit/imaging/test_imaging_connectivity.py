import numpy as np
import pytest
from consilium.imaging.fmri import connectivity


def correlated(rho: float, n: int, seed: int = 1) -> np.ndarray:
    """(2, n) signals whose sample correlation is rho, between 0.01 and 0.1 Hz at TR 2 s."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(0, 1, (2, n)))
    frequency = np.fft.rfftfreq(n, 2.0)
    spectrum[:, (frequency < 0.012) | (frequency > 0.09)] = 0
    white = np.linalg.qr(np.fft.irfft(spectrum, n).T)[0].T
    return np.array([white[0], rho * white[0] + np.sqrt(1 - rho**2) * white[1]])


def test_planted_correlation_survives_band_and_nuisance() -> None:
    n = 400
    signals = correlated(0.6, n)
    rng = np.random.default_rng(2)
    parameters = rng.normal(0, 0.05, (n, 6))
    noisy = np.repeat(signals, [3, 3], axis=0) + 0.5 * np.linspace(0, 1, n) + 0.3 * parameters[:, 0]
    removed, told = connectivity.nuisance(parameters, np.empty((0, n)), 2.0)
    assert "above 0.1 Hz" in told
    found = connectivity.connect(noisy, ("a",) * 3 + ("b",) * 3, removed, np.zeros(n))
    values = {f.name: f.value for f in found.features}
    assert values["connectivity.a.b"] == pytest.approx(np.arctanh(0.6), abs=0.08)
    assert values["connectivity.a.a"] > 3


def test_short_series_keep_freedom_and_moved_volumes_are_left_out() -> None:
    n = 60
    removed, told = connectivity.nuisance(np.random.default_rng(3).normal(0, 1, (n, 6)), np.empty((0, n)), 2.0)
    assert "above 0.1 Hz" not in told and removed.shape[1] < 20
    signals = np.vstack([correlated(0.2, n)] * 2)
    displacement = np.zeros(n)
    displacement[:20] = 2
    assert connectivity.connect(signals, ("a", "a", "b", "b"), removed, displacement).n_used == 40
    displacement[:40] = 2
    assert (
        "volumes without much motion"
        in connectivity.connect(signals, ("a", "a", "b", "b"), removed, displacement).reason
    )


def test_nodes_take_the_voxels_around_them() -> None:
    series = np.zeros((20, 20, 20, 3), np.float32)
    series[10, 10, 10] = [1, 2, 3]
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -30
    mask = np.zeros((20, 20, 20), bool)
    mask[10, 10, 10] = True
    points = np.array([[0.0, 0, 0], [25, 25, 25]])
    out = connectivity.node_signals(series, affine, np.eye(4), points, mask)
    assert np.array_equal(out[0], [1, 2, 3]) and np.isnan(out[1]).all()
