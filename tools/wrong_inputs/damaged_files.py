"""Damaged files for everything that reads files: `python -m wrong_inputs.damaged_files --seed N --count 2000`.

Readers must return, or raise `ValueError` or `OSError` with a message. Commands must end with exit status 0, 1 or 2,
and after an error with one line. Whether what was read is right is for the tests of the readers to say.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .arguments import place
from .damage import damaged
from .kinds_of_files import Kind, kinds
from .limits import TooLong, limit_memory, limited_time
from .tries import Tries, given, part_of

_SECONDS = 30
_MEMORY = 8 * 2**30
# Of so many damaged files one goes through a command too.
_COMMAND_EVERY = 8
_STATUSES = (0, 1, 2)


def main() -> int:
    """Try in the current folder; the last line of the output is a JSON object of counts and findings."""
    options = given(__doc__, 2000, "damaged files", "kinds whose names")
    found = kinds(Path("good"))
    others = [kind.path for kind in found if kind.path.is_file()]
    chosen = [kind for kind in found if options.only in kind.path.name]
    limit_memory(_MEMORY)
    tries = Tries(options.start)
    total = sum(kind.share for kind in chosen)
    for kind in part_of(chosen, options.part):
        for number in range(-(-round(options.count * kind.share) // max(round(total), 1))):
            _try(kind, number, others, f"{options.seed} {kind.path.name} {number}", tries)
    tries.tell()
    return 0


def _try(kind: Kind, number: int, others: Sequence[Path], seed: str, tries: Tries) -> None:
    """One damaged file: each reader, and sometimes a command."""
    rng = random.Random(seed)
    made = damaged(kind.path, others, Path("bad"), rng)
    tries.counts["files"] += tries.is_due
    for name, reader in kind.readers.items():
        if tries.begin(f"{kind.path.name} {name}", str(number), made.label):
            outcome, detail = _read(reader, made.path)
            tries.note(f"{kind.path.name} {name}", str(number), made.label, outcome, detail)
    if kind.commands and number % _COMMAND_EVERY == 0:
        program, words = kind.commands[number // _COMMAND_EVERY % len(kind.commands)]
        if tries.begin(words, str(number), made.label):
            outcome, detail = command_outcome(program, words.replace("FILE", str(made.path)).split(), 2 * _SECONDS)
            tries.note(words, str(number), made.label, outcome, detail)


def _read(reader: Any, path: Path) -> tuple[str, str]:
    quiet = io.StringIO()
    try:
        with limited_time(_SECONDS), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            reader(path)
    except TooLong as error:
        return "not allowed", f"{error} at {place(error)}"
    except (ValueError, OSError) as error:
        if not str(error).strip():
            return "not allowed", f"{type(error).__name__} without a message at {place(error)}"
        return type(error).__name__, ""
    except Exception as error:
        return "not allowed", f"{type(error).__name__}: {str(error)[:160]!r} at {place(error)}"
    return "returned", ""


def command_outcome(program: Any, words: list[str], seconds: int) -> tuple[str, str]:
    """How a command line ends: its status and the last line of its errors, or `not allowed` and why."""
    for left in Path().glob("bad-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    said, told = io.StringIO(), io.StringIO()
    try:
        with limited_time(seconds), contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            status = program(words)
    except SystemExit as stop:
        # As argparse ends.
        status = stop.code
    except TooLong as error:
        return "not allowed", f"{error} at {place(error)}"
    except BaseException as error:
        return "not allowed", f"{type(error).__name__}: {str(error)[:160]!r} at {place(error)}"
    lines = told.getvalue().splitlines()
    last = lines[-1] if lines else ""
    if status not in _STATUSES or "Traceback" in told.getvalue():
        return "not allowed", f"status {status}: {last}"
    if status == 2 and not lines:
        return "not allowed", "status 2 without a line"
    return f"status {status}", last


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
