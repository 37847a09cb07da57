import json
from dataclasses import replace

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.store import read_table
from consilium.learn import prepare, stages, train
from consilium.learn.bundle import apply, card, pack, ship
from consilium.learn.cohort import data, folds
from consilium.learn.guards.record import gate
from consilium.learn.settings import Plan
from learn_cohorts import classes, cohort, mixed, store, table


@pytest.fixture(scope="module")
def trained():
    whole, y = mixed(60, 0, 1.6)
    target = classes(y)
    groups = [f"g{i}" for i in range(60)]
    fold = folds.assign(target, groups, 3, 1)
    fold[:5] = -1  # no outcome
    task = {"name": "diagnosis", "blocks": [], "horizons": [], "seed": 1}
    p = train.problem(whole, task, target, groups, fold)
    model, result = train.final(p, Plan(3, 2, (4,), 20))
    return p, model, result


def test_patients_without_outcome_are_predicted(trained):
    p, _, result = trained
    assert result["patients"] == list(p.cohort.patients[:5]) and len(result["shipped"]) == 5


def test_what_is_unpacked_predicts_the_same_numbers(trained):
    p, model, _ = trained
    again = pack.unpack(pack.pack(model, p.cohort, {}))
    assert again.predictions(p.cohort) == model.predictions(p.cohort)
    for choice in model.calibrations:
        if "|" not in choice and choice in ("late_mean", "stack", "network", "network_late_mean", "best_single"):
            parts = p.cohort.take(np.arange(10))
            np.testing.assert_array_equal(again.eta(again.parts(parts), choice), model.eta(model.parts(parts), choice))


def test_any_subset_of_blocks_is_accepted(trained):
    p, model, _ = trained
    few = replace(p.cohort, blocks=p.cohort.blocks[:1])
    records = model.predictions(few)
    for record, present in zip(records, few.blocks[0].present, strict=True):
        assert (record["modalities"] == "ehr/series") == present
        assert present or record["abstained"]
    nothing = model.predictions(replace(p.cohort, blocks=()))
    assert all(r["abstained"] and r["reason"] and "p_a" not in r for r in nothing)


def as_held_out(p, model):
    """What an outer fold would say of the labelled patients."""
    own = p.cohort.take(p.labelled)
    scores = model.scores(model.eta(model.parts(own)))
    y = p.target.y[p.labelled]
    return {"patients": own.patients, "y": y, "models": {"shipped": {"scores": scores}}, "held_out": model.view(own)}


def written(folder, p, model):
    folder.mkdir(parents=True, exist_ok=True)
    prepare.write_model(folder / "model.zip", model, p.cohort, {"seed": 1})
    task = {"name": "diagnosis", "kind": "classification", "classes": ["a", "b"]}
    task |= {"outcome": "dx", "time": "", "event": ""}
    (folder / "task.json").write_text(json.dumps(task))
    twin = {"patient_a": "P001", "patient_b": "P002"}
    named = gate("copies of patients", "warn", "P001 and P002 are kept on one side", pairs=[twin])
    found = {"status": "assessed", "reason": "", "n": 55, "choices": [], "gates": [named], "duplicates": [twin]}
    (folder / "gates.json").write_text(json.dumps(found))
    from consilium.learn.judge.results import write_rows

    write_rows(folder / "leaderboard.tsv", "leaderboard", [], [])
    (folder / "reference.json").write_text(
        json.dumps(ship.statistics(model, p.cohort.take(p.labelled), [as_held_out(p, model)]))
    )
    out = folder / "bundle" / "manifest.json"
    names = ("model.zip", "task.json", "gates.json", "leaderboard.tsv", "reference.json")
    ship.write(*[[folder / f] for f in names], "demo", 1, out)
    return out.parent


@pytest.fixture
def folder(tmp_path, trained):
    return written(tmp_path / "one", *trained[:2])


def test_the_bundle_has_no_patient_no_pickle_and_the_same_bytes_each_time(tmp_path, trained, folder):
    p, model, _ = trained
    other = written(tmp_path / "two", p, model)
    files = pack.read_folder(folder)
    assert files == pack.read_folder(other)
    assert {f.split("/")[-1].split(".")[-1] for f in files} == {"json", "md", "txt", "safetensors"}
    for content in files.values():
        assert not any(patient.encode() in content for patient in p.cohort.patients)
    rows = [b.values[b.present].astype(np.float32) for b in p.cohort.blocks if b.layout == "table"]
    assert not any(r.tobytes() in content for content in files.values() for r in rows[0])


