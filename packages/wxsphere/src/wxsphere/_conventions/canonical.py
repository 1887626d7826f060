"""One layout for datasets of any archive: names, dimensions, directions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import xarray as xr

from .. import _checks
from .._notices import notice
from .grids import check_not_swapped
from .horizontal import each_meridian_once, with_axes
from .levels import with_levels
from .names import (
    DIMENSION_ALIASES,
    DIMENSIONS,
    LATITUDE,
    LEAD,
    LEVEL,
    LONGITUDE,
    MEMBER,
    STANDARD_NAMES,
    STATIC,
    TIME,
    VARIABLE_ALIASES,
)
from .runs import with_initial_times, with_time_coordinates
from .time_axes import durations, with_datetimes

_NORTH = ("degrees_north", "degree_north", "degreen", "degrees_n", "degree_n")
_EAST = ("degrees_east", "degree_east", "degreee", "degrees_e", "degree_e")
_LEFT_OUT = ("valid_time",)


def canonical(dataset: xr.Dataset, *, rename: Mapping[str, str] | None = None) -> xr.Dataset:
    """Convert a dataset to the layout of WeatherBench 2, which every function of this package takes.

    Lazy: only coordinates are read. The conversions, in order, of which those that change values give a `DataWarning`:

    1. dimensions and coordinates get the names `time`, `number`, `prediction_timedelta`, `level`, `latitude`,
       `longitude`, found by name (`lat`, `isobaricInhPa`, `step`, …), else by standard name, else by unit;
    2. variables get the names of WeatherBench 2 (`z` in m²/s² → `geopotential`, `u10` → `10m_u_component_of_wind`, …);
    3. times become `datetime64[ns]`: calendars, numbers and strings are decoded, and times within rounding of whole
       hours, minutes or seconds are set to them; levels in other units of pressure become hPa, strings become numbers,
       and levels within 1e-4 of whole hPa are set to them; levels in a unit of length become `height`, in K
       `isentropic_level`; lead times become `timedelta64[ns]`, a single lead time of zero is dropped; forecasts along
       valid times, with a coordinate `forecast_period` or `forecast_reference_time`, are arranged by initial time and
       lead time; members without a coordinate are numbered from 0;
    4. a scalar time, level or lead time becomes a dimension of size 1 (static fields get no `time`);
    5. latitudes and longitudes in radians become degrees; columns that repeat a meridian, as 360° repeats 0°, are left
       out if their values are equal; longitudes are rolled to 0 … 360, latitudes sorted north to south, levels by
       ascending pressure;
    6. dimensions are ordered (…, time, number, prediction_timedelta, hour, dayofyear, level, latitude, longitude).

    Args:
        dataset: Any dataset of global fields.
        rename: Names in the dataset to names of this layout, for those that are not recognised; applied first.

    Returns:
        The dataset in that layout. Values and units of fields, and other coordinates, are unchanged.

    Raises:
        TypeError: `dataset` is not an `xarray.Dataset`.
        ValueError: Latitude or longitude is missing, curvilinear, swapped, a list of points or apparently in radians;
            two columns of one meridian differ; `rename` has a name that the dataset lacks, or two variables get one
            name; a level is not a pressure; a lead time has no unit or contradicts the times; or a time is not a date
            of the standard calendar, such as 30 February of the calendar `360_day`.

    Examples:
        >>> import numpy as np
        >>> import xarray as xr
        >>> from wxsphere import canonical
        >>> axes = {"lat": [-67.5, -22.5, 22.5, 67.5], "lon": np.arange(-180.0, 180.0, 90.0)}
        >>> fields = canonical(xr.Dataset({"t2m": (("lat", "lon"), np.zeros((4, 4)))}, axes))
        >>> list(fields.data_vars), fields.latitude.values.tolist(), fields.longitude.values.tolist()
        (['2m_temperature'], [67.5, 22.5, -22.5, -67.5], [0.0, 90.0, 180.0, 270.0])
    """
    _checks.dataset("dataset", dataset)
    _checks.texts("rename", rename)
    if rename:
        missing = sorted(set(rename) - names_in(dataset))
        if missing:
            raise ValueError(f"`rename` names {missing[0]!r}, which the dataset lacks; it has {_listed(dataset)}")
        try:
            dataset = dataset.rename(dict(rename))
        except ValueError as error:
            raise ValueError(f"`rename` cannot be applied: {error}") from error
    dataset = _named_dimensions(with_time_coordinates(dataset))
    dataset = _named_variables(dataset)
    dataset = with_datetimes(dataset)
    dataset = with_initial_times(_units_of_coordinates(dataset))
    dataset = _scalars_as_dimensions(dataset)
    dataset = with_axes(dataset, _listed(dataset))
    check_not_swapped(*(np.asarray(dataset[name].values, np.float64) for name in (LATITUDE, LONGITUDE)))
    dataset = _directions(each_meridian_once(dataset))
    for dim in [str(dim) for dim in dataset.dims if dim not in DIMENSIONS and dataset.sizes[dim] == 1]:
        notice(f"dropped the dimension {dim!r} of size 1")
        dataset = dataset.isel({dim: 0}, drop=True)
    order = [name for name in DIMENSIONS if name in dataset.dims]
    return dataset.transpose(..., *order)


def names_in(dataset: xr.Dataset) -> set[str]:
    """Names of variables, coordinates and dimensions."""
    return {str(name) for name in (*dataset.variables, *dataset.dims)}


def _listed(dataset: xr.Dataset) -> str:
    return ", ".join(sorted(map(str, dataset.variables)))


def _named_dimensions(dataset: xr.Dataset) -> xr.Dataset:
    dataset = dataset.drop_vars([name for name in _LEFT_OUT if name in dataset.coords and TIME in dataset.variables])
    names = [str(name) for name in (*dataset.coords, *dataset.dims)]
    changes: dict[Hashable, str] = {}
    for old, new in (*_by_alias(dataset, names), *_by_attributes(dataset, names)):
        if old != new and new not in names and old not in changes and new not in changes.values():
            changes[old] = new
    return dataset.rename(changes)


def _by_alias(dataset: xr.Dataset, names: list[str]) -> Iterator[tuple[str, str]]:
    for new, aliases in DIMENSION_ALIASES.items():
        for alias in aliases:
            # One-letter aliases are too common to be trusted without a unit.
            trusted = len(alias) > 1
            yield from ((n, new) for n in names if n.lower() == alias and (trusted or _is_degrees(dataset, n, new)))


def _by_attributes(dataset: xr.Dataset, names: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of a name and its new name, by CF standard name, else by unit."""
    for name in names:
        if name in dataset.coords and dataset[name].ndim <= 1:
            attributes = dataset[name].attrs
            new = STANDARD_NAMES.get(str(attributes.get("standard_name", "")).lower())
            units = str(attributes.get("units", "")).lower()
            new = new or (LATITUDE if units in _NORTH else LONGITUDE if units in _EAST else None)
            if new is not None:
                yield name, new


