"""Where the entries of each degree stand in features of degrees 0 … l_max."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax

from spinharm import checks

from .. import _layer_checks

LARGEST_DEGREE = 1000


def largest_degree(value: int) -> int:
    """A largest degree l_max as an argument."""
    return checks.integer("max_degree", value, 0, LARGEST_DEGREE)


def entries_of(degree: int) -> slice:
    """The entries m = −l … l of a degree l."""
    return slice(degree**2, (degree + 1) ** 2)


def split(x: jax.Array) -> list[jax.Array]:
    """The entries of each degree of features with axes (entries, …)."""
    return [x[entries_of(degree)] for degree in range(math.isqrt(x.shape[0]))]


def check_features(user: str, x: jax.Array, max_degree: int, channels: int, parameter: jax.Array) -> None:
    """Features of shape ((l_max + 1)², *columns, channels), of the precision of the parameters."""
    _layer_checks.numbers(user, "x", x)
    entries = (max_degree + 1) ** 2
    if x.ndim < 2 or x.shape[0] != entries or x.shape[-1] != channels:
        raise ValueError(
            f"`x` of `{user}` must have axes (entries, *columns, channels) with {entries} entries for degrees 0 … "
            f"{max_degree} and {channels} channels, got shape {x.shape}"
        )
    _layer_checks.precision(user, "x", x, parameter)


def check_parts(user: str, parts: Sequence[jax.Array], max_degree: int, channels: int, parameter: jax.Array) -> None:
    """Features that are kept apart by degree, of the precision of the parameters."""
    if not isinstance(parts, Sequence):
        raise TypeError(f"`parts` of `{user}` must be a sequence of arrays, got {type(parts).__name__}")
    if len(parts) != max_degree + 1:
        raise ValueError(
            f"`parts` of `{user}` must hold an array for each degree 0 … {max_degree}, got {len(parts)} of them"
        )
    for degree, x in enumerate(parts):
        name = f"parts[{degree}]"
        _layer_checks.numbers(user, name, x)
        columns = parts[0].shape[1:-1]
        if x.shape != (2 * degree + 1, *columns, channels):
            raise ValueError(
                f"`{name}` of `{user}` must have shape {(2 * degree + 1, *columns, channels)}: orders, the columns of "
                f"`parts[0]`, channels; got {x.shape}"
            )
        _layer_checks.precision(user, name, x, parameter)
