"""Text for terminals: colours that obey `NO_COLOR` and `FORCE_COLOR`, help in one layout, names near a wrong one."""

from __future__ import annotations

import difflib
import os
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .checks import instance

_MOST_COLUMNS = 100
_INDENT = 26


class Group(NamedTuple):
    """A group of options or commands in a help.

    Attributes:
        title: Its heading.
        rows: Name and description of each.

    Examples:
        >>> from spinharm.terminal import Group
        >>> Group("options", [("--seed INT", "Seed of the random numbers.")]).title
        'options'
    """

    title: str
    rows: Sequence[tuple[str, str]]


def is_colored(stream: Any) -> bool:
    """Whether text for a stream may have colours and bold type.

    `NO_COLOR`, set to anything but nothing, forbids it; `FORCE_COLOR` asks for it; otherwise it depends on whether the
    stream is a terminal.

    Args:
        stream: An open text stream, such as `sys.stdout`.

    Returns:
        True or False.

    Raises:
        TypeError: No stream.

    Examples:
        >>> import io
        >>> from spinharm.terminal import is_colored
        >>> is_colored(io.StringIO())
        False
    """
    if not callable(getattr(stream, "isatty", None)):
        raise TypeError(f"`stream` must be an open text stream, got {stream!r}")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def help_text(usage: str, purpose: str, groups: Sequence[Group], ending: str = "", *, colored: bool = False) -> str:
    """The help of a program or a command.

    Args:
        usage: What to type, without the word "usage".
        purpose: What it does: paragraphs, whose lines are kept.
        groups: Groups of options or commands, in their order; empty ones are left out.
        ending: Text after the groups, such as examples.
        colored: Whether headings are bold.

    Returns:
        The text, at most 100 columns wide, less on a narrower terminal.

    Raises:
        TypeError: A text that is none.

    Examples:
        >>> from spinharm.terminal import Group, help_text
        >>> print(help_text("bake [OPTIONS]", "Bake a cake.", [Group("options", [("--time INT", "Minutes.")])]))
        usage: bake [OPTIONS]
        <BLANKLINE>
        Bake a cake.
        <BLANKLINE>
        options:
          --time INT              Minutes.
    """
    for name, value in (("usage", usage), ("purpose", purpose), ("ending", ending)):
        instance(name, value, str, "text")
    width = max(60, min(_MOST_COLUMNS, shutil.get_terminal_size((_MOST_COLUMNS, 24)).columns))
    head = textwrap.fill(usage, width - 7, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
    parts = [f"{_heading('usage', colored)} {head}", purpose.strip()]
    for title, rows in groups:
        if rows:
            parts.append("\n".join([_heading(title, colored), *(_row(name, text, width) for name, text in rows)]))
    return "\n\n".join([*parts, *([ending.strip("\n")] if ending else [])])


def _heading(title: str, colored: bool) -> str:
    return f"\x1b[1m{title}:\x1b[0m" if colored else f"{title}:"


def _row(name: str, text: str, width: int) -> str:
    lines = textwrap.wrap(text, width - _INDENT, break_on_hyphens=False, break_long_words=False) or [""]
    first = f"  {name}"
    begin = first.ljust(_INDENT) + lines.pop(0) if len(first) < _INDENT - 1 else first
    return "\n".join([begin.rstrip(), *(" " * _INDENT + line for line in lines)])


def near(word: str, known: Iterable[str]) -> str:
    """A hint at the known names nearest to a word that is none of them.

    Args:
        word: The word.
        known: The names.

    Returns:
        Text to append to a message: up to three names, best first; empty if none is near.

    Raises:
        TypeError: A word that is not text.

    Examples:
        >>> from spinharm.terminal import near
        >>> near("trian", ["train", "predict"])
        "; did you mean 'train'?"
        >>> near("bake", ["train", "predict"])
        ''
    """
    instance("word", word, str, "text")
    found = difflib.get_close_matches(word, [*known], n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
