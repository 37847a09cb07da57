"""Whole processes timed turn and turn about against a peer's, with the memory of everything that they start."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.core import environment  # noqa: E402

# Modules are compiled once and kept, as wherever nobody forbids it.
_KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT = {**_KEPT, **environment.ENVIRONMENT, "PYTHONPATH": str(ROOT / "workflow")}


@dataclass(frozen=True)
class Run:
    """One run of some commands: wall and processor seconds, peak MB of all processes together."""

    wall: float
    cpu: float
    peak: float


def run(commands: list[list[str]], cwd: Path) -> Run:
    peak = [0.0]
    stop = threading.Event()
    start, before = time.perf_counter(), os.times()
    watcher = threading.Thread(target=_watch, args=(peak, stop))
    watcher.start()
    for command in commands:
        done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    stop.set()
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(time.perf_counter() - start, cpu, peak[0])


def _watch(peak: list[float], stop: threading.Event) -> None:
    """Resident memory of this process's children and theirs, pages that they share counted each time."""
    page = os.sysconf("SC_PAGE_SIZE")
    while not stop.wait(0.1):
        waiting, total = _children(os.getpid()), 0
        while waiting:
            process = waiting.pop()
            try:
                total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * page
            except (OSError, IndexError):
                continue
            waiting += _children(process)
        peak[0] = max(peak[0], total / 1e6)


def _children(process: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


class Bench:
    def __init__(self, folder: Path, turns: int, peer: str, goals: dict[str, float]) -> None:
        self.folder, self.turns, self.peer, self.goals = folder, turns, peer, goals
        self.lines: list[str] = []

    def say(self, *cells: object) -> None:
        line = "\t".join(str(c) for c in cells)
        print(line, flush=True)
        self.lines.append(line)

    def against(
        self, line: str, ours: dict[str, list[list[str]]], theirs: list[list[str]], agree: Callable[[], str],
        peer: str = "",
    ) -> None:  # fmt: skip
        """Turn and turn about; the first of `ours` is held against the goal. peer: "" = the benchmark's own."""
        peer = peer or self.peer
        found: dict[str, list[Run]] = {}
        for _ in range(self.turns):
            for name, commands in {**ours, peer: theirs}.items():
                found.setdefault(name, []).append(run(commands, self.folder))
        base = statistics.median(r.wall for r in found[peer])
        for name, runs in found.items():
            wall = statistics.median(r.wall for r in runs)
            judged = name == next(iter(ours))
            goal = f"{self.goals[line]:g}" if judged and line in self.goals else ""
            self.say(line, name, f"{wall:.2f}", f"{min(r.wall for r in runs):.2f}",
                     f"{statistics.median(r.cpu for r in runs):.2f}", f"{max(r.peak for r in runs):.0f}",
                     f"{wall / base:.2f}", goal, agree() if judged else "")  # fmt: skip
