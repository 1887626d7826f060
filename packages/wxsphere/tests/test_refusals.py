"""What `check` and `prepare` find wrong: the same, in the same words."""

import re

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import canonical, check_dataset, grid_dataset, prepare
from wxsphere.__main__ import main

GRID = Grid.equiangular(7, 12, poles=False)
DIMS = ("time", "latitude", "longitude")


@pytest.fixture
def good(rng):
    """Eight times of plausible fields, of which `prepare` takes all."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(8) * np.timedelta64(3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=times, level=("level", [500, 850], {"units": "hPa"}))
    noise = rng.standard_normal((8, 2, *GRID.shape)).astype("float32")
    out["temperature"] = (("time", "level", "latitude", "longitude"), 260 + noise)
    out["2m_temperature"] = (DIMS, 280 + noise[:, 0])
    out["total_precipitation"] = (DIMS, 1e-3 * np.abs(noise[:, 1]))
    return out


def _with_value(dataset, name, index, value):
    field = dataset[name].copy()
    field[index] = value
    return dataset.assign({name: field})


def _unlabelled(dataset, dim):
    return dataset.drop_vars(dim)


FAULTS = {
    "a point without a value": (lambda d: _with_value(d, "temperature", (5, 1, 2, 3), np.nan), "1.19 % of the values"),
    "a time without a value": (
        lambda d: _with_value(d, "2m_temperature", 6, np.nan),
        "100 % of the values are missing at",
    ),
    "one time in °C": (
        lambda d: _with_value(d, "2m_temperature", 5, 8.0),
        "at 2020-01-01T05:00: 8 … 8 where 170 … 340 K",
    ),
    "g/kg": (lambda d: d.assign(q=0.05 * d.temperature), "it is in g/kg: divide by 1000"),
    "one value": (lambda d: d.assign(sp=d["2m_temperature"] * 0 + 1e5), "but is constant; leave it out"),
    "one value at a level": (
        lambda d: _with_value(d, "temperature", (slice(None), 0), 250.1),
        "is constant at 500 hPa",
    ),
    "never another value": (
        lambda d: d.assign(sp=9e4 + 10 * (d["2m_temperature"][0] + 0 * d["2m_temperature"])),
        "is constant in time",
    ),
    "a sum since a reset": (
        lambda d: d.assign(total_precipitation=d.total_precipitation.cumsum("time").assign_coords(time=d.time)),
        "grows at nearly all points in 7 of 7 steps",
    ),
    "one component of a wind": (lambda d: d.assign(u10=d["2m_temperature"] - 280), "without '10m_v_component_of_wind'"),
    "levels without values": (
        lambda d: _unlabelled(d, "level"),
        "the dimension of size 2 has no coordinate, so that its",
    ),
    "times without values": (lambda d: _unlabelled(d, "time"), "so that its times are unknown; assign one"),
    "one more dimension": (
        lambda d: d.assign({"2m_temperature": d["2m_temperature"].expand_dims(expver=[1, 5])}),
        "has a dimension 'expver' of size 2, which fields may not have",
    ),
    "times that repeat": (
        lambda d: d.isel(time=[0, 1, 2, 2, 3]),
        "must ascend without repeats, got 2020-01-01T02:00 then",
    ),
    "times that fall": (lambda d: d.isel(time=[0, 2, 1]), "`dataset.sortby('time').drop_duplicates('time')` sorts"),
    "levels in Pa": (
        lambda d: d.assign_coords(level=[50000, 85000]),
        "must be in hPa, got up to 85000; these look like",
    ),
    "levels that repeat": (
        lambda d: d.assign_coords(level=[500, 500]),
        "must ascend without repeats [hPa], got [500.0",
    ),
    "part of the globe": (lambda d: d.isel(latitude=slice(2, 5)), "`latitude_deg` must be the rings of an equiangular"),
}


def test_what_is_right_passes_both(good, tmp_path):
    assert not [one for one in check_dataset(good) if one.severity != "note"]
    assert len(prepare(good, tmp_path / "a").variables) == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_check_and_prepare_refuse_the_same_in_the_same_words(good, tmp_path, fault):
    spoil, text = FAULTS[fault]
    spoiled = spoil(good)
    errors = [one for one in check_dataset(canonical(spoiled)) if one.severity == "error"]
    assert text in errors[0].text
    with pytest.raises(ValueError, match=re.escape(errors[0].text)):
        prepare(spoiled, tmp_path / "a")
    assert not (tmp_path / "a" / "manifest.json").exists()


def test_the_commands_end_with_a_status_of_their_own(good, tmp_path, capsys):
    xr.concat([good, good.isel(time=[-1])], "time").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert main(["check", str(tmp_path / "a.nc")]) == 1
    told = "time: must ascend without repeats, got 2020-01-01T07:00 then 2020-01-01T07:00"
    assert told in capsys.readouterr().out
    assert main(["prepare", str(tmp_path / "a.nc"), "--out", str(tmp_path / "p")]) == 2
    assert told in capsys.readouterr().err


def test_precipitation_whose_hours_are_not_known_is_warned_of(good):
    sparse = good.isel(time=slice(None, None, 3))
    (one,) = [one for one in check_dataset(sparse) if one.severity == "warning"]
    assert one.text.startswith("its times are 3 h apart: it may be accumulated over 1 h or since a reset")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("simulate --out none --wind nan", "`wind` must be finite and above 0, got nan"),
        (
            "simulate --out none --start soon",
            "`start` must be a date between 1678 and 2261, such as 2020-01-01T12, got 'soon'",
        ),
        ("simulate --out none --days -1", "`days` must be 0 or more, got -1"),
        ("prepare none --out none --levels 0", "`levels` must be finite and above 0, got 0.0"),
        ("prepare none --out none --members -1", "`members` must be at least 0, got -1"),
        ("regrid none --grid 8x16 --out none --bandlimit 0", "`bandlimit` must be at least 1, got 0"),
        (
            "train --data none --out none --offsets 6",
            "`offsets` must be 0 or below, as later times are not known, got (6.0,)",
        ),
        ("train --data none --out none --network.num-filter-params 0", "`num_filter_params` must be at least 1, got 0"),
        ("forecast none --states none --out none --every 0", "`every` must be at least 1, got 0"),
        ("evaluate none --truth none --out none --leads -1", "`leads` must be 0 or more, got -1"),
        ("plot maps none --level inf", "`level` must be finite and above 0, got inf"),
        ("demo --out none --epochs 1 0", "`epochs` must be at least 1, got 0"),
    ],
)
def test_numbers_are_refused_before_files_are_looked_for(words, message, capsys):
    name = words.split(" --")[0].split(" none")[0]
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert error.endswith(f"; see wxsphere {name} --help\n")
