"""Missing chunks of stores are not read as values; zip archives; full disks."""

import json
import resource
import warnings
import zipfile

import numpy as np
import pytest

from spinharm import Grid
from wxsphere import DataWarning, check_dataset, grid_dataset, open_dataset, prepare
from wxsphere._files.checksums import create_store, write_part

GRID = Grid.equiangular(7, 12, poles=False)


@pytest.fixture
def fields(rng):
    times = np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=times)
    for name in ("t2m", "tp"):
        out[name] = (("time", "latitude", "longitude"), 280 + rng.standard_normal((6, *GRID.shape)).astype("float32"))
    return out


def _write(fields, path, lost, *, latitudes=7, **settings):
    """A store of chunks of two times whose fill value is 0, without some of its files."""
    zero = {"chunks": (2, latitudes, 12), "fill_value": np.float32(0)} if settings["zarr_format"] == 3 else {}
    encoding = {name: zero | settings.pop(f"{name}_encoding", {}) for name in fields.data_vars}
    fields.to_zarr(path, encoding=encoding, consolidated=False, **settings)
    for name in lost:
        (path / name).unlink()
    return path


@pytest.mark.parametrize("url", ["", "file://"])
def test_a_lost_chunk_does_not_read_as_zeros(fields, tmp_path, url):
    path = _write(fields, tmp_path / "a.zarr", ["t2m/c/1/0/0"], zarr_format=3)
    out = open_dataset(f"{url}{path}")
    np.testing.assert_array_equal(out["2m_temperature"][:2], fields.t2m[:2])
    np.testing.assert_array_equal(out["total_precipitation"], fields.tp)
    told = (
        r"a.zarr: t2m lacks the chunk from time 2020-01-01T12:00:00 on \(1 of 3 are missing\), and would be read as 0"
    )
    with pytest.raises(OSError, match=told):
        out["2m_temperature"].load()
    filled = open_dataset(path, absent_chunks="fill")["2m_temperature"]
    np.testing.assert_array_equal(filled[2:4], np.zeros((2, *GRID.shape)))
    (error,) = [one for one in check_dataset(out) if one.severity == "error"]
    assert (error.subject, error.text[-40:]) == (
        "2m_temperature",
        "xarray with `to_zarr(…, write_empty_chunks=True)`"[-40:],
    )
    with pytest.raises(OSError, match=told):
        prepare(path, tmp_path / "p", variables=["2m_temperature"])


def test_shards_are_files_too(fields, tmp_path):
    path = _write(
        fields[["t2m"]],
        tmp_path / "a.zarr",
        ["t2m/c/1/0/0"],
        zarr_format=3,
        t2m_encoding={"chunks": (1, 7, 12), "shards": (2, 7, 12)},
    )
    with pytest.raises(OSError, match=r"from time 2020-01-01T12:00:00 on \(2 of 6 are missing\)"):
        open_dataset(path).load()


def test_stores_of_format_2_without_a_fill_value(fields, tmp_path):
    path = _write(fields[["t2m"]].chunk(time=2), tmp_path / "a.zarr", [], zarr_format=2)
    metadata = path / "t2m" / ".zarray"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"fill_value": None}))
    np.testing.assert_array_equal(open_dataset(path)["2m_temperature"], fields.t2m)
    (path / "t2m" / "2.0.0").unlink()
    with pytest.raises(OSError, match=r"t2m lacks the chunk from time 2020-01-02T00:00:00 on \(1 of 3 are missing\)"):
        open_dataset(path).load()


def test_chunks_that_read_as_nan_are_left_to_the_audit(fields, tmp_path):
    nan = {"fill_value": np.float32(np.nan)}
    path = _write(fields[["t2m"]], tmp_path / "a.zarr", ["t2m/c/1/0/0"], zarr_format=3, t2m_encoding=nan)
    assert open_dataset(path)["2m_temperature"].isnull().sum() == 2 * 7 * 12
    (error,) = [one for one in check_dataset(open_dataset(path)) if one.severity == "error"]
    assert "100 % of the values are missing at time 2020-01-01T12:00" in error.text


def test_a_dry_part_of_the_globe_may_be_left_out_but_not_a_dry_globe(fields, tmp_path):
    part = _write(fields, tmp_path / "a.zarr", ["tp/c/1/0/0"], zarr_format=3, latitudes=4)
    with pytest.warns(DataWarning, match=r"tp lacks the chunk from time .*, latitude 0 on .* which is possible there"):
        assert open_dataset(part)["total_precipitation"][2:4, :4].max() == 0
    whole = _write(fields, tmp_path / "b.zarr", ["tp/c/1/0/0"], zarr_format=3)
    with pytest.raises(OSError, match=r"tp lacks the chunk"):
        open_dataset(whole)["total_precipitation"].load()


def test_coordinates_without_their_chunk_are_refused(fields, tmp_path):
    path = _write(fields, tmp_path / "a.zarr", ["time/c/0"], zarr_format=3)
    with pytest.raises(
        ValueError, match=r"a.zarr: a chunk of the coordinate 'time' is missing, so that its values are unknown"
    ):
        open_dataset(path)
    first = fields.isel(time=[0])
    first.time.encoding = {"units": "hours since 2020-01-01"}
    # One value that is the fill value: zarr does not write it.
    first.to_zarr(tmp_path / "b.zarr", zarr_format=3, consolidated=False)
    assert not (tmp_path / "b.zarr" / "time" / "c").exists()
    assert open_dataset(tmp_path / "b.zarr").time.values == fields.time.values[:1]


def test_zip_archives(fields, tmp_path):
    _write(fields, tmp_path / "a.zarr", [], zarr_format=3)
    with zipfile.ZipFile(tmp_path / "a.nc", "w") as archive:
        for file in filter(lambda one: one.is_file(), (tmp_path / "a.zarr").rglob("*")):
            archive.write(file, file.relative_to(tmp_path / "a.zarr"))
    np.testing.assert_array_equal(open_dataset(tmp_path / "a.nc")["2m_temperature"], fields.t2m)
    with zipfile.ZipFile(tmp_path / "b.nc", "w") as archive:
        archive.writestr("data_0.nc", b"CDF")
    told = r"b.nc: it is a zip archive of data_0.nc; unpack it with `unzip b.nc` and pass the files in it"
    with pytest.raises(ValueError, match=told):
        open_dataset(tmp_path / "b.nc")
    for count, more in ((3, "x0, x1, x2; unpack"), (5, "x0, x1, x2 and 2 more; unpack")):
        with zipfile.ZipFile(tmp_path / "b.nc", "w") as archive:
            for number in range(count):
                archive.writestr(f"x{number}", b"CDF")
        with pytest.raises(ValueError, match=more):
            open_dataset(tmp_path / "b.nc")
    (tmp_path / "c.nc").write_bytes((tmp_path / "a.nc").read_bytes()[:3000])
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"c.nc: the zip archive cannot be read"):
        open_dataset(tmp_path / "c.nc")


def test_a_full_disk_names_the_store(fields, tmp_path):
    """A limit on the size of files gives the same error as a full disk."""
    path = tmp_path / "a.zarr"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*a.zarr'"):
            create_store(fields, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    create_store(fields.chunk(), path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*a.zarr'"):
            write_part(fields[["t2m"]].drop_vars(["time", "latitude", "longitude"]), path, {"time": slice(0, 6)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
