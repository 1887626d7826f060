"""Exit of a command: each failure becomes one line on standard error and an exit status."""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import os
import platform
import signal
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import TypeGuard

from . import terminal

UNEXPECTED = 70
"""Exit status of an unexpected exception (EX_SOFTWARE of sysexits.h)."""

_EXPECTED = (ValueError, TypeError, OSError, MemoryError, ImportError, ArithmeticError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = ("spinharm", "spinnn", "molsphere", "wxsphere", "jax", "jaxlib", "numpy", "equinox", "xarray", "zarr", "dask")
_LONGEST = 2000
# Control and format characters (direction of writing), surrogates, separators of lines.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class Terminated(SystemExit):
    """The operating system asked the process to end (SIGTERM): exit status 143.

    Examples:
        >>> from spinharm.failures import Terminated
        >>> Terminated().code
        143
    """

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


def printable(text: str) -> str:
    r"""Text that is safe to print: control and other invisible characters become escapes such as `\x1b` or `\u202e`.

    Args:
        text: Any text, such as a name from a file; newlines and tabs are kept.

    Returns:
        The text with escapes.

    Raises:
        TypeError: `text` is not a string.

    Examples:
        >>> from spinharm.failures import printable
        >>> printable("red: \x1b[31m")
        'red: \\x1b[31m'
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` must be text, got {text!r}")
    if text.isascii() and text.isprintable():
        return text
    kept = (c if c in "\n\t" or unicodedata.category(c) not in _HIDDEN else _escaped(c) for c in text)
    return "".join(kept)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def first_line(error: BaseException) -> str:
    r"""First line of an error's message, printable and at most 2,000 characters long; the error's type if it has none.

    Args:
        error: The error.

    Returns:
        The line.

    Examples:
        >>> from spinharm.failures import first_line
        >>> first_line(ValueError("no such grid\nmore"))
        'no such grid'
        >>> first_line(MemoryError())
        'MemoryError'
    """
    lines = str(error).strip().splitlines()
    line = printable(lines[0].rstrip()) if lines else type(error).__name__
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def run(program: str, words: Sequence[str], action: Callable[[], int], *, stopped: str = "") -> int:
    """Run a command and turn its outcome into an exit status.

    An error of a documented type becomes one line and status 2. Ctrl-C becomes one line and status 130, SIGTERM one
    line and 143. Any other exception becomes one line and status 70; the line names a file with a report (traceback,
    versions, arguments).

    Args:
        program: Name of the command, the beginning of the line.
        words: The command line, for the report.
        action: The work; returns the exit status. `SystemExit` is passed on.
        stopped: Text of the line after Ctrl-C and SIGTERM: what is intact and how to continue.

    Returns:
        The exit status.

    Examples:
        >>> import contextlib, sys
        >>> from spinharm import failures
        >>> def action():
        ...     raise ValueError("no such grid")
        >>> with contextlib.redirect_stderr(sys.stdout):
        ...     failures.run("program", [], action)
        program: no such grid
        2
    """
    with _silent_destructors():
        return _ended(program, words, action, f"; {stopped}" if stopped else "")


def _ended(program: str, words: Sequence[str], action: Callable[[], int], told: str) -> int:
    """Run a command; print the line of a failure and return the exit status."""
    try:
        with _terminated():
            return action()
    except KeyboardInterrupt:
        _tell(f"{program}: interrupted{told}")
        return 128 + signal.SIGINT
    except Terminated as stop:
        _tell(f"{program}: terminated{told}")
        return int(stop.code or 0)
    except BrokenPipeError:
        # The reader of the output, such as `head`, has ended; nothing more can be printed.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + getattr(signal, "SIGPIPE", 13)
    except _EXPECTED as error:
        _tell(f"{program}: {_said(error)}")
        return 2
    except Exception as error:
        if _is_out_of_memory(error):
            _tell(f"{program}: out of memory: {first_line(error)}")
            return 2
        where = write_report(program, words, error)
        told = f"the full report is in {where}" if where else "no report could be written"
        _tell(f"{program}: unexpected {type(error).__name__}: {first_line(error)}; {told}")
        return UNEXPECTED


def write_report(program: str, words: Sequence[str], error: BaseException) -> str | None:
    """Write traceback, versions and arguments of an error to a new file in the temporary folder.

    Args:
        program: Name of the command.
        words: Its command line.
        error: The error.

    Returns:
        Path of the file; None if it cannot be written.

    Raises:
        TypeError: `program` is not a string.

    Examples:
        >>> from pathlib import Path
        >>> from spinharm.failures import write_report
        >>> path = Path(write_report("program", ["--steps", "3"], RuntimeError("lost")))
        >>> path.read_text().splitlines()[1]
        "arguments: ['--steps', '3']"
        >>> path.unlink()
    """
    if not isinstance(program, str):
        raise TypeError(f"`program` must be text, got {program!r}")
    versions = []
    for name in _SHOWN:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    lines = [
        f"{program}: {type(error).__name__}",
        f"arguments: {list(words)!r}",
        f"folder: {os.getcwd()}",
        f"python {platform.python_version()}, {platform.platform()}",
        ", ".join(versions),
        "",
        *traceback.format_exception(error),
    ]
    try:
        handle, path = tempfile.mkstemp(prefix=f"{program.partition(' ')[0]}-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
    except OSError:
        return None
    return path


def is_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error means that a disk, a quota or the largest file size is exhausted.

    Args:
        error: Any exception.

    Returns:
        True for such an `OSError`.

    Examples:
        >>> import errno
        >>> from spinharm.failures import is_full
        >>> is_full(OSError(errno.ENOSPC, "No space left on device")), is_full(ValueError("3"))
        (True, False)
    """
    return isinstance(error, OSError) and error.errno in _FULL


def _said(error: BaseException) -> str:
    if is_full(error):
        name = f"{error.filename}: " if error.filename else ""
        return printable(f"{name}{error.strerror}; existing files are unchanged")
    if isinstance(error, OSError) and error.errno and isinstance(error.filename, str):
        if isinstance(error, FileNotFoundError):
            return printable(missing(error.filename))
        return printable(f"{error.filename}: {(error.strerror or type(error).__name__).lower()}")
    return first_line(error)


def missing(path: str | os.PathLike, known: Iterable[str] = ()) -> str:
    """Text for a file or folder that is not there: one line, with names near it.

    Args:
        path: The path that was asked for.
        known: Other names that could have been meant, such as those of a catalogue.

    Returns:
        The line.

    Raises:
        TypeError: Anything other than a path.

    Examples:
        >>> from spinharm.failures import missing
        >>> missing("era5-5.7", ["era5-5.6", "hres"])
        "era5-5.7: no such file; did you mean 'era5-5.6'?"
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` must be a path, got {path!r}")
    text = os.fspath(path)
    head, name = os.path.split(text.rstrip("/"))
    there = []
    with contextlib.suppress(OSError, ValueError):
        there = [os.path.join(head, one) for one in os.listdir(head or ".")]
    hint = terminal.near(text, [*there, *known]) if name else ""
    if head and not os.path.isdir(head):
        hint = f"; there is no folder {head} either"
    return f"{text}: no such file{hint}"


def _is_out_of_memory(error: BaseException) -> bool:
    return "RESOURCE_EXHAUSTED" in str(error)[:200]


def _tell(line: str) -> None:
    # The error stream may be closed or full too.
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """Let SIGTERM raise `Terminated`, so that temporary files are removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = None
    with contextlib.suppress(ValueError):  # not in the main thread
        before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _silent_destructors() -> Iterator[None]:
    """Suppress the tracebacks of exceptions in destructors, such as those of files that could not be opened.

    Other hooks, such as those of tests, stay in place.
    """
    if sys.unraisablehook is not sys.__unraisablehook__:
        yield
        return
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = sys.__unraisablehook__
