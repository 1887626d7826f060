"""Regridding by spherical harmonic coefficients or by areas of cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

import spinharm
from spinharm import Grid

from .. import _checks
from .._audit.values import missing_text
from .._choices import Method as Method
from .._conventions.grids import grid_dataset, grid_of
from .._conventions.names import LATITUDE, LONGITUDE, TIME, WINDS
from .._fields.poles import rebuild_poles

METHODS: tuple[Method, ...] = ("spectral", "conservative")
# Maps transformed together.
_MAPS_PER_BLOCK = 32
# Shares of areas: a truncated one would have values below 0 and above 1.
_BY_AREA = ("land_sea_mask", "sea_ice_cover")
_resample = spinharm.jit(spinharm.resample, static_argnames=("grid_from", "grid_to", "spin", "bandlimit"))


def regrid(dataset: xr.Dataset, grid: Grid, *, method: Method = "spectral", bandlimit: int | None = None) -> xr.Dataset:
    """Regrid fields. Lazy where the dataset is: one task for each chunk of its other dimensions.

    `"spectral"`: f ↦ Σ_{l<L} Σ_m a_lm sYlm on the new grid, with the coefficients a_lm of f on the old one. Exact for
    fields that both grids resolve; degrees above are cut off, so that nothing is aliased, at the price of ripples at
    coasts and mountains (precipitation and humidity may fall below 0). Two components of a wind are one field of spin
    1; rows on the poles are rebuilt first, see `rebuild_poles`. Land–sea mask and sea-ice cover are shares of areas
    and go by `"conservative"` all the same.

    `"conservative"`: first order, g_j = Σ_i |C_i ∩ D_j| f_i / Σ_i |C_i ∩ D_j|, with areas of cells on the sphere whose
    bounds are half-way between latitudes and between longitudes, and the poles. It keeps the mean that
    `area_weights` (convention `"wb2"`) gives. Points without a value are left out of the sums. Components of winds are
    averaged one by one, as the coarse stores of WeatherBench 2 were made; that is wrong near the poles, and rows on
    the poles of the new grid are rebuilt as one vector after it.

    Args:
        dataset: In the layout of `canonical`, on any grid that `grid_of` knows.
        grid: The new grid.
        method: See above.
        bandlimit: L of `"spectral"`, degrees 0 … L−1; default the most that both grids resolve.

    Returns:
        The dataset on the new grid; variables without latitude and longitude as they were, those with one of the two
        left out. Fields have the type they had, at least float32; the spectral method has the precision of float32
        unless JAX's 64-bit types are on.

    Raises:
        TypeError: `grid` is not a `Grid`, or `bandlimit` not an integer.
        ValueError: An unknown grid or method, a bandlimit with the other method or above what both grids resolve, or
            one component of a wind without the other. When values are read: a field with points without a value,
            with the spectral method; the message names the variable and the time.

    References:
        Jones, First- and second-order conservative remapping schemes for grids in spherical coordinates (1999),
        equation (6).

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import constant_fields, regrid
        >>> fields = regrid(constant_fields(Grid.equiangular(8, 16)), Grid.gauss_legendre(4))
        >>> fields.sine_of_latitude.values[:, 0].round(3)
        array([ 0.861,  0.34 , -0.34 , -0.861], dtype=float32)
    """
    _checks.option("method", method, METHODS)
    _checks.grid("grid", grid)
    _checks.dataset("dataset", dataset)
    source = grid_of(dataset)
    if method == "conservative" and bandlimit is not None:
        raise ValueError(f"`bandlimit` is of the spectral method, got {bandlimit} with {method!r}")
    most = min(source.max_bandlimit, grid.max_bandlimit)
    limit = most if bandlimit is None else _checks.integer("bandlimit", bandlimit, 2)
    if limit > most:
        raise ValueError(f"`bandlimit` must be at most {most}, which both grids resolve, got {limit}")
    fields = {str(name) for name, field in dataset.data_vars.items() if {LATITUDE, LONGITUDE} <= set(field.dims)}
    _checks.real_fields("dataset", dataset, fields)
    areas: dict[Hashable, xr.DataArray] | None = None
    out = grid_dataset(grid).assign_attrs(dataset.attrs)
    for names in field_groups(sorted(fields)):
        by_area = method == "conservative" or names[0] in _BY_AREA
        if by_area and areas is None:
            areas = _cell_weights(source, grid)
        change = _Change(names, source, grid, limit, areas if by_area else None)
        out = out.merge(_mapped(change, dataset[list(names)]), join="exact")
    rest = {
        str(name): field for name, field in dataset.data_vars.items() if not {LATITUDE, LONGITUDE} & set(field.dims)
    }
    out = out.assign(rest)
    return out[[name for name in map(str, dataset.data_vars) if name in out]]


def field_groups(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Groups of variables that are regridded together: the two components of a wind, and everything else alone.

    Raises:
        ValueError: One component without the other.
    """
    pairs = {part: pair for pair in WINDS.values() for part in pair}
    for name in names:
        pair = pairs.get(name)
        if pair is None:
            yield (name,)
            continue
        missing = [part for part in pair if part not in names]
        if missing:
            raise ValueError(f"a wind must have both components, got {name!r} without {missing[0]!r}")
        if name == pair[0]:
            yield pair


