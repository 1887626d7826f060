"""Files and stores: told by what is in them, combined, chunked, refused."""

import json

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from spinnn.files import FileWarning
from wxsphere import CATALOGUE, DataWarning, grid_of, open_dataset
from wxsphere._files.stores import refuse_objects


@pytest.fixture
def dataset(make_dataset):
    return make_dataset(Grid.equiangular(7, 12))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.nc", lambda d, p: d.to_netcdf(p, engine="scipy")),
        ("b.nc", lambda d, p: d.to_netcdf(p, engine="h5netcdf")),
        ("no-suffix", lambda d, p: d.to_netcdf(p, engine="h5netcdf")),
        ("c.zarr", lambda d, p: d.to_zarr(p, zarr_format=2, consolidated=True)),
        ("d.zarr", lambda d, p: d.to_zarr(p, zarr_format=2, consolidated=False)),
        ("e.zarr", lambda d, p: d.to_zarr(p, zarr_format=3, consolidated=False)),
    ],
    ids=["classic", "netcdf4", "without-suffix", "zarr2", "zarr2-unconsolidated", "zarr3"],
)
def test_every_format_gives_what_was_written_lazily(tmp_path, dataset, name, write):
    write(dataset, tmp_path / name)
    out = open_dataset(tmp_path / name)
    assert out.geopotential.chunks is not None
    xr.testing.assert_equal(out.load(), dataset)


def test_files_without_checksums_are_said_in_one_line(tmp_path, dataset):
    for name in ("a.nc", "b.nc"):
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
    with pytest.warns(FileWarning, match=r"a\.nc: without checksums: damage that can still be decoded reads as other"):
        open_dataset(tmp_path / "a.nc")
    half = {"a.nc": slice(0, 1), "b.nc": slice(1, None)}
    for name, times in half.items():
        dataset.isel(time=times).to_netcdf(tmp_path / name, engine="h5netcdf")
    with pytest.warns(FileWarning, match=r"a\.nc and 1 more files: without checksums") as told:
        open_dataset([tmp_path / name for name in half])
    assert len(told) == 1


def test_obstore_reads_the_same(tmp_path, dataset):
    pytest.importorskip("obstore")
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    out = open_dataset(f"file://{tmp_path}/a.zarr", library="obstore")
    xr.testing.assert_equal(out.load(), dataset)


@pytest.mark.parametrize(("zarr_format", "consolidated"), [(2, True), (2, False), (3, False)])
@pytest.mark.filterwarnings("ignore:.*(consolidated|Zarr format 3|FixedLengthUTF32|vlen-utf8|data type)")
def test_codecs_that_make_python_objects_are_refused(tmp_path, dataset, zarr_format, consolidated):
    path = tmp_path / "a.zarr"
    named = dataset[["2m_temperature"]].assign(label=("time", np.array(["a", "b", "c", "d"], object)))
    named.to_zarr(path, zarr_format=zarr_format, consolidated=consolidated)
    assert "label" in open_dataset(path)
    found = [file for file in path.rglob("*") if file.name in (".zarray", ".zmetadata", "zarr.json")]
    assert sum("vlen-utf8" in file.read_text() for file in found) == 1 + consolidated
    for file in found:
        file.write_text(file.read_text().replace("vlen-utf8", "numcodecs.pickle" if zarr_format == 3 else "pickle"))
    with pytest.raises(ValueError, match=r"a\.zarr: cannot be read .* got Python objects by the codec 'pickle'"):
        open_dataset(path)


def test_object_codecs_are_looked_for_where_codecs_stand():
    for fields in ({"filters": [{"id": "msgpack2"}]}, {"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle"}]}):
        with pytest.raises(ValueError, match=r"t/\.zarray must describe arrays of numbers or strings"):
            refuse_objects("t/.zarray", json.dumps({"metadata": {"t": fields}}).encode())
    refuse_objects("zarr.json", json.dumps({"attributes": {"filters": [{"id": "pickle"}]}}).encode())
    refuse_objects("zarr.json", b"[" * 100_000)


