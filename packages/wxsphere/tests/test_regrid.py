"""Regridding: exact for what both grids resolve, conservative in the mean, winds as vectors."""

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr

import spinharm
from spinharm import Grid
from wxsphere import area_weights, grid_dataset, open_dataset, rebuild_poles, regrid

POLES = Grid.equiangular(13, 24)
GAUSS = Grid.gauss_legendre(10)
WIND = ("u_component_of_wind", "v_component_of_wind")
FIELD = ("time", "latitude", "longitude")


def _dataset(grid, scalar, wind):
    stamps = np.datetime64("2020-01-01", "ns") + np.arange(len(scalar)) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(grid).assign_coords(time=stamps)
    fields = {"geopotential": scalar, WIND[0]: wind.imag, WIND[1]: -wind.real}
    return out.assign({name: (FIELD, values) for name, values in fields.items()})


@pytest.fixture
def resolved(smooth_field):
    """Fields of bandlimit 8, which both grids resolve; the scalar is a small variation of a large mean."""
    return _dataset(POLES, 5e4 + 100 * smooth_field(POLES, 8, 0, (4,)), smooth_field(POLES, 8, 1, (4,)))


@pytest.mark.parametrize("lazy", [False, True])
def test_what_both_grids_resolve_comes_back(resolved, lazy):
    source = resolved.chunk(time=2) if lazy else resolved.isel(time=slice(2))
    there = regrid(source, GAUSS)
    back = regrid(there, POLES)
    assert bool(there.chunks) == bool(back.chunks) == lazy
    assert there.geopotential.dims == FIELD
    assert there.geopotential.shape == (source.time.size, *GAUSS.shape)
    for name, atol in {"geopotential": 2e-3, WIND[0]: 1e-5, WIND[1]: 1e-5}.items():
        np.testing.assert_allclose(back[name], source[name], atol=atol)


def test_a_spoiled_row_on_a_pole_does_not_spread(resolved):
    resolved = resolved.isel(time=slice(2))
    spoiled = resolved.copy(deep=True)
    for name in WIND:
        spoiled[name][:, [0, -1]] = 5.0
    # The rows come from their neighbours, 15 degrees apart.
    np.testing.assert_allclose(regrid(spoiled, GAUSS)[WIND[0]], regrid(resolved, GAUSS)[WIND[0]], atol=0.2)


def test_vorticity_and_divergence_survive(resolved):
    resolved = resolved.isel(time=slice(2))
    there = regrid(resolved, GAUSS)
    for derived in (spinharm.vorticity, spinharm.divergence):
        maps = []
        for dataset, grid in ((resolved, POLES), (there, GAUSS)):
            u, v = (dataset[name].values.astype(np.float32) for name in WIND)
            maps.append(derived(spinharm.forward(spinharm.wind_to_spin(u, v), grid, spin=1, bandlimit=8)))
        np.testing.assert_allclose(maps[0], maps[1], atol=2e-5)
        assert np.abs(maps[0]).max() > 0.1


def test_degrees_above_the_bandlimit_are_cut_off(smooth_field):
    maps = smooth_field(POLES, 8, 0, (1,))
    out = regrid(_dataset(POLES, maps, maps * 1j), POLES, bandlimit=4)
    coeffs = np.asarray(spinharm.forward(maps[0].astype(np.float32), POLES))
    wanted = spinharm.inverse(spinharm.change_bandlimit(coeffs, 4), POLES, real=True)
    np.testing.assert_allclose(out.geopotential[0], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Grid.equiangular(13, 24), Grid.equiangular(8, 16, poles=False)),
        (Grid.equiangular(13, 24), Grid.gauss_legendre(10)),
        (Grid.gauss_legendre(6), Grid.equiangular(13, 24)),
        (Grid(9, 18, longitude_origin=-np.pi, south_first=True), Grid(8, 15, "gauss", False, False, 0.1)),
        (Grid.mcewen_wiaux(7), Grid(13, 25, south_first=True)),
    ],
    ids=str,
)
def test_conservative_keeps_the_mean(rng, source, target):
    maps = rng.standard_normal((2, *source.shape))
    out = regrid(_dataset(source, maps, maps * 1j), target, method="conservative").geopotential.values
    before, after = (
        (values * area_weights(grid.latitude_deg)[:, None]).mean((-2, -1))
        for values, grid in ((maps, source), (out, target))
    )
    np.testing.assert_allclose(after, before, atol=1e-13)
    assert out.min() >= maps.min()
    assert out.max() <= maps.max()


