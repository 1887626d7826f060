"""`wxsphere plot maps`, `spectra`, `curves` and `learning`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
import xarray as xr

from spinnn import checks, command
from spinnn.plots import check_picture, learning_curve, save_figure

from .. import _checks
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, WINDS
from .._files.netcdf import read_netcdf
from .._files.open import check_variables, open_dataset, open_each
from .._maps.animation import SUFFIXES, animate_maps
from .._maps.figure import map_figure
from .._maps.labels import lead_label, unit_of
from .._maps.options import MapOptions
from .._maps.projections import Projection
from .._maps.selection import choose, matching
from .._maps.style import EXTRA, Theme, style
from .._model.task import hours_of
from .._prepare.prepared import FIELDS
from .._report.figures import Kind, curves, spectra
from .._report.quantities import Quantity, headlines, quantities_of
from .._scores.spectra import power_spectra
from ._dates import dates
from ._renames import renames

_MAPS_TEXT = """Draw maps of the fields of a store at one time, winds as speed and arrows.

examples:
  wxsphere plot maps era5-5.6 --variables wind 2m_temperature --contours geopotential --time 2020-01-01T12
  wxsphere plot maps forecast.zarr --lead 72 --projection robinson --beside data --out day-3.png
  wxsphere plot maps forecast.zarr --lead 72 --minus data --variables temperature --level 850 --out error.png
  wxsphere plot maps forecast.zarr --projection lambert_azimuthal --center 45 -100 --out forecast.gif"""
_SPECTRA_TEXT = """Draw power spectra of scalars and kinetic energy spectra of winds at one time and some lead times.