def test_changed_lacking_and_foreign_files_are_named(folder):
    manifest = apply.verified(folder)
    assert manifest["tasks"][0]["name"] == "diagnosis" and "omics/expression" in manifest["modalities"]
    (folder / "diagnosis" / "model.json").write_text("{}")
    (folder / "diagnosis" / "calibration.json").unlink()
    (folder / "extra.bin").write_text("x")
    with pytest.raises(InputError) as caught:
        apply.verified(folder)
    said = str(caught.value)
    assert "changed since training" in said and "lacking" in said and "extra.bin" in said
    with pytest.raises(InputError, match="no manifest"):
        apply.verified(folder / "nowhere")


def test_a_bundle_of_another_format_is_refused_before_it_is_read(tmp_path):
    for said in ({"files": {}}, {"files": {}, "bundle_format": apply.FORMAT + 1}):
        (tmp_path / "manifest.json").write_text(json.dumps(said))
        with pytest.raises(InputError, match="train it again"):
            apply.verified(tmp_path)


def test_the_selftest_agrees(folder):
    model = apply.load(folder, "diagnosis")
    cases = json.loads((folder / "diagnosis" / "selftest.json").read_text())["expected"]
    assert len(cases) == len(card.CASES) and cases[-1]["abstained"]
    assert model.choice in model.calibrations
    with pytest.raises(InputError, match="self-test"):
        path = folder / "diagnosis" / "selftest.json"
        path.write_text(path.read_text().replace('"p_a": 0.', '"p_a": 0.9'))
        apply.load(folder, "diagnosis")


def test_applied_predictions_are_those_of_the_training_run(tmp_path, trained, folder):
    p, model, _ = trained
    inputs, out = (
        tmp_path / "inputs.safetensors",
        [tmp_path / f for f in ("p.tsv", "l.tsv", "c.tsv", "g.json", "d.tsv", "d.json")],
    )
    data.save(inputs, p.cohort)
    stages.apply(inputs, folder, "diagnosis", *out)
    lines = out[0].read_text().splitlines()
    assert len(lines) == 61 and all(line.split("\t")[1] == "apply" for line in lines[1:])
    found = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=True))
    assert float(found["p_a"]) == pytest.approx(model.predictions(p.cohort)[0]["p_a"], abs=1e-9)
    facts = json.loads(out[3].read_text())
    assert [g["verdict"] for g in facts["gates"]] == ["pass", "pass", "pass"]


def test_lacking_and_unknown_features_are_named_and_other_units_refused(trained):
    p, *_ = trained
    dictionary = {b.name: pack.describe(b) for b in p.cohort.blocks}
    old = p.cohort.block("omics/expression")
    names = (*old.features[::-1][:9], "new")
    kept = replace(old, values=old.values[:, ::-1][:, :10], features=names, units=old.units[:10])
    other = cohort(kept, table("text/findings", np.zeros((60, 2))))
    found, notes = apply.aligned(other, dictionary, "inputs")
    assert notes["lacking_blocks"] == ["ehr/series", "imaging/t1"] and notes["unknown_blocks"] == ["text/findings"]
    assert notes["lacking_features"] == {"omics/expression": list(old.features[:3])}
    assert notes["unknown_features"] == {"omics/expression": ["new"]}
    np.testing.assert_array_equal(found.blocks[0].values[:, -1], old.values[:, -1])
    assert np.isnan(found.blocks[0].values[:, 0]).all()
    with pytest.raises(InputError, match="convert it"):
        apply.aligned(cohort(replace(old, units=("mg",) * 12)), dictionary, "inputs")
    volume = p.cohort.block("imaging/t1")
    with pytest.raises(InputError, match="grid_mm"):
        apply.aligned(cohort(replace(volume, values=volume.values[:, :5])), dictionary, "inputs")


GROUPS = json.dumps({"groups": ["sex", "ancestry", "site", "age_band"], "age_bands": [18, 40, 65]})


def _settings(network_seeds: int) -> str:
    return json.dumps({"inner_folds": 3, "network_seeds": network_seeds, "epochs": [2], "cnn_min_patients": 20})


