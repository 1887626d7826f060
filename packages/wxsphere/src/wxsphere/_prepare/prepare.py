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
from typing import Any

import dask.array as da
import dask.config
import numpy as np
import xarray as xr

from spinharm import Grid
from spinharm.optional import require
from spinnn.files import file_digest, replacing, write_checked_json
from spinnn.resume import LOCK, check_same, claimed, cores, warn_of_cores

from .. import _checks
from .._conventions.canonical import canonical
from .._conventions.grids import grid_dataset, grid_of
from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, MEMBER, TIME
from .._conventions.time_axes import calendar_attributes, calendar_of
from .._fields.field_statistics import field_statistics
from .._files.checksums import SEAL, create_store, seal_store, write_part
from .._files.netcdf import write_netcdf
from .._files.open import Library, open_dataset
from .._files.unfinished import first_damaged
from .._notices import notice
from .constants import constant_fields
from .periods import Period
from .plan import Plan, block_size, make_plan, refuse_errors, refuse_fields_that_stay, refuse_impossible_values
from .prepared import FIELDS, FORMAT, MANIFEST, SEALED, STATISTICS_FILE, Prepared, open_prepared
from .regrid import METHODS, Method, check_finite, field_groups, regrid
from .time_reduction import reduced

_PROGRESS = ".progress.json"
_PACKAGES = ("wxsphere", "spinharm", "jax", "numpy", "xarray", "xarray-regrid", "zarr", "dask")


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
    memory_gib: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Bring part of a store to a grid, with statistics, as a folder that training reads.

    Block by block of times, so that the source may be of any size. The same call after an interruption goes on where
    it stopped, and ends with the same numbers bit for bit,
    on as many processor cores; after completion it opens the folder. A call with other
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
        memory_gib: What a block of times may take [GiB], about; at least one chunk of one variable is read at once.
        progress: Called with times written and times in all, after each block.

    Returns:
        The prepared data, see `Prepared`.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: A variable, level or member that is not there; one component of a wind without the other; times
            with gaps, or none; periods that overlap; a field with points without a value, which is how missing chunks
            read; errors of the audit; a folder that holds something else, or that was begun with other options. Each
            message names what and where.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, prepare
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.gauss_legendre(4)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> data = prepare(fields, "data")
        >>> dict(data.fields["2m_temperature"].sizes)
        {'time': 4, 'latitude': 4, 'longitude': 8}
        >>> round(float(data.statistics["2m_temperature"].sel(statistic="mean")))
        280
    """
    _checks.integer("chunk", chunk, 1)
    memory = _checks.memory_bytes("memory_gib", memory_gib)
    _checks.option("method", method, METHODS)
    _checks.option("library", library, ("fsspec", "obstore"))
    for name, value in (("daily_mean", daily_mean), ("check", check), ("allow_gaps", allow_gaps)):
        _checks.flag(name, value)
    _checks.texts("rename", rename)
    _checks.mapping("storage_options", storage_options)
    if bandlimit is not None:
        _checks.integer("bandlimit", bandlimit, 2)
    if cadence_hours is not None:
        _checks.number("cadence_hours", cadence_hours, above=1e-4, below=_checks.MOST_HOURS)
    if scheduler is not None:
        _checks.instance("scheduler", scheduler, str, "a text or None")
    _checks.function("progress", progress)
    if grid is not None:
        _checks.grid("grid", grid)
        # As the store will be read: from north to south, from the first meridian.
        grid = grid_of(canonical(grid_dataset(grid)))
    periods = Period.of(training=training, validation=validation, test=test)
    out = Path(out)
    options = {
        "source": _told(source),
        "variables": None if variables is None else _names("variables", variables),
        "levels": None if levels is None else list(_checks.numbers("levels", levels, above=0.0)),
        "members": None if members is None else list(_checks.integers("members", members)),
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
    if out.exists() and not out.is_dir():
        raise ValueError(f"`out` must be a folder, but {out} is a file")
    if (out / MANIFEST).is_file():
        _claim(out, options)
        return open_prepared(out)
    with claimed(out):
        begun = _claim(out, options)
        if (out / MANIFEST).is_file():
            return open_prepared(out)
        given = source
        if isinstance(given, xr.Dataset):
            given = canonical(given, rename=rename)
        else:
            given = open_dataset(
                given,
                rename=rename,
                storage_options=storage_options,
                library=library,
                absent_chunks="refuse" if check else "fill",
            )
        plan = make_plan(given, options, grid, periods)
        block = begun["block"] if begun else block_size(plan, chunk, memory)
        done = begun["done"] if begun else 0
        warn_of_cores(out, begun.get("cores") if begun else None)
        with _scheduled(scheduler):
            if done and not (out / FIELDS / SEAL).is_file():
                notice(f"{out} was begun by an earlier version, without checksums: begun anew")
                done = 0
            if done and (lost := first_damaged(out / FIELDS, done)) is not None:
                done = lost - lost % block
                notice(f"{out / FIELDS}: a chunk is damaged or lost; prepared anew from {plan.times[done]}")
            if not begun and check:
                refuse_errors(plan)
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
    chosen = _checks.names(name, values)
    if not chosen:
        raise ValueError(f"`{name}` must name at least one, got none")
    return list(dict.fromkeys(chosen))


def _claim(out: Path, options: dict[str, Any]) -> dict[str, Any] | None:
    """How far a run with these options came, or nothing.

    Raises:
        ValueError: A folder of other options, or of something else.
    """
    for name in (MANIFEST, _PROGRESS):
        if (out / name).is_file():
            try:
                found = json.loads((out / name).read_text(encoding="utf-8"))
                theirs = found["options"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{out / name} cannot be read: {error}; remove the folder") from error
            check_same(out, theirs, options)
            return found
    if out.is_dir() and any(not one.name.startswith(LOCK) for one in out.iterdir()):
        raise ValueError(f"`out` must be a new or empty folder or one of `prepare`, but {out} holds something else")
    return None


def _regridded(fields: xr.Dataset, plan: Plan, method: Method, bandlimit: int | None) -> xr.Dataset:
    if bandlimit is None and grid_of(fields) == plan.grid:
        return fields
    return regrid(fields, plan.grid, method=method, bandlimit=bandlimit)


def _create(path: Path, plan: Plan, chunk: int, method: Method, bandlimit: int | None) -> None:
    """The store with coordinates and constants, without values."""
    template = grid_dataset(plan.grid).assign_coords({TIME: (TIME, plan.times, calendar_attributes(plan.source))})
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
            check_finite(name, given[name])
            fixed[name] = ((LATITUDE, LONGITUDE), given[name].values.astype(np.float32), given[name].attrs)
    template = template.assign({str(name): field.variable for name, field in fixed.data_vars.items()})
    create_store(template, path, encoding)


def _write(
    path: Path, plan: Plan, times: np.ndarray, begin: int, method: Method, bandlimit: int | None, check: bool
) -> None:
    for names in field_groups(list(plan.reductions)):
        fields = {name: reduced(plan.source, name, plan.reductions[name], times) for name in names}
        whole = xr.Dataset(fields)
        if check:
            refuse_impossible_values(whole.load())
        made = _regridded(whole, plan, method, bandlimit).astype(np.float32).load()
        for name in names:
            check_finite(name, made[name])
        made = made[list(names)].transpose(
            *(dim for dim in (TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE) if dim in made.dims)
        )
        region = {TIME: slice(begin, begin + times.size)}
        write_part(made.drop_vars([name for name in made.coords if name != TIME]), path, region)


def _note(out: Path, options: dict[str, Any], block: int, done: int) -> None:
    with replacing(out / _PROGRESS) as file:
        json.dump({"options": options, "block": block, "done": done, "cores": cores()}, file, indent=1)


def _finish(out: Path, plan: Plan, options: dict[str, Any], periods: Mapping[str, Period]) -> None:
    hours = plan.cadence / np.timedelta64(3600, "s")
    with xr.open_zarr(out / FIELDS, consolidated=False, decode_timedelta=False) as fields:
        training = plan.times[periods["training"].contains(plan.times)]
        statistics = field_statistics(fields, times=training, cadence=plan.cadence)
    refuse_fields_that_stay(statistics)
    statistics = statistics.assign_attrs(
        training_period=str(periods["training"]),
        first_training_time=str(training[0]),
        last_training_time=str(training[-1]),
        training_times=training.size,
        cadence_hours=hours,
    )
    write_netcdf(statistics, out / STATISTICS_FILE)
    seal_store(out / FIELDS)
    manifest = {
        "format": FORMAT,
        "options": options,
        "variables": list(plan.reductions),
        "constants": sorted(str(name) for name in constant_fields(plan.grid).data_vars) + plan.statics,
        "levels": plan.source[LEVEL].values.astype(float).tolist() if LEVEL in statistics.dims else [],
        "grid": dataclasses.asdict(plan.grid),
        "cadence_hours": hours,
        "calendar": calendar_of(plan.source),
        "times": plan.times.size,
        "first_time": str(plan.times[0]),
        "last_time": str(plan.times[-1]),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "files": {name: file_digest(out / name) for name in SEALED},
    }
    write_checked_json(out / MANIFEST, manifest)


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
