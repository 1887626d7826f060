"""Options and help of `wxsphere prepare`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import tyro

from spinnn import checks
from spinnn.command import Help

from .._choices import Method

if TYPE_CHECKING:
    from .._prepare.options import PrepareOptions

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
        # They need JAX and xarray, which the help does not.
        from .._conventions.grids import grid_named
        from .._prepare.options import PrepareOptions
        from .renames import renames

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


_COMMON = ("variables", "levels", "training", "validation", "test", "grid", "method")
PREPARE = Help(PrepareCommand, _TEXT, _COMMON)
