"""Between datasets and maps: nothing is lost, winds are one field, poles are smooth."""

import numpy as np
import pytest
import xarray as xr

import spinharm
from spinharm import Grid
from wxsphere import Channel, FieldLayout, grid_dataset, open_dataset, rebuild_poles

WITHOUT_POLES = Grid.equiangular(8, 16, poles=False)
WITH_POLES = Grid.equiangular(41, 80)


@pytest.mark.parametrize("wind_spin", [1, -1])
def test_unpacking_undoes_packing(make_dataset, wind_spin):
    dataset = make_dataset(WITHOUT_POLES).drop_vars("land_sea_mask")
    layout = FieldLayout.of(dataset, wind_spin=wind_spin)
    maps = layout.pack(dataset)
    assert layout.spins == (0, wind_spin)
    assert (maps.shape, maps.dtype) == ((4, 8, 16, 2, 3), np.complex64)
    assert not maps[..., 1, 2].any(), "padding"
    out = layout.unpack(maps, WITHOUT_POLES, {"time": dataset.time.values})
    for name in dataset.data_vars:
        xr.testing.assert_equal(out[name], dataset[name])


def test_winds_are_those_of_spinharm(make_dataset):
    dataset = make_dataset(WITHOUT_POLES)
    u, v = (dataset[f"{part}_component_of_wind"].isel(level=1).values for part in "uv")
    for spin in (1, -1):
        maps = FieldLayout.of(dataset, wind_spin=spin).pack(dataset)
        np.testing.assert_array_equal(maps[..., 1, 1], spinharm.wind_to_spin(u, v, spin=spin))


def test_scalars_alone_are_real_and_fields_without_time_are_repeated(make_dataset):
    dataset = make_dataset(WITHOUT_POLES)
    layout = FieldLayout.of(dataset, ["land_sea_mask", "2m_temperature"])
    maps = layout.pack(dataset, dtype="float64")
    assert (layout.spins, maps.shape, maps.dtype) == ((0,), (4, 8, 16, 1, 2), np.float64)
    for step in maps:
        np.testing.assert_array_equal(step[..., 0, 0], dataset.land_sea_mask)


def test_components_can_stay_scalars(make_dataset):
    layout = FieldLayout.of(make_dataset(WITHOUT_POLES), winds_as_scalars=True)
    assert layout.winds == ()
    assert Channel(("u_component_of_wind",), 500.0) in layout.scalars
    assert [str(channel) for channel in layout.scalars[:2]] == ["2m_temperature", "geopotential@500"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: FieldLayout.of(d, ["temperature"]), r"`variables` names 'temperature', which is no field"),
        (lambda d: FieldLayout.of(d, ["u_component_of_wind"]), r"'u_component_of_wind' without 'v_component_of_wind'"),
        (lambda d: FieldLayout.of(d).pack(d.drop_vars("geopotential")), r"`dataset` must have geopotential, got only"),
        (lambda d: FieldLayout.of(d).pack(d.sel(level=[500])), r"must have geopotential at 850 hPa, got levels \[500"),
        (
            lambda d: FieldLayout.of(d).pack(d, dtype="float16"),
            r"`dtype` must be 'float32' or .* got 'float16'",
        ),
        (lambda d: FieldLayout(()), r"`scalars` and `winds` must not both be empty"),
        (lambda d: FieldLayout((Channel(("a",)), Channel(("a",)))), r"must not repeat a variable and level"),
        (lambda d: FieldLayout((Channel(("a", "b")),)), r"`scalars` must have 1 variables in each channel"),
        (
            lambda d: FieldLayout((Channel(("a",)),)).unpack(np.zeros((3, 8, 16, 1, 1)), WITHOUT_POLES),
            r"`maps` must have axes \(lat, lon, spin, channel\) with sizes \(8, 16, 1, 1\), got shape \(3, 8",
        ),
    ],
)
def test_what_does_not_fit(make_dataset, untyped, call, message):
    with pytest.raises(ValueError, match=message):
        call(make_dataset(WITHOUT_POLES))


@pytest.mark.parametrize("spin", [0, 1, -1])
@pytest.mark.parametrize("south_first", [False, True])
def test_rebuilding_restores_spoiled_poles_of_smooth_fields(smooth_field, rng, spin, south_first):
    grid = Grid(41, 80, south_first=south_first)
    maps = smooth_field(grid, 6, spin, (2,))
    spoiled = maps.copy()
    spoiled[..., [0, -1], :] = rng.standard_normal((2, 2, 80))
    # Even extrapolation over three rings of 4.5 degrees: 20 h⁶/720 times the sixth derivative, about 6⁶.
    np.testing.assert_allclose(rebuild_poles(spoiled, grid, spin=spin, rule="rings"), maps, atol=5e-3)
    np.testing.assert_allclose(rebuild_poles(maps, grid, spin=spin, rule="row"), maps, atol=2e-6)
    if spin:
        np.testing.assert_allclose(rebuild_poles(spoiled, grid, spin=spin), maps, atol=5e-3)
        np.testing.assert_allclose(rebuild_poles(maps, grid, spin=spin), maps, atol=2e-6)


def test_grids_without_poles_and_the_rule_keep_change_nothing(smooth_field):
    maps = smooth_field(WITHOUT_POLES, 6, 1)
    assert rebuild_poles(maps, WITHOUT_POLES, spin=1) is maps
    maps = smooth_field(WITH_POLES, 6, 1)
    assert rebuild_poles(maps, WITH_POLES, spin=1, rule="keep") is maps


def test_errors_of_rebuilding():
    with pytest.raises(ValueError, match=r"`maps` must have axes .* sizes \(41, 80\), got shape \(3, 4\)"):
        rebuild_poles(np.zeros((3, 4)), WITH_POLES)
    with pytest.raises(ValueError, match=r"`rule` 'auto' needs at least 5 rings"):
        rebuild_poles(np.zeros((3, 4), complex), Grid.equiangular(3, 4), spin=1)


def test_polar_rows_of_real_winds_are_one_vector(weather):
    """ERA-Interim's are, to the packing of its file, so that nothing is changed by more."""
    files = [weather / f"falwa_eraint_2005-01-23-0000-{part}.nc" for part in "uv"]
    dataset = open_dataset(files)
    layout = FieldLayout.of(dataset)
    kept, rebuilt = (layout.pack(dataset, poles=rule, dtype="float64") for rule in ("keep", "auto"))
    np.testing.assert_array_equal(rebuilt[:, 1:-1], kept[:, 1:-1])
    assert np.abs(rebuilt - kept).max() < 0.02, "m/s"


def test_the_dataset_of_a_grid_has_no_fields():
    assert not grid_dataset(WITH_POLES).data_vars
