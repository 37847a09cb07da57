"""One network trained by two processes: the weights of one process, and an end without a hang."""

from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch
from consilium.core.errors import InputError
from consilium.learn.models import hazards
from consilium.learn.networks import encoders_series, encoders_table, loop, network, team
from consilium.learn.networks.job import Job
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import classes, times

KINDS = ("classes", "cox", "hazard")
LAYOUTS = {"a": "table", "b": "series"}


DROPOUT = ((encoders_table, "INPUT_DROPOUT"), (encoders_table, "HIDDEN_DROPOUT"), (encoders_series, "INPUT_DROPOUT"))


def killed(*given):
    """The second process is killed in the third epoch."""
    epoch = loop._one_epoch

    def until(run, learnt):
        if run.epoch == 3 and run.team.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return epoch(run, learnt)

    loop._one_epoch = until
    return loop._trained(*given)


def arguments(kind, epochs=3, job=None, **plan):
    """What `loop.fit` hands to each process: 50 rows, blocks missing, odd batches."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 50)
    inputs = {"a": (rng.normal(size=(50, 5)) + y[:, None]).astype(np.float32),
              "b": rng.normal(size=(50, 4, 6)).astype(np.float32)}  # fmt: skip
    mask = rng.random((50, 2)) > 0.3
    mask[~mask.any(axis=1), 0] = True
    target = classes(y) if kind == "classes" else times(rng.exponential(np.exp(-y)) + 0.01, rng.random(50) < 0.7)
    at = hazards.fit(target, 3) if kind == "hazard" else None
    watch = (inputs, mask, target)
    wanted = NetworkPlan(batch=17, **plan)
    return (inputs, LAYOUTS, mask, target, epochs, 5, watch, wanted, None, job or Job(), "network", None, at)


def every_kind(team):
    """Trained without dropout, once a kind of outcome. Runs in each process."""
    for module, name in DROPOUT:
        setattr(module, name, 0.0)
    tensors, facts = {}, {}
    for kind in KINDS:
        weights, facts[kind] = loop._trained(*arguments(kind), team)
        tensors |= {f"{kind} {k}": v for k, v in weights.items()}
    return tensors, facts


@pytest.mark.slow
def test_two_processes_find_the_weights_of_one(monkeypatch):
    for module, name in DROPOUT:
        monkeypatch.setattr(module, name, 0.0)
    one, told = every_kind(team.Team())
    two, said = team.trained(every_kind, (), 2)
    assert set(one) == set(two)
    for kind in KINDS:
        start, _ = loop._trained(*arguments(kind, epochs=0), team.Team())
        moved = [float((one[f"{kind} {k}"] - v).abs().max()) for k, v in start.items()]
        assert max(moved) > 1e-2
        np.testing.assert_allclose(said[kind]["curve"], told[kind]["curve"], rtol=1e-4)
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, atol=2e-5, rtol=1e-4)


@pytest.mark.slow
def test_the_switch_gives_a_network_and_one_checkpoint(tmp_path):
    inputs, layouts, mask, target, *_ = arguments("classes")
    job = Job(tmp_path, every_s=0)
    net = network.fit(inputs, layouts, mask, target, 2, 5, plan=NetworkPlan(processes=2), job=job)
    assert net.outputs(inputs)[0].shape == (50, 2, 2) and len(list(tmp_path.glob("*.safetensors"))) == 1


@pytest.mark.slow
def test_the_end_of_one_process_ends_all_with_one_message():
    with pytest.raises(InputError, match="SIGKILL") as found:  # ten thousand epochs would not end in time
        team.trained(killed, arguments("classes", epochs=10_000), 2)
    assert len(found.value.problems) == 1 and "learn.network.processes" in str(found.value)
    assert not multiprocessing.active_children()


def test_what_another_process_said_is_one_line():
    assert (
        team._why(RuntimeError("\n-- Process 1 ...\nTraceback\nMemoryError: none left\n\n")) == "MemoryError: none left"
    )


def test_shares_cover_a_batch_and_gradients_nobody_has_stay_none():
    for rows in (1, 7, 64):
        parts = [team.Team(r, 3).share(rows) for r in range(3)]
        assert [p.start for p in parts[1:]] == [p.stop for p in parts[:-1]] and parts[-1].stop == rows
    p = torch.nn.Parameter(torch.ones(2))
    team.Team().add_up([p])
    assert p.grad is None and team.Team().together(p, 2) is p
