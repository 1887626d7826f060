"""Flow on the rotating sphere: exact solutions, conservation, balance, and stores that appear whole."""

import dataclasses
import functools
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import xarray as xr

import spinharm
from spinharm import Grid
from spinnn.files import FileWarning
from wxsphere import (
    BarotropicVorticity,
    ShallowWater,
    diagnostics,
    flow_maps,
    galewsky,
    integrate,
    open_dataset,
    power_spectra,
    quadratic_grid,
    random_state,
    simulate,
    state_of,
    williamson2,
)
from wxsphere.__main__ import main
from wxsphere._flow.exponential import phi_functions, step_tables

DAY = 86400.0
BOUNDS: dict[Literal["float32", "float64"], float] = {"float64": 1e-13, "float32": 3e-6}
INVISCID = BarotropicVorticity(bandlimit=16, time_step=1800.0, diffusion_time=None)
WATER = ShallowWater(bandlimit=16, time_step=1800.0, diffusion_time=None)
MODELS = pytest.mark.parametrize("model", [INVISCID, WATER], ids=["barotropic", "shallow-water"])


def inner(a, b):
    """∫ f g of two real fields, by Parseval."""
    return float((a * b.conj()).real.sum())


def relative(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(np.asarray(b)).max())


@functools.cache
def tendency(model):
    """The tendency as one program: op by op takes longer to compile."""
    return spinharm.jit(model.tendency)


@pytest.mark.parametrize("z", [0.0, 1e-9, -0.3 + 1e-4j, 2j, -40.0, -3 + 50j])
def test_phi_functions_are_those_of_the_augmented_exponential(z):
    """The first row of exp([[z, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], 0]) is e^z, φ₁, φ₂, φ₃."""
    matrix = np.diag(np.ones(3, complex), 1)
    matrix[0, 0] = z
    expected = scipy.linalg.expm(matrix)[0]
    np.testing.assert_allclose(np.array(phi_functions(np.array([z], complex)))[:, 0], expected, rtol=1e-12, atol=1e-14)


def test_the_tables_are_functions_of_the_matrix():
    decay, h = np.array([0.0, 0.2, 0.5]), 1.7
    coupling = np.zeros((3, 3, 3))
    coupling[1, 2], coupling[2, 1] = [0.0, 2.0, 6.0], [-1.5] * 3
    tables = step_tables(decay, coupling, np.sqrt([0.0, 3.0, 9.0]), h)
    for degree in (1, 2):
        A = coupling[:, :, degree] - decay[degree] * np.eye(3)
        big = np.zeros((12, 12))
        big[:3, :3] = h * A
        big[0:9, 3:12] += np.eye(9)
        _, p1, p2, p3 = (scipy.linalg.expm(big)[:3, 3 * k : 3 * k + 3] for k in range(4))
        small = np.zeros((6, 6))
        small[:3, :3], small[:3, 3:] = h * A / 2, np.eye(3)
        expected = {
            "whole": scipy.linalg.expm(h * A),
            "half": scipy.linalg.expm(h * A / 2),
            "inner": h / 2 * scipy.linalg.expm(small)[:3, 3:],
            "first": h * (p1 - 3 * p2 + 4 * p3),
            "middle": h * (2 * p2 - 4 * p3),
            "last": h * (4 * p3 - p2),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(tables, name)[:, :, degree], value, atol=1e-12, err_msg=name)


def test_products_are_not_aliased(x64):
    """A model of a higher bandlimit, whose grid is finer, finds the same tendency of the same state."""
    model, finer = WATER, dataclasses.replace(WATER, bandlimit=24)
    state = random_state(model, 1)
    padded = spinharm.change_bandlimit(state, 24, axis=-2)
    expected = spinharm.change_bandlimit(tendency(finer)(padded), 16, axis=-2)
    for got, wanted in zip(tendency(model)(state), expected, strict=True):
        assert relative(got, wanted) < 1e-11


def test_the_grid_of_products_is_the_usual_one():
    for bandlimit, nlat in ((22, 32), (43, 64), (64, 95), (86, 128)):
        assert quadratic_grid(bandlimit).shape == (nlat, 2 * nlat)


