"""Progress of long work: a bar on a terminal, a few lines in the log of a command, nothing in a library's own use."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import time
from collections.abc import Callable, Iterator

lines_wanted = contextvars.ContextVar("lines_wanted", default=False)
"""Whether a command runs, whose log should have lines of progress."""

_LINES = 10
_SECONDS = 1.0


@contextlib.contextmanager
def progress(what: str, unit: str, *, show: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A function of the steps done and of their total, which shows them on the standard error.

    Args:
        what: What is done, such as `"training"`.
        unit: What is counted, such as `"steps"`.
        show: False shows nothing.
    """
    if show and sys.stderr.isatty():
        with _bar(what, unit) as advance:
            yield advance
    elif show and lines_wanted.get():
        yield _lines(what, unit)
    else:
        yield lambda done, total: None


@contextlib.contextmanager
def _bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task, begun, start = bar.add_task(what, total=None, rate=""), time.perf_counter(), None

        def advance(done: int, total: int) -> None:
            nonlocal start
            start = done if start is None else start
            rate = (done - start) / max(time.perf_counter() - begun, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.2f} {unit}/s")

        yield advance


def _lines(what: str, unit: str) -> Callable[[int, int], None]:
    """At most about ten lines, a second or more apart."""
    shown, last = -1, -_SECONDS

    def advance(done: int, total: int) -> None:
        nonlocal shown, last
        now, share = time.perf_counter(), done * _LINES // max(total, 1)
        if share > shown and (now - last >= _SECONDS or done == total):
            print(f"{what}: {done} of {total} {unit}", file=sys.stderr, flush=True)
            shown, last = share, now

    return advance
