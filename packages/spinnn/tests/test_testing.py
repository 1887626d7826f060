import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinharm import Grid, SpinTransform
from spinnn.testing import RandomInput, assert_equivariant, equivariance_error, random_coefficients

KEY = jax.random.key(0)


def test_random_coefficients_are_valid_and_of_unit_variance():
    coeffs = np.asarray(random_coefficients(KEY, 6, (0, 2), 500))
    degree, order = np.arange(6)[:, None], np.arange(-5, 6)
    for index, spin in enumerate((0, 2)):
        valid = (abs(order) <= degree) & (degree >= spin)
        assert np.all(coeffs[~valid][:, index] == 0)
        np.testing.assert_allclose((np.abs(coeffs[valid][:, index]) ** 2).mean(), 1, rtol=0.05)


def test_the_identity_is_equivariant():
    given = RandomInput(6, (0, 1), 2)
    assert equivariance_error(lambda x: x, given, spins_out=(0, 1), key=KEY) == 0
    assert_equivariant(lambda x: x, given, spins_out=(0, 1), key=KEY)


def test_what_is_not_equivariant_is_found():
    """Filtering by order picks out an axis, and so does a mask of half the sphere."""
    given = RandomInput(6, (0,), 2)
    with pytest.raises(AssertionError, match=r"relative equivariance error .* is above the tolerance 1\.00e-05"):
        assert_equivariant(lambda x: x.at[:, :, 0].set(0).at[..., 5:, :, :].set(0), given, spins_out=(0,), key=KEY)
    grid = Grid.gauss_legendre(6)
    half = (np.arange(6) < 3)[:, None, None, None].astype(np.complex64)
    given = dataclasses.replace(given, grid=grid)
    assert equivariance_error(lambda x: x * half, given, spins_out=(0,), grid_out=grid, key=KEY) > 0.1


def test_a_result_that_is_not_a_number_fails():
    with pytest.raises(AssertionError, match="nan"):
        assert_equivariant(lambda x: x * jnp.nan, RandomInput(4, (0,), 1), spins_out=(0,), key=KEY)


def test_invariants_are_compared_as_they_stand():
    def power(x):
        return jnp.sum(jnp.abs(x) ** 2, (-4, -3))

    assert equivariance_error(power, RandomInput(6, (0, 1), 3), key=KEY) < 1e-5
    assert equivariance_error(lambda x: x[..., 2, 6, :, :], RandomInput(6, (0,), 3), key=KEY) > 0.1


def test_real_input_is_real():
    grid, seen = Grid.gauss_legendre(6), []

    def look(x):
        seen.append(x)
        return x

    equivariance_error(look, RandomInput(6, (0,), 1, grid=grid, real=True), spins_out=(0,), grid_out=grid, key=KEY)
    coeffs = SpinTransform(grid, 6).forward(seen[0])
    assert all(x.dtype == jnp.float32 for x in seen)
    assert float(jnp.linalg.norm(coeffs)) > 1


def test_an_output_of_zeros_does_not_pass():
    with pytest.raises(AssertionError, match="the output is zero"):
        assert_equivariant(jnp.zeros_like, RandomInput(4, (0,), 1), spins_out=(0,), key=KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bandlimit": True}, "`bandlimit` must be an integer, got True"),
        ({"spins": (0.5,)}, r"`spins` must be an integer, got 0\.5"),
        ({"grid": 6}, r"`grid` must be a spinharm\.Grid or None, got 6"),
        ({"real": "no"}, "`real` must be True or False, got 'no'"),
    ],
)
def test_wrong_sizes_of_a_random_input(untyped, change, message):
    with pytest.raises(TypeError, match=message):
        RandomInput(**{"bandlimit": 6, "spins": (0,), "channels": 1, **change})
