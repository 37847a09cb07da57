"""Statistics against independent programs and against their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from consilium.core.statistics import group_weights, log_rank
from consilium.report import stats
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from scipy.stats import binomtest, chi2
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

RNG = np.random.default_rng(3)


def test_auc_and_curve_equal_scikit_learn_with_ties():
    positive = RNG.random(200) < 0.3
    score = np.round(RNG.standard_normal(200) + positive, 1)
    assert stats.auc(positive, score) == pytest.approx(roc_auc_score(positive, score), abs=1e-12)
    fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
    ours = stats.roc_points(positive, score)
    np.testing.assert_allclose(ours[0], fpr, atol=1e-12)
    np.testing.assert_allclose(ours[1], tpr, atol=1e-12)


def test_average_precision_is_scikit_learns_and_its_band_holds_the_curve():
    positive = RNG.random(200) < 0.3
    score = np.round(RNG.standard_normal(200) + positive, 1)
    area = stats.average_precision(positive, score)
    assert area == pytest.approx(average_precision_score(positive, score))
    weights = group_weights([str(i) for i in range(200)], 200, 1)
    low, high, ends = stats.precision_band(positive, score, weights)
    assert ends[0] < area < ends[1] and (low <= high).all() and high[-1] >= positive.mean() >= low[-1] - 0.1
    twice = np.repeat(np.arange(200), 2)
    assert stats.average_precision(positive, score, np.full(200, 2)) == pytest.approx(
        average_precision_score(positive[twice], score[twice])
    )


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=4, max_size=30))
def test_a_weight_is_a_copy(rows):
    positive = np.array([r[0] for r in rows])
    score = np.array([float(r[1]) for r in rows])
    weight = np.array([r[2] for r in rows])
    if not (positive & (weight > 0)).any() or not (~positive & (weight > 0)).any():
        return
    copied = stats.auc(np.repeat(positive, weight), np.repeat(score, weight))
    assert stats.auc(positive, score, weight) == pytest.approx(copied, abs=1e-12)
    assert stats.auc(positive, -score, weight) == pytest.approx(1 - copied, abs=1e-12)


def test_groups_stay_together_and_the_seed_decides():
    groups = ["a", "a", "b", "c", "c", "c"]
    weights = group_weights(groups, 200, 7)
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert np.array_equal(weights, group_weights(groups, 200, 7))
    assert not np.array_equal(weights, group_weights(groups, 200, 8))


def test_interval_of_the_auc_covers_the_estimate():
    positive = RNG.random(120) < 0.5
    score = RNG.standard_normal(120) + 1.2 * positive
    weights = group_weights([str(i) for i in range(120)], 300, 1)
    low, high, ends = stats.roc_band(positive, score, weights)
    assert ends[0] < stats.auc(positive, score) < ends[1]
    assert (low <= high).all() and 0.03 < ends[1] - ends[0] < 0.3


def test_wilson_equals_scipy():
    for hits, n in ((0, 9), (5, 10), (17, 18)):
        want = binomtest(hits, n).proportion_ci(method="wilson")
        low, high = stats.wilson(np.array([hits]), np.array([n]))
        assert low[0] == pytest.approx(want.low, abs=1e-9) and high[0] == pytest.approx(want.high, abs=1e-9)


def test_calibration_of_honest_and_of_boastful_probabilities():
    p = RNG.random(4000)
    truth = RNG.random(4000) < p
    assert stats.calibration_error(stats.calibration_bins(truth, p, 8)) < 0.03
    assert stats.calibration_error(stats.calibration_bins(truth, p**3, 8)) > 0.15


def test_kaplan_meier_equals_lifelines():
    time = np.round(RNG.exponential(300, 80)) + 1
    event = RNG.random(80) < 0.6
    ours = stats.kaplan_meier(time, event)
    theirs = KaplanMeierFitter().fit(time, event)
    want = theirs.survival_function_at_times(ours["time"]).to_numpy()
    np.testing.assert_allclose(ours["survival"], want, atol=1e-10)
    band = theirs.confidence_interval_.loc[ours["time"][1:]].to_numpy()
    sure = np.isfinite(ours["lower"][1:])
    np.testing.assert_allclose(ours["lower"][1:][sure], band[sure, 0], atol=1e-6)
    np.testing.assert_allclose(ours["upper"][1:][sure], band[sure, 1], atol=1e-6)


def test_logrank_equals_lifelines():
    group = np.arange(90) % 3
    time = np.round(RNG.exponential(200 + 150 * group)) + 1
    event = RNG.random(90) < 0.7
    want = multivariate_logrank_test(time, group, event)
    statistic, free = log_rank(time, event, group)
    assert statistic == pytest.approx(want.test_statistic, rel=1e-9)
    assert chi2.sf(statistic, free) == pytest.approx(want.p_value, rel=1e-9)


def test_thirds_are_formed_within_folds():
    score = np.array([1.0, 2, 3, 101, 102, 103])
    assert stats.thirds_within(score, ["0"] * 3 + ["1"] * 3).tolist() == [0, 1, 2, 0, 1, 2]
