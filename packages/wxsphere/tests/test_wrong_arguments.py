"""Wrong arguments of public functions, refused by name before any work; `tools/wrong_inputs` draws many more."""

# pyright: reportArgumentType=false

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import wxsphere
from spinharm import Grid
from wxsphere import Channel, FieldLayout, ForecastTask, NetworkConfig, Normalization, Region, RunConfig

GRID = Grid.equiangular(5, 8, poles=False)
POLES = Grid.equiangular(5, 8)
LAYOUT = FieldLayout((Channel(("t",)),), (Channel(("u", "v")),))
TASK = ForecastTask(LAYOUT, LAYOUT, GRID)
TIMES = np.array(["2000-01-01T00", "2000-01-01T06"], "datetime64[ns]")
LEADS = np.array([0, 6], "timedelta64[h]")
FLOW = wxsphere.BarotropicVorticity(3)
STATE = np.zeros((1, 3, 5), np.complex64)
NORMAL = Normalization(np.zeros((2, 1)), np.ones((2, 1)))
MAPS = np.ones((2, *GRID.shape, 2, 1), np.complex64)

DATA = wxsphere.grid_dataset(GRID).assign_coords(time=TIMES)
DATA["t"] = (("time", "latitude", "longitude"), np.arange(80, dtype=np.float32).reshape(2, 5, 8))
AS_TEXT = DATA.assign(t=DATA["t"].astype(str))
MASK = xr.zeros_like(DATA["t"][0], dtype=np.float32) + 1

