"""Climatologies by day of year and hour, and the baselines persistence and climatology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr
from jaxtyping import Float

from .. import _checks
from .._conventions.coordinates import check_coordinates
from .._conventions.names import DIMENSIONS, LATITUDE, LEAD, LEVEL, LONGITUDE, TIME
from .._files.open import check_variables

T = TypeVar("T", xr.DataArray, xr.Dataset)

_DAYS = 366
_BLOCK_BYTES = 2**27
_SUMS_BYTES = 2**30


def window_weights(window: int) -> Float[np.ndarray, " window"]:
    """Weights of days around a day: 0 at both ends, rising linearly to the middle, mean 1.

    Args:
        window: Number of days, odd, at least 3.

    Returns:
        Weights, shape (window,), float64.

    Raises:
        TypeError: `window` is not an integer.
        ValueError: It is even, below 3 or longer than a year.

    Examples:
        >>> from wxsphere import window_weights
        >>> window_weights(5)
        array([0.  , 1.25, 2.5 , 1.25, 0.  ])
    """
    if _checks.integer("window", window, 3) % 2 == 0:
        raise ValueError(f"`window` must be odd, got {window}")
    if window > _DAYS:
        raise ValueError(f"`window` must be at most the {_DAYS} days of a year, got {window}")
    half = window // 2
    weights = np.concatenate([np.linspace(0, 1, half + 1), np.linspace(1, 0, half + 1)[1:]])
    return weights / weights.mean()


def climatology(
    truth: xr.Dataset, *, window: int = 61, variables: Sequence[str] | None = None, years: tuple[int, int] | None = None
) -> xr.Dataset:
    """Mean by hour of day and day of year, smoothed over days, as WeatherBench 2 computes it.

    For each hour, values of all years are averaged with weights that fall linearly from the day itself to 0 at
    ±(window // 2) days, around the turn of the year as well. In years without day 366, day 365 stands for it.

    Truth is read in blocks of times, variable by variable, level by level and hour by hour; the result and at most
    1 GiB of sums are in memory. Grids of more than 91,000 points are taken in bands of latitude, each of which reads
    its times again.

    Args:
        truth: Analyses with `time`; any hours, which need not be the same on all days.
        window: Days, odd.
        variables: Names; default all that have time.
        years: First and last year used; default all. Leave out the years that are evaluated.

    Returns:
        Dataset with dimensions (hour, dayofyear 1 … 366, …), of the types of `truth`; NaN where no day within the
        window has data.

    Raises:
        ValueError: No `time`, no data in `years`, a variable that is missing or has no time, or a bad `window`.

    References:
        Rasp et al., WeatherBench 2 (2024), section 3.3; `compute_hourly_stat` of its code.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import climatology, grid_dataset
        >>> times = np.arange("2019-01-01T00", "2020-01-01T00", 12, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), np.full((730, 2, 4), 280.0)
        >>> dict(climatology(truth, window=5).sizes)
        {'hour': 2, 'dayofyear': 366, 'latitude': 2, 'longitude': 4}
    """
    _checks.dimensions("truth", truth, (TIME,))
    check_coordinates("truth", truth)
    weights = window_weights(window)
    if variables is None:
        variables = [str(name) for name, field in truth.data_vars.items() if TIME in field.dims]
    names = check_variables("variables", variables, truth)
    _checks.real_fields("truth", truth, names)
    if years is not None:
        years = _checked_years(years)
        inside = (truth[TIME].dt.year >= years[0]) & (truth[TIME].dt.year <= years[1])
        truth = truth.isel({TIME: np.flatnonzero(inside.values)})
    if not truth.sizes[TIME] or not names:
        raise ValueError(f"`truth` must have fields with times in the years {years}, got {dict(truth.sizes)}")
    hours = np.unique(truth[TIME].dt.hour.values)
    out = xr.Dataset(coords={"hour": hours, "dayofyear": np.arange(1, _DAYS + 1)})
    for name in names:
        field = truth[name]
        if TIME not in field.dims:
            raise ValueError(f"`variables` names {name!r}, which has no time")
        # One level at a time bounds the sums that are held in float64.
        parts = [field.isel({LEVEL: [at]}) for at in range(field.sizes[LEVEL])] if LEVEL in field.dims else [field]
        means = [_mean_by_day(part, hours, weights) for part in parts]
        whole: Any = means[0] if len(means) == 1 else xr.concat(means, LEVEL)
        order = [dim for dim in DIMENSIONS if dim in whole.dims]
        out[name] = whole.transpose(..., *order).assign_attrs(field.attrs)
    return out


def _checked_years(years: object) -> tuple[int, int]:
    if not isinstance(years, tuple | list) or len(years) != 2:
        raise TypeError(f"`years` must be the first and the last year, got {years!r}")
    first, last = (_checks.integer("years", year) for year in years)
    if last < first:
        raise ValueError(f"`years` must not end before they begin, got {years!r}")
    return first, last


def _mean_by_day(field: xr.DataArray, hours: np.ndarray, weights: np.ndarray) -> xr.DataArray:
    """The climatology of a field on one level: (hour, dayofyear, …)."""
    field = field.transpose(TIME, ...)
    shape = field.shape[1:]
    out = np.empty((hours.size, _DAYS, *shape), field.dtype)
    # Four arrays of 366 maps in float64: large grids are taken in bands, each of which reads the times again.
    bands = -(-4 * 8 * _DAYS * int(np.prod(shape)) // _SUMS_BYTES)
    rows = shape[0] if shape else 1
    step = -(-rows // max(1, min(rows, bands)))
    for at, hour in enumerate(hours):
        part = field.isel({TIME: np.flatnonzero(field[TIME].dt.hour.values == hour)})
        for begin in range(0, rows, step):
            band = slice(begin, begin + step)
            if shape:
                out[at, :, band] = _smoothed(part.isel({field.dims[1]: band}), weights)
            else:
                out[at] = _smoothed(part, weights)
    coords = {name: field[name] for name in field.dims[1:] if name in field.coords}
    coords |= {"hour": hours, "dayofyear": np.arange(1, _DAYS + 1)}
    return xr.DataArray(out, dims=("hour", "dayofyear", *field.dims[1:]), coords=coords)


def _smoothed(field: xr.DataArray, weights: np.ndarray) -> np.ndarray:
    """Weighted means over days and years of the times of one hour, shape (366, …), float64."""
    shape = field.shape[1:]
    sums, counts = (np.zeros((_DAYS, *shape)) for _ in range(2))
    year, day = field[TIME].dt.year.values, field[TIME].dt.dayofyear.values
    with_366 = set(year[day == _DAYS].tolist())
    block = max(1, int(_BLOCK_BYTES // (8 * max(1, int(np.prod(shape))))))
    for begin in range(0, field.sizes[TIME], block):
        values = np.asarray(field.isel({TIME: slice(begin, begin + block)}).values, np.float64)
        there = np.isfinite(values)
        values = np.where(there, values, 0.0)
        for at in range(values.shape[0]):
            k = begin + at
            repeated = day[k] == _DAYS - 1 and year[k] not in with_366
            for d in (day[k], _DAYS) if repeated else (day[k],):
                sums[d - 1] += values[at]
                counts[d - 1] += there[at]
    half = weights.size // 2
    total, norm = np.zeros_like(sums), np.zeros_like(counts)
    for shift, weight in enumerate(weights, -half):
        if weight:
            total += weight * np.roll(sums, -shift, 0)
            norm += weight * np.roll(counts, -shift, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / norm


def climatology_at(climatology: T, times: npt.ArrayLike) -> T:
    """Climatology at given times: the entry of their hour and day of year. Lazy.

    Args:
        climatology: With dimensions `hour` and `dayofyear`, computed by `climatology` or a store of WeatherBench 2.
        times: Valid times, `datetime64`, shape (time,).

    Returns:
        The same with a dimension `time` in their place.

    Raises:
        ValueError: A dimension is missing, or the climatology lacks an hour or a day, or has one twice; the message
            names it.

    Examples:
        >>> import numpy as np
        >>> import xarray as xr
        >>> from wxsphere import climatology_at
        >>> normal = xr.DataArray(
        ...     np.arange(366.0)[None], {"hour": [0], "dayofyear": np.arange(1, 367)}, ("hour", "dayofyear")
        ... )
        >>> climatology_at(normal, np.array(["2020-01-01", "2020-12-31"], "datetime64[ns]")).values
        array([  0., 365.])
    """
    _checks.instance("climatology", climatology, (xr.Dataset, xr.DataArray), "an xarray.Dataset or DataArray")
    for dim in ("hour", "dayofyear"):
        if dim not in climatology.dims or dim not in climatology.coords:
            raise ValueError(f"`climatology` must have a dimension {dim!r}, got {dict(climatology.sizes)}")
    stamps = xr.DataArray(_checks.times("times", times), dims=TIME)
    index = {}
    for dim, wanted in (("hour", stamps.dt.hour.values), ("dayofyear", stamps.dt.dayofyear.values)):
        known = climatology.indexes[dim]
        if not known.is_unique:
            raise ValueError(f"`climatology` must have each {dim} once, got {known[known.duplicated()][0]} twice")
        at = known.get_indexer(wanted)
        if np.any(at < 0):
            raise ValueError(
                f"`climatology` must have {dim} {wanted[at < 0][0]} of {stamps.values[at < 0][0]}, got {dim} "
                f"{climatology.coords[dim].values.tolist()[:8]}"
            )
        index[dim] = xr.DataArray(at, dims=TIME)
    out = climatology.isel(index).drop_vars(["hour", "dayofyear"]).assign_coords({TIME: stamps.values})
    return out.transpose(TIME, ...)


def _lead_times(leads: npt.ArrayLike) -> np.ndarray:
    steps = _checks.durations("leads", leads)
    if np.any(steps < np.timedelta64(0, "ns")):
        raise ValueError(f"`leads` must be 0 or more, got {steps.min()}")
    return steps


def persistence_forecast(truth: xr.Dataset, times: npt.ArrayLike, leads: npt.ArrayLike) -> xr.Dataset:
    """Persistence forecast: truth at the initial time for all lead times. Lazy.

    Args:
        truth: Analyses with `time`.
        times: Initial times, `datetime64`, shape (time,).
        leads: Lead times, `timedelta64`, shape (lead,).

    Returns:
        Dataset in the layout of forecasts: (time, prediction_timedelta, …).

    Raises:
        ValueError: An initial time that is not in `truth`, or a time that is there twice.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, persistence_forecast
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), np.full((4, 2, 4), 280.0)
        >>> leads = np.array([6, 12, 18], "timedelta64[h]")
        >>> dict(persistence_forecast(truth, times[:2], leads)["2m_temperature"].sizes)
        {'time': 2, 'prediction_timedelta': 3, 'latitude': 2, 'longitude': 4}
    """
    _checks.dimensions("truth", truth, (TIME,))
    check_coordinates("truth", truth)
    stamps, steps = _checks.times("times", times), _lead_times(leads)
    at = truth.indexes[TIME].get_indexer(stamps)
    if np.any(at < 0):
        raise ValueError(f"`truth` must have all initial times, got none for {stamps[at < 0][0]}")
    chosen = truth[[name for name, field in truth.data_vars.items() if TIME in field.dims]].isel({TIME: at})
    out = chosen.expand_dims({LEAD: steps})
    return out.transpose(TIME, LEAD, ...)


def climatology_forecast(climatology: xr.Dataset, times: npt.ArrayLike, leads: npt.ArrayLike) -> xr.Dataset:
    """Climatology forecast: the climatology at the valid times. Lazy.

    Args:
        climatology: With dimensions `hour` and `dayofyear`.
        times: Initial times, `datetime64`, shape (time,).
        leads: Lead times, `timedelta64`, shape (lead,).

    Returns:
        Dataset in the layout of forecasts: (time, prediction_timedelta, …).

    Raises:
        ValueError: A valid time whose hour or day the climatology lacks.

    Examples:
        >>> import numpy as np
        >>> import xarray as xr
        >>> from wxsphere import climatology_forecast
        >>> days = np.arange(1, 367)
        >>> normal = xr.Dataset({"t": (("hour", "dayofyear"), days[None])}, {"hour": [0], "dayofyear": days})
        >>> times = np.array(["2020-01-01", "2020-02-01"], "datetime64[ns]")
        >>> climatology_forecast(normal, times, np.array([24, 48], "timedelta64[h]")).t.values
        array([[ 2,  3],
               [33, 34]])
    """
    _checks.dataset("climatology", climatology)
    stamps, steps = _checks.times("times", times), _lead_times(leads)
    fields = climatology[[name for name, field in climatology.data_vars.items() if "hour" in field.dims]]
    parts = [climatology_at(fields, stamps + step).assign_coords({TIME: stamps}) for step in steps]
    out: Any = xr.concat(parts, xr.DataArray(steps, dims=LEAD, name=LEAD), coords="minimal", compat="override")
    return out.transpose(TIME, LEAD, ..., *[dim for dim in (LEVEL, LATITUDE, LONGITUDE) if dim in out.dims])
