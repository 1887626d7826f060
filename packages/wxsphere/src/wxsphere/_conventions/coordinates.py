"""Common coordinate values of datasets: levels are compared to a tolerance, everything else exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from .names import LEAD, LEVEL, MEMBER, TIME

# Relative difference of levels that count as equal: 850 hPa in float32, or 85000.00000001 Pa.
_SAME_LEVEL = 1e-4
_SHOWN = 6


def positions(dim: str, wanted: np.ndarray | Sequence[float], there: np.ndarray) -> np.ndarray:
    """Positions of the wanted values in a coordinate.

    Args:
        dim: Name of the coordinate; for `level`, the nearest value within 0.01 % is taken.
        wanted: Values to look for.
        there: Values of the coordinate, without repeats.

    Returns:
        Index into `there` of each wanted value, or −1.
    """
    if dim != LEVEL or not len(there):
        return pd.Index(there).get_indexer(pd.Index(wanted))
    wanted = np.asarray(wanted, np.float64)
    away = np.abs(wanted[:, None] - np.asarray(there, np.float64))
    nearest = away.argmin(1)
    return np.where(away.min(1) <= _SAME_LEVEL * np.abs(wanted), nearest, -1)


def with_values(dataset: xr.Dataset, dim: str, values: np.ndarray) -> xr.Dataset:
    """Select values of a coordinate, which it must have to rounding, and set it to exactly these values."""
    at = positions(dim, values, dataset[dim].values)
    if not np.array_equal(at, np.arange(dataset.sizes[dim])):
        dataset = dataset.isel({dim: at})
    return dataset.assign_coords({dim: (dim, values, dataset[dim].attrs)})


def common_values(datasets: Mapping[str, xr.Dataset], dim: str) -> tuple[np.ndarray, list[str]]:
    """Common values of a coordinate of all datasets with this dimension.

    Args:
        datasets: Datasets by the names that messages use; of levels that differ by rounding, those of the first are
            taken.
        dim: Name of the coordinate.

    Returns:
        The values, ascending, and a description of the other values of each dataset.

    Raises:
        ValueError: There is no common value.
    """
    those = {name: one[dim].values for name, one in datasets.items() if dim in one.dims}
    values = next(iter(those.values()), np.zeros(0))
    for there in those.values():
        values = values[positions(dim, values, there) >= 0]
    if not values.size:
        found = {name: one[dim].values[:3].tolist() if dim in one.coords else None for name, one in datasets.items()}
        raise ValueError(f"the datasets must have common values of {dim!r}, got {found}")
    left = []
    for name, there in those.items():
        rest = there[positions(dim, there, values) < 0]
        if rest.size:
            left.append(_described(dim, rest, there.size, name))
    return np.sort(values), left


def _described(dim: str, values: np.ndarray, of: int, name: str) -> str:
    """Description of values that are left out."""
    if dim == TIME:
        return f"{values.size} of {of} initial times of {name}, the first {np.datetime_as_string(values.min(), 'm')}"
    if dim == LEAD:
        return f"lead times {listed([hours(value) for value in np.sort(values)])} of {name}"
    if dim == LEVEL:
        return f"levels {listed([f'{value:.10g}' for value in np.sort(values)])} hPa of {name}"
    return f"members {listed([str(value) for value in values])} of {name}"


def hours(lead: np.timedelta64) -> str:
    """Text of a lead time."""
    return f"{lead / np.timedelta64(1, 'h'):g} h"


def listed(words: Sequence[str]) -> str:
    """Text of the first few items of a list, and the number of the others."""
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def check_coordinates(name: str, dataset: xr.Dataset) -> None:
    """Check that times, lead times, levels and members are numbers or dates without repeats.

    Args:
        name: Name of the argument.
        dataset: In the layout of `canonical`.

    Raises:
        ValueError: Levels are strings, lead times are not a dimension, or a value repeats.
    """
    for text in _faults(dataset):
        raise ValueError(f"`{name}` {text}")


def _faults(dataset: xr.Dataset) -> Iterator[str]:
    if LEAD in dataset.coords and LEAD not in dataset.dims:
        yield (
            f"must have {LEAD!r} as a dimension, got a coordinate along {dataset[LEAD].dims}; `wxsphere.canonical` "
            f"makes it one"
        )
    for dim in (TIME, LEAD, LEVEL, MEMBER):
        if dim not in dataset.dims or dim not in dataset.coords:
            continue
        values = dataset[dim].values
        if dim == TIME and values.dtype.kind != "M":
            yield f"must have {dim!r} as datetime64, got dtype {values.dtype}; `wxsphere.canonical` converts it"
        if pd.isnull(values).any():
            yield f"must have a value of {dim!r} everywhere, got none at {np.flatnonzero(pd.isnull(values))[0]}"
        if dim == LEVEL and not np.issubdtype(values.dtype, np.number):
            yield f"must have levels in hPa, got {values[:1].tolist()}; `wxsphere.canonical` converts texts"
        if dim == LEVEL:
            order = np.sort(values)
            repeats = np.append(False, np.diff(order) <= _SAME_LEVEL * np.abs(order[1:]))
        else:
            order, repeats = values, pd.Index(values).duplicated()
        if repeats.any():
            first = order[repeats][0]
            shown = np.datetime_as_string(first, "m") if dim == TIME else str(first)
            yield (
                f"must have each value of {dim!r} once, got {shown} twice and {repeats.sum()} repeats in all; "
                f"`dataset.drop_duplicates({dim!r})` keeps the first of each"
            )
