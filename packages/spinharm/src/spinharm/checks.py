"""Checks of arguments with uniform error messages, for this package and those built on it."""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Sequence

import numpy as np

# What NumPy and JAX count and seed with.
_LARGEST = 2**63 - 1


def integer(name: str, value: object, minimum: int | None = None, maximum: int = _LARGEST) -> int:
    """Check an integer and return it as `int`.

    Args:
        name: Name of the argument in messages.
        value: An integer of any type; floats and `bool` are refused.
        minimum: The least value allowed; None for any of 64 bits.
        maximum: The largest value allowed; default what 64 bits hold.

    Returns:
        The integer.

    Raises:
        TypeError: Not an integer.
        ValueError: Below `minimum` or above `maximum`.

    Examples:
        >>> from spinharm.checks import integer
        >>> integer("steps", 3, 1)
        3
        >>> integer("steps", 0, 1)
        Traceback (most recent call last):
        ValueError: `steps` must be at least 1, got 0
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise TypeError(f"`{name}` must be an integer, got {value!r}") from None
    minimum = -_LARGEST if minimum is None else minimum
    if number < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}, got {number}")
    if number > maximum:
        got = number if number.bit_length() < 1000 else f"one of {number.bit_length()} bits"
        raise ValueError(f"`{name}` must be at most {maximum}, got {got}")
    return number


def number(name: str, value: object, *, above: float = -math.inf, below: float = math.inf) -> float:
    """Check a finite number and return it as `float`.

    Args:
        name: Name of the argument in messages.
        value: A real number; `bool` is refused.
        above: Exclusive lower bound.
        below: Exclusive upper bound.

    Returns:
        The number.

    Raises:
        TypeError: Not a number.
        ValueError: Not finite, or out of bounds.

    Examples:
        >>> from spinharm.checks import number
        >>> number("rate", 1, above=0.0)
        1.0
        >>> number("rate", 0, above=0.0)
        Traceback (most recent call last):
        ValueError: `rate` must be finite and above 0, got 0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise TypeError(f"`{name}` must be a number, got {value!r}")
    if not (abs(value) <= sys.float_info.max and above < value < below):
        bounds = [f"above {above:g}"] * (above > -math.inf) + [f"below {below:g}"] * (below < math.inf)
        raise ValueError(f"`{name}` must be {' and '.join(['finite', *bounds])}, got {value!r}")
    return float(value)


def flag(name: str, value: object) -> None:
    """Check that a value is True or False; a text such as "no" would count as true.

    Args:
        name: Name of the argument in messages.
        value: True or False, of Python or NumPy.

    Raises:
        TypeError: Anything else.

    Examples:
        >>> from spinharm.checks import flag
        >>> flag("plots", True)
        >>> flag("plots", "no")
        Traceback (most recent call last):
        TypeError: `plots` must be True or False, got 'no'
    """
    instance(name, value, (bool, np.bool_), "True or False")


def parse_integer(text: str) -> int:
    """Read an integer from a command line: a sign and the digits 0 to 9.

    Python's `int` also takes `1_234`, digits of other scripts and spaces, which are more often slips.

    Args:
        text: The word of the command line.

    Returns:
        The integer.

    Raises:
        TypeError: `text` is not a string.
        ValueError: Another text.

    Examples:
        >>> from spinharm.checks import parse_integer
        >>> parse_integer("-12")
        -12
        >>> parse_integer("1_234")
        Traceback (most recent call last):
        ValueError: must be an integer in the digits 0 to 9, got '1_234'
    """
    instance("text", text, str, "text")
    if not re.fullmatch(r"[+-]?[0-9]{1,1000}", text):
        raise ValueError(f"must be an integer in the digits 0 to 9, got {text!r:.80}")
    return int(text)


def parse_number(text: str) -> float:
    """Read a number from a command line: a decimal fraction in the digits 0 to 9, perhaps with an exponent.

    Args:
        text: The word of the command line.

    Returns:
        The number, which may be infinite or NaN where the text says so.

    Raises:
        TypeError: `text` is not a string.
        ValueError: Another text, such as `1_0.5`, which Python's `float` takes.

    Examples:
        >>> from spinharm.checks import parse_number
        >>> parse_number("1.5e-3")
        0.0015
        >>> parse_number("1_0.5")
        Traceback (most recent call last):
        ValueError: must be a number in the digits 0 to 9, got '1_0.5'
    """
    instance("text", text, str, "text")
    try:
        if not text.isascii() or "_" in text or text != text.strip():
            raise ValueError
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number in the digits 0 to 9, got {text!r:.80}") from None


def instance(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Check that a value is an instance of a type.

    Args:
        name: Name of the argument in messages.
        value: The value.
        kind: The type, or several of which one must fit.
        wanted: Description of the type in the message.

    Raises:
        TypeError: Another type.

    Examples:
        >>> from spinharm import Grid
        >>> from spinharm.checks import instance
        >>> instance("grid", Grid.gauss_legendre(4), Grid, "a spinharm.Grid")
        >>> instance("grid", 4, Grid, "a spinharm.Grid")
        Traceback (most recent call last):
        TypeError: `grid` must be a spinharm.Grid, got 4
    """
    if not isinstance(value, kind):
        told = repr(value)
        raise TypeError(f"`{name}` must be {wanted}, got {told if len(told) <= 80 else type(value).__name__}")


def option(name: str, value: object, allowed: Sequence[object]) -> None:
    """Check that a value is one of several options.

    Args:
        name: Name of the argument in messages.
        value: The value.
        allowed: The options.

    Raises:
        ValueError: Another value.

    Examples:
        >>> from spinharm.checks import option
        >>> option("method", "tables", ("tables", "recursion"))
        >>> option("method", "table", ("tables", "recursion"))
        Traceback (most recent call last):
        ValueError: `method` must be one of 'tables', 'recursion', got 'table'
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}, got {value!r}")
