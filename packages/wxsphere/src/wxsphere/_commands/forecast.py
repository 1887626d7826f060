"""`wxsphere forecast`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spinnn import command

from .._conventions.names import MEMBER, TIME
from .._files.open import open_dataset
from .._model.forecast import forecast, initial_times
from .._model.forecast_model import ForecastModel
from .._model.task import hours_of
from .._options.forecast import FORECAST, ForecastOptions
from .._prepare.prepared import MANIFEST, open_prepared
from ._dates import dates
from ._renames import renames


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(ForecastOptions, f"wxsphere {name}", words, FORECAST)
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
    with command.progress("forecasting", "steps") as progress:
        path = forecast(
            model,
            states,
            options.out,
            steps=options.steps,
            times=times,
            chunk=options.chunk,
            batch=options.batch,
            limit=options.limit,
            progress=progress,
        )
    command.say(f"wrote {path}")
    return 0
