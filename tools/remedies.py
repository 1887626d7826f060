"""Remedies that messages and help texts of a program name, and whether they can be typed.

Found by `ast` in the strings of a package: commands (`program command --option`, in backticks or on a line of their
own) and options alone (`--option`). A command must be one of the program's and have the options; an option alone must
be one of the command's in whose module it is named, or of any command where a library module names it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

# `--network.*` means all that begin so.
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w(?:\.\*)?")
_COMMENT = re.compile(r"\s+#.*$")
_ALWAYS = {"--help", "--help-all", "--json", "--version"}
_HOLE = "HOLE"


class Text(NamedTuple):
    """A string of a source; what an f-string puts in is `HOLE`."""

    path: Path
    line: int
    text: str


def texts(folder: Path) -> Iterator[Text]:
    """All strings of the modules in a folder, docstrings too, adjacent parts and f-strings as one."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                # A command that goes on in the next line is one.
                yield Text(path, node.lineno, node.value.replace("\\\n", " "))
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else _HOLE for part in node.values]
                yield Text(path, node.lineno, "".join(map(str, parts)))


def check_remedies(
    folder: Path, program: str, modules: Mapping[str, str], options_of: Callable[[str], Collection[str]]
) -> list[str]:
    """What cannot be typed.

    Args:
        folder: The package's sources.
        program: The program's name.
        modules: Module by command, dotted.
        options_of: Options of a command, `--like-this`.

    Returns:
        A line for each remedy that cannot be typed, with file and line.
    """
    known = {name: _ALWAYS | set(options_of(name)) for name in modules}
    everything = set().union(*known.values())
    problems = []
    for text in texts(folder):
        where = f"{text.path}:{text.line}"
        for typed in _commands_in(program, text.text):
            problems += [f"{where}: `{program} {typed}`: {why}" for why in _wrong(typed, known)]
        place = text.path.relative_to(folder).with_suffix("").parts
        here = [name for name, module in modules.items() if place == tuple(module.split(".")[1:])]
        allowed = set().union(*(known[name] for name in here)) if here else everything
        # Options of a command that is spelt out were looked at above.
        rest = _spelt(program).sub(" ", text.text)
        problems += [f"{where}: no option {option}" for option in _OPTION.findall(rest) if not _has(allowed, option)]
    return problems


def _spelt(program: str) -> re.Pattern[str]:
    return re.compile(rf"`{program} (\w[^`]*)`|^ {{2,}}{program} ([a-z].*)$", re.MULTILINE)


def _commands_in(program: str, text: str) -> list[str]:
    return [" ".join(_COMMENT.sub("", one or other).split()) for one, other in _spelt(program).findall(text)]


def _wrong(typed: str, known: Mapping[str, Collection[str]]) -> list[str]:
    words = typed.split()
    if _HOLE in words[0]:
        return []
    name = max((name for name in known if words[: name.count(" ") + 1] == name.split()), key=len, default=None)
    if name is None:
        groups = {name.split()[0] for name in known if " " in name}
        return [] if len(words) == 1 and words[0] in groups else ["no such command"]
    return [f"no option {option} of {name}" for option in _OPTION.findall(typed) if not _has(known[name], option)]


def _has(options: Collection[str], option: str) -> bool:
    return any(one.startswith(option[:-1]) for one in options) if option.endswith("*") else option in options