def run_stages(folder, whole, outcomes, kind, columns, k=2, seeds=0, permuted=1, guards=None):
    """Every stage on files, as the rules call them."""
    for room in sorted({b.name.split("/")[0] for b in whole.blocks}):
        own = [b for b in whole.blocks if b.name.startswith(room)]
        store(folder / f"{room}.zarr.zip", room, own, whole.patients)
    head = "patient\tsex\tbirth_year\tsite\tfamily\tindex_date\t" + "\t".join(outcomes)
    rows = [f"{p}\tfemale\t{1940 + 7 * i % 23}\ts{i % 2}\t\t2020-01-01\t" for i, p in enumerate(whole.patients)]
    cells = ["\t".join(map(str, row)) for row in zip(*outcomes.values(), strict=True)]
    (folder / "patients.tsv").write_text("\n".join([head, *(a + b for a, b in zip(rows, cells, strict=True))]) + "\n")
    inputs, out = folder / "inputs.safetensors", folder / "task"
    stages.gather(sorted(folder.glob("*.zarr.zip")), folder / "patients.tsv", "", GROUPS, "apply", inputs)
    (folder / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n")
    asked = json.dumps({"name": "task", "type": kind} | columns)
    judging = json.dumps({"outer_folds": k, "permutation_control": bool(permuted), "planted_control": bool(permuted),
                          "guards": guards or {}})  # fmt: skip
    sheets = (folder / "patients.tsv", folder / "samples.tsv")
    stages.folds(inputs, *sheets, "", asked, judging, 1, out / "folds.tsv", out / "task.json")
    start = (inputs, out / "folds.tsv", out / "task.json")
    for labels in ("true", "permuted")[: 1 + permuted]:
        for fold in range(k):
            stages.train(*start, labels, fold, _settings(seeds), out / "train" / labels / f"{fold}.json")
    if permuted:
        stages.train(*start, "planted", 0, _settings(seeds), out / "train" / "planted" / "0.json")
    stages.final(*start, _settings(seeds), out / "final.json", out / "model.zip")
    names = ["predictions.tsv", "leaderboard.tsv", "contributions.tsv", "gates.json", "curve.tsv", "permuted.json"]
    names += ["differences.tsv", "coverage.tsv", "decision_curve.tsv"]
    stages.evaluate(*start, out / "train", out / "final.json", judging, 0, *[out / n for n in names])
    stages.reference(*start, out / "train", out / "model.zip", k, out / "reference.json")
    manifest = folder / "bundle" / "manifest.json"
    names = ("model.zip", "task.json", "gates.json", "leaderboard.tsv", "reference.json")
    stages.bundle(*[[out / n] for n in names], "demo", 1, manifest)
    return out, json.loads((out / "gates.json").read_text()), json.loads(manifest.read_text())


def apply_to(folder, inputs):
    """(predictions, drift) of the bundle that `run_stages` wrote, for the cohort of `inputs`, by patient."""
    files = [folder / f"applied.{name}" for name in ("p.tsv", "l.tsv", "c.tsv", "g.json", "d.tsv", "d.json")]
    stages.apply(inputs, folder / "bundle", "task", *files)
    return read_table(files[0], "predictions").set_index("patient"), json.loads(files[-1].read_text())


@pytest.mark.slow
def test_all_stages_on_files(tmp_path):
    whole, y = mixed(48, 3, 1.6)
    said = [("ill", "well")[v] if i else "" for i, v in enumerate(y)]
    out, facts, manifest = run_stages(tmp_path, whole, {"dx": said}, "classification", {"outcome": "dx"}, seeds=1)
    predictions = read_table(out / "predictions.tsv", "predictions")
    assert list(predictions["patient"]) == list(whole.patients) and predictions["fold"][0] == "apply"
    assert {"p_ill", "p_well"} <= set(predictions.columns) and predictions["observed"][0] == ""
    board = read_table(out / "leaderboard.tsv", "leaderboard")
    assert set(board["role"]) == {"shipped", "candidate", "baseline", "control", "planted", "stress"}
    assert {"age_sex", "site", "prevalence", "elastic_net", "lightgbm", "stack", "network"} <= set(board["model"])
    verdicts = {g["gate"]: g["verdict"] for g in facts["gates"]}
    assert verdicts["fitted on training patients only"] == verdicts["groups on one side"] == "pass"
    assert len(read_table(out / "curve.tsv", "learning_curve")) > 0
    assert manifest["tasks"][0]["status"] == "assessed" and "model_card.md" in manifest["files"]
    told = (tmp_path / "bundle/model_card.md").read_text(encoding="utf-8")
    assert all(f"| without {block.name} | stress |" in told for block in whole.blocks)
    assert all(version[0].isdigit() for version in manifest["versions"].values())  # consilium itself is not installed
    apply.verified(tmp_path / "bundle")
    other = tmp_path / "again.json"
    stages.train(tmp_path / "inputs.safetensors", out / "folds.tsv", out / "task.json", "true", 1, _settings(1), other)
    assert other.read_bytes() == (out / "train" / "true" / "1.json").read_bytes()


def test_a_task_that_cannot_be_assessed_says_why_everywhere(tmp_path):
    whole, y = mixed(16, 3, 1.6)
    out, facts, manifest = run_stages(tmp_path, whole, {"dx": y}, "classification", {"outcome": "dx"})
    assert facts["status"] == "not assessed" and "16 patients" in facts["reason"]
    lines = (out / "predictions.tsv").read_text().splitlines()
    assert len(lines) == 17 and all("not assessed: 16 patients" in line for line in lines[1:])
    assert manifest["tasks"][0]["status"] == "not assessed"
    applied, _ = apply_to(tmp_path, tmp_path / "inputs.safetensors")
    assert applied["reason"].str.contains("no model of this task").all()


def test_a_guard_that_fails_after_the_fits_withholds_the_model_everywhere(tmp_path):
    whole, y = mixed(40, 3, 0.0)
    strict = {"strict": ["better than age and sex"]}  # nothing to learn: this check warns
    out, facts, manifest = run_stages(
        tmp_path, whole, {"dx": y}, "classification", {"outcome": "dx"}, permuted=0, guards=strict
    )
    assert facts["status"] == "not assessed"
    assert facts["reason"].startswith("stopped by guard 'better than age and sex'")
    assert facts["signal"]["answer"] == "not assessed" and len(facts["gates"]) > 10
    assert "stopped by guard" in (out / "predictions.tsv").read_text()
    assert len((out / "leaderboard.tsv").read_text().splitlines()) == 1
    assert manifest["tasks"][0]["status"] == "not assessed" and not (tmp_path / "bundle" / "task").exists()


@pytest.mark.slow
def test_survival_on_files_with_fewer_events_than_folds_asks_for(tmp_path):
    rng = np.random.default_rng(0)
    whole, _ = mixed(40, 3, 0.0)
    event = np.r_[np.ones(9), np.zeros(31)].astype(int)
    outcomes = {"t": rng.integers(5, 900, 40), "e": event}
    out, facts, _ = run_stages(tmp_path, whole, outcomes, "survival", {"time": "t", "event": "e"}, permuted=0)
    header = (out / "predictions.tsv").read_text().splitlines()[0].split("\t")
    assert sum(c.startswith("p_") for c in header) == 3
    assert {g["gate"]: g["verdict"] for g in facts["gates"]}["permuted outcomes give chance"] == "not assessed"
    own = read_table(out / "predictions.tsv", "predictions")
    warned = own["reason"].fillna("").str.contains("no signal was found: do not use it")
    assert warned.tolist() == [not abstained for abstained in own["abstained"]] and warned.any()
    applied, drift = apply_to(tmp_path, tmp_path / "inputs.safetensors")
    assert drift["status"] == "assessed" and drift["performance"]["reason"] == "no outcome classes"
    told = json.loads((tmp_path / "applied.g.json").read_text())
    assert told["signal_at_training"] == facts["signal"] and facts["signal"]["answer"] == "none"
    assert {r["metric"] for r in told["performance_at_training"]} >= {"c_index"}
    warned = applied["reason"].fillna("").str.contains("at training no signal was found: do not use it")
    assert warned.tolist() == [not abstained for abstained in applied["abstained"]] and warned.any()
    assert applied.filter(like="p_").notna().all(axis=None)


@pytest.mark.slow
def test_a_regression_is_applied_to_patients_who_lack_a_room(tmp_path):
    whole, y = mixed(40, 5, 2.2)
    values = np.round(50 + 10 * np.asarray(y) + np.random.default_rng(1).normal(0, 2, 40), 2)
    _, facts, _ = run_stages(tmp_path, whole, {"w": values}, "regression", {"outcome": "w"}, permuted=0)
    assert facts["status"] == "assessed"
    room = sorted(tmp_path.glob("*.zarr.zip"))[0]
    one = tmp_path / "one.safetensors"
    stages.gather([room], tmp_path / "patients.tsv", "", GROUPS, "apply", one)
    applied, drift = apply_to(tmp_path, one)
    assert len(applied) == 40 and drift["performance"]["status"] == "not assessed"
    assert applied["value"].notna().any()
    assert facts["signal"]["answer"] != "none" and not applied["reason"].fillna("").str.contains("no signal").any()
