"""Prepared folders: what is in them, that they resume, and what is refused."""

import dataclasses
import json
import re
import shutil
from typing import Any

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from spinnn.files import FileWarning
from wxsphere import (
    FIELD_STATISTICS,
    PrepareOptions,
    area_weights,
    constant_fields,
    field_statistics,
    grid_dataset,
    open_dataset,
    open_prepared,
    prepare,
    regrid,
)
from wxsphere.__main__ import main
from wxsphere._files.netcdf import write_netcdf

SOURCE, TARGET = Grid.equiangular(13, 24), Grid.gauss_legendre(6)
WIND = ("u_component_of_wind", "v_component_of_wind")
HOUR = np.timedelta64(3600 * 10**9, "ns")
PERIODS: dict[str, Any] = {
    "training": ("2019-12-28", "2019-12-31"),
    "validation": ("2020-01-01", "2020-01-02"),
    "test": ("2020-01-03T06", "2020-01-03T18"),
}


def _make(grid=SOURCE, days=7, hours=6, seed=0):
    """Plausible fields: geopotential and wind on two levels, temperature, precipitation, constants."""
    rng = np.random.default_rng(seed)
    times = np.datetime64("2019-12-28", "ns") + np.arange(days * 24 // hours) * hours * HOUR
    out = grid_dataset(grid).assign_coords(time=times, level=("level", [500, 850], {"units": "hPa"}))
    waves = np.cumsum(rng.standard_normal((times.size, 2, *grid.shape)), 0)
    latitude = np.cos(np.radians(grid.latitude_deg))[:, None]
    means = np.array([5574.0, 1457.0])[:, None, None] * 9.80665
    dims = ("time", "level", "latitude", "longitude")
    out["geopotential"] = (dims, (means + 40 * waves).astype("float32"), {"units": "m**2 s**-2"})
    for name, turned in zip(WIND, (waves, waves[::-1]), strict=True):
        out[name] = (dims, (3 * turned * latitude).astype("float32"))
    flat = dims[:1] + dims[2:]
    out["2m_temperature"] = (flat, (280 + waves[:, 0]).astype("float32"))
    out["total_precipitation_6hr"] = (flat, rng.uniform(0, 1e-3, (times.size, *grid.shape)).astype("float32"))
    out["land_sea_mask"] = (flat[1:], (rng.random(grid.shape) > 0.5).astype("float32"))
    out["geopotential_at_surface"] = (flat[1:], rng.uniform(0, 2e4, grid.shape).astype("float32"))
    return out


@pytest.fixture(scope="module")
def source():
    return _make()


@pytest.fixture(scope="module")
def store(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "source.zarr"
    source.chunk(time=5).to_zarr(path, zarr_format=3, consolidated=False)
    return path


@pytest.fixture(scope="module")
def data(store, tmp_path_factory):
    """The store on a Gauss grid: 16 + 8 + 3 times."""
    names = ["geopotential", *WIND, "2m_temperature"]
    out = tmp_path_factory.mktemp("data") / "gauss"
    return prepare(store, out, variables=names, grid=TARGET, chunk=4, memory_gib=1e-9, **PERIODS)


def _mean(field, weights, axes):
    return (field * weights).sum(axes) / np.broadcast_to(weights, field.shape).sum(axes)


def test_fields_are_those_of_the_source_regridded(source, data):
    wanted = regrid(source.drop_vars("total_precipitation_6hr"), TARGET)
    assert data.grid == TARGET
    assert data.variables == ("geopotential", *WIND, "2m_temperature")
    times = [data.training_times, data.validation_times, data.test_times]
    assert [part.size for part in times] == [16, 8, 3]
    np.testing.assert_array_equal(data.fields.time, np.concatenate(times))
    assert data.cadence == 6 * HOUR
    for name in data.variables:
        field = data.fields[name]
        assert (field.dtype, field.chunks[0]) == (np.float32, (4,) * 6 + (3,))
        assert all(len(chunks) == 1 for chunks in field.chunks[1:])
        chosen = wanted[name].sel(time=field.time)
        np.testing.assert_allclose(field, chosen, rtol=1e-6, atol=1e-5)
        assert field.attrs == source[name].attrs


def test_constants_are_of_the_grid_and_of_the_source(source, data):
    assert set(data.constants) == {*constant_fields(TARGET).data_vars, "land_sea_mask", "geopotential_at_surface"}
    for name, field in constant_fields(TARGET).data_vars.items():
        np.testing.assert_array_equal(data.fields[name], field)
    mask = source[["land_sea_mask"]]
    np.testing.assert_allclose(data.fields.land_sea_mask, regrid(mask, TARGET, method="conservative").land_sea_mask)


def test_statistics_are_those_of_the_whole_training_period(data):
    weights = area_weights(TARGET.latitude_deg)[:, None]
    assert tuple(data.statistics.statistic.values) == FIELD_STATISTICS
    for name in data.variables:
        field = data.fields[name].sel(time=data.training_times).values.astype(float)
        axes = (0, field.ndim - 2, field.ndim - 1)
        for values, first in ((field, 0), (np.diff(field, axis=0), 2)):
            mean = _mean(values, weights, axes)
            apart = values - (mean[:, None, None] if values.ndim == 4 else mean)
            found = data.statistics[name].values[first : first + 2]
            np.testing.assert_allclose(found, [mean, np.sqrt(_mean(apart**2, weights, axes))], rtol=1e-12, atol=1e-12)
    assert data.statistics.attrs["cadence_hours"] == 6
    assert data.statistics.attrs["training_times"] == 16


def test_statistics_stream_over_members_blocks_and_gaps(rng, monkeypatch):
    values = 1e4 + rng.standard_normal((9, 3, 2, *TARGET.shape))
    dims = ("time", "number", "level", "latitude", "longitude")
    stamps = np.datetime64("2020-01-01", "ns") + np.array([0, 1, 2, 4, 5, 6, 7, 8, 9]) * HOUR
    dataset = grid_dataset(TARGET).assign_coords(time=stamps, level=[500, 850]).assign(a=(dims, values))
    whole = field_statistics(dataset)
    monkeypatch.setattr("wxsphere._fields.field_statistics._BLOCK_BYTES", 1)
    for chunks in (1, 2, 9):
        xr.testing.assert_allclose(field_statistics(dataset.chunk(time=chunks)), whole, rtol=1e-13)
    follows = np.diff(stamps) == HOUR
    changes = np.diff(values, axis=0)[follows]
    weights = area_weights(TARGET.latitude_deg)[:, None]
    np.testing.assert_allclose(whole.a.sel(statistic="tendency_mean"), _mean(changes, weights, (0, 1, 3, 4)), rtol=1e-9)
    # A large mean must not drown the deviation.
    np.testing.assert_allclose(
        whole.a.sel(statistic="std"),
        np.sqrt(_mean((values - _mean(values, weights, (0, 1, 3, 4))[:, None, None]) ** 2, weights, (0, 1, 3, 4))),
        rtol=1e-12,
    )
    alone = field_statistics(dataset, times=stamps[:1])
    assert np.isnan(alone.a.sel(statistic=["tendency_mean", "tendency_std"])).all()
    for times, message in ((stamps[:0], "at least one time"), (stamps + 3 * HOUR, "which lacks 2020-01-01T03")):
        with pytest.raises(ValueError, match=message):
            field_statistics(dataset, times=times)


def test_statistics_do_not_see_other_periods(source, tmp_path):
    other = source.copy(deep=True)
    later = other.time.values >= np.datetime64("2020-01-01")
    other["2m_temperature"][later] += 30
    parts = [
        prepare(one, tmp_path / name, variables=["2m_temperature"], **PERIODS).statistics
        for name, one in (("a", source), ("b", other))
    ]
    xr.testing.assert_identical(*parts)


def _bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_was_stopped_goes_on_bit_for_bit(store, data, tmp_path, monkeypatch):
    """Once stopped between blocks, once within one, once before the statistics."""
    names = ["geopotential", *WIND, "2m_temperature"]
    settings: dict[str, Any] = {"variables": names, "grid": TARGET, "chunk": 4, **PERIODS}
    out = tmp_path / "stopped"

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(store, out, progress=stop, memory_gib=1e-9, **settings)
    assert not (out / "manifest.json").exists()
    with pytest.raises(FileNotFoundError, match=r"has finished, but it has no manifest.json"):
        open_prepared(out)

    with monkeypatch.context() as patched:
        patched.setattr("wxsphere._prepare.record.Record.note", stop)
        with pytest.raises(TypeError):
            prepare(store, out, memory_gib=1e-9, **settings)
    with monkeypatch.context() as patched:
        patched.setattr("wxsphere._prepare.prepare._finish", lambda *_: stop(0, 0))
        with pytest.raises(KeyboardInterrupt):
            # Blocks stay as they were begun, whatever the memory is now.
            prepare(store, out, memory_gib=1.0, **settings)
    flip(out / "fields.zarr" / "2m_temperature" / "c" / "2" / "0" / "0", 20)
    with pytest.warns(FileWarning, match=r"a chunk is damaged or lost; prepared anew from 2019-12-30T00:00"):
        again = prepare(store, out, memory_gib=1.0, **settings)
    for name in ("fields.zarr",):
        assert _bytes(again.path / name) == _bytes(data.path / name)
    xr.testing.assert_identical(again.statistics, data.statistics)
    assert not list(out.glob(".*"))


def test_the_record_is_what_it_was(store, data, tmp_path):
    """Folders that were begun or finished before there were `PrepareOptions` are resumed and opened."""
    assert data.manifest["options"] == {
        "source": [str(store)], "variables": ["geopotential", *WIND, "2m_temperature"], "levels": None, "members": None,
        "periods": {name: list(period) for name, period in PERIODS.items()}, "cadence_hours": None,
        "daily_mean": False, "grid": dataclasses.asdict(TARGET), "method": "spectral", "bandlimit": None, "chunk": 4,
        "check": True, "allow_gaps": False, "rename": {},
    }  # fmt: skip
    options = {
        "source": [str(store)], "variables": ["geopotential"], "levels": [850.0], "members": None,
        "periods": {"training": ["", ""]}, "cadence_hours": 12.0, "daily_mean": False, "grid": None,
        "method": "spectral", "bandlimit": None, "chunk": 8, "check": False, "allow_gaps": True,
        "rename": {"2m_temperature": "t2m"},
    }  # fmt: skip
    path = tmp_path / "begun" / ".progress.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"options": options, "block": 16, "done": 0}))
    asked = PrepareOptions(
        variables=("geopotential",),
        levels=(850.0,),
        cadence_hours=12.0,
        check=False,
        allow_gaps=True,
        rename={"2m_temperature": "t2m"},
    )
    told = []
    made = prepare(store, path.parent, asked, progress=lambda done, total: told.append((done, total)))
    assert told == [(14, 14)]
    assert made.manifest["options"] == options
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    path.write_text(json.dumps({"options": options, "block": 0, "done": 0}))
    with pytest.raises(ValueError, match=r"progress.json cannot be read: `block` must be at least 1, got 0; remove"):
        prepare(store, path.parent, asked)


def test_a_given_scheduler_gives_the_same(store, tmp_path):
    """A scheduler and a worker in threads of this process, spoken to over loopback; and no threads at all."""
    from distributed import LocalCluster

    settings: dict[str, Any] = {"variables": ["2m_temperature"], "chunk": 4, "memory_gib": 1e-9, **PERIODS}
    one_thread: Any = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with LocalCluster(protocol="tcp", host="127.0.0.1", **one_thread) as made:
        cluster: Any = made
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
        far = prepare(store, tmp_path / "far", scheduler=cluster.scheduler_address, **settings)
        (worker,) = cluster.workers.values()
        assert worker.state.transition_counter > 0, "the cluster had nothing to do"
    near = prepare(store, tmp_path / "near", **settings)
    alone = prepare(store, tmp_path / "alone", scheduler="synchronous", **settings)
    for one in (far, alone):
        xr.testing.assert_identical(one.fields.load(), near.fields.load())
        xr.testing.assert_identical(one.statistics, near.statistics)


def test_a_finished_folder_is_opened_and_other_options_are_refused(store, data, tmp_path):
    names = ["geopotential", *WIND, "2m_temperature"]
    settings: dict[str, Any] = {"variables": names, "grid": TARGET, "chunk": 4, **PERIODS}

    def never(done, total):
        raise AssertionError

    again = prepare(store, data.path, PrepareOptions(**settings), progress=never)
    xr.testing.assert_identical(again.fields, data.fields)
    with pytest.raises(ValueError, match=r"was started with other options: bandlimit \(None, now 4\); give"):
        prepare(store, data.path, bandlimit=4, **settings)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"must be a new or empty folder or one of `prepare`, but .* something else"):
        prepare(store, tmp_path)
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / ".lock").write_text('{"process": 7, "host": "elsewhere"}')
    with pytest.raises(ValueError, match=r"busy is in use by process 7 on host elsewhere; choose another folder, or"):
        prepare(store, tmp_path / "busy")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".progress.json").write_text("{}")
    with pytest.raises(ValueError, match=r"progress.json cannot be read: 'options'; remove the folder"):
        prepare(store, tmp_path / "broken")
    with pytest.raises(ValueError, match=r"file is a file"):
        prepare(store, tmp_path / "file")


