"""Survival by intervals of time: loss, mortality, each patient's own curve, and the way from fit to bundle."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from consilium.learn.bundle import pack
from consilium.learn.fusion.nested import fit_all
from consilium.learn.judge import censored
from consilium.learn.models import hazards
from consilium.learn.models.hazards import Hazards
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.networks import losses, network
from consilium.learn.networks.fusion_net import spoken
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import cohort, table, times
from sklearn.metrics import log_loss


def crossing(n, seed):
    """Half of the patients fail early, half late: the same hazard on average, of another shape. (x, outcome)"""
    rng = np.random.default_rng(seed)
    kind = rng.random(n) < 0.5
    early = rng.weibull(0.6, n) * 1.5
    late = rng.weibull(4.0, n) * 1.8
    t, lost = np.where(kind, early, late) + 1e-3, rng.uniform(0.5, 4.0, n)
    x = np.stack([np.where(kind, 1.0, -1.0) + 0.3 * rng.normal(size=n), rng.normal(size=n)], axis=1)
    return x.astype(np.float32), times(np.minimum(t, lost), t <= lost)


def test_intervals_survived_and_failed_in():
    ends = (1.0, 2.0, 4.0)
    target = times([0.5, 1.0, 9.0, 0.4, 0.6, 3.0, 2.9], [1, 1, 1, 0, 0, 0, 0])
    survived, failed = hazards.counted(target, ends)
    assert failed.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], *[[0, 0, 0]] * 4]
    assert survived.tolist() == [
        [0, 0, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0],
    ]  # fmt: skip


def test_the_loss_is_that_of_a_logistic_model_of_patients_and_intervals():
    _, target = crossing(80, 0)
    at = hazards.fit(target, 6)
    assert len(at.ends) == 6 and list(at.ends) == sorted(at.ends)
    e = np.random.default_rng(1).normal(size=(80, 1, 6))
    found = losses.likelihood(target, at, torch.from_numpy(e), torch.ones(80, 1, dtype=torch.bool))
    p = 1 / (1 + np.exp(-(e[:, 0] + np.array(at.offset))))
    survived, failed = hazards.counted(target, at.ends)
    seen = (survived + failed) > 0
    theirs = log_loss(failed[seen], p[seen], normalize=False) / 80
    assert float(found) == pytest.approx(theirs, rel=1e-6)
    flat = losses.likelihood(target, at, torch.zeros(80, 1, 6), torch.ones(80, 1, dtype=torch.bool))
    moved = replace(at, offset=tuple(v + 0.2 for v in at.offset))
    assert float(flat) < float(
        losses.likelihood(target, moved, torch.zeros(80, 1, 6), torch.ones(80, 1, dtype=torch.bool))
    )


def test_mortality_is_the_log_hazard_ratio_where_hazards_are_proportional():
    at = Hazards((1.0, 2.0, 3.0), (-2.0, -1.0, -1.5))
    h = np.logaddexp(0, at.offset)
    ratio = np.array([[0.5], [1.0], [3.0]])
    evidence = np.log(np.expm1(ratio * h)) - at.offset  # so that every interval's -log(1 - h) is `ratio` times as large
    np.testing.assert_allclose(at.mortality(evidence), np.log(ratio), atol=1e-12)
    e = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(spoken(at, torch.from_numpy(e)).numpy(), at.mortality(e), atol=1e-12)


def test_own_courses_are_read_both_ways():
    own = hazards.OwnCourses(np.array([1.0, 3.0]), np.array([[0.2, 1.0], [0.5, 0.6]]))
    np.testing.assert_allclose(own.at(np.array([0.5, 2.0, 9.0])), [[0.1, 0.6, 1.0], [0.25, 0.55, 0.6]])
    np.testing.assert_allclose(own.each(np.array([2.0, 0.5])), [0.6, 0.25])
    np.testing.assert_allclose(own.when(own.each(np.array([2.5, 1.5]))), [2.5, 1.5])
    assert own.when(np.array([5.0, 5.0])).tolist() == [3.0, 3.0]


def test_crossing_hazards_are_seen_by_the_head_and_not_by_cox():
    x, target = crossing(240, 2)
    new, truth = crossing(400, 3)
    mask, asked = np.ones((240, 1), bool), np.ones((400, 1), bool)
    at, shape = hazards.fit(target, 8), []
    for hazard in (at, None):
        net = network.fit({"a": x}, {"a": "table"}, mask, target, 30, 1, hazards=hazard)
        logits, gates = net.outputs({"a": new})
        assert logits.shape == (400, 1, len(at.ends) if hazard else 1)
        shape.append((logits, gates))
    from consilium.learn.fusion import fusion
    from consilium.learn.models.heads import course, survival

    judged = np.quantile(truth.time[truth.event == 1], np.linspace(0.1, 0.9, 9))
    own = fusion.Parts(asked, np.zeros((400, 1, 1)), (shape[0],), at)
    plain = fusion.Parts(asked, np.zeros((400, 1, 1)), (shape[1],))
    curves = survival(fusion.network_evidence(own), fusion.own_courses(own, at).at(judged))
    risk = fusion.network_evidence(plain)
    cox = survival(risk, course(truth, risk).at(judged))  # even with the truth's own baseline
    assert (np.diff(curves, axis=1) <= 1e-12).all()
    scores = [censored.integrated_brier(truth, s, np.ones((1, 400)), tuple(judged))[0] for s in (curves, cox)]
    assert scores[0] < scores[1] - 0.01, scores


def test_a_shipped_hazard_network_keeps_its_curves_in_the_bundle():
    x, target = crossing(90, 4)
    people = cohort(table("omics/a", x))
    plan = NetworkPlan(survival="hazard", intervals=5)
    settings = Settings((1,), inner_folds=3, network_seeds=1, epochs=(3,), horizons=(1.0, 2.0), network=plan)
    trained, _, facts = fit_all(people, target, [str(i) for i in range(90)], settings, Ledger())
    assert set(facts["inner_losses"]) == {"best_single", "late_mean", "network", "network_late_mean"}
    for choice in ("network", "network_late_mean"):
        shipped = replace(trained, choice=choice, level=1.3)
        rows = shipped.predictions(people)
        parts = shipped.parts(people)
        own = shipped.course_of(parts)
        cumulative = np.exp(shipped.eta(parts)) * own.at(np.array([1.0, 2.0]))
        np.testing.assert_allclose([[r["p_1"], r["p_2"]] for r in rows], np.exp(-cumulative), rtol=1e-9)
        files = pack.pack(shipped, people, json.loads("{}"))
        again = pack.unpack(files)
        assert again.nets[0].hazards == shipped.nets[0].hazards and again.predictions(people) == rows
        early = shipped.doubt.conformal.earliest(shipped.eta(parts), own, people.levels)
        assert all(r["lower"] == pytest.approx(t) for r, t in zip(rows, early, strict=True) if t > 0)


def test_the_level_makes_expected_events_those_that_were_observed():
    _, target = crossing(60, 5)
    own = hazards.OwnCourses(np.array([1.0, 4.0]), np.tile([0.4, 1.5], (60, 1)))
    eta = np.linspace(-1, 1, 60)[:, None]
    level = hazards.level(target, eta, own)
    expected = (own.times(level).each(target.time) * np.exp(eta[:, 0])).sum()
    assert expected == pytest.approx(target.event.sum())
