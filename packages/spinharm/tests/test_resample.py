"""Resampling between grids and bandlimits, and evaluation at points: exactness, limits at the poles, derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import spinharm
from spinharm import Grid
from spinharm._transform.tuning import TUNING

# Every kind of grid, all of which resolve ten degrees.
GRIDS = {
    "poles": Grid.equiangular(11, 20),
    "no-poles": Grid.equiangular(12, 19, poles=False),
    "gauss": Grid.gauss_legendre(10),
    "driscoll-healy": Grid.driscoll_healy(10),
    "mcewen-wiaux": Grid.mcewen_wiaux(10),
    "file": Grid.from_latlon(np.linspace(-90, 90, 13), np.arange(-180, 180, 15)),
}

# Compiled as one program, which is several times faster to prepare than one program for each operation.
evaluate = jax.jit(spinharm.evaluate, static_argnames="spin")


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def random_coeffs(
    rng: np.random.Generator, bandlimit: int, shape: tuple[int, ...] = (), *, spin: int = 0, dtype: str = "complex128"
) -> np.ndarray:
    """Coefficients (*shape, L, 2L−1) that are zero where |m| > l or l < |spin|."""
    parts = rng.normal(size=(2, *shape, bandlimit, 2 * bandlimit - 1))
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    return ((parts[0] + 1j * parts[1]) * ((np.abs(order) <= degree) & (degree >= abs(spin)))).astype(dtype)


def relative(actual, expected) -> float:
    """Largest difference over the largest value."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def harmonics(bandlimit: int, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Their definition by Wigner d, shape (*points, L, 2L−1)."""
    d = np.asarray(spinharm.wigner_d(bandlimit, theta, columns=(-spin,)))[..., 0]
    norm = (-1) ** spin * np.sqrt((2 * np.arange(bandlimit) + 1) / (4 * np.pi))
    return norm[:, None] * d * np.exp(1j * np.arange(-bandlimit + 1, bandlimit) * np.asarray(phi)[..., None, None])


