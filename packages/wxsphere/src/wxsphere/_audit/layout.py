"""Findings about coordinates and dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from .._conventions.names import CONSTANTS, DIMENSIONS, LATITUDE, LEAD, LEVEL, LONGITUDE, TIME, WINDS
from .._notices import notice
from .findings import Finding, stamp

_MONTH = (np.timedelta64(28, "D"), np.timedelta64(31, "D"))


def fields_with_time(dataset: xr.Dataset) -> list[str]:
    """Names of the fields with time, latitude and longitude, without constants that have a time axis.

    Args:
        dataset: In the layout of `canonical`.

    Returns:
        Names, sorted. A land-sea mask or orography that is the same at the first, middle and last time is left out,
        with a `DataWarning`.
    """
    fields = dataset.data_vars.items()
    names = sorted(str(name) for name, field in fields if {TIME, LATITUDE, LONGITUDE} <= set(field.dims))
    return [name for name in names if not (name in CONSTANTS and _is_constant(dataset[name]))]


def _is_constant(field: xr.DataArray) -> bool:
    few = np.asarray(field.transpose(TIME, ...)[[0, field.sizes[TIME] // 2, -1]].values)
    same = bool(np.all(few == few[0]))
    if same:
        notice(f"`{field.name}` has a time axis but does not change; it is used as a constant")
    return same


def layout_errors(dataset: xr.Dataset, names: Sequence[str]) -> Iterator[Finding]:
    """Errors of coordinates and dimensions, which `prepare` refuses and `check` reports.

    Args:
        dataset: In the layout of `canonical`.
        names: Names of the variables to look at.

    Yields:
        Errors: times or levels without a coordinate, not ascending or repeated; levels that are not pressures in hPa;
        dimensions that fields may not have; a component of a wind whose other component is missing.
    """
    yield from _without_coordinate(dataset)
    yield from _unsorted_times(dataset)
    yield from _level_errors(dataset)
    yield from _extra_dimensions(dataset, names)
    yield from _lone_components(dataset, names)


def _without_coordinate(dataset: xr.Dataset) -> Iterator[Finding]:
    for dim in (TIME, LEAD, LEVEL):
        if dim in dataset.dims and dim not in dataset.coords:
            what = "levels in hPa" if dim == LEVEL else "times" if dim == TIME else "lead times"
            yield Finding(
                "error",
                dim,
                f"the dimension of size {dataset.sizes[dim]} has no coordinate, so that its {what} are unknown; assign "
                f"one, e.g. `dataset.assign_coords({dim}=…)`",
            )


def _unsorted_times(dataset: xr.Dataset) -> Iterator[Finding]:
    for dim in (TIME, LEAD):
        if dim not in dataset.coords or dataset[dim].ndim != 1:
            continue
        falls = np.diff(dataset[dim].values) <= np.timedelta64(0, "ns")
        if falls.any():
            at = int(np.argmax(falls))
            pair = [stamp(one) if dim == TIME else str(one) for one in dataset[dim].values[at : at + 2]]
            remedy = f"`dataset.sortby({dim!r}).drop_duplicates({dim!r})` sorts and drops repeats"
            yield Finding("error", dim, f"must ascend without repeats, got {pair[0]} then {pair[1]}; {remedy}")


def _level_errors(dataset: xr.Dataset) -> Iterator[Finding]:
    if LEVEL in dataset.coords and dataset[LEVEL].ndim == 1:
        levels = np.asarray(dataset[LEVEL].values, np.float64)
        if np.any(np.diff(levels) <= 0):
            yield Finding("error", LEVEL, f"must ascend without repeats [hPa], got {levels.tolist()}")
        if levels.max(initial=0.0) > 1100:
            yield Finding("error", LEVEL, f"must be in hPa, got up to {levels.max():g}; these look like Pa")


def _extra_dimensions(dataset: xr.Dataset, names: Sequence[str]) -> Iterator[Finding]:
    for name in names:
        extra = [str(dim) for dim in dataset[name].dims if dim not in DIMENSIONS]
        if extra and TIME in dataset[name].dims:
            yield Finding(
                "error",
                name,
                f"has a dimension {extra[0]!r} of size {dataset.sizes[extra[0]]}, which fields may not have; select an "
                f"entry, e.g. `dataset.isel({extra[0]}=0)`, or choose other variables with --variables",
            )


def _lone_components(dataset: xr.Dataset, names: Sequence[str]) -> Iterator[Finding]:
    for pair in WINDS.values():
        for part, other in (pair, pair[::-1]):
            if part in names and other not in dataset.data_vars:
                yield Finding(
                    "error",
                    part,
                    f"a wind must have both components, got {part!r} without {other!r}; add its file, or select "
                    f"the other variables with --variables",
                )


def time_findings(dataset: xr.Dataset) -> Iterator[Finding]:
    """Findings about the spacing of times and their gaps."""
    for dim in (TIME, LEAD):
        if dim not in dataset.coords or dataset[dim].ndim != 1 or dataset.sizes[dim] < 2:
            continue
        steps = np.diff(dataset[dim].values)
        if np.any(steps <= np.timedelta64(0, "ns")):
            continue
        median = np.sort(steps)[steps.size // 2]
        monthly = np.all((steps >= _MONTH[0]) & (steps <= _MONTH[1]))
        gaps = np.flatnonzero(steps != median) if not monthly else np.array([], int)
        if gaps.size:
            first, after = dataset[dim].values[gaps[0]], dataset[dim].values[gaps[0] + 1]
            text = f"{gaps.size} of {steps.size} steps differ from the median of {_hours(median)} h"
            yield Finding("warning", dim, f"{text}; the first is {first} to {after}")
        if dim == TIME:
            ends = dataset[dim].values[[0, -1]]
            apart = "monthly" if monthly else f"in steps of {_hours(median)} h"
            yield Finding("note", dim, f"{dataset.sizes[dim]}, {ends[0]} … {ends[1]}, {apart}")


def _hours(step: np.timedelta64) -> str:
    return f"{step / np.timedelta64(1, 'h'):g}"
