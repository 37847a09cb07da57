"""Processes that share work on genotypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

_TRIM, _MMAP = -1, -3  # glibc: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_KEEP = 256 << 20


def keep_memory() -> None:
    """Keep freed memory for the next array instead of handing it back: new pages cost more than what is done on them.

    A no-op where the C library has no mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM, _KEEP)
        mallopt(_MMAP, _KEEP)


@contextmanager
def processes(n: int) -> Iterator[Executor | None]:
    """A pool of `n` fresh processes; None where one is enough: the work is then done here."""
    keep_memory()
    if n < 2:
        yield None
        return
    # Fresh processes: forking after a library has started threads can deadlock.
    with ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=keep_memory) as pool:
        yield pool
