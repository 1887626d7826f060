"""Forecasts along the valid time become forecasts by initial time and lead time."""

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import DataWarning, canonical, evaluate

HOURS = np.timedelta64(3600 * 10**9, "ns")
BEGIN = np.datetime64("2020-01-01", "ns")
SAID = r"`time` holds valid times; they are arranged by {} initial times and {} lead times"


@pytest.fixture
def valid(make_dataset):
    """Six times 6 h apart, as a file has them."""
    return make_dataset(Grid.equiangular(5, 8), times=6)


def period(hours):
    return "time", np.array(hours), {"standard_name": "forecast_period", "units": "hours"}


def begins(hours):
    return "time", np.array(hours), {"units": "hours since 2020-01-01", "standard_name": "forecast_reference_time"}


@pytest.mark.parametrize("chunks", [None, {"time": 2}], ids=["memory", "dask"])
def test_one_forecast_has_its_initial_time_and_lead_times(valid, chunks):
    given = valid.assign_coords(forecast_period=period([0, 6, 12, 18, 24, 30]), forecast_reference_time=BEGIN)
    with pytest.warns(DataWarning, match=SAID.format(1, 6) + "$"):
        out = canonical(given if chunks is None else given.chunk(chunks))
    assert out.geopotential.dims == ("time", "prediction_timedelta", "level", "latitude", "longitude")
    assert out.land_sea_mask.dims == ("latitude", "longitude")
    np.testing.assert_array_equal(out.time, [BEGIN])
    np.testing.assert_array_equal(out.prediction_timedelta, np.arange(6) * 6 * HOURS)
    np.testing.assert_array_equal(out.geopotential[0], valid.geopotential)
    assert "forecast_reference_time" not in out.coords
    scores = evaluate(out.isel(prediction_timedelta=slice(1, None)), valid, regions=("global",), baselines=False)
    np.testing.assert_allclose(scores.geopotential.sel(metric="rmse"), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    "coordinates",
    [
        {"forecast_period": period([6, 12, 6, 12, 6, 12])},
        {"forecast_reference_time": begins([-6, -6, 6, 6, 18, 18])},
        {"forecast_period": period([6, 12, 6, 12, 6, 12]), "init_time": begins([-6, -6, 6, 6, 18, 18])},
    ],
    ids=["period", "reference", "both"],
)
def test_several_forecasts_are_parted(valid, coordinates):
    order = [3, 0, 5, 1, 4, 2]
    with pytest.warns(DataWarning, match=SAID.format(3, 2) + "$"):
        out = canonical(valid.assign_coords(coordinates).isel(time=order))
    np.testing.assert_array_equal(out.time, BEGIN + np.array([-6, 6, 18]) * HOURS)
    np.testing.assert_array_equal(out.prediction_timedelta, [6 * HOURS, 12 * HOURS])
    shape = (3, 2, *valid.geopotential.shape[1:])
    np.testing.assert_array_equal(out.geopotential, valid.geopotential.values.reshape(shape))


def test_pairs_that_are_not_there_have_no_value(valid):
    with pytest.warns(DataWarning, match=SAID.format(2, 4) + "; 2 pairs of these are missing and become NaN$"):
        out = canonical(valid.assign_coords(forecast_period=period([6, 12, 18, 24, 6, 12])))
    assert int(out["2m_temperature"].isnull().any(["latitude", "longitude"]).sum()) == 2


def test_analyses_and_forecasts_of_one_lead_time(valid):
    xr.testing.assert_identical(canonical(valid.assign_coords(forecast_period=period([0] * 6))), valid)
    xr.testing.assert_identical(canonical(valid.assign_coords(forecast_reference_time=begins(np.arange(6) * 6))), valid)
    with pytest.warns(DataWarning, match=SAID.format(6, 1)):
        out = canonical(valid.assign_coords(forecast_period=period([6] * 6)))
    np.testing.assert_array_equal(out.time, valid.time - 6 * HOURS)
    step = valid.isel(time=2).assign_coords(forecast_reference_time=BEGIN)
    out = canonical(step)
    np.testing.assert_array_equal(out.time, [BEGIN])
    np.testing.assert_array_equal(out.prediction_timedelta, [12 * HOURS])


def test_other_names_of_both_times(valid):
    wide = valid.geopotential.expand_dims(init_time=[BEGIN]).rename(time="lead_time").to_dataset()
    wide = wide.assign_coords(lead_time=np.arange(6) * 6 * HOURS)
    out = canonical(wide.assign_coords(time=wide.init_time + wide.lead_time))
    assert out.geopotential.dims[:2] == ("time", "prediction_timedelta")
    with pytest.warns(DataWarning, match=SAID.format(1, 6)):
        again = canonical(valid.rename(time="valid_time").assign_coords(forecast_reference_time=BEGIN))
    np.testing.assert_array_equal(again.geopotential, out.geopotential)
    along = wide.isel(init_time=0, drop=True)
    with pytest.warns(DataWarning, match=SAID.format(1, 6)):
        again = canonical(along.assign_coords(time=("lead_time", valid.time.values)))
    np.testing.assert_array_equal(again.geopotential, out.geopotential)


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ({"forecast_period": period([6] * 6), "forecast_reference_time": BEGIN},
            r"`forecast_reference_time`, `time` and the lead time contradict each other: 0 h and 6 h at the first"),
        ({"forecast_period": ("level", [6, 12], {"units": "hours"})},
            r"`prediction_timedelta` must be a dimension or run along `time`, got the dimensions \('level',\) beside"),
        ({"forecast_period": period([6] * 6), "time": BEGIN + np.array([0, 6, 12, 12, 24, 30]) * HOURS},
            r"begins at 2020-01-01T06:00 must have each lead time once, got 6 h twice; `dataset.drop_duplicates\('ti"),
        ({"forecast_period": ("time", np.arange(6), {"units": "furlongs"})}, r"numbers with units 'hours', got int64"),
    ],
    ids=["contradiction", "level", "repeat", "units"],
)  # fmt: skip
def test_lead_times_that_make_no_sense_are_refused(valid, coordinates, message):
    with pytest.raises(ValueError, match=message):
        canonical(valid.assign_coords(coordinates))
