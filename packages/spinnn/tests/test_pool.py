import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinharm import Grid, SpinTransform, change_bandlimit
from spinnn import SpatialPool, SpectralPool, spin_mean
from spinnn.testing import RandomInput, assert_equivariant, equivariance_error, random_coefficients


def test_spectral_pool_keeps_the_low_degrees():
    coeffs = random_coefficients(jax.random.key(0), 8, (0, 1), 2)
    np.testing.assert_array_equal(SpectralPool(5)(coeffs), change_bandlimit(coeffs, 5, axis=-4))
    assert_equivariant(SpectralPool(5), RandomInput(8, (0, 1), 2), spins_out=(0, 1), key=jax.random.key(1))


@pytest.mark.parametrize("poles", [False, True])
def test_spatial_pool_keeps_constants_and_the_mean(poles):
    grid = Grid.equiangular(16, 32, poles=poles)
    pool = SpatialPool(grid)
    assert pool.grid_out.shape == (8, 16)
    np.testing.assert_allclose(pool(jnp.full((*grid.shape, 1, 1), 3.0)), 3.0, rtol=1e-6)


def test_spatial_pool_approximates_the_field_at_cell_centres():
    grid = Grid.equiangular(64, 128, poles=False)
    pool = SpatialPool(grid)
    coeffs = random_coefficients(jax.random.key(0), 4, (0,), 1)
    coarse = SpinTransform(pool.grid_out, 4).inverse(coeffs)
    error = jnp.linalg.norm(pool(SpinTransform(grid, 4).inverse(coeffs)) - coarse) / jnp.linalg.norm(coarse)
    assert error < 0.01


def test_spin_mean_of_known_fields():
    grid = Grid.gauss_legendre(12)
    coeffs = random_coefficients(jax.random.key(0), 6, (0, 1), 3, (2,))
    maps = SpinTransform(grid, 6, (0, 1)).inverse(coeffs)
    pooled = spin_mean(maps, grid, (0, 1))
    assert pooled.shape == (2, 2, 3)
    np.testing.assert_allclose(pooled[:, 0], coeffs[:, 0, 5, 0].real / np.sqrt(4 * np.pi), atol=1e-5)
    weights = grid.weights[:, None, None] / (4 * np.pi)
    np.testing.assert_allclose(pooled[:, 1], (jnp.abs(maps[..., 1, :]) * weights).sum((1, 2)), rtol=1e-5)


def test_spin_mean_does_not_change_under_rotation():
    grid = Grid.gauss_legendre(48)
    error = equivariance_error(
        lambda x: spin_mean(x, grid, (0, 1)), RandomInput(6, (0, 1), 4, grid=grid), key=jax.random.key(0)
    )
    assert error < 1e-3


def test_spin_mean_has_finite_gradients_at_zero():
    grid = Grid.gauss_legendre(4)
    maps = jnp.zeros((*grid.shape, 2, 1), jnp.complex64)
    assert jnp.all(jnp.isfinite(jax.grad(lambda x: spin_mean(x, grid, (0, 1)).sum())(maps)))


def test_bad_arguments():
    with pytest.raises(ValueError, match="with at least 5 degrees, got shape"):
        SpectralPool(5)(jnp.zeros((4, 7, 1, 1), jnp.complex64))
    with pytest.raises(ValueError, match="must have even sizes"):
        SpatialPool(Grid.equiangular(15, 30))
    with pytest.raises(ValueError, match="must be equiangular"):
        SpatialPool(Grid.gauss_legendre(8))
    with pytest.raises(ValueError, match="`x` of SpatialPool must be maps on"):
        SpatialPool(Grid.equiangular(16, 32))(jnp.zeros((8, 16, 1, 1)))
    with pytest.raises(ValueError, match="`x` of spin_mean must be maps"):
        spin_mean(jnp.zeros((8, 16, 2, 1)), Grid.gauss_legendre(8), (0,))
