"""Nuisance, connectivity and graph measures: planted values, nilearn, scikit-learn's and networkx's own."""

import networkx as nx
import numpy as np
import pytest
from consilium.imaging.fmri import connectivity, graph, nuisance
from consilium.imaging.fmri.parcels import LabelMeans
from consilium.imaging.fmri.settings import Settings

ALL = nuisance.Plan(24, 0, 0.01, 0.1)


def correlated(rho: float, n: int, seed: int = 1) -> np.ndarray:
    """(2, n) signals whose sample correlation is rho, between 0.01 and 0.1 Hz at TR 2 s."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(0, 1, (2, n)))
    frequency = np.fft.rfftfreq(n, 2.0)
    spectrum[:, (frequency < 0.012) | (frequency > 0.09)] = 0
    white = np.linalg.qr(np.fft.irfft(spectrum, n).T)[0].T
    return np.array([white[0], rho * white[0] + np.sqrt(1 - rho**2) * white[1]])


def confounded(n: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """((n, 6) motion, (n, 5) signals with drift, motion and noise in them)."""
    rng = np.random.default_rng(seed)
    parameters = rng.normal(0, 0.05, (n, 6))
    signals = rng.normal(0, 1, (n, 5)) + parameters @ rng.normal(0, 20, (6, 5)) + np.linspace(0, 3, n)[:, None] ** 2
    return parameters, signals


def test_planted_correlation_survives_band_and_nuisance() -> None:
    n = 400
    parameters = np.random.default_rng(2).normal(0, 0.05, (n, 6))
    noisy = np.repeat(correlated(0.6, n), [3, 3], axis=0).T + 0.5 * np.linspace(0, 1, n)[:, None]
    noisy += 0.3 * parameters[:, :1]
    plan = nuisance.chosen(Settings(compcor=0), n, 2.0)
    model = nuisance.model(plan, parameters, np.ones(n, bool), 2.0, [])
    assert "above 0.1 Hz" in model.told and "24 motion" in model.told and not model.reason
    z = connectivity.fisher_z(connectivity.pearson(model.residual(noisy)))
    values = {f.name: f.value for f in connectivity.between(z, ["a"] * 3 + ["b"] * 3, "connectivity")}
    assert values["connectivity.a.b"] == pytest.approx(np.arctanh(0.6), abs=0.08)
    assert values["connectivity.a.a"] > 3


@pytest.mark.parametrize("censored", [False, True])
def test_cleaning_equals_nilearn_with_the_same_columns(censored: bool) -> None:
    """nilearn.signal.clean with our trends, motion and waves as confounds, and the same volumes left out."""
    from nilearn.signal import clean

    n = 240
    parameters, signals = confounded(n)
    used = np.ones(n, bool)
    if censored:
        used[[0, 7, 8, 100, 101, 102, 239]] = False
    model = nuisance.model(ALL, parameters, used, 2.0, [])
    time = np.linspace(-1, 1, n)
    columns = [time, time**2, *nuisance.motion_regressors(parameters, 24).T]
    columns += [w for low, high in ((0, 0.01), (0.1, np.inf)) for w in nuisance.waves(n, 2.0, low, high)]
    theirs = clean(signals, confounds=np.stack(columns, axis=1), sample_mask=np.flatnonzero(used), detrend=False,
                   standardize=None, standardize_confounds=True, filter=False)  # fmt: skip
    ours = model.residual(signals[used])
    # nilearn does not take the mean out of signals; what is left has none, but for the mean that it keeps.
    assert np.allclose(ours, theirs - theirs.mean(axis=0), atol=1e-8)
    assert model.freedom == used.sum() - np.linalg.matrix_rank(np.column_stack([np.ones(n), *columns])[used])


def test_the_band_agrees_with_butterworth_on_what_lies_in_it() -> None:
    from nilearn.signal import clean

    n = 400
    second = 2.0 * np.arange(n)[:, None]
    wanted = np.sin(2 * np.pi * second * np.array([0.03, 0.045, 0.06, 0.075]))
    signals = wanted + 3 * np.sin(2 * np.pi * 0.2 * second) + 3 * np.cos(2 * np.pi * 0.002 * second)
    model = nuisance.model(nuisance.Plan(6, 0, 0.01, 0.1), np.zeros((n, 6)), np.ones(n, bool), 2.0, [])
    theirs = clean(signals, detrend=True, standardize=None, filter="butterworth", low_pass=0.1, high_pass=0.01, t_r=2.0)
    ours = model.residual(signals)
    assert min(np.corrcoef(ours[:, i], theirs[:, i])[0, 1] for i in range(4)) > 0.97
    assert min(np.corrcoef(ours[:, i], wanted[:, i])[0, 1] for i in range(4)) > 0.99


def test_short_runs_keep_freedom_and_moved_volumes_are_left_out() -> None:
    n = 60
    parameters = np.random.default_rng(3).normal(0, 1, (n, 6))
    plan = nuisance.chosen(Settings(), n, 2.0)
    assert plan == nuisance.Plan(6, 5, 0.01, None)
    tissue = [np.random.default_rng(4).normal(0, 1, (n, 30))]
    assert not nuisance.model(plan, parameters, np.ones(n, bool), 2.0, tissue).reason
    used = np.arange(n) >= 20
    few = nuisance.model(plan, parameters, used, 2.0, [t[used] for t in tissue])
    assert few.used.sum() == 40 and few.freedom == 40 - 3 - 6 - 5 - 2 and not few.reason
    assert "above" not in few.told
    used = np.arange(n) >= 31
    assert "volumes without much motion" in nuisance.model(plan, parameters, used, 2.0, []).reason
    used = np.arange(n) >= 28
    wide = nuisance.model(nuisance.Plan(24, 0, 0.01, None), parameters, used, 2.0, [])
    assert "degrees of freedom" in wide.reason


def test_components_find_a_planted_tissue_signal() -> None:
    rng = np.random.default_rng(6)
    course = rng.normal(0, 1, 150)
    tissue = 1000 + rng.normal(0, 1, (150, 400)) + np.outer(course, rng.uniform(0.5, 1, 400)) + np.arange(150)[:, None]
    found = nuisance.components([tissue[:, :250], tissue[:, 250:]], 5)
    assert found.shape == (150, 5) and np.allclose(found.T @ found, np.eye(5), atol=1e-9)
    assert (
        abs(np.corrcoef(found[:, 0], course - np.polyval(np.polyfit(range(150), course, 1), range(150)))[0, 1]) > 0.98
    )


def test_a_signal_through_a_third_is_no_partial_correlation() -> None:
    rng = np.random.default_rng(7)
    middle = rng.normal(0, 1, 4000)
    signals = np.stack([middle + rng.normal(0, 1, 4000), middle, 5 * (middle + rng.normal(0, 1, 4000))], axis=1)
    assert connectivity.pearson(signals)[0, 2] == pytest.approx(0.5, abs=0.04)
    found = connectivity.partial(signals)
    precision = np.linalg.inv(np.corrcoef(signals.T))
    by_hand = -precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
    assert abs(found[0, 2]) < 0.05 and found[0, 1] == pytest.approx(by_hand[0, 1], abs=0.01)


def test_nodes_take_the_voxels_around_them() -> None:
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -30
    mask = np.zeros((20, 20, 20), bool)
    mask[10, 10, 10] = mask[12, 10, 10] = mask[17, 10, 10] = True
    points = np.array([[0.0, 0, 0], [25, 25, 25]])
    labels = connectivity.node_labels(mask, affine, np.eye(4), points)
    assert list(labels) == [1, 1, 0]
    out = LabelMeans(labels, 2).of(np.array([[1.0, 3.0, 50.0], [2.0, 2.0, 50.0]]))
    assert np.array_equal(out[:, 0], [2, 2]) and np.isnan(out[:, 1]).all()


def test_graph_measures_equal_networkx() -> None:
    signals = np.random.default_rng(8).normal(size=(80, 6)) @ np.random.default_rng(9).normal(size=(6, 40))
    linked = graph.edges(np.corrcoef(signals.T), 0.15)
    assert linked.sum() / 2 == round(0.15 * 40 * 39 / 2) and (linked == linked.T).all()
    whole = nx.from_numpy_array(linked)
    assert graph.efficiency(linked) == pytest.approx(nx.global_efficiency(whole), abs=1e-12)
    assert graph.measures(linked)["local_efficiency"] == pytest.approx(nx.local_efficiency(whole), abs=1e-12)


def test_two_groups_that_do_not_talk_are_modular() -> None:
    strength = np.random.default_rng(1).uniform(0.5, 0.9, (20, 20))
    two = np.kron(np.eye(2), np.ones((10, 10))) * (strength + strength.T) / 2
    found = {f.name: f.value for f in graph.features(two, ["a"] * 10 + ["b"] * 10)}
    assert found["modularity"] > 0.4 and found["global_efficiency"] < 0.6
    assert np.mean([found["degree.a"], found["degree.b"]]) == pytest.approx(1)
    negative = graph.edges(np.where(two > 0, two, -1), 0.9)
    assert negative.sum() == 2 * 10 * 9  # negative correlations are never edges
