"""ð and ð̄, differential operators and winds: against derivatives on the sphere, known winds and laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

import spinharm

LAYOUTS = ["plain", "channels"]


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def random_coeffs(
    rng: np.random.Generator, bandlimit: int, shape: tuple[int, ...] = (), *, spin: int = 0, dtype: str = "complex128"
) -> np.ndarray:
    """Coefficients (*shape, L, 2L−1) that are zero where |m| > l or l < |spin|."""
    parts = rng.normal(size=(2, *shape, bandlimit, 2 * bandlimit - 1))
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    return ((parts[0] + 1j * parts[1]) * ((np.abs(order) <= degree) & (degree >= abs(spin)))).astype(dtype)


def conjugate(coeffs: np.ndarray, spin: int = 0) -> np.ndarray:
    """Coefficients of the conjugate field, whose spin is −spin: (−1)^{s+m} conj(a_{l,−m})."""
    bandlimit = coeffs.shape[-2]
    return (-1.0) ** (np.arange(-bandlimit + 1, bandlimit) + spin) * np.conj(coeffs[..., ::-1])


def real_coeffs(rng: np.random.Generator, bandlimit: int, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Spin-0 coefficients of a real field."""
    coeffs = random_coeffs(rng, bandlimit, shape)
    return (coeffs + conjugate(coeffs)) / 2


def relative(actual, expected) -> float:
    """Largest difference over the largest value."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def wind_coeffs(u: np.ndarray, v: np.ndarray, grid: spinharm.Grid) -> jax.Array:
    return spinharm.forward(spinharm.wind_to_spin(u, v), grid, spin=1)


@pytest.fixture
def points(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points away from the poles, where 1/sinθ is harmless."""
    return rng.uniform(0.2, np.pi - 0.2, 30), rng.uniform(0, 2 * np.pi, 30)


def partials(coeffs: np.ndarray, spin: int, points: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The field and its derivatives in θ and φ at points, by automatic differentiation of `evaluate`."""

    def field(theta: jax.Array, phi: jax.Array) -> jax.Array:
        return spinharm.evaluate(coeffs, theta, phi, spin=spin)

    @jax.jit
    def derivatives(theta: jax.Array, phi: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        one, none = jnp.ones_like(theta), jnp.zeros_like(theta)
        value, south = jax.jvp(field, (theta, phi), (one, none))
        return value, south, jax.jvp(field, (theta, phi), (none, one))[1]

    value, south, east = derivatives(*points)
    return np.asarray(value), np.asarray(south), np.asarray(east)


def harmonics(bandlimit: int, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Their definition by Wigner d, shape (*points, L, 2L−1)."""
    d = np.asarray(spinharm.wigner_d(bandlimit, theta, columns=(-spin,)))[..., 0]
    norm = (-1) ** spin * np.sqrt((2 * np.arange(bandlimit) + 1) / (4 * np.pi))
    return norm[:, None] * d * np.exp(1j * np.arange(-bandlimit + 1, bandlimit) * np.asarray(phi)[..., None, None])


def at(coeffs: np.ndarray | jax.Array, spin: int, points: tuple) -> np.ndarray:
    """Σ_lm a_lm sYlm at points, without `evaluate`."""
    return np.einsum("...lm,plm->...p", np.asarray(coeffs), harmonics(coeffs.shape[-2], spin, *points))


# --- ð and ð̄ ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -1, 3])
def test_eth_and_ethbar_are_their_definitions(spin: int, rng: np.random.Generator, points: tuple):
    """ð η = −sin^s θ (∂_θ + i/sinθ ∂_φ)(sin^−s θ η) and ð̄ η = −sin^−s θ (∂_θ − i/sinθ ∂_φ)(sin^s θ η)."""
    bandlimit, (theta, _) = 10, points
    coeffs = random_coeffs(rng, bandlimit, spin=spin)
    value, south, east = partials(coeffs, spin, points)
    # The product rule on sin^∓s θ gives ∓s cotθ η.
    slope = spin * np.cos(theta) / np.sin(theta) * value
    raised = -(south + 1j / np.sin(theta) * east - slope)
    lowered = -(south - 1j / np.sin(theta) * east + slope)
    assert relative(at(spinharm.eth(coeffs, spin), spin + 1, points), raised) < 100 * bandlimit * eps("float64")
    assert relative(at(spinharm.ethbar(coeffs, spin), spin - 1, points), lowered) < 100 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -1, 2, -5])
