"""Options and help of `wxsphere forecast`."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

import tyro

from spinnn import checks
from spinnn.command import Help

from .dates import dates

_TEXT = """Forecast from initial states with a trained model, and write a zarr v3 store in the layout of WeatherBench 2.

Initial states are a folder of `wxsphere prepare`, or a store with the model's variables on its grid. After an
interruption, the same command resumes. A forecast that is not finite, or further from the mean than --limit standard
deviations, is an error that names variable, initial time and lead time.

examples:
  wxsphere forecast runs/flow/model.spinnn --states data/flow --period test --every 4 --steps 40 --out forecast.zarr
  wxsphere forecast model.spinnn --states era5.zarr --times 2020-01-01 2020-01-03T12 --steps 400 --out long.zarr"""


@dataclasses.dataclass(frozen=True)
class ForecastOptions:
    """Options of `wxsphere forecast`.

    Attributes:
        model: File that `wxsphere train` wrote.
        states: Prepared folder, store or file with the initial states.
        out: Folder of the forecast.
        rename: OLD=NEW: names in the states and names in WeatherBench 2, for those that are not recognised.
        steps: Number of applications of the model.
        times: Initial times; default all times of the split with the states that the model needs.
        period: Split of a prepared folder that initial times are taken from.
        verified: Leave out initial times whose last valid time is not in the split.
        every: Use every n-th initial time.
        members: Values of number; default all.
        chunk: Steps between two writes, and number of lead times in a chunk of the store.
        batch: Number of states that are forecast together.
        limit: Distance from the mean, in standard deviations, beyond which a forecast has diverged.
    """

    model: Annotated[str, tyro.conf.Positional]
    states: str
    out: str
    rename: tuple[str, ...] = ()
    steps: int = 40
    times: tuple[str, ...] = ()
    period: Literal["all", "training", "validation", "test"] = "all"
    verified: bool = False
    every: int = 1
    members: tuple[int, ...] = ()
    chunk: int = 8
    batch: int = 8
    limit: float = 30.0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"members": 0, **dict.fromkeys(("steps", "every", "chunk", "batch"), 1)})
        checks.number_members(self, positive=("limit",))
        dates("times", self.times)


FORECAST = Help(ForecastOptions, _TEXT, common=("steps", "times", "period", "every", "verified"))
