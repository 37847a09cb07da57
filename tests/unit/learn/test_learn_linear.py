import warnings

import numpy as np
import pandas as pd
import pytest
from consilium.learn.models import heads, linear
from learn_cohorts import classes, numbers, times
from lifelines import CoxPHFitter, NelsonAalenFitter
from sklearn.linear_model import ElasticNet, LogisticRegression


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(60, 12))


def survival(x, seed=1):
    rng = np.random.default_rng(seed)
    t = rng.exponential(size=len(x)) * np.exp(-x[:, 0])
    return times(t + 0.01, rng.random(len(x)) < 0.7)


@pytest.mark.parametrize("kind", ["classes", "times", "numbers"])
def test_gradients_agree_with_differences(kind, x):
    rng = np.random.default_rng(2)
    tied = times(np.round(rng.exponential(size=60), 1) + 0.1, rng.random(60) < 0.6)
    target = {"classes": classes(rng.integers(0, 3, 60), 3), "times": tied, "numbers": numbers(rng.normal(size=60))}[
        kind
    ]
    loss = heads.objective(target, heads.prior(target))
    eta = rng.normal(size=(60, target.width))
    _, gradient = loss(eta)
    for i in (0, 17, 59):
        step = np.zeros_like(eta)
        step[i, 0] = 1e-5
        assert (loss(eta + step)[0] - loss(eta - step)[0]) / 2e-5 == pytest.approx(gradient[i, 0], abs=1e-5)
    assert heads.losses(target, eta, heads.prior(target)).sum() == pytest.approx(loss(eta)[0])


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 1.0), (1.0, 0.3)])
def test_logistic_elastic_net_is_scikit_learns(x, l1, l2):
    y = np.random.default_rng(3).integers(0, 3, 60)
    weights, _ = linear.fit_weights(x, classes(y, 3), l1, l2)
    other = LogisticRegression(solver="saga", C=1 / (l1 + l2), l1_ratio=l1 / (l1 + l2), max_iter=50000, tol=1e-9).fit(
        x, y
    )
    np.testing.assert_allclose(weights, other.coef_.T, atol=2e-4)


def test_linear_elastic_net_is_scikit_learns(x):
    y = x[:, 0] * 2 + np.random.default_rng(4).normal(size=60)
    target = numbers(y)
    weights, _ = linear.fit_weights(x, target, 6.0, 3.0)
    scaled = (y - y.mean()) / y.std()
    other = ElasticNet(alpha=9.0 / 60, l1_ratio=6.0 / 9.0, tol=1e-10).fit(x, scaled)
    np.testing.assert_allclose(weights[:, 0], other.coef_, atol=1e-4)


