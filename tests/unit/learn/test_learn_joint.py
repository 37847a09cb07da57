"""Columns that go together otherwise than at training, each distributed as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from consilium.learn.bundle import alarms, drift, joint, ship
from consilium.learn.fusion.fusion import Fusion, Stack
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models import preproc
from consilium.learn.models.heads import Prior
from consilium.learn.models.linear import Linear
from learn_cohorts import cohort, table
from scipy import stats

P = 8


def people(n, seed, rho=0.7):
    """Pairs of columns with this correlation; every column standard normal, a tenth lacking."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(n, P // 2))
    x = np.concatenate([first, rho * first + np.sqrt(1 - rho**2) * rng.normal(size=first.shape)], axis=1)
    x[rng.random(x.shape) < 0.1] = np.nan
    return cohort(table("omics/a", x))


def model(whole):
    block = whole.blocks[0]
    design = preproc.fit(block, False)
    weights = np.ones((len(design.names), 2)) * [-0.1, 0.1]
    one = BlockModel("omics/a", design, Linear(weights, "ridge"), None)
    return Trained(
        "classification", ("a", "b"), Prior(np.zeros(2)), (one,), (),
        Fusion(("omics/a",), 0, Stack(np.ones(1), np.zeros((1, 2)))), {}, "best_single",
    )  # fmt: skip


@pytest.fixture(scope="module")
def home():
    whole = people(240, 0)
    trained = model(whole)
    held = {"patients": whole.patients, "y": [0, 1] * 120, "models": {"shipped": {"scores": [[0.5, 0.5]] * 240}},
            "held_out": trained.view(whole)}  # fmt: skip
    return trained, ship.statistics(trained, whole, [held])


def raised(home, new):
    trained, known = home
    rows, facts, _ = drift.examine(known, trained, new)
    return rows, facts["joint"], alarms.raised(rows, facts, {"status": "not assessed"})


def test_a_correlation_that_turned_is_told_where_no_column_changed(home):
    rows, found, said = raised(home, people(120, 1, rho=-0.7))
    assert {r["verdict"] for r in rows if r["kind"] == "feature"} == {"none"}
    assert found["p"] < 1e-6 and {(m["a"], m["b"]) for m in found["moved"]} == {
        (f"omics/a: a{i}", f"omics/a: a{i + P // 2}") for i in range(P // 2)
    }
    assert all(m["training"] > 0.5 and m["here"] < -0.5 for m in found["moved"])
    ours = [a for a in said if a["what"] == "columns go together otherwise"]
    assert len(ours) == 1 and ours[0]["severity"] == "alert" and "3 more pairs" in ours[0]["detail"]


def test_the_same_population_and_moved_margins_are_not_told(home):
    for seed in (2, 3, 4):
        _, found, said = raised(home, people(60, seed))
        assert found["p"] > alarms.JOINT and not [a for a in said if "together" in a["what"]]
    new = people(60, 5)
    bent = replace(new.blocks[0], values=np.exp(2 * new.blocks[0].values + 1).astype(np.float32))
    rows, found, said = raised(home, replace(new, blocks=(bent,)))
    assert {r["verdict"] for r in rows if r["kind"] == "feature"} == {"large"} and found["p"] > alarms.JOINT


def test_correlations_are_those_of_normal_scores_and_rows_that_lack_one_do_not_count():
    x = np.random.default_rng(6).normal(size=(50, 3)).round(1)
    x[:7, 1], x[:, 2] = np.nan, 4.0
    r, n = joint.correlations(x)
    assert n.tolist() == [43, 0, 0]  # a column of one value goes together with nothing
    seen = [c[np.isfinite(c)] for c in x[:, :2].T]
    scores = [stats.norm.ppf((stats.rankdata(c) - 0.5) / len(c)) for c in seen]
    z = [(v - v.mean()) / v.std() for v in scores]
    a, b = z[0][7:], z[1]
    assert r[0] == pytest.approx((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_few_training_patients_or_no_column_left_are_not_assessed(home):
    trained, known = home
    assert joint.statistics(trained, people(59, 0)) is None
    few = joint.examine(known["joint"], trained, people(19, 1))
    nobody = replace(people(30, 1), blocks=())
    assert few["status"] == joint.examine(known["joint"], trained, nobody)["status"] == "not assessed"
    assert joint.examine(None, trained, people(30, 1))["status"] == "not assessed"
