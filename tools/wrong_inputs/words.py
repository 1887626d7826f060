"""Words that are wrong for options, by the type of the option."""

from __future__ import annotations

import random
import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

# Wrong for all that are not any text.
_NEVER = (
    "", " ", "-", "text", "a b", "é\u2028", "\x1b[2J", "a\x00b", "../..", "[1]", "{}", "=1+1", "1,2", "*", "2020-13-45",
    "x" * 5000, "\udcff", "1_234", "٣", "1_0.5", "nan", "inf", "-inf", "1e400", "0x10", "1.5.5", "½", "1 2",
    "9" * 5000, "--1", "none", "truth", "%s", "~", "$HOME",
)  # fmt: skip
_INTEGER = ("1.5", "1e3", "-0.5", "0.0", "True")
_NUMBER = ("True", "1,5", "1e", "--5")
_CHOICE = ("1.5", "0", "-1", "True", "None")
_FLAG = ("1.5", "0", "yes", "false")
# Wrong unless the option says otherwise.
_RANGE = {"integer": ("-1", "0", "9" * 30), "number": ("-1", "0")}
_TEXTS = (
    "", " ", "-", "--", "-1", "0", "1", "3", "1.5", "nan", "inf", "1e400", "9" * 30, "True", "None", "text", "a b",
    "é\u2028", "\x1b[2J", "a\x00b", "good/..", "missing.nc", "good", "good/model.spinnn", "[1]", "{}", "=1+1", "1,2",
    "*", "2020-13-45", "x" * 5000, "--help=", "1_234", "٣", "\udcff", "good/labels.csv/out",
)  # fmt: skip

# Texts that are right only where any text is.
NONSENSE = frozenset({"text", "a b", "\x1b[2J", "[1]", "{}", "=1+1", "1,2", "*", "2020-13-45", "1e400", "\udcff"})


class Type(NamedTuple):
    """What an option takes.

    Attributes:
        kind: `text`, `integer`, `number`, `choice` or `flag`.
        before: Words that must stand before a word.
        times: How often a word is repeated.
        none: Whether `None` may be given.
    """

    kind: str
    before: tuple[str, ...] = ()
    times: int = 1
    none: bool = False


def type_of(hint: Any) -> Type:
    """The type of an option by that of its field."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return type_of(inner[0])
    if origin is Literal:
        return Type("choice")
    if origin is tuple:
        one = type_of(inner[0])
        if one.kind == "flag":
            one = one._replace(kind="choice")
        return one._replace(times=one.times * (1 if inner[1:] == (...,) else len(inner)))
    if origin is dict:
        return type_of(inner[1])._replace(before=("2m_temperature",))
    if origin in (typing.Union, types.UnionType):
        kinds = [one for one in inner if one is not type(None)]
        return type_of(kinds[-1])._replace(none=type(None) in inner)
    return Type({int: "integer", float: "number", bool: "flag", str: "text"}[hint])


def wrong_words(of: Type, may_be: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Words that an option must refuse; for a text, words that it may refuse.

    Args:
        of: What it takes.
        may_be: Words at the edge that it takes.
        count: At least how many, as far as there are so many.
        rng: Chooses.
    """
    if of.kind == "text":
        return rng.sample(_TEXTS, min(count, len(_TEXTS)))
    more = {"integer": _INTEGER, "number": _NUMBER, "choice": _CHOICE, "flag": _FLAG}[of.kind]
    words = [word for word in (*_NEVER, *more) if not (of.none and word in ("None", "none"))]
    if of.kind == "choice":
        words = [word for word in words if word not in may_be]
    edges = [word for word in _RANGE.get(of.kind, ()) if word not in may_be]
    return [*edges, *rng.sample(words, min(count - len(edges), len(words)))]
