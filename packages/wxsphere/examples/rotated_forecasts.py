"""Rotation equivariance of trained forecast models, with winds as fields of spin 1 and as two scalars.

python rotated_forecasts.py FOLDER [DAYS]

Simulates shallow water on a sphere that does not rotate, so that no direction is special; trains the same network
twice, without constants and forcings; forecasts from states that were held out, and from the same states, each
rotated at random. Prints root mean square errors against the simulation, and root mean square differences between
the forecast from the rotated state and the rotated forecast. FOLDER keeps data and models; an interrupted run is
resumed in it.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

import spinharm
from spinharm import SpinTransform
from spinnn.training import LoopConfig, OptimizerConfig
from wxsphere import (
    FieldLayout,
    NetworkConfig,
    RunConfig,
    ShallowWater,
    Stage,
    area_weights,
    forecast,
    grid_of,
    integrate,
    open_dataset,
    prepare,
    random_state,
    simulate,
    train,
)

VARIABLES = ("geopotential", "u_component_of_wind", "v_component_of_wind")
STEPS = (1, 4, 12)
RUN = RunConfig(
    constants=(),
    forcings=(),
    stages=(Stage(1, 4), Stage(4, 2, 0.3)),
    batch_size=8,
    training=LoopConfig(
        optimizer=OptimizerConfig(learning_rate=3e-3, clip_norm=1.0, ema_decay=0.99, warmup_epochs=0.5),
        checkpoint_every=1000,
    ),
    remat=False,
    validation_windows=16,
    network=NetworkConfig(bandlimits=(16, 8, 16), widths=(16, 24, 16), num_filter_params=(None,)),
)


def rotated(fields: xr.Dataset, angles: np.ndarray) -> xr.Dataset:
    """Rotate fields by Euler angles, shape (time, 3), one rotation for each initial time."""
    layout, grid = FieldLayout.of(fields, VARIABLES), grid_of(fields)
    batch = layout.batch_dimensions(fields)
    shape = [len(angles) if name == "time" else 1 for name in batch]
    transform = SpinTransform(grid, grid.max_bandlimit, layout.spins)
    coeffs = transform.forward(layout.pack(fields))
    alpha, beta, gamma = (angle.reshape(shape).astype(np.float32) for angle in angles.T)
    maps = np.asarray(transform.inverse(spinharm.rotate(coeffs, alpha, beta, gamma, axis=-4)))
    return layout.unpack(maps, grid, {name: fields[name].values for name in batch})


def root_mean_square(difference: xr.Dataset) -> dict[str, float]:
    """Root mean square of geopotential and of the wind vector, over the sphere and initial times."""
    weights = xr.DataArray(area_weights(difference.latitude.values), dims="latitude")
    squares = (difference.astype("float64") ** 2).weighted(weights).mean()
    wind = squares[VARIABLES[1]] + squares[VARIABLES[2]]
    return {"geopotential": float(squares[VARIABLES[0]]) ** 0.5, "wind": float(wind) ** 0.5}


def main(folder: Path, days: int = 140, run: RunConfig = RUN, bandlimit: int = 22) -> list[dict[str, str | float]]:
    """Simulate, train twice, forecast and compare.

    Args:
        folder: Folder of data and models.
        days: Length of the simulation; the last fifth is held out.
        run: Configuration of both training runs.
        bandlimit: Bandlimit of the simulation.

    Returns:
        A row for each treatment of winds, variable and lead time [h]: error of persistence, error of the model, and
        difference between the forecast from the rotated state and the rotated forecast.
    """
    flow = ShallowWater(bandlimit, 1800.0, rotation_rate=0.0, diffusion_time=12 * 3600.0)
    begin = integrate(flow, random_state(flow, 0), 480)
    simulate(flow, begin, folder / "flow.zarr", outputs=days * 4 + 1, steps_per_output=12)
    first = np.datetime64("2000-01-01")
    held_out = first + np.timedelta64(days * 4 // 5, "D")
    data = prepare(
        folder / "flow.zarr",
        folder / "data",
        variables=VARIABLES,
        training=(str(first), str(held_out - np.timedelta64(1, "D"))),
        test=(str(held_out), str(first + np.timedelta64(days, "D"))),
    )
    times = data.test_times[: -max(STEPS) : max(STEPS)]
    fields = data.fields[list(VARIABLES)]
    states = fields.sel(time=times).load()
    rng = np.random.default_rng(0)
    angles = rng.uniform([-np.pi, -1, -np.pi], [np.pi, 1, np.pi], (len(times), 3))
    angles[:, 1] = np.arccos(angles[:, 1])
    rows = []
    for name, as_scalars in (("spin 1", False), ("two scalars", True)):
        place = folder / name.replace(" ", "-")
        model = train(data, dataclasses.replace(run, winds_as_scalars=as_scalars), place, progress=False)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            straight, after = (
                open_dataset(
                    forecast(model, start, f"{scratch}/{kind}.zarr", steps=max(STEPS), batch=len(times))
                ).load()
                for kind, start in (("straight", states), ("rotated", rotated(states, angles)))
            )
        there = rotated(straight, angles)
        for step in STEPS:
            lead = np.timedelta64(6 * step, "h").astype("timedelta64[ns]")
            found, found_after, wanted_after = (x.sel(prediction_timedelta=lead) for x in (straight, after, there))
            truth = fields.sel(time=times + lead).assign_coords(time=times)
            errors, differences, changes = map(
                root_mean_square, (found - truth, found_after - wanted_after, states - truth)
            )
            for variable, error in errors.items():
                row = {"winds": name, "variable": variable, "lead [h]": 6 * step, "persistence": changes[variable]}
                rows.append({**row, "error": error, "difference": differences[variable]})
    return rows


if __name__ == "__main__":
    for row in main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 140):
        print("  ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
