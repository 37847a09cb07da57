"""Whole fits on small cohorts: nothing leaks, noise gives chance, planted signal is found."""

from dataclasses import replace

import numpy as np
import pytest
from consilium.core.statistics import group_weights, interval
from consilium.learn import train
from consilium.learn.cohort import folds
from consilium.learn.guards import sides
from consilium.learn.judge import metrics
from consilium.learn.models import base, boosting, heads
from consilium.learn.networks import fusion_net, losses
from consilium.learn.settings import Plan
from learn_cohorts import classes, cohort, mixed, numbers, table, times

pytestmark = pytest.mark.slow
FAST = {"inner_folds": 3, "network_seeds": 0, "epochs": (1,), "cnn_min_patients": 1}


def problem(whole, target, groups=None, k=3, seed=1):
    groups = groups or [f"g{i}" for i in range(len(target))]
    fold = folds.assign(target, groups, k, seed)
    task = {"name": "task", "blocks": [], "horizons": [1.0] if target.kind == "survival" else [], "seed": seed}
    return train.problem(whole, task, target, groups, fold)


def held_out(p, labels="true", **settings):
    return [train.outer_fold(p, labels, f, Plan(**(FAST | settings))) for f in range(p.fold.max() + 1)]


def shipped_auc(p, results):
    group_of = dict(zip(p.cohort.patients, p.groups, strict=True))
    scores = np.concatenate([r["models"]["shipped"]["scores"] for r in results])
    y = np.concatenate([r["y"] for r in results])
    fold = np.concatenate([[int(r["fold"])] * len(r["y"]) for r in results])
    groups = [group_of[i] for r in results for i in r["patients"]]
    weights = group_weights(groups, 300, 0)
    values = metrics.within(fold, classes(y), scores, np.concatenate([np.ones((1, len(y))), weights]))
    return values[0], *interval(values[1:], (0, 1), crossed=True)


@pytest.fixture
def quick(monkeypatch):
    """No LightGBM and no explanations: what they do is tested elsewhere, and they are half of the time."""
    monkeypatch.setattr(train, "_explained", lambda *_: {})
    monkeypatch.setattr(boosting, "fit", lambda x, target, *_: boosting.Boosted("", np.arange(0), target.width))


@pytest.fixture(scope="module")
def planted():
    whole, y = mixed(60, 0, 1.6)
    return problem(whole, classes(y))


@pytest.fixture(scope="module")
def planted_results(planted):
    return held_out(planted, network_seeds=1, epochs=(20,))


def test_planted_signal_is_found_and_lies_in_the_right_blocks(planted, planted_results):
    value, low, _ = shipped_auc(planted, planted_results)
    assert value > 0.8 and low > 0.6
    rows = [r for result in planted_results for r in result["contributions"] if r["target"] == "b"]
    names = {r["modality"] for r in rows}
    size = {m: np.mean([abs(r["contribution"]) for r in rows if r["modality"] == m]) for m in names}
    assert max(size, key=size.get) == "ehr/series" and size["imaging/t1"] < 0.5 * size["ehr/series"]


def test_every_model_predicts_every_patient_it_can(planted, planted_results):
    for r in planted_results:
        everything = {"prevalence", "late_mean", "stack", "network", "network_late_mean", "shipped", "missingness"}
        assert everything <= set(r["models"])
        for m in r["models"].values():
            assert np.isfinite(m["scores"]).all() and len(m["scores"]) == len(r["patients"])
        for record in r["shipped"]:
            p = [v for k, v in record.items() if k.startswith("p_")]
            assert sum(p) == pytest.approx(1.0) and record["modalities"]


def test_contributions_add_up_to_the_change_of_the_probability(planted, quick):
    fold = planted.fold.copy()
    fold[:6] = -1
    model, result = train.final(replace(planted, fold=fold), Plan(3, 0, (1,)))
    nothing = model.scores(model.eta(model.parts(replace(planted.cohort, blocks=()).take(np.arange(1)))))[0, 1]
    for patient, record in zip(result["patients"], result["shipped"], strict=True):
        own = [c["contribution"] for c in result["contributions"] if c["patient"] == patient and c["target"] == "b"]
        assert sum(own) == pytest.approx(record["p_b"] - nothing)