def test_levels_and_members_are_chosen_and_the_grid_may_stay(source, tmp_path):
    many = xr.concat([source, source + 1, source + 2], xr.DataArray([0, 1, 2], dims="number", name="number"))
    many = many.drop_vars(["land_sea_mask", "geopotential_at_surface"]).transpose("time", "number", ...)
    out = prepare(
        many,
        tmp_path / "a",
        variables=["geopotential"],
        levels=[850.0],
        members=[0, 2],
        cadence_hours=12.0,
        check=False,
    )
    wanted = many.geopotential.sel(level=[850], number=[0, 2]).isel(time=slice(None, None, 2))
    assert out.fields.geopotential.dims == ("time", "number", "level", "latitude", "longitude")
    np.testing.assert_array_equal(out.fields.geopotential, wanted)
    assert out.manifest["levels"] == [850.0]
    assert out.training_times.size == 14
    assert out.validation_times.size == out.test_times.size == 0


def test_directions_are_those_of_the_layout(source, tmp_path):
    turned = source[["2m_temperature"]].isel(latitude=slice(None, None, -1)).roll(longitude=12, roll_coords=True)
    turned["longitude"] = (turned.longitude + 180) % 360 - 180
    grid = Grid(13, 24, longitude_origin=-np.pi, south_first=True)
    out = prepare(turned, tmp_path / "a", grid=grid)
    assert out.grid == SOURCE
    np.testing.assert_array_equal(out.fields["2m_temperature"], source["2m_temperature"])


