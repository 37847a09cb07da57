"""Each job its own graphics card: an exclusive lock (flock) on one file a card.

The kernel drops a lock when its process ends, however it ends, so a killed job never keeps a card. Lock files stay:
removing one would let two jobs lock two files of one name. On SLURM the scheduler deals the cards; a lock then only
keeps processes of one allocation apart.
"""

from __future__ import annotations

import fcntl
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from consilium.core.errors import InputError, Problem

POLL_S = 0.2
OVERRIDE = "CONSILIUM_DEVICES"  # names of the cards to use, joined by commas, instead of those that are found


def available() -> list[str]:
    """Cards that this process may use, as CUDA_VISIBLE_DEVICES names them; none on a machine without."""
    if OVERRIDE in os.environ:
        return _names(os.environ[OVERRIDE])
    import torch

    count = torch.cuda.device_count()  # asks the driver's library; CUDA itself starts later, with one card to see
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return _names(os.environ["CUDA_VISIBLE_DEVICES"])[:count]
    return [str(i) for i in range(count)]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def folder() -> Path:
    """Where the locks lie: one folder a user and machine (a SLURM job: numbers of cards start from 0 in each)."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    job = os.environ.get("SLURM_JOB_ID", "")
    return base / f"consilium-cards-{os.getuid()}{'-' if job else ''}{job}"


@contextmanager
def card(number: int = 1) -> Iterator[str]:
    """Hold `number` cards (joined by commas) while CUDA sees them alone; waits until they are free. "" without any."""
    names = available()
    if not names:
        yield ""
        return
    if number > len(names):
        raise InputError(
            Problem("learn.network.processes", f"{number} processes, a card each, and {len(names)} cards",
                    f"at most {len(names)}", "lower it, or ask for more cards")
        )  # fmt: skip
    held, locks = _wait(names, number)
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = held
    print(f"card {held} of {', '.join(names)}", flush=True)
    try:
        yield held
    finally:
        for lock in locks:
            lock.close()
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _wait(names: Sequence[str], number: int) -> tuple[str, list[IO[str]]]:
    """The first cards that are free, and their locks. All or none is held, so jobs cannot block each other."""
    said = False
    while True:
        free: dict[str, IO[str]] = {}
        for name in names:
            if len(free) < number and (lock := _locked(name)) is not None:
                free[name] = lock
        if len(free) == number:
            return ",".join(free), list(free.values())
        for lock in free.values():
            lock.close()
        if not said:
            print(f"waiting for one of the cards {', '.join(names)}", flush=True)
            said = True
        time.sleep(POLL_S * (1 + random.random()))  # jobs that want the same cards must not keep step


def _locked(name: str) -> IO[str] | None:
    path = folder() / f"{name.replace('/', '_')}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = path.open("a")  # closed on exec, so that no child holds the card after its parent
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
