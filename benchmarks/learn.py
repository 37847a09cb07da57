"""Networks: epoch time of each encoder against the same network in a bare loop; processes side by side; memory; a card.

    python benchmarks/learn.py encoders [--kinds cnn …] [--out FILE]    CPU seconds an epoch, ours and bare, turn about
    python benchmarks/learn.py processes [--out FILE]   one and two training processes at once, wall and CPU seconds
    python benchmarks/learn.py kill [--out FILE]        kill -9 at five places, rerun: equal bytes, epochs repeated
    python benchmarks/learn.py card [--out FILE]        rows a second and memory on a graphics card; nothing without one

CPU seconds are user and system of the processes themselves, so that other work on the machine changes them little; the
load (mean of the last minute) stands beside them. The bare loop has the same network, loss and batches and the AdamW of
torch.optim, and nothing else: no block dropout, no measuring, no checkpoints. Memory: largest resident size of a
process of its own, less that of one with the data alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

ROWS, BATCH = 640, 64
TURNS, ENOUGH_S = (3, 15), 20.0  # fewest and most turns of both loops; CPU seconds after which no further one begins
SHAPES = {"table": (64,), "series": (24, 68), "volume": (1, 18, 18, 18), "bag": (64, 68), "words": (192,),
          "dna": (4, 203)}  # fmt: skip
KINDS = {"table": ("mlp", "vae"), "series": ("gru", "gru_d", "lstm", "transformer"), "volume": ("cnn", "slices"),
         "bag": ("mil", "mil_mean"), "words": ("word_transformer", "word_mean"),
         "dna": ("dna_cnn", "dna_mean")}  # fmt: skip
Row = dict[str, Any]


def data(layout: str) -> tuple[Any, ...]:
    from consilium.learn.cohort.tasks import Target

    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, *SHAPES[layout])).astype(np.float32)
    if layout == "words":
        x = rng.integers(1, 1000, x.shape).astype(np.float32)
    if layout == "dna":
        x = rng.integers(1, 6, x.shape).astype(np.float32)
    if layout in ("series", "bag"):
        half = SHAPES[layout][1] // 2
        x[..., half:] = rng.random((ROWS, SHAPES[layout][0], half)) < 0.4
        x[..., :half] *= x[..., half:]
    y = rng.integers(0, 2, ROWS)
    target = Target("classification", y, np.full(ROWS, np.nan), np.zeros(ROWS), ("a", "b"))
    return {"block": x}, {"block": layout}, np.ones((ROWS, 1), dtype=bool), target


def ours(layout: str, kind: str, epochs: int, precision: str = "full") -> None:
    from consilium.learn.networks import network
    from consilium.learn.networks.plan import NetworkPlan

    own = NetworkPlan.from_json({layout: kind, "batch": BATCH, "precision": precision})
    inputs, layouts, mask, target = data(layout)
    network.fit(inputs, layouts, mask, target, epochs, 1, plan=own)


def bare(layout: str, kind: str, epochs: int) -> None:
    import torch
    from consilium.learn.models.heads import prior
    from consilium.learn.networks.fusion_net import Fusion, fused
    from consilium.learn.networks.losses import loss

    inputs, _, mask, target = data(layout)
    model = Fusion({"block": (kind, SHAPES[layout])}, 2).train()
    x, present, at = torch.from_numpy(inputs["block"]), torch.from_numpy(mask), prior(target)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    for _ in range(epochs):
        for rows in torch.randperm(ROWS).split(BATCH):
            own = {"block": x[rows]}
            logits, gates = model(own)
            value = loss(target.take(rows.numpy()), at, fused(logits, gates, present[rows]), logits, present[rows])
            extra = model.penalty(own, present[rows])
            (value if extra is None else value + extra).backward()
            optimiser.step()
            optimiser.zero_grad()


def least_of(layout: str, kind: str) -> tuple[float, float]:
    """CPU seconds of an epoch, (bare, ours): of four epochs less those of one, so that starting does not count.

    Each number of epochs by the least of all turns (other work on the machine only adds); each loop is first in every
    second turn.
    """
    spent: dict[Any, list[float]] = {(work, epochs): [] for work in (bare, ours) for epochs in (1, 4)}
    first = time.process_time()
    for turn in range(TURNS[1]):
        if turn >= TURNS[0] and time.process_time() - first > ENOUGH_S:
            break
        for work in (bare, ours) if turn % 2 else (ours, bare):
            for epochs in (1, 4):
                begin = time.process_time()
                work(layout, kind, epochs)
                spent[work, epochs].append(time.process_time() - begin)
    one, other = ((min(spent[work, 4]) - min(spent[work, 1])) / 3 for work in (bare, ours))
    return one, other


def peak(layout: str, kind: str) -> float:
    """Largest resident MB of a process that trains two epochs (kind ""), of one that only makes the data."""
    code = (
        f"import learn, torch; learn.ours({layout!r}, {kind!r}, 2)"
        if kind
        else f"import learn, torch, consilium.learn.networks.network; learn.data({layout!r})"
    )
    code += "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    own = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])  # lines of progress before it


def encoders(wanted: list[str]) -> list[Row]:
    from consilium.learn.networks.net import prepare

    prepare("cpu")
    rows = []
    for layout, all_of in KINDS.items():
        kinds = [kind for kind in all_of if not wanted or kind in wanted]
        without = peak(layout, "") if kinds else 0.0
        for kind in kinds:
            bare(layout, kind, 1)  # what is loaded on first use
            ours(layout, kind, 1)
            least = least_of(layout, kind)
            rows.append({
                "what": f"{kind}: epoch of {ROWS} rows, CPU s", "bare": least[0], "ours": least[1],
                "ratio": least[1] / least[0], "memory MB": peak(layout, kind) - without, "load": os.getloadavg()[0],
            })  # fmt: skip
            print(json.dumps(rows[-1]), flush=True)
    return rows


def processes() -> list[Row]:
    """Seconds of one training process, and of two at once: wall, and processor seconds a process."""
    import resource

    code = "import learn; learn.ours('series', 'gru_d', 15)"
    own = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    walls, spent = [], []
    for number in (1, 2):
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        running = [subprocess.Popen([sys.executable, "-c", code], env=own) for _ in range(number)]
        assert not any(process.wait() for process in running)
        walls.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / number)
    return [
        {"what": f"one process, two at once: {what}", "bare": one, "ours": two, "ratio": two / one,
         "load": os.getloadavg()[0]}
        for what, (one, two) in (("wall s", walls), ("CPU s a process", spent))
    ]  # fmt: skip


def _newer(folder: Path, since: float) -> bool:
    """Whether this run has written a checkpoint."""
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # replaced meanwhile
            if file.is_file() and file.stat().st_mtime > since:
                return True
    return False


def kill() -> list[Row]:
    """A real training job killed five times, each within 1.5 s of a checkpoint, then ended; its network against that of
    an undisturbed one."""
    code = (
        "import sys, hashlib, learn; from pathlib import Path; from consilium.learn.networks import network, job;"
        "from consilium.learn.networks.plan import NetworkPlan;"
        "folder = Path(sys.argv[1]) if sys.argv[1] else None;"
        "plan, own = NetworkPlan(series='gru_d'), job.Job(folder, every_s=1);"
        "net = network.fit(*learn.data('series'), 150, 1, plan=plan, job=own);"
        "print(hashlib.sha256(b''.join(v.tobytes() for v in net.weights.values())).hexdigest())"
    )
    own = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    rng, kills = np.random.default_rng(0), 0
    with tempfile.TemporaryDirectory() as name:
        while True:
            began = time.time()
            running = subprocess.Popen([sys.executable, "-c", code, name], env=own, stdout=subprocess.PIPE, text=True)
            while kills < 5 and running.poll() is None and not _newer(Path(name), began):
                time.sleep(0.02)
            try:
                said, _ = running.communicate(timeout=rng.uniform(0, 1.5) if kills < 5 else None)
                break
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
                running.communicate()
                kills += 1
    if kills < 5:
        raise SystemExit(f"the job ended after {kills} kills of 5: nothing is shown")
    plain = subprocess.run([sys.executable, "-c", code, ""], env=own, capture_output=True, text=True, check=True).stdout
    equal = said.splitlines()[-1] == plain.splitlines()[-1]
    return [{"what": f"kill -9 x {kills}, rerun: same bytes as undisturbed", "ours": int(equal)}]


def card() -> list[Row]:
    import torch

    if not torch.cuda.is_available():
        return []
    rows = []
    for precision in ("full", "mixed"):
        for layout, kinds in KINDS.items():
            for kind in kinds:
                torch.cuda.reset_peak_memory_stats()
                walls = []
                for epochs in (2, 22):
                    begin = time.perf_counter()
                    ours(layout, kind, epochs, precision)
                    torch.cuda.synchronize()
                    walls.append(time.perf_counter() - begin)
                rows.append({
                    "what": f"{kind}, {precision}, {torch.cuda.get_device_name()}: rows/s",
                    "ours": 20 * ROWS / (walls[1] - walls[0]),
                    "memory MB": torch.cuda.max_memory_allocated() / 2**20,
                })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("encoders", "processes", "kill", "card"))
    parser.add_argument("--kinds", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    rows = (
        encoders(own.kinds)
        if own.part == "encoders"
        else {"processes": processes, "kill": kill, "card": card}[own.part]()
    )
    columns = ("what", "bare", "ours", "ratio", "memory MB", "load")
    cells = lambda row: (row.get(c, "") for c in columns)  # noqa: E731
    lines = ["\t".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in cells(row)) for row in rows]
    print("\t".join(columns), *lines, sep="\n")
    if own.out:
        new = not own.out.exists()
        with own.out.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in ([*["\t".join(columns)] * new, *lines])))


if __name__ == "__main__":
    main()
