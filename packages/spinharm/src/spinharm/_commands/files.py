"""Coordinates and winds of files, read with xarray."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._grids.grid import Grid
from ..checks import parse_number
from ..failures import first_line
from ..optional import require

_LATITUDE = ("latitude", "lat", "y")
_LONGITUDE = ("longitude", "lon", "x")
_NORTH = ("degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn")
_EAST = ("degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese")
# CF standard names first, then the names that models and archives give the two components.
_EASTWARD = (
    "eastward_wind", "u", "uwnd", "u_component_of_wind", "ua", "ugrd", "u10", "10m_u_component_of_wind", "uas",
)  # fmt: skip
_NORTHWARD = (
    "northward_wind", "v", "vwnd", "v_component_of_wind", "va", "vgrd", "v10", "10m_v_component_of_wind", "vas",
)  # fmt: skip


class Wind(NamedTuple):
    """A wind on a grid and its origin.

    Attributes:
        u: Eastward wind, shape (lat, lon).
        v: Northward wind, shape (lat, lon).
        grid: Their grid.
        source: Description of the origin, one line.
    """

    u: Float[np.ndarray, "lat lon"]
    v: Float[np.ndarray, "lat lon"]
    grid: Grid
    source: str


@contextlib.contextmanager
def opened(paths: Sequence[str | Path]) -> Iterator[Any]:
    """Open one or several files as one xarray dataset; a context manager that closes them.

    Raises:
        ModuleNotFoundError: xarray is not installed.
        ValueError: A file that is missing or that xarray cannot read, or files whose variables do not fit together.
    """
    xarray = require("xarray", "spinharm[xarray]", "reading files")
    with contextlib.ExitStack() as stack:
        parts = []
        for path in paths:
            if "://" not in str(path) and not Path(path).exists():
                raise ValueError(f"{path}: no such file")
            try:
                parts.append(stack.enter_context(xarray.open_dataset(path)))
            # What a damaged file raises depends on the library that reads it.
            except Exception as error:
                raise ValueError(f"{path}: xarray cannot read it: {first_line(error)}") from error
        try:
            merged = xarray.merge(parts, compat="no_conflicts", join="exact")
        except (ValueError, TypeError) as error:
            raise ValueError(f"{', '.join(map(str, paths))}: cannot be joined: {first_line(error)}") from error
        yield merged


def coordinate(dataset: Any, name: str, source: str | Path) -> Float[np.ndarray, " size"]:
    """The values of a coordinate of a file, float64.

    Raises:
        ValueError: It cannot be read or is not finite numbers; the message names file and coordinate.
    """
    try:
        values = np.asarray(dataset[name].values)
    # What a damaged file raises depends on the library that reads it.
    except Exception as error:
        raise ValueError(f"{source}: {name} cannot be read: {first_line(error)}") from error
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{source}: {name} must be numbers, got {values.dtype}")
    if not np.isfinite(values).all():
        raise ValueError(f"{source}: {name} must be finite, got {values[~np.isfinite(values)][0]}")
    return values.astype(np.float64)


def _axis(dataset: Any, names: Sequence[str], units: Sequence[str]) -> str:
    """Name of the one-dimensional coordinate with this standard name, unit or name."""
    flat = {str(name): variable for name, variable in dataset.variables.items() if variable.ndim == 1}
    for name, variable in flat.items():
        if str(variable.attrs.get("standard_name", "")).lower() == names[0]:
            return name
    for name, variable in flat.items():
        if str(variable.attrs.get("units", "")).lower() in units:
            return name
    for wanted in names:
        for name in flat:
            if name.lower() == wanted:
                return name
    raise ValueError(f"no one-dimensional coordinate {names[0]} found among {_listed(dataset.variables)}")


def _listed(names: Iterable[Any]) -> str:
    names = sorted(map(str, names))
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "nothing"


def latitude_longitude(dataset: Any) -> tuple[str, str]:
    """Names of the latitude and longitude coordinates: by standard name, else by unit, else by name.

    Raises:
        ValueError: There is no one-dimensional one.
    """
    return _axis(dataset, _LATITUDE, _NORTH), _axis(dataset, _LONGITUDE, _EAST)


def wind_names(dataset: Any) -> tuple[str, str]:
    """Names of the eastward and northward wind: by standard name, else by name.

    Raises:
        ValueError: One of them is missing.
    """
    found = []
    for side, names in (("eastward", _EASTWARD), ("northward", _NORTHWARD)):
        by_standard = [n for n, x in dataset.data_vars.items() if x.attrs.get("standard_name") == names[0]]
        by_name = [n for wanted in names for n in dataset.data_vars if str(n).lower() == wanted]
        if not by_standard + by_name:
            raise ValueError(
                f"no {side} wind found among {_listed(dataset.data_vars)}; known names are {', '.join(names)}"
            )
        found.append(str((by_standard + by_name)[0]))
    return found[0], found[1]


def read_wind(paths: Sequence[str | Path], select: dict[str, str]) -> Wind:
    """Read the eastward and northward wind of files, one map each.

    Args:
        paths: Files that xarray reads.
        select: Dimension to value, e.g. `{"level": "250"}`; the nearest entry of a numeric coordinate is taken.
            Of dimensions that are not named, the first entry is taken.

    Raises:
        ModuleNotFoundError: xarray is not installed.
        ValueError: A file that cannot be read, a missing wind, or coordinates or values that are not valid.
    """
    with opened(paths) as dataset:
        names = wind_names(dataset)
        latitude, longitude = latitude_longitude(dataset)
        files = ", ".join(Path(path).name for path in paths)
        grid = Grid.from_latlon(*(coordinate(dataset, name, files) for name in (latitude, longitude)))
        axes = (dataset[latitude].dims[0], dataset[longitude].dims[0])
        pair, taken = _selected(dataset[list(names)], axes, select)
        try:
            u, v = (np.asarray(pair[name].transpose(*axes).values, np.float64) for name in names)
        except Exception as error:
            raise ValueError(f"{files}: {names[0]} and {names[1]} cannot be read: {first_line(error)}") from error
    for name, values in zip(names, (u, v), strict=True):
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{files}: {name} has {np.count_nonzero(~np.isfinite(values))} values that are not finite")
    return Wind(u, v, grid, " ".join([f"{names[0]}, {names[1]} of {files}", *taken]))


def _selected(pair: Any, axes: Sequence[str], select: dict[str, str]) -> tuple[Any, list[str]]:
    """Select one entry of each dimension other than the map's axes; also returns which, as text."""
    others = [str(dim) for dim in pair.dims if dim not in axes]
    unknown = sorted(set(select) - set(others))
    if unknown:
        raise ValueError(
            f"`--select` must name a dimension of the wind besides latitude and longitude ({_listed(others)}), got "
            f"{unknown[0]!r}"
        )
    taken = []
    for dim in others:
        if not pair.sizes[dim]:
            raise ValueError(
                f"the wind must have at least one entry along {dim!r}, got none; the file is empty or damaged"
            )
        index = _index(pair, dim, select.get(dim))
        taken.append(f"{dim}={pair[dim].values[index] if dim in pair.coords else index}")
        pair = pair.isel({dim: index})
    return pair, taken


def _index(dataset: Any, dim: str, wanted: str | None) -> int:
    if wanted is None:
        return 0
    if dim not in dataset.coords:
        values = np.arange(dataset.sizes[dim])
    else:
        values = dataset[dim].values
    if np.issubdtype(values.dtype, np.number):
        try:
            return int(np.argmin(np.abs(values - parse_number(wanted))))
        except ValueError:
            raise ValueError(f"`--select` {dim} must be a number, got {wanted!r}") from None
    matches = [i for i, value in enumerate(values) if str(value).startswith(wanted)]
    if not matches:
        raise ValueError(
            f"`--select` {dim} must be an entry of that dimension, got {wanted!r}; the first is {values[0]}"
        )
    return matches[0]
