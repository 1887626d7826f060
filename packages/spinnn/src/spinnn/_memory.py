"""The memory allocator of the process."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX.
_SETTINGS = ((-1, 2**31 - 1), (-2, 2**28), (-4, 0), (-8, 1))


def reuse_memory() -> bool:
    """Keep freed memory in the process for reuse; call it before JAX's first computation.

    On a CPU, XLA allocates the buffers of every step anew, tens of megabytes. By default glibc asks the operating
    system for them, page by page, and returns them at once; page faults then take a good part of a small network's
    step. After this call freed memory stays with the process, whose size stays near its peak. It does nothing except
    on Linux with glibc. Programs run by `spinnn.command.run_program` call it.

    Returns:
        Whether the allocator took the settings.

    Examples:
        >>> from spinnn import reuse_memory
        >>> isinstance(reuse_memory(), bool)
        True
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return all(bool(mallopt(parameter, value)) for parameter, value in _SETTINGS)
