"""Recalibration: what is fitted, from how many outcomes, judged on whom, and the new bundle beside the old one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from bundle_made import others, sheet
from consilium.core.errors import InputError
from consilium.core.provenance import file_digest
from consilium.core.store import read_facts
from consilium.learn import stages
from consilium.learn.bundle import apply, pack, recalibrate
from consilium.learn.cohort import data
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import Calibration
from consilium.learn.models.heads import Course, Prior
from learn_cohorts import classes, numbers, times


def other_hospital(n, seed, model, shift):
    """Patients of the same population whose outcomes follow the model but for an intercept of `shift`."""
    whole, _ = others(n, seed)
    eta = model.eta(model.parts(whole))
    p = 1 / (1 + np.exp(-(eta[:, 1] - eta[:, 0] + shift)))
    y = (np.random.default_rng(seed).random(n) < p).astype(int)
    return whole, y


def test_intercept_and_slope_are_those_of_logistic_regression(small):
    from sklearn.linear_model import LogisticRegression

    _, model, _ = small
    rng = np.random.default_rng(0)
    lp = rng.normal(size=4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-(0.8 + 0.6 * lp)))).astype(int)
    model = replace(model, at=Prior(np.zeros(2)))
    base = np.stack([-lp, lp], 1) / 2
    slope, intercept = recalibrate.fit(base, classes(y), model, True)
    known = LogisticRegression(C=np.inf, max_iter=1000).fit(lp[:, None], y)
    assert slope == pytest.approx(known.coef_[0, 0], abs=0.02)  # the priors are weak at this size
    assert intercept[1] - intercept[0] == pytest.approx(known.intercept_[0], abs=0.02)
    one, only = recalibrate.fit(base, classes(y), model, False)
    assert one == 1.0
    assert (1 / (1 + np.exp(-(lp + only[1] - only[0])))).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_no_event_at_all_still_gives_a_finite_intercept(small):
    _, model, _ = small
    base = np.zeros((60, 2))
    _, intercept = recalibrate.fit(base, classes(np.zeros(60)), replace(model, at=Prior(np.zeros(2))), False)
    assert -12 < intercept[1] - intercept[0] < -3


def survival_model(model, hazard, horizons):
    return replace(model, kind="survival", classes=(), at=Prior(np.zeros(1)), course=Course(horizons, hazard),
                   calibrations={model.choice: Calibration()}, doubt=None)  # fmt: skip


def test_survival_takes_the_ratio_of_observed_to_expected_events(small):
    rng = np.random.default_rng(1)
    n, factor = 4000, 2.5
    lp = rng.normal(0, 0.7, n)
    event_time = rng.exponential(1 / (0.01 * factor * np.exp(lp)))
    time = np.minimum(event_time, rng.uniform(20, 200, n))
    target = times(time, (event_time <= time).astype(int))
    model = survival_model(small[1], np.array([0.25, 0.5, 2.0]), np.array([25.0, 50.0, 200.0]))
    slope, intercept = recalibrate.fit(lp[:, None], target, model, False)
    assert slope == 1.0 and np.exp(intercept[0]) == pytest.approx(factor, rel=0.06)
    slope, _ = recalibrate.fit(lp[:, None], target, model, True)
    assert slope == pytest.approx(1.0, abs=0.08)
    found = recalibrate.judged(model, lp[:, None] + intercept, target)
    assert found["mean_predicted"] == pytest.approx(found["observed"], abs=0.01)


def test_regression_takes_the_mean_residual(small):
    rng = np.random.default_rng(2)
    value = rng.normal(50, 10, 400)
    model = replace(small[1], kind="regression", classes=(), at=Prior(np.zeros(1), 50.0, 10.0))
    base = (value[:, None] - 50) / 10
    slope, intercept = recalibrate.fit(base, numbers(value + 7 + rng.normal(size=400)), model, False)
    assert slope == 1.0 and intercept[0] * 10 == pytest.approx(7, abs=0.2)


def test_what_is_judged_was_not_fitted_on(small):
    """Moving one row's outcome moves the others' recalibrated answers, never its own fold's."""
    _, model, _ = small
    whole, y = other_hospital(80, 4, model, 1.0)
    base = model.eta(model.parts(whole)) - model.at.offset
    fold = np.arange(80) % 4
    first = recalibrate.cross_fitted(base, classes(y), model, fold, False)
    changed = y.copy()
    changed[0] = 1 - y[0]
    second = recalibrate.cross_fitted(base, classes(changed), model, fold, False)
    same = np.isclose(first, second).all(axis=1)
    assert same[fold == 0].all() and not same[fold != 0].any()


