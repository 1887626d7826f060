"""Names that are given on the command line, and forecasts on another grid."""

import shutil

import numpy as np
import pytest

from spinharm import Grid
from wxsphere import grid_dataset, grid_of, open_dataset, regrid
from wxsphere.__main__ import main

GRID = Grid.equiangular(12, 24, poles=False)
HOUR = np.timedelta64(3600 * 10**9, "ns")


@pytest.fixture
def forecast(rng):
    """Three initial times, two lead times, temperature by another name."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(3) * 6 * HOUR
    out = grid_dataset(GRID).assign_coords(time=times, prediction_timedelta=np.array([0, 6]) * HOUR)
    values = 280 + rng.standard_normal((3, 2, *GRID.shape)).astype("float32")
    out["warmth"] = (("time", "prediction_timedelta", "latitude", "longitude"), values)
    out["land_sea_mask"] = (("latitude", "longitude"), rng.uniform(size=GRID.shape).astype("float32"))
    return out


def test_forecasts_are_regridded_and_renamed(forecast, tmp_path, capsys):
    forecast.chunk(time=2).to_zarr(tmp_path / "f.zarr", zarr_format=3, consolidated=False)
    words = ["regrid", str(tmp_path / "f.zarr"), "--grid", "6x12", "--method", "conservative"]
    out = tmp_path / "new" / "o.zarr"
    assert main([*words, "--out", str(out), "--rename", "warmth=2m_temperature"]) == 0
    assert "2m_temperature, land_sea_mask on 6x12" in capsys.readouterr().out
    made = open_dataset(out)
    assert grid_of(made) == Grid.equiangular(6, 12, poles=False)
    assert made["2m_temperature"].dims == ("time", "prediction_timedelta", "latitude", "longitude")
    np.testing.assert_array_equal(made.prediction_timedelta, forecast.prediction_timedelta)
    expected = regrid(forecast, grid_of(made), method="conservative")
    np.testing.assert_allclose(made["2m_temperature"], expected["warmth"], rtol=1e-6)
    assert [one.name for one in out.parent.iterdir()] == ["o.zarr"]
    assert main([*words, "--out", str(out)]) == 2
    assert "`out` must be a new folder, but" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "p.zarr"), "--levels", "500"]) == 2
    assert "`levels` must be levels of the source, [], got 500" in capsys.readouterr().err


def test_every_command_that_reads_data_renames(forecast, tmp_path, capsys, monkeypatch):
    state = forecast[["warmth"]].isel(prediction_timedelta=0, drop=True)
    state.rename(warmth="t2m").to_netcdf(tmp_path / "truth.nc", engine="h5netcdf")
    forecast[["warmth"]].isel(prediction_timedelta=[0]).to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    state.to_netcdf(tmp_path / "s.nc", engine="h5netcdf")
    given = ["--rename", "warmth=2m_temperature"]
    assert main(["check", str(tmp_path / "s.nc"), *given]) == 0
    assert "note: 2m_temperature" in capsys.readouterr().out
    assert (
        main(["check", str(tmp_path / "s.nc"), str(tmp_path / "truth.nc"), "--rename", "warmth=skin_temperature"]) == 0
    )
    assert "note: skin_temperature" in capsys.readouterr().out
    assert main(["prepare", str(tmp_path / "s.nc"), "--out", str(tmp_path / "p"), *given]) == 0
    words = ["evaluate", str(tmp_path / "f.nc"), "--truth", str(tmp_path / "truth.nc"), "--out", str(tmp_path / "e")]

    def stop(forecasts, truth, options, **settings):
        raise ValueError(f"{list(truth.data_vars)} {list(forecasts['f'].data_vars)} {list(forecasts['f'].dims)[1]}")

    monkeypatch.setattr("wxsphere._commands.evaluate.evaluate", stop)
    assert main([*words, *given]) == 2
    assert "['2m_temperature'] ['2m_temperature'] prediction_timedelta" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["warmth"], "`rename` must be OLD=NEW, such as tas=2m_temperature, got 'warmth'"),
        (["warmth="], "`rename` must be OLD=NEW"),
        (["warmth=a", "warmth=b"], "`rename` must not repeat a name, got 'warmth=b' after warmth=a"),
        (["cold=2m_temperature"], "`rename` names 'cold', which no file has; there are"),
        (["warmth=land_sea_mask"], "`rename` cannot be applied: the new name 'land_sea_mask' conflicts"),
    ],
)
def test_names_that_cannot_be_given(forecast, tmp_path, capsys, given, message):
    forecast.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    assert main(["check", str(tmp_path / "f.nc"), "--rename", *given]) == 2
    assert message in capsys.readouterr().err


def test_coordinates_that_are_swapped_are_renamed(forecast, tmp_path, capsys):
    swapped = forecast.rename(latitude="longitude", longitude="latitude")
    swapped.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    assert main(["check", str(tmp_path / "f.nc")]) == 2
    remedy = "--rename latitude=longitude longitude=latitude"
    assert remedy in capsys.readouterr().err
    assert main(["check", str(tmp_path / "f.nc"), *remedy.split()]) == 0


def test_an_interrupted_regridding_leaves_no_store(forecast, tmp_path, capsys, monkeypatch):
    forecast.to_zarr(tmp_path / "f.zarr", zarr_format=3, consolidated=False)
    out, partial = tmp_path / "o.zarr", tmp_path / ".o.zarr.partial"
    words = ["regrid", str(tmp_path / "f.zarr"), "--grid", "6x12", "--method", "conservative", "--out", str(out)]

    def killed(*_):
        shutil.copytree(partial, tmp_path / "kept")
        raise OSError("killed")

    monkeypatch.setattr("wxsphere._commands.regrid.seal_store", killed)
    assert main(words) == 2
    assert not out.exists()
    assert not partial.exists()
    monkeypatch.undo()
    # As a process leaves it that is killed.
    (tmp_path / "kept").rename(partial)
    capsys.readouterr()
    assert main(words) == 0
    assert f"{partial} is left from an interrupted run: removed, and started over" in capsys.readouterr().err
    assert open_dataset(out).sizes["time"] == 3
    assert not partial.exists()
