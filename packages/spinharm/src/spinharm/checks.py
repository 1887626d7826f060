"""Checks of arguments, each with one message that names argument, value and remedy; for packages built on this one."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np


def integer(name: str, value: object, minimum: int | None = None) -> int:
    """`value` as an `int`; numbers with a fractional type are refused."""
    try:
        number = operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise TypeError(f"`{name}` must be an integer, got {value!r}") from None
    if minimum is not None and number < minimum:
        raise ValueError(f"`{name}` must be at least {minimum}, got {number}")
    return number


def number(name: str, value: object, *, above: float = -math.inf, below: float = math.inf) -> float:
    """A finite number within bounds, which it may not reach."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise TypeError(f"`{name}` must be a number, got {value!r}")
    if not (math.isfinite(value) and above < value < below):
        bounds = [f"above {above:g}"] * (above > -math.inf) + [f"below {below:g}"] * (below < math.inf)
        raise ValueError(f"`{name}` must be {' and '.join(['finite', *bounds])}, got {value!r}")
    return float(value)


def instance(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """`value` must be of a type, which the message calls `wanted`."""
    if not isinstance(value, kind):
        told = repr(value)
        raise TypeError(f"`{name}` must be {wanted}, got {told if len(told) <= 80 else type(value).__name__}")


def option(name: str, value: object, allowed: Sequence[object]) -> None:
    """`value` must be one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}, got {value!r}")