def _is_degrees(dataset: xr.Dataset, name: str, new: str) -> bool:
    units = str(dataset[name].attrs.get("units", "")).lower() if name in dataset.variables else ""
    return units in (_NORTH if new == LATITUDE else _EAST)


def _named_variables(dataset: xr.Dataset) -> xr.Dataset:
    changes: dict[Hashable, str] = {}
    for name in dataset.data_vars:
        units = str(dataset[name].attrs.get("units", "")).replace(" ", "").lower()
        new = VARIABLE_ALIASES.get(str(name).lower())
        if new == "geopotential" and units in ("m", "gpm", "meters"):
            new = "geopotential_height"
        if new is None or new == name:
            continue
        if new in dataset.variables or new in changes.values():
            raise ValueError(
                f"`dataset` has two variables for {new!r}, one of them {str(name)!r}; give `rename` or "
                f"--rename, or drop one"
            )
        changes[name] = new
    return dataset.rename(changes)


def _units_of_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    dataset = with_levels(dataset)
    if MEMBER in dataset.dims and MEMBER not in dataset.coords:
        notice(f"the dimension {MEMBER!r} has no coordinate; members are numbered 0 … {dataset.sizes[MEMBER] - 1}")
        dataset = dataset.assign_coords({MEMBER: np.arange(dataset.sizes[MEMBER])})
    if LEAD in dataset.coords:
        lead = dataset[LEAD]
        kept = {key: value for key, value in lead.attrs.items() if key not in ("units", "dtype")}
        dataset = dataset.assign_coords({LEAD: (lead.dims, durations(lead.variable), kept)})
        # Analyses in GRIB carry a lead time of zero.
        if dataset[LEAD].ndim == 0 and dataset[LEAD].values == np.timedelta64(0, "ns"):
            dataset = dataset.drop_vars(LEAD)
    return dataset


def _scalars_as_dimensions(dataset: xr.Dataset) -> xr.Dataset:
    for name in (LEVEL, LEAD, TIME):
        if name in dataset.coords and dataset[name].ndim == 0:
            moving = [key for key in dataset.data_vars if not (name in (TIME, LEAD) and key in STATIC)]
            expanded = dataset[moving].expand_dims(name)
            rest = [key for key in dataset.data_vars if key not in moving]
            dataset = expanded.assign({key: dataset[key].drop_vars(name) for key in rest})
    return dataset


def _directions(dataset: xr.Dataset) -> xr.Dataset:
    longitude = np.asarray(dataset[LONGITUDE].values, np.float64)
    turned = np.mod(longitude, 360.0)
    # Rounding must not move the prime meridian to the end.
    spacing = 360.0 / max(longitude.size, 1)
    turned = np.where(turned > 360.0 - 1e-3 * spacing, 0.0, turned)
    if np.any(turned != longitude):
        attributes = dataset[LONGITUDE].attrs
        dataset = dataset.assign_coords({LONGITUDE: (LONGITUDE, turned, attributes)})
    if np.any(np.diff(turned) < 0):
        at = int(np.argmin(turned))
        order = np.r_[at : turned.size, 0:at]
        if np.any(np.diff(turned[order]) < 0):
            order = np.argsort(turned, kind="stable")
        dataset = dataset.isel({LONGITUDE: order})
    for name, upwards in ((LATITUDE, False), (LEVEL, True)):
        if name in dataset.dims and name in dataset.coords and dataset.sizes[name] > 1:
            values = np.asarray(dataset[name].values, np.float64)
            steps = np.diff(values if upwards else -values)
            if np.all(steps < 0):
                dataset = dataset.isel({name: slice(None, None, -1)})
            elif np.any(steps < 0):
                order = np.argsort(values if upwards else -values, kind="stable")
                dataset = dataset.isel({name: order})
    return dataset