@dataclasses.dataclass(frozen=True)
class _Change:
    """Regridding of a block of one variable, or of the two components of a wind.

    Attributes:
        names: The variables.
        source: Their grid.
        grid: The new one.
        bandlimit: Degrees kept.
        areas: Weights of the conservative method, or None for the spectral one.
    """

    names: tuple[str, ...]
    source: Grid
    grid: Grid
    bandlimit: int
    areas: dict[Hashable, xr.DataArray] | None

    def __call__(self, block: xr.Dataset) -> xr.Dataset:
        fields = [block[name].transpose(..., LATITUDE, LONGITUDE) for name in self.names]
        if self.areas is None:
            for name, field in zip(self.names, fields, strict=True):
                check_finite(name, field)
        values = [np.asarray(field.values, _float(field.dtype)) for field in fields]
        made = [self.scalar(values[0])] if len(values) == 1 else self.wind(*values)
        out = grid_dataset(self.grid)
        for name, field, maps in zip(self.names, fields, made, strict=True):
            batch = {dim: field[dim] for dim in field.dims[:-2] if dim in field.coords}
            maps = maps.astype(_float(field.dtype), copy=False)
            out = out.assign_coords(batch).assign({name: (field.dims, maps, field.attrs)})
        return out

    def scalar(self, maps: Float[np.ndarray, "*batch lat lon"]) -> Float[np.ndarray, "*batch lat_to lon_to"]:
        if self.areas is not None:
            return _conserved(maps, self.areas)
        maps = rebuild_poles(maps, self.source)
        # Geopotential is a small variation of a large mean: transformed apart, float32 keeps the variation.
        mean = maps.mean((-2, -1), keepdims=True, dtype=np.float64)
        return self.truncated((maps - mean).astype(maps.dtype), 0) + mean

    def wind(self, u: Float[np.ndarray, "*batch lat lon"], v: Float[np.ndarray, "*batch lat lon"]) -> list[np.ndarray]:
        if self.areas is not None:
            field = -_conserved(v, self.areas) + 1j * _conserved(u, self.areas)
            field = rebuild_poles(field, self.grid, spin=1)
        else:
            field = self.truncated(rebuild_poles(-v + 1j * u, self.source, spin=1), 1)
        return [np.imag(field), -np.real(field)]

    def truncated(self, maps: np.ndarray, spin: int) -> np.ndarray:
        flat = maps.reshape(-1, *self.source.shape)
        out = np.empty((flat.shape[0], *self.grid.shape), flat.dtype)
        for at in range(0, flat.shape[0], _MAPS_PER_BLOCK):
            part = flat[at : at + _MAPS_PER_BLOCK]
            # Few sizes, each compiled once.
            more = (1 << (part.shape[0] - 1).bit_length()) - part.shape[0]
            padded = np.pad(part, ((0, more), (0, 0), (0, 0)))
            made = _resample(padded, grid_from=self.source, grid_to=self.grid, spin=spin, bandlimit=self.bandlimit)
            out[at : at + part.shape[0]] = np.asarray(made)[: part.shape[0]]
        return out.reshape(*maps.shape[:-2], *self.grid.shape)


