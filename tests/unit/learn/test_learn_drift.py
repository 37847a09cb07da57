"""Reference statistics without patients, drift against them, and that apply fits nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from bundle_made import others
from consilium.learn import stages
from consilium.learn.bundle import alarms, drift, estimate, pack, reference
from consilium.learn.cohort import data
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from learn_cohorts import cohort
from scipy import stats

OUT = ("predictions.tsv", "leaderboard.tsv", "contributions.tsv", "gates.json", "drift.tsv", "drift.json")


@settings(max_examples=60)
@given(arrays(float, st.integers(0, 120), elements=st.floats(-1e6, 1e6).map(lambda v: float(np.float32(v)))))
def test_every_bin_holds_five_patients_and_all_patients_are_in_a_bin(values):
    found = reference.binned(np.concatenate([values, [np.nan]]))
    if found is None:
        assert len(values) < 2 * reference.MIN_PATIENTS
        return
    inside = drift.new_shares(values, found) * len(values)
    assert inside.sum() == pytest.approx(len(values)) and inside.min() >= reference.MIN_PATIENTS - 1e-9
    np.testing.assert_allclose(inside / len(values), found["shares"], atol=1e-5)
    assert found["low"] <= found["high"]


def test_differences_agree_with_independent_programs():
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=2000), rng.normal(0.4, 1.2, size=300)
    found = drift.compared(new, reference.binned(old))
    exact = stats.ks_2samp(new, old)
    assert exact.statistic - 0.03 <= found["ks"] <= exact.statistic  # at the edges only: never too large
    d = exact.statistic
    n = np.sqrt(2000 * 300 / 2300)
    shares = np.array([0.5, 0.5 - d, d])
    assert drift.ks(np.array([0.5 + d, 0.5 - d, 0]), np.array([0.5, 0.5 - d, d]), 300, 2000)[1] == pytest.approx(
        stats.kstwobign.sf((n + 0.12 + 0.11 / n) * d), rel=1e-6
    )
    assert shares.sum() == pytest.approx(1)
    p = rng.random(40) ** 3
    np.testing.assert_allclose(drift.adjusted(p), stats.false_discovery_control(p), rtol=1e-12)
    assert np.isnan(drift.adjusted(np.array([np.nan, 0.5]))[0]) and drift.adjusted(np.array([np.nan, 0.5]))[1] == 0.5
    from sklearn.metrics import roc_auc_score

    area, low, high = drift.auc_of(new, reference.binned(old))
    truth = roc_auc_score(np.r_[np.zeros(2000), np.ones(300)], np.r_[old, new])
    assert area == pytest.approx(truth, abs=0.01) and low < truth < high


def test_the_chance_of_the_stability_index_is_that_of_draws():
    rng = np.random.default_rng(1)
    bins = reference.binned(rng.normal(size=400))
    draws = np.array([drift.compared(rng.normal(size=100), bins)["psi"] for _ in range(300)])
    within = draws <= drift.psi_of_chance(len(bins["shares"]), 100, 400)
    assert 0.9 <= within.mean() <= 1.0


def test_expected_performance_is_right_where_probabilities_are():
    rng = np.random.default_rng(2)
    home, away = rng.beta(2, 5, 20_000), rng.beta(1, 1, 20_000)
    y, y_away = (rng.random(20_000) < p for p in (home, away))
    known = estimate.at_home(np.stack([1 - home, home], 1), y.astype(int))
    found = estimate.without_labels(np.stack([1 - away, away], 1), known)
    right = ((away > 0.5) == y_away).mean()
    assert found["accuracy_confidence"] == pytest.approx(right, abs=0.01)
    from sklearn.metrics import roc_auc_score

    assert found["auc"] == pytest.approx(roc_auc_score(y_away, away), abs=0.01)
    share_wrong = ((home > 0.5) != y).mean()
    assert (np.maximum(home, 1 - home) <= known["atc_threshold"]).mean() == pytest.approx(share_wrong, abs=1e-3)
    assert estimate.without_labels(np.zeros((0, 2)), known)["status"] == "not assessed"


def test_the_statistics_hold_no_patient(small):
    p, _, folder = small
    known = json.loads((folder / "diagnosis" / "reference.json").read_text())
    stored = {v for v in numbers(known) if v not in (0.0, 1.0)}
    for block in p.cohort.blocks:
        if block.layout == "table":
            values = block.values[block.present].astype(float).ravel()
            assert not stored & {float(f"{v:.{reference.DIGITS}g}") for v in values}
    assert known["embedding"]["centroids"] and all(c["n"] >= 5 for c in known["embedding"]["centroids"])
    points = reference.embedding(*(np.array(small[1].view(p.cohort)[k]) for k in ("evidence", "present")))
    for c in known["embedding"]["centroids"]:
        gap = np.where(np.isfinite(points), np.abs(points - c["centre"]), 0.0).max(axis=1)
        assert gap.min() > 1e-4
    for block in known["blocks"]:
        for f in block["features"]:
            shares = np.array(f["bins"]["shares"]) * f["bins"]["n"] if f["bins"] else np.array([5.0])
            assert shares.min() >= 5 - 1e-3


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [value] if isinstance(value, float) else []


def test_one_patient_more_or_less_cannot_be_read_from_a_bin(small):
    """A stored mean of five does not give away its largest member: two cohorts with other members, the same numbers."""
    x = np.repeat(np.arange(1.0, 11.0), 5)
    other = x + np.tile([-0.25, -0.125, 0.0, 0.125, 0.25], 10)
    assert reference.binned(x) == reference.binned(other)


def test_the_same_population_raises_no_alert_and_a_shifted_one_does(small):
    _p, model, folder = small
    known = json.loads((folder / "diagnosis" / "reference.json").read_text())
    whole, _ = others(150, 7)
    rows, domain, far = drift.examine(known, model, whole)
    assert not [r for r in rows if r["verdict"] == "large" and r["kind"] == "feature"]
    assert sum(map(bool, far)) <= 10
    old = whole.block("omics/expression")
    away = old.values.copy()
    away[:, 0] = 10 * away[:, 0]
    away[:, 3] = np.nan
    table = replace(old, values=away)
    moved = replace(whole, blocks=tuple(table if b.name == old.name else b for b in whole.blocks))
    rows, domain, far = drift.examine(known, model, moved)
    verdicts = {r["feature"]: r["verdict"] for r in rows if r["block"] == old.name and r["kind"] == "feature"}
    assert verdicts["n0"] == "large" and verdicts["n3"] == "lacking" and verdicts["n5"] == "none"
    nothing = {"status": "not assessed"}
    raised = alarms.raised(rows, domain, nothing)
    assert alarms.verdict(raised) == "alert" and raised[0]["severity"] == "alert"
    assert {"omics/expression: n0", "omics/expression: n3"} <= {a["feature"] for a in raised}
    assert all(a["action"] and (a["detail"] or a["what"] == "feature lacking") for a in raised)


def test_too_few_patients_are_not_judged_but_far_ones_are_named(small):
    _p, model, folder = small
    known = json.loads((folder / "diagnosis" / "reference.json").read_text())
    whole, _ = others(8, 5)
    old = whole.block("omics/expression")
    values = np.where(np.arange(8)[:, None] == 0, 30.0, old.values).astype(np.float32)
    present = old.present | (np.arange(8) == 0)
    table = replace(old, values=values, present=present, reasons=tuple("" if x else "no" for x in present))
    few = replace(whole, blocks=tuple(table if b.name == old.name else b for b in whole.blocks))
    rows, _, far = drift.examine(known, model, few)
    assert {r["verdict"] for r in rows} == {"not assessed"}
    assert far[0] and sum(map(bool, far)) < 5


def test_apply_fits_nothing_and_says_what_drifted(small, tmp_path, monkeypatch):
    from consilium.learn.cohort import folds
    from consilium.learn.fusion import fusion, nested, networked
    from consilium.learn.models import base, boosting, linear, preproc, work
    from consilium.learn.uncertainty import conformal

    def fitted(*_, **__):
        raise AssertionError("something was fitted")

    for module, names in (
        (linear, ("fit", "fit_weights", "minimise")), (boosting, ("fit",)), (preproc, ("fit",)), (conformal, ("fit",)),
        (fusion, ("fit_stack", "fit_calibration", "minimise")), (nested, ("fit_all",)), (networked, ("fit",)),
        (base, ("fit_block",)), (folds, ("assign",)), (work.Ledger, ("record",)),
    ):  # fmt: skip
        for name in names:
            monkeypatch.setattr(module, name, fitted)
    _, _, folder = small
    before = pack.read_folder(folder)
    whole, _ = others(40, 3)
    few = cohort(*[replace(b, values=b.values + 9) for b in whole.blocks if b.layout == "table"])
    data.save(tmp_path / "inputs.safetensors", few)
    stages.apply(tmp_path / "inputs.safetensors", folder, "diagnosis", *[tmp_path / n for n in OUT])
    assert pack.read_folder(folder) == before
    facts = json.loads((tmp_path / "drift.json").read_text())
    assert facts["verdict"] == "alert" and facts["counts"]["large"] >= 10
    gate = json.loads((tmp_path / "gates.json").read_text())["gates"][-1]
    assert gate["verdict"] == "warn" and "alarms" in gate["detail"]
    header, *lines = [x.split("\t") for x in (tmp_path / "predictions.tsv").read_text().splitlines()]
    reasons = [x[header.index("reason")] for x in lines]
    assert all("differs from the training cohort" in r for r in reasons)
    assert any("unlike the training patients" in r for r in reasons)
