"""Findings about values: missing, impossible or constant ones, and accumulations that are never reset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, TIME
from .findings import stamp

# Name → unit and what the mean over all points and levels may be. Wide: any season, any level between 1 and 1000 hPa.
RANGES: Mapping[str, tuple[str, float, float]] = {
    "geopotential": ("m²/s²", -6e3, 5.2e5),
    "temperature": ("K", 170.0, 330.0),
    "u_component_of_wind": ("m/s", -200.0, 200.0),
    "v_component_of_wind": ("m/s", -200.0, 200.0),
    "specific_humidity": ("kg/kg", -1e-4, 0.04),
    "relative_humidity": ("%", -20.0, 170.0),
    "vertical_velocity": ("Pa/s", -20.0, 20.0),
    "2m_temperature": ("K", 170.0, 340.0),
    "sea_surface_temperature": ("K", 265.0, 320.0),
    "10m_u_component_of_wind": ("m/s", -70.0, 70.0),
    "10m_v_component_of_wind": ("m/s", -70.0, 70.0),
    "mean_sea_level_pressure": ("Pa", 85e3, 112e3),
    "surface_pressure": ("Pa", 40e3, 112e3),
    "geopotential_at_surface": ("m²/s²", -5e3, 6.5e4),
    "land_sea_mask": ("1", -0.01, 1.01),
    "sea_ice_cover": ("1", -0.01, 1.01),
    "total_precipitation_6hr": ("m", -1e-4, 1.0),
    "total_precipitation_24hr": ("m", -1e-4, 2.5),
}
# Geopotential of pressure levels [m²/s²]: between these for the mean over a map, whatever the season. Heights in metres
# are a factor 9.81 below and are found at once. From the standard atmosphere ± 8 %, and ± 1500 m²/s² near the ground.
_STANDARD_HEIGHT = {
    1000: 111.0, 925: 762.0, 850: 1457.0, 700: 3012.0, 600: 4206.0, 500: 5574.0, 400: 7185.0, 300: 9164.0,
    250: 10363.0, 200: 11784.0, 150: 13608.0, 100: 16180.0, 50: 20576.0,
}  # fmt: skip
_GRAVITY = 9.80665
# Deviations of this share of the mean are rounding of float32.
_ROUNDING = 2e-7
# Times by which running sums are told.
_LOOKED_AT = 27
_PRECIPITATION = "total_precipitation"


def missing_text(field: xr.DataArray) -> str | None:
    """Description of the first missing value of a field in memory, or None."""
    bad = ~np.isfinite(np.asarray(field.values))
    if not bad.any():
        return None
    first = dict(zip(map(str, field.dims), np.unravel_index(int(np.argmax(bad)), bad.shape), strict=True))
    batch = {dim: at for dim, at in first.items() if dim not in (LATITUDE, LONGITUDE)}
    share = 100 * float((~np.isfinite(np.asarray(field.isel(batch).values))).mean())
    at = [f"{dim} {_label(field[dim].values[index])}" for dim, index in batch.items() if dim in field.coords]
    return (
        f"must have a value at every point, but {share:.3g} % of the points have none"
        + (f" at {', '.join(at)}" if at else "")
        + "; leave out the variable, level or time, or copy the chunk that the store lacks"
    )


def _label(value: np.generic) -> str:
    return (
        stamp(value) if isinstance(value, np.datetime64) else f"{value:g}" if value.dtype.kind in "iuf" else str(value)
    )


def impossible_text(field: xr.DataArray) -> str | None:
    """Description of the first values of a field in memory outside the range of its variable, or None.

    Args:
        field: With any dimensions in the layout of `canonical`; each time is looked at by itself.

    Returns:
        Time, values, what is possible, and the factor or offset that explains them.
    """
    name = str(field.name)
    if name not in RANGES:
        return None
    unit, least, most = RANGES[name]
    maps = field.transpose(TIME, ...) if TIME in field.dims else field.expand_dims(TIME)
    levels = np.asarray(field[LEVEL].values, np.float64) if LEVEL in field.coords else np.zeros(0)
    by_level = LEVEL in maps.dims and name == "geopotential"
    rest = tuple(at for at, dim in enumerate(maps.dims) if at and dim != LEVEL)
    values = np.asarray(maps.values, np.float64)
    there = np.isfinite(values)
    every = tuple(range(1, values.ndim))
    means = _means_by_level(values, rest, levels) if by_level else [{}] * len(values)
    low, high = np.where(there, values, np.inf).min(every), np.where(there, values, -np.inf).max(every)
    for at in np.flatnonzero(low <= high):
        why = _explanation(name, low[at], high[at], means[at])
        if why or low[at] < least or high[at] > most:
            when = f"at {stamp(field[TIME].values[at])}: " if TIME in field.dims else ""
            told = f"{when}{low[at]:g} … {high[at]:g} where {least:g} … {most:g} {unit} is possible"
            return f"{told}; {why}" if why else told
    return None


def _means_by_level(values: np.ndarray, axes: tuple[int, ...], levels: np.ndarray) -> list[dict[float, float]]:
    """The mean over some axes of each time and level."""
    there = np.isfinite(values)
    means = np.where(there, values, 0).sum(axes) / np.maximum(there.sum(axes), 1)
    return [dict(zip(levels.tolist(), row, strict=False)) for row in means.tolist()]


def _explanation(name: str, low: float, high: float, means: Mapping[float, float]) -> str:
    """The likely error of the unit, or an empty text; `means` are those of geopotential by level."""
    return _wrong_geopotential(means) or _other_unit(name, low, high)


def _wrong_geopotential(means: Mapping[float, float]) -> str:
    for level, mean in means.items():
        height = _STANDARD_HEIGHT.get(round(level))
        if height is None or height < 700 or not mean:
            continue
        ratio = mean / (height * _GRAVITY)
        if abs(ratio * _GRAVITY - 1) < 0.12:
            return f"at {level:g} hPa it is a height in m, not m²/s²: multiply by 9.80665"
        if abs(ratio / _GRAVITY - 1) < 0.12:
            return f"at {level:g} hPa it is 9.81 times too large: divide by 9.80665"
        if abs(ratio - 1) > 0.12:
            return f"at {level:g} hPa its mean {mean:g} is {ratio:.3g} times that of the standard atmosphere"
    return ""


def _other_unit(name: str, low: float, high: float) -> str:
    if name.endswith("temperature") and -100 < low and high < 70:
        return "it is in °C: add 273.15"
    if name in ("mean_sea_level_pressure", "surface_pressure") and 400 < low and high < 1120:
        return "it is in hPa: multiply by 100"
    if name == "specific_humidity" and 0.05 < high < 50:
        return "it is in g/kg: divide by 1000"
    if name in ("land_sea_mask", "sea_ice_cover") and 2 < high <= 100.01:
        return "it is in %: divide by 100"
    return ""


def constant_text(
    mean: np.ndarray, std: np.ndarray, tendency_std: np.ndarray, levels: np.ndarray | None = None
) -> str | None:
    """Description of a field that is constant in space or in time to rounding, or None.

    Args:
        mean: Over points and times, by level or one value.
        std: Deviation from it.
        tendency_std: Deviation of the changes from time to time; NaN where there are none.
        levels: hPa, of the statistics.
    """
    rounding = _ROUNDING * np.abs(mean)
    for deviation, what in ((std, "is one value"), (tendency_std, "stays the same from time to time")):
        flat = np.atleast_1d(deviation <= rounding)
        if flat.any():
            where = "" if levels is None else f" at {levels[flat][0]:g} hPa"
            return f"must vary over the training times, but {what}{where}; leave it out with --variables or --levels"
    return None


def running_sum_text(field: xr.DataArray) -> str | None:
    """Description of precipitation that is accumulated since a reset, since it grows nearly everywhere, or None."""
    if not str(field.name).startswith(_PRECIPITATION) or TIME not in field.dims:
        return None
    values = np.asarray(field.transpose(TIME, ...)[:_LOOKED_AT].values, np.float64)
    changes = np.diff(values.reshape(values.shape[0], -1), axis=0)
    grows = ((changes >= 0).mean(1) > 0.99) & (changes.mean(1) > 0)
    if grows.size < 4 or grows.mean() <= 2 / 3:
        return None
    return (
        f"grows at nearly all points in {np.count_nonzero(grows)} of {grows.size} steps: it is a sum since a reset, as "
        f"in ERA5-Land, and cannot be summed or compared; take differences first"
    )
