"""`wxsphere evaluate`."""

from __future__ import annotations

import datetime
import functools
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from spinnn import command

from .. import _checks
from .._conventions.coordinates import positions
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .._files.catalogue import CATALOGUE
from .._files.netcdf import write_netcdf
from .._files.open import check_variables, open_each
from .._maps.labels import lead_label
from .._notices import DataWarning
from .._options.evaluate import EVALUATE, EvaluateCommand
from .._prepare.prepared import FIELDS
from .._report.quantities import BASELINES
from .._report.records import score_records
from .._report.report import write_report
from .._report.terminal import print_scores
from .._scores.climatology import climatology
from .._scores.error_maps import error_maps
from .._scores.evaluate import evaluate
from ._renames import renames

_FILES = ("scores.nc", "maps.nc", "report.html")
# Errors are drawn at the lead time nearest to this.
_MAP_LEAD = np.timedelta64(72, "h")


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(EvaluateCommand, f"wxsphere {name}", words, EVALUATE)
    opened = _opened(options)
    truth = _narrowed("truth", opened[options.truth], options)
    forecasts = _forecasts(options, opened)
    _check_choices(options, forecasts)
    usual = _climatology(options, opened, truth, forecasts)
    out = Path(options.out)
    result = evaluate(forecasts, truth, options.evaluate_options(), climatology=usual)
    details = _details(options, truth)
    result.attrs |= {key.lower().replace(" ", "_"): value for key, value in details.items()}
    maps = _maps(options, forecasts, truth, result)
    write_netcdf(result, out / "scores.nc")
    write_netcdf(maps, out / "maps.nc")
    write_report(
        result,
        out / "report.html",
        maps=maps,
        # A mask without land has no coast.
        land_sea_mask=None if options.coast else np.zeros((maps.sizes[LATITUDE], maps.sizes[LONGITUDE])),
        title=options.title,
        details=details,
        reference=options.reference,
        created=datetime.datetime.now(datetime.UTC),
    )
    print_scores(result)
    units = {str(name): field.attrs.get("units", "") for name, field in result.data_vars.items()}
    records = score_records(result) if command.is_machine_readable() else []
    command.result({"files": [str(out / name) for name in _FILES], "units": units, "scores": records})
    command.say(f"wrote {out / 'scores.nc'}, {out / 'maps.nc'} and {out / 'report.html'}")
    return 0


def _check_choices(options: EvaluateCommand, forecasts: dict[str, xr.Dataset]) -> None:
    """Check the reference and the lead times of maps before scores are computed."""
    usual = options.climatology is not None or options.climatology_years is not None
    _checks.option("reference", options.reference, [*forecasts, *(BASELINES if usual else BASELINES[:1])])
    leads = [one[LEAD].values if LEAD in one.dims else np.zeros(1, "timedelta64[ns]") for one in forecasts.values()]
    _check_map_leads(options, functools.reduce(np.intersect1d, leads))


def _check_map_leads(options: EvaluateCommand, leads: np.ndarray) -> np.ndarray:
    """The lead times to draw, which must be among those that are scored."""
    wanted = np.round(np.array(options.map_leads) * 3600e9).astype("timedelta64[ns]")
    if lacking := sorted(set(wanted) - set(leads)):
        raise ValueError(f"`map_leads` must be among the lead times that are scored, got {lead_label(lacking[0])}")
    return wanted