def test_ladder_identities(spin: int, rng: np.random.Generator):
    """ð̄ð = −(l−s)(l+s+1), ðð̄ = −(l+s)(l−s+1), and so ð̄ð − ðð̄ = 2s."""
    bandlimit = 12
    coeffs, degree = random_coeffs(rng, bandlimit, spin=spin), np.arange(bandlimit)[:, None]
    up_down = spinharm.ethbar(spinharm.eth(coeffs, spin), spin + 1)
    down_up = spinharm.eth(spinharm.ethbar(coeffs, spin), spin - 1)
    assert relative(up_down, -(degree - spin) * (degree + spin + 1) * coeffs) < 10 * eps("float64")
    assert relative(down_up, -(degree + spin) * (degree - spin + 1) * coeffs) < 10 * eps("float64")
    np.testing.assert_allclose(up_down - down_up, 2 * spin * coeffs, rtol=0, atol=1e3 * bandlimit**2 * eps("float64"))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -2])
def test_eth_of_the_conjugate_is_the_conjugate_of_ethbar(spin: int, rng: np.random.Generator):
    coeffs = random_coeffs(rng, 8, spin=spin)
    expected = conjugate(np.asarray(spinharm.ethbar(coeffs, spin)), spin - 1)
    assert relative(spinharm.eth(conjugate(coeffs, spin), -spin), expected) < 10 * eps("float64")


@pytest.mark.parametrize(("operator", "spin"), [(spinharm.eth, 2), (spinharm.eth, -2), (spinharm.ethbar, 2)])
def test_degrees_below_the_spin_do_not_matter(operator: Callable, spin: int, rng: np.random.Generator):
    coeffs = random_coeffs(rng, 5, dtype="complex64")
    proper = np.where(np.arange(5)[:, None] >= abs(spin), coeffs, 0)
    np.testing.assert_array_equal(operator(coeffs, spin), operator(proper, spin))


@pytest.mark.usefixtures("x64")
def test_eth_commutes_with_rotation(rng: np.random.Generator):
    coeffs, angles = random_coeffs(rng, 8), (0.3, 1.2, 2.0)
    one = spinharm.rotate(spinharm.eth(coeffs, 0), *angles)
    assert relative(spinharm.eth(spinharm.rotate(coeffs, *angles), 0), one) < 100 * eps("float64")


# --- Scalars ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
def test_gradient_is_the_two_partial_derivatives(rng: np.random.Generator, points: tuple):
    """(∇f)_θ + i (∇f)_φ = ∂_θ f + i/sinθ ∂_φ f; as a wind, u is the eastward slope and v the northward one."""
    bandlimit, (theta, _) = 12, points
    coeffs = real_coeffs(rng, bandlimit)
    _, south, east = partials(coeffs, 0, points)
    u, v = spinharm.spin_to_wind(at(spinharm.gradient(coeffs), 1, points))
    assert relative(u, np.real(east) / np.sin(theta)) < 100 * bandlimit * eps("float64")
    assert relative(v, -np.real(south)) < 100 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_laplacian_is_the_divergence_of_the_gradient(rng: np.random.Generator):
    coeffs = real_coeffs(rng, 16)
    degree = np.arange(16)[:, None]
    assert relative(spinharm.laplacian(coeffs), -degree * (degree + 1) * coeffs) < eps("float64")
    assert relative(spinharm.divergence(spinharm.gradient(coeffs)), spinharm.laplacian(coeffs)) < 10 * eps("float64")


@pytest.mark.usefixtures("x64")
def test_inverse_laplacian_inverts_up_to_the_mean(rng: np.random.Generator):
    coeffs = random_coeffs(rng, 16)
    without_mean = coeffs.copy()
    without_mean[0] = 0
    for there_and_back in (
        spinharm.inverse_laplacian(spinharm.laplacian(coeffs)),
        spinharm.laplacian(spinharm.inverse_laplacian(coeffs)),
    ):
        assert relative(there_and_back, without_mean) < 10 * eps("float64")
        assert np.all(np.asarray(there_and_back)[0] == 0)
    assert np.all(np.asarray(spinharm.inverse_laplacian(coeffs))[0] == 0)