def test_energy_and_enstrophy_do_not_change_in_the_barotropic_equation(x64):
    state = random_state(INVISCID, 2)
    rate = tendency(INVISCID)(state)[0]
    streamfunction = spinharm.inverse_laplacian(state[0], axis=-2)
    size = np.sqrt(inner(rate, rate))
    assert abs(inner(rate, state[0])) < 1e-13 * size * np.sqrt(inner(state[0], state[0]))
    assert abs(inner(rate, streamfunction)) < 1e-13 * size * np.sqrt(inner(streamfunction, streamfunction))
    before, after = diagnostics(INVISCID, state), diagnostics(INVISCID, integrate(INVISCID, state, 96))
    for name in ("energy", "enstrophy"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-6, err_msg=name)


def test_mass_and_energy_drift_little_in_shallow_water(x64):
    state = random_state(WATER, 2)
    before, after = diagnostics(WATER, state), diagnostics(WATER, integrate(WATER, state, 96))
    np.testing.assert_allclose(after["mass"], before["mass"], rtol=1e-13)
    for name in ("energy", "enstrophy"):
        np.testing.assert_allclose(after[name], before[name], rtol=2e-3, err_msg=name)


def test_waves_of_one_degree_travel_as_rossby_and_haurwitz_say(x64, rng):
    """ζ of one degree l is an exact solution: order m turns by e^{i m 2Ω t / l(l+1)}, whatever the amplitude."""
    l = 5  # noqa: E741
    L = INVISCID.bandlimit
    state = np.zeros((1, L, 2 * L - 1), complex)
    state[0, l] = np.asarray(random_state(INVISCID, 3)[0, l]) * 10
    order = np.arange(-L + 1, L)
    expected = state * np.exp(1j * order * 2 * INVISCID.rotation_rate * 2 * DAY / (l * (l + 1)))
    assert relative(integrate(INVISCID, jnp.asarray(state), 96), expected) < 2e-6


def test_small_gravity_waves_are_exact_whatever_the_time_step(x64):
    """Without rotation and wind, δ and Φ′ of degree l swing with ω = √(Φ̄ l(l+1))/a: nine turns in one step of a day."""
    model = dataclasses.replace(WATER, rotation_rate=0.0, time_step=DAY)
    L, l, amplitude = model.bandlimit, 4, 1e-6  # noqa: E741
    state = np.zeros((3, L, 2 * L - 1), complex)
    state[2, l, L - 1] = amplitude
    frequency = np.sqrt(model.mean_geopotential * l * (l + 1)) / model.radius
    out = np.asarray(integrate(model, jnp.asarray(state), 1))[:, l, L - 1]
    np.testing.assert_allclose(out[2], amplitude * np.cos(frequency * DAY), rtol=1e-9, atol=1e-18)
    slope = amplitude * frequency / model.mean_geopotential * np.sin(frequency * DAY)
    np.testing.assert_allclose(out[1], slope, rtol=1e-9, atol=1e-22)


def test_diffusion_alone_decays_exactly(x64):
    model = dataclasses.replace(INVISCID, diffusion_time=3 * 3600.0, diffusion_order=2, time_step=6 * 3600.0)
    L = model.bandlimit
    state = np.zeros((1, L, 2 * L - 1), complex)
    state[0, [3, L - 1], L - 1] = 1e-5  # zonal flow is steady without diffusion
    out = np.asarray(integrate(model, jnp.asarray(state), 1))[0, :, L - 1]
    np.testing.assert_allclose(out[L - 1], 1e-5 * np.exp(-2.0), rtol=1e-9)
    np.testing.assert_allclose(out[3], 1e-5 * np.exp(-2.0 * (12 / (L * (L - 1))) ** 2), rtol=1e-9)


@MODELS
def test_the_method_is_of_fourth_order(x64, model):
    state = random_state(model, 4)
    exact = integrate(dataclasses.replace(model, time_step=225.0), state, 96)
    errors = []
    for steps in (12, 24):
        run = dataclasses.replace(model, time_step=21600.0 / steps)
        errors.append(relative(integrate(run, state, steps)[0], exact[0]))
    assert 12 < errors[0] / errors[1] < 20