def test_conservative_by_cells_that_divide_is_their_mean_by_area(rng):
    source, target = Grid.equiangular(8, 16, poles=False), Grid.equiangular(4, 8, poles=False)
    maps = rng.standard_normal((1, *source.shape))
    out = regrid(_dataset(source, maps, maps * 1j), target, method="conservative").geopotential.values[0]
    # Bounds of the coarse rings are every other one of the fine rings; columns are half a fine cell off.
    area = np.diff(np.sin(np.radians(np.linspace(90, -90, 9)))).reshape(4, 2, 1)
    rings = (maps[0].reshape(4, 2, 16) * area).sum(1) / area.sum(1)
    columns = (np.roll(rings, 1, -1) + 2 * rings + np.roll(rings, -1, -1))[:, ::2] / 4
    np.testing.assert_allclose(out, columns, atol=1e-13)


def test_conservative_winds_are_one_vector_on_the_poles(resolved):
    target = Grid.equiangular(9, 16)
    out = regrid(resolved, target, method="conservative")
    wind = -out[WIND[1]].values + 1j * out[WIND[0]].values
    np.testing.assert_allclose(rebuild_poles(wind, target, spin=1, rule="row"), wind, atol=1e-12)


def test_points_without_a_value(resolved):
    holed = resolved.copy(deep=True).chunk(time=2)
    holed["geopotential"] = holed.geopotential.where((holed.time != resolved.time.values[1]) | (holed.latitude < 40))
    with pytest.raises(ValueError, match=r"`geopotential` must have a value .* at time 2020-01-01T06:00; leave"):
        regrid(holed, GAUSS).load()
    out = regrid(holed, GAUSS, method="conservative").geopotential
    missing = out.isnull().any("longitude")
    np.testing.assert_array_equal(missing[1], out.latitude > 47.5)
    assert not missing[[0, 2, 3]].any()
    # The cap is left out of the means, not counted as zero.
    assert out.min() > 4e4


def test_shares_of_area_stay_shares(rng):
    mask = grid_dataset(POLES)
    mask["land_sea_mask"] = (("latitude", "longitude"), (rng.random(POLES.shape) > 0.5).astype(np.float32))
    mask["soil"] = ("layer", np.arange(3))
    out = regrid(mask, GAUSS)
    assert 0 <= out.land_sea_mask.min() < out.land_sea_mask.max() <= 1
    xr.testing.assert_identical(out.soil, mask.soil)


@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        (None, {"grid": "32x64"}, TypeError, "`grid` must be a spinharm.Grid, got '32x64'"),
        (None, {"method": "linear"}, ValueError, "`method` must be one of 'spectral', 'conservative'"),
        (None, {"bandlimit": 11}, ValueError, "`bandlimit` must be at most 10, which both"),
        (None, {"method": "conservative", "bandlimit": 4}, ValueError, "`bandlimit` is of the spectral method, got 4"),
        (lambda d: d.drop_vars(WIND[1]), {}, ValueError, "a wind must have both components, got 'u_component_of_wind"),
        (lambda d: d.isel(latitude=slice(3)), {}, ValueError, "`latitude_deg` must be the rings"),
        (lambda d: d.assign({WIND[0]: d[WIND[0]][0]}), {}, ValueError, "must have the same dimensions"),
    ],
)
def test_what_cannot_be_regridded(resolved, untyped, change, settings: Any, error, message):
    with pytest.raises(error, match=re.escape(message)):
        regrid(resolved if change is None else change(resolved), **{"grid": GAUSS, **settings})


def test_real_winds_to_a_gauss_grid_and_back(weather):
    """121×240 winds truncated to the 64 degrees of 64×128 are the same after a second round."""
    files = [weather / f"falwa_eraint_2005-01-23-0000-{part}.nc" for part in "uv"]
    wind = open_dataset(files).sel(level=[250, 850])
    there = regrid(wind, Grid.gauss_legendre(64)).load()
    again = regrid(regrid(there, Grid.equiangular(121, 240)), Grid.gauss_legendre(64)).load()
    for name in WIND:
        np.testing.assert_allclose(again[name], there[name], atol=1e-4)
