"""Maps of the mean error and root mean square error of forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .alignment import Common, Source, common_parts


def error_maps(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    *,
    variables: Sequence[str] | None = None,
    missing: Literal["raise", "drop"] = "raise",
) -> xr.Dataset:
    """Mean error and root mean square error at each point.

    bias = ⟨f − t⟩ and rmse = √⟨(f − t)²⟩, with ⟨·⟩ the mean over initial times and, where truth has members too, over
    members. Of an ensemble, f is the mean. Initial times are read one after the other, all lead times and levels at
    once, so select those to draw first.

    Args:
        forecast: One, or several by name, in the layout of `canonical`.
        truth: Analyses with `time`.
        variables: Names; default all that forecasts and truth have.
        missing: What to do about valid times that truth lacks: `"raise"` an error, or `"drop"` the initial times that
            need them.

    Returns:
        Dataset with dimensions (map, forecast, prediction_timedelta[, level], latitude, longitude), where map is
        `"bias"` or `"rmse"`, float64, in the units of truth; NaN where a value is missing at any initial time.

    Raises:
        ValueError: As in `forecast_statistics`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import error_maps, grid_dataset, persistence_forecast
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> warming = np.broadcast_to(np.arange(280.0, 284.0)[:, None, None], (4, 2, 4))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), warming
        >>> forecast = persistence_forecast(truth, times[:2], np.array([6, 12], "timedelta64[h]"))
        >>> maps = error_maps(forecast, truth)["2m_temperature"]
        >>> dict(maps.sizes)
        {'map': 2, 'forecast': 1, 'prediction_timedelta': 2, 'latitude': 2, 'longitude': 4}
        >>> maps.sel(map="bias").mean(("forecast", "latitude", "longitude")).values
        array([-1., -2.])
    """
    common = common_parts(forecast, truth, variables, missing)
    common.say_left_out()
    truth = truth[common.names]
    if common.levels is not None:
        truth = truth.sel({LEVEL: common.levels})
    if common.members is not None:
        truth = truth.sel({MEMBER: common.members})
    parts = []
    for source in common.sources.values():
        parts.append(_bias_and_rmse(source, truth, common))
    coords = {LATITUDE: truth[LATITUDE], LONGITUDE: truth[LONGITUDE]}
    out = xr.Dataset(coords={"map": ["bias", "rmse"], "forecast": list(common.sources), LEAD: common.leads, **coords})
    if common.levels is not None:
        out = out.assign_coords({LEVEL: (LEVEL, common.levels, {"units": "hPa"})})
    for name in common.names:
        levels = (LEVEL,) if LEVEL in truth[name].dims else ()
        values = np.stack([part[name] for part in parts], 1)
        units = truth[name].attrs.get("units")
        attributes = {} if units is None else {"units": units}
        out[name] = (("map", "forecast", LEAD, *levels, LATITUDE, LONGITUDE), values, attributes)
    return out.assign_attrs(initial_times=common.times.size)


def _bias_and_rmse(source: Source, truth: xr.Dataset, common: Common) -> dict[str, np.ndarray]:
    """Both maps of each variable, shape (2, lead[, level], latitude, longitude)."""
    error: dict[str, np.ndarray] = {}
    square: dict[str, np.ndarray] = {}
    for time in common.times:
        fields = source(np.array([time]), common.leads)[common.names].squeeze(TIME, drop=True)
        right = truth.sel({TIME: time + common.leads}).rename({TIME: LEAD}).assign_coords({LEAD: common.leads})
        for name in common.names:
            given = fields[name].astype(np.float64)
            if common.levels is not None and LEVEL in given.dims:
                given = given.sel({LEVEL: common.levels})
            if common.members is not None:
                given = given.sel({MEMBER: common.members})
            elif MEMBER in given.dims:
                given = given.mean(MEMBER)
            difference = _values(given) - _values(right[name])
            error[name] = error.get(name, 0.0) + difference.mean(0)
            square[name] = square.get(name, 0.0) + (difference**2).mean(0)
    count = common.times.size
    return {name: np.stack([error[name] / count, np.sqrt(square[name] / count)]) for name in common.names}


def _values(field: xr.DataArray) -> np.ndarray:
    """(member, lead[, level], latitude, longitude), with one member if there are none."""
    order = [dim for dim in (MEMBER, LEAD, LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
    values = np.asarray(field.transpose(*order).values, np.float64)
    return values if MEMBER in field.dims else values[None]
