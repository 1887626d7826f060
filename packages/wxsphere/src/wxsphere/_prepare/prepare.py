"""Preparation of training data from a store of any archive: choice, regridding, checks, statistics."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.files import file_digest, write_checked_json
from spinnn.resume import claimed, warn_of_cores

from .. import _checks
from .._conventions.canonical import canonical
from .._conventions.names import LEVEL
from .._conventions.time_axes import calendar_of
from .._fields.field_statistics import field_statistics
from .._files.checksums import SEAL, seal_store
from .._files.netcdf import write_netcdf
from .._files.open import open_dataset
from .._files.unfinished import first_damaged
from .._notices import notice
from .constants import constant_fields
from .fields_store import create_fields, write_fields
from .options import PrepareOptions
from .plan import Plan, block_size, make_plan, refuse_errors, refuse_fields_that_stay
from .prepared import FIELDS, FORMAT, MANIFEST, SEALED, STATISTICS_FILE, Prepared, open_prepared
from .record import Begun, Record

_PACKAGES = ("wxsphere", "spinharm", "jax", "numpy", "xarray", "xarray-regrid", "zarr", "dask")


def prepare(
    source: str | os.PathLike | Sequence[str | os.PathLike] | xr.Dataset,
    out: str | os.PathLike,
    options: PrepareOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    **changes: Any,
) -> Prepared:
    """Write part of a store, on a grid and with statistics, as a folder that training reads.

    The source may have any size: it is read in blocks of times. The same call after an interruption resumes, with the
    same result bit for bit on as many processor cores; after completion it opens the folder. A call with other options
    is refused. The folder gets

    - `fields.zarr`: zarr v3; variables (time, number?, level?, latitude, longitude), float32, in chunks of
      `options.chunk` times; constants without time: `land_sea_mask` and `geopotential_at_surface` where the source has
      them, `sine_of_latitude`, `sine_of_longitude`, `cosine_of_longitude`;
    - `statistics.nc`: what `field_statistics` gives of the training times;
    - `manifest.json`: source, options, periods, versions; written last.

    Args:
        source: What `open_dataset` takes, or a dataset.
        out: The folder.
        options: What is taken, splits, grid, checks; default `PrepareOptions()`, all of the source on its own grid.
        progress: Called with times written and times in all, after each block.
        **changes: Options by name, in place of those in `options`: `prepare(source, out, levels=[500.0])` is
            `prepare(source, out, PrepareOptions(levels=[500.0]))`.

    Returns:
        The prepared data, see `Prepared`.

    Raises:
        TypeError: Arguments of another type, or a keyword that is not an option.
        ValueError: A variable, level or member that the source lacks; one component of a wind without the other; times
            with gaps, or none; splits that overlap; a field with points without a value, which is how missing chunks
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
    options = _checks.options(PrepareOptions, options, changes)
    _checks.function("progress", progress)
    record = Record.of(Path(out), source, options)
    if record.is_complete():
        return open_prepared(out)
    with claimed(out):
        if record.is_complete():
            return open_prepared(out)
        begun = record.begun()
        plan = make_plan(_opened(source, options), options)
        warn_of_cores(out, begun.cores if begun else None)
        with _scheduled(options.scheduler):
            begun = _begin(record, plan, options, begun)
            _write_blocks(record, plan, options, begun, progress)
            _finish(record, plan)
        record.close()
        return open_prepared(out)


def _opened(source: Any, options: PrepareOptions) -> xr.Dataset:
    if isinstance(source, xr.Dataset):
        return canonical(source, rename=options.rename)
    return open_dataset(
        source,
        rename=options.rename,
        storage_options=options.storage_options,
        library=options.library,
        absent_chunks="refuse" if options.check else "fill",
    )


def _begin(record: Record, plan: Plan, options: PrepareOptions, begun: Begun | None) -> Begun:
    """Create the store, or find how much of one that was begun is whole."""
    fields = record.out / FIELDS
    if begun is None:
        if options.check:
            refuse_errors(plan)
        begun = Begun(block_size(plan, options.chunk, _checks.memory_bytes("memory_gib", options.memory_gib)), 0, None)
    done = begun.done and _whole_times(record.out, plan, begun)
    if done == 0:
        record.note(begun.block, 0)
        shutil.rmtree(fields, ignore_errors=True)
        create_fields(fields, plan, options)
    return begun._replace(done=done)


def _whole_times(out: Path, plan: Plan, begun: Begun) -> int:
    """Number of times, in whole blocks, before the first damaged chunk of a store that was begun."""
    if not (out / FIELDS / SEAL).is_file():
        notice(f"{out} was begun by an earlier version, without checksums: begun anew")
        return 0
    if (lost := first_damaged(out / FIELDS, begun.done)) is None:
        return begun.done
    done = lost - lost % begun.block
    notice(f"{out / FIELDS}: a chunk is damaged or lost; prepared anew from {plan.times[done]}")
    return done


def _write_blocks(
    record: Record,
    plan: Plan,
    options: PrepareOptions,
    begun: Begun,
    progress: Callable[[int, int], None] | None,
) -> None:
    done, total = begun.done, plan.times.size
    while done < total:
        times = plan.times[done : done + begun.block]
        write_fields(record.out / FIELDS, plan, options, times, done)
        done += times.size
        record.note(begun.block, done)
        if progress is not None:
            progress(done, total)


def _finish(record: Record, plan: Plan) -> None:
    """Write statistics and manifest."""
    out, training_period = record.out, plan.periods["training"]
    hours = plan.cadence / np.timedelta64(3600, "s")
    with xr.open_zarr(out / FIELDS, consolidated=False, decode_timedelta=False) as fields:
        training = plan.times[training_period.contains(plan.times)]
        statistics = field_statistics(fields, times=training, cadence=plan.cadence)
    refuse_fields_that_stay(statistics)
    statistics = statistics.assign_attrs(
        training_period=str(training_period),
        first_training_time=str(training[0]),
        last_training_time=str(training[-1]),
        training_times=training.size,
        cadence_hours=hours,
    )
    write_netcdf(statistics, out / STATISTICS_FILE)
    seal_store(out / FIELDS)
    manifest = {
        "format": FORMAT,
        "options": record.options,
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
    else:
        distributed = require("distributed", "dask[distributed]", "a scheduler with an address")
        with distributed.Client(scheduler):
            yield
