"""`wxsphere simulate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from spinharm import Grid
from spinnn import checks, command

from .._conventions.grids import grid_named
from .._flow.equations import BarotropicVorticity, Flow, ShallowWater, State
from .._flow.integrate import CONSERVED, integrate
from .._flow.simulate import simulate
from .._flow.states import galewsky, random_state, williamson2
from ._dates import dates

_TEXT = """Solve the shallow-water or the barotropic vorticity equations on the rotating sphere, and write the states.

Spherical harmonics with exact products and exponential time stepping. The store is zarr v3 in the layout of
WeatherBench 2: time, latitude, longitude. After an interruption, the same command resumes. Prints the relative changes
of energy and enstrophy and, for williamson2, whose exact solution is steady, the error.

examples:
  wxsphere simulate --out random.zarr --days 365 --hours 6 --grid 32x64
  wxsphere simulate --out jet.zarr --initial galewsky --bandlimit 86 --time-step 600 --days 6 --hours 12
  wxsphere simulate --out steady.zarr --initial williamson2 --bandlimit 22 --days 5 --diffusion-hours 0 --tilt 45"""


@dataclasses.dataclass(frozen=True)
class SimulateOptions:
    """Options of `wxsphere simulate`.

    Attributes:
        out: Folder of the store.
        equations: Equations to solve.
        initial: Initial state; galewsky and williamson2 are for shallow water.
        bandlimit: L; triangular truncation T(L−1).
        time_step: Time step [s].
        days: Length of the simulation after the spin-up [days].
        hours: Time between two states that are written [hours]; a multiple of the time step.
        spin_up_days: Length of the spin-up before the first state that is written [days].
        grid: "model" for the Gauss grid of the equations; NLATxNLON for rings at cell centres, NLATxNLON+poles,
            NLATxNLON+gauss.
        diffusion_hours: e-folding time of the smallest scale [hours]; 0 for no diffusion.
        wind: Root mean square wind of a random state [m/s].
        degree: Degree at which a random state has most energy.
        tilt: Angle between the axis of rotation and the north pole of the grid [degrees].
        start: Time of the first state.
        seed: Seed of a random state.
    """

    out: str
    equations: Literal["shallow-water", "barotropic"] = "shallow-water"
    initial: Literal["random", "galewsky", "williamson2"] = "random"
    bandlimit: int = 43
    time_step: float = 1200.0
    days: float = 30.0
    hours: float = 6.0
    spin_up_days: float = 0.0
    grid: str = "model"
    diffusion_hours: float = 6.0
    wind: float = 20.0
    degree: float = 6.0
    tilt: float = 0.0
    start: str = "2000-01-01"
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"bandlimit": 3, "seed": 0})
        checks.number_members(
            self,
            positive=("time_step", "hours", "wind", "degree"),
            not_negative=("days", "spin_up_days", "diffusion_hours"),
            finite=("tilt",),
        )
        dates("start", (self.start,))


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(SimulateOptions, f"wxsphere {name}", words, _TEXT)
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
    path = simulate(
        model,
        state,
        options.out,
        outputs=outputs,
        steps_per_output=every,
        grid=grid,
        start=options.start,
        progress=lambda done, total: command.say(f"{done} of {total} states"),
    )
    command.say(f"wrote {path}")
    with xr.open_zarr(path, consolidated=False) as written:
        means = written[list(CONSERVED[type(model)])].load()
        first, last = (written.isel(time=at).load() for at in (0, -1))
    rows = [(str(key), command.figure(float(x[0])), f"{float(x[-1] / x[0]) - 1:+.1e}") for key, x in means.items()]
    command.table("means over the sphere", ("quantity", "at the start", "relative change"), rows)
    if options.initial == "williamson2":
        for names in (("geopotential",), ("u_component_of_wind", "v_component_of_wind")):
            error = _relative_error([first[one].values for one in names], [last[one].values for one in names], grid)
            command.say(f"relative error of {' and '.join(names)}, l2: {error:.1e}")
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
