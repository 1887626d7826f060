"""Options and help of `wxsphere evaluate`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import tyro

from spinnn import checks
from spinnn.command import Help

from .._choices import Convention

if TYPE_CHECKING:
    from .._scores.options import EvaluateOptions

_TEXT = """Score forecasts against truth, beside persistence and climatology.

FORECAST, --truth and --climatology are stores, files or names of the catalogue. All must be on one grid; `wxsphere
regrid` brings a store to another. What not all of them have is left out, with a note. Forecasts with members
(`number`) are ensembles; if truth has members too, each member is compared with the truth of the same number. Writes
scores.nc, maps.nc and report.html into the folder --out, and prints a table.

examples:
  wxsphere evaluate forecast.zarr --truth era5.zarr --climatology-years 1990 2019 --out scores
  wxsphere evaluate sphericalcnn-1.5 hres-1.5 --truth era5-1.5 --climatology climatology-1990-2019-1.5 --out scores \\
      --bootstrap 1000 --block 10 --spectra
  wxsphere evaluate cut-off.zarr --truth era5.zarr --partial --leads 24 72 120 --out scores"""


@dataclasses.dataclass(frozen=True)
class EvaluateCommand:
    """Options of `wxsphere evaluate`.

    Attributes:
        forecast: Forecasts, each compared on what all have in common.
        truth: Analyses.
        out: Folder for the results.
        rename: OLD=NEW, names in any of the sources to those of WeatherBench 2, for what is not found by itself.
        names: Names of the forecasts in tables and figures; default those of the files.
        climatology: Climatology by hour and day of year; without one, correlations are not defined.
        climatology_years: First and last year of truth to compute it from.
        variables: Variables to score; default all that are common.
        levels: Pressure levels, hPa; default all that are common.
        leads: Lead times, hours; default all that are common.
        regions: Regions, by the names of WeatherBench 2.
        metrics: Scores to compute; default all. rmse is always among them.
        reference: Forecast or baseline that the scorecard compares with.
        bootstrap: Draws for intervals; 0 for none.
        block: Initial times in a block of the bootstrap.
        seed: Seed of the bootstrap.
        spectra: Add power and kinetic-energy spectra by lead time.
        map_leads: Lead times of the maps of errors, hours; default the one nearest 72.
        convention: Convention of the area weights.
        skipna: Leave out points without a value.
        drop_missing: Leave out initial times for which truth lacks a valid time.
        partial: Score what is complete of forecasts that were cut off.
        memory_gib: Memory for a block of fields, GiB.
        coast: Draw coastlines on maps of errors.
        title: Title of the report.
    """

    forecast: Annotated[tuple[str, ...], tyro.conf.Positional]
    truth: str
    out: str
    rename: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    climatology: str | None = None
    climatology_years: tuple[int, int] | None = None
    variables: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    leads: tuple[float, ...] = ()
    regions: tuple[str, ...] = ("global", "tropics", "extra-tropics")
    metrics: tuple[str, ...] = ()
    reference: str = "persistence"
    bootstrap: int = 0
    block: int = 1
    seed: int = 0
    spectra: bool = False
    map_leads: tuple[float, ...] = ()
    convention: Convention = "wb2"
    skipna: bool = False
    drop_missing: bool = False
    partial: bool = False
    memory_gib: float = 0.25
    coast: bool = True
    title: str = "Forecast evaluation"

    def __post_init__(self) -> None:
        checks.integer_members(self, {"bootstrap": 0, "block": 1, "seed": 0, "climatology_years": 1})
        checks.number_members(self, positive=("levels", "memory_gib"), not_negative=("leads", "map_leads"))

    def evaluate_options(self) -> EvaluateOptions:
        """The options of the function `evaluate`."""
        # They need JAX and xarray, which the help does not.
        from .._scores.metrics import METRICS
        from .._scores.options import EvaluateOptions

        metrics = self.metrics or tuple(METRICS)
        return EvaluateOptions(
            variables=self.variables or None,
            regions=self.regions,
            convention=self.convention,
            skipna=self.skipna,
            missing="drop" if self.drop_missing else "raise",
            partial=self.partial,
            memory_gib=self.memory_gib,
            metrics=metrics if "rmse" in metrics else ("rmse", *metrics),
            samples=self.bootstrap,
            block=self.block,
            seed=self.seed,
            reference=self.reference,
            spectra=self.spectra,
        )


_COMMON = (
    "names", "climatology", "climatology_years", "variables", "levels", "leads", "regions", "bootstrap", "spectra",
)  # fmt: skip
EVALUATE = Help(EvaluateCommand, _TEXT, _COMMON)
