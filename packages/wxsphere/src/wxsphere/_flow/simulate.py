"""Simulations written to a store block by block, which can be resumed after an interruption."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from spinharm import Grid

from .. import _checks
from .._conventions.grids import grid_dataset
from .._conventions.names import LATITUDE, LONGITUDE, TIME
from .._files.checksums import create_store, write_part
from .._files.unfinished import Unfinished, first_damaged
from .._notices import notice
from .equations import Flow, State, check_flow, check_state
from .integrate import CONSERVED, diagnostics, flow_maps, integrate

_ATTRIBUTES = {
    "geopotential": {"units": "m**2 s**-2", "standard_name": "geopotential"},
    "u_component_of_wind": {"units": "m s**-1", "standard_name": "eastward_wind"},
    "v_component_of_wind": {"units": "m s**-1", "standard_name": "northward_wind"},
    "vorticity": {"units": "s**-1", "standard_name": "atmosphere_relative_vorticity"},
    "divergence": {"units": "s**-1", "standard_name": "divergence_of_wind"},
    "mass": {"units": "m", "long_name": "mean depth"},
    "energy": {"long_name": "mean energy"},
    "enstrophy": {"long_name": "mean absolute or potential enstrophy"},
    "fastest": {"units": "m s**-1", "long_name": "largest wind speed"},
}


def simulate(
    model: Flow,
    state: State,
    path: str | os.PathLike,
    *,
    outputs: int,
    steps_per_output: int,
    grid: Grid | None = None,
    start: str | np.datetime64 = "2000-01-01",
    chunk: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Integrate a flow and write its states as zarr v3 in the layout of WeatherBench 2.

    The store has a temporary name beside `path` until it is complete; `chunk` times are in memory at once. The same
    call after an interruption resumes the simulation, with bitwise equal results on the same number of processor
    cores; after completion it does nothing.

    Args:
        model: The equations.
        state: Initial state, coefficients of shape (fields, L, 2L−1).
        path: Folder of the store, `….zarr`.
        outputs: Number of times to write, the first being `start`; at least 1.
        steps_per_output: Time steps between two of these times, at least 1.
        grid: Grid of the maps, which must resolve L degrees; default that of the model.
        start: Time of the initial state.
        chunk: Times in a chunk of the store.
        progress: Function called after each chunk with the number of times written and the number of all times.

    Returns:
        The path. The store has `u_component_of_wind`, `v_component_of_wind`, `vorticity` and, of shallow water,
        `divergence` and `geopotential`, float32, dimensions (time, latitude, longitude), and the quantities of
        `diagnostics`, float64, dimension (time).

    Raises:
        TypeError: A count is not an integer.
        ValueError: A count is below 1, the path holds something else, or the unfinished store is of another simulation.
        FloatingPointError: The flow is no longer finite; the message gives the time.

    Examples:
        >>> from wxsphere import BarotropicVorticity, open_dataset, random_state, simulate
        >>> model = BarotropicVorticity(bandlimit=4, time_step=1800.0)
        >>> path = simulate(model, random_state(model, seed=0), "flow.zarr", outputs=3, steps_per_output=12)
        >>> flow = open_dataset(path)
        >>> dict(flow["u_component_of_wind"].sizes)
        {'time': 3, 'latitude': 5, 'longitude': 10}
        >>> flow.time.dt.hour.values.tolist()
        [0, 6, 12]
    """
    for name, value in (("outputs", outputs), ("steps_per_output", steps_per_output), ("chunk", chunk)):
        _checks.integer(name, value, 1)
    check_flow(model)
    check_state(model, state)
    _check_reach(model, outputs, steps_per_output)
    grid = _checked_grid(model, model.grid if grid is None else grid)
    if _checks.times("start", start).size != 1:
        raise ValueError(f"`start` must be one time, got {start!r}")
    _checks.function("progress", progress)
    told = _description(model, state, outputs, steps_per_output, grid, start, chunk)
    store = Unfinished(Path(path), "simulation", told)
    with store.claimed():
        if store.is_finished():
            return store.path
        done = 0
        if (found := _resumed(store)) is not None:
            done, state = int(found["done"]), jax.numpy.asarray(found["state"])
        else:
            apart = np.timedelta64(round(_hours(model, steps_per_output) * 3600e9), "ns")
            times = np.asarray(start, "datetime64[ns]") + np.arange(outputs) * apart
            _create(store.folder, model, grid, times, chunk, told)
        while done < outputs:
            count = min(chunk, outputs - done)
            # The last state of all is not integrated further.
            steps = [steps_per_output if done + at + 1 < outputs else 0 for at in range(count)]
            maps, means, state = _block(model, state, grid, steps)
            _write(store.folder, done, maps, means)
            done += count
            _check_finite(model, maps, _hours(model, steps_per_output) * done)
            store.save(done=done, state=np.asarray(state))
            if progress is not None:
                progress(done, outputs)
        store.finish()
        return store.path


