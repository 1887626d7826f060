"""Options and help of `wxsphere regrid`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from spinnn import checks
from spinnn.command import Help

from .._choices import Method

_TEXT = """Regrid fields or forecasts, and write a zarr store in the layout of WeatherBench 2.

Times, lead times, members and levels are unchanged, so that forecasts can be scored on the grid of the truth.
Winds are regridded as one field of spin 1. For training data, use `wxsphere prepare`, which also regrids. The store
gets its name when it is complete; after an interruption, run the same command again: it starts over.

examples:
  wxsphere regrid forecast.zarr --grid 32x64+gauss --out forecast-32.zarr
  wxsphere regrid u.nc v.nc --grid 121x240+poles --method conservative --out wind.zarr"""


@dataclasses.dataclass(frozen=True)
class RegridOptions:
    """Options of `wxsphere regrid`.

    Attributes:
        source: Paths, URLs, or a name of the catalogue; several files are combined.
        grid: NLATxNLON for rings at cell centres, NLATxNLON+poles, or NLATxNLON+gauss.
        out: Folder of the store.
        variables: Variables by their names in WeatherBench 2; default all.
        rename: OLD=NEW: names in the files and names in WeatherBench 2, for those that are not recognised.
        levels: Levels [hPa]; default all.
        method: Spectral truncation, or first-order conservative.
        bandlimit: Number of degrees that the spectral method keeps; default all that both grids resolve.
    """

    source: Annotated[tuple[str, ...], tyro.conf.Positional]
    grid: str
    out: str
    variables: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    method: Method = "spectral"
    bandlimit: int | None = None

    def __post_init__(self) -> None:
        checks.integer_members(self, {"bandlimit": 1})
        checks.number_members(self, positive=("levels",))


REGRID = Help(RegridOptions, _TEXT, common=())
