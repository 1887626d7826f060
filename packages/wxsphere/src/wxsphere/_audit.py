"""An audit of a dataset: what would spoil training or scores, found before it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from ._grids import grid_of
from ._names import DIMENSIONS, LATITUDE, LEAD, LEVEL, LONGITUDE, TIME, WINDS
from ._open import check_variables
from ._poles import ONE_VECTOR, distance_from_vector

Severity = Literal["error", "warning", "note"]

# Name → unit and what the mean over all points and levels may be. Wide: any season, any level between 1 and 1000 hPa.
_RANGES: Mapping[str, tuple[str, float, float]] = {
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
# What packing into 16 bits may change.
_ROUNDING = 1e-4
_BLOCK_BYTES = 2**27
_ONCE = "once"
_MONTH = (np.timedelta64(28, "D"), np.timedelta64(31, "D"))


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of an audit.

    Attributes:
        severity: `"error"` spoils training or scores, `"warning"` may, `"note"` describes.
        subject: A variable or coordinate.
        text: What is found, with values, and what to do about it.
    """

    severity: Severity
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.text}"


def check_dataset(dataset: xr.Dataset, variables: Sequence[str] | None = None) -> list[Finding]:
    """Audit a dataset: coordinates, gaps in time, missing values by variable and year, units by range, poles.

    Every field is read once, in blocks of times. Found are: grids that are not known; times that are not sorted, repeat
    or leave gaps; levels that are not ascending; variables without values in some years, which is how chunks that are
    missing from a copy of a zarr store read; means and extremes outside any weather, with a guess where a factor
    (9.81, 100, 1000) or an offset (273.15) explains them; rows on the poles where scalars are not constant or winds not
    one vector.

    Args:
        dataset: In the layout of `canonical`.
        variables: Which; default all fields with latitude and longitude.

    Returns:
        Findings, errors first. An empty list never comes back: notes tell the grid and the times.

    Raises:
        ValueError: A variable that is not there.
    """
    if variables is None:
        fields = dataset.data_vars.items()
        variables = sorted(str(name) for name, field in fields if {LATITUDE, LONGITUDE} <= set(field.dims))
    names = check_variables("variables", variables, dataset)
    found = [*_coordinates(dataset)]
    try:
        grid = grid_of(dataset)
    except ValueError as error:
        return _sorted([*found, Finding("error", "grid", str(error))])
    found.append(Finding("note", "grid", f"{grid}, resolves {grid.max_bandlimit} degrees"))
    for name in names:
        extra = [str(dim) for dim in dataset[name].dims if dim not in DIMENSIONS]
        if extra and TIME in dataset[name].dims:
            text = f"has a dimension {extra[0]!r} of size {dataset.sizes[extra[0]]}, which `prepare` refuses"
            found.append(Finding("error", name, f"{text}; choose one, e.g. `dataset.isel({extra[0]}=0)`"))
        found += _values(dataset, name)
        if grid.north_pole or grid.south_pole:
            found += _scalar_poles(dataset, name, grid.north_pole, grid.south_pole)
    if grid.north_pole or grid.south_pole:
        for wind, parts in WINDS.items():
            if all(part in names for part in parts):
                found += _wind_poles(dataset, wind, parts, grid.longitude, grid.north_pole, grid.south_pole)
    return _sorted(found)


def _sorted(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: ("error", "warning", "note").index(one.severity))


