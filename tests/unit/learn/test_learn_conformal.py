"""Sets, intervals and bounds: coverage where it is due, groups, files."""

import json

import numpy as np
import pytest
from consilium.learn.models import heads
from consilium.learn.uncertainty import conformal, coverage, groups
from learn_cohorts import classes, numbers, times

FLAT = heads.Prior(np.zeros(2))


def labelled(n, seed, k=2, wrong=None):
    """(probabilities, outcomes drawn from them); rows of `wrong` get outcomes that the probabilities do not know."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1] * k, size=n)
    truth = p if wrong is None else np.where(wrong[:, None], 1 / k, p)
    return p, (rng.random((n, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)


def covered(fitted, p, y, levels=None):
    return np.array([y[i] in s for i, s in enumerate(fitted.sets(p, levels))])


def test_sets_cover_nine_in_ten_of_new_patients():
    p, y = labelled(2000, 0, 3)
    fitted = conformal.fit(np.log(p[:300]), classes(y[:300], 3), heads.Prior(np.zeros(3)))
    assert 0.86 < covered(fitted, p[300:], y[300:]).mean() < 0.94 and fitted.pooled == (False, False, False)


def test_small_classes_share_a_threshold_and_too_few_scores_exclude_nothing():
    p = np.random.default_rng(1).dirichlet([1, 1], size=30)
    y = np.r_[np.zeros(25), np.ones(5)]
    assert conformal.fit(np.log(p), classes(y), FLAT).pooled == (False, True)
    tiny = conformal.fit(np.log(p[:5]), classes([0, 1, 0, 1, 0]), FLAT)
    assert tiny.sets(p) == [[0, 1]] * 30
    half = conformal.fit(np.zeros((5, 1)), numbers(np.arange(5)), heads.Prior(np.zeros(1)))
    assert half.thresholds == (float("inf"),)


def test_a_set_may_be_empty():
    sure = conformal.Conformal((0.2, 0.2), (False, False))
    assert sure.sets(np.array([[0.5, 0.5], [0.1, 0.9]])) == [[], [1]]


def test_a_group_that_the_model_misjudges_is_covered_only_with_its_own_threshold():
    n = 4000
    bad = np.arange(n) % 4 == 0
    p, y = labelled(n, 2, wrong=bad)
    levels = {"site": tuple("B" if b else "A" for b in bad), "sex": tuple("fm"[i % 2] for i in range(n))}
    train, new = np.arange(n) < 2000, np.arange(n) >= 2000
    own = groups.take(levels, np.flatnonzero(train))
    plain = conformal.fit(np.log(p[train]), classes(y[train]), FLAT)
    fitted = conformal.fit(np.log(p[train]), classes(y[train]), FLAT, own)
    assert covered(plain, p[new], y[new])[bad[new]].mean() < 0.85  # what the shift is for
    hit = covered(fitted, p[new], y[new], groups.take(levels, np.flatnonzero(new)))
    for rows in (bad[new], ~bad[new], y[new] == 0, y[new] == 1, np.arange(2000) % 2 == 0):
        assert 0.87 < hit[rows].mean() < 0.93
    assert fitted.own == {"site": ("A", "B"), "sex": ("f", "m")} and list(fitted.shifts["site"]) == ["B"]


def test_small_and_unknown_groups_get_the_threshold_of_the_largest():
    p, y = labelled(400, 3)
    site = ("A",) * 200 + ("B",) * 120 + ("C",) * 60 + ("",) * 20
    fitted = conformal.fit(np.log(p), classes(y), FLAT, {"site": site})
    limit = fitted.limits(4, {"site": ("A", "B", "C", "new")})
    assert fitted.own == {"site": ("A", "B")} and (limit[0] == limit[2]).all() and (limit[0] == limit[3]).all()
    assert (fitted.limits(1, {}) == limit[0]).all()


def test_quantile_regression_is_scikit_learns():
    from sklearn.linear_model import QuantileRegressor

    rng = np.random.default_rng(4)
    x = np.stack([np.ones(303), rng.random(303) < 0.4, rng.random(303) < 0.6], axis=1).astype(float)
    y = rng.normal(size=303) * (1 + x[:, 1])
    model = QuantileRegressor(quantile=0.9 * (1 + 3 / 303), alpha=0, fit_intercept=False, solver="highs").fit(x, y)
    np.testing.assert_allclose(conformal.quantile_regression(x, y), model.coef_, atol=1e-9)


def test_intervals_follow_the_size_of_the_error():
    rng = np.random.default_rng(5)
    eta = rng.uniform(-2, 2, size=(3000, 1))
    y = eta[:, 0] + rng.normal(size=3000) * np.exp(0.6 * eta[:, 0])
    fitted = conformal.fit(eta[:1500], numbers(y[:1500]), heads.Prior(np.zeros(1)))
    half = fitted.half_widths(eta[1500:])
    hit = np.abs(y[1500:] - eta[1500:, 0]) <= half
    low, high = eta[1500:, 0] < -1, eta[1500:, 0] > 1
    assert half[high].mean() > 4 * half[low].mean()
    assert 0.87 < hit.mean() < 0.93 and hit[low].mean() > 0.85 and hit[high].mean() > 0.85
    flat = conformal.fit(eta[:99], numbers(y[:99]), heads.Prior(np.zeros(1)))
    assert flat.spread == ()


def test_bounds_on_time_hold_under_censoring():
    rng = np.random.default_rng(6)
    eta = rng.normal(size=(3000, 1))
    event_time = rng.exponential(1 / np.exp(eta[:, 0]))
    lost = rng.exponential(2.0, 3000)
    observed = np.minimum(event_time, lost)
    target = times(observed, event_time <= lost)
    own = target.take(np.arange(1500))
    course = heads.course(own, eta[:1500])
    fitted = conformal.fit(eta[:1500], own, heads.Prior(np.zeros(1)), {}, course)
    bound = fitted.earliest(eta[1500:], course)
    assert 0.88 < (observed[1500:] >= bound).mean() < 0.92
    assert (event_time[1500:] >= bound).mean() >= 0.9  # early, as said
    assert (np.diff(bound[np.argsort(eta[1500:, 0])]) <= 1e-12).all()  # higher risk, earlier bound
    few = conformal.fit(eta[:5], target.take(np.arange(5)), heads.Prior(np.zeros(1)), {}, course)
    assert (few.earliest(eta, course) == 0).all()


def test_thresholds_survive_their_file():
    p, y = labelled(400, 7)
    levels = {"sex": tuple("fm"[i % 2] for i in range(400))}
    fitted = conformal.fit(np.log(p), classes(y), FLAT, levels)
    again = conformal.Conformal.from_facts(json.loads(json.dumps(fitted.facts())))
    assert (again.limits(400, levels) == fitted.limits(400, levels)).all() and again.sets(p) == fitted.sets(p)


def test_declared_groups():
    from consilium.core.sheets import Patient

    people = [
        Patient("a", "female", 1990, "s1", "", "2020-01-01"), Patient("b", "male", 1940, "", "", "2020-01-01"),
        Patient("c", "unknown", None, "s2"), Patient("d", "other", 2010, "s2", "", "2020-01-01"),
    ]  # fmt: skip
    found = groups.declared(people, ["age_band", "sex", "ancestry", "site"], [18, 40, 65], {"b": "EUR"})
    assert found == {
        "age_band": ("18 to 39", "65 and over", "", "below 18"), "sex": ("female", "male", "", ""),
        "ancestry": ("", "EUR", "", ""), "site": ("s1", "", "s2", "s2"),
    }  # fmt: skip
    assert groups.declared(people, [], [18], {}) == {}


def test_coverage_by_class_and_group():
    records = [{"set": "a"}, {"set": "a or b"}, {"set": ""}, {}] * 30
    result = {"patients": [str(i) for i in range(120)], "y": [0, 1, 1, 0] * 30, "time": [None] * 120,
              "shipped": records}  # fmt: skip
    found = coverage.hits("classification", [result], ("a", "b"))
    assert len(found) == 90  # without a set: not counted
    truth = {str(i): "ab"[y] for i, y in enumerate(result["y"])}
    levels = {"site": tuple("xyzz"[i % 4] for i in range(120))}
    rows = coverage.table(found, truth, result["patients"], levels, {"site": ["x"]})
    by = {(r["group"], r["level"]): r for r in rows}
    assert by["all", "all"]["coverage"] == pytest.approx(2 / 3) and by["all", "all"]["width"] == 1.0
    assert by["class", "a"]["coverage"] == 1 and by["class", "b"]["coverage"] == 0.5
    assert by["site", "z"]["coverage"] == 0 and "beyond chance" in by["site", "z"]["flagged"]
    assert by["site", "x"]["flagged"] == "" and "shared" in by["site", "y"]["flagged"]


def test_coverage_of_intervals_and_bounds():
    result = {"patients": ["a", "b"], "y": [1.0, 5.0], "time": [None, None],
              "shipped": [{"lower": 0.0, "upper": 2.0}] * 2}  # fmt: skip
    assert coverage.hits("regression", [result], ()) == {"a": (True, 2.0), "b": (False, 2.0)}
    result = {"patients": ["a", "b"], "y": [0, 0], "time": [3.0, 1.0], "shipped": [{"lower": 2.0}] * 2}
    assert coverage.hits("survival", [result], ()) == {"a": (True, 2.0), "b": (False, 2.0)}


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (9, 10), (90, 100), (10, 10)])
def test_wilson_interval_by_its_formula(hits, n):
    z, share = 1.959964, hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    np.testing.assert_allclose(coverage.wilson(hits, n), (centre - half, centre + half), atol=1e-6)
    assert np.isnan(coverage.wilson(0, 0)).all()
