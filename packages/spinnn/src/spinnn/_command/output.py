"""Output of commands: lines, tables, results as JSON."""

from __future__ import annotations

import contextlib
import contextvars
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spinharm import checks, failures
from spinharm.optional import require

from .. import _progress

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_FILES = 120
_json = contextvars.ContextVar("_json", default=False)


@contextlib.contextmanager
def machine_readable(wanted: bool) -> Iterator[None]:
    """Within, `result` prints JSON on the standard output, and all else goes to the standard error.

    Args:
        wanted: False changes nothing.

    Raises:
        TypeError: Anything other than True or False.

    Examples:
        >>> from spinnn import command
        >>> with command.machine_readable(True):
        ...     command.say("for people")
        ...     command.result({"rmse": 1.5})
        {"rmse": 1.5}
    """
    checks.flag("wanted", wanted)
    token = _json.set(wanted)
    try:
        yield
    finally:
        _json.reset(token)


def is_machine_readable() -> bool:
    """Whether the command was called with `--json`.

    Examples:
        >>> from spinnn import command
        >>> command.is_machine_readable()
        False
    """
    return _json.get()


def result(values: Mapping[str, Any]) -> None:
    """Print the result of a command as one JSON object, if it was called with `--json`; else nothing.

    Numbers that are not finite become null.

    Args:
        values: JSON types by name.

    Raises:
        TypeError: Something else than a mapping of JSON types.

    Examples:
        >>> from spinnn import command
        >>> command.result({"rmse": 1.5})
    """
    checks.instance("values", values, Mapping, "a mapping of JSON types")
    text = json.dumps(_finite(dict(values)), ensure_ascii=False, allow_nan=False)
    if _json.get():
        print(text, flush=True)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else None
    return value


def _stream(*, error: bool = False) -> Any:
    return sys.stderr if error or _json.get() else sys.stdout


def _console() -> Console:
    stream = _stream()
    width = None if stream.isatty() else _WIDTH_OF_FILES
    # Units stand in brackets, which rich would take for markup.
    make = require("rich.console", "spinnn[command]", "the command line").Console
    return make(file=stream, markup=False, highlight=False, width=width)


def say(text: str) -> None:
    """Print a line on the standard output, flushed; control characters are shown as escapes.

    With `--json` the line goes to the standard error, as those of `table` do.

    Examples:
        >>> from spinnn import command
        >>> command.say("wrote scores.nc")
        wrote scores.nc
    """
    print(failures.printable(text), file=_stream(), flush=True)


def warn(text: str) -> None:
    """Print a line on the standard error; control characters are shown as escapes.

    Examples:
        >>> from spinnn import command
        >>> command.warn("left out: 3 of 10 molecules")
    """
    print(failures.printable(text), file=_stream(error=True), flush=True)


def progress(what: str, unit: str) -> contextlib.AbstractContextManager[Callable[[int, int], None]]:
    """A function of the steps done and of their total: a bar on a terminal, a few lines in a log, on standard error.

    Args:
        what: What is done, such as `"training"`.
        unit: What is counted, such as `"steps"`.

    Returns:
        A context manager that gives the function.

    Raises:
        TypeError: A text that is none.

    Examples:
        >>> from spinnn import command
        >>> with command.progress("simulating", "states") as advance:
        ...     advance(1, 2)
    """
    for name, value in (("what", what), ("unit", unit)):
        checks.instance(name, value, str, "text")
    return _progress.progress(what, unit)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on the standard output, all columns but the first to the right.

    Examples:
        >>> from spinnn import command
        >>> command.table("Errors", ("name", "rmse"), [("temperature", command.figure(1.23456))])
        Errors
        name         rmse...
        temperature  1.235...
    """
    console = _console()
    from rich.table import Table

    made = Table(title=failures.printable(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for at, column in enumerate(columns):
        made.add_column(failures.printable(column), justify="right" if at else "left")
    for row in rows:
        made.add_row(*map(failures.printable, row))
    console.print(made)


def figure(value: float) -> str:
    """A number with four digits.

    Examples:
        >>> from spinnn import command
        >>> command.figure(0.0123456), command.figure(123456.7)
        ('0.01235', '123,457')
    """
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