def _check_reach(model: Flow, outputs: int, steps: int) -> None:
    if (reach := _hours(model, steps) * outputs) > _checks.MOST_HOURS:
        raise ValueError(
            f"`outputs` and `steps_per_output` must span at most {_checks.MOST_HOURS:g} h, the range of datetime64, "
            f"got {outputs} times {steps} steps, {reach:g} h"
        )


def _checked_grid(model: Flow, grid: Grid) -> Grid:
    _checks.grid("grid", grid)
    if grid.max_bandlimit < model.bandlimit:
        raise ValueError(
            f"`grid` must resolve {model.bandlimit} degrees, got {grid}, which resolves {grid.max_bandlimit}"
        )
    return grid


def _resumed(store: Unfinished) -> dict[str, Any] | None:
    """Saved progress of an unfinished store, or None if there is none or a chunk is damaged."""
    found = store.resume()
    if found is not None and first_damaged(store.folder, int(found["done"])) is not None:
        notice(f"{store.folder}: a chunk is damaged or missing; the simulation starts over")
        store.begin_anew()
        return None
    return found


def _block(
    model: Flow, state: State, grid: Grid, steps: Sequence[int]
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, float]], State]:
    """Maps and diagnostics of a state and of those after each number of `steps`, and the state after the last."""
    maps: list[dict[str, np.ndarray]] = []
    means: list[dict[str, float]] = []
    for count in steps:
        maps.append(flow_maps(model, state, grid))
        means.append(diagnostics(model, state))
        if count:
            state = integrate(model, state, count)
    return maps, means, state


def _check_finite(model: Flow, maps: Sequence[dict[str, np.ndarray]], hours: float) -> None:
    if not all(np.isfinite(values).all() for one in maps for values in one.values()):
        raise FloatingPointError(
            f"the flow is not finite after {hours:g} hours; use a smaller `time_step` than {model.time_step:g} s, or "
            f"a shorter `diffusion_time` than {model.diffusion_time}"
        )


def _hours(model: Flow, steps: int) -> float:
    return model.time_step * steps / 3600


def _description(model: Flow, state: State, outputs: int, steps: int, grid: Grid, start: Any, chunk: int) -> str:
    """Description of everything that the result depends on, as one line of JSON."""
    return json.dumps(
        {
            "equations": type(model).__name__,
            **dataclasses.asdict(model),
            "initial_state": hashlib.sha256(np.ascontiguousarray(state).tobytes()).hexdigest(),
            "dtype": str(state.dtype),
            "outputs": outputs,
            "steps_per_output": steps,
            "grid": dataclasses.asdict(grid),
            "start": str(np.datetime64(start, "s")),
            "chunk": chunk,
        }
    )


def _create(partial: Path, model: Flow, grid: Grid, times: np.ndarray, chunk: int, told: str) -> None:
    """Create the store, with coordinates and no values."""
    import dask.array as da

    outputs = times.size
    template = grid_dataset(grid).assign_coords({TIME: times}).assign_attrs(simulation=told)
    shape, chunks = (outputs, *grid.shape), (min(chunk, outputs), *grid.shape)
    names = ["u_component_of_wind", "v_component_of_wind", *model.fields]
    for name in names:
        values = da.zeros(shape, chunks=chunks, dtype="float32")
        template[name] = ((TIME, LATITUDE, LONGITUDE), values, _ATTRIBUTES[name])
    for name in CONSERVED[type(model)]:
        values = da.zeros(outputs, chunks=min(chunk, outputs), dtype="float64")
        template[name] = (TIME, values, _ATTRIBUTES[name])
    # A lost chunk must not read as zeros.
    encoding = {str(name): {"_FillValue": np.nan} for name in template.data_vars}
    create_store(template, partial, encoding)


def _write(partial: Path, begin: int, maps: list[dict[str, np.ndarray]], means: list[dict[str, float]]) -> None:
    block = xr.Dataset(
        {
            name: ((TIME, LATITUDE, LONGITUDE), np.stack([one[name] for one in maps]).astype(np.float32))
            for name in maps[0]
        }
    )
    for name in means[0]:
        block[name] = (TIME, np.array([one[name] for one in means]))
    write_part(block, partial, {TIME: slice(begin, begin + len(maps))})
