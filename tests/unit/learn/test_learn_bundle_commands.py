"""verify, diff and export: what a person does to a bundle by hand; and the sheets inside it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from bundle_made import bundle, made, sheet
from consilium.core.errors import InputError
from consilium.learn import commands
from consilium.learn.bundle import compare, export, graph
from consilium.learn.cohort import data
from consilium.learn.fusion.fusion import Calibration
from consilium.learn.models import boosting
from consilium.learn.models.heads import Prior
from learn_cohorts import classes, numbers, times


def with_trees(p, model, target):
    """Every block half linear, half trees fitted to the same patients."""
    blocks = []
    for b in model.blocks:
        block = p.cohort.block(b.name)
        rows = np.flatnonzero(block.present)
        trees = boosting.fit(b.design.matrix(block.take(rows)), target.take(rows), 1)
        assert trees.text
        blocks.append(replace(b, boosted=trees, mix={"elastic_net": 0.5, "lightgbm": 0.5}))
    return replace(model, blocks=tuple(blocks))


def one_column(model, kind):
    """The same model for a task with one number."""
    blocks = [replace(b, linear=replace(b.linear, weights=b.linear.weights[:, 1:] * 2)) for b in model.blocks]
    stack = replace(model.fusion.stack, presence=model.fusion.stack.presence[:, 1:])
    hazard = {"horizons": (10.0, 20.0), "hazard": np.array([0.1, 0.3])} if kind == "survival" else {}
    return replace(
        model, kind=kind, classes=(), blocks=tuple(blocks), fusion=replace(model.fusion, stack=stack), doubt=None,
        at=Prior(np.zeros(1), 40.0, 3.0), calibrations=dict.fromkeys(model.calibrations, Calibration(0.8)), **hazard,
    )  # fmt: skip


def run(model, cohort, choice):
    times_of = [np.array(cohort.block(b.name).time) for b in model.blocks]
    given = export.feeds(model, cohort)
    with torch.no_grad():
        out = graph.Pipeline(model, times_of, choice).eval()(*map(torch.from_numpy, given.values())).numpy()
    return out, export.expected(model, cohort, choice)


@pytest.mark.parametrize("kind", ["classification", "survival", "regression"])
def test_the_graph_gives_the_numbers_of_the_model(small, kind):
    p, model, _ = small
    rng = np.random.default_rng(0)
    if kind == "classification":
        model = with_trees(p, model, classes(rng.integers(0, 2, 90)))
    elif kind == "survival":
        model = with_trees(p, one_column(model, kind), times(rng.random(90) + 0.1, rng.integers(0, 2, 90)))
    else:
        model = with_trees(p, one_column(model, kind), numbers(rng.normal(40, 3, 90)))
    nobody = replace(p.cohort.take(np.array([0])), blocks=tuple(
        replace(b.take(np.array([0])), present=np.array([False])) for b in p.cohort.blocks))  # fmt: skip
    for choice in ("best_single", "late_mean", "stack"):
        out, wanted = run(model, p.cohort, choice)
        assert out.shape == wanted.shape and len(out) == 90
        np.testing.assert_allclose(out, wanted, atol=1e-5, rtol=1e-6)
        assert np.isnan(run(model, nobody, choice)[0]).all()


def test_onnx_files_agree_and_the_loss_is_printed(small, tmp_path, capsys):
    p, _, folder = small
    data.save(tmp_path / "inputs.safetensors", replace(p.cohort, blocks=p.cohort.blocks[:2]))  # one block is lacking
    people = sheet(tmp_path / "patients.tsv", p.cohort.patients, ["ab"[v] for v in p.target.y])
    commands.export(folder, "diagnosis", tmp_path / "out", 0.5, str(tmp_path / "inputs.safetensors"), str(people))
    facts = json.loads((tmp_path / "out" / "export.json").read_text())
    whole, quantised, pruned = facts["variants"]
    assert whole["difference"] < 1e-5 and 1e-6 < quantised["difference"] < 0.1 and pruned["difference"] < 1e-5
    assert whole["value"] > 0.8 and abs(quantised["value"] - whole["value"]) < 0.05
    assert {f.name for f in (tmp_path / "out").iterdir()} == {
        "model.onnx", "model.quantised.onnx", "model.pruned.onnx", "export.json"
    }  # fmt: skip
    said = capsys.readouterr().out
    assert f"auc {whole['value']:.4f}" in said and "change" in said and "pruned" in said
    with pytest.raises(InputError, match="a share"):
        commands.export(folder, "diagnosis", tmp_path / "out", 1.5)
    with pytest.raises(InputError, match="no task"):
        commands.export(folder, "nothing", tmp_path / "out")


def test_pruning_takes_the_smallest_coefficients(small):
    _, model, _ = small
    less = export.pruned(model, 0.5)
    for old, new in zip(model.blocks, less.blocks, strict=True):
        size = np.abs(old.linear.weights).sum(axis=1)
        gone = np.abs(new.linear.weights).sum(axis=1) == 0
        assert gone.sum() >= len(size) // 2 and size[gone].max() <= size[~gone].min()
        np.testing.assert_array_equal(new.linear.weights[~gone], old.linear.weights[~gone])


def test_verify_names_what_changed(small, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(small[2], folder)
    commands.verify(folder)
    assert "self-test agrees" in capsys.readouterr().out
    (folder / "diagnosis" / "calibration.json").write_text("{}")
    with pytest.raises(InputError, match="changed since training"):
        commands.verify(folder)


def test_diff_names_what_differs(small, tmp_path, capsys):
    _, _, folder = small
    commands.diff(folder, folder, tmp_path / "same.json")
    assert "same files" in capsys.readouterr().out
    p, model, held = made()
    first = model.blocks[0]
    weights = first.linear.weights.copy()
    weights[3] += [0.5, -0.5]
    model = replace(model, blocks=(replace(first, linear=replace(first.linear, weights=weights)), *model.blocks[1:]))
    block = p.cohort.block("omics/expression")
    renamed = replace(block, units=("mg", *block.units[1:]))
    p = replace(
        p, cohort=replace(p.cohort, blocks=tuple(renamed if b.name == block.name else b for b in p.cohort.blocks))
    )
    other = bundle(tmp_path / "other", p, model, held)
    commands.diff(folder, other, tmp_path / "diff.json")
    said = capsys.readouterr().out
    task = json.loads((tmp_path / "diff.json").read_text())["tasks"]["diagnosis"]
    moved = task["coefficients"][first.name]
    assert moved["changed"] == 2 and {round(m["change"], 6) for m in moved["largest"]} == {0.5, -0.5}
    assert {m["feature"] for m in moved["largest"]} == {first.design.names[3]}
    assert task["blocks"]["features"]["omics/expression"]["units"] == {"n0": ["u", "mg"]}
    assert "2 coefficients changed" in said and "n0 in u -> mg" in said
    assert compare.inputs({"a": {"features": []}}, {"b": {"features": []}})["added"] == ["b"]


def test_sheets_are_filled_from_the_run_and_say_what_is_left(small):
    _, _, folder = small
    text = (folder / "tripod_ai.md").read_text()
    items = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]
    assert {"1", "3c", "8a", "12e", "14", "18f", "23a", "27c"} <= set(items)
    assert "`dx`, classes a, b" in text and "pass: slope 1.0" in text and "0.800 (0.700 to 0.900)" in text
    assert text.count("to be filled by the user") > 15 and "{" not in text
    use = (folder / "intended_use.md").read_text()
    assert "Licence of use" in use and "Optional blocks (masked where absent): ehr/series" in use
    manifest = json.loads((folder / "manifest.json").read_text())
    features = manifest["modalities"]["omics/expression"]["features"]
    low, high = features[1]["range"]
    assert -4 < low < -0.5 < 0.5 < high < 4 and features[0]["values"] == []
    assert {"tripod_ai.md", "intended_use.md", "diagnosis/reference.json", "diagnosis/performance.json"} <= set(
        manifest["files"]
    )