def _coordinates(dataset: xr.Dataset) -> Iterator[Finding]:
    for dim in (TIME, LEAD):
        if dim not in dataset.coords or dataset[dim].ndim != 1 or dataset.sizes[dim] < 2:
            continue
        steps = np.diff(dataset[dim].values)
        if np.any(steps <= np.timedelta64(0, "ns")):
            at = int(np.argmax(steps <= np.timedelta64(0, "ns")))
            pair = dataset[dim].values[at : at + 2]
            yield Finding(
                "error", dim, f"must ascend without repeats, got {pair[0]} then {pair[1]}; sort, drop repeats"
            )
            continue
        usual = np.sort(steps)[steps.size // 2]
        monthly = np.all((steps >= _MONTH[0]) & (steps <= _MONTH[1]))
        gaps = np.flatnonzero(steps != usual) if not monthly else np.array([], int)
        if gaps.size:
            first, after = dataset[dim].values[gaps[0]], dataset[dim].values[gaps[0] + 1]
            told = f"{gaps.size} of {steps.size} steps are not the usual {_hours(usual)} h"
            yield Finding("warning", dim, f"{told}; the first is {first} to {after}")
        if dim == TIME:
            ends = dataset[dim].values[[0, -1]]
            apart = "monthly" if monthly else f"usually {_hours(usual)} h apart"
            yield Finding("note", dim, f"{dataset.sizes[dim]}, {ends[0]} … {ends[1]}, {apart}")
    if LEVEL in dataset.coords and dataset[LEVEL].ndim == 1:
        levels = np.asarray(dataset[LEVEL].values, np.float64)
        if np.any(np.diff(levels) <= 0):
            yield Finding("error", LEVEL, f"must ascend without repeats [hPa], got {levels.tolist()}")
        if levels.max() > 1100:
            yield Finding("error", LEVEL, f"must be in hPa, got up to {levels.max():g}; these look like Pa")


def _hours(step: np.timedelta64) -> str:
    return f"{step / np.timedelta64(1, 'h'):g}"


def _blocks(field: xr.DataArray) -> Iterator[tuple[slice, np.ndarray]]:
    """A field along its first dimension, in blocks of limited size."""
    per_entry = 8 * int(np.prod(field.shape[1:]))
    step = max(1, _BLOCK_BYTES // max(1, per_entry))
    for begin in range(0, field.shape[0], step):
        part = slice(begin, begin + step)
        yield part, np.asarray(field[part].values, np.float64)


def _values(dataset: xr.Dataset, name: str) -> Iterator[Finding]:
    field = dataset[name]
    field = field.transpose(TIME, ...) if TIME in field.dims else field.expand_dims(_ONCE)
    missing = np.zeros(field.shape[0])
    low, high, level_sum, level_count = np.inf, -np.inf, None, None
    axes = tuple(at for at, dim in enumerate(field.dims) if dim != LEVEL)
    for part, values in _blocks(field):
        there = np.isfinite(values)
        missing[part] = 1 - there.reshape(there.shape[0], -1).mean(1)
        if there.any():
            low, high = min(low, float(values[there].min())), max(high, float(values[there].max()))
        sums, counts = np.where(there, values, 0).sum(axes), there.sum(axes)
        level_sum = sums if level_sum is None else level_sum + sums
        level_count = counts if level_count is None else level_count + counts
    yield from _census(field, name, missing)
    if not np.isfinite(low) or level_sum is None or level_count is None:
        return
    with np.errstate(invalid="ignore"):
        means = np.atleast_1d(np.where(level_count > 0, level_sum / np.maximum(level_count, 1), np.nan))
    yield from _units(field, name, low, high, means)


def _census(field: xr.DataArray, name: str, missing: np.ndarray) -> Iterator[Finding]:
    if not missing.any():
        return
    if missing.min() == 1:
        yield Finding("error", name, "has no value at all")
    elif field.dims[0] == TIME and missing.max() == 1:
        years = field[TIME].dt.year.values
        empty = {int(year): int((missing[years == year] == 1).sum()) for year in np.unique(years)}
        told = ", ".join(f"{count} in {year}" for year, count in empty.items() if count)
        yield Finding(
            "error", name, f"whole times without a value: {told}; chunks that a copy of a store lacks read so"
        )
    if missing.min() < 1 and np.any((missing > 0) & (missing < 1)):
        partial = missing[(missing > 0) & (missing < 1)]
        where = _where_missing(field) if LEVEL in field.dims else ""
        text = f"{100 * partial.mean():.1f} % of the points have no value, in {partial.size} of {missing.size} entries"
        yield Finding("warning", name, f"{text}{where}")


def _where_missing(field: xr.DataArray) -> str:
    """Levels without a value in the first entry."""
    other = [dim for dim in field.dims if dim != LEVEL]
    empty = np.asarray(field[0:1].isnull().all(other).values)
    levels = np.asarray(field[LEVEL].values)[empty]
    return f"; none at {', '.join(f'{level:g}' for level in levels)} hPa" if levels.size else ""


def _units(field: xr.DataArray, name: str, low: float, high: float, means: np.ndarray) -> Iterator[Finding]:
    if name not in _RANGES:
        yield Finding("note", name, f"{low:g} … {high:g} {field.attrs.get('units', '')}".rstrip())
        return
    unit, least, most = _RANGES[name]
    told = f"{low:g} … {high:g} where {least:g} … {most:g} {unit} is possible"
    factor = _factor(field, name, low, high, means)
    if factor:
        yield Finding("error", name, f"{told}; {factor}")
    elif low < least or high > most:
        yield Finding("error", name, told)
    else:
        yield Finding("note", name, f"{low:g} … {high:g} {unit}")


def first_impossible(field: xr.DataArray) -> str | None:
    """The first time with a value that its variable cannot have, in words, or None; for fields in memory."""
    name = str(field.name)
    if name not in _RANGES or TIME not in field.dims:
        return None
    unit, least, most = _RANGES[name]
    values = np.asarray(field.transpose(TIME, ...).values).reshape(field.sizes[TIME], -1)
    bad = ((values < least) | (values > most)).any(1)
    if not bad.any():
        return None
    low, high = float(values[bad][0].min()), float(values[bad][0].max())
    return f"{field[TIME].values[bad][0]}: {name}: {low:g} … {high:g} where {least:g} … {most:g} {unit} is possible"


def _factor(field: xr.DataArray, name: str, low: float, high: float, means: np.ndarray) -> str:
    """A guess at what went wrong with the unit, or nothing."""
    if name == "geopotential" and LEVEL in field.dims:
        for level, mean in zip(np.asarray(field[LEVEL].values, np.float64), means, strict=True):
            height = _STANDARD_HEIGHT.get(round(level))
            if height is None or height < 700 or not np.isfinite(mean):
                continue
            ratio = mean / (height * _GRAVITY)
            if abs(ratio * _GRAVITY - 1) < 0.12:
                return f"at {level:g} hPa it is a height in m, not m²/s²: multiply by 9.80665"
            if abs(ratio / _GRAVITY - 1) < 0.12:
                return f"at {level:g} hPa it is 9.81 times too large: divide by 9.80665"
            if abs(ratio - 1) > 0.12:
                return f"at {level:g} hPa its mean {mean:g} is {ratio:.3g} times that of the standard atmosphere"
    if name.endswith("temperature") and -100 < low and high < 70:
        return "it is in °C: add 273.15"
    if name in ("mean_sea_level_pressure", "surface_pressure") and 400 < low and high < 1120:
        return "it is in hPa: multiply by 100"
    if name == "specific_humidity" and 0.05 < high < 50:
        return "it is in g/kg: divide by 1000"
    if name in ("land_sea_mask", "sea_ice_cover") and 2 < high <= 100.01:
        return "it is in %: divide by 100"
    return ""


def _pole_rows(north: bool, south: bool) -> list[tuple[str, int]]:
    return [("north", 0)] * north + [("south", -1)] * south


def _scalar_poles(dataset: xr.Dataset, name: str, north: bool, south: bool) -> Iterator[Finding]:
    if any(name in parts for parts in WINDS.values()):
        return
    for side, row in _pole_rows(north, south):
        values = np.asarray(_first(dataset[name]).isel({LATITUDE: [row, row + 1 if row == 0 else row - 1]}), np.float64)
        if not np.isfinite(values).all():
            continue
        spread = np.ptp(values[..., 0, :], axis=-1).max()
        next_spread = np.ptp(values[..., 1, :], axis=-1).max()
        if spread > max(ONE_VECTOR * next_spread, _ROUNDING * np.abs(values).max()):
            text = f"on the {side} pole it should be one value, but differs by up to {spread:g}"
            yield Finding("warning", name, f"{text}; `FieldLayout.pack` takes the mean")


def _wind_poles(
    dataset: xr.Dataset, wind: str, parts: tuple[str, str], longitude: np.ndarray, north: bool, south: bool
) -> Iterator[Finding]:
    for side, row in _pole_rows(north, south):
        rows = [row, row + 1 if row == 0 else row - 1]
        u, v = (np.asarray(_first(dataset[part]).isel({LATITUDE: rows}), np.float64) for part in parts)
        if not (np.isfinite(u).all() and np.isfinite(v).all()):
            continue
        wave = np.exp(-1j * longitude if side == "north" else 1j * longitude)
        rest, allowed = distance_from_vector(-v + 1j * u, wave)
        if np.any(rest > allowed):
            text = f"on the {side} pole it should be one vector, but differs from one by up to {rest.max():.3g} m/s"
            yield Finding("warning", wind, f"{text}; `FieldLayout.pack` rebuilds the row from its neighbours")


def _first(field: xr.DataArray) -> xr.DataArray:
    """The first entry of everything but level, latitude and longitude."""
    field = field.isel({dim: 0 for dim in field.dims if dim not in (LEVEL, LATITUDE, LONGITUDE)})
    return field.transpose(..., LATITUDE, LONGITUDE)
