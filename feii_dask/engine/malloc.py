"""The C library's allocator on workers, which keeps memory that a scan has freed until memory is short."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

__all__ = ["KEPT_BYTES", "give_back_freed_memory", "keep_freed_memory"]

# Parameters of glibc's mallopt(3), and what they are set to: arrays up to its largest threshold come from the heap,
# and the heap keeps as much as a few scans use.
M_TRIM_THRESHOLD, KEPT_BYTES = -1, 256 * 1024**2
M_MMAP_THRESHOLD, LARGEST_BYTES = -3, 32 * 1024**2


@cache
def keep_freed_memory() -> bool:
    """Let this process reuse the memory that it frees, and return whether it does; once is enough.

    Dask's nannies have workers give back every 64 KiB at once (``MALLOC_TRIM_THRESHOLD_``). Each array of a scan then
    comes as fresh pages, which the kernel has to empty first: that took as long as the scans themselves.
    """
    mallopt = c_function("mallopt")
    return bool(mallopt and mallopt(M_MMAP_THRESHOLD, LARGEST_BYTES) and mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))


def give_back_freed_memory() -> bool:
    """Give the system what this process has freed, and return whether there was any: by malloc_trim(3)."""
    malloc_trim = c_function("malloc_trim")
    return bool(malloc_trim and malloc_trim(0))


def c_function(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where it is another one, which does not have it."""
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # another C library; Windows has no CDLL(None)
        return None
    return function
