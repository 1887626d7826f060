"""Power and cross spectra: Parseval against quadrature of the squared field, symmetries, layouts, derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

import spinharm
from spinharm._coefficients.spectra import Normalization

NORMALIZATIONS = get_args(Normalization)
# Grids that resolve the square of a field of eleven degrees.
GRIDS = [spinharm.Grid.gauss_legendre(21), spinharm.Grid.equiangular(22, 44), spinharm.Grid.driscoll_healy(22)]


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def random_coeffs(
    rng: np.random.Generator, bandlimit: int, shape: tuple[int, ...] = (), *, spin: int = 0, dtype: str = "complex128"
) -> np.ndarray:
    """Coefficients (*shape, L, 2L−1) that are zero where |m| > l or l < |spin|."""
    parts = rng.normal(size=(2, *shape, bandlimit, 2 * bandlimit - 1))
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    return ((parts[0] + 1j * parts[1]) * ((np.abs(order) <= degree) & (degree >= abs(spin)))).astype(dtype)


def integral(field: np.ndarray, grid: spinharm.Grid) -> np.ndarray:
    """∫ f dΩ by the quadrature of the grid."""
    return np.einsum("j,...jk->...", grid.weights, field)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("grid", "spin"), [*((grid, 0) for grid in GRIDS), (GRIDS[0], 1), (GRIDS[0], -2)], ids=str)
def test_parseval(spin: int, grid: spinharm.Grid, rng: np.random.Generator):
    """Σ P_l = ∫ |f|², its mean for "mean"; and ∫ f conj(g) for two fields."""
    bandlimit = 11
    a, b = random_coeffs(rng, bandlimit, (2,), spin=spin)
    f, g = np.asarray(spinharm.inverse(np.stack([a, b]), grid, spin=spin))
    squared, crossed = integral(np.abs(f) ** 2, grid), integral(f * np.conj(g), grid)
    tolerance = 20 * bandlimit * eps("float64") * squared
    assert abs(np.sum(spinharm.power_spectrum(a)) - squared) < tolerance
    assert abs(np.sum(spinharm.power_spectrum(a, normalization="mean")) - squared / (4 * np.pi)) < tolerance
    assert abs(np.sum(spinharm.cross_spectrum(a, b)) - crossed) < tolerance
    assert abs(np.sum(spinharm.cross_spectrum(a, b, normalization="mean")) - crossed / (4 * np.pi)) < tolerance


@pytest.mark.usefixtures("x64")
def test_each_degree_is_the_energy_of_its_part(rng: np.random.Generator):
    """P_l is ∫ |f_l|² of the part of degree l alone, and "per_order" shares it among 2l + 1 orders."""
    bandlimit, grid = 6, spinharm.Grid.gauss_legendre(11)
    coeffs = random_coeffs(rng, bandlimit)
    alone = coeffs[None] * np.eye(bandlimit)[:, :, None]
    energy = integral(np.abs(np.asarray(spinharm.inverse(alone, grid))) ** 2, grid)
    np.testing.assert_allclose(spinharm.power_spectrum(coeffs), energy, rtol=100 * eps("float64"))
    per_order = spinharm.power_spectrum(coeffs, normalization="per_order")
    np.testing.assert_allclose(per_order, energy / (2 * np.arange(bandlimit) + 1), rtol=100 * eps("float64"))


@pytest.mark.usefixtures("x64")
def test_white_noise_has_a_flat_spectrum_per_order(rng: np.random.Generator):
    """C_l of coefficients of unit variance is one, within five standard deviations of 2 (2l + 1) samples times 64."""
    coeffs = random_coeffs(rng, 12, (64,)) / np.sqrt(2)
    spectrum = np.mean(spinharm.power_spectrum(coeffs, normalization="per_order"), 0)
    assert np.all(np.abs(spectrum - 1) < 5 / np.sqrt(64 * (2 * np.arange(12) + 1)))


def test_constant_field():
    """f = 3 has mean square 9, all of it in degree 0."""
    grid = spinharm.Grid.equiangular(9, 16)
    coeffs = spinharm.forward(np.full(grid.shape, 3.0, np.float32), grid)
    expected = np.array([9.0] + [0.0] * 7)
    spectrum = spinharm.power_spectrum(coeffs, normalization="mean")
    assert spectrum.dtype == np.float32
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=9 * 20 * eps("float32"))


def test_wind_spectrum_counts_twice_the_kinetic_energy():
    """Solid-body rotation u = U sinθ is of degree 1 with mean u² = 2/3 U²."""
    grid = spinharm.Grid.equiangular(9, 16)
    u = np.broadcast_to(10 * np.sin(grid.colatitude)[:, None], grid.shape).astype(np.float32)
    coeffs = spinharm.forward(spinharm.wind_to_spin(u, np.zeros_like(u)), grid, spin=1)
    expected = np.zeros(8)
    expected[1] = 200 / 3
    spectrum = spinharm.power_spectrum(coeffs, normalization="mean")
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e3 * eps("float32"))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_rotation_changes_no_spectrum(normalization: Normalization, rng: np.random.Generator):
    a, b = random_coeffs(rng, 12, (2,))
    turned = spinharm.rotate(np.stack([a, b]), 0.7, 2.0, -1.1)
    power, cross = spinharm.power_spectrum, spinharm.cross_spectrum
    before, after = power(a, normalization=normalization), power(turned[0], normalization=normalization)
    np.testing.assert_allclose(after, before, rtol=1e3 * eps("float64"))
    before, after = cross(a, b, normalization=normalization), cross(*turned, normalization=normalization)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e3 * eps("float64") * np.max(np.abs(before)))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_cross_spectrum_symmetries(normalization: Normalization, rng: np.random.Generator):
    """Of a field with itself it is the power; swapped, the conjugate; of two real fields, real."""
    a, b = random_coeffs(rng, 10, (2,))

    def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(spinharm.cross_spectrum(a, b, normalization=normalization))

    power = spinharm.power_spectrum(a, normalization=normalization)
    np.testing.assert_allclose(cross(a, a), power, rtol=20 * eps("float64"))
    there, back = cross(a, b), cross(b, a)
    np.testing.assert_allclose(there, np.conj(back), rtol=20 * eps("float64"))
    assert np.max(np.abs(np.imag(there))) > 0.01
    sign = (-1.0) ** np.arange(-9, 10)
    a, b = (c + sign * np.conj(c[:, ::-1]) for c in (a, b))
    real = cross(a, b)
    assert np.max(np.abs(np.imag(real))) < 20 * eps("float64") * np.max(np.abs(real))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(("batch", "tail", "axis"), [((3, 2), (), None), ((4,), (2, 1), None), ((5,), (2, 3), 1)])
def test_layouts(batch: tuple, tail: tuple, axis: int | None, normalization: Normalization, rng: np.random.Generator):
    """(*batch, L, 2L−1) gives (*batch, L); (*batch, L, 2L−1, spin, channel) gives (*batch, L, spin, channel)."""
    a, b = random_coeffs(rng, 4, (2, *batch, *tail), dtype="complex64")
    last = range(-2 - len(tail), -2), range(-len(tail), 0)
    options = {"normalization": normalization, "axis": axis}
    power = spinharm.power_spectrum(np.moveaxis(a, *last), **options)
    cross = spinharm.cross_spectrum(np.moveaxis(a, *last), np.moveaxis(b, *last), **options)
    assert power.shape == cross.shape == (*batch, 4, *tail)
    assert (power.dtype, cross.dtype) == (np.float32, np.complex64)
    for index in np.ndindex(*batch, *tail):
        here = (*index[: len(batch)], slice(None), *index[len(batch) :])
        one = spinharm.power_spectrum(a[index], normalization=normalization)
        two = spinharm.cross_spectrum(a[index], b[index], normalization=normalization)
        np.testing.assert_allclose(power[here], one, rtol=10 * eps("float32"))
        np.testing.assert_allclose(cross[here], two, rtol=0, atol=20 * eps("float32") * np.max(np.abs(one)))


@pytest.mark.usefixtures("x64")
def test_gradients(rng: np.random.Generator):
    """In the coefficients, at zero as well, where a spectrum is flat."""
    a, b = random_coeffs(rng, 3, (2,))
    check_grads(jax.jit(spinharm.power_spectrum), (a,), order=2)
    check_grads(jax.jit(lambda a, b: spinharm.cross_spectrum(a, b, normalization="per_order")), (a, b), order=1)
    # d Σ_l P_l = 2 Re(conj(a) da), and JAX returns the conjugate.
    slope = jax.grad(lambda c: spinharm.power_spectrum(c).sum())(a)
    np.testing.assert_allclose(slope, 2 * np.conj(a), rtol=4 * eps("float64"))
    assert np.all(jax.grad(lambda c: spinharm.power_spectrum(c).sum())(np.zeros_like(a)) == 0)


def test_jit_and_vmap(rng: np.random.Generator):
    a, b = random_coeffs(rng, 5, (2, 3), dtype="complex64")
    power = jax.jit(jax.vmap(spinharm.power_spectrum))(a)
    cross = jax.jit(jax.vmap(spinharm.cross_spectrum))(a, b)
    np.testing.assert_allclose(power, spinharm.power_spectrum(a), rtol=10 * eps("float32"))
    np.testing.assert_allclose(cross, spinharm.cross_spectrum(a, b), rtol=0, atol=1e3 * eps("float32"))


ZEROS = np.zeros((3, 5), np.complex64)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: spinharm.power_spectrum(ZEROS, normalization="cl"),  # pyright: ignore[reportArgumentType]
            ValueError,
            "`normalization` must be one of 'total', 'mean', 'per_order', got 'cl'",
        ),
        (
            lambda: spinharm.cross_spectrum(ZEROS, ZEROS, normalization=None),  # pyright: ignore[reportArgumentType]
            ValueError,
            "`normalization` must be one of 'total', 'mean', 'per_order', got None",
        ),
        (
            lambda: spinharm.power_spectrum(np.zeros((3, 5), np.int32)),
            TypeError,
            r"`coeffs` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.cross_spectrum(ZEROS, np.zeros((3, 5), np.int32)),
            TypeError,
            r"`other` must have dtype .* got int32; convert it",
        ),
        (
            lambda: spinharm.power_spectrum(ZEROS[:, :4]),
            ValueError,
            r"`coeffs` must have axes \(\*batch, degree, order\) .* got shape \(3, 4\)",
        ),
        (
            lambda: spinharm.power_spectrum(np.zeros((3, 5, 2, 3), np.complex64)),
            ValueError,
            r"`axis` must be given for `coeffs` of shape \(3, 5, 2, 3\)",
        ),
        (
            lambda: spinharm.power_spectrum(ZEROS, axis=1),
            ValueError,
            r"`coeffs` must have a degree axis of size L at -1, .* got shape \(3, 5\)",
        ),
        (
            lambda: spinharm.cross_spectrum(ZEROS, ZEROS[:2, :3]),
            ValueError,
            r"`other` must have the shape and type of `coeffs`, \(3, 5\) complex64, got \(2, 3\) complex64",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call()
