import numpy as np
from consilium.core.statistics import group_weights
from consilium.learn.judge import gates
from consilium.learn.judge.evaluate import Held, Judged
from learn_cohorts import classes


def judged(target, **scores):
    n = len(target)
    groups = [str(i) for i in range(n)]
    models = {k.replace("__", "|"): Held(v, np.ones(n, dtype=bool)) for k, v in scores.items()}
    return Judged(
        groups, target, np.arange(n) // 2 % 4, groups, models, group_weights(groups, 300, 0), np.full(n, np.nan)
    )


def two(p):
    return np.stack([1 - p, p], axis=1)


Y = np.tile([0, 1], 40)
RNG = np.random.default_rng(0)
GOOD, WEAK = np.clip(0.5 + 0.3 * (Y - 0.5) + RNG.normal(0, 0.1, 80), 0.01, 0.99), RNG.random(80)


def test_informative_missingness_warns():
    assert gates.alone(judged(classes(Y), missingness=two(GOOD)), "missingness", "m", "why")["verdict"] == "warn"
    assert (
        gates.alone(judged(classes(Y), missingness=two(np.full(80, 0.5))), "missingness", "m", "")["verdict"] == "pass"
    )
    assert gates.alone(judged(classes(Y)), "missingness", "m", "")["verdict"] == "not assessed"


def test_the_control_fails_when_shuffled_outcomes_are_predicted():
    assert gates.control_facts([judged(classes(Y), shipped=two(WEAK))])["verdict"] == "pass"
    leak = gates.control_facts([judged(classes(Y), shipped=two(GOOD))] * 2)
    assert leak["verdict"] == "fail" and not leak["covers_chance"]
    assert gates.control(leak)["passed"] is False
    assert gates.control(gates.control_facts([]))["passed"] is None


def test_fusion_is_held_against_the_strongest_single_block():
    j = judged(classes(Y), shipped=two(GOOD), elastic_net__a=two(WEAK), lightgbm__b=two(1 - WEAK))
    found = gates.fusion_against_singles(j)
    assert found["verdict"] == "pass" and found["figures"]["proven"] and len(found["figures"]["differences"]) == 2
    j = judged(classes(Y), shipped=two(WEAK), elastic_net__a=two(GOOD))
    assert gates.fusion_against_singles(j)["figures"]["beaten"] is False


def test_the_coverage_gate_names_groups_that_are_covered_less():
    row = {"group": "all", "level": "all", "n": 400, "coverage": 0.9, "lower": 0.87, "upper": 0.93, "width": 1.2}
    bad = row | {"group": "site", "level": "B", "coverage": 0.7, "lower": 0.6, "upper": 0.79}
    assert gates.coverage([row], "classification")["verdict"] == "pass"
    found = gates.coverage([row, bad], "classification")
    assert found["verdict"] == "warn" and found["figures"]["low"] == ["site B 0.700 (n = 400)"]
    assert gates.coverage([row | {"coverage": 0.86}], "survival")["verdict"] == "warn"
    assert gates.coverage([], "regression")["verdict"] == "not assessed"


def test_calibration_slope_of_honest_and_boasting_probabilities():
    p = RNG.uniform(0.1, 0.9, 2000)
    y = (RNG.random(2000) < p).astype(int)
    honest = gates.calibration(judged(classes(y), shipped=two(p)))
    boast = 1 / (1 + ((1 - p) / p) ** 5)
    boasting = gates.calibration(judged(classes(y), shipped=two(boast)))
    assert 0.9 < honest["figures"]["slope"] < 1.1 and honest["verdict"] == "pass"
    assert boasting["figures"]["slope"] < 0.3 and boasting["verdict"] == "warn"
