"""From a store of any archive to one that training reads: chosen, regridded, checked, with statistics."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dask.array as da
import dask.config
import numpy as np
import xarray as xr

from spinharm import Grid
from spinharm.optional import require
from spinnn.files import replacing

from . import _checks
from ._audit import check_dataset, first_impossible
from ._constants import constant_fields
from ._grids import grid_dataset, grid_of
from ._layout import canonical
from ._names import LATITUDE, LEVEL, LONGITUDE, MEMBER, TIME
from ._notices import notice
from ._open import Library, open_dataset
from ._periods import Period, check_even, steps_of
from ._prepared import FIELDS, MANIFEST, STATISTICS_FILE, Prepared, open_prepared
from ._reduce_times import TimeReduction, available_times, reduced, time_reduction
from ._regrid import METHODS, Method, check_finite, field_groups, regrid
from ._store_statistics import field_statistics

_PROGRESS = ".progress.json"
_COMPLETE = "which training cannot do without"
_PACKAGES = ("wxsphere", "spinharm", "jax", "numpy", "xarray", "xarray-regrid", "zarr", "dask")
_CONSTANTS = ("land_sea_mask", "geopotential_at_surface")
# What a block may take beside its own values: float64 copies, coefficients, what Dask holds.
_OVERHEAD = 6
# Deviations of this share of the mean are rounding of float32.
_ROUNDING = 2e-7


class _Plan(NamedTuple):
    """What is written: of which source, by which reductions, at which times, in blocks of how many."""

    source: xr.Dataset
    reductions: dict[str, TimeReduction]
    statics: list[str]
    times: np.ndarray
    grid: Grid
    cadence: np.timedelta64


def prepare(
    source: str | os.PathLike | Sequence[str | os.PathLike] | xr.Dataset,
    out: str | os.PathLike,
    *,
    variables: Sequence[str] | None = None,
    levels: Sequence[float] | None = None,
    members: Sequence[int] | None = None,
    training: Sequence[str] | None = None,
    validation: Sequence[str] | None = None,
    test: Sequence[str] | None = None,
    cadence_hours: float | None = None,
    daily_mean: bool = False,
    grid: Grid | None = None,
    method: Method = "spectral",
    bandlimit: int | None = None,
    chunk: int = 8,
    check: bool = True,
    allow_gaps: bool = False,
    rename: Mapping[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    library: Library = "fsspec",
    scheduler: str | None = None,
    memory: int = 2**30,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Bring part of a store to a grid, with statistics, as a folder that training reads.

    Block by block of times, so that the source may be of any size. The same call after an interruption goes on where
    it stopped, and ends with the same numbers bit for bit; after completion it opens the folder. A call with other
    options is refused. The folder gets

    - `fields.zarr`: zarr v3; variables (time, number?, level?, latitude, longitude), float32, in chunks of `chunk`
      times; constants without time: `land_sea_mask` and `geopotential_at_surface` where the source has them,
      `sine_of_latitude`, `sine_of_longitude`, `cosine_of_longitude`;
    - `statistics.nc`: what `field_statistics` gives of the training times;
    - `manifest.json`: source, options, periods, versions; written last.

    Args:
        source: What `open_dataset` takes, or a dataset.
        out: The folder.
        variables: By name; default all with time, latitude and longitude. `total_precipitation_<n>hr` is summed from
            `total_precipitation`, which the source accumulates over its step, or from a shorter
            `total_precipitation_<k>hr`; the n hours end at the time.
        levels: In hPa; default all.
        members: Values of `number` to take; default all.
        training: First and last time of the training period, both included, as far as they are written: `("1979",
            "2016")` ends with 2016. Default all times.
        validation: The same of the validation period; default none. Periods may not overlap.
        test: The same of the test period; default none.
        cadence_hours: Between two times, a multiple of the source's; counted from the first time of the first period.
            Default that of the source, or 24 with `daily_mean`.
        daily_mean: Means over the times of each day from 0 UTC, which is the day's time. Days that are cut at either
            end are left out.
        grid: The grid, turned to run from north to south and from the first meridian; default that of the source.
        method: Of regridding, see `regrid`.
        bandlimit: Degrees kept by the spectral method, see `regrid`; with it a field is truncated on its own grid too.
        chunk: Times in a chunk of the store.
        check: Refuse sources whose first time has errors that `check_dataset` finds, such as units that are wrong by
            9.81, or with values that cannot be at any time.
        allow_gaps: Take periods with times missing; windows over a gap are left to the reader.
        rename: See `open_dataset`.
        storage_options: See `open_dataset`.
        library: See `open_dataset`.
        scheduler: `"threads"` (default), `"synchronous"`, or the address of a Dask scheduler, which needs the library
            distributed.
        memory: Bytes that a block of times may take, about; at least one chunk of one variable is read at once.
        progress: Called with times written and times in all, after each block.

    Returns:
        The prepared data, see `Prepared`.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: A variable, level or member that is not there; one component of a wind without the other; times
            with gaps, or none; periods that overlap; a field with points without a value, which is how missing chunks
            read; errors of the audit; a folder that holds something else, or that was begun with other options. Each
            message names what and where.
    """
    _checks.integer("chunk", chunk, 1)
    _checks.integer("memory", memory, 1)
    _checks.option("method", method, METHODS)
    if grid is not None and not isinstance(grid, Grid):
        raise TypeError(f"`grid` must be a spinharm.Grid, got {grid!r}")
    if grid is not None:
        # As the store will be read: from north to south, from the first meridian.
        grid = grid_of(canonical(grid_dataset(grid)))
    periods = Period.of(training=training, validation=validation, test=test)
    out = Path(out)
    options = {
        "source": _told(source),
        "variables": None if variables is None else _names("variables", variables),
        "levels": None if levels is None else [float(level) for level in levels],
        "members": None if members is None else [int(member) for member in members],
        "periods": {name: [period.first, period.last] for name, period in periods.items()},
        "cadence_hours": cadence_hours,
        "daily_mean": daily_mean,
        "grid": None if grid is None else dataclasses.asdict(grid),
        "method": method,
        "bandlimit": bandlimit,
        "chunk": chunk,
        "check": check,
        "allow_gaps": allow_gaps,
        "rename": dict(rename or {}),
    }
    begun = _claim(out, options)
    if (out / MANIFEST).is_file():
        return open_prepared(out)
    given = source
    if isinstance(given, xr.Dataset):
        given = canonical(given, rename=rename)
    else:
        given = open_dataset(given, rename=rename, storage_options=storage_options, library=library)
    plan = _plan(given, options, grid, periods)
    block = begun["block"] if begun else _block(plan, chunk, memory)
    done = begun["done"] if begun else 0
    with _scheduled(scheduler):
        if not begun and check:
            _refuse_errors(plan)
        if done == 0:
            _note(out, options, block, 0)
            shutil.rmtree(out / FIELDS, ignore_errors=True)
            _create(out / FIELDS, plan, chunk, method, bandlimit)
        while done < plan.times.size:
            times = plan.times[done : done + block]
            _write(out / FIELDS, plan, times, done, method, bandlimit, check)
            done += times.size
            _note(out, options, block, done)
            if progress is not None:
                progress(done, plan.times.size)
        _finish(out, plan, options, periods)
    (out / _PROGRESS).unlink(missing_ok=True)
    return open_prepared(out)


