"""GRIB files of several kinds of levels are opened whole, or refused with what to do."""

import numpy as np
import pytest
import xarray as xr

from wxsphere import DataWarning, open_dataset

ec = pytest.importorskip("eccodes")
pytest.importorskip("cfgrib")

GRID = {
    "Ni": 12, "Nj": 7, "latitudeOfFirstGridPointInDegrees": 90, "latitudeOfLastGridPointInDegrees": -90,
    "longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 330,
    "iDirectionIncrementInDegrees": 30, "jDirectionIncrementInDegrees": 30,
}  # fmt: skip
T2M = {"shortName": "2t", "typeOfLevel": "heightAboveGround", "level": 2}
U10 = {"shortName": "10u", "typeOfLevel": "heightAboveGround", "level": 10}
PLACES = ("time", "latitude", "longitude")


def on(name, level, **more):
    return {"shortName": name, "typeOfLevel": "isobaricInhPa", "level": level, **more}


def message(value, sample="regular_ll_sfc_grib2", **keys):
    """A message whose field is one value at every point, as bytes."""
    handle = ec.codes_grib_new_from_samples(sample)
    regular = GRID if sample.startswith("regular") else {}
    for key, one in {**regular, "dataDate": 20200101, "dataTime": 0, **keys}.items():
        ec.codes_set(handle, key, one)
    if regular:
        ec.codes_set_values(handle, np.full(7 * {**GRID, **keys}["Ni"], float(value)))
    out = ec.codes_get_message(handle)
    ec.codes_release(handle)
    return out


@pytest.fixture
def write(tmp_path):
    """`write(*keys)`: a file of messages whose values are 0, 1, 2, …"""

    def make(*keys):
        path = tmp_path / "a.grib"
        path.write_bytes(b"".join(message(at, **one) for at, one in enumerate(keys)))
        return path

    return make


def test_fields_at_several_heights_are_all_there(write):
    days = [{**one, "dataDate": day} for day in (20200101, 20200102) for one in (T2M, U10)]
    path = write(*days, {"shortName": "lsm", "typeOfLevel": "surface", "level": 0})
    out = open_dataset(path)
    assert {name: field.dims for name, field in out.data_vars.items()} == {
        "2m_temperature": PLACES, "10m_u_component_of_wind": PLACES, "land_sea_mask": PLACES[1:]
    }  # fmt: skip
    assert out["10m_u_component_of_wind"].attrs["GRIB_heightAboveGround"] == 10
    np.testing.assert_array_equal(out["2m_temperature"].isel(latitude=0, longitude=0), [0, 2])
    np.testing.assert_array_equal(out["10m_u_component_of_wind"].isel(latitude=0, longitude=0), [1, 3])
    assert [one.name for one in path.parent.iterdir()] == ["a.grib"], "no index is left beside it"


def test_pressure_levels_that_a_field_lacks_have_no_value(write):
    path = write(T2M, on("t", 500), on("t", 850), on("z", 500))
    with pytest.warns(DataWarning, match=r"levels that the file lacks become NaN: z at 850 hPa$"):
        out = open_dataset(path)
    assert out["2m_temperature"].dims == PLACES
    np.testing.assert_array_equal(out.temperature.isel(time=0, latitude=0, longitude=0), [1, 2])
    np.testing.assert_array_equal(out.geopotential.isel(time=0, latitude=0, longitude=0), [3, np.nan])


def test_fields_of_one_name_are_named_apart(write):
    path = write(on("t", 500), {"shortName": "t", "typeOfLevel": "surface", "level": 0})
    with pytest.warns(DataWarning, match=r"several fields are called 't'; they are renamed to t, t_surface$"):
        out = open_dataset(path)
    assert out.temperature.isel(level=0, time=0, latitude=0, longitude=0) == 0
    assert out.t_surface.isel(time=0, latitude=0, longitude=0) == 1