def test_daily_means(source, tmp_path):
    # The first day is cut: its mean would be of three times.
    out = prepare(source.isel(time=slice(1, None)), tmp_path / "a", variables=["2m_temperature"], daily_mean=True)
    days = source["2m_temperature"].astype(float).values.reshape(7, 4, *SOURCE.shape).mean(1)
    np.testing.assert_allclose(out.fields["2m_temperature"], days[1:], rtol=1e-7)
    np.testing.assert_array_equal(out.fields.time, source.time[4::4])
    assert out.manifest["cadence_hours"] == 24


def test_precipitation_is_summed_over_the_hours_that_end_at_the_time(source, tmp_path):
    rain = source.total_precipitation_6hr.astype(float).values
    out = prepare(source, tmp_path / "a", variables=["total_precipitation_24hr", "total_precipitation_6hr"])
    sums = sum(rain[3 - back : rain.shape[0] - back] for back in range(4))
    np.testing.assert_allclose(out.fields.total_precipitation_24hr, sums, rtol=1e-6)
    np.testing.assert_array_equal(out.fields.total_precipitation_6hr, source.total_precipitation_6hr[3:])
    np.testing.assert_array_equal(out.fields.time, source.time[3:])
    hourly = _make(Grid.equiangular(3, 4), days=2, hours=1)
    hourly = hourly.rename(total_precipitation_6hr="total_precipitation")
    out = prepare(hourly, tmp_path / "b", variables=["total_precipitation_6hr"], cadence_hours=6.0)
    rain = hourly.total_precipitation.astype(float).values
    # The first time with six hours before it is 05, and every sixth from 00 is wanted.
    np.testing.assert_allclose(out.fields.total_precipitation_6hr[0], rain[1:7].sum(0), rtol=1e-6)
    with pytest.raises(ValueError, match=r"'total_precipitation_9hr', which must be there or a sum .*_6hr, 6 h apart"):
        prepare(source, tmp_path / "c", variables=["total_precipitation_9hr"])


