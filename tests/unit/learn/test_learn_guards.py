"""Guards that need no model: planted leaks are stopped, each by its guard, and honest cohorts are not."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from consilium.core.sheets import Patient, Sample
from consilium.learn.cohort import folds, likeness
from consilium.learn.guards import dates, features, identifiers, sides
from consilium.learn.guards.record import Guards, gate
from learn_cohorts import classes, cohort, numbers, table, times

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
import learn_leaks

RNG = np.random.default_rng(0)
Y = np.tile([0, 1], 40)
LEAKS = {name: (guard, case) for name, guard, case in learn_leaks.leaks()}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_stopped_by_its_guard_and_by_no_other(name):
    stopped, said, others = learn_leaks.verdict(LEAKS[name][1], LEAKS[name][0])
    assert stopped, said
    assert not others


@pytest.mark.parametrize("survival", [False, True])
def test_an_honest_cohort_is_not_stopped(survival):
    found, joined, _ = learn_leaks.asked(learn_leaks.honest(3, survival))
    assert not joined and {g["verdict"] for g in found} <= {"pass", "not assessed"}


def test_near_copies_among_copies_are_found_and_strangers_are_not():
    x = RNG.normal(size=(50, 40))
    x[[10, 20, 30]] = x[5] + 0.03 * RNG.normal(size=(3, 40))
    pairs = {(p.a, p.b) for p in likeness.near_copies(table("omics/x", x))}
    assert pairs == {(a, b) for a in (5, 10, 20, 30) for b in (5, 10, 20, 30) if a < b}
    outlier = RNG.normal(size=(50, 40))
    outlier[[3, 8], 7] = 1000.0  # one shared outlier is no likeness
    assert not likeness.near_copies(table("omics/x", outlier))
    few = RNG.normal(size=(50, 2)) @ RNG.normal(
        size=(2, 40)
    )  # forty columns, two dimensions: everybody has a neighbour
    assert not likeness.near_copies(table("omics/x", few))


def test_a_quiet_profile_that_many_share_joins_nobody():
    calls = (RNG.random((60, 30)) < 0.1).astype(float)
    calls[20:40] = 0
    whole = cohort(table("omics/copy_number", calls))
    assert folds.links(whole, []) == []


def test_a_copy_that_is_identical_is_listed_once():
    x = RNG.normal(size=(30, 20))
    x[7] = x[2]
    assert [link.how for link in folds.links(cohort(table("omics/x", x)), [])] == ["identical values"]


def test_copies_with_two_outcomes_are_said():
    links = [folds.Link("P1", "P2", "identical values", "omics/x")]
    assert sides.copies(links, {"P1": (0,), "P2": (1,)})["figures"]["different_outcomes"] == 1
    assert sides.copies([folds.Link("P1", "P2", "family")], {})["verdict"] == "pass"


def test_a_marker_of_one_class_warns_and_a_flag_of_it_fails():
    y = np.repeat([0, 1, 2], 30)
    marker = np.where(y == 2, 5.0, 0.0) + RNG.normal(0, 0.5, 90)
    x = RNG.normal(size=(90, 3))
    x[:, 1] = marker
    asked = (classes(y, 3), np.arange(90))
    assert features.single_features(cohort(table("ehr/x", x)), *asked)["verdict"] == "warn"
    x[:, 1] = y == 2
    assert features.single_features(cohort(table("ehr/x", x)), *asked)["verdict"] == "fail"
    x[:, 1] = y + RNG.normal(0, 0.01, 90)
    found = features.single_features(cohort(table("ehr/x", x)), *asked)
    assert found["figures"]["features"][0]["outcome"] == "all classes"
    allowed = features.single_features(cohort(table("ehr/x", x)), *asked, allow=["ehr/x: x1"])
    assert allowed["verdict"] == "pass" and "1 features were allowed" in allowed["detail"]


def test_outcomes_that_are_numbers_and_times_are_watched_by_rank():
    x = RNG.normal(size=(80, 3))
    y = RNG.normal(size=80)
    x[:, 2] = np.exp(y + RNG.normal(0, 0.01, 80))
    found = features.single_features(cohort(table("ehr/x", x)), numbers(y), np.arange(80))
    assert found["verdict"] == "fail" and found["figures"]["features"][0]["feature"] == "ehr/x: x2"
    time = RNG.exponential(size=80) + 0.1
    x[:, 2] = -time + RNG.normal(0, 0.001, 80)
    found = features.single_features(cohort(table("ehr/x", x)), times(time, Y), np.arange(80))
    assert {f["feature"] for f in found["figures"]["features"]} == {"ehr/x: x2"}


def test_areas_and_rank_correlations_are_those_of_scikit_learn_and_scipy():
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    x = RNG.normal(size=(80, 5)).round(1)
    np.testing.assert_allclose(features.areas(x, Y == 1), [roc_auc_score(Y, x[:, c]) for c in range(5)])
    assert features.rank_correlation(x[:, 0], x[:, 1]) == pytest.approx(spearmanr(x[:, 0], x[:, 1]).statistic)
    assert features.rank_correlation(x[:, 0], np.ones(80)) == 0


def test_what_noise_separates_in_a_small_cohort_warns_only():
    from scipy.stats import mannwhitneyu

    for m, n, wrong in ((5, 35, 3), (12, 12, 2), (6, 200, 20)):
        y = np.r_[np.ones(m), np.zeros(n)] == 1
        x = np.r_[np.full(m, 1000.0) + np.arange(m), np.arange(n)]
        x[0] = n - wrong - 0.5  # below so many of the other side
        exact = mannwhitneyu(x[y], x[~y], method="exact").pvalue
        area = float(features.areas(x[:, None], y)[0])
        assert features.by_chance(m, n, area) == pytest.approx(exact, rel=1e-9)
    y = np.r_[np.ones(5, dtype=int), np.zeros(35, dtype=int)]
    x = RNG.normal(size=(40, 20000))
    x[:, 0] = y + RNG.normal(0, 0.01, 40)
    wide = features.single_features(cohort(table("omics/x", x)), classes(y), np.arange(40))
    assert wide["verdict"] == "warn"  # five against 35 among 20,000 columns: noise does that in one cohort of sixteen
    narrow = features.single_features(cohort(table("ehr/x", x[:, :8])), classes(y), np.arange(40))
    assert narrow["verdict"] == "fail"


def test_names_that_only_sound_like_identifiers_warn_at_most():
    block = replace(
        table("ehr/x", RNG.integers(0, 9, size=(40, 4)).astype(float)),
        features=("body_mass_index", "lipids", "study_id", "sodium"),
    )
    found = identifiers.identifiers(cohort(block))
    assert found["verdict"] == "warn" and [f["feature"] for f in found["figures"]["features"]] == ["ehr/x: study_id"]
    reads = table("omics/x", RNG.integers(10**4, 10**6, size=(40, 2)).astype(float))
    assert identifiers.identifiers(cohort(reads))["verdict"] == "warn"
    assert identifiers.identifiers(cohort(table("ehr/x", RNG.normal(size=(40, 2)))))["verdict"] == "pass"
    assert identifiers.identifiers(cohort(reads), ["omics/x: x0", "omics/x: x1"])["verdict"] == "pass"
    voxels = replace(reads, name="imaging/radiomics")  # counted here, not supplied
    assert identifiers.identifiers(cohort(voxels))["verdict"] == "pass"
    numbered = replace(voxels, values=np.sort(voxels.values, axis=0))
    assert identifiers.identifiers(cohort(numbered))["verdict"] == "fail"


def test_dates_of_files_are_held_against_the_index_date():
    people = [Patient("P1", index_date="2020-03-01"), Patient("P2")]
    rows = [
        Sample("P1", "imaging", "T1", "a", "2020-03-01T10:00", "T1", 2),
        Sample("P2", "imaging", "T1", "b", "", "T1", 3),
    ]
    assert dates.after_index(people, rows, ["imaging"])["verdict"] == "pass"
    late = [*rows, Sample("P1", "genomics", "vcf", "c", "2022-01-01", "vcf", 4)]
    assert dates.after_index(people, late, ["imaging", "genomics"])["verdict"] == "pass"  # a genome has no date
    late = [*rows, Sample("P1", "imaging", "CT", "c", "2020-03-02", "CT", 4)]
    found = dates.after_index(people, late, ["imaging"])
    assert found["verdict"] == "fail" and "P1 CT of 2020-03-02" in found["detail"]
    assert dates.after_index(people, late, ["omics"])["verdict"] == "pass"  # the task takes nothing from images
    assert dates.after_index(people, rows[1:], ["imaging"])["verdict"] == "not assessed"


def test_what_a_failure_does_is_configured():
    found = [gate("a", "pass", ""), gate("b", "warn", "odd"), gate("c", "fail", "leak")]
    assert Guards().why_stopped(found) == "stopped by guard 'c': leak"
    assert Guards("warn").why_stopped(found) == "" and Guards().why_stopped(found[:2]) == ""
    strict = Guards.from_json('{"strict": ["b"]}')
    assert strict.why_stopped(strict.judged(found)) == "stopped by guard 'b' (and 1 more): odd"


def test_a_step_that_was_not_recorded_fails_the_audit():
    nothing = {"labels": "true", "fold": "0", "fitted_on": {"steps": {}, "patients": {}}}
    assert sides.fit_audit([nothing], [[]], {}, [])["verdict"] == "fail"
