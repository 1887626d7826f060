"""`wxsphere prepare`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import tyro

from spinnn import checks, command

from .._conventions.grids import grid_named
from .._conventions.names import LEVEL
from .._prepare.options import PrepareOptions
from .._prepare.prepare import prepare
from .._prepare.prepared import Prepared
from .._prepare.regrid import Method
from ._renames import renames

_TEXT = """Bring part of a store to a grid, with statistics of the training period, as a folder that training reads.

The source is read in blocks, so it may have any size. The same command again resumes where it stopped. The folder gets
fields.zarr, statistics.nc and, when all is done, manifest.json. Winds are regridded as one field of spin 1; constants
(land-sea mask, orography, sine of latitude, sine and cosine of longitude) are added. Points without a value, gaps in
time and impossible units are refused, in one line that names what and where.

examples:
  wxsphere prepare flow.zarr --out data/flow --training 2000-01 2000-09 --validation 2000-10 2000-12
  wxsphere prepare era5-1.5 --out data/era5 --variables geopotential u_component_of_wind v_component_of_wind \\
      --levels 500 850 --training 1979 2016 --validation 2017 2017 --test 2018 2018 --grid 64x128+gauss
  wxsphere prepare gs://bucket/era5-1h.zarr --out data/daily --variables 2m_temperature --daily-mean --grid 32x64 \\
      --method conservative
  wxsphere prepare members.nc --out data/members --members 0 1 2 --grid 32x64+gauss"""


@dataclasses.dataclass(frozen=True)
class PrepareCommand:
    """Options of `wxsphere prepare`.

    Attributes:
        source: Paths, URLs, or one name of the catalogue; several files are combined.
        out: Folder of the prepared data.
        variables: Variables, by their names in WeatherBench 2; default all with time. total_precipitation_6hr, _24hr
            are summed from shorter ones.
        rename: OLD=NEW, names in the files to those of WeatherBench 2, for what is not found by itself.
        levels: Pressure levels, hPa; default all.
        members: Members of an ensemble; default all.
        training: First and last time of the training split, to the precision they are written with: 1979 2016 ends
            with 2016. Default all times.
        validation: First and last time of the validation split; default none.
        test: First and last time of the test split; default none.
        cadence_hours: Time between two states; default the source's, or 24 of daily means.
        daily_mean: Average the times of each day from 0 UTC.
        grid: NLATxNLON for rings at cell centres, NLATxNLON+poles, NLATxNLON+gauss, or "source".
        method: Spectral truncation, or first-order conservative.
        bandlimit: Degrees kept by the spectral method; default what both grids resolve.
        chunk: Times in a chunk of the store.
        check: Refuse a source whose first time has wrong units or other errors of the audit.
        allow_gaps: Accept splits with missing times.
        scheduler: "threads", "synchronous", or the address of a Dask scheduler.
        memory_gib: Memory for a block of times, GiB.
    """

    source: Annotated[tuple[str, ...], tyro.conf.Positional]
    out: str
    variables: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    members: tuple[int, ...] = ()
    training: tuple[str, str] | None = None
    validation: tuple[str, str] | None = None
    test: tuple[str, str] | None = None
    cadence_hours: float | None = None
    daily_mean: bool = False
    grid: str = "source"
    method: Method = "spectral"
    bandlimit: int | None = None
    chunk: int = 8
    check: bool = True
    allow_gaps: bool = False
    scheduler: str = "threads"
    memory_gib: float = 1.0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"bandlimit": 1, "chunk": 1, "members": 0})
        checks.number_members(self, positive=("levels", "cadence_hours", "memory_gib"))

    def prepare_options(self) -> PrepareOptions:
        """The options of the function `prepare`."""
        return PrepareOptions(
            variables=self.variables or None,
            levels=self.levels or None,
            members=self.members or None,
            training=self.training,
            validation=self.validation,
            test=self.test,
            cadence_hours=self.cadence_hours,
            daily_mean=self.daily_mean,
            grid=None if self.grid == "source" else grid_named(self.grid, "source"),
            method=self.method,
            bandlimit=self.bandlimit,
            chunk=self.chunk,
            check=self.check,
            allow_gaps=self.allow_gaps,
            rename=renames(self.rename),
            scheduler=self.scheduler,
            memory_gib=self.memory_gib,
        )


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(PrepareCommand, f"wxsphere {name}", words, _TEXT)
    if not options.source:
        raise ValueError("`source` must name a store or file")
    data = prepare(
        options.source[0] if len(options.source) == 1 else list(options.source),
        options.out,
        options.prepare_options(),
        progress=lambda done, total: command.say(f"{done} of {total} times"),
    )
    _report(data)
    return 0


def _report(data: Prepared) -> None:
    sizes = {period: data.times(period).size for period in ("training", "validation", "test")}
    told = ", ".join(f"{size} for {period}" for period, size in sizes.items() if size)
    command.say(f"{data.grid}; {told}, {data.manifest['cadence_hours']:g} h apart")
    rows = []
    for variable in data.variables:
        field = data.statistics[variable]
        levels = field[LEVEL].values if LEVEL in field.dims else [None]
        table = np.asarray(field.values).reshape(4, -1).T
        for level, values in zip(levels, table, strict=True):
            label = variable if level is None else f"{variable} {level:g}"
            rows.append((label, *(command.figure(float(value)) for value in values[[0, 1, 3]])))
    unit = f"change in {data.manifest['cadence_hours']:g} h"
    command.table("statistics of the training times", ("variable, level", "mean", "deviation", unit), rows)
    command.say(f"wrote {data.path}")
