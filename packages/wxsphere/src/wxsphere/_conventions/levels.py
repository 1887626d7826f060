"""Conversion of levels to pressures in hPa."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from .._notices import notice
from .names import LEVEL
from .units import Unit, has_unit, parse_unit

_TEXT = re.compile(r"\s*([^A-Za-z]*?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_PA_PER_HPA = 100.0
# Base unit of levels that are not pressures, and their name.
_OTHER_LEVELS = {"m": "height", "K": "potential_temperature", "": "model_level"}
_UNKNOWN_LEVELS = "layer"
# Relative differences that are set to a round number, and that the arithmetic of a conversion may leave.
_NOISE, _ARITHMETIC = 1e-4, 1e-12


def with_levels(dataset: xr.Dataset) -> xr.Dataset:
    """Convert levels to numbers in hPa; levels without a unit are taken as hPa.

    Levels in another unit of pressure are converted. Levels in any other unit are not pressures and get a name of their
    own: `height` in units of length, `potential_temperature` in K, `model_level` without dimension, else `layer`.
    Levels within 1e-4 of a whole hPa (below 10 hPa, of a tenth), such as 850.0000001, are set to it, unless two levels
    would become equal. Strings, such as `"500"` and `"500hPa"`, are read as numbers. A `DataWarning` names each change
    but that of unit.

    Raises:
        ValueError: A level is a string that is not a number, or is not finite.
    """
    if LEVEL not in dataset.coords:
        return dataset
    given = dataset[LEVEL]
    if given.dtype.kind in "mM":
        raise ValueError(
            f"`level` must be pressures in hPa, got {given.dtype}; name the levels with `rename` or --rename"
        )
    attributes = dict(given.attrs)
    unit = parse_unit(attributes.get("units"))
    if has_unit(attributes.get("units")) and not _is_pressure(unit):
        return _renamed(dataset, str(attributes["units"]), unit)
    values = given.values if given.dtype.kind in "iuf" else _numbers(given.values)
    if given.dtype.kind not in "iuf":
        attributes["units"] = "hPa"
    elif unit is not None and unit.factor != _PA_PER_HPA:
        values = np.asarray(values, np.float64) * (unit.factor / _PA_PER_HPA)
        attributes["units"] = "hPa"
    if values.dtype.kind == "f":
        values = _rounded(values)
    if values is given.values:
        return dataset
    return dataset.assign_coords({LEVEL: (given.dims, values, attributes)})


def _is_pressure(unit: Unit | None) -> bool:
    return unit is not None and dict(unit.powers) == {"kg": 1, "m": -1, "s": -2}


def _renamed(dataset: xr.Dataset, text: str, unit: Unit | None) -> xr.Dataset:
    """Give levels that are not pressures the name of what they are."""
    known = None if unit is None else " ".join(base for base, power in unit.powers.items() if power == 1)
    several = unit is not None and set(unit.powers.values()) - {1}
    name = _UNKNOWN_LEVELS if known is None or several else _OTHER_LEVELS.get(known, _UNKNOWN_LEVELS)
    name = name if name not in dataset.variables else f"{name}_of_level"
    notice(
        f"`level` has the unit {text!r}, which is not a pressure, and is renamed to {name!r}; if it holds pressures, "
        f"correct the unit, e.g. `ncatted -a units,level,o,c,hPa FILE`"
    )
    return dataset.rename({LEVEL: name})


def _numbers(values: np.ndarray) -> np.ndarray:
    out = np.empty(values.shape, np.float64)
    for at, value in np.ndenumerate(values):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        found = _TEXT.fullmatch(text)
        unit = None if found is None else parse_unit(found[2] or "hPa")
        try:
            if found is None or unit is None or not _is_pressure(unit):
                raise ValueError(text)
            out[at] = float(found[1]) * (unit.factor / _PA_PER_HPA)
        except ValueError:
            raise ValueError(
                f"`level` must be pressures in hPa, got the string {text!r}; if these are not pressures, rename the "
                f"dimension, e.g. by --rename level=layer, and select one layer"
            ) from None
    shown = ", ".join(f"{one:g}" for one in np.atleast_1d(out))
    notice(f"`level` holds strings, which are read as numbers in hPa: {shown}")
    return out


def _rounded(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values, np.float64)
    if not np.isfinite(flat).all():
        raise ValueError(f"`level` must be pressures in hPa, got {np.atleast_1d(flat).tolist()}")
    whole = np.where(np.abs(flat) < 10, np.round(flat, 1), np.round(flat))
    away = np.abs(flat - whole)
    near = (away > 0) & (away <= _NOISE * np.abs(flat))
    changed = np.where(near, whole, flat)
    if not near.any() or np.unique(changed).size < np.unique(flat).size:
        return values
    largest = float((away / np.maximum(np.abs(flat), 1e-300))[near].max())
    if largest > _ARITHMETIC:
        first = np.atleast_1d(flat)[np.atleast_1d(near)][0]
        count = f"{np.count_nonzero(near)} of {flat.size} levels were" if flat.size > 1 else "the level was"
        notice(f"{count} within {_NOISE:g} of whole hPa and set to it, e.g. {float(first)!r}")
    return changed