examples:
  wxsphere plot spectra forecast.zarr --level 500 --leads 6 72 240 --out spectra.png
  wxsphere plot spectra forecast.zarr --truth data --leads 6 72 240 --out ratios.png"""
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
        store: Store, file, folder of prepared data or name of the catalogue.
        out: Picture, .png, .svg or .pdf; or an animation of all lead times or times, .gif or .mp4 (needs ffmpeg).
        rename: OLD=NEW: names in the store and names in WeatherBench 2, for those that are not recognised.
        variables: Names of variables, "wind" or "10m_wind"; default up to six fields, winds first.
        level: Level [hPa]; default that nearest to 500.
        time: Time, of which the nearest in the store is drawn; default the first.
        lead: Lead time [hours]; default the first.
        member: Member of an ensemble; default the first.
        projection: Projection of the maps.
        center: Latitude and longitude of the center [degrees]: of maps of the globe 0 LON, of polar ones 90 or -90 LON.
        radius_deg: Distance from the center that polar and Lambert maps show [degrees].
        contours: Scalar that is drawn as lines over the colours; geopotential in dam.
        beside: Store whose fields at the same valid time are drawn beside, with the same colours.
        minus: Store whose fields at the same valid time are subtracted.
        coast: Draw coastlines.
        smooth: Draw smooth fields from their coefficients instead of a block per point.
        columns: Maps in a row.
        theme: Dark pictures are for dark pages: light text on nothing.
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
    center: tuple[float, float] | None = None
    radius_deg: float | None = None
    contours: str | None = None
    beside: str | None = None
    minus: str | None = None
    coast: bool = True
    smooth: bool = True
    columns: int = 2
    theme: Theme = "light"

    def __post_init__(self) -> None:
        check_picture("out", self.out, SUFFIXES)
        checks.integer_members(self, {"member": 0, "columns": 1})
        dates("time", () if self.time is None else (self.time,))
        checks.number_members(self, positive=("level", "radius_deg"), not_negative=("lead",))
        _ = self.map_options

    @property
    def map_options(self) -> MapOptions:
        """Options of `map_figure`."""
        same = {field.name for field in dataclasses.fields(MapOptions)} & {x.name for x in dataclasses.fields(self)}
        return MapOptions(lead_hours=self.lead, **{name: getattr(self, name) for name in same})


@dataclasses.dataclass(frozen=True)
class SpectraOptions:
    """Options of `wxsphere plot spectra`.

    Attributes:
        store: Store, file or name of the catalogue.
        out: Picture, .png, .svg or .pdf.
        truth: Store with the truth; draws the ratio to its spectra at the valid times beside the spectra.
        rename: OLD=NEW: names in the store and names in WeatherBench 2, for those that are not recognised.
        variables: Names of variables; default all. Both components of a wind add its kinetic energy.
        level: Level [hPa]; default that nearest to 500.
        time: Time, of which the nearest in the store is used; default the first.
        leads: Lead times [hours]; default four, evenly spaced.
        member: Member of an ensemble; default the first.
        theme: Dark pictures are for dark pages: light text on nothing.
    """

    store: Annotated[str, tyro.conf.Positional]
    out: str = "spectra.png"
    truth: str | None = None
    rename: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    level: float | None = None
    time: str | None = None
    leads: tuple[float, ...] = ()
    member: int | None = None
    theme: Theme = "light"

    def __post_init__(self) -> None:
        check_picture("out", self.out)
        checks.integer_members(self, {"member": 0})
        dates("time", () if self.time is None else (self.time,))
        checks.number_members(self, positive=("level",), not_negative=("leads",))


@dataclasses.dataclass(frozen=True)
class CurvesOptions:
    """Options of `wxsphere plot curves`.

    Attributes:
        scores: File scores.nc, or its folder.
        out: Picture, .png, .svg or .pdf; default in the folder of the scores.
        metric: Name of a metric.
        region: Name of a region; default the first.
        variables: Names of variables; default the headline variables of forecast verification.
        theme: Dark pictures are for dark pages: light text on nothing.
    """

    scores: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    metric: str = "rmse"
    region: str | None = None
    variables: tuple[str, ...] = ()
    theme: Theme = "light"

    def __post_init__(self) -> None:
        check_picture("out", self.out)


@dataclasses.dataclass(frozen=True)
class LearningOptions:
    """Options of `wxsphere plot learning`.

    Attributes:
        run: Folder of the run.
        out: Picture, .png, .svg or .pdf; default in the folder.
        theme: Dark pictures are for dark pages: light text on nothing.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str | None = None
    theme: Theme = "light"

    def __post_init__(self) -> None:
        check_picture("out", self.out)


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    program = f"wxsphere {name}"
    if name == "plot maps":
        return _maps(command.parse(MapsOptions, program, words, _MAPS_TEXT))
    if name == "plot spectra":
        of_spectra = command.parse(SpectraOptions, program, words, _SPECTRA_TEXT)
        figure, out = _spectra(of_spectra), of_spectra.out
    elif name == "plot curves":
        of_curves = command.parse(CurvesOptions, program, words, _CURVES_TEXT)
        figure, out = _curves(of_curves)
    else:
        of_learning = command.parse(LearningOptions, program, words, _LEARNING_TEXT)
        run = Path(of_learning.run)
        with style(of_learning.theme):
            figure = learning_curve(_metrics_of(run), EXTRA, units=_units_of(run))
        out = of_learning.out or str(run / "learning-curve.png")
    command.say(f"wrote {save_figure(figure, out)}")
    return 0


def _metrics_of(run: Path) -> list[Path]:
    """Files with the metrics of a run, in the order of its stages."""
    stages = sorted(run.glob("stage-*/metrics.jsonl"), key=lambda path: int(path.parent.name.removeprefix("stage-")))
    return stages or [run / "metrics.jsonl"]


def _units_of(run: Path) -> dict[str, str]:
    """Units of validation errors, from the prepared data of the run, if they are still where they were."""
    try:
        source = json.loads((run / "options.json").read_text(encoding="utf-8"))["data"]
        # A path from the folder where training ran, or data that were moved along with the run.
        places = [Path(source), run.parent / Path(source).name]
        fields = next(one for one in (place / FIELDS for place in places) if one.is_dir())
        known = open_dataset(fields)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return {}
    units = {str(name): unit_of(field) for name, field in known.data_vars.items()}
    pairs = {f"{u}+{v}": units.get(u, "") for u in units for v in units if units[u] == units[v]}
    return {f"rmse_{name}": unit for name, unit in (units | pairs).items()}