def test_lead_times_come_back_as_they_were_written(tmp_path, dataset):
    leads = np.array([6, 12], "timedelta64[h]").astype("timedelta64[ns]")
    forecast = dataset.drop_vars("land_sea_mask").expand_dims(prediction_timedelta=leads)
    forecast.to_zarr(tmp_path / "f.zarr", zarr_format=2, consolidated=True)
    out = open_dataset(tmp_path / "f.zarr")
    np.testing.assert_array_equal(out.prediction_timedelta, leads)
    assert out.geopotential.dims == ("time", "prediction_timedelta", "level", "latitude", "longitude")


def test_files_of_variables_and_of_times_are_combined(tmp_path, dataset):
    wind = ["u_component_of_wind", "v_component_of_wind"]
    paths = []
    for at, times in enumerate((slice(2, 4), slice(0, 2))):
        for names in (wind, ["geopotential"]):
            paths.append(tmp_path / f"{names[0]}{at}.nc")
            dataset[names].isel(time=times).to_netcdf(paths[-1], engine="h5netcdf")
    xr.testing.assert_equal(open_dataset(paths).load(), dataset[[*wind, "geopotential"]])
    shifted = dataset[["2m_temperature"]].isel(latitude=slice(0, 6))
    shifted.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=r"other.nc: the files do not fit together"):
        open_dataset([*paths, tmp_path / "other.nc"])


def test_files_whose_axes_differ_by_rounding_or_by_height_are_combined(tmp_path, dataset):
    one, other = dataset[["2m_temperature"]], dataset[["u_component_of_wind", "v_component_of_wind"]]
    one.assign_coords(height=2.0).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    moved = other.assign_coords(latitude=dataset.latitude + 1e-9, height=10.0)
    moved.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.warns(DataWarning) as told:
        out = open_dataset([tmp_path / "a.nc", tmp_path / "b.nc"])
    texts = [str(one.message).replace(str(tmp_path), "") for one in told if one.category is DataWarning]
    assert texts == [
        "latitudes of /b.nc differ from those of /a.nc by up to 1e-09° and are set to them",
    ]
    xr.testing.assert_equal(out.load(), xr.merge([one, other]))
    other.assign_coords(latitude=dataset.latitude * 0.99).to_netcdf(tmp_path / "c.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=r"c.nc: the files do not fit together"):
        open_dataset([tmp_path / "a.nc", tmp_path / "c.nc"])


def test_heights_of_several_files_become_attributes(tmp_path, dataset):
    metres = {"units": "m", "standard_name": "height"}
    warm = dataset[["2m_temperature"]].assign_coords(height=((), 2.0, metres))
    wind = dataset[["2m_temperature"]].rename({"2m_temperature": "uas"}).assign_coords(height=((), 10.0, metres))
    wind["vas"] = wind.uas
    for name, one in (("t.nc", warm), ("w.nc", wind), ("other.nc", warm.assign_coords(height=((), 80.0, metres)))):
        one.to_netcdf(tmp_path / name, engine="h5netcdf")
    out = open_dataset([tmp_path / "t.nc", tmp_path / "w.nc"])
    assert {name: field.attrs["height"] for name, field in out.data_vars.items()} == {
        "2m_temperature": "2 m", "10m_u_component_of_wind": "10 m", "10m_v_component_of_wind": "10 m"
    }  # fmt: skip
    assert "height" not in out.coords
    assert open_dataset([tmp_path / "t.nc"]).height == 2.0
    with pytest.raises(
        ValueError, match=r"other.nc: '2m_temperature' has 'height' 80 m, but 2 m in .*t.nc; open one of"
    ):
        open_dataset([tmp_path / "t.nc", tmp_path / "other.nc"])


def test_variables_and_chunks_are_chosen(tmp_path, dataset):
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    out = open_dataset(tmp_path / "a.zarr", variables=["geopotential"], chunks={"time": 1})
    assert list(out.data_vars) == ["geopotential"]
    assert out.geopotential.chunks[0] == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"`variables` names 'temperature', but there are only 2m_temperature, geop"):
        open_dataset(tmp_path / "a.zarr", variables=["temperature"])


