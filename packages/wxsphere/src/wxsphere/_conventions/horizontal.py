"""Conversion of latitudes and longitudes to dimensions in degrees, without repeated meridians."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from .._notices import notice
from .names import LATITUDE, LEVEL, LONGITUDE

_RADIANS = ("radian", "radians", "rad")
_UNITS = {LATITUDE: "degrees_north", LONGITUDE: "degrees_east"}
# Differences up to this share of the spacing are rounding, in one file and between files.
_ROUNDING = 1e-3
# Of the largest value of a meridian: rounding of float32.
_SINGLE = 4 * float(np.finfo(np.float32).eps)


def with_axes(dataset: xr.Dataset, listed: str) -> xr.Dataset:
    """Make latitudes and longitudes dimensions, in degrees.

    Args:
        dataset: A dataset with variables `latitude` and `longitude`.
        listed: Its variables, for the message.

    Raises:
        ValueError: Latitude or longitude is missing, has two dimensions or is a list of points, or both look like
            radians without having that unit.
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
    radians = [name for name in axes if str(dataset[name].attrs.get("units", "")).strip().lower() in _RADIANS]
    if radians:
        ranges = ", ".join(f"`{name}` {axes[name][0]:.4g} … {axes[name][-1]:.4g}" for name in radians)
        notice(f"{ranges} in radians, converted to degrees")
    for name in radians:
        axes[name] = np.degrees(axes[name])
        dataset = dataset.assign_coords({name: (name, axes[name], {**dataset[name].attrs, "units": _UNITS[name]})})
    latitude, longitude = axes.values()
    spans = [float(np.ptp(one)) if one.size else 0.0 for one in (latitude, longitude)]
    most = max(float(np.abs(latitude).max(initial=0.0)), float(np.abs(longitude).max(initial=0.0)) / 4)
    if spans[0] > 2 and spans[1] > 4 and most < 1.58:
        raise ValueError(
            f"`latitude` runs from {latitude[0]:.4g} to {latitude[-1]:.4g} and `longitude` from {longitude[0]:.4g} to "
            f"{longitude[-1]:.4g}: these look like radians, but must be degrees; if they are radians, set their "
            f"units, e.g. `ncatted -a units,lat,o,c,radians -a units,lon,o,c,radians FILE`"
        )
    return dataset


def each_meridian_once(dataset: xr.Dataset) -> xr.Dataset:
    """Drop columns that repeat a meridian, as 360° repeats 0°.

    The values of both columns are compared, to rounding of float32: those of Dask arrays at the first entry of all
    dimensions but level and latitude, and the others whenever they are read; all other values now.

    Raises:
        ValueError: Values of the two columns differ; the message names the variable.
    """
    longitude = np.asarray(dataset[LONGITUDE].values, np.float64)
    first, repeated, twins = _repeats(longitude)
    if not repeated.size or repeated.size > longitude.size // 4:
        return dataset
    pair = f"{longitude[twins[0]]:g} and {longitude[repeated[0]]:g}"
    kept = np.sort(first)
    out = dataset.isel({LONGITUDE: kept})
    for name, field in dataset.data_vars.items():
        if LONGITUDE not in field.dims or not field.size or not np.issubdtype(field.dtype, np.number):
            continue
        check = _SameMeridian(str(name), pair, field.get_axis_num(LONGITUDE), _axis(field, LATITUDE))
        columns = field.isel({LONGITUDE: np.r_[twins, repeated]})
        if field.chunks:
            columns = columns.chunk({LONGITUDE: -1})
            check.equal(_first_entry(columns).values)
            index = tuple(range(field.ndim))
            # The longitudes of the pairs are contracted, so that each block of the field meets all of them.
            pairs = tuple(field.ndim if axis == check.axis else axis for axis in index)
            values: Any = out[name].data
            data = da.blockwise(
                check, index, values, index, columns.data, pairs, dtype=field.dtype, concatenate=True, meta=values._meta
            )
            out[name] = xr.Variable(field.dims, data, field.attrs, field.encoding)
        else:
            check.equal(columns.values)
    count = "1 repeated column" if repeated.size == 1 else f"{repeated.size} repeated columns"
    notice(f"`longitude` has {pair}, the same meridian with equal values; left out {count}")
    return out