def test_williamson_2_stays_as_it_is_for_five_days_over_the_poles(x64):
    """Test 2 of Williamson et al. (1992): the axis is tilted by nearly a right angle."""
    tilt = np.pi / 2 - 0.05
    model = dataclasses.replace(WATER, time_step=3600.0, mean_geopotential=2.94e4, axis_tilt=tilt)
    for dtype, bound in BOUNDS.items():
        state = williamson2(model, dtype=dtype)
        before, after = flow_maps(model, state), flow_maps(model, integrate(model, state, 120))
        assert after["geopotential"].dtype == dtype
        assert relative(after["geopotential"], before["geopotential"]) < bound
        assert relative(after["u_component_of_wind"], before["u_component_of_wind"]) < 10 * bound


def test_the_jet_of_galewsky_is_balanced_and_breaks_where_it_is_pushed(x64):
    model = ShallowWater(bandlimit=43, time_step=1200.0)
    calm, pushed = (galewsky(model, perturbed=one) for one in (False, True))
    # By quadrature and by the balance of the equations: the jet is not band-limited, hence 1e-3.
    balanced = model.balanced_geopotential(calm[0])
    assert relative(balanced[1:], calm[2, 1:]) < 1e-3
    maps = flow_maps(model, calm)
    assert 78 < maps["u_component_of_wind"].max() < 81
    np.testing.assert_allclose(diagnostics(model, calm)["mass"], 10_000, rtol=1e-9)
    bump = flow_maps(model, pushed)["geopotential"] - maps["geopotential"]
    row, column = np.unravel_index(bump.argmax(), bump.shape)
    assert abs(model.grid.latitude_deg[row] - 45) < 3
    assert column == 0
    np.testing.assert_allclose(bump.max() / 9.80616, 120 * np.cos(np.pi / 4), rtol=0.15)  # 4° wide
    with pytest.raises(ValueError, match=r"`model` must have axis_tilt 0 for the jet, got 0.5"):
        galewsky(dataclasses.replace(model, axis_tilt=0.5))


@MODELS
def test_random_states_have_the_wind_that_was_asked_for(x64, model):
    state = random_state(model, 5, wind=15.0, degree=5.0)
    maps = flow_maps(model, state)
    squared = maps["u_component_of_wind"] ** 2 + maps["v_component_of_wind"] ** 2
    area = model.grid.weights[:, None] / (4 * np.pi)
    np.testing.assert_allclose(np.sqrt((squared * area).sum()), 15.0, rtol=1e-10)
    conjugate = np.asarray(state)[0, :, ::-1].conj() * (-1.0) ** np.arange(-15, 16)
    np.testing.assert_allclose(state[0], conjugate, atol=1e-20)
    assert not np.array_equal(state, random_state(model, 6, wind=15.0, degree=5.0))
    if model is WATER:
        whole = tendency(model)(state)[1]
        rate = whole - spinharm.laplacian(state[2], axis=-2) / model.radius**2
        assert relative(rate + whole, whole) < 1e-10


def test_both_precisions_follow_one_flow(x64):
    one, other = (integrate(WATER, random_state(WATER, 7, dtype=dtype), 24) for dtype in ("float32", "float64"))
    assert (one.dtype, other.dtype) == (jnp.complex64, jnp.complex128)
    assert relative(one[0], other[0]) < 1e-4


