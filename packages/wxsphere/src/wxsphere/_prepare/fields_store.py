"""The store of prepared fields: created whole without values, then written block by block of times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from .._conventions.grids import grid_dataset, grid_of
from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, MEMBER, TIME
from .._conventions.time_axes import calendar_attributes
from .._files.checksums import create_store, write_part
from .constants import constant_fields
from .options import PrepareOptions
from .plan import Plan, refuse_impossible_values
from .regrid import check_finite, field_groups, regrid
from .time_reduction import reduced


def create_fields(path: Path, plan: Plan, options: PrepareOptions) -> None:
    """Create the store with coordinates and constants, without values."""
    template = grid_dataset(plan.grid).assign_coords({TIME: (TIME, plan.times, calendar_attributes(plan.source))})
    sizes = {LATITUDE: plan.grid.nlat, LONGITUDE: plan.grid.nlon, TIME: plan.times.size}
    encoding: dict[str, Any] = {}
    for name, reduction in plan.reductions.items():
        field = plan.source[reduction.source]
        dims = [dim for dim in (TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
        shape = [sizes.get(dim, field.sizes[dim]) for dim in dims]
        chunks = [min(options.chunk, shape[0]), *shape[1:]]
        attributes = {key: field.attrs[key] for key in ("units", "long_name", "standard_name") if key in field.attrs}
        template[name] = (dims, da.zeros(shape, chunks=chunks, dtype="float32"), attributes)
        coords = {dim: field[dim] for dim in (MEMBER, LEVEL) if dim in dims}
        template = template.assign_coords(coords)
        # A chunk that is lost must not read as zeros.
        encoding[name] = {"fill_value": np.float32(np.nan), "chunks": tuple(chunks)}
    fixed = _constants(plan, options)
    template = template.assign({str(name): field.variable for name, field in fixed.data_vars.items()})
    create_store(template, path, encoding)


def _constants(plan: Plan, options: PrepareOptions) -> xr.Dataset:
    """Constants of the grid, and those of the source."""
    fixed = constant_fields(plan.grid)
    if plan.statics:
        given = plan.source[plan.statics]
        given = given.isel({dim: 0 for dim in given.dims if dim not in (LATITUDE, LONGITUDE)}, drop=True)
        given = _regridded(given.load(), plan, options)
        for name in plan.statics:
            check_finite(name, given[name])
            fixed[name] = ((LATITUDE, LONGITUDE), given[name].values.astype(np.float32), given[name].attrs)
    return fixed


def write_fields(path: Path, plan: Plan, options: PrepareOptions, times: np.ndarray, begin: int) -> None:
    """Write a block of times at its position.

    Raises:
        ValueError: Impossible values, or points without a value.
    """
    for names in field_groups(list(plan.reductions)):
        fields = {name: reduced(plan.source, name, plan.reductions[name], times) for name in names}
        whole = xr.Dataset(fields)
        if options.check:
            refuse_impossible_values(whole.load())
        made = _regridded(whole, plan, options).astype(np.float32).load()
        for name in names:
            check_finite(name, made[name])
        made = made[list(names)].transpose(
            *(dim for dim in (TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE) if dim in made.dims)
        )
        region = {TIME: slice(begin, begin + times.size)}
        write_part(made.drop_vars([name for name in made.coords if name != TIME]), path, region)


def _regridded(fields: xr.Dataset, plan: Plan, options: PrepareOptions) -> xr.Dataset:
    if options.bandlimit is None and grid_of(fields) == plan.grid:
        return fields
    return regrid(fields, plan.grid, method=options.method, bandlimit=options.bandlimit)
