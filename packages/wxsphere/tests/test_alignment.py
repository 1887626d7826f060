"""What forecasts and truth share is scored, the rest is said or refused."""

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import DataWarning, error_maps, evaluate
from wxsphere._conventions.units import conversion, parse_unit, same_unit
from wxsphere._scores.alignment import common_parts

GRID = Grid.equiangular(7, 12)
HOURS = np.timedelta64(3600 * 10**9, "ns")
ONE = {"regions": ("global",), "baselines": False}


@pytest.fixture
def truth(make_dataset):
    out = make_dataset(GRID, times=8).drop_vars("land_sea_mask")
    out["2m_temperature"].attrs["units"] = "K"
    return out


@pytest.fixture
def forecast(truth):
    """Truth at two lead times and four initial times, one warmer."""
    out = truth.isel(time=slice(0, 4)).expand_dims(prediction_timedelta=np.array([6, 12]) * HOURS) + 1.0
    out["2m_temperature"].attrs["units"] = "kelvin"
    return out


@pytest.mark.parametrize(
    "levels", [[500.0, 850.0000001], np.array([500.001, 850.0], "f4")], ids=["rounding", "float32"]
)
def test_levels_that_differ_by_rounding_are_one(forecast, truth, levels):
    usual = truth.isel(time=0, drop=True).expand_dims(hour=[0, 6, 12, 18], dayofyear=range(1, 3)) * 0.0
    expected = evaluate(forecast, truth, climatology=usual, spectra=True)
    moved = {"level": ("level", levels)}
    out = evaluate(forecast.assign_coords(moved), truth, climatology=usual.assign_coords(moved), spectra=True)
    xr.testing.assert_identical(out, expected)
    assert "left_out" not in out.attrs
    xr.testing.assert_identical(error_maps(forecast.assign_coords(moved), truth), error_maps(forecast, truth))


def test_what_is_left_out_is_said_in_one_line(forecast, truth):
    other = forecast.isel(time=[1, 3], prediction_timedelta=[0]).assign_coords(level=[500, 851])
    other = other.rename(u_component_of_wind="wind_u")
    message = (
        "left out: variables u_component_of_wind of truth; variables u_component_of_wind of a; variables wind_u of b; "
        "levels 850 hPa of truth; levels 850 hPa of a; levels 851 hPa of b; "
        "2 of 4 initial times of a, the first 2020-01-01T00:00; lead times 12 h of a"
    )
    with pytest.warns(DataWarning) as said:
        out = evaluate({"a": forecast, "b": other}, truth, **ONE, spectra=True)
    assert [str(one.message) for one in said] == [message]
    assert out.attrs["left_out"] == message.removeprefix("left out: ")
    assert out.level.values.tolist() == [500]
    with pytest.warns(DataWarning, match="left out: levels 850 hPa of truth$"):
        error_maps(forecast.sel(level=[500]), truth)


def test_variables_that_are_asked_for_leave_nothing_out(forecast, truth):
    few = evaluate(forecast.drop_vars("geopotential"), truth, variables=["2m_temperature"], **ONE)
    assert "left_out" not in few.attrs


@pytest.mark.parametrize(
    ("name", "factor", "offset", "why"),
    [
        ("2m_temperature", 1, -273.15, "it is in °C: add 273.15"),
        ("geopotential", 1 / 9.80665, 0, "at 500 hPa it is a height in m, not m²/s²: multiply by 9.80665"),
        ("mean_sea_level_pressure", 0.01, 0, "it is in hPa: multiply by 100"),
    ],
)
def test_values_of_another_unit_are_warned_of_where_units_are_not_given(forecast, truth, name, factor, offset, why):
    forecast, truth = forecast[["2m_temperature"]], truth[["2m_temperature"]]
    plain = {"2m_temperature": 280.0, "geopotential": 5574 * 9.80665, "mean_sea_level_pressure": 101e3}[name]
    forecast, truth = (
        xr.full_like(one, plain).rename({"2m_temperature": name}).drop_attrs() for one in (forecast, truth)
    )
    if name == "geopotential":
        forecast, truth = (one.expand_dims(level=[500.0, 850.0]) for one in (forecast, truth))
    common_parts(forecast, truth, None, "drop")
    for key, changed in (
        ("forecast", (forecast * factor + offset, truth)),
        ("truth", (forecast, truth * factor + offset)),
    ):
        key = "forecast['forecast']" if key == "forecast" else key
        with pytest.warns(DataWarning) as caught:
            common_parts(*changed, None, "drop")
        text = (
            f"`forecast['forecast']` and `truth` appear to have {name!r} in different units, which are not both given"
        )
        assert f"{text}: in `{key}` {why}" in [str(one.message) for one in caught]


