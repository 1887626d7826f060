"""Findings about values: missing, impossible or constant ones, and precipitation accumulated since a reset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, TIME
from .findings import stamp

# Name → unit and range of values in any season, at any level between 1 and 1000 hPa.
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
# Heights of pressure levels in the standard atmosphere [m]. The mean geopotential of a map is within 12 % of them in
# any season; heights in metres are smaller by a factor of 9.81.
_STANDARD_HEIGHT = {
    1000: 111.0, 925: 762.0, 850: 1457.0, 700: 3012.0, 600: 4206.0, 500: 5574.0, 400: 7185.0, 300: 9164.0,
    250: 10363.0, 200: 11784.0, 150: 13608.0, 100: 16180.0, 50: 20576.0,
}  # fmt: skip
_GRAVITY = 9.80665
# Deviations below this share of the mean are rounding of float32.
_ROUNDING = 2e-7
# Number of times that running sums are recognised by.
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
        f"must have a value at every point, but {share:.3g} % of the values are missing"
        + (f" at {', '.join(at)}" if at else "")
        + "; leave out the variable, level or time, or copy the missing chunk of the store"
    )


def _label(value: np.generic) -> str:
    return (
        stamp(value) if isinstance(value, np.datetime64) else f"{value:g}" if value.dtype.kind in "iuf" else str(value)
    )


def impossible_text(field: xr.DataArray) -> str | None:
    """Description of the first values of a field in memory outside the range of its variable, or None.

    Args:
        field: Field with any dimensions in the layout of `canonical`.

    Returns:
        Time, range of the values, possible range, and the factor or offset that explains the values.
    """
    name = str(field.name)
    unit, least, most = RANGES.get(name, ("", 0.0, 0.0))
    for at, low, high, means in _ranges(field):
        why = _other_unit(name, low, high, means) or _unusual_geopotential(means)
        if why or low < least or high > most:
            when = f"at {stamp(field[TIME].values[at])}: " if TIME in field.dims else ""
            text = f"{when}{low:g} … {high:g} where {least:g} … {most:g} {unit} is possible"
            return f"{text}; {why}" if why else text
    return None


def unit_error(field: xr.DataArray) -> str | None:
    """The unit that values of a field appear to have instead of the usual one, e.g. "it is in °C: add 273.15", or None.

    Args:
        field: Field in memory, with any dimensions in the layout of `canonical`; zeros have any unit.
    """
    name = str(field.name)
    found = (_other_unit(name, low, high, means) for _, low, high, means in _ranges(field) if low or high)
    return next(filter(None, found), None)


def _ranges(field: xr.DataArray) -> Iterator[tuple[int, float, float, dict[float, float]]]:
    """Index, least and greatest value, and means by level of geopotential, for each time of a known variable."""
    name = str(field.name)
    if name not in RANGES:
        return
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
        yield int(at), low[at], high[at], means[at]


def _means_by_level(values: np.ndarray, axes: tuple[int, ...], levels: np.ndarray) -> list[dict[float, float]]:
    """Means over some axes, by level, for each time."""
    there = np.isfinite(values)
    means = np.where(there, values, 0).sum(axes) / np.maximum(there.sum(axes), 1)
    return [dict(zip(levels.tolist(), row, strict=False)) for row in means.tolist()]


def _geopotential_ratios(means: Mapping[float, float]) -> Iterator[tuple[float, float]]:
    """Levels, and the ratio of geopotential to that of the standard atmosphere, above the boundary layer."""
    for level, mean in means.items():
        height = _STANDARD_HEIGHT.get(round(level))
        if height is not None and height >= 700 and mean:
            yield level, mean / (height * _GRAVITY)


def _unusual_geopotential(means: Mapping[float, float]) -> str:
    for level, ratio in _geopotential_ratios(means):
        if abs(ratio - 1) > 0.12:
            return f"at {level:g} hPa its mean {means[level]:g} is {ratio:.3g} times that of the standard atmosphere"
    return ""


def _other_unit(name: str, low: float, high: float, means: Mapping[float, float]) -> str:
    """Likely error of the unit, or an empty string; `means` are those of geopotential by level."""
    for level, ratio in _geopotential_ratios(means):
        if abs(ratio * _GRAVITY - 1) < 0.12:
            return f"at {level:g} hPa it is a height in m, not m²/s²: multiply by 9.80665"
        if abs(ratio / _GRAVITY - 1) < 0.12:
            return f"at {level:g} hPa it is 9.81 times too large: divide by 9.80665"
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
        mean: Mean over points and times, by level or one value.
        std: Standard deviation, likewise.
        tendency_std: Standard deviation of the changes from time to time; NaN if there is one time only.
        levels: Levels of the statistics [hPa], or None.
    """
    rounding = _ROUNDING * np.abs(mean)
    for deviation, what in ((std, "is constant"), (tendency_std, "is constant in time")):
        flat = np.atleast_1d(deviation <= rounding)
        if flat.any():
            where = "" if levels is None else f" at {levels[flat][0]:g} hPa"
            return f"must vary over the training times, but {what}{where}; leave it out with --variables or --levels"
    return None


def running_sum_text(field: xr.DataArray) -> str | None:
    """Description of precipitation that is accumulated since a reset, as it grows nearly everywhere, or None."""
    if not str(field.name).startswith(_PRECIPITATION) or TIME not in field.dims:
        return None
    values = np.asarray(field.transpose(TIME, ...)[:_LOOKED_AT].values, np.float64)
    changes = np.diff(values.reshape(values.shape[0], -1), axis=0)
    grows = ((changes >= 0).mean(1) > 0.99) & (changes.mean(1) > 0)
    if grows.size < 4 or grows.mean() <= 2 / 3:
        return None
    return (
        f"grows at nearly all points in {np.count_nonzero(grows)} of {grows.size} steps: it is accumulated since a "
        f"reset, as in ERA5-Land, and cannot be summed or compared; take differences between times first"
    )