def by_sum(coeffs: np.ndarray, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Σ_lm a_lm sYlm at points, from the table of harmonics."""
    return np.tensordot(coeffs, harmonics(coeffs.shape[-2], spin, theta, phi), ((-2, -1), (-2, -1)))


# --- resample ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("source", "target"), list(itertools.combinations(GRIDS, 2)))
def test_there_and_back_is_the_identity(source: str, target: str, rng: np.random.Generator):
    """And halfway, the map is the field on the other grid, band-limited to ten degrees."""
    bandlimit, (here, there) = 10, (GRIDS[source], GRIDS[target])
    coeffs = random_coeffs(rng, bandlimit, spin=1)
    f, expected = (spinharm.inverse(coeffs, grid, spin=1) for grid in (here, there))
    moved = spinharm.resample(f, here, there, spin=1)
    assert relative(moved, expected) < 100 * bandlimit * eps("float64")
    assert relative(spinharm.resample(moved, there, here, spin=1), f) < 100 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 2])
def test_era5_grid_to_gauss_and_back(spin: int, rng: np.random.Generator):
    """121×240 to 64×128 Gauss and back: lossless for what 64 degrees hold."""
    fine, coarse = Grid.equiangular(121, 240), Grid.gauss_legendre(64)
    f = np.asarray(spinharm.inverse(random_coeffs(rng, 64, (2,), spin=spin), fine, spin=spin))
    f = f if spin else np.real(f)
    down = spinharm.resample(f, fine, coarse, spin=spin)
    assert down.shape == (2, 64, 128)
    assert relative(spinharm.resample(down, coarse, fine, spin=spin), f) < 5 * 64**2 * eps("float64")


def test_downsampling_cuts_the_degrees_that_do_not_fit(rng: np.random.Generator):
    """The coarse map is the field without degrees 6 and above; a lower `bandlimit` cuts lower."""
    fine, coarse = GRIDS["poles"], Grid.gauss_legendre(6)
    coeffs = random_coeffs(rng, 10, dtype="complex64")
    f = spinharm.inverse(coeffs, fine)
    for bandlimit, kept in ((None, 6), (4, 4)):
        expected = spinharm.inverse(spinharm.change_bandlimit(coeffs, kept), coarse)
        actual = spinharm.resample(f, fine, coarse, bandlimit=bandlimit)
        assert relative(actual, expected) < 100 * eps("float32")


def test_types_and_batches(rng: np.random.Generator):
    """Real maps of spin 0 stay real, of other spins turn complex; batch axes and precision are kept."""
    here, there = GRIDS["gauss"], GRIDS["poles"]
    f = rng.normal(size=(2, 3, *here.shape)).astype(np.float32)
    real = spinharm.resample(f, here, there)
    assert (real.shape, real.dtype) == ((2, 3, *there.shape), np.float32)
    whole = spinharm.resample(f.astype(np.complex64), here, there)
    assert whole.dtype == np.complex64
    assert relative(whole, real) < 100 * eps("float32")
    assert relative(real[1, 2], spinharm.resample(f[1, 2], here, there)) < 20 * eps("float32")

    def result(f: np.ndarray, spin: int) -> jax.ShapeDtypeStruct:
        return jax.eval_shape(lambda f: spinharm.resample(f, here, there, spin=spin), f)

    assert result(f, 2).dtype == np.complex64
    with jax.enable_x64(True):
        assert result(f.astype(np.float64), 0).dtype == np.float64
        assert result(f.astype(np.float64), 2).dtype == np.complex128


def test_wind_resamples_as_one_field_of_spin_one():
    """Flow over the poles, V = x̂ − (x̂·r̂) r̂, keeps its shape on any grid; u and v alone would not."""

    def wind(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
        return -np.sin(phi).astype(np.float32), (-np.cos(theta) * np.cos(phi)).astype(np.float32)

    here, there = GRIDS["no-poles"], GRIDS["poles"]
    moved = spinharm.resample(spinharm.wind_to_spin(*wind(here)), here, there, spin=1)
    for actual, expected in zip(spinharm.spin_to_wind(moved), wind(there), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=100 * eps("float32"))


def test_resample_is_differentiable_under_jit(rng: np.random.Generator):
    here, there = GRIDS["gauss"], GRIDS["poles"]
    f, g = rng.normal(size=here.shape).astype(np.float32), rng.normal(size=there.shape).astype(np.float32)

    @jax.jit
    def resample(f: jax.Array) -> jax.Array:
        return spinharm.resample(f, here, there)

    moved, pull = jax.vjp(resample, f)
    back = pull(jnp.asarray(g))[0]
    assert back.dtype == np.float32
    assert abs(np.vdot(moved, g) - np.vdot(f, back)) < 10 * eps("float32") * np.linalg.norm(f) * np.linalg.norm(g)
    assert relative(moved, spinharm.resample(f, here, there)) < 20 * eps("float32")


# --- change_bandlimit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tail", "axis"), [((), None), ((2, 1), None), ((2, 3), -4)])
@pytest.mark.parametrize("bandlimit", [1, 3, 5, 8])
def test_change_bandlimit(bandlimit: int, tail: tuple, axis: int | None, rng: np.random.Generator):
    """Common entries are kept at their degree and order, the others are zero."""
    coeffs = np.moveaxis(random_coeffs(rng, 5, (*tail, 4), dtype="complex64"), range(len(tail)), range(-len(tail), 0))
    changed = np.asarray(spinharm.change_bandlimit(coeffs, bandlimit, axis=axis))
    assert changed.shape == (4, bandlimit, 2 * bandlimit - 1, *tail)
    assert changed.dtype == np.complex64
    for degree in range(bandlimit):
        for order in range(-bandlimit + 1, bandlimit):
            exists = degree < 5 and abs(order) < 5
            expected = coeffs[:, degree, order + 4] if exists else np.zeros((4, *tail))
            np.testing.assert_array_equal(changed[:, degree, order + bandlimit - 1], expected)


def test_change_bandlimit_of_real_parts_and_its_adjoint(rng: np.random.Generator):
    """Padding is the transpose of cutting."""
    small, large = random_coeffs(rng, 3, dtype="complex64"), random_coeffs(rng, 6, dtype="complex64")
    assert spinharm.change_bandlimit(np.real(small), 4).dtype == np.complex64
    cut, pull = jax.vjp(lambda c: spinharm.change_bandlimit(c, 3), large)
    np.testing.assert_array_equal(pull(jnp.asarray(small))[0], spinharm.change_bandlimit(small, 6))
    np.testing.assert_array_equal(cut, large[:3, 3:8])


# --- evaluate ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -5])
def test_evaluate_is_the_sum_of_harmonics(spin: int, rng: np.random.Generator):
    """At random points, at both poles along several meridians, and just beside them."""
    bandlimit = 12
    coeffs = random_coeffs(rng, bandlimit, (3,), spin=spin)
    theta = np.concatenate([[0.0, 0.0, np.pi, np.pi, 1e-8, np.pi - 1e-8], rng.uniform(0, np.pi, 20)])
    phi = rng.uniform(-7, 7, theta.size)
    values = spinharm.evaluate(coeffs, theta, phi, spin=spin)
    assert values.shape == (3, theta.size)
    assert relative(values, by_sum(coeffs, spin, theta, phi)) < 50 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("grid", list(GRIDS.values()), ids=list(GRIDS))
def test_evaluate_on_a_grid_is_the_inverse_transform(grid: Grid, rng: np.random.Generator):
    """Rings on the poles included: there, too, a map holds the limit along each meridian."""
    coeffs = random_coeffs(rng, 10, spin=1)
    values = evaluate(coeffs, grid.colatitude[:, None], grid.longitude, spin=1)
    assert values.shape == grid.shape
    assert relative(values, spinharm.inverse(coeffs, grid, spin=1)) < 500 * eps("float64")


@pytest.mark.usefixtures("x64")
def test_evaluate_far_outside_the_usual_ranges(rng: np.random.Generator):
    """θ beyond a pole is the point on the opposite meridian, seen with the sign (−1)^s of its turned frame."""
    theta, phi = rng.uniform(0, np.pi, 9), rng.uniform(0, 2 * np.pi, 9)
    for spin in (0, 1):
        coeffs = random_coeffs(rng, 8, spin=spin)
        inside = np.asarray(evaluate(coeffs, theta, phi, spin=spin))
        beyond = evaluate(coeffs, -theta, phi + np.pi, spin=spin)
        assert relative(beyond, (-1) ** spin * inside) < 500 * eps("float64")
        around = evaluate(coeffs, theta + 2 * np.pi, phi - 6 * np.pi, spin=spin)
        assert relative(around, inside) < 2000 * eps("float64")


@pytest.mark.usefixtures("x64")
def test_evaluate_in_float32(rng: np.random.Generator):
    """Rounding k θ and m φ in float32 costs up to L (θ + φ) eps."""
    bandlimit = 64
    coeffs = random_coeffs(rng, bandlimit, dtype="complex64")
    theta, phi = (rng.uniform(0, top, 50).astype(np.float32) for top in (np.pi, 2 * np.pi))
    exact = np.asarray(evaluate(coeffs.astype(np.complex128), theta.astype(float), phi.astype(float)))
    single = evaluate(coeffs, theta, phi)
    assert single.dtype == np.complex64
    error = np.linalg.norm(np.asarray(single) - exact) / np.linalg.norm(exact)
    assert 0 < error < (3 + bandlimit) * eps("float32")


@pytest.mark.parametrize("count", [0, 2 * TUNING.points_per_block + 3])
def test_evaluate_many_points(count: int, rng: np.random.Generator):
    """None, and whole blocks with a rest."""
    coeffs = random_coeffs(rng, 4, (2,), dtype="complex64")
    theta, phi = (rng.uniform(0, 3, count).astype(np.float32) for _ in range(2))
    values = np.asarray(evaluate(coeffs, theta, phi))
    assert values.shape == (2, count)
    np.testing.assert_allclose(values, by_sum(coeffs, 0, theta, phi), rtol=0, atol=200 * eps("float32"))


@pytest.mark.parametrize(
    ("batch", "theta", "phi", "points"),
    [
        ((), (), (), ()),
        ((2, 1), (), (), ()),
        ((3,), (2, 1), (4,), (2, 4)),
        ((0,), (3,), (3,), (3,)),
    ],
)
def test_evaluate_shapes(batch: tuple, theta: tuple, phi: tuple, points: tuple, rng: np.random.Generator):
    """(*batch, *points): scalar points, points that broadcast, no fields at all."""
    coeffs = random_coeffs(rng, 3, batch, dtype="complex64")
    colatitude, longitude = (rng.uniform(0, 3, shape).astype(np.float32) for shape in (theta, phi))
    values = evaluate(coeffs, colatitude, longitude)
    assert values.shape == (*batch, *points)
    np.testing.assert_allclose(values, by_sum(coeffs, 0, colatitude, longitude), rtol=0, atol=100 * eps("float32"))


def test_evaluate_bandlimit_one_is_constant():
    values = evaluate(np.full((1, 1), 2.0, np.complex64), np.array([0.0, 1.0], np.float32), 0.5)
    np.testing.assert_allclose(values, np.full(2, 2 / np.sqrt(4 * np.pi)), rtol=4 * eps("float32"))


def test_evaluate_traced_points_and_vmap(rng: np.random.Generator):
    """Under `jit` and `spinharm.jit` with traced points, and mapped over fields and points, the values are the same."""
    coeffs = random_coeffs(rng, 6, (3,), spin=1, dtype="complex64")
    theta, phi = (rng.uniform(0, 3, (3, 5)).astype(np.float32) for _ in range(2))
    every = by_sum(coeffs, 1, theta, phi)

    def wind(coeffs: jax.Array, theta: jax.Array, phi: jax.Array) -> jax.Array:
        return spinharm.evaluate(coeffs, theta, phi, spin=1)

    for compiled in (jax.jit(wind), spinharm.jit(wind)):
        assert relative(compiled(coeffs, theta, phi), every) < 50 * eps("float32")
    mapped = jax.jit(jax.vmap(wind))(coeffs, theta, phi)
    assert relative(mapped, every[np.arange(3), np.arange(3)]) < 50 * eps("float32")


@pytest.mark.usefixtures("x64")
def test_evaluate_passes_check_grads(rng: np.random.Generator):
    """In coefficients and points, at both poles and elsewhere, forward and reverse."""
    theta, phi = np.array([0.0, 1.1, np.pi]), np.array([0.4, -2.0, 1.0])
    coeffs = random_coeffs(rng, 3, spin=1)
    check_grads(jax.jit(lambda *x: spinharm.evaluate(*x, spin=1)), (coeffs, theta, phi), order=1)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1])
def test_derivatives_of_evaluate_at_the_poles(spin: int, rng: np.random.Generator):
    """∂_θ f = −(ð f + ð̄ f)/2 and ∂_φ f, whose sum is im a_lm sYlm, hold where 1/sinθ has no meaning."""
    bandlimit = 7
    coeffs = random_coeffs(rng, bandlimit, spin=spin)
    theta, phi = np.array([0.0, 0.0, np.pi, np.pi, 0.6]), np.array([0.0, 2.2, 0.0, 2.2, 1.0])

    @jax.jit
    def slopes(theta: jax.Array, phi: jax.Array) -> tuple[jax.Array, jax.Array]:
        one, none = jnp.ones_like(theta), jnp.zeros_like(theta)

        def field(theta: jax.Array, phi: jax.Array) -> jax.Array:
            return spinharm.evaluate(coeffs, theta, phi, spin=spin)

        return jax.jvp(field, (theta, phi), (one, none))[1], jax.jvp(field, (theta, phi), (none, one))[1]

    south, east = slopes(theta, phi)
    up, down = np.asarray(spinharm.eth(coeffs, spin)), np.asarray(spinharm.ethbar(coeffs, spin))
    expected = -(by_sum(up, spin + 1, theta, phi) + by_sum(down, spin - 1, theta, phi)) / 2
    assert relative(south, expected) < 50 * bandlimit * eps("float64")
    order = np.arange(-bandlimit + 1, bandlimit)
    turned = by_sum(1j * order * coeffs, spin, theta, phi)
    assert relative(east, turned) < 50 * bandlimit * eps("float64")


# --- Errors -----------------------------------------------------------------------------------------------------------

MAPS = np.zeros((10, 20), np.float32)
COEFFS = np.zeros((3, 5), np.complex64)
GAUSS = Grid.gauss_legendre(10)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: spinharm.resample(MAPS.T, GAUSS, GAUSS),
            ValueError,
            r"`f` must have axes \(\*batch, lat, lon\) with sizes \(10, 20\), got shape \(20, 10\)",
        ),
        (
            lambda: spinharm.resample(MAPS.astype(np.int32), GAUSS, GAUSS),
            TypeError,
            r"`f` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.resample(MAPS, GAUSS, Grid.gauss_legendre(5), bandlimit=6),
            ValueError,
            r"`bandlimit` must be at most 5 on the 5 rings of .* got 6; use a grid with more rings",
        ),
        (
            lambda: spinharm.resample(MAPS, GAUSS, GAUSS, bandlimit=11),
            ValueError,
            r"`bandlimit` must be at most 10 on the 10 rings of .* got 11",
        ),
        (
            lambda: spinharm.resample(MAPS, GAUSS, Grid.gauss_legendre(2), spin=2),
            ValueError,
            "`spins` must be below the bandlimit in magnitude, got spin 2 with bandlimit 2",
        ),
        (
            lambda: spinharm.resample(MAPS, (10, 20), GAUSS),  # pyright: ignore[reportArgumentType]
            TypeError,
            r"`grid_from` must be a spinharm.Grid, got \(10, 20\)",
        ),
        (
            lambda: spinharm.resample(MAPS, GAUSS, "gauss"),  # pyright: ignore[reportArgumentType]
            TypeError,
            "`grid_to` must be a spinharm.Grid, got 'gauss'",
        ),
        (
            lambda: spinharm.change_bandlimit(COEFFS, 0),
            ValueError,
            "`bandlimit` must be at least 1, got 0",
        ),
        (
            lambda: spinharm.change_bandlimit(COEFFS, 2.0),  # pyright: ignore[reportArgumentType]
            TypeError,
            r"`bandlimit` must be an integer, got 2\.0",
        ),
        (
            lambda: spinharm.change_bandlimit(COEFFS[:, :4], 2),
            ValueError,
            r"`coeffs` must have axes .* got shape \(3, 4\)",
        ),
        (
            lambda: spinharm.change_bandlimit(np.zeros((3, 5), np.int32), 2),
            TypeError,
            r"`coeffs` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.evaluate(COEFFS[:, :4], 0.1, 0.1),
            ValueError,
            r"`coeffs` must have a degree axis of size L at -2, .* got shape \(3, 4\)",
        ),
        (
            lambda: spinharm.evaluate(np.zeros((3, 5), np.int32), 0.1, 0.1),
            TypeError,
            r"`coeffs` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.evaluate(COEFFS, np.nan, 0.1),
            ValueError,
            "`colatitude` must be finite, got nan",
        ),
        (
            lambda: spinharm.evaluate(COEFFS, 0.1, np.array([0.0, np.inf])),
            ValueError,
            "`longitude` must be finite, got inf",
        ),
        (
            lambda: spinharm.evaluate(COEFFS, 0.1, 1j),  # pyright: ignore[reportArgumentType]
            TypeError,
            "`longitude` must be real, got dtype complex",
        ),
        (
            lambda: spinharm.evaluate(COEFFS, np.zeros(2), np.zeros(3)),
            ValueError,
            r"`colatitude`, `longitude` must broadcast, got shapes \(2,\), \(3,\)",
        ),
        (
            lambda: spinharm.evaluate(COEFFS, 0.1, 0.1, spin=3),
            ValueError,
            "`spins` must be below the bandlimit in magnitude, got spin 3 with bandlimit 3",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call()
