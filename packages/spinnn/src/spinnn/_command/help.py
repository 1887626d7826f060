"""Help of a command from the dataclass of its options: what is required and common first, the rest on request."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shlex
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from spinharm import checks, terminal

ASKS = ("-h", "--help", "--help-all")
"""Words that ask for help."""
_ATTRIBUTES = re.compile(r"^Attributes:\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)
_NAMES = {int: "INT", float: "FLOAT", str: "TEXT", bool: "{True,False}"}


class Help(NamedTuple):
    """What the help of a command says.

    Attributes:
        kind: Dataclass of its options; the section `Attributes` of its docstring describes them.
        text: What the command does, then `examples:` with lines that can be pasted into a shell.
        common: Names of the options that `--help` shows besides those that are required; empty for all of the class
            that are not those of a nested dataclass. `--help-all` shows all.
        required: Names of options with a default that must be given nevertheless.

    Examples:
        >>> import dataclasses
        >>> from spinnn.command import Help
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     size: int = 3
        >>> Help(Options, "Grow a thing.").common
        ()
    """

    kind: type
    text: str
    common: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


class Option(NamedTuple):
    """An option of a command: how it is typed, what it takes, what it is for, and in which group it stands."""

    field: str
    flag: str
    value: str
    choices: tuple[str, ...]
    text: str
    required: bool
    group: str


def options_of(help: Help, default: Any = None) -> list[Option]:
    """The options of a command, those of nested dataclasses too.

    Args:
        help: Help of the command.
        default: Values of options that are not given; default those of the class.
    """
    return [*_walk(help.kind, default, "", "", help.required)]


def render(
    program: str, help: Help, default: Any = None, *, everything: bool, colored: bool, more: Sequence[Option] = ()
) -> str:
    """The text of `--help` or, with `everything`, of `--help-all`."""
    given = {one.flag for one in more}
    options = [one for one in options_of(help, default) if one.flag not in given]
    required = [one for one in options if one.required]
    common = [*more, *(one for one in options if not one.required and _is_common(one, help))]
    rest = [one for one in options if not one.required and not _is_common(one, help)]
    groups = [_group("required", required), _group("options", common)]
    if everything:
        titles = dict.fromkeys(one.group for one in rest)
        groups += [_group(title or "more options", [one for one in rest if one.group == title]) for title in titles]
    purpose, found, examples = help.text.partition("\n\nexample")
    flags = [("-h, --help", "show this text")]
    if rest:
        flags.append(("--help-all", f"show {len(rest)} more options" if not everything else "show all options"))
    groups.append(terminal.Group("help", flags))
    words = " ".join(f"{one.flag} {one.value}".strip() for one in required)
    return terminal.help_text(
        " ".join(filter(None, (program, words, "[OPTIONS]"))),
        purpose,
        groups,
        f"example{examples}" if found else "",
        colored=colored,
    )


def _is_common(option: Option, help: Help) -> bool:
    return option.field in help.common and "." not in option.flag if help.common else not option.group


def _group(title: str, options: Sequence[Option]) -> terminal.Group:
    rows = [(f"{one.flag} {one.value}".strip(), one.text) for one in options]
    return terminal.Group(title, rows)


def examples_of(text: str, program: str) -> list[list[str]]:
    r"""The examples of a command's help as words after the program's name, as a shell splits them.

    Args:
        text: Text of the help.
        program: The program's name.

    Returns:
        The words of each example.

    Raises:
        TypeError: A text that is none.
        ValueError: A line that a shell would refuse, such as one with a quotation that does not end.

    Examples:
        >>> from spinnn.command import examples_of
        >>> examples_of("Grow.\n\nexamples:\n  program grow --name 'a b'   # two words", "program")
        [['grow', '--name', 'a b']]
    """
    for name, value in (("text", text), ("program", program)):
        checks.instance(name, value, str, "text")
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines() if line.startswith(f"  {program} ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def _walk(kind: type, default: Any, prefix: str, group: str, required: Sequence[str]) -> Iterator[Option]:
    hints, texts = typing.get_type_hints(kind, include_extras=True), _texts(kind)
    for field in dataclasses.fields(kind):
        hint, flag = hints[field.name], field.metadata.get("flag")
        value = _default(field) if default is None else getattr(default, field.name)
        name = flag or field.name.replace("_", "-")
        if (flags := field.metadata.get("flags")) is not None:
            yield from _walk(flags, flags.of(value), prefix, group, ())
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            inner, title = (prefix, group or "training") if flag == "" else (f"{prefix}{name}.", f"{prefix}{name}")
            yield from _walk(type(value), value, inner, title, ())
        else:
            must = value is dataclasses.MISSING or (field.name in required and not value)
            yield _option(field.name, hint, value, f"{prefix}{name}", texts.get(field.name, ""), must, group)


def _option(field: str, hint: Any, value: Any, name: str, text: str, required: bool, group: str) -> Option:
    positional, repeated = "Positional" in str(hint), "AppendAction" in str(hint)
    value_text, choices = _taken(hint)
    if hint is bool or (typing.get_origin(hint) is Annotated and typing.get_args(hint)[0] is bool):
        return Option(field, f"--no-{name}" if value is True else f"--{name}", "", (), _ended(text), required, group)
    flag = name.upper() if positional else f"--{name}"
    if positional:
        value_text = "..." if "..." in value_text else ""
    if repeated:
        value_text = value_text.split(" ")[0]
    shown = _shown(value)
    if shown and not required and "default" not in text.lower():
        text = f"{text.rstrip('.')}; default {shown}."
    return Option(field, flag, value_text, choices, _ended(text), required, group)


def _ended(text: str) -> str:
    return text if not text or text.endswith((".", "…")) else f"{text}."


def _taken(hint: Any) -> tuple[str, tuple[str, ...]]:
    """The words that an option of a type takes, and the choices that there are."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _taken(inner[0])
    if origin is Literal:
        choices = tuple(map(str, inner))
        return "{" + ",".join(choices) + "}", choices
    if origin in (typing.Union, types.UnionType):
        kinds = [one for one in inner if one is not type(None)]
        return _taken(kinds[-1])
    if origin is tuple:
        if inner[1:] == (...,):
            text, choices = _taken(inner[0])
            return f"{text} ...", choices
        return " ".join(_taken(one)[0] for one in inner), ()
    if origin is dict:
        return "NAME VALUE ...", ()
    return _NAMES.get(hint, "VALUE"), ()


def _shown(value: Any) -> str:
    if value is None or value is dataclasses.MISSING or value is False or value in ((), "", {}):
        return ""
    if isinstance(value, tuple):
        return " ".join(map(_shown, value)) if not any(isinstance(one, tuple) for one in value) else ""
    if isinstance(value, float):
        return f"{value:g}"
    return "" if isinstance(value, dict) else str(value)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _texts(kind: type) -> dict[str, str]:
    """Descriptions of the attributes in the docstrings of a dataclass and of those that it is based on."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        section = _ATTRIBUTES.search(inspect.cleandoc(base.__doc__ or "") + "\n")
        if section is None:
            continue
        name = ""
        for line in section[1].splitlines():
            begin = re.match(r"    (\w+)(?: \([^)]*\))?: (.*)", line)
            if begin:
                name, found[begin[1]] = begin[1], begin[2]
            elif name and line.strip():
                found[name] += f" {line.strip()}"
    return found
