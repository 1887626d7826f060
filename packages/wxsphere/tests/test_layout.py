"""One layout, whatever the archive calls and orders things."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import DataWarning, canonical, grid_dataset, grid_of

GRID = Grid.equiangular(7, 12)


def test_the_layout_of_the_layout_is_itself(make_dataset):
    dataset = make_dataset(GRID)
    xr.testing.assert_identical(canonical(dataset), dataset)


@pytest.mark.parametrize(
    "names",
    [
        {"latitude": "lat", "longitude": "lon", "level": "isobaricInhPa", "geopotential": "z", "2m_temperature": "t2m"},
        {"latitude": "nav_lat", "longitude": "nav_lon", "level": "pressure_level", "u_component_of_wind": "u"},
        {"latitude": "Y", "longitude": "X", "level": "plev", "v_component_of_wind": "vwnd", "land_sea_mask": "lsm"},
    ],
)
def test_other_names_orders_and_directions_are_undone(make_dataset, names):
    dataset = make_dataset(GRID)
    other = dataset.rename(names).transpose(..., names["longitude"], names["latitude"], names["level"])
    other = other.isel({names["latitude"]: slice(None, None, -1), names["level"]: slice(None, None, -1)})
    other = other.roll({names["longitude"]: 5}, roll_coords=True)
    longitude = other[names["longitude"]]
    turned = (longitude + 180) % 360 - 180
    other = other.assign_coords({names["longitude"]: turned.assign_attrs(longitude.attrs)})
    other = other.sortby(names["longitude"])
    xr.testing.assert_allclose(canonical(other), dataset, rtol=1e-12)


def test_rename_finds_what_is_not_found(make_dataset):
    dataset = make_dataset(GRID)
    other = dataset.rename(latitude="breite", longitude="laenge").drop_vars(["breite", "laenge"])
    other = other.assign_coords(breite=dataset.latitude.values, laenge=dataset.longitude.values)
    with pytest.raises(ValueError, match=r"one-dimensional latitude, but it is missing among .*breite.*`rename`"):
        canonical(other)
    found = canonical(other, rename={"breite": "latitude", "laenge": "longitude"})
    np.testing.assert_array_equal(found.geopotential, dataset.geopotential)


def test_pascals_and_hours_become_hectopascals_and_timedeltas(make_dataset):
    dataset = make_dataset(GRID, times=1).isel(time=0, drop=True).expand_dims(step=[6, 12])
    dataset["step"].attrs["units"] = "hours"
    dataset = dataset.assign_coords(level=("level", [50000.0, 85000.0], {"units": "Pa"}))
    out = canonical(dataset)
    np.testing.assert_array_equal(out.level, [500, 850])
    np.testing.assert_array_equal(out.prediction_timedelta, np.array([6, 12], "timedelta64[h]"))
    dataset["step"].attrs.clear()
    with pytest.raises(ValueError, match=r"`prediction_timedelta` must be timedelta64 or numbers with units 'hours'"):
        canonical(dataset)


def test_single_times_and_levels_become_dimensions_but_not_of_static_fields(make_dataset):
    dataset = make_dataset(GRID)
    out = canonical(dataset.isel(time=0, level=1))
    assert out.geopotential.dims == ("time", "level", "latitude", "longitude")
    assert out.land_sea_mask.dims == ("level", "latitude", "longitude")
    xr.testing.assert_equal(out.geopotential, dataset.geopotential.isel(time=[0], level=[1]))


def test_heights_are_not_taken_for_geopotential(make_dataset):
    dataset = make_dataset(GRID).rename(geopotential="z")
    dataset["z"].attrs["units"] = "m"
    assert "geopotential_height" in canonical(dataset)


def test_the_prime_meridian_stays_first_despite_rounding():
    grid = Grid.equiangular(7, 12)
    dataset = grid_dataset(grid).assign_coords(longitude=grid.longitude_deg - 1e-6)
    dataset["f"] = (("latitude", "longitude"), np.arange(84.0).reshape(7, 12))
    out = canonical(dataset)
    assert out.longitude[0] == 0.0
    np.testing.assert_array_equal(out.f, dataset.f)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda d: d.rename(latitude="a", longitude="b").rename(a="longitude", b="latitude"),
            r"`latitude` runs from 0 to 330 and `longitude` from 90 to -90: they are swapped",
            id="swapped",
        ),
        pytest.param(
            lambda d: d.assign(z=d.geopotential), r"two variables for 'geopotential', one of them 'z'", id="twice"
        ),
        pytest.param(lambda d: d.drop_dims("longitude"), r"one-dimensional longitude, but it is missing", id="none"),
    ],
)
def test_what_cannot_be_laid_out(make_dataset, change, message):
    with pytest.raises(ValueError, match=message):
        canonical(change(make_dataset(GRID)))


def test_arguments_of_another_kind(make_dataset, untyped):
    with pytest.raises(TypeError, match=r"`dataset` must be an xarray.Dataset, got DataArray"):
        canonical(make_dataset(GRID).geopotential)
    with pytest.raises(ValueError, match=r"`rename` names 'breite', which the dataset lacks"):
        canonical(make_dataset(GRID), rename={"breite": "latitude"})


@pytest.mark.parametrize(
    "grid",
    [Grid.equiangular(7, 12), Grid.equiangular(8, 16, poles=False), Grid.gauss_legendre(8), Grid.driscoll_healy(4)],
    ids=str,
)
def test_the_grid_of_the_dataset_of_a_grid_is_the_grid(grid):
    assert grid_of(grid_dataset(grid)) == grid
    assert grid_of(grid_dataset(grid).isel(latitude=slice(None, None, -1))).south_first


def test_grids_that_are_not_known():
    latitude = np.array([80.0, 30.0, -10.0, -75.0])
    dataset = xr.Dataset(coords={"latitude": latitude, "longitude": np.arange(0, 360, 45.0)})
    with pytest.raises(ValueError, match=r"`latitude_deg` must be the rings of an equiangular"):
        grid_of(dataset)
    with pytest.raises(ValueError, match=r"must have a one-dimensional coordinate 'longitude', got"):
        grid_of(dataset.drop_vars("longitude"))


def test_dimensions_of_size_one_are_left_out_aloud(make_dataset):
    dataset = make_dataset(GRID)
    with pytest.warns(UserWarning, match="dropped the dimension 'batch' of size 1"):
        out = canonical(dataset.expand_dims("batch"))
    xr.testing.assert_equal(out, dataset)


def _one_more(dataset: xr.Dataset, value: float | None = None) -> xr.Dataset:
    """The first column again at the end, as 360°."""
    last = dataset.isel(longitude=[0]).assign_coords(longitude=[360.0])
    last = last if value is None else last.assign({"2m_temperature": last["2m_temperature"] + value})
    joined: Any = xr.concat([dataset, last], "longitude", data_vars="minimal", coords="minimal", compat="override")
    return joined


def _without_mask(dataset):
    return dataset.drop_vars("land_sea_mask")


def test_a_meridian_that_is_there_twice_is_left_out_aloud(make_dataset):
    dataset = _without_mask(make_dataset(GRID))
    with pytest.warns(DataWarning, match="`longitude` has 0 and 360, the same meridian with equal values; left out 1"):
        out = canonical(_one_more(dataset))
    xr.testing.assert_equal(out, dataset)
    shifted = dataset.assign_coords(longitude=(dataset.longitude + 180) % 360 - 180).sortby("longitude")
    both: Any = xr.concat(
        [shifted, shifted.isel(longitude=[0]).assign_coords(longitude=[180.0])],
        "longitude",
        data_vars="minimal",
        coords="minimal",
        compat="override",
    )
    with pytest.warns(DataWarning, match="`longitude` has -180 and 180, the same meridian"):
        xr.testing.assert_allclose(canonical(both), dataset)
    with pytest.raises(
        ValueError, match=r"`longitude` has 0 and 360, .* but '2m_temperature' differs there by up to 3;"
    ):
        canonical(_one_more(dataset, 3.0))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_repeated_meridian_is_compared_at_all_times(make_dataset, lazy):
    dataset = _one_more(_without_mask(make_dataset(GRID)))
    name = "2m_temperature"
    rounded = dataset.copy(deep=True)
    rounded[name][1, :, -1] *= 1 + 2e-7
    other = dataset.copy(deep=True)
    other[name][-1, 3, -1] += 0.01
    if lazy:
        rounded, other = (one.chunk(time=1, longitude=5) for one in (rounded, other))
    with pytest.warns(DataWarning, match="`longitude` has 0 and 360, the same meridian"):
        out = canonical(rounded)
    xr.testing.assert_equal(out.load(), dataset.isel(longitude=slice(0, -1)))
    told = r"`longitude` has 0 and 360, the same meridian, but '2m_temperature' differs there by up to 0.01;"
    if not lazy:
        with pytest.raises(ValueError, match=told):
            canonical(other)
        return
    with pytest.warns(DataWarning, match="the same meridian"):
        out = canonical(other)
    np.testing.assert_array_equal(out[name][0], dataset[name][0, :, :-1])
    with pytest.raises(ValueError, match=told):
        out[name][-1].load()


@pytest.mark.parametrize("first", [-180.0, -30.0, 180.0, 330.0])
def test_longitudes_may_begin_anywhere(make_dataset, first):
    dataset = make_dataset(GRID)
    other = dataset.roll(longitude=-int(first % 360 / 30), roll_coords=True)
    other = other.assign_coords(longitude=first + 30.0 * np.arange(12))
    xr.testing.assert_allclose(canonical(other), dataset, rtol=1e-12)


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_radians_become_degrees_aloud_if_they_say_so(make_dataset, kind):
    dataset = make_dataset(GRID)
    axes = {
        name: (name, np.radians(dataset[name].values).astype(kind), {"units": "radians"})
        for name in ("latitude", "longitude")
    }
    with pytest.warns(DataWarning, match=r"`latitude` 1.571 … -1.571, `longitude` 0 … 5.76 in radians, converted"):
        out = canonical(dataset.assign_coords(axes))
    assert grid_of(out) == GRID
    np.testing.assert_array_equal(out.geopotential, dataset.geopotential)
    silent = {name: (name, values) for name, (_, values, _) in axes.items()}
    with pytest.raises(
        ValueError,
        match=r"from 0 to 5.76: these look like radians, but must be degrees; if they are radians, set their",
    ):
        canonical(dataset.assign_coords(silent))


def test_lists_of_points_are_named(make_dataset):
    points = _without_mask(make_dataset(GRID)).stack(cell=("latitude", "longitude")).reset_index("cell")
    told = r"its 84 points are listed along 'cell', as on a reduced Gaussian or unstructured grid; interpolate it first"
    with pytest.raises(ValueError, match=told):
        canonical(points)


def test_axes_along_dimensions_of_other_names(make_dataset):
    dataset = make_dataset(GRID)
    other = dataset.rename_dims(latitude="row", longitude="column").drop_indexes(["latitude", "longitude"])
    xr.testing.assert_equal(canonical(other), dataset)


def test_levels_within_rounding_of_whole_ones_are_set_to_them_aloud(make_dataset):
    dataset = make_dataset(GRID)
    noisy = dataset.assign_coords(level=[500.0, 850.0000001])
    with pytest.warns(DataWarning, match=r"1 of 2 levels were within 0.0001 of whole hPa and set to it, e.g. 850.0"):
        np.testing.assert_array_equal(canonical(noisy).level, [500, 850])
    for levels in ([0.0036, 850.2], [849.99, 850.01]):
        np.testing.assert_array_equal(canonical(dataset.assign_coords(level=levels)).level, levels)
    pascals = dataset.assign_coords(level=("level", [50000.0, 85000.0], {"units": "Pa"}))
    np.testing.assert_array_equal(canonical(pascals).level, [500, 850])


def test_levels_that_are_texts_are_read_or_refused(make_dataset):
    dataset = make_dataset(GRID)
    with pytest.warns(DataWarning, match="`level` holds strings, which are read as numbers in hPa: 500, 850"):
        out = canonical(dataset.assign_coords(level=["500", "850 hPa"]))
    xr.testing.assert_equal(out, dataset)
    with pytest.raises(
        ValueError, match=r"`level` must be pressures in hPa, got the string 'surface'; .* --rename level="
    ):
        canonical(dataset.assign_coords(level=["500", "surface"]))
    with pytest.raises(ValueError, match=r"`level` must be pressures in hPa, got \[500.0, nan\]"):
        canonical(dataset.assign_coords(level=[500.0, np.nan]))


def test_members_without_numbers_are_numbered_aloud(make_dataset):
    dataset = make_dataset(GRID).expand_dims(member=3)
    with pytest.warns(DataWarning, match=r"dimension 'number' has no coordinate; members are numbered 0 … 2"):
        np.testing.assert_array_equal(canonical(dataset).number, [0, 1, 2])
