"""Processes that share work on genotypes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context

from consilium.genomics.memory import keep_memory


@contextmanager
def processes(n: int) -> Iterator[Executor | None]:
    """A pool of `n` fresh processes; None where one is enough: the work is then done here."""
    keep_memory()
    if n < 2:
        yield None
        return
    # Fresh processes: forking after a library has started threads can deadlock.
    with ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=keep_memory) as pool:
        for _ in range(n):  # they start and import while the work is laid out
            pool.submit(import_module, "consilium.genomics.cohort.joining")
        yield pool
