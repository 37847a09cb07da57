"""Processes that share work on genotypes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module

from consilium.core import pool
from consilium.genomics.memory import keep_memory


@contextmanager
def processes(n: int) -> Iterator[Executor | None]:
    """A pool of `n` fresh processes; None where one is enough: the work is then done here."""
    keep_memory()
    if n < 2:
        yield None
        return
    with pool.processes(n, keep_memory) as started:
        for _ in range(n):  # they start and import while the work is laid out
            started.submit(import_module, "consilium.genomics.cohort.joining")
        yield started
