"""Levels of any file as numbers in hPa."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from .._notices import notice
from .names import LEVEL
from .units import parse_unit

_TEXT = re.compile(r"\s*([^A-Za-z]*?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_PA_PER_HPA = 100.0
_HEIGHT = "height"
# Relative: what is set to a round number, and what the arithmetic of a conversion may leave.
_NOISE, _ARITHMETIC = 1e-4, 1e-12


def with_levels(dataset: xr.Dataset) -> xr.Dataset:
    """A dataset whose levels are numbers in hPa.

    Levels in another unit of pressure are converted. Those in a unit of length are heights and no levels: they get the
    name `height`, which is said. Those within 1e-4 of a whole hPa (below 10 hPa of a tenth), such as 850.0000001,
    are set to it, which is said by a `DataWarning`, unless two levels would become one. Texts, such as `"500"`
    and `"500hPa"`, are read as numbers.

    Raises:
        ValueError: A level that is a text and no number, or no finite number.
    """
    if LEVEL not in dataset.coords:
        return dataset
    given = dataset[LEVEL]
    if given.dtype.kind in "mM":
        raise ValueError(
            f"`level` must be pressures in hPa, got {given.dtype}; name the levels with `rename` or --rename"
        )
    values = given.values if given.dtype.kind in "iuf" else _numbers(given.values)
    attributes = dict(given.attrs)
    unit = parse_unit(attributes.get("units"))
    if unit is not None and dict(unit.powers) == {"m": 1} and given.dtype.kind in "iuf":
        name = _HEIGHT if _HEIGHT not in dataset.variables else f"{_HEIGHT}_of_level"
        notice(f"`level` is in {attributes['units']!r}, a height and no pressure; it is called {name!r} here")
        return dataset.rename({LEVEL: name})
    if given.dtype.kind not in "iuf":
        attributes["units"] = "hPa"
    elif unit is not None and "kg" in unit.powers and unit.factor != _PA_PER_HPA:
        values = np.asarray(values, np.float64) * (unit.factor / _PA_PER_HPA)
        attributes["units"] = "hPa"
    if values.dtype.kind == "f":
        values = _rounded(values)
    if values is given.values:
        return dataset
    return dataset.assign_coords({LEVEL: (given.dims, values, attributes)})


def _numbers(values: np.ndarray) -> np.ndarray:
    out = np.empty(values.shape, np.float64)
    for at, value in np.ndenumerate(values):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        found = _TEXT.fullmatch(text)
        unit = None if found is None else parse_unit(found[2] or "hPa")
        try:
            if found is None or unit is None or "kg" not in unit.powers:
                raise ValueError(text)
            out[at] = float(found[1]) * (unit.factor / _PA_PER_HPA)
        except ValueError:
            raise ValueError(
                f"`level` must be pressures in hPa, got the text {text!r}; if these are no pressures, name the "
                f"dimension otherwise, e.g. by --rename level=layer, and choose one layer"
            ) from None
    told = ", ".join(f"{one:g}" for one in np.atleast_1d(out))
    notice(f"`level` holds texts, which are read as numbers in hPa: {told}")
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
        notice(f"{count} within {_NOISE:g} of whole hPa and set to them, such as {float(first)!r}")
    return changed
