import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinharm import Grid, SpinTransform
from spinnn.testing import assert_equivariant, equivariance_error, random_coefficients

KEY = jax.random.key(0)


def test_random_coefficients_are_valid_and_of_unit_variance():
    coeffs = np.asarray(random_coefficients(KEY, 6, (0, 2), 500))
    degree, order = np.arange(6)[:, None], np.arange(-5, 6)
    for index, spin in enumerate((0, 2)):
        valid = (abs(order) <= degree) & (degree >= spin)
        assert np.all(coeffs[~valid][:, index] == 0)
        np.testing.assert_allclose((np.abs(coeffs[valid][:, index]) ** 2).mean(), 1, rtol=0.05)


def test_the_identity_is_equivariant():
    options = {"bandlimit": 6, "spins_in": (0, 1), "channels_in": 2, "spins_out": (0, 1), "key": KEY}
    assert equivariance_error(lambda x: x, **options) == 0
    assert_equivariant(lambda x: x, **options)


def test_what_is_not_equivariant_is_found():
    """Filtering by order picks out an axis, and so does a mask of half the sphere."""
    options = {"bandlimit": 6, "spins_in": (0,), "channels_in": 2, "spins_out": (0,), "key": KEY}
    with pytest.raises(AssertionError, match=r"relative equivariance error .* is above the tolerance 1\.00e-05"):
        assert_equivariant(lambda x: x.at[:, :, 0].set(0).at[..., 5:, :, :].set(0), **options)
    grid = Grid.gauss_legendre(6)
    half = (np.arange(6) < 3)[:, None, None, None].astype(np.complex64)
    assert equivariance_error(lambda x: x * half, grid_in=grid, grid_out=grid, **options) > 0.1


def test_a_result_that_is_not_a_number_fails():
    with pytest.raises(AssertionError, match="nan"):
        assert_equivariant(lambda x: x * jnp.nan, bandlimit=4, spins_in=(0,), channels_in=1, spins_out=(0,), key=KEY)


def test_invariants_are_compared_as_they_stand():
    def power(x):
        return jnp.sum(jnp.abs(x) ** 2, (-4, -3))

    assert equivariance_error(power, bandlimit=6, spins_in=(0, 1), channels_in=3, key=KEY) < 1e-5
    assert equivariance_error(lambda x: x[..., 2, 6, :, :], bandlimit=6, spins_in=(0,), channels_in=3, key=KEY) > 0.1


def test_real_input_is_real():
    grid, seen = Grid.gauss_legendre(6), []

    def look(x):
        seen.append(x)
        return x

    equivariance_error(
        look,
        bandlimit=6,
        spins_in=(0,),
        channels_in=1,
        spins_out=(0,),
        grid_in=grid,
        grid_out=grid,
        real_input=True,
        key=KEY,
    )
    coeffs = SpinTransform(grid, 6).forward(seen[0])
    assert all(x.dtype == jnp.float32 for x in seen)
    assert float(jnp.linalg.norm(coeffs)) > 1


def test_an_output_of_zeros_does_not_pass():
    with pytest.raises(AssertionError, match="the output is zero"):
        assert_equivariant(jnp.zeros_like, bandlimit=4, spins_in=(0,), channels_in=1, spins_out=(0,), key=KEY)
