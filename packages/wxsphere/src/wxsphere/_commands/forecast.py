"""`wxsphere forecast`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from spinnn import checks, command

from .._conventions.names import MEMBER, TIME
from .._files.open import open_dataset
from .._model.forecast import forecast, initial_times
from .._model.forecast_model import ForecastModel
from .._model.task import hours_of
from .._prepare.prepared import MANIFEST, open_prepared
from ._dates import dates
from ._renames import renames

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


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(ForecastOptions, f"wxsphere {name}", words, _TEXT)
    model = ForecastModel.load(options.model)
    prepared = open_prepared(options.states) if (Path(options.states) / MANIFEST).exists() else None
    given = renames(options.rename)
    if prepared is not None and given:
        raise ValueError(f"`rename` must not be given for a folder of `wxsphere prepare`, got {options.states}")
    states = open_dataset(options.states, rename=given) if prepared is None else prepared.fields
    if options.members:
        if MEMBER not in states.dims:
            raise ValueError(f"`members` needs states with a dimension {MEMBER!r}, got {dict(states.sizes)}")
        states = states.sel({MEMBER: list(options.members)})
    model.check(states)
    inside = states
    if options.period != "all":
        if prepared is None:
            raise ValueError(f"`period` needs a folder of `wxsphere prepare`, got {options.states}")
        inside = states.sel({TIME: prepared.times(options.period)})
        if not inside.sizes[TIME]:
            raise ValueError(f"`period` must have times in {options.states}, got {options.period}, which has none")
    times = dates("times", options.times) if options.times else initial_times(model, inside)
    if options.verified:
        last = times + model.step * (options.steps - 1) + hours_of(model.task.leads[-1])
        times = times[np.isin(last, inside[TIME].values)]
        if not times.size:
            raise ValueError(f"`steps` must end within the period for at least one initial time, got {options.steps}")
    times = times[:: options.every]
    command.say(f"{times.size} initial times, {times[0].astype('datetime64[m]')} … {times[-1].astype('datetime64[m]')}")
    path = forecast(
        model,
        states,
        options.out,
        steps=options.steps,
        times=times,
        chunk=options.chunk,
        batch=options.batch,
        limit=options.limit,
        progress=lambda done, total: command.say(f"{done} of {total} steps"),
    )
    command.say(f"wrote {path}")
    return 0