def test_what_cannot_be_opened(tmp_path, dataset):
    with pytest.raises(FileNotFoundError, match=r"nothing: no such file$"):
        open_dataset(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: a folder without zarr.json, .zgroup, .zmetadata is not a zarr store"):
        open_dataset(tmp_path / "empty")
    (tmp_path / "text.nc").write_text("hello")
    with pytest.raises(ValueError, match=r"text.nc: neither NetCDF, GRIB nor a zarr .* bytes are b'hell'"):
        open_dataset(tmp_path / "text.nc")
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    whole = (tmp_path / "a.nc").read_bytes()
    (tmp_path / "half.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"half.nc: h5netcdf cannot read it: .*truncated"):
        open_dataset(tmp_path / "half.nc")
    with pytest.raises(ValueError, match=r"`source` must name at least one file"):
        open_dataset([])


def test_the_catalogue_holds_zarr_stores_of_one_bucket():
    assert {"era5-0.25", "era5-1.5", "era5-5.6", "climatology-1990-2019-1.5", "sphericalcnn-1.5"} <= set(CATALOGUE)
    urls = [store.url for store in CATALOGUE.values()]
    assert len(set(urls)) == len(urls)
    for url in urls:
        assert url.startswith("gs://weatherbench2/datasets/")
        assert url.endswith(".zarr")


REAL = {
    "neuralgcm_era5_tl31_19590102T00.nc": (Grid.gauss_legendre(32), 37),
    "era5_z_t_500_850_3deg_4times_10members.nc": (Grid.equiangular(61, 120), 2),
    "falwa_eraint_2005-01-23-0000-u.nc": (Grid.equiangular(121, 240), 37),
    "xarraydata_eraint_uvz.nc": (Grid.equiangular(241, 480), 3),
    "gfs_2p5deg.nc": (Grid.equiangular(73, 144), 13),
    "ncep_uwnd_mean.nc": (Grid.equiangular(73, 144), 1),
    "echam_tsurf_6hourly_96x192.nc": (Grid.gauss_legendre(96), 0),
    "cfgrib_era5-levels-members.grib": (Grid.equiangular(61, 120), 2),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_open_in_one_layout(weather, name):
    if name.endswith(".grib"):
        pytest.importorskip("cfgrib")
    grid, levels = REAL[name]
    out = open_dataset(weather / name)
    assert grid_of(out) == grid
    assert out.sizes.get("level", 0) == levels
    field = next(iter(out.data_vars.values()))
    assert field.dims[-2:] == ("latitude", "longitude")
    assert not list(weather.glob("*.idx"))


def test_the_grib_file_and_its_netcdf_copy_agree(weather):
    pytest.importorskip("cfgrib")
    files = ("cfgrib_era5-levels-members.grib", "era5_z_t_500_850_3deg_4times_10members.nc")
    grib, netcdf = (open_dataset(weather / name).isel(number=[0, 9], time=[0, 3]) for name in files)
    for name in ("geopotential", "temperature"):
        np.testing.assert_allclose(grib[name], netcdf[name], rtol=1e-5)


def test_a_real_file_with_rounded_gaussian_latitudes_is_refused(weather):
    with pytest.raises(ValueError, match=r"256 rings whose index \d+ is"):
        grid_of(open_dataset(weather / "falwa_barotropic_vorticity.nc"))


@pytest.mark.parametrize(
    ("version", "name", "content"),
    [
        (3, "longitude/c/0", b"\x28\xb5\x2f\xfd none"),
        (2, "longitude/0", b"none"),
        (3, "longitude/zarr.json", b'{"a":' * 100_000),
        (2, ".zmetadata", b"[]"),
    ],
)
def test_damaged_coordinates_and_metadata_are_refused_by_file(tmp_path, dataset, version, name, content):
    path = tmp_path / "store.zarr"
    dataset.to_zarr(path, zarr_format=version, consolidated=version == 2)
    (path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"store\.zarr: cannot be read as a zarr store: "):
        open_dataset(path)
