"""T1 volumes from file to features: time, memory, Dask threads against one, and what a kill -9 leaves behind.

    python benchmarks/imaging_volumes.py make WORK 100     write 100 simulated T1 (1 mm, 188 x 226 x 196, int16, gzip)
    python benchmarks/imaging_volumes.py read WORK         read + resample: two Dask threads against one, with controls
    python benchmarks/imaging_volumes.py run WORK 100      ingest -> features with two processes: time and memory
    python benchmarks/imaging_volumes.py killed WORK 100   the same, killed in the middle and run again: same bytes

Twelve heads are simulated (pose, warp, atrophy, bias); each volume has one of them, its own gain and its own noise.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.core.environment import ENVIRONMENT  # noqa: E402

HEADS = 12
VOLUMES = 8  # read in a turn
SCRIPT = [sys.executable, str(ROOT / "scripts" / "imaging.py")]


def make(work: Path, n: int) -> None:
    from consilium.simulate.images import nifti_bytes
    from consilium.simulate.images_brain import t1

    (work / "raw").mkdir(parents=True, exist_ok=True)
    for h in range(min(HEADS, n)):
        names = [f"P{i + 1:03d}" for i in range(h, n, HEADS)]
        if all((work / "raw" / f"{p}.nii.gz").exists() for p in names):
            continue
        rng = np.random.default_rng([7, h])
        scan = t1(float(rng.normal()), ("female", "male")[h % 2], f"site_{1 + h % 3}", rng, spacing_mm=1.0)
        for name in names:
            noise = rng.normal(0, 2, scan.voxels.shape).astype(np.float32)
            voxels = np.maximum(scan.voxels * rng.uniform(0.8, 1.2) + noise, 0).astype(np.int16)
            (work / "raw" / f"{name}.nii.gz").write_bytes(nifti_bytes(voxels, scan.affine))
    rows = [f"P{i + 1:03d}" for i in range(n)]
    (work / "patients.tsv").write_text("patient\tsex\n" + "".join(f"{p}\tfemale\n" for p in rows))
    (work / "samples.tsv").write_text(
        "patient\tmodality\tkind\tpath\n" + "".join(f"{p}\timaging\tT1\t{work}/raw/{p}.nii.gz\n" for p in rows)
    )


def read(work: Path, turns: int = 9) -> None:
    """The code that `imaging_process` reads a patient's images with, on one and two threads, turn and turn about."""
    ways = readings(work)
    spent = [turn(ways) for _ in range(turns)]
    print(write(spent))


def readings(work: Path) -> dict[str, Callable[[], object]]:
    """What is timed, imported and run once; what returns a number is timed by it.

    Two controls say what the machine gives at that moment: the same reading in two processes, and sorting in numpy,
    which needs the interpreter for nothing. On a machine where other programs run, threads of one program share what
    it is given, so that no control comes near two; "but for the queue" leaves out the time in which a thread could
    have run and had no core, and keeps what it waited for the interpreter or the disk.
    """
    from consilium.core.sheets import Sample
    from consilium.imaging import reading

    files = sorted((work / "raw").glob("*.nii.gz"))[:VOLUMES]
    samples = [Sample("P1", "imaging", "T1", str(f), "", f"T1-{i}", 2) for i, f in enumerate(files)]
    noise = np.random.default_rng(1).random((VOLUMES, 2_000_000))

    def volumes(these: Sequence[Sample], threads: int) -> None:
        for _ in reading.ahead(these, threads=threads):
            pass

    volumes(samples[:1], 1)
    return {
        "read + resample, 1 thread": lambda: volumes(samples, 1),
        "read + resample, 2 threads": lambda: volumes(samples, 2),
        "read + resample, 2 processes": lambda: in_processes([partial(volumes, samples[i::2], 1) for i in (0, 1)]),
        "but for the queue, 1 thread": lambda: but_for_the_queue([partial(volumes, samples, 1)]),
        "but for the queue, 2 threads": lambda: but_for_the_queue([partial(volumes, samples[i::2], 1) for i in (0, 1)]),
        "numpy.sort, 1 thread": lambda: [np.sort(row) for row in noise],
        "numpy.sort, 2 threads": lambda: list(ThreadPool(2).imap(np.sort, noise)),
    }


