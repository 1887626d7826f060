"""`molsphere qm9 fetch`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from spinnn import command

from .._files.fetch import Progress, fetch_qm9
from .._files.qm9 import read_qm9
from .._options.qm9 import QM9_FETCH, QM9FetchOptions


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(QM9FetchOptions, f"molsphere {name}", words, QM9_FETCH)
    with _bar() as progress:
        path = fetch_qm9(options.out, progress=progress)
    command.say(f"verified {path}")
    if options.npz:
        data = read_qm9(path)
        command.say(str(data))
        data.save(path.parent / "qm9.npz")
        command.say(f"wrote {path.parent / 'qm9.npz'}")
    return 0


@contextlib.contextmanager
def _bar() -> Iterator[Progress | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress as Bars, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def progress(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done)  # pyright: ignore[reportArgumentType]

        yield progress
