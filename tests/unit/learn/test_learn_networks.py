"""Encoders and the training loop: kinds against plain definitions, checkpoints after a kill, early stopping."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from consilium.learn.networks import encoders, encoders_series, loop, network
from consilium.learn.networks.encoders_table import HIDDEN, VariationalEncoders
from consilium.learn.networks.job import Job
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import classes
from sklearn.metrics import roc_auc_score
from torch import nn

LAYOUTS = {"a": "table", "b": "series", "c": "volume", "d": "bag", "e": "words"}


def planted(n, names="abc", seed=0, signal=2.0):
    """(inputs, mask, outcome): the outcome shows in every block, a tenth of each block is absent."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    a = rng.normal(size=(n, 7))
    a[:, 2] += signal * y
    values = rng.normal(size=(n, 6, 3))
    values[:, 2:, 1] += signal * y[:, None]
    seen = rng.random(values.shape) < 0.6
    c = rng.normal(size=(n, 1, 8, 8, 8))
    c[:, 0, 2:5, 2:5, 2:5] += 0.5 * signal * y[:, None, None, None]
    inputs = {"a": a, "b": np.concatenate([values * seen, seen], axis=2), "c": c}
    mask = rng.random((n, len(names))) > 0.1
    mask[~mask.any(axis=1), 0] = True
    d = rng.normal(size=(n, 6, 3))
    d[:, :2, 0] += 1.5 * signal * y[:, None]
    there = np.repeat(np.arange(6) < rng.integers(3, 7, (n, 1)), 3).reshape(d.shape)
    e = rng.integers(10, 60, (n, 8)) * (np.arange(8) < rng.integers(4, 9, (n, 1)))
    e[np.arange(n), rng.integers(0, 4, n)] = np.where(y * signal, 2, 3)
    inputs |= {"d": np.concatenate([d * there, there], axis=2), "e": e}
    return {k: inputs[k].astype(np.float32) for k in names}, mask, classes(y)


def fitted(case, epochs=12, seed=5, **plan):
    inputs, mask, target = case
    return network.fit(inputs, {k: LAYOUTS[k] for k in inputs}, mask, target, epochs, seed, plan=NetworkPlan(**plan))


def same(a, b):
    return list(a.weights) == list(b.weights) and all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights)


@pytest.mark.parametrize(
    ("block", "kind"), [(b, k) for b in "abcde" for k in encoders.KINDS[LAYOUTS[b]]], ids=lambda part: part
)
def test_every_encoder_learns_what_is_planted_and_comes_out_the_same_twice(block, kind):
    net = fitted(planted(120, block), 10, **{LAYOUTS[block]: kind})
    short = [fitted(planted(40, block), 2, **{LAYOUTS[block]: kind}) for _ in range(2)]
    assert net.shapes[block][0] == kind and same(*short)
    inputs, mask, target = planted(120, block, seed=1)
    logits, _ = net.outputs(inputs)
    assert roc_auc_score(target.y[mask[:, 0]], (logits[:, 0, 1] - logits[:, 0, 0])[mask[:, 0]]) > 0.8


def test_gru_d_without_decay_is_a_gru_on_values_carried_forward():
    torch.manual_seed(0)
    model = encoders_series.GRUD(6).eval()
    plain = nn.GRU(6, HIDDEN, batch_first=True)
    with torch.no_grad():
        for parameter in (model.value_decay, model.state_decay.weight, model.state_decay.bias):
            parameter.zero_()
        plain.weight_ih_l0.copy_(model.input.weight)
        plain.bias_ih_l0.copy_(model.input.bias)
        plain.weight_hh_l0.copy_(model.state.weight)
        plain.bias_hh_l0.copy_(model.state.bias)
        seen = (torch.rand(4, 9, 3) < 0.5).float()
        values = torch.randn(4, 9, 3) * seen
        carried = values.clone()
        for t in range(1, 9):
            carried[:, t] = torch.where(seen[:, t] > 0, values[:, t], carried[:, t - 1])
        expected = model.head(plain(torch.cat([carried, seen], 2))[0][:, -1])
        torch.testing.assert_close(model(torch.cat([values, seen], 2)), expected)


def test_steps_since_a_feature_was_seen():
    values = torch.tensor([[[5.0], [0.0], [0.0], [7.0], [0.0]]])
    gap, last = encoders_series.since_seen(values, (values > 0).float())
    assert gap.flatten().tolist() == [1, 1, 2, 3, 1] and last.flatten().tolist() == [0, 5, 5, 5, 7]


