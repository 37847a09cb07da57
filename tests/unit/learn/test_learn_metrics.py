import numpy as np
import pytest
from consilium.core.statistics import group_weights, interval
from consilium.learn.judge import metrics
from learn_cohorts import classes, numbers, times
from lifelines.utils import concordance_index
from sklearn import metrics as sk


@pytest.fixture
def p():
    raw = np.random.default_rng(0).gamma(1.0, size=(80, 3)).round(1) + 0.05  # with ties
    return raw / raw.sum(axis=1, keepdims=True)


ONES = np.ones((1, 80))


def test_classification_metrics_are_scikit_learns(p):
    y = np.random.default_rng(1).integers(0, 3, 80)
    t = classes(y, 3)
    assert metrics.auc(t, p, ONES)[0] == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr"))
    assert metrics.log_loss(t, p, ONES)[0] == pytest.approx(sk.log_loss(y, p))
    assert metrics.balanced_accuracy(t, p, ONES)[0] == pytest.approx(sk.balanced_accuracy_score(y, p.argmax(axis=1)))
    assert metrics.brier(t, p, ONES)[0] == pytest.approx(((p - np.eye(3)[y]) ** 2).sum(axis=1).mean())
    two = np.stack([1 - p[:, 0], p[:, 0]], axis=1)
    binary = (y == 0).astype(int)
    assert metrics.auc(classes(binary), two, ONES)[0] == pytest.approx(sk.roc_auc_score(binary, p[:, 0]))


def test_c_index_is_lifelines():
    rng = np.random.default_rng(2)
    time, event, risk = rng.integers(1, 30, 80), rng.random(80) < 0.6, rng.normal(size=(80, 1)).round(1)
    found = metrics.c_index(times(time, event), risk, ONES)[0]
    assert found == pytest.approx(concordance_index(time, -risk[:, 0], event), abs=1e-6)


def test_a_row_of_weight_two_counts_as_two_rows(p):
    y = np.random.default_rng(3).integers(0, 3, 80)
    weights = np.random.default_rng(4).integers(0, 3, (1, 80)).astype(float)
    rows = np.repeat(np.arange(80), weights[0].astype(int))
    for function in (metrics.auc, metrics.brier, metrics.log_loss, metrics.ece, metrics.balanced_accuracy):
        repeated = function(classes(y[rows], 3), p[rows], np.ones((1, len(rows))))[0]
        assert function(classes(y, 3), p, weights)[0] == pytest.approx(repeated)


def test_within_folds_ignores_offsets_between_folds():
    rng = np.random.default_rng(5)
    y = np.tile([0, 1], 40)
    fold = np.repeat([0, 1], 40)
    score = rng.normal(size=80) + y
    moved = score + 10 * fold
    wide = lambda s: np.stack([-s, s], axis=1)  # noqa: E731
    one, two = (metrics.within(fold, classes(y), wide(s), ONES)[0] for s in (score, moved))
    assert one == two
    assert metrics.auc(classes(y), wide(moved), ONES)[0] < one


def test_perfect_probabilities_have_no_calibration_error_and_a_constant_sure_one_has():
    y = np.array([0, 1] * 40)
    sure = np.eye(2)[y]
    assert metrics.ece(classes(y), sure, ONES)[0] == 0
    assert metrics.ece(classes(y), np.tile([1.0, 0.0], (80, 1)), ONES)[0] == pytest.approx(0.5)


def test_mean_absolute_error_and_r2():
    y = np.arange(80.0)
    assert metrics.mae(numbers(y), (y + 2)[:, None], ONES)[0] == 2
    assert metrics.r2(numbers(y), y[:, None], ONES)[0] == 1


def test_intervals_across_folds_hold_where_nothing_is_to_be_learned():
    """Scores of the difference of class means on noise: folds share patients, so plain intervals are too narrow."""
    rng = np.random.default_rng(5)
    y = np.tile([0, 1], 75)
    fold = np.arange(150) // 2 % 5
    weights = np.concatenate([np.ones((1, 150)), group_weights([str(i) for i in range(150)], 200, 0)])
    covers = {False: 0, True: 0}
    for _ in range(150):
        x, score = rng.normal(size=(150, 20)), np.zeros(150)
        for f in range(5):
            own, other = fold == f, fold != f
            score[own] = x[own] @ (x[other & (y == 1)].mean(axis=0) - x[other & (y == 0)].mean(axis=0))
        values = metrics.within(fold, classes(y), np.stack([-score, score], axis=1), weights)[1:]
        for crossed in covers:
            low, high = interval(values, (0, 1), crossed)
            covers[crossed] += low <= 0.5 <= high
    assert covers[False] < 0.89 * 150 and covers[True] > 0.91 * 150, covers


def test_intervals_stay_within_what_a_metric_can_be():
    values = np.linspace(0.9, 1, 101)
    low, high = interval(values, (0, 1), crossed=True)
    assert low == pytest.approx(0.95 - 0.0475 * 2**0.5) and high == 1
    assert interval(values) == pytest.approx((0.9025, 0.9975))


def test_no_interval_where_most_replicates_cannot_be_judged():
    assert np.isnan(interval(np.array([0.5, np.nan, np.nan]))).all()
