import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray
from hypothesis import given, strategies as st
from numpy.polynomial.legendre import leggauss
from scipy.special import sph_harm_y

from spinharm import Grid


def south_first(grid: Grid) -> Grid:
    return dataclasses.replace(grid, south_first=True)


def shifted(grid: Grid, origin_deg: float) -> Grid:
    return dataclasses.replace(grid, longitude_origin=float(np.radians(origin_deg)))


# One of every kind, with the largest bandlimit that its construction promises.
KINDS = {
    "with-poles": (Grid.equiangular(13, 24), 12),
    "with-poles-odd-nlon": (Grid.equiangular(12, 23), 11),
    "with-poles-few-longitudes": (Grid.equiangular(13, 15), 8),
    "two-poles": (Grid.equiangular(2, 1), 1),
    "no-poles": (Grid.equiangular(12, 24, poles=False), 12),
    "no-poles-odd": (Grid.equiangular(11, 25, poles=False), 11),
    "one-ring": (Grid.equiangular(1, 3, poles=False), 1),
    "gauss": (Grid.gauss_legendre(12), 12),
    "gauss-2L-1": (Grid.gauss_legendre(12, 23), 12),
    "gauss-wide": (Grid.gauss_legendre(11, 40), 11),
    "driscoll-healy": (Grid.driscoll_healy(8), 8),
    "driscoll-healy-narrow": (Grid.driscoll_healy(8, 13), 7),
    "mcewen-wiaux": (Grid.mcewen_wiaux(9), 9),
    "mcewen-wiaux-wide": (Grid.mcewen_wiaux(9, 20), 9),
    "mcewen-wiaux-mirrored": (Grid(9, 17, "circle", True, False), 9),
}
kinds = pytest.mark.parametrize(("grid", "max_bandlimit"), KINDS.values(), ids=KINDS)
flips = pytest.mark.parametrize("flip", [lambda grid: grid, south_first], ids=["north-first", "south-first"])


@pytest.mark.parametrize(
    ("grid", "colatitude"),
    [
        (Grid.equiangular(7, 12), np.pi * np.arange(7) / 6),
        (Grid.equiangular(6, 12, poles=False), np.pi * (np.arange(6) + 0.5) / 6),
        (Grid.gauss_legendre(6), np.arccos(leggauss(6)[0][::-1])),
        (Grid.driscoll_healy(4), np.pi * np.arange(8) / 8),
        (Grid.mcewen_wiaux(5), np.pi * (2 * np.arange(5) + 1) / 9),
    ],
    ids=["with-poles", "no-poles", "gauss", "driscoll-healy", "mcewen-wiaux"],
)
@flips
def test_rings_lie_where_the_constructor_says(grid, colatitude, flip):
    flipped = flip(grid)
    expected = colatitude if flipped is grid else colatitude[::-1]
    np.testing.assert_allclose(flipped.colatitude, expected, rtol=0, atol=1e-15 * 20)
    np.testing.assert_allclose(flipped.latitude_deg, 90 - np.degrees(expected), rtol=0, atol=1e-13)
    assert flipped.shape == (flipped.nlat, flipped.nlon) == (colatitude.size, flipped.longitude.size)


@pytest.mark.parametrize(
    ("grid", "nlon"),
    [
        (Grid.gauss_legendre(6), 12),
        (Grid.gauss_legendre(6, 11), 11),
        (Grid.driscoll_healy(4), 8),
        (Grid.driscoll_healy(4, 9), 9),
        (Grid.mcewen_wiaux(5), 9),
        (Grid.mcewen_wiaux(5, 10), 10),
    ],
)
def test_default_number_of_longitudes(grid, nlon):
    assert grid.nlon == nlon
    np.testing.assert_allclose(grid.longitude, 2 * np.pi * np.arange(nlon) / nlon, rtol=0, atol=1e-14)


def test_longitudes_start_at_the_origin():
    grid = shifted(Grid.equiangular(7, 12), -180)
    np.testing.assert_allclose(grid.longitude_deg, -180 + 30 * np.arange(12), rtol=0, atol=1e-12)


@kinds
def test_max_bandlimit(grid, max_bandlimit):
    assert grid.max_bandlimit == max_bandlimit


