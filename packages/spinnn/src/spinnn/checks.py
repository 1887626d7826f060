"""Checks of sizes and of dataclasses of options, for this package and those built on it; see `spinharm.checks`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinharm.checks import flag as flag, instance, integer, number

# No machine holds more channels or degrees; sizes near 2⁶³ would end the process.
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
    return integer(name, value, 1, _LARGEST)


def integer_members(record: object, minima: Mapping[str, int]) -> None:
    """Check that fields of a dataclass are integers or tuples of integers; fields that are None pass.

    Args:
        record: A dataclass of options.
        minima: Names of the fields, each with its least value.

    Raises:
        TypeError: A value that is not an integer, or `record` and `minima` of another type.
        ValueError: A value below the minimum or of more than 64 bits, or a name that is not a field.

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
    instance("minima", minima, Mapping, "a mapping of names to integers")
    for name, minimum in minima.items():
        for value in _entries(record, "minima", name):
            integer(name, value, integer("minima", minimum))


def number_members(
    record: object, *, positive: Sequence[str] = (), not_negative: Sequence[str] = (), finite: Sequence[str] = ()
) -> None:
    """Check that fields of a dataclass are finite numbers or tuples of them; fields that are None pass.

    Args:
        record: A dataclass of options.
        positive: Names of the fields that must be above 0.
        not_negative: Names of the fields that must be 0 or more.
        finite: Names of the fields that may be any finite number.

    Raises:
        TypeError: A value that is not a number, or arguments of another type.
        ValueError: A value that is not finite or out of range, or a name that is not a field.

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
    for argument, names in (("positive", positive), ("not_negative", not_negative), ("finite", finite)):
        instance(argument, names, (tuple, list), "a sequence of names")
        for name in names:
            for value in _entries(record, argument, name):
                number(name, value, **({"above": 0.0} if argument == "positive" else {}))
                if argument == "not_negative" and value < 0:
                    raise ValueError(f"`{name}` must be 0 or more, got {value:g}")


def _entries(record: Any, argument: str, name: object) -> Sequence[Any]:
    """Values of a field: none for None, the entries of a tuple, else the value alone."""
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"`record` must be a dataclass of options, got {record!r:.80}")
    names = [field.name for field in dataclasses.fields(record)]
    if name not in names:
        raise ValueError(f"`{argument}` must name fields of {type(record).__name__}, {names}, got {name!r:.80}")
    value = getattr(record, str(name))
    return () if value is None else value if isinstance(value, tuple) else (value,)


def block_sizes(
    bandlimits: Sequence[int], widths: Sequence[int], num_filter_params: Sequence[int | None], spins: Sequence[int]
) -> None:
    """Check the sizes of the blocks of a `SpinResNet` or `SpinUNet` before the network is built.

    Args:
        bandlimits: Degrees of each block, at least one block.
        widths: Channels of each block.
        num_filter_params: Knots of the filters of each block, or None for one weight per degree.
        spins: Spins of the features, distinct, 0 among them, below the largest bandlimit.

    Raises:
        TypeError: An argument that is not a sequence, or a size that is not an integer.
        ValueError: Sizes out of range, or no blocks.

    Examples:
        >>> from spinnn.checks import block_sizes
        >>> block_sizes([8, 4], [16, 32], [None, None], (0, 1))
        >>> block_sizes([8, 4], [16, 0], [None, None], (0, 1))
        Traceback (most recent call last):
            ...
        ValueError: `widths` must be at least 1, got 0
    """
    lists = {"bandlimits": bandlimits, "widths": widths, "num_filter_params": num_filter_params, "spins": spins}
    for name, values in lists.items():
        instance(name, values, (tuple, list, np.ndarray), "a sequence of integers")
    for name, sizes in (("bandlimits", bandlimits), ("widths", widths)):
        for value in sizes:
            size(name, value)
    for value in num_filter_params:
        if value is not None:
            size("num_filter_params", value)
    if not len(bandlimits):
        raise ValueError("`bandlimits` must hold at least one block, got none")
    given = tuple(integer("spins", spin) for spin in spins)
    largest = max(bandlimits)
    if 0 not in given or len(set(given)) < len(given) or max(map(abs, given)) >= largest:
        raise ValueError(f"`spins` must be distinct, 0 among them, below the {largest} of `bandlimits`, got {given}")
