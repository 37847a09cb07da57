"""Given splits, repeats, sites left out, ordered classes, controls and what may be said."""

import json
from dataclasses import replace

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.learn import prepare, train
from consilium.learn.cohort import folds, splits, tasks
from consilium.learn.cohort.planted import planted
from consilium.learn.guards.record import gate
from consilium.learn.judge import controls, evaluate, metrics
from consilium.learn.models import boosting, heads, linear
from consilium.learn.settings import Judging, Plan
from learn_cohorts import classes, cohort, mixed, numbers, table, times

RNG = np.random.default_rng(1)
FAST = Plan(3, 0, (1,))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(boosting, "fit", lambda x, target, *_: boosting.Boosted("", np.arange(0), target.width))


def ordered(y, k=3):
    return replace(classes(y, k), ordered=True)


def files(folder, whole, cells, asked, **judging):
    """Stage folds on files; (task.json, rows of folds.tsv)."""
    from consilium.core.store import read_facts
    from consilium.learn.cohort import data

    columns = list(cells)
    rows = ["\t".join(["patient", "sex", "site", *columns])]
    for i, p in enumerate(whole.patients):
        rows.append("\t".join([p, "female", whole.sites[i], *(str(cells[c][i]) for c in columns)]))
    (folder / "patients.tsv").write_text("\n".join(rows) + "\n")
    (folder / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n")
    data.save(folder / "inputs", whole)
    paths = [folder / n for n in ("inputs", "patients.tsv", "samples.tsv")]
    prepare.folds(*paths, "", tasks.Asked.from_json(json.dumps({"name": "task"} | asked)),
                  Judging.from_json(json.dumps(judging)), 1, folder / "folds.tsv", folder / "task.json")  # fmt: skip
    return read_facts(folder / "task.json"), prepare._fold_rows(folder / "folds.tsv")


def test_a_given_split_is_trained_on_train_and_judged_once_on_test(tmp_path):
    whole, y = mixed(60, 0, 1.0)
    words = ["test" if i % 3 == 0 else "train" for i in range(60)]
    cells = {"dx": ["ill" if v else "well" for v in y], "part": words}
    asked = {"type": "classification", "outcome": "dx", "split": "part"}
    about, rows = files(tmp_path, whole, cells, asked)
    assert about["status"] == "assessed", about["reason"]
    assert about["no_sites"] == "the split is given"
    assert [r[2] for r in rows] == ["0" if w == "test" else "1" for w in words]
    p = prepare.problem(tmp_path / "inputs", tmp_path / "folds.tsv", tmp_path / "task.json")
    assert not p.skipped("true", 0) and p.skipped("true", 1) and p.skipped("permuted", 4)
    test = [i for i, w in zip(whole.patients, words, strict=True) if w == "test"]
    result = train.outer_fold(p, "true", 0, FAST)
    assert sorted(result["patients"]) == sorted(test)
    model, last = train.final(p, FAST)
    for log in (result["fitted_on"], last["fitted_on"]):
        assert not set(test) & {i for ids in log["patients"].values() for i in ids}
    assert model is not None and last["patients"] == []


def test_words_that_are_neither_train_nor_test_are_refused(tmp_path):
    whole, y = mixed(24, 0, 1.0)
    cells = {"dx": list(y), "part": ["train"] * 20 + ["Test", "", "valid", "test"]}
    with pytest.raises(InputError) as caught:
        files(tmp_path, whole, cells, {"type": "classification", "outcome": "dx", "split": "part"})
    assert len(caught.value.problems) == 3 and "allowed: train or test" in str(caught.value)
    with pytest.raises(InputError, match="is 'test' in part"):
        splits.given("part", [{"part": "train"}] * 4, np.ones(4, dtype=bool), "patients.tsv", "abcd")
    unknown = splits.given("part", [{"part": "train"}, {"part": "test"}, {}], np.array([True, True, False]), "p", "abc")
    assert unknown.tolist() == [1, 0, -1]


def test_repeats_deal_anew_and_the_first_is_that_of_a_single_run(tmp_path):
    whole, y = mixed(40, 0, 1.6)
    about, rows = files(tmp_path, whole, {"dx": list(y)}, {"type": "classification", "outcome": "dx"}, outer_folds=4,
                        repeats=3)  # fmt: skip
    assert about["outer_folds"] == 4
    all_folds = np.array([[int(r[2]), *map(int, r[3].split(","))] for r in rows])
    assert all_folds.shape == (40, 3) and set(all_folds.ravel()) == {0, 1, 2, 3}
    assert (all_folds[:, 0] != all_folds[:, 1]).any() and (all_folds[:, 1] != all_folds[:, 2]).any()
    single = folds.assign(classes(y), [r[1] for r in rows], 4, 1)
    assert all_folds[:, 0].tolist() == single.tolist()
    p = prepare.problem(tmp_path / "inputs", tmp_path / "folds.tsv", tmp_path / "task.json")
    result = train.outer_fold(p, "true", 9, FAST)  # repeat 2, fold 1
    assert (result["repeat"], result["fold"]) == (2, "1")
    assert result["patients"] == [r[0] for r, f in zip(rows, all_folds[:, 2], strict=True) if f == 1]


def test_figures_are_means_over_repeats_with_the_same_patients_redrawn():
    y = np.tile([0, 1], 20)
    scores = [np.clip(0.5 + 0.2 * (y - 0.5) + RNG.normal(0, s, 40), 0, 1) for s in (0.1, 0.5)]
    names = [f"P{i:02d}" for i in range(40)]
    results = []
    for k, score in enumerate(scores):
        order = RNG.permutation(40)
        for f in range(2):
            rows = order[f::2]
            model = {"scores": np.stack([1 - score[rows], score[rows]], axis=1).tolist(), "judged": [True] * 20}
            results.append({
                "repeat": k, "fold": str(f), "patients": [names[i] for i in rows], "y": y[rows].tolist(),
                "time": [None] * 20, "event": [0.0] * 20, "models": {"shipped": model},
            })  # fmt: skip
    task = {"kind": "classification", "classes": ["a", "b"]}
    both = evaluate.judged(results, task, {n: n for n in names}, 3)
    alone = [evaluate.judged([r for r in results if r["repeat"] == k], task, {n: n for n in names}, 3) for k in (0, 1)]
    values = [j.value("shipped", "auc") for j in alone]
    value, replicates = both.value("shipped", "auc")
    assert value == pytest.approx(np.mean([v for v, _ in values])) and values[0][0] > values[1][0] + 0.1
    np.testing.assert_allclose(replicates, np.mean([r for _, r in values], axis=0))
    assert both.patients == names and (alone[0].weights == alone[1].weights).all()


def test_sites_are_left_out_one_at_a_time_with_the_relatives_of_their_patients():
    whole, y = mixed(60, 2, 1.6)
    sites = ["a"] * 25 + ["b"] * 25 + ["c"] * 10
    families = [""] * 60
    families[0] = families[59] = "F"
    whole = replace(whole, sites=tuple(sites), families=tuple(families))
    found, why = splits.sites(sites, classes(y), np.ones(60, dtype=bool))
    assert not why and [(f["site"], f["n"], f["reason"]) for f in found] == [
        ("a", 25, ""),
        ("b", 25, ""),
        ("c", 10, ""),
    ]
    group = folds.groups(whole, folds.links(whole, []))
    task = {"name": "task", "blocks": [], "horizons": [], "seed": 1, "sites": found}
    p = train.problem(whole, task, classes(y), group, folds.assign(classes(y), group, 3, 1))
    result = train.outer_fold(p, "site", 0, FAST)
    assert result["patients"] == list(whole.patients[:25]) and result["site"] == "a"
    fitted = {i for ids in result["fitted_on"]["patients"].values() for i in ids}
    assert fitted == set(whole.patients[25:59])  # the last patient is a relative of the first
    assert p.skipped("site", 3) and not p.skipped("site", 2)


def test_sites_too_few_or_too_small_are_named():
    target = classes(np.tile([0, 1], 20))
    assert splits.sites(["a", "b"] * 20, target, np.ones(40, dtype=bool))[1] == "2 sites named, fewer than 3"
    found, _ = splits.sites(["a"] * 20 + ["b"] * 18 + ["c"] * 2, target, np.ones(40, dtype=bool))
    assert [f["reason"] for f in found] == ["", "", "2 patients, fewer than 10"]


def test_a_planted_effect_keeps_every_outcome_and_lies_in_the_block():
    whole, y = mixed(80, 3, 0.0)
    source, about = planted(whole, classes(y), 5)
    assert sorted(y[source]) == sorted(y) and sorted(source) == list(range(80))
    block = whole.block(about["block"])
    rows = np.flatnonzero(block.present)
    from consilium.learn.guards.features import areas, folded
    from consilium.learn.models.preproc import raw_table

    values, names = raw_table(block)
    columns = [names.index(f) for f in about["features"]]
    new = folded(areas(values[rows][:, columns], y[source][rows] == 1))
    assert new.mean() > 0.7 > folded(areas(values[rows][:, columns], y[rows] == 1)).mean()
    time = np.arange(1.0, 81)
    source, _ = planted(whole, times(time, np.ones(80)), 5)
    assert sorted(source) == list(range(80))
    assert planted(cohort(table("ehr/x", np.ones((30, 3)))), classes(np.tile([0, 1], 15)), 1)[0] is None


def judged_from(y, score, fold=None):
    n = len(y)
    from consilium.core.statistics import group_weights

    p = np.stack([1 - score, score], axis=1)
    fold = np.arange(n) // 2 % 4 if fold is None else fold
    names = [str(i) for i in range(n)]
    held = {"shipped": evaluate.Held(p, np.ones(n, dtype=bool))}
    return evaluate.Judged(names, classes(y), fold, names, held, group_weights(names, 300, 0), np.full(n, np.nan))


def test_the_planted_control_fails_when_it_is_not_found():
    y = np.tile([0, 1], 40)
    good = np.clip(0.5 + 0.3 * (y - 0.5) + RNG.normal(0, 0.1, 80), 0.01, 0.99)
    about = {"block": "omics/x", "features": ["a", "b", "c"], "noise_sd": 0.5}
    assert controls.planted(judged_from(y, good), about, "")["verdict"] == "pass"
    assert controls.planted(judged_from(y, RNG.random(80)), about, "")["verdict"] == "fail"
    assert controls.planted(judged_from(y[:30], RNG.random(30)), about, "")["verdict"] == "warn"
    assert controls.planted(None, {}, "not run")["passed"] is None


def test_what_may_be_said_of_nothing_little_and_much():
    y = np.tile([0, 1], 60)
    strong = np.clip(0.5 + 0.3 * (y - 0.5) + RNG.normal(0, 0.1, 120), 0.01, 0.99)
    assert controls.signal(judged_from(y, RNG.random(120)), [])["answer"] == "none"
    assert controls.signal(judged_from(y, strong), [])["answer"] == "found"
    assert controls.signal(judged_from(y, strong), [gate("x", "fail", "")])["answer"] == "weak"
    faint = np.clip(0.5 + 0.09 * (y - 0.5) + RNG.normal(0, 0.1, 120), 0.01, 0.99)
    said = controls.signal(judged_from(y, faint), [])
    assert said["answer"] == "weak" and said["lower"] > 0.5


def test_sites_that_the_model_does_not_carry_over_to_are_said():
    y = np.tile([0, 1], 60)
    good = np.clip(0.5 + 0.3 * (y - 0.5) + RNG.normal(0, 0.1, 120), 0.01, 0.99)
    about = {"no_sites": "", "sites": [{"site": "d", "n": 2, "reason": "2 patients, fewer than 10"}]}
    lost = controls.left_out(judged_from(y, RNG.random(120), np.arange(120) // 40), judged_from(y, good), about)
    assert lost["verdict"] == "warn" and lost["figures"]["difference_upper"] < 0 and "too small" in lost["detail"]
    assert controls.left_out(judged_from(y, good), judged_from(y, good), about)["verdict"] == "pass"
    assert controls.left_out(None, judged_from(y, good), about)["verdict"] == "not assessed"


def test_levels_keep_their_order_and_unknown_words_are_refused():
    asked = tasks.Asked("task", "ordinal", "y", levels=("low", "mid", "high"))
    cells = [{"y": w} for w in ("high", "", "low", "mid")]
    target, known, _ = tasks.read(asked, cells, "patients.tsv", "abcd")
    assert target.classes == ("low", "mid", "high") and target.ordered and target.y.tolist() == [2, -1, 0, 1]
    assert known.tolist() == [True, False, True, True] and tasks.from_facts(tasks.as_facts(target)).ordered
    with pytest.raises(InputError, match="y 'medium'"):
        tasks.read(asked, [{"y": "medium"}], "patients.tsv", "a")


def test_ordered_classes_have_one_direction_and_its_maximum_is_that_of_scipy():
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    x = RNG.normal(size=(120, 3))
    y = np.clip(np.round(x @ [1.0, -0.5, 0.0] + RNG.normal(0, 0.7, 120)) + 1, 0, 2).astype(int)
    target = ordered(y)
    weights, _ = linear.fit_weights(x, target, 0.0, 1.0)
    assert np.linalg.matrix_rank(weights, tol=1e-8) == 1
    steps = heads.directions(target)[0]

    def loss(theta):  # adjacent-category logits with free intercepts
        eta = np.outer(x @ theta[:3], steps) + theta[3:] + heads.prior(target).offset
        return -(eta[np.arange(120), y] - logsumexp(eta, axis=1)).sum() + 0.5 * (theta[:3] ** 2).sum()

    found = minimize(loss, np.zeros(6), tol=1e-10).x[:3]
    np.testing.assert_allclose(weights, np.outer(found, steps), atol=2e-3)


def test_metrics_of_levels_are_those_of_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    y = RNG.integers(0, 4, 200)
    p = RNG.dirichlet(np.ones(4), 200) + 0.5 * np.eye(4)[np.clip(y + RNG.integers(-1, 2, 200), 0, 3)]
    named = p.argmax(axis=1)
    target, one = ordered(y, 4), np.ones((1, 200))
    kappa = cohen_kappa_score(y, named, weights="quadratic")
    assert metrics.quadratic_kappa(target, p, one)[0] == pytest.approx(kappa)
    assert metrics.level_error(target, p, one)[0] == pytest.approx(np.abs(y - named).mean())
    drawn = RNG.integers(0, 200, 200)
    again = np.bincount(drawn, minlength=200)[None].astype(float)
    kappa = cohen_kappa_score(y[drawn], named[drawn], weights="quadratic")
    assert metrics.quadratic_kappa(target, p, again)[0] == pytest.approx(kappa)
    assert {"quadratic_kappa", "level_error"} <= set(metrics.all_of(target, y))


def test_an_ordinal_task_is_learned_and_judged_as_ordered_classes(tmp_path):
    x = RNG.normal(size=(60, 6))
    level = np.clip(np.round(1.2 * x[:, 0] + RNG.normal(0, 0.5, 60)) + 1, 0, 2).astype(int)
    words = [("none", "some", "much")[v] for v in level]
    whole = cohort(table("omics/x", x), table("ehr/y", RNG.normal(size=(60, 4))))
    asked = {"type": "ordinal", "outcome": "dx", "levels": ["none", "some", "much"]}
    about, _ = files(tmp_path, whole, {"dx": words}, asked, outer_folds=3)
    assert about["kind"] == "classification" and about["classes"] == ["none", "some", "much"]
    p = prepare.problem(tmp_path / "inputs", tmp_path / "folds.tsv", tmp_path / "task.json")
    results = [train.outer_fold(p, "true", f, FAST) for f in range(3)]
    j = evaluate.judged(results, about, dict(zip(whole.patients, p.groups, strict=True)), 1)
    assert j.value("shipped", "quadratic_kappa")[0] > 0.4 and j.value("shipped", "level_error")[0] < 0.5
    rows = evaluate.leaderboard(j, [], ["omics/x"])
    assert {"quadratic_kappa", "level_error"} <= {r["metric"] for r in rows}


@pytest.mark.parametrize("on_fail", ["withhold", "warn", "stop"])
def test_a_guard_that_fails_withholds_warns_or_stops(tmp_path, on_fail):
    whole, y = mixed(40, 0, 1.6)
    leak = table("ehr/clinical", np.column_stack([y, RNG.normal(size=40)]))
    whole = cohort(*whole.blocks, leak)
    asked = {"type": "classification", "outcome": "dx"}
    cells = {"dx": [("well", "ill")[v] for v in y]}
    if on_fail == "stop":
        with pytest.raises(InputError, match="stopped by guard 'no feature gives the outcome away'"):
            files(tmp_path, whole, cells, asked, guards={"on_fail": on_fail})
        assert not (tmp_path / "task.json").exists()
        return
    about, _ = files(tmp_path, whole, cells, asked, guards={"on_fail": on_fail})
    assert about["status"] == ("assessed" if on_fail == "warn" else "not assessed")
    assert on_fail == "warn" or about["reason"].startswith("stopped by guard 'no feature gives")
    allowed, _ = files(tmp_path, whole, cells, asked, guards={"allow": ["ehr/clinical: l0"]})
    assert allowed["status"] == "assessed"


def test_a_number_is_planted_and_found_on_its_own_scale():
    whole, _ = mixed(60, 4, 0.0)
    y = RNG.normal(100, 15, 60)
    group = [f"g{i}" for i in range(60)]
    task = {"name": "task", "blocks": [], "horizons": [], "seed": 1}
    p = train.problem(whole, task, numbers(y), group, folds.assign(numbers(y), group, 3, 1))
    result = train.outer_fold(p, "planted", 0, FAST)
    j = evaluate.judged(
        result["runs"], {"kind": "regression", "classes": []}, dict(zip(whole.patients, group, strict=True)), 1
    )
    assert controls.planted(j, result["planted"], "")["verdict"] in ("pass", "fail")
    assert j.value("shipped", "r2")[0] > 0.1
