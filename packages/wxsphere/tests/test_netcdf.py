"""NetCDF files with a checksum after their end."""

import errno
import os

import numpy as np
import pytest
import xarray as xr

from spinnn.files import FileWarning
from wxsphere._files.netcdf import read_netcdf, write_netcdf


@pytest.fixture
def scores():
    lead = np.array([6, 12], "timedelta64[h]").astype("timedelta64[ns]")
    values = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("prediction_timedelta", "metric"))
    named = {"prediction_timedelta": lead, "metric": ["rmse", "bias", "acc"]}
    return xr.Dataset({"geopotential": values}, coords=named, attrs={"truth": "ERA5"})


def test_other_programs_read_them(scores, tmp_path):
    write_netcdf(scores, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_timedelta=True) as file:
        xr.testing.assert_identical(file.load(), scores)
    xr.testing.assert_identical(read_netcdf(tmp_path / "a.nc"), scores)


def test_damage_is_refused_and_a_missing_checksum_said(scores, tmp_path):
    path = tmp_path / "a.nc"
    write_netcdf(scores, path)
    whole = path.read_bytes()
    for at in np.linspace(0, len(whole) - 100, 40).astype(int):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"a.nc: damaged or changed: its checksum is not that of its content"):
            read_netcdf(path)
    path.write_bytes(whole[:-73])
    with pytest.warns(FileWarning, match=r"a.nc: a file without checksum, of an earlier version or another program"):
        xr.testing.assert_identical(read_netcdf(path), scores)
    path.write_bytes(whole[:1000])
    with pytest.warns(FileWarning), pytest.raises(ValueError, match=r"a.nc: cannot be read as NetCDF"):
        read_netcdf(path)


def test_a_full_disk_leaves_the_old_file(scores, tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    write_netcdf(scores, path)

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spinnn.files.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a.nc'"):
        write_netcdf(scores + 1, path)
    monkeypatch.undo()
    assert [one.name for one in tmp_path.iterdir()] == ["a.nc"]
    xr.testing.assert_identical(read_netcdf(path), scores)
