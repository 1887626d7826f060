"""Latitudes and longitudes of any file as dimensions, in degrees, each meridian once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from .._notices import notice
from .names import LATITUDE, LEVEL, LONGITUDE

_RADIANS = ("radian", "radians", "rad")
_UNITS = {LATITUDE: "degrees_north", LONGITUDE: "degrees_east"}
# Shares of the spacing that are rounding, in one file and between files.
_ROUNDING = 1e-3
# What packing into 16 bits may change.
_PACKING = 1e-4


def with_axes(dataset: xr.Dataset, listed: str) -> xr.Dataset:
    """A dataset whose latitudes and longitudes are dimensions, in degrees.

    Args:
        dataset: With both under these names.
        listed: What the dataset has, for the message.

    Raises:
        ValueError: Latitude or longitude is missing, has two dimensions or is a list of points, or both seem to be in
            radians without saying so.
    """
    dims: dict[str, tuple[Hashable, ...]] = {}
    for name in (LATITUDE, LONGITUDE):
        if name not in dataset.variables or dataset[name].ndim != 1:
            found = f"its dimensions are {dataset[name].dims}" if name in dataset.variables else "it is missing"
            raise ValueError(
                f"`dataset` must have a one-dimensional {name}, but {found} among {listed}; give `rename` or --rename, "
                f"or interpolate a curvilinear grid to a latitude-longitude grid first, e.g. with "
                f"`cdo remapbil,r360x180`"
            )
        dims[name] = dataset[name].dims
    if dims[LATITUDE] == dims[LONGITUDE]:
        (points,) = dims[LATITUDE]
        raise ValueError(
            f"`dataset` must have a grid of latitudes and longitudes, but its {dataset.sizes[points]} points are "
            f"listed along {str(points)!r}, as on a reduced Gaussian or unstructured grid; interpolate it "
            f"first, e.g. with `cdo setgridtype,regular` or `cdo remapcon,r360x180`"
        )
    changes = {old[0]: name for name, old in dims.items() if old[0] != name}
    if changes:
        dataset = dataset.swap_dims(changes)
    return _in_degrees(dataset)


def _in_degrees(dataset: xr.Dataset) -> xr.Dataset:
    axes = {name: np.asarray(dataset[name].values, np.float64) for name in (LATITUDE, LONGITUDE)}
    turned = [name for name in axes if str(dataset[name].attrs.get("units", "")).strip().lower() in _RADIANS]
    if turned:
        told = ", ".join(f"`{name}` {axes[name][0]:.4g} … {axes[name][-1]:.4g}" for name in turned)
        notice(f"{told} in radians, converted to degrees")
    for name in turned:
        axes[name] = np.degrees(axes[name])
        dataset = dataset.assign_coords({name: (name, axes[name], {**dataset[name].attrs, "units": _UNITS[name]})})
    latitude, longitude = axes.values()
    spans = [float(np.ptp(one)) if one.size else 0.0 for one in (latitude, longitude)]
    most = max(float(np.abs(latitude).max(initial=0.0)), float(np.abs(longitude).max(initial=0.0)) / 4)
    if spans[0] > 2 and spans[1] > 4 and most < 1.58:
        raise ValueError(
            f"`latitude` runs from {latitude[0]:.4g} to {latitude[-1]:.4g} and `longitude` from {longitude[0]:.4g} to "
            f"{longitude[-1]:.4g}: these look like radians, but must be degrees; say so by the attribute, e.g. "
            f"`ncatted -a units,lat,o,c,radians -a units,lon,o,c,radians FILE`"
        )
    return dataset


def each_meridian_once(dataset: xr.Dataset) -> xr.Dataset:
    """A dataset without columns that repeat a meridian, as 360° repeats 0°.

    Values are compared at the first entry of all other dimensions but level.

    Raises:
        ValueError: Values of the two columns differ; the message names the variable.
    """
    longitude = np.asarray(dataset[LONGITUDE].values, np.float64)
    first, repeated, twins = _repeats(longitude)
    if not repeated.size or repeated.size > longitude.size // 4:
        return dataset
    pair = f"{longitude[twins[0]]:g} and {longitude[repeated[0]]:g}"
    for name, field in dataset.data_vars.items():
        if LONGITUDE not in field.dims:
            continue
        entry = field.isel({dim: 0 for dim in field.dims if dim not in (LEVEL, LATITUDE, LONGITUDE)})
        if not entry.size or not np.issubdtype(entry.dtype, np.number):
            continue
        one, other = (np.asarray(entry.isel({LONGITUDE: at}).values, np.float64) for at in (twins, repeated))
        scale = np.abs(one[np.isfinite(one)]).max(initial=0.0)
        if not np.allclose(one, other, rtol=0, atol=_PACKING * scale, equal_nan=True):
            apart = np.nanmax(np.abs(one - other)) if np.isfinite(one - other).any() else np.nan
            raise ValueError(
                f"`longitude` has {pair}, which are one meridian, but {str(name)!r} differs there by up to "
                f"{apart:.3g}; leave one out with `dataset.isel(longitude=slice(0, -1))`"
            )
    columns = "1 column is" if repeated.size == 1 else f"{repeated.size} columns are"
    notice(f"`longitude` has {pair}, which are one meridian with equal values; {columns} left out")
    return dataset.isel({LONGITUDE: np.sort(first)})


def _repeats(longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of each meridian's first occurrence; those that repeat one; and which they repeat."""
    if longitude.size < 4 or not np.isfinite(longitude).all():
        return np.arange(longitude.size), np.zeros(0, int), np.zeros(0, int)
    near = _ROUNDING * float(np.median(np.abs(np.diff(longitude))))
    turned = np.mod(longitude, 360.0)
    order = np.argsort(turned, kind="stable")
    groups = np.concatenate([[0], np.cumsum(np.diff(turned[order]) > near)])
    if turned[order[0]] + 360 - turned[order[-1]] <= near:
        groups[groups == groups[-1]] = 0
    group = np.empty_like(groups)
    group[order] = groups
    _, first, which = np.unique(group, return_index=True, return_inverse=True)
    repeated = np.setdiff1d(np.arange(longitude.size), first)
    return first, repeated, first[which[repeated]]


def with_equal_axes(parts: Sequence[xr.Dataset], names: Sequence[str]) -> list[xr.Dataset]:
    """Datasets of several files, with coordinates that differ by rounding set to those of the first.

    Args:
        parts: In the layout of `canonical`.
        names: Of the files, for what is said.
    """
    out = [parts[0]]
    for part, name in zip(parts[1:], names[1:], strict=True):
        for dim in (LATITUDE, LONGITUDE):
            wanted, values = (np.asarray(one[dim].values, np.float64) for one in (parts[0], part))
            if wanted.shape != values.shape or wanted.size < 2 or np.array_equal(wanted, values):
                continue
            apart = float(np.abs(wanted - values).max())
            if apart <= _ROUNDING * float(np.abs(np.diff(wanted)).min()):
                notice(f"{dim}s of {name} are up to {apart:.2g}° from those of {names[0]} and are set to them")
                part = part.assign_coords({dim: parts[0][dim].variable})
        out.append(part)
    return out
