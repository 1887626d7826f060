"""Layers for features in real irreps: equivariance, scale, refusals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinnn import DegreeLinear, RMSNorm

L_MAX, CHANNELS = 3, 4


def rotated(x, angles):
    """Real irreps of a rotated function."""
    complex_ = spinharm.convert.from_e3nn(jnp.moveaxis(x, 0, -1))
    return jnp.moveaxis(spinharm.convert.to_e3nn(spinharm.rotate(complex_, *angles)), -1, 0)


@pytest.fixture
def features():
    return jax.random.normal(jax.random.key(0), ((L_MAX + 1) ** 2, 5, CHANNELS))


@pytest.mark.parametrize(
    "make", [lambda: DegreeLinear(L_MAX, CHANNELS, 7, key=jax.random.key(1)), lambda: RMSNorm(L_MAX, CHANNELS)]
)
def test_layers_are_equivariant(make, features):
    layer, angles = make(), (0.3, 1.1, -2.0)
    np.testing.assert_allclose(layer(rotated(features, angles)), rotated(layer(features), angles), atol=3e-6)


def test_linear_keeps_degrees_apart_and_the_mean_square(features):
    layer = DegreeLinear(L_MAX, CHANNELS, 512, key=jax.random.key(1))
    for degree in range(L_MAX + 1):
        entries = slice(degree**2, (degree + 1) ** 2)
        one = layer(jnp.zeros_like(features).at[entries].set(features[entries]))
        assert not one.at[entries].set(0).any()
        np.testing.assert_allclose(jnp.mean(one[entries] ** 2), jnp.mean(features[entries] ** 2), rtol=0.15)


def test_norm_has_unit_mean_square_of_each_degree(features):
    out = RMSNorm(L_MAX, CHANNELS, epsilon=1e-12)(features * 100)
    for degree in range(L_MAX + 1):
        np.testing.assert_allclose(jnp.mean(out[degree**2 : (degree + 1) ** 2] ** 2, (0, 2)), 1, rtol=1e-5)


def test_norm_has_finite_gradients_at_zero():
    slope = jax.grad(lambda x: RMSNorm(1, 2)(x).sum())(jnp.zeros((4, 3, 2)))
    np.testing.assert_allclose(slope, 100.0, rtol=1e-5)


@pytest.mark.parametrize("columns", [(), (0,), (2, 3)])
def test_any_columns(columns):
    x = jnp.ones(((L_MAX + 1) ** 2, *columns, CHANNELS))
    assert DegreeLinear(L_MAX, CHANNELS, 2, key=jax.random.key(0))(x).shape == (*x.shape[:-1], 2)
    assert RMSNorm(L_MAX, CHANNELS)(x).shape == x.shape


def test_features_may_be_kept_apart_by_degree(features):
    parts = [features[degree**2 : (degree + 1) ** 2] for degree in range(L_MAX + 1)]
    for layer in (RMSNorm(L_MAX, CHANNELS), DegreeLinear(L_MAX, CHANNELS, 2, key=jax.random.key(0))):
        np.testing.assert_array_equal(jnp.concatenate(layer.by_degree(parts)), layer(features))


def test_transformations(features):
    norm, linear = RMSNorm(L_MAX, CHANNELS), DegreeLinear(L_MAX, CHANNELS, 2, key=jax.random.key(0))
    both = lambda x: linear(norm(x))  # noqa: E731
    np.testing.assert_allclose(eqx.filter_jit(both)(features), both(features), atol=1e-6)
    each = jax.vmap(both, in_axes=1, out_axes=1)(features)
    np.testing.assert_allclose(each, both(features), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: DegreeLinear(-1, 2, 2, key=jax.random.key(0)), ValueError, "max_degree"),
        (lambda: DegreeLinear(1, 0, 2, key=jax.random.key(0)), ValueError, "channels_in"),
        (lambda: RMSNorm(1, 0), ValueError, "channels"),
        (lambda: RMSNorm(1, 2, epsilon=0.0), ValueError, "epsilon"),
        (lambda: RMSNorm(1, 2)(jnp.ones((9, 2))), ValueError, "4 entries for degrees 0 … 1"),
        (lambda: RMSNorm(1, 2).by_degree([jnp.ones((1, 2))]), ValueError, "each degree 0 … 1, got 1 of them"),
        (
            lambda: RMSNorm(1, 2).by_degree([jnp.ones((1, 2))] * 2),
            ValueError,
            r"`parts\[1\]` of `RMSNorm` must have shape",
        ),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_another_precision_is_refused():
    layer = RMSNorm(1, 2)
    with jax.enable_x64(True), pytest.raises(TypeError, match="precision of its parameters"):
        layer(jnp.ones((4, 2), jnp.float64))