def _forecasts(options: EvaluateCommand, opened: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    if not options.forecast:
        raise ValueError("`forecast` must name at least one store or file")
    names = options.names or tuple(one if one in CATALOGUE else Path(one).stem for one in options.forecast)
    if len(names) != len(options.forecast):
        raise ValueError(f"`names` must be one for each of {len(options.forecast)} forecasts, got {len(names)}")
    if len(set(names)) != len(names) or {*names} & {"truth", *BASELINES}:
        raise ValueError(f"`names` must be distinct and none of truth, {', '.join(BASELINES)}, got {', '.join(names)}")
    wanted = np.round(np.array(options.leads) * 3600e9).astype("timedelta64[ns]")
    out = {}
    for name, source in zip(names, options.forecast, strict=True):
        one = _narrowed(name, opened[source], options)
        if wanted.size:
            there = one[LEAD].values if LEAD in one.dims else np.array([0], "timedelta64[ns]")
            if lacking := sorted(set(wanted) - set(there)):
                raise ValueError(
                    f"`leads` must be lead times of {source}, {lead_label(there[0])} … {lead_label(there[-1])}, got "
                    f"{lead_label(lacking[0])}"
                )
            one = one.sel({LEAD: np.sort(wanted)}) if LEAD in one.dims else one
        out[name] = one
    return out


def _opened(options: EvaluateCommand) -> dict[str, xr.Dataset]:
    """Open stores and folders of prepared data, by the words that name them."""
    if options.climatology is not None and options.climatology_years is not None:
        raise ValueError("`climatology` and `climatology-years` must not be given both")
    words = [options.truth, *options.forecast, *([] if options.climatology is None else [options.climatology])]
    fields = {word: Path(word) / FIELDS for word in words if word not in CATALOGUE}
    sources = [str(fields[word]) if word in fields and fields[word].is_dir() else word for word in words]
    return dict(zip(words, open_each(sources, rename=renames(options.rename)), strict=True))


def _narrowed(name: str, dataset: xr.Dataset, options: EvaluateCommand) -> xr.Dataset:
    """The chosen variables and levels of a dataset, and its land-sea mask."""
    if options.variables:
        names = check_variables("variables", options.variables, dataset)
        dataset = dataset[[*names, *(["land_sea_mask"] if "land_sea_mask" in dataset else [])]]
    if options.levels and LEVEL in dataset.dims:
        wanted = np.unique(options.levels)
        at = positions(LEVEL, wanted, dataset[LEVEL].values)
        if np.any(at < 0):
            there = ", ".join(f"{level:g}" for level in dataset[LEVEL].values)
            raise ValueError(f"`levels` must be in {name}, which has {there} hPa, got {wanted[at < 0][0]:g}")
        dataset = dataset.isel({LEVEL: at})
    return dataset


def _climatology(
    options: EvaluateCommand, opened: dict[str, xr.Dataset], truth: xr.Dataset, forecasts: dict[str, xr.Dataset]
) -> xr.Dataset | None:
    if options.climatology is not None:
        return _narrowed("climatology", opened[options.climatology], options)
    if options.climatology_years is None:
        return None
    common = set.intersection(*({str(name) for name in one.data_vars} for one in forecasts.values()))
    names = [str(name) for name, field in truth.data_vars.items() if name in common and TIME in field.dims]
    for one in forecasts.values():
        if LEVEL in one.dims and LEVEL in truth.dims:
            truth = truth.isel({LEVEL: positions(LEVEL, truth[LEVEL].values, one[LEVEL].values) >= 0})
    usual = climatology(truth, variables=names, years=options.climatology_years)
    return usual.mean(MEMBER) if MEMBER in usual.dims else usual


def _maps(
    options: EvaluateCommand, forecasts: dict[str, xr.Dataset], truth: xr.Dataset, result: xr.Dataset
) -> xr.Dataset:
    leads = result[LEAD].values
    wanted = _check_map_leads(options, leads)
    chosen = np.sort(wanted) if wanted.size else leads[[np.argmin(np.abs(leads - _MAP_LEAD))]]
    few = {}
    for name, one in forecasts.items():
        one = one.sel({TIME: result["initial_time"].values})
        few[name] = one.sel({LEAD: chosen}) if LEAD in one.dims else one
    with warnings.catch_warnings():
        # `evaluate` has said what is left out.
        warnings.filterwarnings("ignore", "left out: ", DataWarning)
        return error_maps(few, truth, variables=options.variables or None)


def _details(options: EvaluateCommand, truth: xr.Dataset) -> dict[str, str]:
    out = {"Forecasts": ", ".join(options.forecast), "Truth": options.truth}
    if options.climatology is not None:
        out["Climatology"] = options.climatology
    elif options.climatology_years is not None:
        first, last = options.climatology_years
        out["Climatology"] = f"of {options.truth}, {first} … {last}, by hour and day of year"
    else:
        out["Climatology"] = "none, so correlations are not defined"
    return out
