"""Shared checks of arguments; messages name argument, value and remedy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from spinharm import Grid
from spinharm.checks import (
    instance as instance,
    integer as integer,
    number as number,
    option as option,
)
from spinnn.checks import flag as flag

from ._conventions.names import LATITUDE, LONGITUDE, TIME

# Range of `datetime64[ns]`; NumPy wraps values beyond it around.
_FIRST, _LAST = np.datetime64("1677-09-22", "us"), np.datetime64("2262-04-11", "us")
MOST_HOURS = 2.5e6
"""Longest lead time that `timedelta64[ns]` can hold, in hours (285 years)."""
_LONGEST = np.timedelta64(106_751, "D")


Options = TypeVar("Options")


def options(kind: type[Options], given: object, changes: Mapping[str, Any]) -> Options:
    """The `options` of a function, or the defaults of their class, with members replaced by keywords.

    Raises:
        TypeError: Options of another class, or a keyword that is not a member.
        ValueError: See the class.
    """
    whole = f"wxsphere.{kind.__name__}"
    start = kind() if given is None else given
    if not isinstance(start, kind):
        raise TypeError(f"`options` must be a {whole} or None, got {_shown(given)}; single options are also keywords")
    known = [field.name for field in dataclasses.fields(start)]  # pyright: ignore[reportArgumentType]
    if unknown := [name for name in changes if name not in known]:
        raise TypeError(f"keywords must be options of {whole}, got {unknown[0]!r}; there are {', '.join(known)}")
    return dataclasses.replace(start, **changes)  # pyright: ignore[reportArgumentType, reportReturnType]


def dataset(name: str, value: object) -> None:
    """`value` must be an `xarray.Dataset`."""
    instance(name, value, xr.Dataset, "an xarray.Dataset")


def dimensions(name: str, value: xr.Dataset, wanted: Sequence[str]) -> None:
    """A dataset must have these dimensions, with coordinates."""
    dataset(name, value)
    missing = [dim for dim in wanted if dim not in value.dims or dim not in value.coords]
    remedy = "`wxsphere.canonical` brings datasets of any archive into the layout"
    if missing:
        raise ValueError(
            f"`{name}` must have a dimension and coordinate {missing[0]!r}, got dimensions "
            f"{dict(value.sizes)}; {remedy}"
        )
    if TIME in wanted and value[TIME].dtype.kind != "M":
        raise ValueError(f"`{name}` must have {TIME!r} as datetime64, got dtype {value[TIME].dtype}; {remedy}")
    empty = [dim for dim in wanted if dim in (LATITUDE, LONGITUDE) and not value.sizes[dim]]
    if empty:
        raise ValueError(f"`{name}` must have at least one {empty[0]}, got {dict(value.sizes)}")


def memory_bytes(name: str, gib: float) -> int:
    """Convert a memory limit in GiB, at least 0, to bytes."""
    if number(name, gib, below=1e9) < 0:
        raise ValueError(f"`{name}` must be a number of GiB, at least 0, got {gib!r}")
    return int(float(gib) * 2**30)


def grid(name: str, value: object) -> None:
    """`value` must be a `Grid`."""
    instance(name, value, Grid, "a spinharm.Grid")


def function(name: str, value: object) -> None:
    """`value` must be a function or None."""
    if value is not None and not callable(value):
        raise TypeError(f"`{name}` must be a function or None, got {value!r}")


def names(name: str, values: object) -> list[str]:
    """Convert `values` to a list of strings; a single string is refused, as it would be read letter by letter."""
    if isinstance(values, str):
        raise TypeError(f"`{name}` must be a sequence of names, got {values!r}; write ({values!r},)")
    if not isinstance(values, Iterable) or isinstance(values, Mapping | xr.Dataset | xr.DataArray):
        raise TypeError(f"`{name}` must be a sequence of names, got {_shown(values)}")
    out = list(values)
    for value in out:
        if not isinstance(value, str):
            raise TypeError(f"`{name}` must hold names, got {_shown(value)}")
    return [str(value) for value in out]


def integers(name: str, values: object, minimum: int | None = None) -> tuple[int, ...]:
    """Convert `values` to a tuple of integers of at least `minimum`."""
    instance(name, values, (tuple, list, np.ndarray), "a sequence of integers")
    return tuple(integer(name, value, minimum) for value in values)  # pyright: ignore[reportGeneralTypeIssues]


def numbers(name: str, values: object, *, above: float = -math.inf, below: float = math.inf) -> tuple[float, ...]:
    """Convert `values` to a tuple of finite numbers between two bounds."""
    instance(name, values, (tuple, list, np.ndarray), "a sequence of numbers")
    return tuple(number(name, value, above=above, below=below) for value in values)  # pyright: ignore[reportGeneralTypeIssues]


def mapping(name: str, value: object) -> None:
    """`value` must be a mapping with strings as keys, or None."""
    if value is None:
        return
    instance(name, value, Mapping, "a mapping of names")
    for key in value:  # pyright: ignore[reportGeneralTypeIssues]
        instance(f"{name}` must be a mapping of names; its key", key, str, "a string")


def texts(name: str, value: object) -> None:
    """`value` must be a mapping of strings to strings, or None."""
    mapping(name, value)
    for new in (value or {}).values():  # pyright: ignore[reportAttributeAccessIssue]
        instance(f"{name}` must be a mapping of strings to strings; one of its values", new, str, "a string")


def real_fields(name: str, value: xr.Dataset, chosen: Iterable[str]) -> None:
    """Variables of a dataset must hold real numbers; text that looks like numbers is refused."""
    for one in chosen:
        if value[one].dtype.kind not in "iufb":
            raise TypeError(f"`{name}` must have real numbers in {one!r}, got dtype {value[one].dtype}")


def array(name: str, value: Any, *, axes: int | None = None, real: bool = False) -> None:
    """`value` must be a NumPy or JAX array of (real) numbers with the given number of axes."""
    instance(name, value, (np.ndarray, jax.Array), "an array")
    if not jnp.issubdtype(value.dtype, np.number):
        raise TypeError(f"`{name}` must hold numbers, got dtype {value.dtype}")
    if real and jnp.issubdtype(value.dtype, np.complexfloating):
        raise TypeError(f"`{name}` must be real, got dtype {value.dtype}")
    if axes is not None and value.ndim != axes:
        raise ValueError(f"`{name}` must have {axes} axes, got shape {value.shape}")


def ends(name: str, value: Any, axes: str, sizes: tuple[int, ...]) -> None:
    """`value` must be a floating-point or complex array whose last axes have the given sizes."""
    array(name, value)
    if not jnp.issubdtype(value.dtype, np.inexact):
        raise TypeError(f"`{name}` must have a floating-point or complex dtype, got {value.dtype}")
    if value.ndim < len(sizes) or value.shape[value.ndim - len(sizes) :] != sizes:
        raise ValueError(f"`{name}` must have axes (*batch, {axes}) ending {sizes}, got shape {value.shape}")


def times(name: str, values: object) -> np.ndarray:
    """Convert dates or ISO strings to a one-dimensional array of `datetime64[ns]`; numbers are refused."""
    stamps = _converted(name, values, "MUO", "datetime64[us]", "dates, e.g. numpy.datetime64('2020-01-01T06')")
    if np.any((stamps < _FIRST) | (stamps >= _LAST)):
        raise ValueError(f"`{name}` must lie between {_FIRST} and {_LAST}, got {_first(values)}")
    return np.asarray(values).astype("datetime64[ns]").reshape(-1)


def durations(name: str, values: object) -> np.ndarray:
    """Convert durations to a one-dimensional array of `timedelta64[ns]`; numbers are refused, as they have no unit."""
    wanted = "durations, e.g. numpy.timedelta64(6, 'h')"
    spans = _converted(name, values, "mO", "timedelta64[us]", wanted)
    if np.any(np.abs(spans) > _LONGEST):
        raise ValueError(f"`{name}` must be at most {_LONGEST}, got {_first(values)}")
    return np.asarray(values).astype("timedelta64[ns]").reshape(-1)


def _converted(name: str, values: object, kinds: str, dtype: str, wanted: str) -> np.ndarray:
    try:
        given = np.asarray(values)
        given = given if given.size else given.astype(dtype)
        numbers = given.dtype.kind == "O" and any(isinstance(value, int | float | complex) for value in given.flat)
        if given.dtype.kind not in kinds or numbers:
            raise TypeError
        found = given.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"`{name}` must hold {wanted}, got {_shown(values)}") from None
    if given.ndim > 1 or np.isnat(found).any():
        raise ValueError(f"`{name}` must hold {wanted}, with one axis and no missing value, got {_shown(values)}")
    return found


def _first(values: object) -> object:
    flat = np.asarray(values).reshape(-1)
    return f"{flat[0]} … {flat[-1]}" if flat.size > 1 else flat[0]


def _shown(value: object) -> str:
    """The representation of a value for a message, or its type if that is long."""
    text = repr(value)
    return text if len(text) <= 80 else type(value).__name__