def _told(source: Any) -> list[str]:
    if isinstance(source, xr.Dataset):
        return [f"xarray.Dataset with sizes {dict(source.sizes)}"]
    return [os.fspath(source)] if isinstance(source, str | os.PathLike) else [os.fspath(one) for one in source]


def _names(name: str, values: Sequence[str]) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"`{name}` must be a sequence of names, got {values!r}; write ({values!r},)")
    if not values:
        raise ValueError(f"`{name}` must name at least one, got none")
    return list(dict.fromkeys(values))


def _claim(out: Path, options: dict[str, Any]) -> dict[str, Any] | None:
    """How far a run with these options came, or nothing.

    Raises:
        ValueError: A folder of other options, or of something else.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"`out` must be a folder, but {out} is a file")
    wanted = json.loads(json.dumps(options))
    for name, what in ((MANIFEST, "holds"), (_PROGRESS, "was begun with")):
        if (out / name).is_file():
            try:
                found = json.loads((out / name).read_text(encoding="utf-8"))
                theirs = found["options"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{out / name} cannot be read: {error}; remove the folder") from error
            other = [key for key in wanted if wanted[key] != theirs.get(key)]
            if other:
                told = "; ".join(f"{key} {theirs.get(key)!r}, now {wanted[key]!r}" for key in other)
                raise ValueError(f"{out} {what} other options: {told}; remove it or choose another folder")
            return found
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"`out` must be a new or empty folder or one of `prepare`, but {out} holds something else")
    return None


def _plan(source: xr.Dataset, options: dict[str, Any], grid: Grid | None, periods: Mapping[str, Period]) -> _Plan:
    if TIME not in source.dims or TIME not in source.coords:
        raise ValueError(
            f"`source` must have times, got dimensions {dict(source.sizes)}; `regrid` takes states without a time"
        )
    _checks.dimensions("source", source, (LATITUDE, LONGITUDE))
    known = {TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE}
    names = options["variables"]
    if names is None:
        fields = source.data_vars.items()
        names = sorted(str(n) for n, field in fields if {TIME, LATITUDE, LONGITUDE} <= set(field.dims) <= known)
        names = [name for name in names if not (name in _CONSTANTS and _is_constant(source[name]))]
        if not names:
            raise ValueError(
                f"`source` must have variables with time, latitude and longitude, beside them number and level, "
                f"got none among dimensions {dict(source.sizes)}"
            )
    source = _selected(source, LEVEL, options["levels"])
    source = _selected(source, MEMBER, options["members"])
    stamps = source[TIME].values.astype("datetime64[ns]")
    step, cadence = steps_of(stamps, options["cadence_hours"], options["daily_mean"])
    reductions = {name: time_reduction(source, name, step, options["daily_mean"]) for name in names}
    list(field_groups(names))
    for name, reduction in reductions.items():
        dims = set(source[reduction.source].dims)
        if not {TIME, LATITUDE, LONGITUDE} <= dims <= known:
            raise ValueError(
                f"`variables` names {name!r}, which has dimensions {sorted(map(str, dims))}; it must have "
                f"time, latitude and longitude, and beside them only number and level"
            )
    times = _times(stamps, list(reductions.values()), cadence, step, periods, options)
    statics = [name for name in _CONSTANTS if name in source.data_vars and name not in names]
    target = grid_of(source) if grid is None else grid
    return _Plan(source, reductions, statics, times, target, cadence)


def _is_constant(field: xr.DataArray) -> bool:
    """Whether a field with time is the same at its first, middle and last time, which is said."""
    few = np.asarray(field.transpose(TIME, ...)[[0, field.sizes[TIME] // 2, -1]].values)
    same = bool(np.all(few == few[0]))
    if same:
        notice(f"`{field.name}` has a time axis but does not change; it is taken as a constant")
    return same


def _selected(source: xr.Dataset, dim: str, wanted: Sequence[float] | Sequence[int] | None) -> xr.Dataset:
    if wanted is None:
        return source
    there = np.asarray(source[dim].values) if dim in source.dims else np.array([])
    missing = [one for one in wanted if one not in there]
    if missing or not wanted:
        name = "levels" if dim == LEVEL else "members"
        lacking = f"lacks {', '.join(f'{one:g}' for one in missing)}" if missing else "gets none"
        raise ValueError(f"`{name}` must be of the source, which {lacking}; it has {there.tolist()}")
    return source.sel({dim: sorted(set(wanted))})


def _times(
    stamps: np.ndarray,
    reductions: list[TimeReduction],
    cadence: np.timedelta64,
    usual: np.timedelta64,
    periods: Mapping[str, Period],
    options: dict[str, Any],
) -> np.ndarray:
    """All times of all periods, evenly spaced within each."""
    chosen = []
    anchor: np.datetime64 | None = None
    for name, period in sorted(periods.items(), key=lambda pair: pair[1].begin):
        inside = stamps[period.contains(stamps)]
        if options["daily_mean"]:
            inside = np.unique(inside.astype("datetime64[D]")).astype("datetime64[ns]")
            inside = inside[period.contains(inside)]
        if inside.size and anchor is None:
            anchor = inside[0]
        if anchor is not None and cadence != usual:
            inside = inside[(inside - anchor) % cadence == np.timedelta64(0, "ns")]
        there = np.flatnonzero(available_times(stamps, reductions, inside))
        if not there.size:
            raise ValueError(
                f"`{name}` must hold times of the source, got {period} where the source has {stamps.size}, "
                f"{stamps[0]} to {stamps[-1]}"
            )
        # What the ends lack, such as the hours before the first time, is left out; what lacks between is a gap.
        inside = inside[there[0] : there[-1] + 1]
        kept = inside[there - there[0]]
        if not options["allow_gaps"]:
            check_even(name, kept, cadence, "`allow_gaps` takes them as they are")
        chosen.append(kept)
    return np.concatenate(chosen)


def _block(plan: _Plan, chunk: int, memory: int) -> int:
    """Times that are written together: whole chunks of the store, as many as fit."""
    per_time = 0
    for reduction in plan.reductions.values():
        field = plan.source[reduction.source]
        entry = int(np.prod([size for dim, size in field.sizes.items() if dim != TIME]))
        per_time = max(per_time, 4 * _OVERHEAD * entry * reduction.offsets.size)
    return chunk * max(1, memory // (per_time * chunk))


def _refuse_errors(plan: _Plan) -> None:
    first = plan.times[:1]
    fields = {name: reduced(plan.source, name, one, first) for name, one in plan.reductions.items()}
    fields |= {name: plan.source[name].isel({TIME: 0}, drop=True, missing_dims="ignore") for name in plan.statics}
    _refuse_found(xr.Dataset(fields).load(), first[0])


def _refuse_found(fields: xr.Dataset, first: np.datetime64) -> None:
    found = check_dataset(fields)
    errors = [one for one in found if one.severity == "error"]
    if errors:
        rest = f" (and {len(errors) - 1} more; `wxsphere check` tells all)" if len(errors) > 1 else ""
        raise ValueError(
            f"`source` from {first} on: {errors[0].subject}: {errors[0].text}{rest}; mend the source, or leave the "
            f"check out with `check=False` or --no-check"
        )


def _refuse_units(fields: xr.Dataset) -> None:
    """Values of a block of times in memory, each time's, outside what its variable can have."""
    for name in map(str, fields.data_vars):
        found = first_impossible(fields[name])
        if found is not None:
            raise ValueError(f"`source` at {found}; mend the source, or leave the check out with --no-check")