def _holed(source):
    out = source.copy(deep=True)
    out["geopotential"][9, 1, 3, 4] = np.nan
    return out


def _without(source, *times):
    return source.isel(time=[at for at in range(source.time.size) if at not in times])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (None, {"variables": ["temperature"]}, "`variables` names 'temperature', but there are only 2m_temperature"),
        (None, {"variables": ["u_component_of_wind"]}, "both components, got 'u_component_of_wind' without 'v_comp"),
        (None, {"variables": []}, "`variables` must name at least one"),
        (None, {"variables": ["land_sea_mask"]}, "'land_sea_mask', which has dimensions ['latitude', 'longitude']"),
        (None, {"levels": [500.0, 300.0]}, "`levels` must be of the source, which lacks 300; it has [500, 850]"),
        (None, {"members": [0]}, "`members` must be of the source, which lacks 0; it has []"),
        (None, {"cadence_hours": 9.0}, "`cadence_hours` must be a multiple of the 6 h between times"),
        (None, {"daily_mean": True, "cadence_hours": 36.0}, "`cadence_hours` must be a multiple of a day, got 36"),
        (None, {"training": ("2031", "2032")}, "`training` must hold times of the source, got 2031 … 2032"),
        (None, {"training": ("2019", "2018")}, "`training` must end after it begins, got 2019 … 2018"),
        (None, {"training": ("last", "year")}, "`training` must be two ISO dates such as 1979 or 2016-12-31, got"),
        (None, {"training": ("2019", "2020"), "test": ("2020", "2020")}, "`training` and `test` must not overlap"),
        (None, {"test": ("2020", "2020")}, "must not overlap, got the beginning … the end and 2020 … 2020; without"),
        (None, {"scheduler": "lots"}, "`scheduler` must be 'threads', 'synchronous' or an address, got 'lots'"),
        (None, {"chunk": 0}, "`chunk` must be at least 1, got 0"),
        (_holed, {}, "`geopotential` must have a value at every point, but 0.321 % of the values are missing at time "
            "2019-12-30T06:00, level 850; leave out the variable"),
        (lambda d: _without(d, 5, 6, 11), {}, "`training` must have a time every 6 h, got 2 gaps, the first from "
            "2019-12-29T00:00:00.000000000 to 2019-12-29T18:00:00.000000000; `allow_gaps`"),
        (lambda d: _without(d, 5), {"daily_mean": True}, "`training` must have a time every 24 h, got 1 gaps, the fir"),
        (lambda d: d.isel(time=[0, 1, 1]), {}, "`source`: time: must ascend without repeats, got 2019-12-28T06"),
        (lambda d: d.assign(geopotential=d.geopotential / 9.80665), {}, "geopotential: .* in m, not m²/s²: multiply"),
        (lambda d: d.assign(geopotential_at_surface=d.geopotential_at_surface * 9.80665), {},
            "geopotential_at_surface: "),
        (lambda d: d.drop_vars("time"), {}, "`source`: time: the dimension of size 28 has no coordinate"),
        (lambda d: d.isel(time=0, drop=True), {}, "`source` must have times, got dimensions"),
        (lambda d: d.rename(latitude="longitude", longitude="latitude"), {}, "they are swapped; rename them with"),
    ],
)  # fmt: skip
def test_what_is_refused(source, tmp_path, change, settings, message):
    spoiled = source if change is None else change(source)
    pattern = message if ".*" in message else re.escape(message)
    settings = {"variables": ["geopotential", "2m_temperature"], **settings}
    with pytest.raises(ValueError, match=pattern):
        prepare(spoiled, tmp_path / "out", **settings)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_check_and_gaps_can_be_waved_through(source, tmp_path):
    short = _without(source.assign(geopotential=source.geopotential / 9.80665), 5)
    out = prepare(short, tmp_path / "a", variables=["geopotential"], check=False, allow_gaps=True)
    np.testing.assert_array_equal(out.training_times, short.time)
    with pytest.raises(ValueError, match=r"`training` must have a time every 6 h, got 1 gaps"):
        open_prepared(out.path, allow_gaps=False)