def test_few_outcomes_are_refused_and_many_allow_a_slope(small):
    _, model, _ = small
    whole, y = other_hospital(210, 6, model, 1.5)
    assert "fewer than 50" in recalibrate.refused(classes(y[:49]), 49)
    assert "same class" in recalibrate.refused(classes(np.zeros(60)), 60)
    assert "events" in recalibrate.refused(times(np.ones(60), np.zeros(60)), 60)
    assert recalibrate.refused(classes(y), 210) == ""
    fitted = {}
    for n in (60, 210):
        _, fitted[n], _ = recalibrate.recalibrated(model, whole.take(np.arange(n)), classes(y[:n]),
                                                   [str(i) for i in range(n)], 1)  # fmt: skip
    assert fitted[60]["fitted"] == ["intercept"] and fitted[60]["slope"] == 1.0
    assert fitted[210]["fitted"] == ["intercept", "slope"] and fitted[210]["slope"] != 1.0


def test_a_new_bundle_is_written_and_the_old_one_stays(small, tmp_path):
    _, model, folder = small
    whole, y = other_hospital(240, 8, model, 2.0)
    data.save(tmp_path / "inputs.safetensors", whole)
    said = ["" if i % 3 == 0 else "ab"[v] for i, v in enumerate(y)]
    people = sheet(tmp_path / "patients.tsv", whole.patients, said)
    before = pack.read_folder(folder)
    out = tmp_path / "new" / "manifest.json"
    stages.recalibrate(tmp_path / "inputs.safetensors", people, folder, "second", 1, tmp_path / "facts.json", out)
    assert pack.read_folder(folder) == before
    manifest = apply.verified(out.parent)
    assert manifest["parent"] == file_digest(folder / "manifest.json") and manifest["recalibrated_on"] == "second"
    new = pack.read_folder(out.parent)
    changed = {n for n in set(before) | set(new) if before.get(n) != new.get(n)}
    assert changed <= {"manifest.json", "model_card.md", "tripod_ai.md"} | {
        f"diagnosis/{n}.json" for n in ("calibration", "conformal", "selftest", "reference", "recalibration")
    }
    facts = read_facts(tmp_path / "facts.json")["tasks"]["diagnosis"]
    assert facts["n"] <= 160 and facts["fitted"] == ["intercept"]
    better = apply.load(out.parent, "diagnosis")
    unseen = np.flatnonzero([not s for s in said] & model.parts(whole).mask.any(axis=1))
    p = [float(m.scores(m.eta(m.parts(whole)))[unseen, 1].mean()) for m in (model, better)]
    assert abs(p[1] - y[unseen].mean()) < 0.1 < abs(p[0] - y[unseen].mean())
    assert 0.8 <= facts["after"]["coverage"] <= 1.0
    assert not any(patient.encode() in content for patient in whole.patients for content in new.values())


def test_the_same_folder_foreign_classes_and_no_outcomes_are_refused(small, tmp_path):
    _, model, folder = small
    whole, y = other_hospital(60, 9, model, 0.0)
    data.save(tmp_path / "inputs.safetensors", whole)
    start = (tmp_path / "inputs.safetensors", tmp_path / "patients.tsv", folder, "second", 1, tmp_path / "f.json")
    sheet(start[1], whole.patients, ["ab"[v] for v in y])
    with pytest.raises(InputError, match="name another"):
        stages.recalibrate(*start, folder / "manifest.json")
    sheet(start[1], whole.patients, ["c"] * 60)
    with pytest.raises(InputError, match="outcome 'c'"):
        stages.recalibrate(*start, tmp_path / "new" / "manifest.json")
    sheet(start[1], whole.patients, ["ab"[v] for v in y[:40]] + [""] * 20)
    with pytest.raises(InputError, match="fewer than 50"):
        stages.recalibrate(*start, tmp_path / "new" / "manifest.json")
    assert not (tmp_path / "new").exists()
    target, known = recalibrate.labelled({"kind": "classification", "outcome": "no_such", "time": "", "event": ""},
                                         whole, start[1], model)  # fmt: skip
    assert isinstance(target, Target) and not known.any()
    assert json.loads((folder / "manifest.json").read_text())["parent"] is None
