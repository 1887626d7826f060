"""Resuming after an interruption: exclusive use of a folder, and comparison of a run's options."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from .files import FileWarning

try:
    import fcntl
except ImportError:  # Windows: there, two processes that find a dead lock in the same moment may both take it
    fcntl = None

LOCK = ".lock"
"""Name of the file in a folder that names the process working there."""
_held: dict[Path, int] = {}


@contextlib.contextmanager
def claimed(folder: str | os.PathLike, lock: str | os.PathLike | None = None) -> Iterator[None]:
    """Reserve a folder for this thread: a lock file names process and host until the block ends.

    The lock of a process of this host that has ended is taken over, with a warning. The same thread may nest such
    blocks. A folder that was made for the lock is removed again if it stayed empty.

    Args:
        folder: The folder; made if it is missing.
        lock: The lock file; default `.lock` in the folder.

    Yields:
        Nothing.

    Raises:
        ValueError: Another process, or another thread of this one, works in the folder; or a process of another host
            may do so.

    Warns:
        FileWarning: A lock was taken over.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.resume import claimed
        >>> with claimed("run"):
        ...     Path("run/.lock").exists()
        True
        >>> Path("run/.lock").exists()
        False
    """
    folder = Path(folder)
    path = (folder / LOCK if lock is None else Path(lock)).absolute()
    if _held.get(path) == threading.get_ident():
        yield
        return
    made = _make(path.parent)
    try:
        _take(folder, path)
        _held[path] = threading.get_ident()
        try:
            yield
        finally:
            del _held[path]
            path.unlink(missing_ok=True)
    finally:
        for one in reversed(made):
            with contextlib.suppress(OSError):
                one.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make a folder and its missing parents; the new ones, outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _take(folder: Path, path: Path) -> None:
    ours = {"process": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}
    handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(ours, file)
        with _alone(path.parent):
            try:
                # A link, unlike a new file, is there with its content or not at all.
                os.link(temporary, path)
            except FileExistsError:
                theirs = _read(path)
                _refuse_living(folder, path, theirs)
                told = f"{folder}: process {theirs.get('process')} locked it and has ended; its lock is taken over"
                warnings.warn(told, FileWarning, stacklevel=5)
                os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
        return {"process": int(values["process"]), "host": str(values["host"]), "started": values.get("started")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # Cut off by a full disk or a power failure.
        return {}


def _refuse_living(folder: Path, path: Path, theirs: Mapping[str, Any]) -> None:
    if not theirs:
        raise ValueError(f"{path} cannot be read, so that {folder} may be in use; remove it if no process works there")
    if theirs["host"] != socket.gethostname():
        raise ValueError(
            f"{folder} is in use by process {theirs['process']} on host {theirs['host']}; choose another folder, or "
            f"remove {path} if that process has ended"
        )
    if _lives(theirs["process"], theirs["started"]):
        raise ValueError(
            f"{folder} is in use by process {theirs['process']} on this host; wait until it ends, or choose another "
            f"folder"
        )


def _lives(process: int, started: Any) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    # Numbers of processes are used again.
    now = _started(process)
    return started is None or now is None or started == now


def _started(process: int) -> int | None:
    """Start time of a process in clock ticks since boot; None where it is not known."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from inspecting locks of the folder during the block."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network drives cannot; the link above is enough there but for dead locks.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_same(where: str | os.PathLike, before: Any, now: Any, *, leave_out: Collection[str] = ()) -> None:
    """Refuse to resume a run with options other than those it was started with.

    Args:
        where: The run's folder, for the message.
        before: The options that the run was started with, of JSON types.
        now: The options given now, of JSON types.
        leave_out: Names at the outermost level that may differ.

    Raises:
        ValueError: The options differ; the message has their dotted names and both values.

    Examples:
        >>> from spinnn.resume import check_same
        >>> check_same("run", {"training": {"epochs": 3}}, {"training": {"epochs": 5}})
        Traceback (most recent call last):
            ...
        ValueError: run was started with other options: training.epochs (3, now 5); ...
    """
    one, other = (
        {k: v for k, v in x.items() if k not in leave_out} if isinstance(x, dict) else x for x in (before, now)
    )
    if changed := _differences(one, json.loads(json.dumps(other))):
        raise ValueError(
            f"{os.fspath(where)} was started with other options: {', '.join(changed)}; give those again, or choose "
            f"another folder"
        )


def _differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Dotted names of what differs in two JSON values, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [found for n in names for found in _differences(one.get(n), other.get(n), f"{where}.{n}".lstrip("."))]
    return [] if one == other else [f"{where or 'its value'} ({_short(one)}, now {_short(other)})"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def cores() -> int:
    """Number of processor cores that this process may use; the rounding of sums depends on it.

    Returns:
        The number, at least 1.

    Examples:
        >>> from spinnn.resume import cores
        >>> cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def warn_of_cores(where: str | os.PathLike, before: int | None) -> None:
    """Warn that a run resumes with another number of cores, so that its results may differ by rounding.

    Args:
        where: The run's folder, for the message.
        before: `cores()` when the run was started, or None if that is not known.

    Warns:
        FileWarning: The numbers differ.

    Examples:
        >>> from spinnn.resume import cores, warn_of_cores
        >>> warn_of_cores("run", cores())  # as many as before: silent
    """
    if before is not None and before != cores():
        warnings.warn(
            f"{os.fspath(where)}: started with {before} cores, resumes with {cores()}: results may differ in the last "
            f"digits from those of a run without interruption",
            FileWarning,
            stacklevel=3,
        )
