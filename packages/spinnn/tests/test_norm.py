import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinharm import Grid, SpinTransform
from spinnn import SpatialBatchNorm, SpectralBatchNorm
from spinnn.testing import RandomInput, assert_equivariant, random_coefficients

L, SPINS, CHANNELS = 8, (0, 1), 3
GRID = Grid.gauss_legendre(16)
MIDDLE = L - 1


def spectral(**options):
    return eqx.nn.make_with_state(SpectralBatchNorm)(SPINS, CHANNELS, **options)


def spatial(**options):
    return eqx.nn.make_with_state(SpatialBatchNorm)(SPINS, CHANNELS, grid=GRID, **options)


@pytest.mark.parametrize("center", ["batch", "sample"])
def test_commutes_with_rotation(clone, center):
    norm, state = spectral(center=center)
    run = spinharm.jit(eqx.tree_at(lambda n: n.affine.bias, norm, jnp.ones((2, CHANNELS))))
    assert_equivariant(
        lambda x: run(x, clone(state))[0],
        RandomInput(L, SPINS, CHANNELS),
        spins_out=SPINS,
        key=jax.random.key(0),
        tolerance=1e-5,
    )


@pytest.mark.parametrize("center", ["batch", "sample"])
def test_statistics_of_the_result(center):
    norm, state = spectral(center=center)
    norm = eqx.tree_at(
        lambda n: (n.affine.bias, n.affine.scale), norm, (jnp.full((2, CHANNELS), 0.5), 2 * norm.affine.scale)
    )
    coeffs = 3 * random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (6,)) + 0
    out, _ = spinharm.jit(norm)(coeffs, state)
    mean = out[:, 0, MIDDLE, 0] / float(np.sqrt(4 * np.pi))
    variance = (jnp.abs(out[:, 1:]) ** 2).sum((1, 2)).mean(0) / float(4 * np.pi)
    np.testing.assert_allclose(variance, 4.0, rtol=1e-3)
    expected = np.full(CHANNELS, 0.5 + 0.5j)
    np.testing.assert_allclose(mean.mean(0), expected, atol=1e-5)
    if center == "sample":
        np.testing.assert_allclose(mean, np.broadcast_to(expected, mean.shape), atol=1e-6)
    else:
        assert float(jnp.std(jnp.abs(mean))) > 0.01


@pytest.mark.parametrize("make", [spectral, spatial], ids=["spectral", "spatial"])
def test_masked_elements_touch_nothing(clone, make):
    norm, state = make()
    coeffs = random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (4,))
    padding = 1e3 * random_coefficients(jax.random.key(1), L, SPINS, CHANNELS, (3,))
    x = jnp.concatenate([coeffs, padding])
    if make is spatial:
        x = SpinTransform(GRID, L, SPINS).inverse(x)
    mask = jnp.arange(7) < 4
    run = spinharm.jit(norm)
    alone, state_alone = run(x[:4], clone(state))
    padded, state_padded = run(x, clone(state), mask=mask)
    np.testing.assert_allclose(padded[:4], alone, rtol=1e-5, atol=1e-5)
    for a, b in zip(jax.tree.leaves(state_alone), jax.tree.leaves(state_padded), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_batch_that_is_masked_whole_changes_no_statistics(clone):
    norm, state = spectral()
    coeffs = random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (2,))
    out, after = spinharm.jit(norm)(coeffs, clone(state), mask=jnp.zeros(2, bool))
    assert jnp.all(jnp.isfinite(out))
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(a, b)


def test_running_statistics_converge_to_the_batch(clone):
    norm, state = spectral(momentum=0.5)
    coeffs = random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (8,)) * 2 + 0
    run = spinharm.jit(norm)
    for _ in range(30):
        trained, state = run(coeffs, state)
    out, after = spinharm.jit(eqx.nn.inference_mode(norm))(coeffs, clone(state))
    np.testing.assert_allclose(out, trained, atol=1e-4)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(a, b)


def test_equals_the_spatial_norm_for_zero_mean_fields(clone):
    coeffs = random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (5,)).at[:, 0].set(0)
    transform = SpinTransform(GRID, L, SPINS)
    (one, state_one), (other, state_other) = spectral(), spatial()
    expected = spinharm.jit(lambda x, state: transform.forward(other(transform.inverse(x), state)[0]))(
        coeffs, clone(state_other)
    )
    out, _ = spinharm.jit(one)(coeffs, clone(state_one))
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_more_batch_axes_are_one_batch(clone):
    norm, state = spectral()
    coeffs = random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (6,))
    run = spinharm.jit(norm)
    flat, _ = run(coeffs, clone(state))
    folded, _ = run(coeffs.reshape(2, 3, *coeffs.shape[1:]), clone(state))
    np.testing.assert_allclose(folded.reshape(flat.shape), flat, rtol=1e-5, atol=1e-6)


def test_bad_arguments(untyped):
    with pytest.raises(ValueError, match=r"`momentum` must be at least 0 and below 1, got 1\.0"):
        spectral(momentum=1.0)
    with pytest.raises(ValueError, match="`center` must be one of 'sample', 'batch', got 'mean'"):
        spectral(center="mean")


def test_bad_mask(untyped):
    norm, state = spectral()
    with pytest.raises(ValueError, match=r"`mask` of SpectralBatchNorm must have the batch shape \(2,\).*\(3,\)"):
        norm(random_coefficients(jax.random.key(0), L, SPINS, CHANNELS, (2,)), state, mask=jnp.ones(3, bool))


def test_wrong_grid():
    norm, state = spatial()
    with pytest.raises(ValueError, match=r"maps on Grid\(16×32 Gauss-Legendre\), got shape \(2, 4, 8, 2, 3\)"):
        norm(jnp.zeros((2, 4, 8, 2, 3), jnp.complex64), state)
