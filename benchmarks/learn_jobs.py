"""Training jobs of the workflow killed and rerun, and six of them on two made-up cards.

    python benchmarks/learn_jobs.py kill LEARN TASK [--kills 3] [--out FILE]
    python benchmarks/learn_jobs.py cards LEARN TASK [--out FILE]

LEARN: the folder cohort/learn of a run (the demo's is enough); nothing in it is changed. Jobs are those of rule
learn_train with the default settings (all base models and the networks). kill: the job of fold 0 is killed by SIGKILL
at random times, rerun until it ends, and its result compared byte for byte with that of an undisturbed run. cards: six
of the folds, on true, permuted and planted outcomes; the first that has a card is killed and started again. Which job
had which card when is read from the lock files' owners while the jobs run: never two on one card, and all of them end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CARDS = ("card0", "card1")
Row = tuple[str, str]


def start(
    learn: Path, task: str, out: Path, labels: str = "true", fold: int = 0, cards: Path | None = None
) -> subprocess.Popen[bytes]:
    """A job of rule learn_train; cards: folder of the leases, two made-up cards."""
    own = learn / task
    command = [
        sys.executable, str(ROOT / "scripts/learn.py"), "train", "--inputs", str(learn / "inputs.safetensors"),
        "--folds", str(own / "folds.tsv"), "--task", str(own / "task.json"), "--labels", labels, "--fold", str(fold),
        "--settings", "{}", "--out", str(out), "--ablation", "",
    ]  # fmt: skip
    paths = {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1"}
    if cards is not None:
        paths |= {"XDG_RUNTIME_DIR": str(cards), "CONSILIUM_DEVICES": ",".join(CARDS)}
    return subprocess.Popen(command, env=os.environ | paths, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kill(learn: Path, task: str, kills: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        plain, again = Path(name, "plain/0.json"), Path(name, "again/0.json")
        plain.parent.mkdir()
        again.parent.mkdir()
        begin = time.monotonic()
        assert start(learn, task, plain).wait() == 0
        whole = time.monotonic() - begin
        rng, done, resumed = np.random.default_rng(0), 0, 0
        while True:
            running = start(learn, task, again)
            try:
                # Late enough that networks are in training, when the first checkpoint may have been written.
                code = running.wait(rng.uniform(0.6, 0.95) * whole if done < kills else None)
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
                running.wait()
                done += 1
                resumed += any(again.with_suffix(".checkpoints").glob("*"))
                continue
            assert code == 0
            break
        left = sorted(p.name for p in again.parent.iterdir())
        same = digest(plain) == digest(again)
    return [
        (f"kill -9 x {done} ({resumed} left checkpoints) of a job of {whole:.0f} s, rerun: same bytes", str(int(same))),
        ("what lies beside the result afterwards", ", ".join(left)),
    ]


def holders(folder: Path) -> dict[str, set[int]]:
    """card -> processes that hold its lock now, by the kernel's own list."""
    inodes = {p.stat().st_ino: p.stem for p in folder.rglob("*.lock")}
    held: dict[str, set[int]] = {}
    for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
        parts = line.split()
        if "->" in parts:  # waits for a lock
            continue
        inode = int(parts[5].rsplit(":", 1)[1])
        if parts[1] == "FLOCK" and inode in inodes:
            held.setdefault(inodes[inode], set()).add(int(parts[4]))
    return held


def cards(learn: Path, task: str) -> list[Row]:
    lines = (learn / task / "folds.tsv").read_text(encoding="utf-8").splitlines()[1:]
    folds = sorted({int(line.split("\t")[2]) for line in lines} - {-1})
    jobs = [(labels, fold) for labels in ("true", "permuted", "planted") for fold in folds][:6]
    with tempfile.TemporaryDirectory() as name:
        leases = Path(name, "leases")
        leases.mkdir()
        outs = [Path(name, f"{labels}{fold}.json") for labels, fold in jobs]
        started = [start(learn, task, o, *j, cards=leases) for o, j in zip(outs, jobs, strict=True)]
        killed, most, waited, begin = 0, 0, 0, time.monotonic()
        while any(job.poll() is None for job in started):
            held = holders(leases)
            most = max([most, *(len(pids) for pids in held.values())])
            waited += len(held) == len(CARDS)
            if not killed and len(held) == len(CARDS) and waited > 100:
                victim = next(i for i, job in enumerate(started) if job.pid in set.union(*held.values()))
                started[victim].send_signal(signal.SIGKILL)
                killed = started[victim].wait()
                started[victim] = start(learn, task, outs[victim], *jobs[victim], cards=leases)
            time.sleep(0.05)
        ended = sum(job.returncode == 0 for job in started)
        alone = Path(name, "alone.json")
        assert start(learn, task, alone).wait() == 0
        same = digest(alone) == digest(outs[0])
    return [
        (f"{len(jobs)} training jobs, two cards, one killed (signal) and started again", str(-killed)),
        ("most jobs on one card at once", str(most)),
        (f"jobs that ended well in {time.monotonic() - begin:.0f} s", f"{ended} of {len(jobs)}"),
        ("result of fold 0 as that of the same job alone", str(int(same))),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("kill", "cards"))
    parser.add_argument("learn", type=Path)
    parser.add_argument("task")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    facts = json.loads((own.learn / own.task / "task.json").read_text(encoding="utf-8"))
    if facts["status"] != "assessed":
        parser.error(f"nothing is trained for the task {own.task}: {facts['reason']}")
    rows = kill(own.learn, own.task, own.kills) if own.part == "kill" else cards(own.learn, own.task)
    lines = ["\t".join(row) for row in rows]
    print(*lines, sep="\n")
    if own.out:
        with own.out.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