def test_a_state_gives_back_the_fields_it_was_made_of(x64, smooth_field):
    grid = WATER.grid
    wind, geopotential = smooth_field(grid, 10, 1), 9e4 + smooth_field(grid, 10)
    maps = flow_maps(WATER, state_of(WATER, wind.imag, -wind.real, geopotential))
    np.testing.assert_allclose(maps["u_component_of_wind"], wind.imag, atol=1e-5)
    np.testing.assert_allclose(maps["v_component_of_wind"], -wind.real, atol=1e-5)
    np.testing.assert_allclose(maps["geopotential"], geopotential, rtol=1e-8)
    coeffs = spinharm.forward(wind, grid, spin=1, bandlimit=16)
    for name, operator in (("vorticity", spinharm.vorticity), ("divergence", spinharm.divergence)):
        expected = spinharm.inverse(operator(coeffs, axis=-2), grid, real=True) / WATER.radius
        np.testing.assert_allclose(maps[name], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "exception", "message"),
    [
        (lambda: ShallowWater(bandlimit=2), ValueError, r"`bandlimit` must be at least 3, got 2"),
        (lambda: ShallowWater(time_step=0.0), ValueError, r"`time_step` must be finite and above 0, got 0.0"),
        (lambda: ShallowWater(mean_geopotential=-1.0), ValueError, r"`mean_geopotential` must be finite and above 0"),
        (lambda: BarotropicVorticity(diffusion_time=-1.0), ValueError, r"`diffusion_time` must be finite and above 0"),
        (
            lambda: dataclasses.replace(INVISCID, diffusion_order=1.5),
            TypeError,
            r"`diffusion_order` must be an integer, got 1.5",
        ),
        (lambda: integrate(INVISCID, random_state(WATER, 0), 1), ValueError, r"`state` must have shape \(1, 16, 31\)"),
        (lambda: integrate(INVISCID, random_state(INVISCID, 0), -1), ValueError, r"`steps` must be at least 0, got -1"),
        (lambda: random_state(INVISCID, 0, wind=0.0), ValueError, r"`wind` must be finite and above 0, got 0.0"),
        (lambda: random_state(INVISCID, 0, dtype="float64"), ValueError, r"`dtype` 'float64' needs JAX's 64-bit types"),
        (lambda: state_of(WATER, *np.zeros((2, 23, 46))), ValueError, r"ShallowWater has a geopotential, got NoneType"),
        (
            lambda: state_of(INVISCID, *np.zeros((2, 9, 9))),
            ValueError,
            r"`u` must have the shape \(23, 46\) ",
        ),
    ],
)
def test_what_cannot_be_simulated(untyped, call, exception, message):
    with pytest.raises(exception, match=message):
        call()


@pytest.fixture(scope="module")
def small():
    return ShallowWater(bandlimit=8, time_step=3600.0, diffusion_time=None)


def test_a_store_holds_the_flow_in_the_layout(tmp_path, small):
    state = random_state(small, 0)
    grid = Grid.equiangular(9, 16)
    path = simulate(small, state, tmp_path / "a.zarr", outputs=5, steps_per_output=6, grid=grid, chunk=2)
    out = open_dataset(path)
    assert out.geopotential.dims == ("time", "latitude", "longitude")
    np.testing.assert_array_equal(out.time.diff("time"), np.timedelta64(6, "h"))
    assert out.geopotential.chunks[0] == (2, 2, 1)
    for at in (0, 3):
        maps = flow_maps(small, integrate(small, state, 6 * at), grid)
        for name, values in maps.items():
            np.testing.assert_allclose(out[name].isel(time=at), values, rtol=1e-4, atol=1e-4 * np.abs(values).max())
    np.testing.assert_allclose(out.mass, 10_000, rtol=1e-6)
    np.testing.assert_allclose(out.energy[0], diagnostics(small, state)["energy"], rtol=1e-6)
    assert [one.name for one in tmp_path.iterdir()] == ["a.zarr"]
    spectrum = power_spectra(out[["u_component_of_wind", "v_component_of_wind"]].isel(time=0), bandlimit=8).wind
    np.testing.assert_allclose(np.sqrt(2 * spectrum.sum()), 20, rtol=1e-3)