def test_attention_is_the_librarys_and_steps_without_a_value_are_not_attended():
    torch.manual_seed(0)
    ours = encoders_series.Attention(32, 4, 0.0).eval()
    theirs = nn.TransformerEncoderLayer(32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
    with torch.no_grad():
        pairs = (
            (theirs.self_attn.in_proj_weight, ours.qkv.weight), (theirs.self_attn.in_proj_bias, ours.qkv.bias),
            (theirs.self_attn.out_proj.weight, ours.out.weight), (theirs.self_attn.out_proj.bias, ours.out.bias),
            (theirs.linear1.weight, ours.wide.weight), (theirs.linear1.bias, ours.wide.bias),
            (theirs.linear2.weight, ours.narrow.weight), (theirs.linear2.bias, ours.narrow.bias),
        )  # fmt: skip
        for to, of in pairs:
            to.copy_(of)
    h, empty = torch.randn(3, 7, 32), torch.rand(3, 7) < 0.3
    found = ours(h, torch.where(empty, -1e9, 0.0)[:, None])
    torch.testing.assert_close(found, theirs(h, src_key_padding_mask=empty), rtol=1e-4, atol=1e-5)
    model = encoders_series.Transformer(6).eval()
    x = torch.cat([torch.randn(2, 5, 3), torch.ones(2, 5, 3)], 2)
    x[:, 3, 3:] = 0.0
    changed = x.clone()
    changed[:, 3, :3] += 4.0
    torch.testing.assert_close(model(x), model(changed))


def test_variational_penalty_is_reconstruction_and_divergence(monkeypatch):
    torch.manual_seed(1)
    model = VariationalEncoders([4, 2]).eval()
    x = torch.randn(5, 2, 4)
    x[:, 1, 2:] = 0.0
    present = torch.tensor([[True, False]] * 5)
    monkeypatch.setattr(VariationalEncoders, "RECONSTRUCTION", 0.0)
    mean, log_variance = model._layers(x).transpose(0, 1)[:, 0].chunk(2, dim=1)
    other = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(other, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(model.penalty(x, present), model.KL * divergence)
    monkeypatch.setattr(VariationalEncoders, "RECONSTRUCTION", 1.0)
    monkeypatch.setattr(VariationalEncoders, "KL", 0.0)
    # decode2 starts at 0: the reconstruction is 0
    torch.testing.assert_close(model.penalty(x, present), (x[:, 0] ** 2).mean())


def test_mixed_precision_keeps_full_weights_and_full_precision_its_bytes():
    case = planted(60)
    full, mixed = fitted(case, 4), fitted(case, 4, precision="mixed")
    assert not same(full, mixed) and all(v.dtype == np.float32 for v in mixed.weights.values())
    np.testing.assert_allclose(full.outputs(case[0])[0], mixed.outputs(case[0])[0], atol=0.15)


def test_gathered_gradients_are_those_of_one_large_batch(monkeypatch):
    """Without chance in the network, two batches of 20 gathered are one of 40."""
    from consilium.learn.networks import encoders_table, fusion_net

    monkeypatch.setattr(encoders_table, "INPUT_DROPOUT", 0.0)
    monkeypatch.setattr(encoders_table, "HIDDEN_DROPOUT", 0.0)
    monkeypatch.setattr(fusion_net, "BLOCK_DROPOUT", 0.0)
    inputs, mask, target = planted(40, "a")
    case = (inputs, np.ones_like(mask), target)
    one, gathered = fitted(case, 3, batch=40), fitted(case, 3, batch=20, accumulate=2)
    for name, weights in one.weights.items():
        np.testing.assert_allclose(gathered.weights[name], weights, atol=1e-4)
    assert not same(one, fitted(case, 3, batch=20))


def test_early_stopping_ends_on_noise_and_keeps_the_best_weights(monkeypatch):
    inputs, mask, target = planted(120, "a", signal=0.0)
    seen = []
    judge = loop.Run.judge
    monkeypatch.setattr(loop.Run, "judge", lambda run, value: (seen.append(value), judge(run, value))[1])
    net = fitted((inputs, mask, target), 200, early_stopping=5)
    assert len(seen) < 100 and seen.index(min(seen)) == len(seen) - 6
    assert not same(net, fitted((inputs, mask, target), len(seen)))


def test_set_aside_patients_are_whole_groups_of_the_training_patients():
    inputs, mask, target = planted(60, "a")
    groups = [f"g{i // 2}" for i in range(60)]
    run = loop.Run({}, 2, torch.device("cpu"), NetworkPlan(early_stopping=3), 1, 1)
    learnt, judged = loop._set_aside((inputs, mask, target), groups, run)
    rows = {tuple(x): g for x, g in zip(inputs["a"].tolist(), groups, strict=True)}
    sides = [{rows[tuple(x)] for x in side[0]["a"].tolist()} for side in (learnt, judged)]
    assert not sides[0] & sides[1] and len(sides[0]) + len(sides[1]) == 30 and 3 <= len(sides[1]) <= 6


@pytest.mark.parametrize("how", ["denoise", "contrastive"])
def test_pretraining_teaches_the_encoders_without_the_outcome(how):
    from consilium.learn.networks import pretrain
    from consilium.learn.networks.fusion_net import Fusion

    inputs, mask, _ = planted(60, "a")
    factor = np.random.default_rng(1).normal(size=(60, 1)).astype(np.float32)
    inputs["a"] = np.repeat(factor, 7, axis=1)  # one cause behind every column: a lost value can be rebuilt
    x, present = {"a": torch.from_numpy(inputs["a"])}, torch.from_numpy(mask)
    losses = []
    for epochs in (1, 60):
        torch.manual_seed(0)
        model = Fusion({"a": ("mlp", (7,))}, 2)
        before = model.logit.detach().clone()
        plan = NetworkPlan(pretrain=how, pretrain_epochs=epochs)
        pretrain.pretrain(model, x, mask, plan, np.random.default_rng(0), 16)
        assert torch.equal(before, model.logit)
        torch.manual_seed(1)
        model.eval()
        if how == "contrastive":
            losses.append(pretrain._known_again(model, x, present).item())
        else:  # how much of the cause the code holds
            code = model.codes(x)[:, 0].detach().numpy()
            rest = factor - code @ np.linalg.lstsq(code, factor, rcond=None)[0]
            losses.append(float((rest**2).mean()))
    assert losses[1] < 0.9 * losses[0]


CHILD = """
import os, signal, sys
from pathlib import Path
import test_learn_networks as own
from consilium.learn.networks import loop
epoch = loop._one_epoch
loop._one_epoch = lambda run, learnt: os.kill(os.getpid(), signal.SIGKILL) if run.epoch == 7 else epoch(run, learnt)
own.with_checkpoints(Path(sys.argv[1]))
"""
LONG = 12  # epochs; the child dies in the seventh


def with_checkpoints(folder):
    inputs, mask, target = planted(60)
    plan = NetworkPlan(table="vae", early_stopping=LONG)
    layouts = {k: LAYOUTS[k] for k in inputs}
    return network.fit(inputs, layouts, mask, target, LONG, 5, (inputs, mask, target), plan, job=Job(folder, every_s=0))


@pytest.mark.slow
def test_a_network_killed_in_the_middle_is_taken_up_to_the_same_bytes(tmp_path, monkeypatch):
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""), *sys.path])
    killed = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    begun = []
    epoch = loop._one_epoch
    monkeypatch.setattr(loop, "_one_epoch", lambda run, learnt: (begun.append(run.epoch), epoch(run, learnt))[1])
    again = with_checkpoints(tmp_path)
    assert begun[0] == 7, "it started anew"
    undisturbed = with_checkpoints(None)
    assert same(again, undisturbed) and again.curve == undisturbed.curve
    begun.clear()
    assert same(with_checkpoints(tmp_path), undisturbed) and not begun  # a finished network is remembered


