"""Checks of sizes and of records of options, with messages that name argument and value; for packages above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinharm.checks import instance, integer, number

# More channels or degrees fit no machine; sizes near 2⁶³ would end the process.
_LARGEST = 2**24


def size(name: str, value: object) -> int:
    """Check a number of channels, degrees or the like, and return it as `int`.

    Args:
        name: Name of the argument in messages.
        value: An integer of any type, 1 … 2²⁴.

    Returns:
        The integer.

    Raises:
        TypeError: Not an integer.
        ValueError: Out of range.

    Examples:
        >>> from spinnn.checks import size
        >>> size("channels", 32)
        32
        >>> size("channels", 0)
        Traceback (most recent call last):
            ...
        ValueError: `channels` must be at least 1, got 0
    """
    if isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, got {value!r}")
    return integer(name, value, 1, _LARGEST)


def flag(name: str, value: object) -> None:
    """Check a switch: a text such as "no" would count as true.

    Args:
        name: Name of the argument in messages.
        value: True or False, of Python or NumPy.

    Raises:
        TypeError: Anything else.

    Examples:
        >>> from spinnn.checks import flag
        >>> flag("plots", True)
        >>> flag("plots", "no")
        Traceback (most recent call last):
            ...
        TypeError: `plots` must be True or False, got 'no'
    """
    instance(name, value, (bool, np.bool_), "True or False")


def integer_members(record: object, minima: Mapping[str, int]) -> None:
    """Check members of a record, or each entry of those that are tuples; None passes.

    Args:
        record: A dataclass of options.
        minima: The least value by the member's name.

    Raises:
        TypeError: Not an integer.
        ValueError: Below the minimum, or of more than 64 bits.

    Examples:
        >>> import dataclasses
        >>> from spinnn.checks import integer_members
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     steps: int = 1
        ...
        ...     def __post_init__(self):
        ...         integer_members(self, {"steps": 1})
        >>> Options(3)
        Options(steps=3)
        >>> Options(0)
        Traceback (most recent call last):
            ...
        ValueError: `steps` must be at least 1, got 0
    """
    for name, minimum in minima.items():
        for value in _entries(record, name):
            integer(name, value, minimum)


def number_members(
    record: object, *, positive: Sequence[str] = (), not_negative: Sequence[str] = (), finite: Sequence[str] = ()
) -> None:
    """Check that members of a record, or each entry of those that are tuples, are finite numbers; None passes.

    Args:
        record: A dataclass of options.
        positive: Names of those that must be above 0.
        not_negative: Names of those that must be 0 or more.
        finite: Names of those that may be any.

    Raises:
        TypeError: Not a number.
        ValueError: Not finite, or out of range.

    Examples:
        >>> import dataclasses
        >>> from spinnn.checks import number_members
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     rate: float = 0.1
        ...
        ...     def __post_init__(self):
        ...         number_members(self, positive=["rate"])
        >>> Options(0.5)
        Options(rate=0.5)
        >>> Options(-1.0)
        Traceback (most recent call last):
            ...
        ValueError: `rate` must be finite and above 0, got -1.0
    """
    for name in (*positive, *not_negative, *finite):
        for value in _entries(record, name):
            number(name, value, **({"above": 0.0} if name in positive else {}))
            if name in not_negative and value < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {value:g}")


def _entries(record: object, name: str) -> Sequence[Any]:
    value = getattr(record, name)
    return () if value is None else value if isinstance(value, tuple) else (value,)


def block_sizes(
    bandlimits: Sequence[int], widths: Sequence[int], num_filter_params: Sequence[int | None], spins: Sequence[int]
) -> None:
    """Check sizes of blocks from which `SpinResNet` and `SpinUNet` can be made, before anything is made.

    Args:
        bandlimits: Degrees of each block, at least one.
        widths: Channels of each.
        num_filter_params: Knots of filters, or None.
        spins: Spins of the features, distinct, 0 among them, below the largest bandlimit.

    Raises:
        TypeError: A size that is not an integer.
        ValueError: Sizes out of range.

    Examples:
        >>> from spinnn.checks import block_sizes
        >>> block_sizes([8, 4], [16, 32], [None, None], (0, 1))
        >>> block_sizes([8, 4], [16, 0], [None, None], (0, 1))
        Traceback (most recent call last):
            ...
        ValueError: `widths` must be at least 1, got 0
    """
    for name, sizes in (("bandlimits", bandlimits), ("widths", widths)):
        for value in sizes:
            size(name, value)
    for value in num_filter_params:
        if value is not None:
            size("num_filter_params", value)
    given = tuple(integer("spins", spin) for spin in spins)
    largest = max(bandlimits)
    if 0 not in given or len(set(given)) < len(given) or max(map(abs, given)) >= largest:
        raise ValueError(f"`spins` must be distinct, 0 among them, below the {largest} of `bandlimits`, got {given}")
