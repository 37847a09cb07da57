"""Metrics under censoring, calibration and decision curves against other programs and plain loops."""

import numpy as np
import pandas as pd
import pytest
from consilium.learn.judge import censored, metrics
from consilium.learn.uncertainty import calibration, decision, doubt
from learn_cohorts import classes, times
from lifelines import CoxPHFitter, KaplanMeierFitter
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

N = 90
ONES = np.ones((1, N))


@pytest.fixture(scope="module")
def followed():
    """(target, risk, predicted survival at three times, these times, G(t-) of lifelines)."""
    rng = np.random.default_rng(0)
    risk = rng.normal(size=N).round(1)
    event_time = rng.exponential(np.exp(-risk))
    lost = rng.exponential(2.0, N)
    time, event = np.minimum(event_time, lost), (event_time <= lost).astype(float)
    at = tuple(float(t) for t in np.quantile(time[event == 1], [0.2, 0.5, 0.8]))
    survival = np.exp(-np.outer(np.exp(0.7 * risk), at))
    km = KaplanMeierFitter().fit(time, event_observed=1 - event)
    before = lambda t: float(km.predict(t - 1e-9))  # noqa: E731
    return times(time, event), risk, survival, at, before


def test_censoring_is_lifelines_kaplan_meier(followed):
    target, _, _, _, before = followed
    np.testing.assert_allclose(censored.censoring(target, target.time), [before(t) for t in target.time], atol=1e-12)


def test_unos_c_is_its_definition(followed):
    target, risk, _, at, before = followed
    good = pairs = 0.0
    for i in range(N):
        if target.event[i] and target.time[i] <= at[-1]:
            weight = 1 / before(target.time[i]) ** 2
            for j in range(N):
                if target.time[j] > target.time[i]:
                    pairs += weight
                    good += weight * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    found = censored.uno_c(target, risk, ONES, at[-1])[0]
    assert found == pytest.approx(good / pairs, abs=1e-6)
    assert found != pytest.approx(metrics.c_index(target, risk[:, None], ONES)[0], abs=1e-3)


def test_auc_over_time_is_its_definition(followed):
    target, risk, _, at, before = followed
    found = []
    for t in at:
        case = (target.time <= t) & (target.event == 1)
        weight = np.array([1 / before(u) for u in target.time])
        y, w = np.r_[np.ones(case.sum()), np.zeros((target.time > t).sum())], np.ones(0)
        w = np.r_[weight[case], np.ones((target.time > t).sum())]
        found.append(sk.roc_auc_score(y, np.r_[risk[case], risk[target.time > t]], sample_weight=w))
    assert censored.auc_over_time(target, risk, ONES, at)[0] == pytest.approx(np.mean(found))


def test_integrated_brier_is_its_definition(followed):
    target, _, survival, at, before = followed
    scores = []
    for k, t in enumerate(at):
        total = 0.0
        for i in range(N):
            if target.time[i] > t:
                total += (1 - survival[i, k]) ** 2 / before(t + 2e-9)
            elif target.event[i]:
                total += survival[i, k] ** 2 / before(target.time[i])
        scores.append(total / N)
    expected = np.trapezoid(scores, at) / (at[-1] - at[0])
    assert censored.integrated_brier(target, survival, ONES, at)[0] == pytest.approx(expected)
    assert np.isnan(censored.integrated_brier(target, survival[:, :0], ONES, at)).all()


def test_a_row_of_weight_two_counts_twice_where_g_is_the_same(followed):
    target, risk, survival, at, _ = followed
    weights = np.random.default_rng(1).integers(0, 3, (1, N)).astype(float)
    twice = np.repeat(np.arange(N), weights[0].astype(int))
    uncensored = times(target.time, np.ones(N))  # G = 1 in both
    again = uncensored.take(twice)
    score = np.concatenate([risk[:, None], survival], axis=1)
    for metric in censored.of(at).values():
        expected = metric(again, score[twice], np.ones((1, len(twice))))[0]
        assert metric(uncensored, score, weights)[0] == pytest.approx(expected, abs=1e-6)