def test_control_and_perturbed_members_are_one_field(write):
    kinds = [
        {"productDefinitionTemplateNumber": 1, "dataType": kind, "number": k} for k, kind in enumerate(("cf", "pf"))
    ]
    out = open_dataset(write(*(on("t", level, **kind) for kind in kinds for level in (500, 850))))
    np.testing.assert_array_equal(out.temperature.isel(time=0, latitude=0, longitude=0), [[0, 1], [2, 3]])


def test_one_name_at_two_heights_in_two_files_is_refused(write):
    low = write({**T2M, "shortName": "u", "level": 80})
    low = low.rename(low.with_name("low.grib"))
    high = write({**T2M, "shortName": "u", "level": 120, "dataDate": 20200102})
    told = r"a.grib: 'u_component_of_wind' is at heightAboveGround 120.0, but at heightAboveGround 80.0 in .*low.grib; "
    with pytest.raises(ValueError, match=told):
        open_dataset([low, high])


def test_fields_that_are_not_in_the_file_are_counted(write):
    path = write(on("t", 500), on("t", 850), on("t", 500, dataDate=20200102))
    with pytest.warns(DataWarning, match=r"fields that the file lacks become NaN: 1 of 4 of t$"):
        out = open_dataset(path)
    assert int(out.temperature.isnull().sum()) == 84


def test_a_field_that_is_there_twice_is_read_once_or_refused(write, tmp_path):
    path = write(T2M, U10)
    path.write_bytes(path.read_bytes() + message(0, **T2M))
    with pytest.warns(DataWarning, match=r"a.grib: 1 fields occur more than once with equal values; one"):
        assert open_dataset(path).sizes["time"] == 1
    with pytest.raises(
        ValueError, match=r"more than once with different values: 2t at 2020-01-01T00:00:00, level 2; copy one"
    ):
        open_dataset(write(T2M, T2M))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([{"sample": "sh_ml_grib2", "shortName": "t"}],
            r"the grid must be regular, but t is given as spectral coefficients; transform the file with `cdo sp2gpl"),
        ([{"sample": "reduced_gg_pl_32_grib2", "shortName": "t"}],
            r"is given as a reduced Gaussian grid; transform the file with `cdo setgridtype,regular a.grib OUT.grib"),
        ([{**T2M, "stepRange": 0}, {**T2M, "stepRange": 6}, {**U10, "stepRange": 6}],
            r"have different values of 'step', 1 \(6 … 6\) and 2 \(0 … 6\), .* e.g. `grib_copy -w shortName=2t a.grib"),
        ([T2M, {**U10, "Ni": 24, "iDirectionIncrementInDegrees": 15, "longitudeOfLastGridPointInDegrees": 345}],
            r"is on another grid, .* e.g. `grib_copy -w numberOfPoints=\d+ a.grib OUT.grib`"),
    ],
    ids=["spectral", "reduced", "steps", "grids"],
)  # fmt: skip
def test_what_is_no_one_dataset_is_refused_with_what_to_do(write, keys, message):
    with pytest.raises(ValueError, match=message):
        open_dataset(write(*keys))


def test_no_message_is_lost_where_one_is_damaged(write):
    path = write(*({**T2M, "dataDate": day} for day in (20200101, 20200102, 20200103)))
    whole = path.read_bytes()
    length = len(whole) // 3
    assert open_dataset(path).sizes["time"] == 3
    faults = {
        0: "are a message without a beginning",
        7: "an unknown edition",
        41: f"at byte {length} is damaged at byte",
    }
    for at, told in {**faults, length - 1: "does not have the length that it states"}.items():
        damaged = bytearray(whole)
        damaged[length + at] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=told):
            open_dataset(path)
    path.write_bytes(whole[:-40])
    with pytest.raises(
        ValueError, match=r"a.grib: .* does not have the length that it states; the file is damaged or cut off"
    ):
        open_dataset(path)
    path.write_bytes(b"".join(b"bulletin" + whole[at : at + length] for at in range(0, 3 * length, length))[8:])
    xr.testing.assert_equal(open_dataset(path).isel(time=[0]).load(), open_dataset(write(T2M)).load())
