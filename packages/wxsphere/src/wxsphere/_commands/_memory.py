"""The option `--memory` of earlier versions, which is `--memory-gib` now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from spinnn import command

_PER_GIB = {"bytes": 2**30, "MiB": 2**10}


def memory_in_gib(words: Sequence[str], unit: Literal["bytes", "MiB"]) -> list[str]:
    """Words of a command line with `--memory-gib` for `--memory`, which a line on the standard error says.

    Args:
        words: The words.
        unit: In which `--memory` was given.

    Raises:
        ValueError: A value of `--memory` that is no integer above 0.
    """
    out: list[str] = []
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag != "--memory":
            out.append(word)
            continue
        value = value if equals else next(rest, "")
        if not value.isdecimal():
            raise ValueError(f"`memory` must be a number of {unit}, got {value!r}; --memory-gib takes GiB")
        gib = int(value) / _PER_GIB[unit]
        command.warn(f"note: --memory {value} ({unit}) is --memory-gib {gib:g} now")
        out += ["--memory-gib", repr(gib)]
    return out
