"""What stands on each map of a figure: values, contours, colours and heading."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from spinharm import Grid

from .._audit.values import RANGES
from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LONGITUDE, WINDS
from .._conventions.units import parse_unit
from .finer import finer
from .labels import unit_of, value_label, variable_label
from .options import MapOptions
from .scales import Scale, is_signed, scale_of
from .selection import Chosen, choose, drawable, matching

GRAVITY = 9.80665
"""Standard gravity [m s⁻²], by which geopotential becomes geopotential height."""
_MOST_FIELDS = 6


class Lines(NamedTuple):
    """A field that is drawn as contours, in the unit of its levels."""

    field: np.ndarray
    grid: Grid
    levels: np.ndarray
    label: str


@dataclasses.dataclass(frozen=True)
class Panel:
    """A map: one field, or two components of a wind, with its heading, unit and contours."""

    name: str
    heading: str
    values: list[np.ndarray]
    grid: Grid
    unit: str
    lines: Lines | None
    difference: bool = False

    @property
    def shaded(self) -> np.ndarray:
        """What the colours show: the field, or the speed."""
        return self.values[0] if len(self.values) == 1 else np.hypot(*self.values)


class Layer(NamedTuple):
    """A dataset at its time, with its label if there are several."""

    label: str
    chosen: Chosen


def layers_of(
    fields: xr.Dataset | Mapping[str, xr.Dataset], minus: xr.Dataset | None, options: MapOptions
) -> tuple[list[Layer], Chosen | None]:
    """The datasets at the time, lead time, level and member of the options, the later ones at the first one's time."""
    named = {"": fields} if isinstance(fields, xr.Dataset) else dict(fields)
    first = next(iter(named))
    chosen = choose(named[first], level=options.level, time=options.when, lead=options.lead, member=options.member)
    others = {
        name: matching(one, chosen, name=name, level=options.level, member=options.member)
        for name, one in named.items()
        if name != first
    }
    subtracted = None
    if minus is not None:
        subtracted = matching(minus, chosen, name="minus", level=options.level, member=options.member)
    return [Layer(name, one) for name, one in ({first: chosen} | others).items()], subtracted


def names_to_draw(
    layers: Sequence[Layer], minus: Chosen | None, wanted: Sequence[str], options: MapOptions
) -> list[str]:
    """Names of the given fields and winds; by default up to six, those that vary in time if there are any."""
    there = drawable(layers[0].chosen.fields)
    for other in [*(layer.chosen for layer in layers[1:]), *([] if minus is None else [minus])]:
        also = drawable(other.fields)
        there = [name for name in there if name in also]
    winds = [wind for wind, parts in WINDS.items() if all(part in there for part in parts)]
    known = [*there, *winds]
    for option, names in (("variables", wanted), ("contours", (options.contours,) if options.contours else ())):
        missing = [name for name in names if name not in (known if option == "variables" else there)]
        if missing:
            raise ValueError(
                f"`{option}` names {', '.join(map(repr, missing))}, but there are only {', '.join(sorted(known))}"
            )
    if wanted:
        return list(wanted)
    components = [part for wind in winds for part in WINDS[wind]]
    static = layers[0].chosen.static
    winds = [wind for wind in winds if not static & set(WINDS[wind])] or winds
    dynamic = [name for name in there if name not in components and name not in static]
    names = [*winds, *(dynamic or [name for name in there if name not in components])]
    names = [name for name in names if name != options.contours or len(names) == 1][:_MOST_FIELDS]
    if not names:
        sizes = dict(layers[0].chosen.fields.sizes)
        raise ValueError(f"`fields` must have fields over latitude and longitude, got {sizes}")
    return names