def check_finite(name: str, field: xr.DataArray) -> None:
    """Refuse a field with missing values.

    Raises:
        ValueError: The message names the variable, the first time and the level.
    """
    text = missing_text(field)
    if text is not None:
        raise ValueError(f"`{name}` {text}")


def _mapped(change: _Change, part: xr.Dataset) -> xr.Dataset:
    dims = {str(name): field.dims for name, field in part.data_vars.items()}
    first, *others = dims.values()
    if any(set(one) != set(first) for one in others):
        raise ValueError(f"the components of a wind must have the same dimensions, got {dims}")
    order = tuple(dim for dim in first if dim not in (LATITUDE, LONGITUDE))
    part = part.transpose(*order, LATITUDE, LONGITUDE)
    part = part.drop_vars([name for name in part.coords if name not in part.dims])
    if not part.chunks:
        return change(part)
    part = part.chunk({LATITUDE: -1, LONGITUDE: -1}).unify_chunks()
    # What the result looks like: the first point of each map, repeated.
    like = part.isel({LATITUDE: 0, LONGITUDE: 0}, drop=True)
    sizes = {LATITUDE: change.grid.nlat, LONGITUDE: change.grid.nlon}
    template = grid_dataset(change.grid).assign_coords(like.coords)
    for name, field in like.data_vars.items():
        wide = field.astype(_float(field.dtype)).expand_dims(sizes, (-2, -1))
        template[name] = wide.variable.chunk({LATITUDE: -1, LONGITUDE: -1})
    return xr.map_blocks(change, part, template=template)


def _float(kind: np.dtype) -> np.dtype:
    return np.result_type(kind, np.float32)


def _cell_weights(source: Grid, grid: Grid) -> dict[Hashable, xr.DataArray]:
    """Share of each old cell in each new one by axis, (old, new).

    The library's own weights take the area of a cell by the latitude of its centre: rows on the poles weigh nothing,
    and means change by up to 5e-4. So it gets the bounds, in the sine of latitude, in which areas are lengths.
    """
    from xarray_regrid import utils

    rings = [np.sort(np.sin(np.radians(_latitude_bounds(one)))) for one in (source, grid)]
    overlap = utils.overlap(*(pd.IntervalIndex.from_breaks(one) for one in rings))
    directions = [1 if one.south_first else -1 for one in (source, grid)]
    by_latitude = overlap[:: directions[0], :: directions[1]]
    old, new = (
        (one.longitude_deg[0] - 180 / one.nlon + 360 / one.nlon * np.arange(one.nlon + 1)) for one in (source, grid)
    )
    new += 360 * np.floor((old[0] - new[0]) / 360 + 0.5)
    turns = (old + turn for turn in (-360.0, 0.0, 360.0))
    by_longitude = sum(
        utils.overlap(pd.IntervalIndex.from_breaks(one), pd.IntervalIndex.from_breaks(new)) for one in turns
    )
    shares = {LATITUDE: by_latitude, LONGITUDE: np.asarray(by_longitude)}
    return {
        name: utils.create_dot_dataarray(
            utils.normalize_overlap(share), name, np.arange(share.shape[1]), np.arange(share.shape[0])
        )
        for name, share in shares.items()
    }


def _latitude_bounds(grid: Grid) -> Float[np.ndarray, " bound"]:
    ascending = np.sort(grid.latitude_deg)
    return np.concatenate([[-90.0], (ascending[1:] + ascending[:-1]) / 2, [90.0]])


def _conserved(
    maps: Float[np.ndarray, "*batch lat lon"], weights: dict[Hashable, xr.DataArray]
) -> Float[np.ndarray, "*batch lat_to lon_to"]:
    from xarray_regrid.methods.conservative import apply_weights

    coords = {name: weight[name].values for name, weight in weights.items()}
    flat = xr.DataArray(maps.reshape(-1, *maps.shape[-2:]), dims=(TIME, LATITUDE, LONGITUDE), coords=coords)
    missing = bool(np.isnan(maps).any())
    out = apply_weights(flat, weights, skipna=missing, nan_threshold=1.0)
    return np.asarray(out.values).reshape(*maps.shape[:-2], *out.shape[-2:])