def test_slopes_and_intercepts_are_scikit_learns_and_lifelines(followed):
    rng = np.random.default_rng(2)
    p = rng.uniform(0.02, 0.98, N)
    y = (rng.random(N) < p**1.5).astype(int)
    two, logit = np.stack([1 - p, p], axis=1), np.log(p / (1 - p))
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit[:, None], y).coef_[0, 0]
    assert calibration.slope(classes(y), two, ONES)[0] == pytest.approx(expected, abs=1e-5)
    shift = calibration.intercept(classes(y), two, ONES)[0]
    assert (1 / (1 + np.exp(-logit - shift))).mean() == pytest.approx(y.mean())  # what the intercept is for
    assert shift < 0  # predicted more than observed
    target, risk, *_ = followed
    frame = pd.DataFrame({"x": risk, "t": target.time, "e": target.event})
    cox = CoxPHFitter().fit(frame, "t", "e").params_["x"]
    assert calibration.slope(target, risk[:, None], ONES)[0] == pytest.approx(cox, abs=1e-4)


def test_a_slope_that_cannot_be_fitted_is_not_given():
    y = np.arange(N) % 2
    assert np.isnan(calibration.slope(classes(y), np.eye(2)[y] * 0.8 + 0.1, ONES)).all()


def test_average_precision_is_scikit_learns():
    rng = np.random.default_rng(3)
    p, y = rng.dirichlet([1, 1, 1], N).round(1), rng.integers(0, 3, N)
    expected = np.mean([sk.average_precision_score(y == k, p[:, k]) for k in range(3)])
    assert metrics.auprc(classes(y, 3), p, ONES)[0] == pytest.approx(expected)
    assert metrics.auprc(classes(y == 1), p[:, :2], ONES)[0] == pytest.approx(
        sk.average_precision_score(y == 1, p[:, 1])
    )


def test_figures_at_a_threshold_are_those_of_the_confusion_matrix():
    rng = np.random.default_rng(4)
    p, y = rng.random(N), rng.integers(0, 2, N)
    cut = np.where(np.arange(N) < 40, 0.3, 0.6)  # another fold, another threshold
    tn, fp, fn, tp = sk.confusion_matrix(y, p >= cut).ravel()
    found = {k: f(classes(y), np.stack([1 - p, p], axis=1), ONES)[0] for k, f in metrics.at_cut(cut).items()}
    assert found == pytest.approx(
        {"sensitivity": tp / (tp + fn), "specificity": tn / (tn + fp), "ppv": tp / (tp + fp), "npv": tn / (tn + fn)}
    )
    assert "ppv" not in metrics.all_of(classes(y), np.zeros(N), np.full(N, np.nan))


def test_youdens_threshold_is_the_best_point_of_the_roc():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, N)
    p = np.clip(0.4 * y + rng.random(N) * 0.6, 0, 1).round(2)
    fpr, tpr, _ = sk.roc_curve(y, p, drop_intermediate=False)
    cut = doubt.youden(p, y)
    sensitivity, specificity = (p >= cut)[y == 1].mean(), (p < cut)[y == 0].mean()
    assert sensitivity + specificity - 1 == pytest.approx((tpr - fpr).max())
    assert cut not in p


def test_net_benefit():
    # Vickers and Elkin: at 20 %, 100 patients, 30 sick; 25 of them and 20 of the others called.
    sick = np.arange(100) < 30
    p = np.where(sick, np.arange(100) < 25, np.arange(100) < 50).astype(float)
    one = np.ones((1, 100))
    assert decision.net_benefit(sick, p, one, 0.2)[0] == pytest.approx(0.25 - 0.2 * 0.25)
    assert decision.net_benefit(sick, np.ones(100), one, 0.2)[0] == pytest.approx(0.3 - 0.7 * 0.25)


def test_decision_curve_of_truth_and_of_nothing():
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 400)
    weights = rng.multinomial(400, np.full(400, 1 / 400), size=200).astype(float)
    knows = decision.curve(classes(y), np.eye(2)[y], weights)
    assert all(r["model"] == pytest.approx(y.mean()) and r["class"] == "b" for r in knows)
    assert len(knows) == len(decision.THRESHOLDS)
    blind = decision.curve(classes(y), np.tile([0.5, 0.5], (400, 1)), weights)
    assert all(r["model"] == (r["everybody"] if r["threshold"] <= 0.5 else 0) for r in blind)
    assert {r["class"] for r in decision.curve(classes(y % 3, 3), np.full((400, 3), 1 / 3), weights)} == {*"abc"}
    assert decision.curve(times(np.ones(400), y), np.zeros((400, 1)), weights) == []
