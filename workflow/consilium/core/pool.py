"""Processes that share the work of one job and never outlive it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread


def processes(n: int, first: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """A pool of `n` fresh processes, each of which calls `first` before any work.

    Fresh: forking after a library has started threads can deadlock. They end with the job: a job that is killed with
    kill -9 cannot tell them to, and they would wait, with their memory, for work that never comes.
    """
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_started, initargs=(first,))


def _started(first: Callable[[], object] | None) -> None:
    Thread(target=_end_with_the_job, daemon=True).start()
    if first is not None:
        first()


def _end_with_the_job() -> None:
    job = parent_process()
    assert job is not None
    wait([job.sentinel])
    os._exit(1)
