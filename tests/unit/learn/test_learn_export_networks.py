"""Networks as ONNX: the numbers of the model for every encoder, quantised, pruned, and what cannot be written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.store import write_facts
from consilium.learn.bundle import export, onnx_files
from consilium.learn.fusion.fusion import Calibration, Fusion, Stack
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models import additive, boosting, hazards, preproc
from consilium.learn.models.heads import Prior, prior
from consilium.learn.models.linear import Linear
from consilium.learn.networks import encoders, network
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import classes, mixed, times

N = 40
COHORT, Y = mixed(N, 3, 1.5)
LAYOUT = {"table": "omics/expression", "series": "ehr/series", "volume": "imaging/t1"}
TIMES = [np.array(b.time, dtype=float) for b in COHORT.blocks]


def trained(target, choice, at=None, cohort=COHORT, seeds=1, **plan):
    """A model whose networks were trained for one epoch; linear parts of drawn coefficients."""
    rng = np.random.default_rng(0)
    models, width = [], target.width
    for b in cohort.blocks:
        design = preproc.fit(b, True)
        weights = rng.normal(size=(len(design.names), width))
        models.append(
            BlockModel(b.name, design, Linear(weights - weights.mean(1, keepdims=True) * (width > 1), ""), None)
        )
    inputs = {m.name: m.design.network_input(COHORT.block(m.name)) for m in models}
    layouts = {m.name: m.design.network_layout for m in models}
    mask = np.stack([b.present for b in cohort.blocks], axis=1)
    nets = tuple(
        network.fit(inputs, layouts, mask, target, 1, s, plan=NetworkPlan(**plan), hazards=at) for s in range(seeds)
    )
    names = tuple(m.name for m in models)
    fusion = Fusion(names, 0, Stack(np.ones(len(names)), np.zeros((len(names), width))), (0.8, 1.3))
    horizons, calibration = ((0.5, 1.0), np.array([0.3, 0.7])), Calibration(0.9, np.zeros(1))
    return Trained(
        target.kind, target.classes, prior(target) if width > 1 else Prior(np.zeros(1)), tuple(models), nets, fusion,
        dict.fromkeys(("stack", "late_mean", "network", "network_late_mean"), calibration), choice, None,
        *(horizons if width == 1 else ()), level=1.2,
    )  # fmt: skip


PLAIN = ("mlp", "gru", "cnn")  # the others take longer


@pytest.mark.parametrize(
    ("block", "kind"),
    [pytest.param(b, k, marks=[pytest.mark.slow] * (k not in PLAIN)) for b in LAYOUT for k in encoders.KINDS[b]],
    ids=lambda part: part,
)
def test_every_encoder_says_the_same_in_onnx(block, kind, tmp_path):
    alone = replace(COHORT, blocks=(COHORT.block(LAYOUT[block]),))
    model = trained(classes(Y), "network", cohort=alone, **{block: kind})
    path, steps = tmp_path / "model.onnx", [np.array(alone.blocks[0].time, dtype=float)]
    onnx_files.write_graph(model, alone, steps, "network", path)
    assert export._largest(path, model, alone, "network") < 1e-5
    some = alone.take(np.arange(7))  # another number of patients than it was written with
    given, wanted = onnx_files.feeds(model, some), onnx_files.expected(model, some, "network")
    np.testing.assert_allclose(onnx_files.run_graph(path, given), wanted, atol=1e-5)
    assert np.nanmax(wanted[:, 0]) - np.nanmin(wanted[:, 0]) > 0.005
    onnx_files.quantise(path, tmp_path / "small.onnx")
    assert 0 < export._largest(tmp_path / "small.onnx", model, alone, "network") < 0.1


@pytest.mark.slow
def test_curves_of_a_hazard_network_and_a_forest_are_exported(tmp_path):
    rng = np.random.default_rng(1)
    target = times(rng.exponential(np.exp(-Y)) + 0.01, rng.random(N) < 0.8)
    at = hazards.fit(target, 4)
    model = trained(target, "network_late_mean", at, seeds=2)
    path = tmp_path / "model.onnx"
    assert onnx_files.exported_choice(model, COHORT, TIMES) == ("network_late_mean", "")
    onnx_files.write_graph(model, COHORT, TIMES, "network_late_mean", path)
    assert export._largest(path, model, COHORT, "network_late_mean") < 1e-5
    wanted = onnx_files.expected(model, COHORT, "network_late_mean")
    assert wanted.shape == (N, 3) and (wanted[:, 2] <= wanted[:, 1]).all()
    first = model.blocks[0]
    x = first.design.matrix(COHORT.blocks[0])
    forest, bent = boosting.forest(x, target, 1), additive.fit(x, target)[0]
    assert np.ptp(forest.evidence(x)) > 0.01 and np.ptp(bent.evidence(x)) > 0.01 and len(bent.knots)
    mix = {"elastic_net": 0.4, "forest": 0.6, "additive": 0.7}
    grown = replace(first, forest=forest, additive=bent, mix=mix)
    model = replace(model, blocks=(grown, *model.blocks[1:]))
    onnx_files.write_graph(model, COHORT, TIMES, "late_mean", path)
    assert export._largest(path, model, COHORT, "late_mean") < 1e-5
    none = np.arange(0)  # two values a column: nothing bends
    n = len(bent.columns)
    straight = replace(bent, bent=none, knots=none / 1, mean=bent.mean[:n], weights=bent.weights[:n])
    model = replace(model, blocks=(replace(grown, additive=straight), *model.blocks[1:]))
    onnx_files.write_graph(model, COHORT, TIMES, "late_mean", path)
    assert export._largest(path, model, COHORT, "late_mean") < 1e-5


def test_pruning_takes_the_smallest_weights_of_each_tensor():
    model = trained(classes(Y), "network")
    less = onnx_files.pruned(model, 0.5)
    for old, new in zip(model.nets, less.nets, strict=True):
        for name, w in old.weights.items():
            gone = (new.weights[name] == 0) & (w != 0)
            if w.ndim < 2 or w.size < onnx_files.MIN_PRUNED:
                assert not gone.any()
            elif gone.any():
                assert abs((new.weights[name] == 0).mean() - 0.5) < 0.02 or (w == 0).mean() > 0.5
                assert np.abs(w[gone]).max() <= np.abs(new.weights[name][new.weights[name] != 0]).min()
    assert not np.allclose(onnx_files.expected(model, COHORT, "network"), onnx_files.expected(less, COHORT, "network"))


def test_a_network_that_onnx_cannot_hold_is_left_out_by_name(monkeypatch):
    import torch

    model = trained(classes(Y), "network")
    plain = encoders.series.GRU.forward
    monkeypatch.setattr(encoders.series.GRU, "forward", lambda self, x: torch.special.bessel_j0(plain(self, x)))
    choice, said = onnx_files.exported_choice(model, COHORT, TIMES)
    assert choice == "stack" and "gru of ehr/series" in said and "bessel" in said


def test_the_loss_out_of_fold_is_that_of_the_files(tmp_path):
    """Two folds, as a run with `export_loss` leaves them; AUC by scikit-learn from the files' own numbers."""
    from sklearn.metrics import roc_auc_score

    model = replace(trained(classes(Y), "late_mean"), nets=())
    held, said = [np.arange(0, 20), np.arange(20, 40)], []
    for k, rows in enumerate(held):
        cohort = COHORT.take(rows)
        found = export.held_out(model, cohort, 0.5)
        said.append(found["scores"])
        wanted = onnx_files.expected(model, cohort, "late_mean")
        np.testing.assert_allclose(found["scores"]["whole"], wanted, atol=1e-5)
        outcome = {"y": Y[rows].tolist(), "time": [None] * 20, "event": [0.0] * 20}
        write_facts(tmp_path / f"{k}.json", {"exported": found, "repeat": 0, **outcome})
    found = export.loss_out_of_fold(tmp_path, "classification", ["a", "b"])
    for variant in ("whole", "quantised", "pruned"):
        scores = np.concatenate([s[variant] for s in said])
        known = np.isfinite(scores).all(axis=1)
        assert found["values"][variant] == pytest.approx(roc_auc_score(Y[known], scores[known, 1]))
    assert found["metric"] == "auc" and found["values"]["pruned"] != found["values"]["whole"]
    with pytest.raises(InputError, match="export_loss"):
        export.loss_out_of_fold(tmp_path / "none", "classification", ["a", "b"])
