"""Forecasts of many steps, written step by step to a store in the layout of WeatherBench 2."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.grids import grid_dataset
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .._conventions.time_axes import calendar_attributes
from .._fields.fields import FieldLayout
from .._files.checksums import create_store, write_part
from .._files.open import open_dataset
from .._files.unfinished import Unfinished
from .._notices import notice
from .forecast_model import ForecastModel
from .task import hours_of

_HOUR = np.timedelta64(1, "h")


def forecast(
    model: ForecastModel,
    states: xr.Dataset,
    out: str | os.PathLike,
    *,
    steps: int,
    times: Sequence[Any] | np.ndarray | None = None,
    chunk: int = 8,
    batch: int = 8,
    limit: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Forecast from initial states, and write a zarr v3 store in the layout of WeatherBench 2.

    The store has a temporary name beside `out` until it is complete; `chunk` steps of `batch` states are in memory at
    once. The same call after an interruption resumes the forecast, with bitwise equal results on the same number of
    processor cores; after completion it does nothing. On resuming, existing chunks are read first, and forecasts are
    repeated from the first initial time with a missing or damaged chunk.

    Args:
        model: The model.
        states: Initial states in the layout of `canonical`, with `time` and optionally `number`; each member is
            forecast.
        out: Folder of the store, `….zarr`.
        steps: Number of applications of the model.
        times: Initial times, ascending; default all times of `states` at which all offsets of the model are available.
        chunk: Steps between two writes, and number of lead times in a chunk of the store.
        batch: Number of states that are forecast together, at least the members of one time.
        limit: Distance from the mean, in standard deviations, beyond which a forecast has diverged.
        progress: Function called after each write with the number of state-steps written and the total number.

    Returns:
        The path. The store has the outputs of the model, float32, dimensions (time, prediction_timedelta, number?,
        level?, latitude, longitude), where `time` is the initial time.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, the states do not fit the model, `steps` is above 1 for a model that
            cannot be iterated, the path holds something else, or the unfinished store is of another forecast.
        FloatingPointError: A forecast has diverged; the message names variable, initial time and lead time. The steps
            before are in the unfinished store, which can be opened; the rest of it is NaN.

    Examples:
        >>> import equinox as eqx
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import (
        ...     Channel, FieldLayout, ForecastModel, ForecastTask, NetworkConfig, Normalization, Stepper, forecast,
        ...     grid_dataset, open_dataset,
        ... )
        >>> layout, grid = FieldLayout((Channel(("2m_temperature",)),)), Grid.gauss_legendre(4)
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[1.0]]))
        >>> task = ForecastTask(layout, layout, grid)
        >>> stepper = Stepper(task, normalization, normalization, np.ones((1, 1, 1)), np.zeros((4, 8, 0), "float32"))
        >>> def warmer(x, state, mask=None):  # in place of a trained network: 1 K warmer in each step
        ...     return x * 0 + 1, state
        >>> model = ForecastModel(NetworkConfig(), warmer, eqx.nn.State(warmer), stepper)
        >>> states = grid_dataset(grid).assign_coords(time=np.array(["2020-01-01"], "datetime64[ns]"))
        >>> states["2m_temperature"] = ("time", "latitude", "longitude"), np.full((1, 4, 8), 280.0)
        >>> written = open_dataset(forecast(model, states, "forecast.zarr", steps=3, chunk=3))
        >>> written["2m_temperature"].mean(("latitude", "longitude")).values.round(2)
        array([[281., 282., 283.]], dtype=float32)
    """
    for name, value in (("steps", steps), ("chunk", chunk), ("batch", batch)):
        _checks.integer(name, value, 1)
    _checks.number("limit", limit, above=0.0)
    _checks.function("progress", progress)
    _check_steps(model, steps)
    model.check(states)
    task = model.task
    stamps = _initial(model, states, times)
    members = states[MEMBER].values if _has_members(model, states) else None
    leads = np.array([task.step * k + hours_of(h) for k in range(steps) for h in task.leads])
    group = min(max(1, batch // (1 if members is None else len(members))), stamps.size)
    job = _Job(model, states, stamps, leads, members, steps, chunk, group, limit)
    told = _description(job, batch)
    # Steps beyond the last are not computed.
    job = dataclasses.replace(job, chunk=min(chunk, steps))
    store = Unfinished(Path(out), "forecast", told)
    with store.claimed():
        if store.is_finished():
            return store.path
        if (found := store.resume()) is None:
            _create(store.folder, job, told)
            position = _Position(0, 0, None)
        else:
            position = _resumed(store.folder, job, found)
        while position.begin < stamps.size:
            position = _advance(store.folder, job, position)
            begin, done, window = position
            store.save(begin=begin, done=done, window=np.zeros(0) if window is None else window)
            if progress is not None:
                progress(min(begin, stamps.size) * steps + done * min(group, stamps.size - begin), stamps.size * steps)
        store.finish()
        return store.path


def _check_steps(model: ForecastModel, steps: int) -> None:
    _check_model(model)
    model.task.check_steps(steps)
    if steps * (last := model.task.leads[-1]) > _checks.MOST_HOURS:
        raise ValueError(f"`steps` must stay below {_checks.MOST_HOURS:g} hours, got {steps} of {last:g} h")


def _initial(model: ForecastModel, states: xr.Dataset, times: Sequence[Any] | np.ndarray | None) -> np.ndarray:
    """Initial times, checked."""
    stamps = initial_times(model, states) if times is None else _checks.times("times", times)
    if stamps.ndim != 1 or not stamps.size or (np.diff(stamps) <= np.timedelta64(0, "ns")).any():
        raise ValueError(f"`times` must be at least one time, in ascending order, got {stamps}")
    return stamps


@dataclasses.dataclass(frozen=True, eq=False)
class _Job:
    """Forecast to be written.

    Attributes:
        model: The model.
        states: Initial states.
        stamps: Initial times.
        leads: Lead times.
        members: Values of `number`, or None.
        steps: Number of applications of the model.
        chunk: Steps between two writes.
        group: Number of initial times that are forecast together.
        limit: Distance from the mean, in standard deviations, beyond which a forecast has diverged.
    """

    model: ForecastModel
    states: xr.Dataset
    stamps: np.ndarray
    leads: np.ndarray
    members: np.ndarray | None
    steps: int
    chunk: int
    group: int
    limit: float

    @property
    def count(self) -> int:
        """Number of members of an initial time."""
        return 1 if self.members is None else len(self.members)


class _Position(NamedTuple):
    """Index of the first initial time of the current group, its completed steps, and the input of the next step."""

    begin: int
    done: int
    window: np.ndarray | None


def _description(job: _Job, batch: int) -> str:
    """Description of everything that the result depends on, as one line of JSON."""
    first = job.model.pack(job.states, job.stamps[:1])
    return json.dumps(
        {
            "model": job.model.fingerprint(),
            "first_state": hashlib.sha256(np.ascontiguousarray(first).tobytes()).hexdigest()[:16],
            "times": [str(stamp) for stamp in job.stamps],
            "members": None if job.members is None else job.members.tolist(),
            "steps": job.steps,
            "chunk": job.chunk,
            "batch": batch,
            "limit": job.limit,
        }
    )


def _resumed(folder: Path, job: _Job, found: Mapping[str, Any]) -> _Position:
    """Position at which to resume: where the forecast stopped, or before the first chunk that cannot be read."""
    begin, done = int(found["begin"]), int(found["done"])
    task = job.model.task
    written = [*[job.leads.size] * begin, *[done * len(task.leads)] * job.group]
    lost = _first_lost(folder, task.outputs.variables, written)
    if lost is None:
        return _Position(begin, done, found["window"] if done else None)
    begin = lost - lost % job.group
    notice(f"{folder}: a chunk is damaged or missing; forecasts are repeated from {_day(job.stamps[begin])} on")
    return _Position(begin, 0, None)


def _advance(folder: Path, job: _Job, position: _Position) -> _Position:
    """Forecast and write the next steps of a group of initial times."""
    model, stamps, group = job.model, job.stamps, job.group
    begin, done, window = position
    # The last group is padded, so that one compiled program serves all.
    chosen = stamps[np.minimum(np.arange(begin, begin + group), stamps.size - 1)]
    if window is None:
        maps = model.pack(job.states, chosen)
        window = model.stepper.inputs.normalize(maps).reshape(-1, *maps.shape[2:])
    forcings = np.stack([model.forcings(chosen + model.step * k) for k in range(done, done + job.chunk)])
    outputs, window = model.run(window, np.repeat(forcings, job.count, axis=1))
    leads = len(model.task.leads)
    part = _by_state(outputs, group, job.count)[: stamps.size - begin, : (job.steps - done) * leads]
    _write(folder, job, part, (begin, done * leads))
    if done + job.chunk >= job.steps:
        return _Position(begin + group, 0, None)
    return _Position(begin, done + job.chunk, window)


def initial_times(model: ForecastModel, states: xr.Dataset) -> np.ndarray:
    """Times of a dataset at which all offsets of a model are available, `datetime64[ns]`.

    Raises:
        ValueError: There is no such time.

    Examples:
        >>> import equinox as eqx
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import (
        ...     Channel, FieldLayout, ForecastModel, ForecastTask, NetworkConfig, Normalization, Stepper, grid_dataset,
        ...     initial_times,
        ... )
        >>> layout, grid = FieldLayout((Channel(("2m_temperature",)),)), Grid.gauss_legendre(4)
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[5.0]]))
        >>> task = ForecastTask(layout, layout, grid, offsets=(-6.0, 0.0))
        >>> stepper = Stepper(task, normalization, normalization, np.ones((1, 1, 1)), np.zeros((4, 8, 0), "float32"))
        >>> model = ForecastModel(NetworkConfig(), None, eqx.nn.State(None), stepper)
        >>> times = np.arange("2020-01-01T00", "2020-01-01T18", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> initial_times(model, grid_dataset(grid).assign_coords(time=times)).astype("datetime64[h]")
        array(['2020-01-01T06', '2020-01-01T12'], dtype='datetime64[h]')
    """
    _check_model(model)
    _checks.dimensions("states", states, (TIME,))
    index = states.indexes[TIME]
    stamps = np.asarray(states[TIME].values).astype("datetime64[ns]")
    there = np.all([index.get_indexer(stamps + hours_of(h)) >= 0 for h in model.offsets], axis=0)
    if not there.any():
        raise ValueError(
            f"`states` must have a time at which all offsets, {model.offsets} h, are available, got {stamps.size} times"
        )
    return stamps[there]


def _check_model(model: ForecastModel) -> None:
    _checks.instance("model", model, ForecastModel, "a wxsphere.ForecastModel")


def _has_members(model: ForecastModel, states: xr.Dataset) -> bool:
    return MEMBER in model.layout.batch_dimensions(states)


def _by_state(outputs: np.ndarray, group: int, count: int) -> np.ndarray:
    """(step, time·member, lead, …) → (time, step·lead, member, …)."""
    steps, _, leads, *rest = outputs.shape
    apart = outputs.reshape(steps, group, count, leads, *rest)
    return np.moveaxis(apart, (1, 0, 3, 2), (0, 1, 2, 3)).reshape(group, steps * leads, count, *rest)


def _create(folder: Path, job: _Job, told: str) -> None:
    """Create the store, with coordinates and no values, which are read as NaN."""
    import dask.array as da

    model, states, stamps, leads, members = job.model, job.states, job.stamps, job.leads, job.members
    chunk = job.chunk * len(model.task.leads)
    layout, grid = model.task.outputs, model.task.grid
    times = (TIME, stamps, calendar_attributes(states))
    template = grid_dataset(grid).assign_coords({TIME: times, LEAD: leads}).assign_attrs(forecast=told)
    front, sizes = [TIME, LEAD], [stamps.size, leads.size]
    if members is not None:
        template = template.assign_coords({MEMBER: members})
        front, sizes = [*front, MEMBER], [*sizes, members.size]
    levels = sorted({c.level for c in layout.scalars + layout.winds if c.level is not None})
    if levels:
        template = template.assign_coords({LEVEL: (LEVEL, np.array(levels), {"units": "hPa"})})
    for name in layout.variables:
        heights = _levels(layout, name)
        if heights and heights != levels:
            raise ValueError(f"`model` must have all outputs on the same levels, got {name} on {heights} of {levels}")
        dims = [*front, LEVEL, LATITUDE, LONGITUDE] if heights else [*front, LATITUDE, LONGITUDE]
        shape = (*sizes, len(levels), *grid.shape) if heights else (*sizes, *grid.shape)
        chunks = (1, min(chunk, leads.size), *shape[2:])
        units = states[name].attrs.get("units") if name in states.data_vars else None
        values = da.full(shape, np.nan, chunks=chunks, dtype="float32")
        template[name] = (dims, values, {} if units is None else {"units": units})
    encoding = {name: {"_FillValue": np.float32(np.nan)} for name in layout.variables}
    create_store(template, folder, encoding)


def _first_lost(folder: Path, variables: Sequence[str], written: Sequence[int]) -> int | None:
    """Index of the first initial time with a lead time that was written and cannot be read."""
    fields = open_dataset(folder)[list(variables)]
    for time, count in enumerate(written[: fields.sizes[TIME]]):
        try:
            finite: Any = np.isfinite(fields.isel({TIME: time, LEAD: slice(0, count)}))
            there = finite.all().compute()
        except OSError:
            return time
        if not all(bool(one) for one in there.data_vars.values()):
            return time
    return None


def _levels(layout: FieldLayout, name: str) -> list[float]:
    return sorted(c.level for c in layout.scalars + layout.winds if name in c.names and c.level is not None)


def _write(folder: Path, job: _Job, part: np.ndarray, at: tuple[int, int]) -> None:
    """Write normalised states (time, lead, member, …) from a position on, with NaN after a divergence."""
    model, limit, stamps, leads, members = job.model, job.limit, job.stamps, job.leads, job.members
    layout, grid = model.task.outputs, model.task.grid
    # Comparisons with NaN are false.
    bad = ~(np.abs(part) <= limit)
    first = bad.any((3, 4, 5, 6))  # (time, lead, member)
    lost = np.maximum.accumulate(first, axis=1)
    maps = model.stepper.outputs.restore(part)
    maps[lost] = np.nan
    times, steps = (slice(begin, begin + size) for begin, size in zip(at, part.shape[:2], strict=True))
    batch: dict[str, np.ndarray] = {TIME: stamps[times], LEAD: leads[steps]}
    if members is None:
        maps = maps[:, :, 0]
    else:
        batch[MEMBER] = members
    fields = layout.unpack(maps, grid, batch)
    fields = fields.drop_vars(list(fields.coords))
    write_part(fields, folder, {TIME: times, LEAD: steps})
    if not first.any():
        return
    lead = int(np.argwhere(first.any((0, 2)))[0][0])  # pyright: ignore[reportArgumentType]
    time, member = (int(x) for x in np.argwhere(first[:, lead])[0])  # pyright: ignore[reportIndexIssue]
    spin, channel = (int(x) for x in np.argwhere(bad[time, lead, member].any((0, 1)))[0])
    value = _largest(part[time, lead, member, :, :, spin, channel])
    named = (layout.winds if layout.spins[spin] else layout.scalars)[channel]
    of = "" if members is None else f", member {members[member]}"
    raise FloatingPointError(
        f"the forecast of {named} from {_day(stamps[times][time])}{of} has diverged at lead time "
        f"{leads[steps][lead] / _HOUR:g} h: {value} standard deviations from the mean, more than `limit` {limit:g}; "
        f"what was forecast until then is in {folder}"
    )


def _largest(values: np.ndarray) -> str:
    """Text of the largest modulus of a map."""
    largest = np.max(np.abs(values))
    return f"{largest:.3g}" if np.isfinite(largest) else "infinitely many"


def _day(stamp: np.datetime64) -> str:
    return str(stamp.astype("datetime64[m]"))
