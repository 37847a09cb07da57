"""Base models of one block: boosting shapes, survival forest, shares, tuning, the rule against a worse fusion."""

import json

import numpy as np
import pytest
from consilium.learn.bundle import pack
from consilium.learn.explain import attribution, pieces
from consilium.learn.fusion import guard
from consilium.learn.fusion.nested import fit_all
from consilium.learn.models import additive, base, boosting, heads, linear, tuning
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.settings import Plan
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_cohorts import classes, cohort, table, times


def survivors(n, seed, effect=1.0, columns=4):
    """Exponential times with hazard exp(effect x first column), a third censored."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    time = rng.exponential(np.exp(-effect * x[:, 0]))
    until = rng.exponential(2.0, n)
    return x, times(np.minimum(time, until) + 1e-3, (time <= until).astype(float))


def test_cumulative_hazard_is_nelson_aalens():
    from lifelines import NelsonAalenFitter

    _, target = survivors(80, 0)
    at = (0.1, 0.5, 1.0, 5.0)
    theirs = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(target.time, target.event)
    ours = heads.baseline_hazard(target, np.zeros((80, 1)), at)
    np.testing.assert_allclose(ours, theirs.cumulative_hazard_at_times(at).values, rtol=1e-9)


def test_a_forest_on_one_binary_column_says_observed_over_expected():
    rng = np.random.default_rng(1)
    x = (rng.random((400, 1)) < 0.5).astype(float)
    target = times(rng.exponential(np.exp(-1.2 * x[:, 0])) + 1e-3, np.ones(400))
    said = boosting.forest(x, target, 5).evidence(np.array([[0.0], [1.0]]))[:, 0]
    expected = heads.baseline_hazard(target, np.zeros((400, 1)), tuple(target.time))
    ratio = [target.event[x[:, 0] == k].sum() / expected[x[:, 0] == k].sum() for k in (0, 1)]
    np.testing.assert_allclose(said, np.log(ratio), atol=0.05)


@pytest.mark.parametrize("columns", [7, 9, 12, 20, 40])
def test_every_column_is_drawn_as_often_as_the_others(columns):
    """Columns that say nothing are split as often as they are offered, whatever the seed."""
    rng = np.random.default_rng(3)
    x, target = rng.normal(size=(600, columns)), times(rng.exponential(1, 600) + 1e-3, np.ones(600))
    for seed in range(4):
        splits = boosting.booster(boosting.forest(x, target, seed).text).feature_importance("split")
        assert abs(splits[::2].mean() / splits[1::2].mean() - 1) < 0.25


def test_an_additive_model_without_penalty_is_the_maximum_likelihood_of_its_terms():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(8)
    x = np.column_stack([rng.normal(size=(800, 2)), rng.random(800) < 0.4])
    target = classes((np.abs(x[:, 0]) + 0.7 * x[:, 2] + rng.normal(size=800) > 1).astype(int))
    ours = additive.fit(x, target, (linear.Penalty("none", 1e4),))[0]
    knots = np.quantile(x[:, :2], [0.1, 0.5, 0.9], axis=0)
    terms = np.column_stack([x, *(np.maximum(x[:, :2] - k, 0) for k in knots)])
    theirs = LogisticRegression(C=1e6, max_iter=20_000, tol=1e-8).fit(terms, target.y).decision_function(terms)
    logit = np.diff(ours.evidence(x), axis=1)[:, 0]
    np.testing.assert_allclose(logit - logit.mean(), theirs - theirs.mean(), atol=0.02)
    at_zero = ours.evidence(np.array([[-2.0, 0, 0], [0, 0, 0], [2.0, 0, 0]]))[:, 1]
    assert at_zero[0] > at_zero[1] + 0.5 < at_zero[2]  # risk rises at both ends
    np.testing.assert_allclose(ours.by_column(x).sum(axis=1), ours.evidence(x), atol=1e-9)


def test_an_additive_model_of_columns_that_never_vary_says_nothing():
    fitted = additive.fit(np.zeros((40, 3)), classes(np.arange(40) % 2))
    assert len(fitted) == len(additive.GRID) and not np.any(fitted[0].evidence(np.ones((5, 3))))


def test_shapes_that_differ_in_rounds_share_a_model_and_say_what_each_alone_would():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 5))
    target = classes((x[:, 0] + rng.normal(size=120) > 0).astype(int))
    offered = (boosting.Shape(4, 0.1, 5, 5), boosting.Shape(4, 0.1, 20, 5), boosting.Shape(3, 0.1, 8, 5))
    together = boosting.paths(x, target, 7, offered, x[:9])
    for shape, found in zip(offered, together, strict=True):
        np.testing.assert_allclose(found, boosting.fit(x, target, 7, shape).evidence(x[:9]), rtol=1e-9)
    assert np.abs(together[0] - together[1]).max() > 0.05


def test_the_order_of_events_is_scored_pair_by_pair_inside_a_fold():
    _, target = survivors(30, 3)
    rng = np.random.default_rng(3)
    evidence, fold = rng.normal(size=(2, 30)), np.arange(30) % 2
    w = np.array([0.7, 0.2])
    value, gradient = base.ranking(evidence, target, fold)(w)
    said = w @ evidence
    pairs = [
        np.log1p(np.exp(said[j] - said[i]))
        for i in range(30) for j in range(30)
        if target.event[i] and target.time[i] < target.time[j] and fold[i] == fold[j]
    ]  # fmt: skip
    assert value == pytest.approx(np.mean(pairs) * target.event.sum())
    for k in range(2):
        moved = base.ranking(evidence, target, fold)(w + 1e-5 * np.eye(2)[k])[0]
        assert (moved - value) / 1e-5 == pytest.approx(gradient[k], abs=1e-3)


def test_stacked_weights_are_those_of_a_general_optimiser():
    from scipy.optimize import minimize
    from scipy.special import log_expit

    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 600)
    logit = np.stack([2.0 * y - 1 + rng.normal(0, 2, 600), rng.normal(0, 2, 600), 1.5 * y + rng.normal(0, 2, 600)])
    evidence = np.stack([-logit, logit], axis=2) / 2
    ours = base.stacked(evidence, classes(y), np.zeros(600))
    offset = heads.prior(classes(y)).offset

    def penalised(w):
        eta = offset[1] - offset[0] + w @ logit
        return -log_expit(np.where(y == 1, eta, -eta)).sum() + ((w - 1 / 3) ** 2).sum() / 0.5

    theirs = minimize(penalised, np.full(3, 1 / 3), bounds=[(0, None)] * 3, tol=1e-12).x
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert ours[1] < 0.1 < ours[0]


def fitted(n, target, x, **more):
    parts = cohort(table("omics/a", x[:, :2]), table("omics/b", x[:, 2:]))
    plan = Settings((0, "t"), inner_folds=3, network_seeds=0, grid=linear.SMALL_GRID, **more)
    return parts, *fit_all(parts, target, [str(i) for i in range(n)], plan, Ledger())


def test_a_survival_model_with_a_forest_is_packed_and_unpacked_number_for_number():
    x, target = survivors(160, 5)
    parts, trained, others, facts = fitted(160, target, x)
    assert {"elastic_net|omics/a", "lightgbm|omics/a", "forest|omics/a"} <= set(others)
    assert set(facts["learners"]["omics/a"]) == {"elastic_net", "lightgbm", "forest"}
    again = pack.unpack(pack.pack(trained, parts, {}))
    np.testing.assert_array_equal(trained.eta(trained.parts(parts)), again.eta(again.parts(parts)))
    assert np.ptp(again.blocks[0].evidence(parts.blocks[0], "forest")) > 0.5


def test_bent_lines_join_large_cohorts_and_are_packed_and_explained(monkeypatch):
    monkeypatch.setattr(boosting, "LARGE", 160)
    monkeypatch.setattr(boosting, "SHAPES", (boosting.Shape(4, 0.05, 20),))
    monkeypatch.setattr(boosting, "TREES", 20)
    x, target = survivors(240, 9, effect=0.0)
    both_ends = times(target.time * np.exp(-1.5 * np.abs(x[:, 0])), target.event)
    parts, trained, others, facts = fitted(240, both_ends, x)
    assert facts["learners"]["omics/a"]["additive"] > facts["learners"]["omics/a"]["elastic_net"]
    assert "additive|omics/a" in others
    again = pack.unpack(pack.pack(trained, parts, {}))
    np.testing.assert_array_equal(trained.eta(trained.parts(parts)), again.eta(again.parts(parts)))
    block, model = parts.blocks[0], again.blocks[0]
    found = pieces.of(model.design, block, block)
    shared = attribution.shares(model, found, np.zeros(240, dtype=int))
    np.testing.assert_allclose(shared.phi.sum(axis=1) + shared.constant, model.evidence(block)[:, 0], atol=1e-6)


def test_large_cohorts_choose_shape_and_rounds_out_of_fold(monkeypatch):
    """What only trees see (an interaction) is left to trees; what only the linear model sees, to it."""
    monkeypatch.setattr(boosting, "LARGE", 300)
    monkeypatch.setattr(boosting, "SHAPES", (boosting.Shape(2, 0.01, 1), boosting.Shape(8, 0.1, 60, 10)))
    rng = np.random.default_rng(6)
    x = rng.normal(size=(300, 4))
    crossed = classes((x[:, 0] * x[:, 1] + 0.3 * rng.normal(size=300) > 0).astype(int))
    _, trained, _, facts = fitted(300, crossed, x)
    assert facts["learners"]["omics/a"]["lightgbm"] > 0.5 > facts["learners"]["omics/a"]["elastic_net"]
    assert len(json.dumps(trained.blocks[0].boosted.text)) > 20_000  # the sixty rounds, not the one


def test_tuning_is_off_unless_asked_for_and_repeats_itself():
    assert Plan.from_json("{}").tuning.trials == 0
    assert Plan.from_json('{"tuning": {"trials": 4}}').tuning.trials == 4
    rng = np.random.default_rng(7)
    x = rng.normal(size=(150, 4))
    target = classes((x[:, 0] * x[:, 1] > 0).astype(int))
    fold = np.arange(150) % 3
    found = tuning.tuned(x, target, fold, 6, 11)
    assert found == tuning.tuned(x, target, fold, 6, 11)
    assert found != tuning.tuned(x, target, fold, 6, 12)


def test_a_tuned_shape_competes_inside_every_fit(monkeypatch):
    rows = []

    def seen(x, target, fold, trials, seed):
        rows.append(len(x))
        return boosting.SMALL[0]

    monkeypatch.setattr(base, "tuned", seen)
    rng = np.random.default_rng(8)
    x = rng.normal(size=(150, 4))
    fitted(150, classes((x[:, 0] > 0).astype(int)), x, trials=3)
    # per block: three inner folds, three pairs of them, the final fit
    assert sorted(rows) == sorted([100] * 6 + [50] * 6 + [150] * 2)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(5, 60), st.floats(-0.3, 0.3))
def test_fusion_is_never_shipped_with_a_larger_inner_loss_than_the_best_single_block(seed, n, shift):
    rng = np.random.default_rng(seed)
    losses = {k: rng.gamma(2.0, 0.4, n) for k in ("best_single", "late_mean", "stack", "network", "network_late_mean")}
    losses["stack"] = losses["best_single"] + shift * rng.random(n)
    for names in (tuple(losses), ("best_single", "late_mean", "stack"), ("best_single", "late_mean")):
        own = {k: losses[k] for k in names}
        assert losses[guard.choose(own, [str(i) for i in range(n)], 0).name].mean() <= losses["best_single"].mean()


def test_a_forests_share_is_handed_to_its_columns_and_adds_up():
    from consilium.learn.explain.attribution import tree_shap

    x, target = survivors(200, 9, effect=1.5)
    model = boosting.forest(x, target, 1)
    phi, base_value = tree_shap(model, x)
    np.testing.assert_allclose(phi.sum(axis=1) + base_value, model.evidence(x), atol=1e-9)
    assert np.abs(phi[:, 0]).mean() > 3 * np.abs(phi[:, 1:]).mean(axis=0).max()