REFUSED = {
    # Objects of another kind.
    "check_dataset": (lambda: wxsphere.check_dataset(7), "`dataset` must be an xarray.Dataset, got 7"),
    "grid_dataset": (lambda: wxsphere.grid_dataset("5x8"), "`grid` must be a spinharm.Grid, got '5x8'"),
    "integrate": (lambda: wxsphere.integrate("flow", MAPS, 1), "`model` must be a wxsphere.BarotropicVorticity"),
    "galewsky": (lambda: wxsphere.galewsky(FLOW), "`model` must be a wxsphere.ShallowWater"),
    "Windows": (lambda: wxsphere.Windows(DATA, TASK, 1, 2), "`inputs` must be a wxsphere.Normalization, got 1"),
    "train": (lambda: wxsphere.train(7, RunConfig(), "run"), "`prepared` must be a wxsphere.Prepared"),
    "forecast": (lambda: wxsphere.forecast(7, DATA, "a.zarr", steps=1), "`model` must be a wxsphere.ForecastModel"),
    "region_weights": (lambda: wxsphere.region_weights(DATA, {"a": 7}), "`regions` must be names to wxsphere.Region"),
    "write_report": (lambda: wxsphere.write_report(DATA, "a.html"), "`result` must be scores of `evaluate`"),
    "evaluate": (lambda: wxsphere.evaluate([DATA], DATA), "`forecast` must be an xarray.Dataset, or names to datasets"),
    # One name alone, which would be its letters; texts that are true.
    "RunConfig": (lambda: RunConfig(variables="temperature"), "write ('temperature',)"),
    "FieldLayout.of": (lambda: FieldLayout.of(DATA, "t"), "`variables` must be a sequence of names, got 't'"),
    "NetworkConfig": (lambda: NetworkConfig(remat="no"), "`remat` must be True or False, got 'no'"),
    "Region": (lambda: Region(land="no"), "`land` must be True or False, got 'no'"),
    "bandlimit of True": (lambda: wxsphere.BarotropicVorticity(True), "`bandlimit` must be an integer, got True"),
    "canonical": (
        lambda: wxsphere.canonical(DATA, rename={"t": 7}),
        "mapping of strings to strings; one of its values",
    ),
    # Times: numbers have no unit, and nanoseconds wrap.
    "times": (lambda: wxsphere.persistence_forecast(DATA, [7], LEADS), "`times` must hold dates"),
    "leads": (lambda: wxsphere.persistence_forecast(DATA, TIMES, [6]), "`leads` must hold durations"),
    "negative leads": (lambda: wxsphere.persistence_forecast(DATA, TIMES, -LEADS), "`leads` must be 0 or more"),
    "solar": (
        lambda: wxsphere.toa_incident_solar_radiation(np.array(["3000-01-01"], "datetime64[D]"), GRID),
        "`times` must lie between 1677",
    ),
    "simulate": (
        lambda: wxsphere.simulate(FLOW, MAPS, "a.zarr", outputs=1, steps_per_output=1),
        "`state` must have shape (1, 3, 5)",
    ),
    "ForecastTask": (lambda: ForecastTask(LAYOUT, LAYOUT, GRID, leads=(1e-300,)), "`leads` must be above 0"),
    "years": (lambda: wxsphere.climatology(DATA, years=(2001, 2000)), "`years` must not end before they begin"),
    # Values that would be read as something else.
    "statistics of texts": (lambda: wxsphere.field_statistics(AS_TEXT), "real numbers in 't', got dtype"),
    "spectra of texts": (lambda: wxsphere.power_spectra(AS_TEXT), "real numbers in 't', got dtype"),
    "area_weights": (lambda: wxsphere.area_weights(["-30", "30"]), "`latitude_deg` must hold real numbers"),
    "unpack": (lambda: LAYOUT.unpack(MAPS[0].real, GRID), "`maps` must be complex, since the layout has winds"),
    "normalize": (lambda: NORMAL.normalize(np.ones((2, 1), np.uint8)), "must have a floating-point or complex dtype"),
    "broadcast": (lambda: NORMAL.normalize(MAPS[..., :1, :]), "`maps` must have axes (*batch, spin, channel)"),
    "join": (
        lambda: TASK.join(MAPS[:, None].real, MAPS[..., 0, :0].real),
        "`window` must be complex, since the inputs have winds",
    ),
    "contains": (lambda: Region().contains(np.array([np.nan]), np.zeros(1)), "`latitude_deg` must be finite"),
    "mask of another grid": (
        lambda: wxsphere.region_weights(DATA, ("global_land",), land_sea_mask=MASK[::-1]),
        "`land_sea_mask` must be on the grid of the dataset, got another latitude",
    ),
    "no level": (
        lambda: FieldLayout.of(DATA.expand_dims(level=[500.0]).isel(level=slice(0))),
        "`dataset` must have at least one level",
    ),
    # Numbers that would not end, or not fit the memory.
    "bandlimit": (lambda: wxsphere.power_spectra(DATA, bandlimit=2**40), "`bandlimit` must be at most 4"),
    "steps": (
        lambda: wxsphere.Windows(DATA, TASK, NORMAL, NORMAL, steps=2**40),
        "must have at least one window of 6.59707e+12 h",
    ),
    "outputs": (
        lambda: wxsphere.simulate(FLOW, STATE, "a.zarr", outputs=2**40, steps_per_output=1),
        "`outputs` and `steps_per_output` must span at most 2.5e+06 h",
    ),
    "samples": (
        lambda: wxsphere.bootstrap(DATA, samples=2**40),
        "`samples` must be at most 1000000",
    ),
    "level twice": (
        lambda: FieldLayout((Channel(("t",), 500.0),)).pack(DATA.expand_dims(level=[500.0, 500.0])),
        "`dataset` must not repeat a level",
    ),
    "upgraded": (lambda: RunConfig.upgraded(None), "`values` must be a dictionary"),
    "memory_gib": (lambda: RunConfig(memory_gib=1e300), "`memory_gib` must be finite and below 1e+09"),
    "window": (lambda: wxsphere.window_weights(2**40 + 1), "`window` must be at most the 366 days"),
    "spin": (lambda: wxsphere.rebuild_poles(MAPS[..., 0, 0], POLES, spin=2**40), "`spin` must be at most 4"),
    "chunks": (lambda: wxsphere.open_dataset("a.nc", chunks={"time": 0}), "`chunks` must be at least 1, or -1"),
    "cadence_hours": (lambda: wxsphere.prepare(DATA, "a", cadence_hours=1e300), "`cadence_hours` must be finite"),
    "period": (lambda: wxsphere.Prepared.times(None, "trainin"), "`period` must be one of 'training'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arguments_are_refused_by_name(untyped, case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, told = REFUSED[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert told in str(caught.value)
    assert not list(tmp_path.iterdir())