def _regridded(fields: xr.Dataset, plan: _Plan, method: Method, bandlimit: int | None) -> xr.Dataset:
    if bandlimit is None and grid_of(fields) == plan.grid:
        return fields
    return regrid(fields, plan.grid, method=method, bandlimit=bandlimit)


def _create(path: Path, plan: _Plan, chunk: int, method: Method, bandlimit: int | None) -> None:
    """The store with coordinates and constants, without values."""
    template = grid_dataset(plan.grid).assign_coords({TIME: plan.times})
    sizes = {LATITUDE: plan.grid.nlat, LONGITUDE: plan.grid.nlon, TIME: plan.times.size}
    encoding: dict[str, Any] = {}
    for name, reduction in plan.reductions.items():
        field = plan.source[reduction.source]
        dims = [dim for dim in (TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
        shape = [sizes.get(dim, field.sizes[dim]) for dim in dims]
        chunks = [min(chunk, shape[0]), *shape[1:]]
        attributes = {key: field.attrs[key] for key in ("units", "long_name", "standard_name") if key in field.attrs}
        template[name] = (dims, da.zeros(shape, chunks=chunks, dtype="float32"), attributes)
        coords = {dim: field[dim] for dim in (MEMBER, LEVEL) if dim in dims}
        template = template.assign_coords(coords)
        # A chunk that is lost must not read as zeros.
        encoding[name] = {"fill_value": np.float32(np.nan), "chunks": tuple(chunks)}
    fixed = constant_fields(plan.grid)
    if plan.statics:
        given = plan.source[plan.statics]
        given = given.isel({dim: 0 for dim in given.dims if dim not in (LATITUDE, LONGITUDE)}, drop=True)
        given = _regridded(given.load(), plan, method, bandlimit)
        for name in plan.statics:
            check_finite(name, given[name], _COMPLETE)
            fixed[name] = ((LATITUDE, LONGITUDE), given[name].values.astype(np.float32), given[name].attrs)
    template = template.assign({str(name): field.variable for name, field in fixed.data_vars.items()})
    template.to_zarr(path, compute=False, zarr_format=3, consolidated=False, encoding=encoding, mode="w")


def _write(
    path: Path, plan: _Plan, times: np.ndarray, begin: int, method: Method, bandlimit: int | None, check: bool
) -> None:
    for names in field_groups(list(plan.reductions)):
        fields = {name: reduced(plan.source, name, plan.reductions[name], times) for name in names}
        whole = xr.Dataset(fields)
        if check:
            _refuse_units(whole.load())
        made = _regridded(whole, plan, method, bandlimit).astype(np.float32).load()
        for name in names:
            check_finite(name, made[name], _COMPLETE)
        made = made[list(names)].transpose(
            *(dim for dim in (TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE) if dim in made.dims)
        )
        region = {TIME: slice(begin, begin + times.size)}
        made.drop_vars([name for name in made.coords if name != TIME]).to_zarr(
            path, region=region, consolidated=False, zarr_format=3
        )


def _note(out: Path, options: dict[str, Any], block: int, done: int) -> None:
    with replacing(out / _PROGRESS) as file:
        json.dump({"options": options, "block": block, "done": done}, file, indent=1)


def _finish(out: Path, plan: _Plan, options: dict[str, Any], periods: Mapping[str, Period]) -> None:
    hours = plan.cadence / np.timedelta64(3600, "s")
    with xr.open_zarr(out / FIELDS, consolidated=False, decode_timedelta=True) as fields:
        training = plan.times[periods["training"].contains(plan.times)]
        statistics = field_statistics(fields, times=training, cadence=plan.cadence)
    for name, field in statistics.data_vars.items():
        rounding = _ROUNDING * np.abs(field.sel(statistic="mean").values)
        for row, what in (("std", "is one value"), ("tendency_std", "stays the same from time to time")):
            flat = np.atleast_1d(field.sel(statistic=row).values <= rounding)
            if flat.any():
                where = f" at {statistics[LEVEL].values[flat][0]:g} hPa" if LEVEL in field.dims else ""
                raise ValueError(f"`{name}` must vary over the training times, but {what}{where}; leave it out")
    statistics = statistics.assign_attrs(
        training_period=str(periods["training"]),
        first_training_time=str(training[0]),
        last_training_time=str(training[-1]),
        training_times=training.size,
        cadence_hours=hours,
    )
    temporary = out / f".{STATISTICS_FILE}.tmp"
    statistics.to_netcdf(temporary, engine="h5netcdf")
    temporary.replace(out / STATISTICS_FILE)
    manifest = {
        "format": 1,
        "options": options,
        "variables": list(plan.reductions),
        "constants": sorted(str(name) for name in constant_fields(plan.grid).data_vars) + plan.statics,
        "levels": plan.source[LEVEL].values.astype(float).tolist() if LEVEL in statistics.dims else [],
        "grid": dataclasses.asdict(plan.grid),
        "cadence_hours": hours,
        "times": plan.times.size,
        "first_time": str(plan.times[0]),
        "last_time": str(plan.times[-1]),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    with replacing(out / MANIFEST) as file:
        json.dump(manifest, file, indent=1)


@contextlib.contextmanager
def _scheduled(scheduler: str | None) -> Iterator[None]:
    if scheduler is None or scheduler in ("threads", "synchronous"):
        with dask.config.set(scheduler=scheduler or "threads"):
            yield
    elif "://" in scheduler or ":" in scheduler:
        distributed = require("distributed", "dask[distributed]", "a scheduler with an address")
        with distributed.Client(scheduler):
            yield
    else:
        raise ValueError(f"`scheduler` must be 'threads', 'synchronous' or an address, got {scheduler!r}")
