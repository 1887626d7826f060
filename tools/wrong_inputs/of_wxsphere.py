"""Valid calls of what `wxsphere` offers."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import wxsphere
from spinharm import Grid
from wxsphere import FieldLayout

from . import of_wxsphere_models
from .calls import Call, always
from .weather import GRID, HOURS, NAMES, TIMES, dataset

MODULES = ["wxsphere"]
LEFT_OUT: Mapping[str, str] = {}

_LEADS = np.arange(2) * HOURS
_WINDS = NAMES[1:]


def calls() -> list[Call]:
    """One valid call for each public name."""
    return [*_fields(), *_climatologies(), *_flows(), *_scores(), *of_wxsphere_models.calls()]


def _of_hours() -> xr.Dataset:
    """A climatology of the hours and the first days of the year."""
    moved = {"time": "hour"}
    data = dataset().drop_vars("land_sea_mask").rename(moved).assign_coords(hour=[0, 6])
    return data.expand_dims(dayofyear=[1, 2, 365, 366]).transpose("hour", "dayofyear", ...)


def _forecasts() -> xr.Dataset:
    data = dataset()
    return wxsphere.persistence_forecast(data, TIMES[:1], _LEADS)


def _fields() -> list[Call]:
    data, layout = dataset(), FieldLayout.of(dataset(), NAMES)
    maps = layout.pack(data)
    poles = Grid.equiangular(5, 8)
    chosen = {"dataset": data, "variables": NAMES}
    rows = np.ones((2, *poles.shape), np.complex64)
    kinds = {"winds_as_scalars": False, "wind_spin": 1}
    names = {"rename": {"temperature": "t"}}
    weights = {"regions": ("global", "global_land"), "convention": "wb2", "land_sea_mask": data["land_sea_mask"]}
    return [
        Call("wxsphere.check_dataset", wxsphere.check_dataset, always(**chosen)),
        Call("wxsphere.canonical", wxsphere.canonical, always(dataset=data, **names)),
        Call("wxsphere.grid_of", wxsphere.grid_of, always(dataset=data)),
        Call("wxsphere.grid_dataset", wxsphere.grid_dataset, always(grid=GRID)),
        Call("wxsphere.constant_fields", wxsphere.constant_fields, always(grid=GRID)),
        Call(
            "wxsphere.toa_incident_solar_radiation",
            wxsphere.toa_incident_solar_radiation,
            always(times=TIMES, grid=GRID),
        ),
        Call("wxsphere.FieldLayout", FieldLayout, always(scalars=layout.scalars, winds=layout.winds, wind_spin=1)),
        Call("wxsphere.FieldLayout.of", FieldLayout.of, always(**chosen, **kinds)),
        Call("wxsphere.FieldLayout.pack", layout.pack, always(dataset=data, poles="auto", dtype="float32")),
        Call("wxsphere.FieldLayout.unpack", layout.unpack, always(maps=maps, grid=GRID, batch={"time": TIMES})),
        Call("wxsphere.FieldLayout.batch_dimensions", layout.batch_dimensions, always(dataset=data)),
        Call("wxsphere.rebuild_poles", wxsphere.rebuild_poles, always(maps=rows, grid=poles, spin=1, rule="auto")),
        Call("wxsphere.regrid", _regrid, always(dataset=data, grid=GRID, method="spectral", bandlimit=2)),
        Call("wxsphere.power_spectra", wxsphere.power_spectra, always(**chosen, bandlimit=2)),
        Call(
            "wxsphere.area_weights",
            wxsphere.area_weights,
            always(latitude_deg=np.array(GRID.latitude_deg), convention="wb2"),
        ),
        Call("wxsphere.Region", wxsphere.Region, always(latitude=((0.0, 9.0),), longitude=((0.0, 9.0),), land=True)),
        Call("wxsphere.region_weights", wxsphere.region_weights, always(dataset=data, **weights)),
        Call(
            "wxsphere.Region.contains",
            wxsphere.Region().contains,
            always(latitude_deg=np.array(GRID.latitude_deg), longitude_deg=np.array(GRID.longitude_deg)),
        ),
        Call(
            "wxsphere.field_statistics",
            wxsphere.field_statistics,
            always(dataset=data, times=TIMES, cadence=HOURS),
        ),
    ]


@functools.wraps(wxsphere.regrid)
def _regrid(**arguments: Any) -> Any:
    return wxsphere.regrid(**arguments).load()


def _climatologies() -> list[Call]:
    data, mean = dataset(), _of_hours()
    when = {"times": TIMES[:1], "leads": _LEADS}
    return [
        Call("wxsphere.window_weights", wxsphere.window_weights, always(window=3)),
        Call(
            "wxsphere.climatology",
            wxsphere.climatology,
            always(truth=data, window=3, variables=_WINDS[:1], years=(2000, 2001)),
        ),
        Call("wxsphere.climatology_at", wxsphere.climatology_at, always(climatology=mean, times=TIMES)),
        Call("wxsphere.climatology_forecast", wxsphere.climatology_forecast, always(climatology=mean, **when)),
        Call("wxsphere.persistence_forecast", wxsphere.persistence_forecast, always(truth=data, **when)),
    ]


def _flows() -> list[Call]:
    common = {
        "bandlimit": 3, "time_step": 1200.0, "diffusion_time": 21600.0, "diffusion_order": 4, "rotation_rate": 7e-5,
        "axis_tilt": 0.0, "radius": 6e6,
    }  # fmt: skip
    flow = wxsphere.BarotropicVorticity(bandlimit=3)
    water = wxsphere.ShallowWater(bandlimit=3)
    state, deep = wxsphere.random_state(flow, 0), wxsphere.random_state(water, 0)
    wind = np.ones(water.grid.shape)
    out = [
        Call("wxsphere.BarotropicVorticity", wxsphere.BarotropicVorticity, always(**common)),
        Call("wxsphere.ShallowWater", wxsphere.ShallowWater, always(**common, mean_geopotential=1e5)),
        Call("wxsphere.ShallowWater.balanced_geopotential", water.balanced_geopotential, always(vorticity=deep[0])),
        Call("wxsphere.quadratic_grid", wxsphere.quadratic_grid, always(bandlimit=3)),
        Call("wxsphere.diagnostics", wxsphere.diagnostics, always(model=flow, state=state)),
        Call("wxsphere.flow_maps", wxsphere.flow_maps, always(model=flow, state=state, grid=flow.grid)),
        Call("wxsphere.integrate", wxsphere.integrate, always(model=flow, state=state, steps=1)),
        Call("wxsphere.galewsky", wxsphere.galewsky, always(model=water, perturbed=True, dtype="float32")),
        Call(
            "wxsphere.random_state",
            wxsphere.random_state,
            always(model=flow, seed=0, wind=20.0, degree=6.0, dtype="float32"),
        ),
        Call(
            "wxsphere.state_of",
            wxsphere.state_of,
            always(model=water, u=wind, v=wind, geopotential=1e5 * wind, dtype="float32"),
        ),
        Call(
            "wxsphere.williamson2",
            wxsphere.williamson2,
            always(model=water, wind=20.0, geopotential=3e4, dtype="float32"),
        ),
    ]
    for model, known in ((flow, state), (water, deep)):
        name = f"wxsphere.{type(model).__name__}"
        out.append(Call(f"{name}.wind", model.wind, always(state=known)))
        out.append(Call(f"{name}.tendency", model.tendency, always(state=known)))
    return out


def _scores() -> list[Call]:
    data, forecasts = dataset(), _forecasts()
    compared = {"forecast": {"a": forecasts}, "truth": data}
    given = {**compared, "climatology": _of_hours(), "land_sea_mask": data["land_sea_mask"]}
    averages = {
        "baselines": True, "variables": _WINDS, "regions": ("global_land",), "convention": "wb2", "skipna": False,
        "missing": "raise", "partial": False, "memory_gib": 0.001,
    }  # fmt: skip
    metrics = ("rmse", "bias")
    statistics = wxsphere.forecast_statistics(**given, **averages)
    scored = {
        **averages, "metrics": metrics, "samples": 2, "block": 1, "seed": 0, "reference": "persistence", "spectra": True
    }  # fmt: skip
    drawn = {"samples": 2, "block": 1, "confidence": 0.9, "seed": 0, "reference": "persistence"}
    less = {"variables": _WINDS[:1], "metrics": ("rmse",), "spectra": False}
    report = {
        "result": wxsphere.evaluate(**given, **scored | less), "path": Path.cwd() / "report.html",
        "maps": wxsphere.error_maps(**compared, variables=_WINDS[:1]).isel(prediction_timedelta=[1]),
        "land_sea_mask": data["land_sea_mask"].values, "title": "a", "details": {"b": "c"},
        "reference": "persistence", "created": datetime.datetime(2020, 1, 1),
    }  # fmt: skip
    drawn_as = {
        "level": None, "time": None, "lead_hours": None, "member": None, "projection": "lambert_azimuthal",
        "center": (50.0, 10.0), "radius_deg": 30.0, "contours": None, "coast": True, "limits": {_WINDS[0]: (-1.0, 1.0)},
        "smooth": False, "columns": 1, "theme": "light",
    }  # fmt: skip
    return [
        Call("wxsphere.StatisticsOptions", wxsphere.StatisticsOptions, always(**averages)),
        Call("wxsphere.EvaluateOptions", wxsphere.EvaluateOptions, always(**scored)),
        Call(
            "wxsphere.forecast_statistics",
            wxsphere.forecast_statistics,
            always(**given, options=wxsphere.StatisticsOptions(regions=("tropics",)), **averages),
        ),
        Call(
            "wxsphere.evaluate",
            wxsphere.evaluate,
            always(**given, options=wxsphere.EvaluateOptions(regions=("tropics",)), **scored),
        ),
        Call("wxsphere.scores", wxsphere.scores, always(statistics=statistics, metrics=metrics)),
        Call("wxsphere.bootstrap", wxsphere.bootstrap, always(statistics=statistics, metrics=metrics, **drawn)),
        Call("wxsphere.error_maps", wxsphere.error_maps, always(**compared, variables=_WINDS[:1], missing="raise")),
        Call("wxsphere.write_report", wxsphere.write_report, always(**report)),
        Call("wxsphere.MapOptions", wxsphere.MapOptions, always(**drawn_as)),
        Call(
            "wxsphere.map_figure",
            wxsphere.map_figure,
            always(fields=data, variables=_WINDS[:1], options=wxsphere.MapOptions(member=None), minus=data, **drawn_as),
        ),
        Call(
            "wxsphere.animate_maps",
            wxsphere.animate_maps,
            always(
                fields=data.isel(time=slice(2)),
                path=Path.cwd() / "maps.gif",
                variables=_WINDS[:1],
                options=wxsphere.MapOptions(),
                minus=None,
                frames_per_second=2.0,
                **drawn_as,
            ),
        ),
    ]