def test_a_chunk_that_a_store_lacks_is_found(store, tmp_path):
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    (copy / "2m_temperature" / "c" / "2" / "0" / "0").unlink()
    with pytest.raises(
        ValueError, match=r"`2m_temperature` .* 100 % .* 2019-12-30T12:00.*copy the missing chunk of the sto"
    ):
        prepare(copy, tmp_path / "out", variables=["2m_temperature"])


def test_a_chunk_that_is_lost_or_exchanged_later_is_refused(data, tmp_path):
    shutil.copytree(data.path, tmp_path / "copy")
    folder = tmp_path / "copy" / "fields.zarr" / "2m_temperature" / "c"
    first, second = folder / "0" / "0" / "0", folder / "1" / "0" / "0"
    first.rename(tmp_path / "first")
    second.rename(first)
    (tmp_path / "first").rename(second)
    field = open_prepared(tmp_path / "copy").fields["2m_temperature"]
    with pytest.raises(
        OSError, match=r"chunk c/1/0/0 of 2m_temperature is damaged, cut off or not the one that was wri"
    ):
        field.isel(time=5).load()
    second.unlink()
    with pytest.raises(OSError, match=r"chunk c/1/0/0 of 2m_temperature is missing; take another copy of the store"):
        field.isel(time=slice(5, 7)).load()
    np.testing.assert_array_equal(field.isel(time=slice(8, 12)), data.fields["2m_temperature"].isel(time=slice(8, 12)))