@dataclasses.dataclass(frozen=True)
class _SameMeridian:
    """Check that the first half of some columns equals the second half.

    Attributes:
        name: Name of the variable.
        pair: Two of the longitudes, for the message.
        axis: Axis of the longitudes.
        latitude: Axis of the latitudes, or None.
    """

    name: str
    pair: str
    axis: int
    latitude: int | None

    def __call__(self, kept: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The values to keep, after a check of the columns beside them."""
        self.equal(columns)
        return kept

    def equal(self, columns: np.ndarray) -> None:
        """Raise a `ValueError` if the columns differ by more than rounding."""
        one, other = np.split(np.asarray(columns, np.float64), 2, self.axis)
        size = np.where(np.isfinite(one), np.abs(one), 0.0)
        scale = size if self.latitude is None else size.max(self.latitude, keepdims=True, initial=0.0)
        with np.errstate(invalid="ignore"):
            apart = np.abs(one - other)
        same = (apart <= _SINGLE * scale) | (one == other) | (np.isnan(one) & np.isnan(other))
        if not same.all():
            most = np.max(apart, where=np.isfinite(apart), initial=0.0)
            how = f"by up to {most:.3g}" if most else "in where values are missing"
            raise ValueError(
                f"`longitude` has {self.pair}, the same meridian, but {self.name!r} differs there {how}; leave one "
                f"column out with `dataset.isel(longitude=slice(0, -1))`"
            )


def _axis(field: xr.DataArray, dim: str) -> int | None:
    return field.get_axis_num(dim) if dim in field.dims else None


def _first_entry(field: xr.DataArray) -> xr.DataArray:
    """The first entry of all dimensions but level, latitude and longitude, which keep the number of axes."""
    return field.isel({dim: slice(0, 1) for dim in field.dims if dim not in (LEVEL, LATITUDE, LONGITUDE)})


def _repeats(longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of the first occurrence of each meridian, columns that repeat one, and the columns that these repeat."""
    if longitude.size < 4 or not np.isfinite(longitude).all():
        return np.arange(longitude.size), np.zeros(0, int), np.zeros(0, int)
    near = _ROUNDING * float(np.median(np.abs(np.diff(longitude))))
    within = np.mod(longitude, 360.0)
    order = np.argsort(within, kind="stable")
    groups = np.concatenate([[0], np.cumsum(np.diff(within[order]) > near)])
    if within[order[0]] + 360 - within[order[-1]] <= near:
        groups[groups == groups[-1]] = 0
    group = np.empty_like(groups)
    group[order] = groups
    _, first, which = np.unique(group, return_index=True, return_inverse=True)
    repeated = np.setdiff1d(np.arange(longitude.size), first)
    return first, repeated, first[which[repeated]]


def with_equal_axes(parts: Sequence[xr.Dataset], names: Sequence[str]) -> list[xr.Dataset]:
    """Set latitudes and longitudes of several files that differ by rounding to those of the first.

    Args:
        parts: In the layout of `canonical`.
        names: Names of the files, for the warning.
    """
    out = [parts[0]]
    for part, name in zip(parts[1:], names[1:], strict=True):
        for dim in (LATITUDE, LONGITUDE):
            wanted, values = (np.asarray(one[dim].values, np.float64) for one in (parts[0], part))
            if wanted.shape != values.shape or wanted.size < 2 or np.array_equal(wanted, values):
                continue
            apart = float(np.abs(wanted - values).max())
            if apart <= _ROUNDING * float(np.abs(np.diff(wanted)).min()):
                notice(f"{dim}s of {name} differ from those of {names[0]} by up to {apart:.2g}° and are set to them")
                part = part.assign_coords({dim: parts[0][dim].variable})
        out.append(part)
    return out
