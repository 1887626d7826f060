"""Options and help of `wxsphere simulate`."""

from __future__ import annotations

import dataclasses
from typing import Literal

from spinnn import checks
from spinnn.command import Help

from .dates import dates

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


SIMULATE = Help(SimulateOptions, _TEXT, common=("equations", "initial", "bandlimit", "days", "hours", "grid", "seed"))