def panels_of(
    layers: Sequence[Layer], minus: Chosen | None, names: Sequence[str], options: MapOptions
) -> list[list[Panel]]:
    """Panels by variable and dataset."""
    out = []
    lines = [_lines(layer.chosen, options) for layer in layers]
    for name in names:
        row = []
        for layer, over in zip(layers, lines, strict=True):
            fields, levels, _ = layer.chosen
            parts = WINDS.get(name, (name,)) if name not in fields else (name,)
            values = [_values(fields[part]) for part in parts]
            grid = grid_of(fields)
            if minus is not None:
                _check_same_grid(fields, minus.fields)
                values = [one - _values(minus.fields[part]) for one, part in zip(values, parts, strict=True)]
            if options.smooth:
                values, grid = finer(values, grid)
            heading = variable_label(name, levels.get(parts[0]))
            heading = f"{layer.label}: {heading}" if layer.label else heading
            row.append(Panel(name, heading, values, grid, _unit(fields[parts[0]], parts[0]), over, minus is not None))
        out.append(row)
    return out


def scales_of(rows: Sequence[Sequence[Panel]], options: MapOptions) -> list[Scale]:
    """One scale for each variable: that of all its panels."""
    out = []
    for row in rows:
        shaded = [panel.shaded for panel in row]
        scalar = len(row[0].values) == 1
        signed = scalar and (row[0].difference or is_signed(row[0].name, shaded))
        limits = (options.limits or {}).get(row[0].name)
        out.append(scale_of(shaded, signed=signed, limits=limits))
    return out


def _values(field: xr.DataArray) -> np.ndarray:
    return np.asarray(field.transpose(LATITUDE, LONGITUDE).values, np.float64)


def _unit(field: xr.DataArray, name: str) -> str:
    """Unit of a field; for one that says none that of its name, if the values can have it."""
    unit = unit_of(field)
    if unit or name not in RANGES:
        return unit
    usual, low, high = RANGES[name]
    values = field.values[np.isfinite(field.values)]
    fits = values.size and low <= float(values.min()) and float(values.max()) <= high
    return f"{usual}, assumed" if fits else "without unit"


def _check_same_grid(one: xr.Dataset, other: xr.Dataset) -> None:
    for name in (LATITUDE, LONGITUDE):
        a, b = one[name].values, other[name].values
        if a.shape != b.shape or not np.allclose(a, b, atol=1e-4):
            raise ValueError(
                f"`minus` must be on the same grid, got {a.size} and {b.size} values of {name}; "
                f"bring one of them to the grid of the other by `wxsphere regrid`"
            )


def _lines(chosen: Chosen, options: MapOptions) -> Lines | None:
    """Contours of a scalar: geopotential in dam, pressure in hPa, others in their own unit."""
    name = options.contours
    if name is None:
        return None
    field = chosen.fields[name]
    values, grid = [_values(field)], grid_of(chosen.fields)
    if options.smooth:
        values, grid = finer(values, grid)
    level = chosen.levels.get(name)
    own = _unit(field, name)
    factor, unit, step = _contour_unit(name, own.removesuffix(", assumed"), level)
    shown_unit = unit or own
    shown = factor * values[0]
    low, high = float(np.nanmin(shown, initial=np.inf)), float(np.nanmax(shown, initial=-np.inf))
    if step is None or not 2 <= (high - low) / step <= 60:
        step = _round_step((high - low) / 12) if high > low else 1.0
    levels = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step if high > low else np.array([low])
    label = f"contours: {variable_label(name, level)}" + (f" [{shown_unit}]" if shown_unit else "")
    return Lines(shown, grid, levels, f"{label}, every {value_label(step)}")


def _contour_unit(name: str, units: str, level: float | None) -> tuple[float, str, float | None]:
    """Factor to the unit of the lines, this unit, and their usual distance."""
    usual = 8.0 if level is None or 400 <= level < 700 else 4.0 if level >= 700 else 12.0
    known = parse_unit(units)
    for names, wanted, factor, unit, step in (
        (("geopotential", "geopotential_at_surface"), "m**2 s**-2", 1 / (10 * GRAVITY), "dam", usual),
        (("geopotential_height",), "m", 0.1, "dam", usual),
        (("mean_sea_level_pressure", "surface_pressure"), "Pa", 0.01, "hPa", 4.0),
    ):
        same = parse_unit(wanted)
        if name in names and known is not None and same is not None and known.same(same):
            return factor, unit, step
    return 1.0, "", None


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, … above."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(one * power for one in (1, 2, 5, 10) if one * power >= step))