@pytest.mark.usefixtures("x64")
def test_curl_of_a_gradient_and_divergence_of_its_turn_vanish(rng: np.random.Generator):
    slope = np.asarray(spinharm.gradient(real_coeffs(rng, 16)))
    size = np.max(np.abs(spinharm.divergence(slope)))
    assert np.max(np.abs(spinharm.vorticity(slope))) < 10 * eps("float64") * size
    # r̂ × (v_θ, v_φ) = (−v_φ, v_θ), a factor i.
    assert np.max(np.abs(spinharm.divergence(1j * slope))) < 10 * eps("float64") * size
    assert relative(spinharm.vorticity(1j * slope), spinharm.divergence(slope)) < 10 * eps("float64")


# --- Winds ------------------------------------------------------------------------------------------------------------

GRIDS = [spinharm.Grid.equiangular(17, 32), spinharm.Grid.gauss_legendre(16)]
# A derivative multiplies the rounding of the highest of 16 degrees by 16, on up to 2 * 16 orders.
ROUNDING = 20 * 16**2 * eps("float64")


def mesh(grid: spinharm.Grid) -> tuple[np.ndarray, np.ndarray]:
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    return theta, phi


def derived(u: np.ndarray, v: np.ndarray, grid: spinharm.Grid) -> tuple[np.ndarray, np.ndarray]:
    """Divergence and vorticity of a wind, as maps."""
    coeffs = wind_coeffs(u, v, grid)
    maps = (spinharm.inverse(f(coeffs), grid) for f in (spinharm.divergence, spinharm.vorticity))
    return tuple(np.asarray(f) for f in maps)  # pyright: ignore[reportReturnType]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_solid_body_rotation(grid: spinharm.Grid):
    """V = Ω × r about a tilted axis has vorticity 2 Ω·r̂ and no divergence; about the pole, u = Ω sinθ."""
    theta, phi = mesh(grid)
    north = spinharm.wind_to_spin(np.sin(theta), np.zeros_like(theta))
    axis = Rotation.from_euler("ZYZ", [0.3, 1.0, 0.0]).apply([0.0, 0.0, 1.0])
    r = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
    east = np.stack([-np.sin(phi), np.cos(phi), 0 * phi], -1)
    south = np.cross(east, r)
    flow = np.cross(axis, r)
    u, v = np.sum(flow * east, -1), -np.sum(flow * south, -1)
    div, vor = derived(u, v, grid)
    np.testing.assert_allclose(vor, 2 * r @ axis, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(div, 0 * theta, rtol=0, atol=ROUNDING)
    # The tilted flow is the rotated one.
    tilted = spinharm.rotate(spinharm.forward(north, grid, spin=1), 0.3, 1.0, 0.0)
    np.testing.assert_allclose(tilted, wind_coeffs(u, v, grid), rtol=0, atol=ROUNDING)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_divergent_wind(grid: spinharm.Grid):
    """V = ∇(xyz), the harmonic cos θ sin²θ sin 2φ / 2 of degree 3: divergence −12 xyz, no vorticity."""
    theta, phi = mesh(grid)
    xyz = np.cos(theta) * np.sin(theta) ** 2 * np.sin(2 * phi) / 2
    u = np.cos(theta) * np.sin(theta) * np.cos(2 * phi)
    v = -(2 * np.sin(theta) * np.cos(theta) ** 2 - np.sin(theta) ** 3) * np.sin(2 * phi) / 2
    div, vor = derived(u, v, grid)
    np.testing.assert_allclose(div, -12 * xyz, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(vor, 0 * xyz, rtol=0, atol=ROUNDING)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_rossby_haurwitz_wave(grid: spinharm.Grid):
    """Williamson et al. (1992), test case 6, on the unit sphere: ψ = −ω sinφ + K cos^R φ sinφ cos Rλ."""
    theta, longitude = mesh(grid)
    omega, K, R = 7.848e-6, 7.848e-6, 4
    sin, cos = np.cos(theta), np.sin(theta)
    u = omega * cos + K * cos ** (R - 1) * (R * sin**2 - cos**2) * np.cos(R * longitude)
    v = -K * R * cos ** (R - 1) * sin * np.sin(R * longitude)
    psi = -omega * sin + K * cos**R * sin * np.cos(R * longitude)
    zeta = 2 * omega * sin - K * sin * cos**R * (R**2 + 3 * R + 2) * np.cos(R * longitude)
    div, vor = derived(u, v, grid)
    tolerance = ROUNDING * np.max(np.abs(u))
    np.testing.assert_allclose(vor, zeta, rtol=0, atol=tolerance)
    np.testing.assert_allclose(div, 0 * zeta, rtol=0, atol=tolerance)
    parts = spinharm.helmholtz(wind_coeffs(u, v, grid))
    np.testing.assert_allclose(spinharm.inverse(parts.streamfunction, grid), psi, rtol=0, atol=tolerance)
    np.testing.assert_allclose(parts.potential, 0 * parts.potential, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("x64")
def test_divergence_and_vorticity_are_their_definitions(rng: np.random.Generator, points: tuple):
    """1/sinθ (∂_θ(sinθ v_θ) + ∂_φ v_φ) and 1/sinθ (∂_θ(sinθ v_φ) − ∂_φ v_θ), and they are real."""
    bandlimit, (theta, _) = 12, points
    coeffs = random_coeffs(rng, bandlimit, spin=1)
    value, south, east = partials(coeffs, 1, points)
    cotangent = np.cos(theta) / np.sin(theta)
    divergence = np.real(south) + cotangent * np.real(value) + np.imag(east) / np.sin(theta)
    vorticity = np.imag(south) + cotangent * np.imag(value) - np.real(east) / np.sin(theta)
    for operator, expected in ((spinharm.divergence, divergence), (spinharm.vorticity, vorticity)):
        result = np.asarray(operator(coeffs))
        assert relative(at(result, 0, points), expected) < 100 * bandlimit * eps("float64")
        assert relative(conjugate(result), result) < eps("float64")


@pytest.mark.usefixtures("x64")
def test_helmholtz_parts(rng: np.random.Generator):
    """They sum to the wind, are orthogonal, and each has one of divergence and vorticity; the potentials are real."""
    coeffs = random_coeffs(rng, 20, spin=1)
    parts = spinharm.helmholtz(coeffs)
    tolerance = 100 * eps("float64")
    assert relative(parts.rotational + parts.divergent, coeffs) < tolerance
    inner = np.vdot(parts.rotational, parts.divergent).real
    assert abs(inner) < tolerance * np.linalg.norm(coeffs) ** 2
    assert relative(spinharm.vorticity(parts.rotational), spinharm.vorticity(coeffs)) < tolerance
    assert relative(spinharm.divergence(parts.divergent), spinharm.divergence(coeffs)) < tolerance
    assert np.max(np.abs(spinharm.divergence(parts.rotational))) < tolerance * np.max(np.abs(coeffs)) * 20
    assert np.max(np.abs(spinharm.vorticity(parts.divergent))) < tolerance * np.max(np.abs(coeffs)) * 20
    assert relative(spinharm.laplacian(parts.streamfunction), spinharm.vorticity(coeffs)) < tolerance
    assert relative(spinharm.laplacian(parts.potential), spinharm.divergence(coeffs)) < tolerance
    for potential in (np.asarray(parts.streamfunction), np.asarray(parts.potential)):
        assert relative(conjugate(potential), potential) < tolerance


@pytest.mark.usefixtures("x64")
def test_helmholtz_recovers_the_potentials_that_made_the_wind(rng: np.random.Generator):
    psi, chi = real_coeffs(rng, 14), real_coeffs(rng, 14)
    psi[0] = chi[0] = 0
    wind = np.asarray(spinharm.gradient(chi)) + 1j * np.asarray(spinharm.gradient(psi))
    parts = spinharm.helmholtz(wind)
    assert relative(parts.streamfunction, psi) < 10 * eps("float64")
    assert relative(parts.potential, chi) < 10 * eps("float64")


def test_wind_and_spin_round_trip(rng: np.random.Generator):
    u, v = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    plus, minus = spinharm.wind_to_spin(u, v), spinharm.wind_to_spin(u, v, spin=-1)
    assert plus.dtype == np.complex64
    np.testing.assert_array_equal(plus, -v + 1j * u)
    np.testing.assert_array_equal(minus, np.conj(plus))
    for field, spin in ((plus, 1), (minus, -1)):
        back = spinharm.spin_to_wind(field, spin=spin)
        np.testing.assert_array_equal(back[0], u)
        np.testing.assert_array_equal(back[1], v)
        assert back[0].dtype == back[1].dtype == np.float32


@pytest.mark.usefixtures("x64")
def test_spin_minus_one_coefficients_are_those_of_the_conjugate(rng: np.random.Generator):
    grid = GRIDS[0]
    coeffs = random_coeffs(rng, 16, spin=1)
    u, v = spinharm.spin_to_wind(spinharm.inverse(coeffs, grid, spin=1))
    minus = spinharm.forward(spinharm.wind_to_spin(u, v, spin=-1), grid, spin=-1)
    assert relative(minus, conjugate(coeffs, 1)) < 1e3 * eps("float64")


# --- Layouts, transformations, errors ---------------------------------------------------------------------------------

OPERATORS: dict[str, Callable] = {
    "eth": lambda c, **k: spinharm.eth(c, 1, **k),
    "ethbar": lambda c, **k: spinharm.ethbar(c, 1, **k),
    "laplacian": spinharm.laplacian,
    "inverse_laplacian": spinharm.inverse_laplacian,
    "gradient": spinharm.gradient,
    "divergence": spinharm.divergence,
    "vorticity": spinharm.vorticity,
    "helmholtz": spinharm.helmholtz,
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(("batch", "tail", "axis"), [((3, 2), (), None), ((3,), (2, 1), None), ((5,), (2, 3), 1)])
def test_layouts(name: str, batch: tuple, tail: tuple, axis: int | None, rng: np.random.Generator):
    """Batch axes, and spin and channel axes after the order, go along; types are kept."""
    coeffs = random_coeffs(rng, 4, (*tail, *batch), dtype="complex64")
    moved = np.moveaxis(coeffs, range(len(tail)), range(-len(tail), 0)) if tail else coeffs
    results, singles = OPERATORS[name](moved, axis=axis), OPERATORS[name](coeffs, axis=-2)
    for result, single in zip(jax.tree.leaves(results), jax.tree.leaves(singles), strict=True):
        assert result.dtype == np.complex64
        assert result.shape == moved.shape
        expected = np.moveaxis(np.asarray(single), range(len(tail)), range(-len(tail), 0)) if tail else single
        np.testing.assert_array_equal(result, expected)
    index = (-1,) * (len(tail) + len(batch))
    alone = OPERATORS[name](coeffs[index])
    for single, one in zip(jax.tree.leaves(singles), jax.tree.leaves(alone), strict=True):
        np.testing.assert_array_equal(single[index], one)


@pytest.mark.usefixtures("x64")
def test_check_grads(rng: np.random.Generator):
    coeffs = random_coeffs(rng, 4, (2,), spin=1)
    check_grads(jax.jit(lambda c: [operator(c, axis=-2) for operator in OPERATORS.values()]), (coeffs,), order=1)


def test_vmap_under_jit(rng: np.random.Generator):
    coeffs = random_coeffs(rng, 6, (3,), dtype="complex64")

    def every(coeffs: jax.Array | np.ndarray) -> list:
        return [operator(coeffs) for operator in OPERATORS.values()]

    mapped = jax.jit(jax.vmap(every))(coeffs)
    for actual, expected in zip(jax.tree.leaves(mapped), jax.tree.leaves(every(coeffs)), strict=True):
        assert relative(actual, expected) < 2 * eps("float32")


@pytest.mark.parametrize("name", OPERATORS)
def test_bad_coefficients_are_named(name: str):
    operator = OPERATORS[name]
    with pytest.raises(TypeError, match=r"`coeffs` must have dtype .* got int32; convert it"):
        operator(np.zeros((3, 5), np.int32))
    with pytest.raises(ValueError, match=r"`coeffs` must have axes .* got shape \(3, 4\)"):
        operator(np.zeros((3, 4), np.complex64))
    with pytest.raises(ValueError, match=r"`axis` must be given for `coeffs` of shape \(3, 5, 2, 3\)"):
        operator(np.zeros((3, 5, 2, 3), np.complex64))
    with pytest.raises(ValueError, match=r"`coeffs` must have a degree axis of size L at -3.* got shape \(4, 3, 5\)"):
        operator(np.zeros((4, 3, 5), np.complex64), axis=0)


ZEROS = np.zeros((3, 5), np.float32)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spinharm.eth(ZEROS, 0.5), TypeError, r"`spin` must be an integer, got 0\.5"),  # pyright: ignore[reportArgumentType]
        (lambda: spinharm.ethbar(ZEROS, "1"), TypeError, "`spin` must be an integer, got '1'"),  # pyright: ignore[reportArgumentType]
        (lambda: spinharm.wind_to_spin(ZEROS, ZEROS, spin=2), ValueError, "`spin` must be one of 1, -1, got 2"),
        (lambda: spinharm.spin_to_wind(ZEROS, spin=0), ValueError, "`spin` must be one of 1, -1, got 0"),
        (
            lambda: spinharm.wind_to_spin(ZEROS.astype(np.complex64), ZEROS),
            TypeError,
            "`u` must be real, got dtype complex64",
        ),
        (
            lambda: spinharm.wind_to_spin(ZEROS, ZEROS.astype(np.int32)),
            TypeError,
            "`v` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.wind_to_spin(ZEROS, ZEROS[:2]),
            ValueError,
            r"`u` and `v` must have one shape and type, got \(3, 5\) float32 and \(2, 5\) float32",
        ),
        (
            lambda: spinharm.spin_to_wind(ZEROS.astype(np.int64)),
            TypeError,
            "`field` must have dtype .* got int64; convert it",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.usefixtures("x64", "untyped")
def test_winds_of_two_types_are_refused():
    with pytest.raises(ValueError, match=r"must have one shape and type, got \(3, 5\) float32 and \(3, 5\) float64"):
        spinharm.wind_to_spin(ZEROS, ZEROS.astype(np.float64))


# --- Real winds -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
def test_observed_winds(sphere_data: Path):
    """NCEP's monthly mean winds on 73×144 points with poles, at full band."""

    def read(name: str) -> tuple[np.ndarray, spinharm.Grid]:
        with xr.open_dataset(sphere_data / "weather" / f"ncep_{name}_mean.nc", engine="h5netcdf") as data:
            grid = spinharm.Grid.from_latlon(data["latitude"].values, data["longitude"].values)
            return np.asarray(data[name].values, np.float64), grid

    (u_observed, grid), (v_observed, _) = read("uwnd"), read("vwnd")
    assert grid == spinharm.Grid.equiangular(73, 144)
    coeffs = wind_coeffs(u_observed, v_observed, grid)
    wind = spinharm.spin_to_wind(spinharm.inverse(coeffs, grid, spin=1))
    speed = np.max(np.hypot(u_observed, v_observed))

    # The band-limited wind is the wind up to what 2.5° cannot resolve.
    for observed, smooth in zip((u_observed, v_observed), wind, strict=True):
        assert np.sqrt(np.mean((observed - smooth) ** 2)) < 0.02 * speed

    # No source and no net rotation on a closed surface (Gauss and Stokes).
    parts = spinharm.helmholtz(coeffs)
    for derivative in (spinharm.divergence(coeffs), spinharm.vorticity(coeffs)):
        field = np.asarray(spinharm.inverse(derivative, grid, real=True))
        mean = np.einsum("j,tjk->t", grid.weights, field) / (4 * np.pi)
        assert np.max(np.abs(mean)) < 1e3 * eps("float64") * np.max(np.abs(field))

    # ∇χ + r̂ × ∇ψ from the potentials' maps is the wind again.
    potentials = (spinharm.inverse(part, grid, real=True) for part in (parts.potential, parts.streamfunction))
    slopes = [spinharm.inverse(spinharm.gradient(spinharm.forward(p, grid)), grid, spin=1) for p in potentials]
    again = spinharm.spin_to_wind(slopes[0] + 1j * slopes[1])
    for rebuilt, smooth in zip(again, wind, strict=True):
        assert relative(rebuilt, smooth) < 1e-12 * grid.max_bandlimit

    # Half the spectrum is the kinetic energy per mass; twice the bandlimit's grid integrates its square exactly.
    fine = spinharm.Grid.gauss_legendre(2 * grid.max_bandlimit)
    u, v = spinharm.spin_to_wind(spinharm.inverse(coeffs, fine, spin=1))
    energy = np.einsum("j,tjk->t", fine.weights, (np.asarray(u) ** 2 + np.asarray(v) ** 2) / 2) / (4 * np.pi)
    spectrum = spinharm.power_spectrum(coeffs, normalization="mean") / 2
    np.testing.assert_allclose(np.sum(spectrum, -1), energy, rtol=1e3 * eps("float64"))

    # Large-scale monthly flow is mostly rotational.
    share = np.sum(np.abs(parts.rotational) ** 2) / np.sum(np.abs(coeffs) ** 2)
    assert 0.9 < share < 1