def _without(dataset, dim, name="geopotential"):
    return dataset.assign({name: dataset[name].isel({dim: 0}, drop=True)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, t: (_without(f, "level"), t),
            r"forecast\['forecast'\]` must have 'geopotential' with the dimensions time, prediction_timedelta, level, "
            r"latitude, longitude, got prediction_timedelta, time, latitude, longitude; name the other variables i"),
        (lambda f, t: (_without(f, "prediction_timedelta"), t), r"must have 'geopotential' with .* got time, level, l"),
        (lambda f, t: (_without(f.expand_dims(number=range(3)), "number"), t), r"timedelta, number, .* got"),
        (lambda f, t: (f.expand_dims(number=range(2)), _without(t.expand_dims(number=range(2)), "number")),
            r"`truth` must have 'geopotential' with the dimensions time, number, level, .* got time, level, latitude"),
        (lambda f, t: (f, _without(t, "level")), r"`forecast\['forecast'\]` must have 'geopotential' with the dim"),
        (lambda f, t: (f, xr.concat([t, t.isel(time=[5])], "time")),
            r"`truth` must have each value of 'time' once, got 2020-01-02T06:00 twice and 1 repeats in all; "
            r"`dataset.drop_duplicates\('time'\)` keeps the first of each"),
        (lambda f, t: (xr.concat([f, f.isel(time=[1])], "time"), t), r"forecast\['forecast'\]` must have each val"),
        (lambda f, t: (f.assign_coords(level=[850.00001, 850]), t), r"must have each value of 'level' once, got 850.0"),
        (lambda f, t: (f.assign_coords(level=["500hPa", "850hPa"]), t), r"must have levels in hPa, got \['500hPa'\]; "),
        (lambda f, t: (t.assign_coords(prediction_timedelta=("time", np.arange(8) * HOURS)), t),
            r"must have 'prediction_timedelta' as a dimension, got a coordinate along \('time',\); `wxsphere.canonic"),
    ],
)  # fmt: skip
def test_fields_that_do_not_fit_are_refused(forecast, truth, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*change(forecast, truth), **ONE)


def _in(dataset, units, name="2m_temperature"):
    return dataset.assign({name: dataset[name].assign_attrs(units=units)})


def test_other_units_than_those_of_truth_are_refused(forecast, truth):
    message = (
        r"`forecast\['forecast'\]` must have '2m_temperature' in the unit of `truth`, 'K', got 'degC'; convert one "
        r"of them, e.g. `dataset\['2m_temperature'\] = \(dataset\['2m_temperature'\] \+ 273.15\).assign_attrs\(units='K"
    )
    with pytest.raises(ValueError, match=message):
        evaluate(_in(forecast, "degC"), truth, **ONE)
    usual = truth.isel(time=0, drop=True).expand_dims(hour=[0, 6, 12, 18], dayofyear=range(1, 3))
    with pytest.raises(
        ValueError, match=r"`climatology` must have '2m_temperature' in the unit of `truth`, 'K', got '°"
    ):
        evaluate(forecast, truth, climatology=_in(usual, "°C"), **ONE)
    with pytest.raises(ValueError, match=r"`climatology` must have 'geopotential' with the dimensions hour, dayofyear"):
        evaluate(forecast, truth, climatology=_without(usual, "level"), **ONE)
    with pytest.raises(ValueError, match=r"\['2m_temperature'\].attrs\['units'\] = 'K'` if the attribute is wrong"):
        evaluate(_in(forecast, "m s-1"), truth, **ONE)
    with pytest.warns(
        DataWarning, match=r"units that are not known, taken as the same: 2m_temperature in 'warm' and 'K"
    ):
        evaluate(_in(forecast, "warm"), truth, **ONE)
    assert np.isfinite(evaluate(_in(forecast, "~"), truth, **ONE)["2m_temperature"].sel(metric="rmse")).all()


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        ("m**2 s**-2", "m²/s²", True), ("m2 s-2", "J kg-1", True), ("m s⁻¹", "meters per second", True),
        ("m.s-1", "m s^{-1}", True), ("mbar", "hPa", True), ("Pa", "hPa", False), ("kg kg**-1", "1", True),
        ("(0 - 1)", "kg/kg", True), ("g kg-1", "kg kg-1", False), ("%", "1", False), ("mm", "kg m-2", True),
        ("m of water equivalent", "mm", False), ("kg m-2 s-1", "mm day-1", False), ("m", "gpm", True),
        ("m", "m2 s-2", False), ("degrees C", "°C", True), ("K", "Kelvin", True), ("K", "C", False),
        ("W m-2", "J m-2", False), ("Pa s**-1", "Pa/s", True), (None, "K", True), ("", "K", True), ("foo", "K", None),
    ],
)  # fmt: skip
def test_spellings_of_units(mine, other, same):
    assert same_unit(mine, other) is same
    assert same_unit(other, mine) is same


@pytest.mark.parametrize(
    ("mine", "wanted", "value", "expected"),
    [("degC", "K", 20.0, 293.15), ("°F", "degC", 212.0, 100.0), ("hPa", "Pa", 1013.25, 101325.0),
     ("kg m-2 s-1", "mm/day", 1.0, 86400.0), ("knots", "m/s", 1.0, 0.514444444)],
)  # fmt: skip
def test_the_conversion_that_a_message_names_converts(mine, wanted, value, expected):
    dataset = xr.Dataset({"x": ((), value, {"units": mine})})
    exec(conversion("x", mine, wanted).strip("`"), {"dataset": dataset})
    np.testing.assert_allclose(dataset["x"], expected, rtol=1e-6)
    assert dataset["x"].attrs["units"] == wanted


@pytest.mark.parametrize(
    "text", ["K m", "1e-3 kg/kg", "0", "m/", "²", "%%", "m^x", "deg", "days since 2000-01-01", "/"]
)
def test_any_text_is_a_unit_or_none(text):
    unit = parse_unit(text)
    assert unit is None or np.isfinite(unit.factor)
