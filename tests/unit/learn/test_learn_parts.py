"""Shapley shares, the guard, fusion."""

import numpy as np
import pytest
from consilium.learn.explain import shapley
from consilium.learn.fusion import fusion, guard
from consilium.learn.models import heads
from consilium.learn.networks import network
from learn_cohorts import classes
from torch import from_numpy


def test_shapley_shares_are_exact_and_add_up():
    weights = np.array([1.0, -2.0, 4.0, 8.0])

    def value(masks):
        linear = masks @ weights
        return np.stack([linear, linear + 6.0 * (masks[:, 0] & masks[:, 2])], axis=1)

    present = np.array([True, True, True, False])
    shares = shapley.contributions(value, present)
    np.testing.assert_allclose(shares[:, 0], [1, -2, 4, 0])
    np.testing.assert_allclose(shares[:, 1], [4, -2, 7, 0])


def test_drawn_orders_come_near_the_exact_shares(monkeypatch):
    weights = np.random.default_rng(2).normal(size=6)

    def value(masks):
        return np.tanh(masks @ weights)[:, None]

    present = np.ones(6, dtype=bool)
    exact = shapley.contributions(value, present)
    monkeypatch.setattr(shapley, "MAX_EXACT", 3)
    drawn = shapley.contributions(value, present)
    np.testing.assert_allclose(drawn, exact, atol=0.06)
    assert drawn.sum() == pytest.approx(exact.sum())


def test_a_network_ships_only_when_its_gain_is_proven():
    rng = np.random.default_rng(3)
    stack, groups = rng.normal(1.0, 0.3, 60), [str(i) for i in range(60)]
    little = stack - rng.normal(0.01, 0.3, 60)
    much = stack - rng.normal(0.3, 0.2, 60)
    losses = {"best_single": stack + 0.2, "late_mean": stack + 0.1, "stack": stack}
    assert guard.choose(losses | {"network": little}, groups, 0).name == "stack"
    assert guard.choose(losses | {"network": much}, groups, 0).name == "network"
    one_family = ["all"] * 60  # sixty relatives prove nothing about anybody else
    assert guard.choose(losses, one_family, 0).name == "stack"


def test_a_simple_candidate_replaces_the_stack_only_when_it_is_clearly_better():
    rng, groups = np.random.default_rng(4), [str(i) for i in range(40)]
    stack = rng.normal(1, 0.5, 40)
    luck, better = stack + rng.normal(-0.01, 0.5, 40), stack + rng.normal(-0.3, 0.3, 40)
    assert guard.choose({"best_single": stack + 0.1, "late_mean": luck, "stack": stack}, groups, 0).name == "stack"
    assert guard.choose({"best_single": better, "late_mean": luck, "stack": stack}, groups, 0).name == "best_single"
    assert guard.choose({"best_single": luck, "late_mean": luck}, groups, 0).name == "best_single"


def parts(n=50, m=4, k=3, seed=0):
    rng = np.random.default_rng(seed)
    mask = rng.random((n, m)) > 0.3
    base = heads.centred(rng.normal(size=(n, m, k))) * mask[..., None]
    return fusion.Parts(mask, base, ((rng.normal(size=(n, m, k)), rng.normal(size=(n, m))),))


def test_gates_in_numpy_are_the_gates_of_the_network():
    p = parts()
    logits, gates = p.nets[0]
    other = network.fused(from_numpy(logits), from_numpy(gates), from_numpy(p.mask)).numpy()
    np.testing.assert_allclose(fusion.network_evidence(p), heads.centred(other), atol=1e-9)


def test_a_patient_without_any_block_gets_the_prior():
    p = parts()
    nothing = fusion.Parts(np.zeros_like(p.mask), p.base, p.nets)
    whole = fusion.Fusion(tuple("abcd"), 1, fusion.Stack(np.ones(4), np.zeros((4, 3))))
    for name in fusion.CANDIDATES:
        assert np.abs(whole.evidence(name, nothing)).max() == 0


def test_absent_blocks_have_no_say():
    p = parts()
    loud = fusion.Parts(p.mask, np.where(p.mask[..., None], p.base, 1e3), p.nets)
    whole = fusion.Fusion(tuple("abcd"), 1, fusion.Stack(np.ones(4), np.zeros((4, 3))))
    for name in fusion.CANDIDATES:
        np.testing.assert_allclose(whole.evidence(name, loud), whole.evidence(name, p))


def test_the_stack_finds_the_block_that_knows_and_has_no_negative_weight():
    p = parts(200)
    y = p.base[:, 2].argmax(axis=1)
    stack = fusion.fit_stack(p, classes(y, 3), heads.prior(classes(y, 3)))
    assert stack.weights.argmax() == 2 and (stack.weights >= 0).all()


def test_calibration_shrinks_a_boaster_and_keeps_the_ranking():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 300)
    e = np.stack([-1, 1] * (y[:, None] * 2 - 1) * rng.normal(0.5, 1, (300, 1)), axis=0) * 10
    target = classes(y)
    fitted = fusion.fit_calibration(e, target, heads.prior(target))
    assert fusion.MIN_SCALE <= fitted.scale < 0.5
