"""How the C library hands memory back."""

from __future__ import annotations

import ctypes

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
