"""Memory of the process, on CPUs."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX.
_SETTINGS = ((-1, 2**31 - 1), (-2, 2**28), (-4, 0), (-8, 1))


def reuse_memory() -> bool:
    """Let the process keep the memory that it frees; call it before JAX's first computation.

    XLA allocates the buffers of a step on a CPU anew in every step, tens of megabytes. glibc gets such from the
    operating system, page by page, and gives them back at once; page faults then take a good part of a small network's
    step. With this, freed memory stays with the process, whose size stays near its peak. Elsewhere than on Linux with
    glibc nothing is done. The programs of `spinnn.command` call it.

    Returns:
        Whether the allocator took the settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return all(bool(mallopt(parameter, value)) for parameter, value in _SETTINGS)
