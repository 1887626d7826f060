"""`wxsphere simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm import Grid
from spinnn import command

from .._conventions.grids import grid_named
from .._flow.equations import BarotropicVorticity, Flow, ShallowWater, State
from .._flow.integrate import CONSERVED, integrate
from .._flow.simulate import simulate
from .._flow.states import galewsky, random_state, williamson2
from .._options.simulate import SIMULATE, SimulateOptions


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(SimulateOptions, f"wxsphere {name}", words, SIMULATE)
    every, spin_up = (
        _steps(name, hours, options)
        for name, hours in (("hours", options.hours), ("spin_up_days", options.spin_up_days * 24))
    )
    outputs = int(options.days * 24 / options.hours + 1e-9) + 1
    # An error here comes before the spin-up.
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    model = _model(options)
    grid = _grid(options.grid, model)
    state = integrate(model, _initial(model, options), spin_up)
    command.say(f"{options.equations}, T{model.bandlimit - 1}, products on {model.grid}, written on {grid}")
    with command.progress("simulating", "states") as progress:
        path = simulate(
            model,
            state,
            options.out,
            outputs=outputs,
            steps_per_output=every,
            grid=grid,
            start=options.start,
            progress=progress,
        )
    command.say(f"wrote {path}")
    with xr.open_zarr(path, consolidated=False) as written:
        means = written[list(CONSERVED[type(model)])].load()
        first, last = (written.isel(time=at).load() for at in (0, -1))
    rows = [(str(key), command.figure(float(x[0])), f"{float(x[-1] / x[0]) - 1:+.1e}") for key, x in means.items()]
    command.table("means over the sphere", ("quantity", "at the start", "relative change"), rows)
    told = {str(key): {"first": float(x[0]), "relative_change": float(x[-1] / x[0]) - 1} for key, x in means.items()}
    errors = {}
    if options.initial == "williamson2":
        for names in (("geopotential",), ("u_component_of_wind", "v_component_of_wind")):
            error = _relative_error([first[one].values for one in names], [last[one].values for one in names], grid)
            errors |= dict.fromkeys(names, error)
            command.say(f"relative error of {' and '.join(names)}, l2: {error:.1e}")
    command.result({"path": str(path), "means": told, "relative_errors": errors})
    return 0


def _relative_error(exact: list[np.ndarray], found: list[np.ndarray], grid: Grid) -> float:
    """√(∫(f − g)² / ∫g²), equation (83) of Williamson et al."""

    def squares(fields: list[np.ndarray]) -> float:
        return sum(float((grid.weights[:, None] * field.astype(np.float64) ** 2).sum()) for field in fields)

    return float(np.sqrt(squares([a - b for a, b in zip(found, exact, strict=True)]) / squares(exact)))


def _model(options: SimulateOptions) -> Flow:
    common: dict[str, Any] = {
        "bandlimit": options.bandlimit,
        "time_step": options.time_step,
        "diffusion_time": options.diffusion_hours * 3600 or None,
        "axis_tilt": float(np.radians(options.tilt)),
    }
    if options.equations == "barotropic":
        return BarotropicVorticity(**common)
    if options.initial == "williamson2":
        common["mean_geopotential"] = 2.94e4
    return ShallowWater(**common)


def _initial(model: Flow, options: SimulateOptions) -> State:
    if options.initial == "random":
        return random_state(model, options.seed, wind=options.wind, degree=options.degree)
    if not isinstance(model, ShallowWater):
        raise ValueError(f"`initial` {options.initial} needs the equations shallow-water, got {options.equations}")
    return galewsky(model) if options.initial == "galewsky" else williamson2(model)


def _steps(name: str, hours: float, options: SimulateOptions) -> int:
    steps = hours * 3600 / options.time_step
    if not (np.isfinite(steps) and steps >= 0 and abs(steps - round(steps)) < 1e-6) or (name == "hours" and steps < 1):
        raise ValueError(f"`{name}` must be a multiple of `time_step` {options.time_step:g} s, got {hours:g} hours")
    return round(steps)


def _grid(text: str, model: Flow) -> Grid:
    if text == "model":
        return model.grid
    grid = grid_named(text, "model")
    if grid.max_bandlimit < model.bandlimit:
        raise ValueError(
            f"`grid` must resolve the {model.bandlimit} degrees of `bandlimit`, got {text} with {grid.max_bandlimit}"
        )
    return grid