def test_the_audit_finds_a_step_fitted_on_a_held_out_patient_or_a_relative(planted, planted_results):
    fold_of = dict(zip(planted.cohort.patients, planted.fold.tolist(), strict=True))
    group_of = dict(zip(planted.cohort.patients, planted.groups, strict=True))
    known = list(fold_of)
    held = [[p for p, f in fold_of.items() if f == int(r["fold"])] for r in planted_results]
    assert sides.fit_audit(planted_results, held, group_of, known)["verdict"] == "pass"
    outsider = next(p for p, f in fold_of.items() if f == 0)
    insider = next(p for p, f in fold_of.items() if f == 1)
    kin = group_of | {insider: group_of[outsider]}
    assert sides.fit_audit(planted_results, held, kin, known)["verdict"] == "fail"
    log = planted_results[0]["fitted_on"]
    patients = {k: [*v, outsider] for k, v in log["patients"].items()}
    tampered = {**planted_results[0], "fitted_on": {**log, "patients": patients}}
    assert sides.fit_audit([tampered], held[:1], group_of, known)["verdict"] == "fail"


def test_held_out_patients_do_not_reach_any_fit(planted, planted_results):
    """Other values and outcomes of the held-out fold must leave every fitted thing as it was."""
    rng = np.random.default_rng(9)
    whole, y = mixed(60, 0, 1.6)
    out = planted.fold == 0
    for b in whole.blocks:
        b.values[out] = np.where(np.isfinite(b.values[out]), rng.normal(5, 3, b.values[out].shape), np.nan)
    changed = train.Problem(
        "task", whole, [], classes(np.where(out, 1 - y, y)), planted.groups, planted.fold, (), planted.seed
    )
    again = train.outer_fold(changed, "true", 0, Plan(3, 1, (20,), 1))
    same = {k: v for k, v in again["facts"].items() if k != "curves"}
    assert same == {k: v for k, v in planted_results[0]["facts"].items() if k != "curves"}
    assert again["models"]["stack"]["scores"] != planted_results[0]["models"]["stack"]["scores"]


def test_the_same_fit_gives_the_same_numbers(planted, planted_results):
    again = train.outer_fold(planted, "true", 1, Plan(3, 1, (20,), 1))
    assert again["models"] == planted_results[1]["models"]


def test_noise_gives_chance(quick):
    areas = []
    for seed in (1, 2, 3, 4):
        whole, y = mixed(60, seed, 0.0)
        p = problem(whole, classes(y), seed=seed)
        areas.append(shipped_auc(p, held_out(p)))
    assert 0.4 < np.mean([value for value, _, _ in areas]) < 0.6
    assert sum(low <= 0.5 <= high for _, low, high in areas) >= 3


def test_permuted_outcomes_give_chance_where_there_is_signal(planted, quick):
    results = held_out(planted, "permuted")
    areas = [shipped_auc(planted, [r["runs"][k] for r in results]) for k in range(train.PERMUTATIONS)]
    assert 0.3 < np.mean([value for value, _, _ in areas]) < 0.65
    assert np.mean([low for _, low, _ in areas]) <= 0.5 <= np.mean([high for _, _, high in areas])
    outcomes = [[y for r in results for y in r["runs"][k]["y"]] for k in range(train.PERMUTATIONS)]
    assert outcomes[0] != outcomes[1] and sorted(outcomes[0]) == sorted(outcomes[1])