def test_a_chunk_that_is_cut_off_is_told_with_its_place(store, tmp_path):
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    chunk = copy / "2m_temperature" / "c" / "2" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:100])
    message = "copy.zarr: 2m_temperature cannot be read at time 10, latitude 0, longitude 0; a chunk is damaged or cut"
    with pytest.raises(OSError, match=message):
        prepare(copy, tmp_path / "out", variables=["2m_temperature"])
    assert not (tmp_path / "out" / "manifest.json").exists()


def flip(path, at):
    """Turn one bit of a byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 8
    path.write_bytes(bytes(content))


def _rewrite(folder, change):
    """Change the manifest of a folder as version 0.1 wrote it, without checksums."""
    values = json.loads((folder / "manifest.json").read_text())
    del values["sha256"], values["files"]
    (folder / "manifest.json").write_text(json.dumps(change({**values, "format": 1})))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p, d: (p / "manifest.json").write_text("{"), "manifest.json: cannot be read as JSON"),
        (lambda p, d: _rewrite(p, lambda m: {**m, "format": 9}), "must have format 1 or 2, got 9"),
        (
            lambda p, d: _rewrite(p, lambda m: {**m, "levels": [500.0]}),
            "the manifest's levels [500.0]",
        ),
        (lambda p, d: _rewrite(p, lambda m: {**m, "times": 30}), "the manifest's 30 times, got 27"),
        (lambda p, d: shutil.rmtree(p / "fields.zarr" / "geopotential"), "geopotential/zarr.json is missing, but"),
        (lambda p, d: (p / "statistics.nc").unlink(), "statistics.nc is missing"),
        (
            lambda p, d: (p / "manifest.json").write_text((p / "manifest.json").read_text().replace("2019", "2018", 1)),
            "manifest.json: the file is damaged or was changed: its checksum does not match its content",
        ),
        (
            lambda p, d: write_netcdf(d.statistics * 1.01, p / "statistics.nc"),
            "statistics.nc is damaged, or of other prepared data: its checksum is not that in manifest.json",
        ),
        (lambda p, d: (p / "fields.zarr" / "latitude" / "checksums.json").unlink(), "checksums.json is missing"),
        (
            lambda p, d: shutil.copy(
                p / "fields.zarr" / "geopotential" / "zarr.json", p / "fields.zarr" / "2m_temperature"
            ),
            "2m_temperature/zarr.json is damaged or belongs to another store",
        ),
        (lambda p, d: flip(p / "fields.zarr" / "time" / "c" / "0", -1), "chunk c/0 of time is damaged"),
        (
            lambda p, d: (
                _rewrite(p, dict)
                or d.statistics.drop_vars("geopotential").to_netcdf(p / "statistics.nc", engine="h5netcdf")
            ),
            "must have the statistics of 2m_temperature, geopotential, u_component_of_wind, v_component_of_wind, got "
            "those of 2m_temperature, u_component_of_wind, v_component_of_wind; prepare the data again",
        ),
        (
            lambda p, d: (
                _rewrite(p, dict)
                or d.statistics.isel(statistic=slice(2)).to_netcdf(p / "statistics.nc", engine="h5netcdf")
            ),
            "must have the statistics mean, std, tendency_mean, tendency_std",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*prepared by an earlier version:UserWarning")
def test_files_that_do_not_belong_together(data, tmp_path, spoil, message):
    copy = tmp_path / "copy"
    shutil.copytree(data.path, copy)
    spoil(copy, data)
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        open_prepared(copy)


def test_prepared_data_of_an_earlier_version_are_read_with_one_line(data, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data.path, copy)
    _rewrite(copy, dict)
    (copy / "fields.zarr" / "latitude" / "checksums.json").unlink()
    root = copy / "fields.zarr" / "zarr.json"
    root.write_text(re.sub(r'"checksums": "[0-9a-f]*"', "", root.read_text()))
    statistics = copy / "statistics.nc"
    statistics.write_bytes(statistics.read_bytes()[:-73])
    with pytest.warns(FileWarning) as told:
        found = open_prepared(copy)
    assert [str(one.message) for one in told] == [
        f"{copy}: prepared by an earlier version, without checksums: damage in it cannot be detected"
    ]
    xr.testing.assert_identical(found.fields.load(), data.fields.load())
    xr.testing.assert_identical(found.statistics, data.statistics)


def test_a_flipped_bit_in_a_chunk_is_refused_wherever_it_is(data, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data.path, copy)
    chunk = copy / "fields.zarr" / "geopotential" / "c" / "1" / "0" / "0" / "0"
    whole, field = chunk.read_bytes(), open_prepared(copy).fields["geopotential"].isel(time=4)
    for at in np.linspace(0, len(whole) - 1, 12).astype(int):
        flip(chunk, at)
        with pytest.raises(OSError, match=r"fields.zarr: .*geopotential .*take another copy of"):
            field.load(scheduler="synchronous")
        chunk.write_bytes(whole)
    xr.testing.assert_identical(field.load(), data.fields["geopotential"].isel(time=4).load())


def test_the_command(store, tmp_path, capsys):
    words = ["prepare", str(store), "--variables", "geopotential", *WIND, "--levels", "500", "--grid", "6x12+gauss"]
    words += ["--training", *PERIODS["training"], "--test", *PERIODS["test"], "--out", str(tmp_path / "out")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "6×12 Gauss-Legendre; 16 for training, 3 for test, 6 h apart" in told
    assert re.search(r"geopotential 500 +5[0-9],\d{3}", told)
    assert open_prepared(tmp_path / "out").grid == TARGET
    assert main([*words, "--chunk", "3"]) == 2
    assert "chunk (8, now 3); give those again, or choose another folder" in capsys.readouterr().err
    for more, message in ((["--grid", "6"], "`grid` must be source, NLATxNLON,"), (["--method", "linear"], "linear")):
        assert main(["prepare", str(store), "--out", str(tmp_path / "other"), *more]) == 2
        assert message in capsys.readouterr().err
    assert main(["prepare", str(tmp_path / "none"), "--out", str(tmp_path / "other")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_real_ensemble(weather, tmp_path):
    file = weather / "era5_z_t_500_850_3deg_4times_10members.nc"
    out = prepare(file, tmp_path / "era5", members=[0, 1, 2], method="conservative", grid=Grid.gauss_legendre(16))
    assert out.fields.geopotential.shape == (4, 3, 2, 16, 32)
    source = open_dataset(file).sel(number=[0, 1, 2])
    mean = source.geopotential.weighted(xr.DataArray(area_weights(source.latitude), dims="latitude")).mean(
        ["time", "number", "latitude", "longitude"]
    )
    np.testing.assert_allclose(out.statistics.geopotential.sel(statistic="mean"), mean, rtol=1e-6)
    assert out.cadence == 12 * HOUR


def test_values_that_are_not_what_they_say_are_refused(source, tmp_path):
    short = source[["2m_temperature", "total_precipitation_6hr"]]
    celsius = short["2m_temperature"].where(short.time < np.datetime64("2020-01-01"), short["2m_temperature"] - 273.15)
    with pytest.raises(
        ValueError, match=r"`source`: 2m_temperature: at 2020-01-01T00:00: .* K is possible; it is in °C"
    ):
        prepare(short.assign({"2m_temperature": celsius}), tmp_path / "a")
    flat = short.assign({"2m_temperature": short["2m_temperature"] * 0 + 280.1})
    with pytest.raises(
        ValueError, match=r"`source`: 2m_temperature: must vary over the training times, but is constant"
    ):
        prepare(flat, tmp_path / "b")
    still = short.assign({"2m_temperature": short["2m_temperature"] * 0 + short["2m_temperature"][0]})
    with pytest.raises(ValueError, match=r"but is constant in time; leave it out"):
        prepare(still, tmp_path / "c")


def test_precipitation_of_an_unknown_time_is_not_summed(tmp_path):
    rain = _make(hours=6)[["total_precipitation_6hr"]].rename(total_precipitation_6hr="total_precipitation")
    with pytest.raises(ValueError, match=r"whose times are 6 h apart; it may hold 1 h or all hours since a reset"):
        prepare(rain, tmp_path / "a", variables=["total_precipitation_24hr"])
    hourly = _make(days=3, hours=1)[["total_precipitation_6hr"]].rename(total_precipitation_6hr="total_precipitation")
    running = hourly.cumsum("time").assign_coords(time=hourly.time)
    with pytest.raises(
        ValueError, match=r"`source`: total_precipitation: grows at nearly all points .* accumulated since a reset"
    ):
        prepare(running, tmp_path / "b", variables=["total_precipitation_24hr"], cadence_hours=24.0)


def test_a_mask_with_a_time_axis_is_a_constant(source, tmp_path):
    given = source[["2m_temperature"]].assign(land_sea_mask=source.land_sea_mask.expand_dims(time=source.time))
    with pytest.warns(UserWarning, match="`land_sea_mask` has a time axis but does not change"):
        data = prepare(given, tmp_path / "a")
    assert data.variables == ("2m_temperature",)
    assert "land_sea_mask" in data.constants


def test_a_variable_in_seconds_stays_a_number_in_seconds(make_dataset, tmp_path):
    data = make_dataset(Grid.equiangular(6, 12, poles=False), levels=(500,))[["2m_temperature"]]
    data = data.rename({"2m_temperature": "mean_wave_period"})
    data["mean_wave_period"].attrs["units"] = "seconds"
    made = prepare(data, tmp_path / "data", check=False)
    np.testing.assert_array_equal(made.fields["mean_wave_period"], data["mean_wave_period"])
    assert made.statistics["mean_wave_period"].dtype == np.float64
    weights = xr.DataArray(area_weights(data.latitude), dims="latitude")
    mean = made.statistics["mean_wave_period"].sel(statistic="mean")
    np.testing.assert_allclose(mean.squeeze(), data["mean_wave_period"].weighted(weights).mean(), rtol=1e-5)
