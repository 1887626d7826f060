"""What commands print."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_FILES = 120


def _console(*, error: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_FILES
    # Units stand in brackets, which rich would take for markup.
    return Console(file=stream, markup=False, highlight=False, width=width)


def say(text: str) -> None:
    """A line on the standard output, flushed."""
    _console().print(text, soft_wrap=True)
    sys.stdout.flush()


def warn(text: str) -> None:
    """A line on the standard error."""
    _console(error=True).print(text, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on the standard output, all columns but the first to the right."""
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for at, column in enumerate(columns):
        made.add_column(column, justify="right" if at else "left")
    for row in rows:
        made.add_row(*row)
    console = _console()
    console.print(made)


def figure(value: float) -> str:
    """A number with four digits."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
