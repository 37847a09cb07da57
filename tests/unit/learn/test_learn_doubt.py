"""When no prediction is made, and what is said then."""

import json
from dataclasses import replace

import numpy as np
import pytest
from consilium.learn.fusion.nested import fit_all
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.uncertainty.conformal import Conformal
from consilium.learn.uncertainty.doubt import Doubt, far_point
from learn_cohorts import classes, cohort, table


@pytest.fixture(scope="module")
def fitted():
    """(trained model, its cohort): block ehr/known tells the outcome, omics/noise nothing."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    known = rng.normal(size=(80, 4))
    known[:, 0] += 2 * y
    whole = cohort(table("ehr/known", known), table("omics/noise", rng.normal(size=(80, 6))))
    groups = [str(i) for i in range(80)]
    trained, _, _ = fit_all(whole, classes(y), groups, Settings(("t",), 3, 0, baselines=False), Ledger())
    return trained, whole


def without(whole, name, reason):
    def emptied(b):
        nobody = np.zeros(len(b.present), dtype=bool)
        values = np.full_like(b.values, np.nan)
        return replace(b, values=values, present=nobody, reasons=(reason,) * len(nobody))

    return replace(whole, blocks=tuple(emptied(b) if b.name == name else b for b in whole.blocks))


def test_who_lacks_the_block_that_the_model_relies_on_gets_no_prediction(fitted):
    trained, whole = fitted
    assert trained.doubt.relied == "ehr/known" and trained.doubt.without < 0.1
    records = trained.predictions(without(whole, "ehr/known", "too few values"))
    assert all(r["abstained"] and r["predicted"] == "" for r in records)
    assert records[0]["reason"].startswith("no ehr/known, on which the model relies most (too few values)")
    assert records[0]["reason"].count("too few values") == 1
    other = trained.predictions(without(whole, "omics/noise", "not supplied"))
    assert not all(r["abstained"] for r in other) and not any("omics/noise" in r["reason"] for r in other)
    refused = trained.predictions(without(whole, "omics/noise", "12 % of genes read"))
    assert all("no omics/noise (12 % of genes read)" in r["reason"] for r in refused)


def test_who_is_unlike_the_training_patients_gets_no_prediction(fitted):
    trained, whole = fitted
    moved = replace(whole.blocks[1], values=whole.blocks[1].values + 4.5)
    records = trained.predictions(replace(whole, blocks=(whole.blocks[0], moved)))
    assert all("unlike the patients the model was trained on, most in omics/noise" in r["reason"] for r in records)
    at_home = [r["reason"].startswith("unlike") for r in trained.predictions(whole)]
    assert np.mean(at_home) <= 0.05
    assert far_point(np.arange(49.0)) == float("inf")


def test_the_reason_of_an_abstention_stands_in_its_record(fitted):
    trained, whole = fitted
    for thresholds, said in (((1.0, 1.0), "holds every class"), ((-1.0, -1.0), "is empty")):
        strict = replace(trained, doubt=Doubt(Conformal(thresholds, (False, False))))
        record = strict.predictions(whole)[0]
        assert record["abstained"] and said in record["reason"] and record["predicted"] == "" and record["p_a"] > 0
    calm = replace(trained, doubt=Doubt(Conformal((0.999, -1.0), (False, False))))
    assert not any(r["abstained"] for r in calm.predictions(whole) if r["set"] == "a")


def test_doubt_survives_its_file(fitted):
    trained, whole = fitted
    again = replace(trained, doubt=Doubt.from_facts(json.loads(json.dumps(trained.doubt.facts()))))
    assert again.predictions(whole) == trained.predictions(whole)
    unset = Doubt(Conformal((0.5,), (True,)))
    assert Doubt.from_facts(json.loads(json.dumps(unset.facts()))).far == float("inf")


def test_only_blocks_that_speak_have_a_share_of_the_prediction(fitted):
    """Of the best single block the other one is only the stand-in."""
    trained, whole = fitted
    single = replace(trained, choice="best_single")
    assert {r["modality"] for r in single.contributions(whole)} == {"ehr/known"}
    alone = single.contributions(without(whole, "ehr/known", "not supplied"))
    assert {r["modality"] for r in alone} == {"omics/noise"}
    mean = replace(trained, choice="late_mean")
    assert {r["modality"] for r in mean.contributions(whole)} == {"ehr/known", "omics/noise"}
    for model in (single, mean):
        of_first = [r for r in model.contributions(whole) if r["patient"] == whole.patients[0] and r["target"] == "a"]
        nothing = model.parts(whole).take(np.array([0])).seen_with(np.zeros((1, 2), dtype=bool))
        prior = model.scores(model.eta(nothing))[0, 0]
        assert sum(r["contribution"] for r in of_first) == pytest.approx(model.predictions(whole)[0]["p_a"] - prior)