def weighted_by_lifelines(x, target):
    """Each event a stratum of its own with those at risk, all of the event's weight: weighted partial likelihood."""
    rows = []
    for i in np.flatnonzero(target.event):
        at_risk = np.flatnonzero(target.time >= target.time[i])
        for j in at_risk:
            rows.append([*x[j], 1.0 if j == i else 2.0, j == i, i, np.sqrt(len(at_risk))])
    frame = pd.DataFrame(rows, columns=[*range(x.shape[1]), "t", "e", "stratum", "weight"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that are no whole numbers: right for the coefficients
        return CoxPHFitter().fit(frame, "t", "e", strata="stratum", weights_col="weight").params_.to_numpy()


def test_weighted_cox_is_lifelines(x):
    target = survival(x)
    weights, _ = linear.fit_weights(x[:, :4], target, 0.0, 1e-6)
    np.testing.assert_allclose(weights[:, 0], weighted_by_lifelines(x[:, :4], target), atol=2e-3)
    plain = CoxPHFitter().fit(pd.DataFrame(x[:, :4]).assign(t=target.time, e=target.event), "t", "e").params_
    assert np.abs(weights[:, 0] - plain.to_numpy()).max() > 0.01  # the weights do something


def test_events_weigh_as_the_root_of_how_many_are_at_risk():
    target = times([4.0, 1.0, 2.0, 2.0], [1.0, 1.0, 0.0, 1.0])
    found = heads.event_weights(target)
    expected = np.sqrt([1.0, 4.0, 3.0, 3.0])
    np.testing.assert_allclose(found / found[0], expected)
    assert found[target.event == 1].mean() == pytest.approx(1.0)
    eta = np.random.default_rng(8).normal(size=(4, 1))
    each = heads.losses(target, eta, heads.prior(target))
    assert heads.objective(target, heads.prior(target), weighted=True)(eta)[0] == pytest.approx((found * each).sum())


def test_partial_likelihood_is_lifelines(x):
    target = survival(x)
    frame = pd.DataFrame(x[:, :4]).assign(t=target.time, e=target.event)
    other = CoxPHFitter().fit(frame, "t", "e")
    eta = x[:, :4] @ other.params_.to_numpy()[:, None]
    value, gradient = heads.objective(target, heads.prior(target))(eta)
    assert value == pytest.approx(-other.log_likelihood_) and np.abs(x[:, :4].T @ gradient).max() < 1e-3


def test_baseline_hazard_without_evidence_is_nelson_aalen(x):
    target = survival(x)
    at = (0.2, 0.7, 1.5)
    found = heads.baseline_hazard(target, np.zeros((60, 1)), at)
    other = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(target.time, target.event)
    np.testing.assert_allclose(found, other.cumulative_hazard_at_times(at), rtol=1e-9)


def test_ridge_in_the_span_of_the_rows_is_ridge(x):
    wide = np.concatenate([x, np.random.default_rng(5).normal(size=(60, 90))], axis=1)
    target = classes(np.random.default_rng(6).integers(0, 2, 60))
    penalty = linear.Penalty("ridge 1", 1.0)
    short = linear.fit(wide, target, (penalty,))[0].weights
    np.testing.assert_allclose(short, linear.fit_weights(wide, target, 0.0, 1.0)[0], atol=1e-4)


def test_average_of_models_is_one_model(x):
    models = linear.fit(x, survival(x))
    mean = linear.averaged(models, np.full(len(models), 1 / len(models)))
    np.testing.assert_allclose(mean.evidence(x), np.mean([m.evidence(x) for m in models], axis=0), atol=1e-12)


def test_a_design_without_columns_gives_no_evidence():
    models = linear.fit(np.zeros((20, 0)), classes([0, 1] * 10))
    assert all((m.evidence(np.zeros((3, 0))) == 0).all() for m in models)


def test_partial_likelihood_is_exact_where_predictors_lie_far_apart():
    """Sums of exp() of predictors more than 745 apart are 0 in float64; logaddexp by pairs is not."""
    eta = np.array([[0.0], [-900.0], [-1700.0], [3.0], [-2.0]])
    target = times(np.array([1.0, 2.0, 3.0, 4.0, 4.0]), np.array([1.0, 1.0, 1.0, 0.0, 1.0]))
    for shift in (0.0, -2000.0):
        at_risk = [np.logaddexp.reduce(eta[target.time >= t, 0] + shift) for t in target.time]
        own = target.event * (np.array(at_risk) - eta[:, 0] - shift)
        value, gradient = heads.objective(target, heads.prior(target))(eta + shift)
        assert value == pytest.approx(own.sum(), rel=1e-12) and value > 1700
        np.testing.assert_allclose(heads.losses(target, eta + shift, heads.prior(target)), own, rtol=1e-12)
        assert np.isfinite(gradient).all() and gradient.sum() == pytest.approx(0, abs=1e-9)
    first = np.array([[-900.0], [0.0], [0.0]])  # nobody left at risk in float64 but one with an event
    value, _ = heads.objective(times([3.0, 2.0, 1.0], [1.0, 0.0, 0.0]), heads.prior(target))(first)
    assert value == pytest.approx(0.0)


def test_a_steep_first_step_of_a_cox_model_is_not_taken(monkeypatch):
    """960 rows pull so hard that a step of size 1 leaves risk sets of 0; coefficients are lifelines'."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(960, 2))
    target = times(rng.exponential(np.exp(-1.5 * x[:, 0])) + 1e-3, np.ones(960))
    spreads = []
    plain = heads.log_running_sum
    monkeypatch.setattr(heads, "log_running_sum", lambda v: (spreads.append(np.ptp(v[v > -np.inf])), plain(v))[1])
    weights, _ = linear.fit_weights(x, target, 0.0, 1e-6)
    assert max(spreads) > 745  # the solver was there
    plain_fit = heads.objective(target, heads.prior(target), weighted=True)
    slopes = x.T @ plain_fit(x @ weights)[1]
    assert np.abs(slopes).max() < 1e-2 and weights[0, 0] == pytest.approx(1.5, abs=0.1) and abs(weights[1, 0]) < 0.1