def test_a_checkpoint_of_other_data_or_settings_is_not_taken_up(tmp_path):
    inputs, mask, target = planted(40, "a")
    layouts, job = {"a": "table"}, Job(tmp_path)
    network.fit(inputs, layouts, mask, target, 2, 5, job=job)
    network.fit({"a": inputs["a"] + 1}, layouts, mask, target, 2, 5, job=job)
    network.fit(inputs, layouts, mask, target, 2, 6, job=job)
    network.fit(inputs, layouts, mask, target, 2, 5, plan=NetworkPlan(batch=20), job=job)
    network.fit(inputs, layouts, mask, classes(1 - target.y), 2, 5, job=job)
    assert len(list(tmp_path.glob("*.safetensors"))) == 5


def test_event_files_hold_the_learning_curve(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    inputs, mask, target = planted(40, "a")
    job = Job(events=tmp_path)
    net = network.fit(inputs, {"a": "table"}, mask, target, 6, 5, (inputs, mask, target), job=job, name="network 0")
    written = EventAccumulator(str(tmp_path / "network_0"))
    written.Reload()
    events = written.Scalars("loss/validation")
    assert [e.step for e in events] == [1, 5, 6] and len(written.Scalars("loss/training")) == 6
    assert [e.value for e in events] == pytest.approx([v for _, _, v in net.curve])
