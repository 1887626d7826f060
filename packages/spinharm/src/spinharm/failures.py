"""How a program ends: each failure as one line on the standard error and an exit status; packages above use it."""

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
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TypeGuard

UNEXPECTED = 70
"""Exit status of an exception that nobody foresaw (EX_SOFTWARE of sysexits.h)."""

_EXPECTED = (ValueError, TypeError, OSError, MemoryError, ImportError, ArithmeticError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = ("spinharm", "spinnn", "molsphere", "wxsphere", "jax", "jaxlib", "numpy", "equinox", "xarray", "zarr", "dask")
_LONGEST = 2000
# Control characters, those that turn the direction of writing, halves of surrogate pairs, separators of lines.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


class Terminated(SystemExit):
    """The operating system asked the process to end (SIGTERM): exit status 143."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


def printable(text: str) -> str:
    r"""Text for a terminal: characters that would act on it, and not be seen, are written as `\x1b` or `\u202e`.

    Args:
        text: Anything, such as a name out of a file; newlines and tabs stay.

    Returns:
        The text.
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
    """What an error says, as one printable line of at most 2,000 characters; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    line = printable(lines[0].rstrip()) if lines else type(error).__name__
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def run(program: str, words: Sequence[str], action: Callable[[], int], *, stopped: str = "") -> int:
    """Run a command, and turn however it ends into an exit status.

    An error of a documented type becomes one line and status 2. Ctrl-C becomes one line and status 130, SIGTERM one
    line and 143. Any other exception becomes one line and status 70, with a report (traceback, versions, arguments) in
    a file whose name is in the line.

    Args:
        program: What the line begins with.
        words: The command line, for the report.
        action: Does the work; its value is the exit status. `SystemExit` passes.
        stopped: What the line after Ctrl-C and SIGTERM says: what is intact, and how to go on.

    Returns:
        The exit status.
    """
    with _silent_destructors():
        return _ended(program, words, action, f"; {stopped}" if stopped else "")


def _ended(program: str, words: Sequence[str], action: Callable[[], int], told: str) -> int:
    """The exit status of a command, after a line where it does not end well."""
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
        # Who read the output has gone, as `head` does; nothing more can be said there.
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
        program: The program.
        words: Its command line.
        error: What happened.

    Returns:
        The file; None if it cannot be written.
    """
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
        handle, path = tempfile.mkstemp(prefix=f"{program.split()[0]}-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
    except OSError:
        return None
    return path


def is_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error says that a disk, a quota or the largest size of a file is reached."""
    return isinstance(error, OSError) and error.errno in _FULL


def _said(error: BaseException) -> str:
    if is_full(error):
        name = f"{error.filename}: " if error.filename else ""
        return printable(f"{name}{error.strerror}; files that stood there before are as they were")
    return first_line(error)


def _is_out_of_memory(error: BaseException) -> bool:
    return "RESOURCE_EXHAUSTED" in str(error)[:200]


def _tell(line: str) -> None:
    # The error stream may be closed or full too; there is nobody left to tell.
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """SIGTERM raises `Terminated`, so that temporary files go."""

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
    """Keep from the user what objects raise while they are taken down, as files do that could not be opened.

    Python would print a traceback. Where somebody else listens for these, as tests do, they still hear of them.
    """
    if sys.unraisablehook is not sys.__unraisablehook__:
        yield
        return
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = sys.__unraisablehook__
