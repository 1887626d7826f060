"""Every argument of every public function with wrong values: `python -m wrong_inputs.arguments PACKAGE --seed N`."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import random
import sys
import traceback
from pathlib import Path
from typing import Any

from .calls import Call, documented, public_modules, public_names
from .limits import TooLong, limit_memory, limited_time
from .tries import Tries, given, part_of
from .values import wrong_values

_ALWAYS = {"TypeError", "ValueError", "ImportError", "OSError"}
_SECONDS = 60
_MEMORY = 6 * 2**30


def main() -> int:
    """Try a package in the current folder; the last line of the output is a JSON object of counts and findings."""
    options = given(__doc__, 24, "wrong values for each argument", "names", "package")
    registry = importlib.import_module(f"wrong_inputs.of_{options.package}")
    calls: list[Call] = registry.calls()
    wanted = {*public_names(registry.MODULES), *public_modules(options.package)}
    missing = sorted(wanted - {call.name for call in calls} - {*registry.MODULES, *registry.LEFT_OUT})
    chosen = part_of([call for call in calls if options.only in call.name], options.part)
    limit_memory(_MEMORY)
    tries = Tries(options.start)
    for call in chosen:
        try_call(call, options.seed, options.count, tries)
    tries.tell(missing=missing)
    return 0


def try_call(call: Call, seed: int, count: int, tries: Tries) -> None:
    """All tries of a call, `count` for each of its arguments."""
    allowed = _ALWAYS | documented(call.function) | set(call.allowed)
    valid = call.arguments()
    outcome, detail = _outcome(call, dict(valid), set())
    if outcome != "returned" and not call.fails:
        tries.note(call.name, "", "the valid call", "not allowed", detail)
    for argument in valid:
        if argument in call.fixed:
            continue
        rng = random.Random(f"{seed} {call.name} {argument}")
        for number, wrong in enumerate(wrong_values(valid[argument], count, rng)):
            if not tries.begin(call.name, argument, wrong.label):
                continue
            tries.counts["arguments"] += number == 0
            outcome, detail = _outcome(call, {**call.arguments(), argument: wrong.make()}, allowed)
            tries.note(call.name, argument, wrong.label, outcome, detail)


def _outcome(call: Call, arguments: dict[str, Any], allowed: set[str]) -> tuple[str, str]:
    """How a call ends: `returned`, the name of an allowed exception, or `not allowed` and why."""
    quiet = io.StringIO()
    positional = arguments.pop("*", ())
    try:
        with limited_time(_SECONDS), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            call.function(*positional, **arguments)
    except TooLong as error:
        return "not allowed", f"{error} at {place(error)}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        names = [kind.__name__ for kind in type(error).__mro__]
        if allowed.intersection(names):
            return next(name for name in names if name in allowed), ""
        return "not allowed", f"{names[0]}: {str(error)[:160]!r} at {place(error)}"
    return "returned", ""


def place(error: BaseException) -> str:
    """The innermost line of one of the packages."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/src/" in f.filename and "site-packages" not in f.filename
    ]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
