"""`wxsphere plot maps`, `spectra`, `curves` and `learning`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
import xarray as xr

from spinnn import checks, command
from spinnn.plots import check_png, learning_curve, save_figure

from .. import _checks
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME, WINDS
from .._files.netcdf import read_netcdf
from .._files.open import check_variables, open_dataset
from .._model.task import hours_of
from .._report.figures import Quantity, curves, field_figure, headlines, lead_label, quantities_of, spectra
from .._report.maps import EXTRA, Projection
from .._scores.spectra import power_spectra
from ._dates import dates
from ._renames import renames

_MAPS_TEXT = """Draw maps of the fields of a store at one time, winds as speed and arrows.

examples:
  wxsphere plot maps era5-5.6 --variables geopotential wind --level 500 --time 2020-01-01T12 --out maps.png
  wxsphere plot maps forecast.zarr --lead 72 --projection mollweide --out day-3.png"""
_SPECTRA_TEXT = """Draw power spectra of scalars and kinetic energy spectra of winds at one time and some lead times.

example:
  wxsphere plot spectra forecast.zarr --level 500 --leads 6 72 240 --out spectra.png"""
_CURVES_TEXT = """Draw scores by lead time, from the scores.nc of `wxsphere evaluate`.

example:
  wxsphere plot curves scores --metric acc --region europe --out acc.png"""
_LEARNING_TEXT = """Draw loss and validation errors by step, from the metrics.jsonl of all stages of a run.

example:
  wxsphere plot learning runs/unet"""


@dataclasses.dataclass(frozen=True)
class MapsOptions:
    """Options of `wxsphere plot maps`.

    Attributes:
        store: Store, file or name of the catalogue.
        out: Image file, .png.
        rename: OLD=NEW: names in the store and names in WeatherBench 2, for those that are not recognised.
        variables: Names of variables, "wind" or "10m_wind"; default up to six fields, winds first.
        level: Level [hPa]; default that nearest to 500.
        time: Time, of which the nearest in the store is drawn; default the first.
        lead: Lead time [hours]; default the first.
        member: Member of an ensemble; default the first.
        projection: Projection of the maps.
    """

    store: Annotated[str, tyro.conf.Positional]
    out: str = "maps.png"
    rename: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    level: float | None = None
    time: str | None = None
    lead: float | None = None
    member: int | None = None
    projection: Projection = "equirectangular"

    def __post_init__(self) -> None:
        check_png("out", self.out)
        checks.integer_members(self, {"member": 0})
        dates("time", () if self.time is None else (self.time,))
        checks.number_members(self, positive=("level",), not_negative=("lead",))


@dataclasses.dataclass(frozen=True)
class SpectraOptions:
    """Options of `wxsphere plot spectra`.

    Attributes:
        store: Store, file or name of the catalogue.
        out: Image file, .png.
        rename: OLD=NEW: names in the store and names in WeatherBench 2, for those that are not recognised.
        variables: Names of variables; default all. Both components of a wind add its kinetic energy.
        level: Level [hPa]; default that nearest to 500.
        time: Time, of which the nearest in the store is used; default the first.
        leads: Lead times [hours]; default four, evenly spaced.
        member: Member of an ensemble; default the first.
    """

    store: Annotated[str, tyro.conf.Positional]
    out: str = "spectra.png"
    rename: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    level: float | None = None
    time: str | None = None
    leads: tuple[float, ...] = ()
    member: int | None = None

    def __post_init__(self) -> None:
        check_png("out", self.out)
        checks.integer_members(self, {"member": 0})
        dates("time", () if self.time is None else (self.time,))
        checks.number_members(self, positive=("level",), not_negative=("leads",))


@dataclasses.dataclass(frozen=True)
class CurvesOptions:
    """Options of `wxsphere plot curves`.

    Attributes:
        scores: File scores.nc, or its folder.
        out: Image file, .png; default in the folder of the scores.
        metric: Name of a metric.
        region: Name of a region; default the first.
        variables: Names of variables; default the headline variables of forecast verification.
    """

    scores: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    metric: str = "rmse"
    region: str | None = None
    variables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_png("out", self.out)


@dataclasses.dataclass(frozen=True)
class LearningOptions:
    """Options of `wxsphere plot learning`.

    Attributes:
        run: Folder of the run.
        out: Image file, .png; default in the folder.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str | None = None

    def __post_init__(self) -> None:
        check_png("out", self.out)


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    program = f"wxsphere {name}"
    if name == "plot maps":
        of_maps = command.parse(MapsOptions, program, words, _MAPS_TEXT)
        figure, out = _maps(of_maps), of_maps.out
    elif name == "plot spectra":
        of_spectra = command.parse(SpectraOptions, program, words, _SPECTRA_TEXT)
        figure, out = _spectra(of_spectra), of_spectra.out
    elif name == "plot curves":
        of_curves = command.parse(CurvesOptions, program, words, _CURVES_TEXT)
        figure, out = _curves(of_curves)
    else:
        of_learning = command.parse(LearningOptions, program, words, _LEARNING_TEXT)
        figure = learning_curve(_metrics_of(Path(of_learning.run)), EXTRA)
        out = of_learning.out or str(Path(of_learning.run) / "learning-curve.png")
    command.say(f"wrote {save_figure(figure, out)}")
    return 0


def _metrics_of(run: Path) -> list[Path]:
    """Files with the metrics of a run, in the order of its stages."""
    stages = sorted(run.glob("stage-*/metrics.jsonl"), key=lambda path: int(path.parent.name.removeprefix("stage-")))
    return stages or [run / "metrics.jsonl"]


