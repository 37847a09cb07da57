"""Processes of a job end with it, however it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

JOB = """
import os, sys, time
from pathlib import Path
from consilium.core.pool import processes

def work(folder):
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(120)

if __name__ == "__main__":
    with processes(2) as pool:
        list(pool.map(work, [sys.argv[1]] * 2))
"""


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _until(done, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def test_processes_of_a_killed_job_end_too(tmp_path: Path):
    script = tmp_path / "job.py"
    script.write_text(JOB)
    job = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    try:
        assert _until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    workers = [int(f.stem) for f in tmp_path.glob("*.pid")]
    assert _until(lambda: not any(map(_alive, workers)), 20)