@kinds
@flips
def test_weights_sum_to_the_sphere(grid, max_bandlimit, flip):
    weights = flip(grid).weights
    assert weights.shape == (grid.nlat,)
    assert np.sum(weights) * grid.nlon == pytest.approx(4 * np.pi, rel=1e-14)


@kinds
@flips
def test_weights_integrate_all_harmonics_below_the_bandlimit(grid, max_bandlimit, flip):
    grid = flip(shifted(grid, 17.0))
    degree, order = np.mgrid[:max_bandlimit, -max_bandlimit + 1 : max_bandlimit]
    values = sph_harm_y(degree, order, grid.colatitude[:, None, None, None], grid.longitude[:, None, None])
    values = np.where(abs(order) <= degree, values, 0)
    integrals = np.einsum("t,tplm->lm", grid.weights, values)
    expected = np.where(degree == 0, np.sqrt(4 * np.pi) * (order == 0), 0)
    np.testing.assert_allclose(integrals, expected, rtol=0, atol=1e-13 * max_bandlimit)


@pytest.mark.parametrize("grid", [Grid.gauss_legendre(10, 19), Grid.driscoll_healy(10, 19)], ids=["gauss", "dh"])
def test_quadrature_rules_integrate_products_of_harmonics(grid):
    degree = np.arange(10)
    values = sph_harm_y(degree[:, None, None], 0, grid.colatitude[:, None], grid.longitude).real
    gram = np.einsum("t,ltp,ktp->lk", grid.weights, values, values)
    np.testing.assert_allclose(gram, np.eye(10), rtol=0, atol=1e-13)


def test_equal_grids_are_equal_and_hash_alike():
    one, other = Grid.equiangular(121, 240), Grid.equiangular(121, 240, True)
    _ = one.weights, one.colatitude
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, Grid.equiangular(121, 240, poles=False)}) == 2


@pytest.mark.parametrize(
    "other",
    [
        Grid.equiangular(13, 25),
        Grid.equiangular(14, 24),
        Grid.equiangular(13, 24, poles=False),
        Grid.gauss_legendre(13, 24),
        south_first(Grid.equiangular(13, 24)),
        shifted(Grid.equiangular(13, 24), 180),
    ],
    ids=str,
)
def test_different_grids_differ(other):
    assert other != Grid.equiangular(13, 24)
    assert str(other) != str(Grid.equiangular(13, 24))


@pytest.mark.parametrize("name", ["colatitude", "longitude", "weights"])
@kinds
def test_arrays_are_read_only_float64(grid, max_bandlimit, name):
    array = getattr(grid, name)
    assert array.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0


def test_a_grid_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError, match="nlat"):
        Grid.equiangular(13, 24).nlat = 14  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.usefixtures("untyped")
def test_numpy_integers_are_integers():
    assert Grid(np.int64(13), np.int32(24)) == Grid.equiangular(13, 24)  # pyright: ignore[reportArgumentType]


# What a file may do to coordinates, and how far the longitude origin may then be off [degrees].
ROUNDINGS = {
    "exact": (lambda x: x, 1e-9),
    "float32": (lambda x: x.astype(np.float32), 1e-4),
    "3-decimals": (lambda x: np.round(x, 3), 1e-3),
    "2-decimals": (lambda x: np.round(x, 2), 1e-2),
    "list": (lambda x: x.tolist(), 1e-9),
}
FILES = {
    "with-poles": Grid.equiangular(61, 120),
    "no-poles": Grid.equiangular(32, 64, poles=False),
    "no-poles-odd": Grid.equiangular(45, 91, poles=False),
    "gauss": Grid.gauss_legendre(64),
    "gauss-odd": Grid.gauss_legendre(47, 95),
    "driscoll-healy": Grid.driscoll_healy(24),
    "mcewen-wiaux": Grid.mcewen_wiaux(30),
    "mcewen-wiaux-mirrored": Grid(30, 59, "circle", True, False),
}


