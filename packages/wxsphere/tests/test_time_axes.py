"""Time axes of any kind become dates, or are refused with what they are."""

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import DataWarning, canonical, open_dataset, open_prepared
from wxsphere.__main__ import main
from wxsphere._prepare.time_reduction import reduced, time_reduction

GRID = Grid.equiangular(7, 12)


def _with_time(make_dataset, values, **attributes):
    return make_dataset(GRID, times=len(values)).assign_coords(time=("time", values, attributes))


@pytest.mark.parametrize(
    ("values", "attributes", "first"),
    [
        (np.arange(3) * 0.25, {"units": "days since 1990-03-01"}, "1990-03-01T06"),
        (np.array([20200131.0, 20200131.25, 20200131.5]), {"units": "day as %Y%m%d.%f"}, "2020-01-31T06"),
        (np.arange(3), {"units": "months since 2000-01-15"}, "2000-02-15"),
        (np.array(["2020-01-31", "2020-01-31T06", "2020-02-01"]), {}, "2020-01-31T06"),
    ],
)
def test_numbers_and_texts_become_dates(make_dataset, values, attributes, first):
    out = canonical(_with_time(make_dataset, values, **attributes))
    assert out.time.dtype == "datetime64[ns]"
    assert out.time.values[1] == np.datetime64(first, "ns")


@pytest.mark.parametrize(("calendar", "second"), [("noleap", "2020-03-01"), ("julian", "2020-03-14")])
def test_calendars_are_converted_aloud(make_dataset, calendar, second):
    given = _with_time(make_dataset, np.arange(2), units="days since 2020-02-28", calendar=calendar)
    if calendar == "julian":
        given = given.assign_coords(time=("time", [0, 2], given.time.attrs))
    with pytest.warns(DataWarning, match=f"has the calendar '{calendar}'"):
        out = canonical(given)
    assert out.time.values[1] == np.datetime64(second, "ns")
    assert out.time.attrs.get("source_calendar") == ("noleap" if calendar == "noleap" else None)


def test_rounding_noise_is_taken_away_aloud(make_dataset):
    days = np.round(np.arange(30) / 24, 6)
    with pytest.warns(DataWarning, match=r"up to 0.0\d+ s from whole hours by rounding"):
        out = canonical(_with_time(make_dataset, days, units="days since 2020-01-01"))
    np.testing.assert_array_equal(np.diff(out.time.values), np.timedelta64(1, "h"))
    odd = _with_time(make_dataset, np.arange(3) * 3600 + 20, units="seconds since 2020-01-01")
    assert canonical(odd).time.values[0] == np.datetime64("2020-01-01T00:00:20", "ns")


@pytest.mark.parametrize(
    ("values", "attributes", "message"),
    [
        (np.arange(3), {}, r"numbers 0 … 2 with units 'none'; give their units"),
        (
            np.arange(3) * 10,
            {"units": "days since 2000-02-15", "calendar": "360_day"},
            r"standard one, got '360_day', with",
        ),
        (np.arange(3) * np.timedelta64(6, "h"), {}, r"`time` must be dates, got relative times"),
        (np.array([0.0, np.nan, 2.0]), {"units": "days since 2000-01-01"}, r"a date everywhere, got nan at index 1"),
        (np.array([20200131, 20200132, 20200201]), {"units": "day as %Y%m%d"}, r"20200132, which is not one with"),
        (np.arange(3), {"units": "days since 0850-01-01"}, r"years 1678 … 2261, got 0850-01-01"),
        (np.array(["a", "b", "c"]), {}, r"must be dates, got the string 'a'"),
    ],
)
def test_what_is_no_date_is_refused(make_dataset, values, attributes, message):
    with pytest.raises(ValueError, match=message):
        canonical(_with_time(make_dataset, values, **attributes))


def test_relative_times_take_the_dates_beside_them(make_dataset):
    dates = np.datetime64("2020-01-01", "ns") + np.arange(1, 4) * np.timedelta64(6, "h")
    given = _with_time(make_dataset, np.arange(1, 4) * np.timedelta64(6, "h")).assign_coords(datetime=("time", dates))
    with pytest.warns(DataWarning, match="taken from the coordinate `datetime`"):
        out = canonical(given)
    np.testing.assert_array_equal(out.time, dates)


def test_variables_in_seconds_stay_numbers(make_dataset, tmp_path):
    given = make_dataset(GRID)
    given["mwp"] = given["2m_temperature"].assign_attrs(units="seconds")
    given.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    out = open_dataset(tmp_path / "a.nc")
    xr.testing.assert_equal(out.mwp.load(), given.mwp)


def test_a_command_says_once_what_was_converted(make_dataset, tmp_path, capsys):
    given = _with_time(make_dataset, np.arange(3), units="days since 2020-02-27", calendar="noleap")
    given.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    main(["check", str(tmp_path / "a.nc")])
    told = capsys.readouterr().err
    assert told.count("note: `time` has the calendar 'noleap'; dates are kept") == 1


def test_a_time_that_a_reduction_lacks_is_never_the_last_one(make_dataset):
    dataset = make_dataset(times=3)
    reduction = time_reduction(dataset, "2m_temperature", np.timedelta64(6, "h"), False)
    lacking = np.array(["2020-01-01T06", "2020-01-01T07"], "datetime64[ns]")
    told = r"`times` must be of the source, which lacks 2020-01-01T07:00:00.* for '2m_temperature'"
    with pytest.raises(ValueError, match=told):
        reduced(dataset, "2m_temperature", reduction, lacking)
    np.testing.assert_array_equal(
        reduced(dataset, "2m_temperature", reduction, lacking[:1]), dataset["2m_temperature"][1:2]
    )


def test_prepared_data_name_their_calendar(make_dataset, tmp_path, capsys, monkeypatch):
    given = _with_time(make_dataset, np.arange(3), units="days since 2021-02-27", calendar="noleap")
    given = given[["2m_temperature"]] + 280
    given.time.attrs.update(units="days since 2021-02-27", calendar="noleap")
    given.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert main(["prepare", str(tmp_path / "a.nc"), "--out", str(tmp_path / "p")]) == 0
    data = open_prepared(tmp_path / "p")
    assert (data.calendar, data.manifest["calendar"]) == ("noleap", "noleap")
    assert data.fields.time.attrs["source_calendar"] == "noleap"

    def stop(*given):
        raise ValueError("no training here")

    monkeypatch.setattr("wxsphere._commands.train.train", stop)
    assert main(["train", "--data", str(tmp_path / "p"), "--out", str(tmp_path / "r")]) == 2
    assert "3 times for training, calendar noleap" in capsys.readouterr().out