def test_an_interrupted_simulation_goes_on_to_the_same_numbers(tmp_path, small):
    state = random_state(small, 1)
    options: dict[str, Any] = {"outputs": 6, "steps_per_output": 3, "chunk": 2}
    (tmp_path / ".b.zarr.lock").write_text('{"process": 7, "host": "elsewhere"}')
    with pytest.raises(ValueError, match=r"b.zarr is in use by process 7 on host elsewhere; .*zarr.lock if"):
        simulate(small, state, tmp_path / "b.zarr", **options)
    (tmp_path / ".b.zarr.lock").unlink()
    whole = simulate(small, state, tmp_path / "whole.zarr", **options)

    def stop(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(small, state, tmp_path / "b.zarr", **options, progress=stop)
    assert not (tmp_path / "b.zarr").exists()
    with pytest.raises(ValueError, match=r"b.zarr.partial was started with other options: initial_state"):
        simulate(small, random_state(small, 2), tmp_path / "b.zarr", **options)
    seen = []
    resumed = simulate(small, state, tmp_path / "b.zarr", **options, progress=lambda done, total: seen.append(done))
    assert seen == [6], "only what was missing"
    xr.testing.assert_identical(
        xr.open_zarr(resumed, consolidated=False).load(), xr.open_zarr(whole, consolidated=False).load()
    )
    assert simulate(small, state, tmp_path / "b.zarr", **options, progress=stop) == resumed
    # A chunk is damaged before the simulation goes on.
    with pytest.raises(KeyboardInterrupt):
        simulate(small, state, tmp_path / "c.zarr", **options, progress=stop)
    chunk = tmp_path / ".c.zarr.partial" / "vorticity" / "c" / "1" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    with pytest.warns(FileWarning, match=r"c.zarr.partial: a chunk is damaged or missing; the simulation starts over"):
        again = simulate(small, state, tmp_path / "c.zarr", **options)
    xr.testing.assert_identical(
        xr.open_zarr(again, consolidated=False).load(), xr.open_zarr(whole, consolidated=False).load()
    )
    with pytest.raises(ValueError, match=r"b.zarr was started with other options: initial_state"):
        simulate(small, random_state(small, 2), tmp_path / "b.zarr", **options)


def test_a_flow_that_breaks_down_is_told(tmp_path):
    model = ShallowWater(bandlimit=8, time_step=86400.0, diffusion_time=None)
    with pytest.raises(FloatingPointError, match=r"not finite after \d+ hours; use a smaller `time_step`"):
        simulate(model, random_state(model, 0, wind=300.0), tmp_path / "a.zarr", outputs=40, steps_per_output=10)
    assert not (tmp_path / "a.zarr").exists()


def test_the_command_writes_a_store_and_tells_the_error(tmp_path, capsys):
    words = [
        "simulate",
        "--out",
        str(tmp_path / "a.zarr"),
        "--initial",
        "williamson2",
        "--bandlimit",
        "8",
        "--days",
        "1",
    ]
    words += ["--time-step", "3600", "--hours", "12", "--diffusion-hours", "0", "--grid", "9x16+poles", "--tilt", "30"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "shallow-water, T7, products on 11×22 Gauss-Legendre, written on 9×16 equiangular with poles" in told
    error = float(told.split("relative error of geopotential, l2: ")[1].split()[0])
    assert error < 3e-6
    assert open_dataset(tmp_path / "a.zarr").sizes["time"] == 3
    # Again: nothing is left to do.
    assert main(words) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hours", "5.5"], r"`hours` must be a multiple of `time_step` 3600 s, got 5.5 hours"),
        (["--grid", "10"], r"`grid` must be model, NLATxNLON, NLATxNLON\+poles or NLATxNLON\+gauss, got '10'"),
        (["--grid", "4x8"], r"`grid` must resolve the 8 degrees of `bandlimit`, got 4x8 with 4"),
        (
            ["--equations", "barotropic", "--initial", "galewsky"],
            r"`initial` galewsky needs the equations shallow-water",
        ),
        (["--bandlimit", "x"], r"bandlimit"),
    ],
)
def test_the_command_tells_what_is_wrong_in_one_line(tmp_path, capsys, words, message):
    common = ["simulate", "--out", str(tmp_path / "a.zarr"), "--bandlimit", "8", "--time-step", "3600"]
    assert main(common + words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    with pytest.raises(ValueError, match=message):
        raise ValueError(told)
    assert not list(tmp_path.iterdir())


def test_the_program_helps(capsys):
    assert main(["--help"]) == 0
    assert "simulate" in capsys.readouterr().out
    assert main(["predict"]) == 2
    assert "no command 'predict'; there are demo, simulate" in capsys.readouterr().err
    assert main([]) == 2
    assert main(["--version"]) == 0


def test_the_type_of_a_run_does_not_leak_between_precisions(x64):
    """One program per type: a float32 run after a float64 run is float32."""
    kinds = [integrate(INVISCID, random_state(INVISCID, 0, dtype=dtype), 2).dtype for dtype in BOUNDS]
    assert kinds == [jnp.complex128, jnp.complex64]