def _sources(words: Sequence[str], rename: tuple[str, ...]) -> list[xr.Dataset]:
    """Open stores and folders of prepared data."""
    fields = [Path(word) / FIELDS for word in words]
    named = [str(one) if one.is_dir() else word for one, word in zip(fields, words, strict=True)]
    return list(open_each(named, rename=renames(rename)))


def _lead(hours: float, there: np.ndarray) -> np.timedelta64:
    wanted = hours_of(hours)
    if wanted not in there:
        raise ValueError(
            f"`lead` must be one of the store's, {lead_label(there[0])} … {lead_label(there[-1])}, got {hours:g} h"
        )
    return wanted


def _leads(hours: tuple[float, ...], there: np.ndarray) -> np.ndarray:
    """The given lead times; by default up to four, evenly spaced."""
    if hours:
        return np.array([_lead(one, there) for one in hours])
    return there if there.size <= 4 else there[np.linspace(0, there.size - 1, 4).round().astype(int)]


def _spectra(options: SpectraOptions) -> Any:
    first, *more = _sources([options.store, *([] if options.truth is None else [options.truth])], options.rename)
    when = None if options.time is None else dates("time", (options.time,))[0]
    chosen = choose(first, level=options.level, time=when, member=options.member, keep_leads=True)
    dataset = chosen.fields
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
        fields = [str(name) for name, field in dataset.data_vars.items() if whole <= set(field.dims)]
        wanted = [name for name in fields if name not in chosen.static] or fields
    source = _short(options.store)
    found = {source: power_spectra(dataset[wanted].load(), wanted)}
    if more:
        check_variables("variables", wanted, more[0])
        at = {"name": "truth", "level": options.level, "member": options.member}
        truth = [
            matching(more[0], chosen._replace(fields=dataset.sel({LEAD: lead})), **at).fields[wanted].load()
            for lead in leads
        ]
        stacked = xr.concat([_bare(one) for one in truth], xr.DataArray(leads, dims=LEAD, name=LEAD))
        found["truth"] = power_spectra(stacked, wanted)
    both = xr.concat(
        [_bare(one) for one in found.values()], xr.DataArray(list(found), dims="source", name="source"), join="inner"
    )
    of_wind = {wind: chosen.levels[parts[0]] for wind, parts in WINDS.items() if parts[0] in chosen.levels}
    levels = chosen.levels | of_wind
    quantities = [Quantity(str(name), levels.get(str(name))) for name in both.data_vars]
    drawn = {
        f"{name}_spectrum": field if levels.get(str(name)) is None else field.expand_dims({LEVEL: [levels[str(name)]]})
        for name, field in both.data_vars.items()
    }
    units = {name: ((), 0.0, dataset[name].attrs) for name in wanted}
    kinds: tuple[Kind, ...] = ("ratio", "power") if more else ("power",)
    columns = 2 if more else 3
    result = xr.Dataset({**units, **drawn})
    return spectra(result, headlines(quantities), source, leads, kinds=kinds, theme=options.theme, columns=columns)


def _bare(dataset: xr.Dataset) -> xr.Dataset:
    """A dataset without the coordinates that are no dimensions."""
    return dataset.drop_vars([name for name in dataset.coords if name not in dataset.dims])


def _maps(options: MapsOptions) -> int:
    others = [word for word in (options.beside, options.minus) if word is not None]
    first, *more = _sources([options.store, *others], options.rename)
    beside = more[0] if options.beside is not None else None
    minus = more[-1] if options.minus is not None else None
    fields = first if beside is None else {_short(options.store): first, _short(options.beside or ""): beside}
    given = (options.variables, options.map_options)
    if Path(options.out).suffix.lower() in SUFFIXES:
        written = animate_maps(fields, options.out, *given, minus=minus)
    else:
        written = save_figure(map_figure(fields, *given, minus=minus), options.out)
    command.say(f"wrote {written}")
    return 0


def _short(source: str) -> str:
    """Label of a store: the end of its path without suffix."""
    return Path(source).stem or source


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
    figure = curves(result, chosen, options.metric, options.region, theme=options.theme)
    return figure, options.out or str(path.with_name(f"{options.metric}.png"))
