"""Conversion of forecasts from valid times to initial times and lead times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .._notices import notice
from .names import LEAD, TIME
from .time_axes import with_datetimes

_BEGINS = ("forecast_reference_time", "init_time", "initial_time", "reference_time", "reftime")
_PERIOD = "forecast_period"
_VALID = "valid_time"
_SAMPLE = "forecast_sample"
_ZERO = np.timedelta64(0, "ns")


def begins_of(dataset: xr.Dataset) -> str | None:
    """Name of the coordinate of initial times other than `time`, or None."""
    for name, variable in dataset.variables.items():
        standard = str(variable.attrs.get("standard_name", "")).lower()
        if name != TIME and (str(name).lower() in _BEGINS or standard == _BEGINS[0]):
            return str(name)
    return None


def with_time_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """Rename the initial times and lead times of a file that it has under CF standard names.

    If initial times are a dimension of their own, `time` holds valid times, which follow from the other two and are
    dropped; if `valid_time` is a dimension and there is a single initial time, it becomes `time`.
    """
    begins = begins_of(dataset)
    periods = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if str(name).lower() == _PERIOD or str(variable.attrs.get("standard_name", "")).lower() == _PERIOD
    ]
    dataset = dataset.set_coords([*periods, *([begins] if begins in dataset.data_vars else [])])
    if begins is None:
        return dataset
    if begins in dataset.dims:
        return dataset.drop_vars(TIME) if TIME in dataset.variables and TIME not in dataset.dims else dataset
    if _VALID in dataset.dims and TIME not in dataset.variables:
        return dataset.rename({_VALID: TIME})
    return dataset


def with_initial_times(dataset: xr.Dataset) -> xr.Dataset:
    """Make `time` the initial time, and lead times a dimension of their own.

    CF files may have valid times along `time`, with `forecast_period` or `forecast_reference_time` as a coordinate, of
    one forecast or of several. They are arranged as (time, prediction_timedelta), with a `DataWarning`; analyses, whose
    lead times are 0, are unchanged.

    Args:
        dataset: A dataset with `time` as `datetime64` and `prediction_timedelta`, if any, as `timedelta64`.

    Returns:
        The dataset; pairs of initial and lead time that the file lacks are NaN, and a `DataWarning` counts them.

    Raises:
        ValueError: Lead times that vary along another dimension, contradict the times, or repeat.
    """
    begins = begins_of(dataset)
    if TIME not in dataset.coords or (TIME in dataset.dims and LEAD in dataset.dims):
        return dataset
    time = dataset[TIME]
    if LEAD in dataset.dims and begins is None and time.dims != (LEAD,):
        return dataset
    lead = dataset[LEAD] if LEAD in dataset.coords else None
    if begins is not None:
        leads = _leads_since(dataset, begins)
        dataset = dataset.drop_vars(begins)
    elif lead is None or lead.ndim == 0:
        return dataset
    else:
        leads = lead
    _check_along_time(leads, time)
    dataset = dataset.drop_vars(LEAD) if time.dims != (LEAD,) and LEAD in dataset.coords else dataset
    leads = np.broadcast_to(np.asarray(leads.values, "timedelta64[ns]"), time.shape)
    if np.all(leads == _ZERO):
        return dataset
    return _laid_out(dataset, time, leads)


def _check_along_time(leads: xr.DataArray, time: xr.DataArray) -> None:
    if not set(leads.dims) <= set(time.dims) or time.ndim > 1:
        raise ValueError(
            f"`{LEAD}` must be a dimension or run along `time`, got the dimensions {leads.dims} beside {time.dims} of "
            f"`time`; choose one, e.g. `dataset.isel({leads.dims[-1]}=0)`"
        )


def _leads_since(dataset: xr.Dataset, begins: str) -> xr.DataArray:
    """Lead times from the times at which forecasts begin.

    Raises:
        ValueError: The dataset has other lead times.
    """
    leads = dataset[TIME] - with_datetimes(xr.Dataset(coords={TIME: dataset[begins].variable}))[TIME].variable
    lead = dataset[LEAD] if LEAD in dataset.coords else None
    if lead is not None and np.any((leads - lead).values != _ZERO):
        raise ValueError(
            f"`{begins}`, `time` and the lead time contradict each other: {_hours(leads)} and "
            f"{_hours(lead)} at the first time; drop one, e.g. `dataset.drop_vars({begins!r})`"
        )
    return leads


def _hours(leads: xr.DataArray) -> str:
    return f"{leads.values.flat[0] / np.timedelta64(1, 'h'):g} h"


def _laid_out(dataset: xr.Dataset, time: xr.DataArray, leads: np.ndarray) -> xr.Dataset:
    """Split the dimension of valid times in two, of initial times and of lead times."""
    first = np.asarray(time.values, "datetime64[ns]") - leads
    if time.ndim == 0:
        return dataset.assign_coords({TIME: ((), first, time.attrs), LEAD: ((), leads)})
    (along,) = time.dims
    index = pd.MultiIndex.from_arrays([first, leads], names=[TIME, LEAD])
    if index.has_duplicates:
        begin, lead = index[index.duplicated()][0]
        raise ValueError(
            f"the forecast that begins at {begin:%Y-%m-%dT%H:%M} must have each lead time once, got "
            f"{lead / np.timedelta64(1, 'h'):g} h twice; `dataset.drop_duplicates({along!r})` keeps the first of each"
        )
    moving = [name for name, field in dataset.data_vars.items() if along in field.dims]
    order = np.lexsort([leads, first])
    ordered = pd.MultiIndex.from_arrays([first[order], leads[order]], names=[TIME, LEAD])
    part = dataset[moving].drop_vars([name for name in (TIME, LEAD) if name in dataset.coords])
    part = part.isel({along: order}).rename({along: _SAMPLE})
    part = part.assign_coords(xr.Coordinates.from_pandas_multiindex(ordered, _SAMPLE))
    out = part.unstack(_SAMPLE)
    out[TIME].attrs.update(
        {key: value for key, value in time.attrs.items() if key not in ("standard_name", "long_name")}
    )
    sizes = out.sizes[TIME], out.sizes[LEAD]
    text = f"`time` holds valid times; they are arranged by {sizes[0]} initial times and {sizes[1]} lead times"
    if len(order) < sizes[0] * sizes[1]:
        text += f"; {sizes[0] * sizes[1] - len(order)} pairs of these are missing and become NaN"
    notice(text)
    rest = dataset[[name for name in dataset.data_vars if name not in moving]]
    return out.assign({name: field.drop_vars([TIME, LEAD], errors="ignore") for name, field in rest.data_vars.items()})
