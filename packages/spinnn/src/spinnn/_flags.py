"""Conversion of dataclasses of options to flags of a command line, those of nested dataclasses without a prefix.

Metadata of a field:

- `{"flag": name}`: the flag is `--name`; with an empty name, of a nested dataclass, its options are flags of their own.
- `{"flags": kind}`: the options of the dataclass `kind` are flags in place of the field. `kind.of(value)` gives them
  and their method `made()` the value again.
- `{"formerly": name}`: the field had another name in earlier versions, which its flag may have, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from spinharm import checks
from spinharm.optional import require

T = TypeVar("T")


@functools.cache
def flag_class(kind: type) -> type:
    """The dataclass that tyro turns into flags; `kind` itself if its fields have no such metadata.

    It does not check values; `kind` does when the options are made.
    """
    hints, fields = typing.get_type_hints(kind, include_extras=True), []
    for field in dataclasses.fields(kind):
        hint, flag = hints[field.name], field.metadata.get("flag")
        inner = field.metadata.get("flags") or (flag_class(hint) if dataclasses.is_dataclass(hint) else hint)
        if "flags" in field.metadata:
            flag = ""
        if inner is hint and flag is None:
            continue
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if default is not dataclasses.MISSING:
            default = _as_flag(field, inner, default)
        if flag is not None:
            arg = require("tyro.conf", "spinnn[command]", "the command line").arg
            inner = typing.Annotated[inner, arg(name=flag)]
        fields.append((field.name, inner, dataclasses.field(default=default)))
    if not fields:
        return kind
    unchecked = {"__post_init__": lambda self: None}
    return dataclasses.make_dataclass(kind.__name__, fields, bases=(kind,), frozen=True, namespace=unchecked)


def narrowed(kind: type[T], default: Any) -> type[T]:
    """The dataclass with each field that may be one of several dataclasses as that of its default.

    Its flags are the options of that dataclass, where tyro would make a command of each.
    """
    fields = []
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        options = [option for option in typing.get_args(hint) if dataclasses.is_dataclass(option)]
        if len(options) > 1:
            value = getattr(kind() if default is None else default, name)
            fields.append((name, type(value), dataclasses.field(default=value)))
    if not fields:
        return kind
    return dataclasses.make_dataclass(kind.__name__, fields, bases=(kind,), frozen=True)


@functools.cache
def _number_rules() -> Any:
    """A registry of tyro in which integers and numbers are written in the digits 0 to 9 alone."""
    constructors = require("tyro.constructors", "spinnn[command]", "the command line")
    registry = constructors.ConstructorRegistry()
    kinds = {int: (checks.parse_integer, int), float: (checks.parse_number, (float, int))}

    @registry.primitive_rule
    def _(info: Any) -> Any:
        if info.type not in kinds:
            return None
        parse, accepted = kinds[info.type]
        return constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar=info.type.__name__.upper(),
            instance_from_str=lambda words: parse(words[0]),
            is_instance=lambda value: isinstance(value, accepted) and not isinstance(value, bool),
            str_from_instance=lambda value: [str(value)],
        )

    return registry


def plain_numbers() -> contextlib.AbstractContextManager[Any]:
    """Make tyro refuse numbers that only Python reads, such as `1_234`, `٣` and numbers with spaces."""
    return _number_rules()


def as_flags(options: Any) -> Any:
    """Options as their `flag_class`."""
    kind = type(options)
    made = flag_class(kind)
    if made is kind:
        return options
    hints = typing.get_type_hints(made)
    return made(**{
        field.name: _as_flag(field, hints[field.name], getattr(options, field.name))
        for field in dataclasses.fields(kind)
    })  # fmt: skip


def _as_flag(field: dataclasses.Field[Any], inner: Any, value: Any) -> Any:
    if "flags" in field.metadata:
        return inner.of(value)
    return as_flags(value) if dataclasses.is_dataclass(value) else value


def from_flags(kind: type[T], flags: Any) -> T:
    """Options of the type `kind` from an instance of its `flag_class`."""
    if flag_class(kind) is kind:
        return flags
    hints, values = typing.get_type_hints(kind), {}
    for field in dataclasses.fields(kind):  # pyright: ignore[reportArgumentType]
        value, hint = getattr(flags, field.name), hints[field.name]
        if "flags" in field.metadata:
            value = value.made()
        elif dataclasses.is_dataclass(hint):
            value = from_flags(typing.cast("type", hint), value)
        values[field.name] = value
    return kind(**values)


def flat_words(kind: type, words: Sequence[str]) -> list[str]:
    """Words of a command line with flags by their present names: without omitted prefixes and without former names."""
    short = dict(_long_flags(kind, ())) | dict(_former_flags(kind, ()))
    out = []
    for word in words:
        flag, equals, value = word.partition("=")
        out.append(f"--{short[flag]}{equals}{value}" if (flag := flag.replace("_", "-")) in short else word)
    return out


def _long_flags(kind: Any, prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of a flag with its optional prefix and the flag's name, for options of nested dataclasses."""
    hints, out = typing.get_type_hints(kind), []
    for field in dataclasses.fields(kind):
        name = field.name.replace("_", "-")
        if prefix:
            out.append((f"--{'.'.join((*prefix[-1:], name))}", field.metadata.get("flag") or name))
        if dataclasses.is_dataclass(hints[field.name]) and field.metadata.get("flag") == "":
            out += _long_flags(hints[field.name], (*prefix, name))
    return out


def _former_flags(kind: Any, prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each renamed option as a flag with its former name, and its present name with prefixes."""
    hints, out = typing.get_type_hints(kind), []
    for field in dataclasses.fields(kind):
        name = field.name.replace("_", "-")
        if former := field.metadata.get("formerly"):
            out.append((f"--{'.'.join((*prefix, former.replace('_', '-')))}", ".".join((*prefix, name))))
        if dataclasses.is_dataclass(hints[field.name]):
            inner = prefix if field.metadata.get("flag") == "" else (*prefix, name)
            out += _former_flags(hints[field.name], inner)
    return out
