"""Limits on what a wrong input may take: seconds and memory."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType


class TooLong(BaseException):
    """A call took longer than it may. No `Exception`, so that nothing catches it."""


def limit_memory(beyond: int) -> None:
    """Let this process map so many bytes more than it has, where the operating system counts them."""
    status = Path("/proc/self/statm")
    if status.exists():
        now = int(status.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + beyond, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextlib.contextmanager
def limited_time(seconds: int) -> Iterator[None]:
    """Raise `TooLong` in the block after so many seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
