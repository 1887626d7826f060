"""Options out of words, by tyro."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_FRAME = re.compile(r"[\s╭─╮│╰╯]+")


def parse(kind: type[T], name: str, words: Sequence[str], text: str, default: T | None = None) -> T:
    """The options of a command.

    Args:
        kind: Frozen dataclass of the options.
        name: The command.
        words: The command line after the command.
        text: What the help says, with examples.
        default: What options have that are not given; default those of `kind`.

    Raises:
        ValueError: Words that are no options, or values that are none.
        SystemExit: 0 after `--help`.
    """
    import tyro

    prog, told = f"wxsphere {name}", io.StringIO()
    try:
        # tyro draws a box around an error; ours are one line.
        with contextlib.redirect_stderr(told):
            if default is None:
                return tyro.cli(kind, args=list(words), prog=prog, description=text)
            return tyro.cli(kind, args=list(words), prog=prog, description=text, default=default)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(_FRAME.sub(" ", told.getvalue()).strip() or f"see {prog} --help") from None
