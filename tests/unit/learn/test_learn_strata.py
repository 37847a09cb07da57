"""Strata: planted groups are found, noise has none, correlated noise has none; tests equal those of other programs."""

import numpy as np
import pytest
from consilium.learn.strata import consensus, differences, find
from learn_cohorts import classes, cohort, numbers, table, times

PLACES = np.array([[0, 0], [3.0, 0], [0, 3.0]])


def made(x, present=None):
    x = np.asarray(x, dtype=float)
    here = np.ones(x.shape, dtype=bool) if present is None else present
    return find.Evidence([f"P{i:03d}" for i in range(len(x))], np.where(here, x, 0.0), here)


@pytest.fixture(autouse=True)
def fewer_references(monkeypatch):
    monkeypatch.setattr(consensus, "REFERENCES", 19)
    monkeypatch.setattr(consensus, "SUBSAMPLES", 25)


def test_planted_groups_are_found():
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [40, 30, 20])
    found = find.strata(made(PLACES[truth] + 0.5 * rng.normal(size=(90, 2))), 5, 1)
    assert found["reason"] == "" and found["k"] == 3 and min(found["jaccard"]) > 0.9
    assert adjusted_rand_score(truth, found["labels"]) > 0.95
    assert np.bincount(found["labels"]).tolist() == sorted(np.bincount(found["labels"]), reverse=True)
    assert np.nanmin(found["belonging"]) > 0.5


@pytest.mark.parametrize("kind", ["noise", "correlated", "missing"])
def test_there_are_no_strata_where_there_are_no_groups(kind):
    said = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(60, 6))
        if kind == "correlated":
            x = rng.normal(size=(60, 1)) * 3 + 0.5 * x
        present = np.repeat(rng.random((60, 3)) > 0.3, 2, axis=1) if kind == "missing" else None
        said.append(find.strata(made(x, present), 3, seed)["reason"])
    assert all(s.startswith("no stable strata") for s in said)


def test_few_patients_and_models_that_say_nothing_are_not_clustered():
    assert "fewer than 30" in find.strata(made(np.random.default_rng(0).normal(size=(20, 2))), 4, 1)["reason"]
    assert "the same of every patient" in find.strata(made(np.zeros((40, 0))), 4, 1)["reason"]


def test_kmeans_reaches_the_inertia_of_scikit_learn():
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 3))
    label = consensus.kmeans(x[None].repeat(20, axis=0), 4, rng)

    def inertia(own):
        return sum(((x[own == g] - x[own == g].mean(axis=0)) ** 2).sum() for g in np.unique(own))

    best = KMeans(4, n_init=20, random_state=0).fit(x).inertia_
    assert min(map(inertia, label)) < 1.02 * best and np.median([inertia(one) for one in label]) < 1.1 * best


def test_the_reference_has_the_covariance_of_the_data_and_its_gaps():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 1)) * [2.0, 1.0] + rng.normal(size=(400, 2))
    present = np.ones((400, 2), dtype=bool)
    drawn = consensus.reference(x, present, rng)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(x.T), atol=1e-9)
    assert abs(np.corrcoef(drawn[:, 0], x[:, 0])[0, 1]) < 0.2
    present[:, 1] = False
    assert not consensus.reference(x, present, rng)[:, 1].any()


def test_q_values_are_those_of_scipy():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(5).random(40) ** 2
    rows = differences.corrected([{"what": "feature", "name": f"{i:02d}", "p": v} for i, v in enumerate(p)])
    got = {r["name"]: r["q"] for r in rows}
    np.testing.assert_allclose([got[f"{i:02d}"] for i in range(40)], false_discovery_control(p))


def test_differences_say_what_they_rest_on():
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 1, -1], [30, 30, 10])
    x = rng.normal(size=(70, 3))
    x[:, 1] += 3 * labels
    have = np.r_[np.ones(30), np.zeros(25), np.ones(15)].astype(bool)
    whole = cohort(table("omics/expression", x), table("ehr/summary", rng.normal(size=(70, 2)), have))
    rows = differences.corrected(differences.features(whole, labels, ["omics/expression"]))
    by = {r["name"]: r for r in rows}
    assert by["omics/expression: n1"]["q"] < 1e-6 and by["omics/expression: n1"]["basis"] == differences.CIRCULAR
    assert by["ehr/summary"]["what"] == "presence" and by["ehr/summary"]["basis"] == differences.FREE
    assert by["ehr/summary: y0"]["n"] == 35 if "ehr/summary: y0" in by else True
    known = np.ones(70, dtype=bool)
    died = differences.outcome("s", times(np.exp(labels + rng.normal(size=70)), np.ones(70)), known, labels, "b")
    value = differences.outcome("v", numbers(labels + rng.normal(size=70)), known, labels, "b")
    kind = differences.outcome("d", classes(np.clip(labels, 0, 1)), known, labels, "b")
    assert [r["test"] for r in (died, value, kind)] == ["log-rank", "Kruskal-Wallis", "chi-squared"]
    assert max(r["p"] for r in (died, value, kind)) < 0.01 and died["n"] == 60
    assert differences.outcome("d", classes(np.clip(labels, 0, 1)), labels == 0, labels, "b") is None


def test_evidence_is_aligned_by_block_and_freed_from_the_level_of_its_fold():
    one = {"patients": ["a", "b", "c"], "held_out": {"blocks": ["x", "y"], "present": [[1, 1], [1, 0], [0, 0]],
           "evidence": [[[-1, 1], [-2, 2]], [[-3, 3], [0, 0]], [[0, 0], [0, 0]]]}}  # fmt: skip
    two = {
        "patients": ["d", "e"],
        "held_out": {"blocks": ["y"], "present": [[1], [1]], "evidence": [[[-5, 5]], [[-7, 7]]]},
    }
    found = find.evidence([one, two])
    assert found.patients == ["a", "b", "d", "e"]  # c has nothing
    np.testing.assert_allclose(found.x, [[1, 0], [-1, 0], [0, 1], [0, -1]])
    assert found.present.tolist() == [[True, True], [True, False], [False, True], [False, True]]