def _chosen(dataset: xr.Dataset, level: float | None, time: str | None, member: int | None) -> tuple[xr.Dataset, str]:
    """Select one time, level and member; also their description."""
    words = []
    if TIME in dataset.dims:
        _checks.dimensions("store", dataset, (TIME,))
        at = 0
        if time is not None:
            at = int(np.abs(dataset[TIME].values - dates("time", (time,))[0]).argmin())
        dataset = dataset.isel({TIME: at})
        words.append(np.datetime_as_string(dataset[TIME].values, "m"))
    if MEMBER in dataset.dims:
        at = 0
        if member is not None:
            there = dataset[MEMBER].values.tolist()
            _checks.option("member", member, there)
            at = there.index(member)
        dataset = dataset.isel({MEMBER: at})
        words.append(f"member {dataset[MEMBER].item() if MEMBER in dataset.coords else at}")
    if LEVEL in dataset.dims:
        there = dataset[LEVEL].values
        if level is not None and level not in there:
            raise ValueError(f"`level` must be one of {', '.join(f'{x:g}' for x in there)} hPa, got {level:g}")
        dataset = dataset.sel({LEVEL: there[np.abs(there - 500).argmin()] if level is None else level})
        words.append(f"{float(dataset[LEVEL]):g} hPa")
    return dataset, ", ".join(words)


def _lead(hours: float, there: np.ndarray) -> np.timedelta64:
    wanted = hours_of(hours)
    if wanted not in there:
        raise ValueError(
            f"`lead` must be one of the store's, {lead_label(there[0])} … {lead_label(there[-1])}, got {hours:g} h"
        )
    return wanted


def _opened(options: MapsOptions | SpectraOptions) -> tuple[xr.Dataset, str]:
    """Open the store at one time, level and member; also their description."""
    dataset = open_dataset(options.store, rename=renames(options.rename))
    return _chosen(dataset, options.level, options.time, options.member)


def _leads(hours: tuple[float, ...], there: np.ndarray) -> np.ndarray:
    """The given lead times; by default up to four, evenly spaced."""
    if hours:
        return np.array([_lead(one, there) for one in hours])
    return there if there.size <= 4 else there[np.linspace(0, there.size - 1, 4).round().astype(int)]


def _maps(options: MapsOptions) -> Any:
    dataset, words = _opened(options)
    if LEAD in dataset.dims:
        there = dataset[LEAD].values
        lead = there[0] if options.lead is None else _lead(options.lead, there)
        dataset = dataset.sel({LEAD: lead})
        words += f", lead time {lead_label(lead)}"
    there = [str(name) for name, field in dataset.data_vars.items() if set(field.dims) == {LATITUDE, LONGITUDE}]
    names = _fields_to_draw(dataset, there, options.variables)
    read = [part for name in names for part in WINDS.get(name, (name,))]
    fields = dataset[list(dict.fromkeys([*read, *(["land_sea_mask"] if "land_sea_mask" in there else [])]))].load()
    return field_figure(fields, names, words, options.projection)


def _fields_to_draw(dataset: xr.Dataset, there: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Names of the given fields and winds; by default up to six, those that vary in time if there are any."""
    winds = [wind for wind, parts in WINDS.items() if all(part in there for part in parts)]
    if wanted:
        check_variables("variables", [name for name in wanted if name not in winds], dataset[there])
        return list(wanted)
    components = [part for wind in winds for part in WINDS[wind]]
    dynamic = [name for name in there if name not in components and TIME in dataset[name].coords]
    names = [*winds, *(dynamic or [name for name in there if name not in components])][:6]
    if not names:
        raise ValueError(f"`store` must have fields over latitude and longitude, got {dict(dataset.sizes)}")
    return names


def _spectra(options: SpectraOptions) -> Any:
    dataset, words = _opened(options)
    if LEAD in dataset.dims:
        leads = _leads(options.leads, dataset[LEAD].values)
        dataset = dataset.sel({LEAD: leads})
    else:
        if options.leads:
            raise ValueError(f"`leads` must not be given for a store without lead times, got {options.leads}")
        leads = np.array([0], "timedelta64[ns]")
        dataset = dataset.expand_dims({LEAD: leads})
    if options.variables:
        wanted = check_variables("variables", options.variables, dataset)
    else:
        whole = {LATITUDE, LONGITUDE}
        fields = {str(name): field for name, field in dataset.data_vars.items() if whole <= set(field.dims)}
        wanted = [name for name, field in fields.items() if TIME in field.coords] or list(fields)
    found = power_spectra(dataset[wanted].load(), wanted)
    units = xr.Dataset({name: dataset[name] for name in wanted})
    chosen = headlines([Quantity(str(name), None) for name in found.data_vars])
    named = found.rename({name: f"{name}_spectrum" for name in found.data_vars}).expand_dims(source=[words])
    return spectra(units.merge(named, compat="override", join="outer"), chosen, words, leads)


def _curves(options: CurvesOptions) -> tuple[Any, str]:
    path = Path(options.scores)
    path = path / "scores.nc" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `wxsphere evaluate` writes it")
    result = read_netcdf(path)
    if not {"metric", "region", "forecast"} <= set(result.dims):
        raise ValueError(f"{path} must hold scores of `wxsphere evaluate`, got dimensions {dict(result.sizes)}")
    _checks.option("metric", options.metric, result["metric"].values.tolist())
    if options.region is not None:
        _checks.option("region", options.region, result["region"].values.tolist())
    found = quantities_of(result)
    if options.variables:
        check_variables("variables", options.variables, result)
        chosen = [one for one in found if one.name in options.variables]
    else:
        chosen = headlines(found)
    figure = curves(result, chosen, options.metric, options.region)
    return figure, options.out or str(path.with_name(f"{options.metric}.png"))