@pytest.mark.parametrize(("rounded", "tolerance"), ROUNDINGS.values(), ids=ROUNDINGS)
@pytest.mark.parametrize("origin", ["0", "-180", "half-cell"])
@flips
@pytest.mark.parametrize("grid", FILES.values(), ids=FILES)
def test_from_latlon_recognises_every_kind(grid, flip, origin, rounded, tolerance):
    expected = flip(shifted(grid, {"0": 0.0, "-180": -180.0, "half-cell": 180 / grid.nlon}[origin]))
    found = Grid.from_latlon(rounded(expected.latitude_deg), rounded(expected.longitude_deg))
    assert dataclasses.replace(found, longitude_origin=expected.longitude_origin) == expected
    assert np.degrees(found.longitude_origin) == pytest.approx(np.degrees(expected.longitude_origin), abs=tolerance)


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (-87.1875 + 5.625 * np.arange(32), 5.625 * np.arange(64), south_first(Grid.equiangular(32, 64, poles=False))),
        (-90 + 1.5 * np.arange(121), 1.5 * np.arange(240), south_first(Grid.equiangular(121, 240))),
        (90 - 0.25 * np.arange(721), 0.25 * np.arange(1440), Grid.equiangular(721, 1440)),
    ],
    ids=["64x32", "240x121", "1440x721"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_from_latlon_recognises_weatherbench_grids(latitude, longitude, expected, dtype):
    assert Grid.from_latlon(latitude.astype(dtype), longitude.astype(dtype)) == expected


# As NCEP (T62, in files with four decimals) and ERA-40 (N80) print the first latitudes of their Gauss grids.
@pytest.mark.parametrize(
    ("nlat", "first"),
    [(94, [88.542, 86.6531, 84.7532, 82.8508, 80.9473]), (160, [89.142, 88.029, 86.911, 85.791, 84.67])],
    ids=["ncep-t62", "era-n80"],
)
def test_gauss_latitudes_are_those_of_the_weather_centres(nlat, first):
    grid = Grid.gauss_legendre(nlat)
    np.testing.assert_allclose(grid.latitude_deg[:5], first, rtol=0, atol=1e-3)
    latitude = np.concatenate([first, grid.latitude_deg[5:].round(3)])
    assert Grid.from_latlon(latitude, grid.longitude_deg) == grid


@given(data=st.data())
def test_from_latlon_returns_the_grid_of_any_coordinates(data):
    kind = data.draw(st.sampled_from(["poles", "no-poles", "gauss", "driscoll-healy", "mcewen-wiaux", "mirrored"]))
    size, nlon = data.draw(st.integers(2, 90)), data.draw(st.integers(1, 180))
    grid = {
        "poles": lambda: Grid.equiangular(size, nlon),
        "no-poles": lambda: Grid.equiangular(size, nlon, poles=False),
        "gauss": lambda: Grid.gauss_legendre(size, nlon),
        "driscoll-healy": lambda: Grid.driscoll_healy(size, nlon),
        "mcewen-wiaux": lambda: Grid.mcewen_wiaux(size, nlon),
        "mirrored": lambda: Grid(size, nlon, "circle", True, False),
    }[kind]()
    grid = dataclasses.replace(
        grid,
        south_first=data.draw(st.booleans()),
        longitude_origin=data.draw(st.floats(-2 * np.pi, 2 * np.pi)),
    )
    found = Grid.from_latlon(grid.latitude_deg, grid.longitude_deg)
    assert dataclasses.replace(found, longitude_origin=grid.longitude_origin) == grid
    np.testing.assert_allclose(found.longitude, grid.longitude, rtol=0, atol=1e-9)


LATITUDE, LONGITUDE = 90 - 1.5 * np.arange(121), 1.5 * np.arange(240)


def changed(axis: np.ndarray, index: int, value: float) -> np.ndarray:
    axis = axis.copy()
    axis[index] = value
    return axis


REDUCED = [16, 20, 20, 16]
REFUSED = {
    "regional": (LATITUDE[10:60], LONGITUDE, r"`latitude_deg` must be the rings of .* 50 rings .* interpolated"),
    "one-ring-moved": (changed(LATITUDE, 7, 79.2), LONGITUDE, r"`latitude_deg` .* index 7 is 79\.2, .* has 79\.5"),
    "unsorted": (
        changed(LATITUDE, 3, 87.5),
        LONGITUDE,
        r"`latitude_deg` must be sorted .* 87 then 87\.5 at index 2",
    ),
    "repeated": (changed(LATITUDE, 3, 87.0), LONGITUDE, r"`latitude_deg` must be sorted .* 87 then 87 at index 2"),
    "beyond-pole": (changed(LATITUDE, 0, 91.5), LONGITUDE, r"`latitude_deg` must lie within \[-90, 90\] .*got 91\.5"),
    "swapped": (LONGITUDE, LATITUDE, r"`latitude_deg` must lie within \[-90, 90\] .*got 358\.5; .*swapped"),
    "swapped-ascending": (LONGITUDE, LATITUDE[::-1], r"`latitude_deg` must lie within .*got 358\.5; .*swapped"),
    "radians": (np.radians(LATITUDE), LONGITUDE, r"`latitude_deg` must be the rings of .* is -?1\.57"),
    "closed-circle": (
        LATITUDE,
        1.5 * np.arange(241),
        r"`longitude_deg` must not repeat its first meridian, got 0 and 360; drop the last column",
    ),
    "closed-circle-fine": (
        LATITUDE,
        0.25 * np.arange(1441) - 180,
        r"`longitude_deg` must not repeat its first meridian, got -180 and 180; drop the last column",
    ),
    "half-circle": (
        LATITUDE,
        LONGITUDE[:120],
        r"`longitude_deg` must be 120 ascending values 3 degrees .*got 1\.5",
    ),
    "descending-longitude": (LATITUDE, LONGITUDE[::-1], r"`longitude_deg` must be 240 ascending .* got 357 at index 1"),
    "wrapped-longitude": (
        LATITUDE,
        (LONGITUDE + 180) % 360,
        r"`longitude_deg` must be 240 ascending .* got 0 at index 120 instead of 360",
    ),
    "irregular-longitude": (
        LATITUDE,
        changed(LONGITUDE, 5, 7.6),
        r"`longitude_deg` .* got 7\.6 at index 5 instead of 7\.5",
    ),
    "nan-latitude": (changed(LATITUDE, 4, np.nan), LONGITUDE, r"`latitude_deg` must be finite, got nan at index 4"),
    "nan-longitude": (LATITUDE, changed(LONGITUDE, 6, np.inf), r"`longitude_deg` must be finite, got inf at index 6"),
    "two-dimensional": (
        *np.meshgrid(LATITUDE, LONGITUDE, indexing="ij"),
        r"`latitude_deg` must be one-dimensional and not empty, got shape \(121, 240\)",
    ),
    "two-dimensional-longitude": (LATITUDE, LONGITUDE[None], r"`longitude_deg` must be one-dimensional .*\(1, 240\)"),
    "scalar": (45.0, LONGITUDE, r"`latitude_deg` must be one-dimensional and not empty, got shape \(\)"),
    "reduced-gaussian": (
        np.repeat(Grid.gauss_legendre(4).latitude_deg, REDUCED),
        np.concatenate([np.arange(n) * 360 / n for n in REDUCED]),
        r"got one of each for 72 points: a reduced grid, e\.g\. a reduced Gaussian one, whose 4 rings have 16 to 20 "
        r"points; make it regular first, e\.g\. with `cdo setgridtype,regular",
    ),
    "point-by-point": (
        np.tile(LATITUDE[::10], 24),
        np.repeat(LONGITUDE[::10], 13),
        r"312 points: a regular grid of 13 rings and 24 columns, point by point; reshape the field and pass each",
    ),
    "unstructured": (
        np.tile([10.0, -10.0, 30.0], 4),
        np.arange(0, 360, 30.0),
        r"got one of each for 12 points: an unstructured grid; interpolate it .* `cdo remapbil,r360x180 IN OUT`",
    ),
    "square-with-a-repeat": (
        changed(LATITUDE, 5, LATITUDE[4]),
        np.arange(121) * 360 / 121,
        r"`latitude_deg` must be sorted without repeats, got 84 then 84 at index 4",
    ),
    "empty": (LATITUDE[:0], LONGITUDE, r"`latitude_deg` must be one-dimensional and not empty, got shape \(0,\)"),
    "no-longitude": (LATITUDE, [], r"`longitude_deg` must be one-dimensional and not empty, got shape \(0,\)"),
}


@pytest.mark.parametrize(("latitude", "longitude", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("untyped")
def test_from_latlon_refuses(latitude, longitude, message):
    with pytest.raises(ValueError, match=message):
        Grid.from_latlon(latitude, longitude)


@pytest.mark.parametrize(
    ("constructor", "arguments", "exception", "message"),
    [
        (Grid.equiangular, (121.0, 240), TypeError, r"`nlat` must be an integer, got 121\.0"),
        (Grid.equiangular, (121, "240"), TypeError, r"`nlon` must be an integer, got '240'"),
        (Grid.equiangular, (1, 240), ValueError, r"`nlat` must be at least 2, got 1"),
        (Grid.equiangular, (0, 240, False), ValueError, r"`nlat` must be at least 1, got 0"),
        (Grid.equiangular, (121, 0), ValueError, r"`nlon` must be at least 1, got 0"),
        (Grid.gauss_legendre, (0,), ValueError, r"`bandlimit` must be at least 1, got 0"),
        (Grid.gauss_legendre, (8, -1), ValueError, r"`nlon` must be at least 1, got -1"),
        (Grid.gauss_legendre, (8.5,), TypeError, r"`bandlimit` must be an integer, got 8\.5"),
        (Grid.driscoll_healy, (0,), ValueError, r"`bandlimit` must be at least 1, got 0"),
        (Grid.mcewen_wiaux, (-3,), ValueError, r"`bandlimit` must be at least 1, got -3"),
        (Grid, (9, 18, "healpix"), ValueError, r"`rule` must be .* got 'healpix'"),
        (Grid, (9, 18, "driscoll-healy"), ValueError, r"`nlat` must be even .* got 9"),
        (Grid, (9, 18, "circle", True, True, np.nan), ValueError, r"`longitude_origin` must be finite, got nan"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_constructors_refuse(constructor, arguments, exception, message):
    with pytest.raises(exception, match=message):
        constructor(*arguments)


# From MANIFEST.md of the data: which grid each file is on.
REAL = {
    "echam_tsurf_6hourly_96x192.nc": shifted(Grid.gauss_legendre(96), -180),
    "era5_z_t_500_850_3deg_4times_10members.nc": Grid.equiangular(61, 120),
    "falwa_eraint_2005-01-23-0000-u.nc": Grid.equiangular(121, 240),
    "gfs_2p5deg.nc": Grid.equiangular(73, 144),
    "ncep_uwnd_mean.nc": Grid.equiangular(73, 144),
    "neuralgcm_era5_tl31_19590102T00.nc": south_first(Grid.gauss_legendre(32)),
    "xarraydata_basin_mask.nc": shifted(south_first(Grid.equiangular(180, 360, poles=False)), 0.5),
    "xarraydata_eraint_uvz.nc": shifted(Grid.equiangular(241, 480), -180),
}


def coordinates(path: Path) -> list[np.ndarray]:
    engine = "scipy" if path.read_bytes()[:3] == b"CDF" else "h5netcdf"
    with xarray.open_dataset(path, engine=engine, decode_cf=False) as dataset:
        return [
            next(dataset[axis].values for axis in names if axis in dataset.variables)
            for names in (("latitude", "lat", "Y"), ("longitude", "lon", "X"))
        ]


@pytest.mark.parametrize(("name", "expected"), REAL.items(), ids=REAL)
def test_real_files_are_recognised(sphere_data, name, expected):
    assert Grid.from_latlon(*coordinates(sphere_data / "weather" / name)) == expected


def test_gauss_latitudes_replaced_by_even_ones_are_refused(sphere_data):
    # This file's data are on 256 Gauss rings, but its latitudes are evenly spaced between the first and the last of
    # them: off by up to 1.3 % of the spacing, more than rounding does.
    latitude, longitude = coordinates(sphere_data / "weather" / "falwa_barotropic_vorticity.nc")
    with pytest.raises(ValueError, match=r'`latitude_deg` must be the rings .* \(rule "gauss"\) has '):
        Grid.from_latlon(latitude, longitude)
    assert Grid.from_latlon(Grid.gauss_legendre(256).latitude_deg[::-1], longitude) == south_first(
        Grid.gauss_legendre(256)
    )