def turn(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds by the clock."""
    found = {}
    for name, work_on in ways.items():
        start = time.perf_counter()
        told = work_on()
        found[name] = told if isinstance(told, float) else time.perf_counter() - start
    return found


def but_for_the_queue(parts: Sequence[Callable[[], None]]) -> float:
    """Each part on its own thread: most seconds that one took, less those in which it waited for a core (Linux)."""
    start = threading.Barrier(len(parts))

    def timed(part: Callable[[], None]) -> float:
        start.wait()
        clock, queue = time.perf_counter(), _queued_s()
        part()
        return time.perf_counter() - clock - (_queued_s() - queue)

    with ThreadPool(len(parts)) as pool:
        return max(pool.map(timed, parts, chunksize=1))


def _queued_s() -> float:
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def write(spent: list[dict[str, float]]) -> str:
    """The kept table: least and median seconds, and how many times faster than one thread in the same turn."""
    rows = ["what\tvolumes\tseconds_min\tseconds_median\tratio_min\tratio_median\tturns\tload"]
    for name in spent[0]:
        one, times = ([t[n] for t in spent] for n in (name.split(",")[0] + ", 1 thread", name))
        ratios = min(one) / min(times), statistics.median(a / b for a, b in zip(one, times, strict=True))
        numbers = (min(times), statistics.median(times), *ratios)
        rows.append("\t".join([name, str(VOLUMES), *(f"{n:.2f}" for n in numbers), str(len(spent)),
                               f"{os.getloadavg()[0]:.1f}"]))  # fmt: skip
    (ROOT / "benchmarks" / "imaging_volumes.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return "\n".join(rows)


def in_processes(parts: Sequence[Callable[[], None]]) -> None:
    started = [multiprocessing.get_context("fork").Process(target=part) for part in parts]
    for process in started:
        process.start()
    for process in started:
        process.join()
        if process.exitcode:
            sys.exit("a process of the control failed")


def commands(work: Path, out: Path, n: int) -> list[list[str]]:
    patients = ",".join(f"P{i + 1:03d}" for i in range(n))
    manifest = str(out / "process.json")
    sheets = ["--samples", str(work / "samples.tsv"), "--patients"]
    return [
        [*SCRIPT, "process", *sheets, patients, "--folder", str(out / "patients"), "--threads", "2",
         "--manifest", manifest],
        [*SCRIPT, "features", *sheets, str(work / "patients.tsv"), "--manifests", manifest, "--features",
         str(out / "imaging.zarr.zip"), "--qc", str(out / "qc.tsv"), "--quarantine", str(out / "quarantine.tsv")],
    ]  # fmt: skip


def run(work: Path, n: int, name: str = "whole") -> None:
    out = work / name
    out.mkdir(exist_ok=True)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in commands(work, out, n):
        subprocess.run(command, check=True, cwd=out)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    print(f"{name}: {n} volumes, {wall:.0f} s, {wall / n:.2f} s a volume, {cpu / n:.2f} CPU s a volume, "
          f"largest process {used.ru_maxrss / 1024:.0f} MiB, load {os.getloadavg()[0]:.1f}")  # fmt: skip


def killed(work: Path, n: int) -> None:
    """Kill the process group once a third is done, run again, and compare every file with the undisturbed run."""
    out = work / "killed"
    out.mkdir(exist_ok=True)
    first = subprocess.Popen(commands(work, out, n)[0], cwd=out, start_new_session=True)
    while len(list((out / "patients").glob("*/imaging/stamp.json"))) < max(1, n // 3) and first.poll() is None:
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = len(list((out / "patients").glob("*/imaging/stamp.json")))
    left = sum(1 for f in out.rglob("*") if f.is_file())
    print(f"killed with {done} of {n} patients done, {left} files there")
    run(work, n, "killed")
    mine, whole = (_digests(work / name) for name in ("killed", "whole"))
    differ = sorted(f for f in mine.keys() | whole.keys() if mine.get(f) != whole.get(f))
    print(f"files: {len(whole)}, different or left behind after kill -9 and rerun: {len(differ)} {differ[:5]}")
    if differ:
        sys.exit(1)


def _digests(folder: Path) -> dict[str, str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _as_a_stage() -> None:
    """Start again in the environment of a stage, which the allocator reads once at the start."""
    wanted = {**ENVIRONMENT, "PYTHONPATH": str(ROOT / "workflow")}
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("make", "read", "run", "killed"))
    parser.add_argument("work", type=Path)
    parser.add_argument("volumes", type=int, nargs="?", default=100)
    own = parser.parse_args()
    _as_a_stage()
    where = own.work.resolve()
    if own.action == "read":
        read(where)
    else:
        {"make": make, "run": run, "killed": killed}[own.action](where, own.volumes)


if __name__ == "__main__":
    main()