def test_twins_over_both_sides_would_be_learned_by_heart_and_are_kept_together(quick):
    rng = np.random.default_rng(5)
    half, y = rng.normal(size=(24, 200)), np.tile([0, 1], 12)
    whole = cohort(table("omics/x", np.repeat(half, 2, axis=0)))
    both = classes(np.repeat(y, 2))
    p = problem(whole, both, folds.groups(whole, folds.links(whole, [])))
    assert len(set(p.groups)) == 24
    _, low, high = shipped_auc(p, held_out(p))
    assert low <= 0.5 <= high
    assert sides.no_group_split(list(whole.patients), list(p.groups), p.fold)["verdict"] == "pass"
    strangers = problem(whole, both)  # what would happen without groups
    assert shipped_auc(strangers, held_out(strangers))[0] > 0.9
    assert sides.no_group_split(list(whole.patients), list(p.groups), strangers.fold)["verdict"] == "fail"


def test_survival_and_regression_find_what_was_planted(quick):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(70, 6))
    whole = cohort(table("omics/x", x), table("ehr/noise", rng.normal(size=(70, 4))))
    time = rng.exponential(size=70) * np.exp(-1.5 * x[:, 0]) + 0.01
    p = problem(whole, times(time, rng.random(70) < 0.8))
    results = held_out(p, network_seeds=1, epochs=(4,))
    risk = np.concatenate([r["models"]["shipped"]["scores"] for r in results])
    target = times(*(np.concatenate([r[k] for r in results]) for k in ("time", "event")))
    assert metrics.c_index(target, risk, np.ones((1, 70)))[0] > 0.7
    assert 0 < results[0]["shipped"][0]["p_1"] < 1
    p = problem(whole, numbers(10 + 3 * x[:, 0] + rng.normal(size=70)))
    results = held_out(p, network_seeds=1, epochs=(4,))
    value = np.concatenate([r["models"]["shipped"]["scores"] for r in results])
    y = np.concatenate([r["y"] for r in results])
    assert metrics.r2(numbers(y), value, np.ones((1, 70)))[0] > 0.6
    inside = [s["lower"] <= t <= s["upper"] for r in results for s, t in zip(r["shipped"], r["y"], strict=True)]
    assert np.mean(inside) > 0.8


def test_a_block_that_few_have_is_left_out_by_name():
    whole, y = mixed(40, 6, 1.0)
    rare = table("text/findings", np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) < 8)
    p = problem(cohort(*whole.blocks, rare), classes(y))
    assert train.outer_fold(p, "true", 0, Plan(**FAST))["facts"]["left_out"] == ["text/findings"]


def test_no_usable_block_is_not_assessed():
    p = problem(cohort(table("omics/x", np.zeros((30, 2)))), classes(np.tile([0, 1], 15)))
    result = train.outer_fold(p, "true", 0, Plan(**FAST))
    assert result["status"] == "not assessed" and "feature block" in result["reason"]
    assert train.final(p, Plan(3, 0, (1,)))[0] is None


def test_block_dropout_never_takes_the_last_block():
    mask = np.random.default_rng(0).random((200, 4)) > 0.6
    kept = fusion_net.drop_blocks(mask, np.random.default_rng(1))
    assert (kept <= mask).all() and (kept.any(axis=1) == mask.any(axis=1)).all() and kept.sum() < mask.sum()


@pytest.mark.parametrize("kind", ["classes", "times", "numbers"])
def test_the_networks_loss_is_the_loss_of_heads(kind):
    import torch

    rng = np.random.default_rng(3)
    target = {
        "classes": classes(rng.integers(0, 3, 40), 3),
        "times": times(rng.exponential(size=40) + 0.1, rng.random(40) < 0.6),
        "numbers": numbers(rng.normal(size=40)),
    }[kind]
    at = heads.prior(target)
    e = rng.normal(size=(40, target.width))
    everybody = torch.ones(40, 1, dtype=torch.bool)
    found = float(losses.likelihood(target, at, torch.from_numpy(e)[:, None], everybody))
    count = target.event.sum() if kind == "times" else 40
    assert found == pytest.approx(heads.losses(target, at.offset + e, at).sum() / count)


def test_shares_of_options_favour_the_smaller_loss_without_choosing():
    shares = base.mixture(np.array([[1.0] * 10, [1.1] * 10, [2.0] * 10]))
    assert shares[0] > shares[1] > 10 * shares[2] and shares.sum() == pytest.approx(1)
