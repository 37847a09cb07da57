"""Each job its own card: two made-up cards, six jobs, one of them killed."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from consilium.core.errors import InputError
from consilium.learn.networks import lease
from consilium.learn.networks.job import around
from consilium.learn.settings import Plan

# A job: holds a card, says so, works for a while; the file "hold" makes it work until it is killed.
JOB = """
import json, os, sys, time
from pathlib import Path
from consilium.learn.networks import lease
folder, name = Path(sys.argv[1]), sys.argv[2]
with lease.card() as held:
    begin = time.monotonic()
    (folder / f"{name}.begun").write_text(json.dumps([os.environ["CUDA_VISIBLE_DEVICES"], begin]))
    while (folder / f"{name}.hold").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    (folder / f"{name}.done").write_text(json.dumps([held, begin, time.monotonic()]))
"""


def start(folder, name):
    paths = os.pathsep.join(p for p in sys.path if p)
    own = {"PYTHONPATH": paths, "XDG_RUNTIME_DIR": str(folder), lease.OVERRIDE: "card0,card1"}
    command = [sys.executable, "-c", JOB, str(folder), name]
    return subprocess.Popen(command, env=os.environ | own, stdout=subprocess.DEVNULL)


def test_six_jobs_share_two_cards_and_one_that_is_killed_gives_its_card_back(tmp_path):
    (tmp_path / "victim.hold").touch()
    victim = start(tmp_path, "victim")
    while not (tmp_path / "victim.begun").exists() or not (tmp_path / "victim.begun").read_text():
        assert victim.poll() is None
        time.sleep(0.01)
    others = [start(tmp_path, str(i)) for i in range(5)]
    while not list(tmp_path.glob("[0-9].done")):  # with the victim on one card, the others have the second
        time.sleep(0.01)
    held, _ = json.loads((tmp_path / "victim.begun").read_text())
    killed_at = time.monotonic()
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    for other in others:
        assert other.wait(timeout=60) == 0
    spans = [json.loads(p.read_text()) for p in tmp_path.glob("[0-9].done")]
    assert len(spans) == 5 and {card for card, _, _ in spans} == {"card0", "card1"}
    for card in ("card0", "card1"):
        mine = sorted((begin, end) for name, begin, end in spans if name == card)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(mine)), "two jobs on one card"
    assert all(begin >= killed_at for card, begin, _ in spans if card == held)


def test_without_cards_nothing_is_leased_and_what_cuda_saw_comes_back(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(lease.OVERRIDE, "")
    with lease.card() as held:
        assert held == "" and not list(tmp_path.iterdir())
    monkeypatch.setenv(lease.OVERRIDE, "x,y")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "x,y")
    with lease.card(), lease.card():
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "y"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "x,y"
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert lease.folder() != tmp_path and lease.folder().name.endswith("-77")


def test_checkpoints_lie_beside_the_result_until_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(lease.OVERRIDE, "a")
    out = tmp_path / "0.json"
    with pytest.raises(KeyboardInterrupt), around(out, Plan()) as job:
        job.checkpoints.mkdir()
        raise KeyboardInterrupt
    assert job.checkpoints.is_dir()
    with around(out, Plan()) as job:
        assert job.checkpoints == tmp_path / "0.checkpoints" and job.events is None
    assert not job.checkpoints.exists()
    with around(out, Plan(network_seeds=0)) as job:
        assert job.checkpoints is None


def test_several_cards_are_held_at_once_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(lease.OVERRIDE, "0,1,2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with lease.card(2) as held:
        assert held == "0,1" and os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
        monkeypatch.setattr(lease.time, "sleep", lambda _s: (_ for _ in ()).throw(TimeoutError))
        with pytest.raises(TimeoutError), lease.card(2):
            pass
        assert lease._locked("2") is not None  # what could be had was given back
    with pytest.raises(InputError, match="3 cards"), lease.card(4):
        pass
