import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinharm import Grid, SpinTransform, change_bandlimit
from spinnn import PhaseCollapse, SpinConv, _tuning
from spinnn.testing import RandomInput, assert_equivariant, random_coefficients

GAUSS = Grid.gauss_legendre(8)
POLES = Grid.equiangular(11, 20)


def relative(a, b) -> float:
    return float(jnp.linalg.norm((a - b).ravel()) / jnp.linalg.norm(b.ravel()))


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("knots", [None, 3])
def test_commutes_with_rotation(separable, knots):
    conv = SpinConv(
        (0, 1), (0, 1, -2), 3, 4, bandlimit=8, num_filter_params=knots, separable=separable, key=jax.random.key(0)
    )
    conv = eqx.tree_at(lambda c: c.bias, conv, jnp.ones((2, 4)))
    assert_equivariant(conv, RandomInput(8, (0, 1), 3), spins_out=(0, 1, -2), key=jax.random.key(1), tolerance=1e-5)


def test_commutes_with_rotation_from_maps_to_maps():
    conv = SpinConv((0, 1), (0, -1), 2, 3, bandlimit=8, grid_in=POLES, grid_out=GAUSS, key=jax.random.key(0))
    assert_equivariant(
        conv,
        RandomInput(10, (0, 1), 2, grid=POLES),
        spins_out=(0, -1),
        grid_out=GAUSS,
        key=jax.random.key(1),
        tolerance=1e-5,
    )


def test_maps_and_coefficients_agree():
    key = jax.random.key(0)
    spectral = SpinConv((0, 1), (0, 2), 2, 3, bandlimit=8, key=key)
    spatial = SpinConv((0, 1), (0, 2), 2, 3, bandlimit=8, grid_in=POLES, grid_out=GAUSS, key=key)
    coeffs = random_coefficients(jax.random.key(1), 8, (0, 1), 2, (2,))
    maps = spatial(SpinTransform(POLES, 8, (0, 1)).inverse(coeffs))
    assert relative(maps, SpinTransform(GAUSS, 8, (0, 2)).inverse(spectral(coeffs))) < 1e-5


def test_pooling_is_truncation():
    conv = SpinConv((0, 1), (0, 1), 2, 2, bandlimit=5, key=jax.random.key(0))
    coeffs = random_coefficients(jax.random.key(1), 8, (0, 1), 2)
    assert relative(conv(coeffs), conv(change_bandlimit(coeffs, 5, axis=-4))) == 0
    pooled = SpinConv((0, 1), (0, 1), 2, 2, bandlimit=5, grid_in=POLES, key=jax.random.key(0))
    maps = SpinTransform(POLES, 8, (0, 1)).inverse(coeffs)
    assert relative(pooled(maps), conv(coeffs)) < 1e-5


def test_as_many_knots_as_degrees_is_the_full_filter():
    key = jax.random.key(0)
    full = SpinConv((0, 1), (0, 1), 2, 2, bandlimit=6, key=key)
    knotted = SpinConv((0, 1), (0, 1), 2, 2, bandlimit=6, num_filter_params=6, key=key)
    np.testing.assert_allclose(full.filters(), knotted.filters(), rtol=1e-6)


def test_localised_filters_are_linear_between_knots():
    conv = SpinConv((0,), (0,), 1, 1, bandlimit=9, num_filter_params=3, key=jax.random.key(0))
    one = eqx.tree_at(lambda c: c.weight, conv, jnp.ones_like(conv.weight))
    # Interpolating ones would give ones, but for the factor that keeps the variance between knots.
    share = np.array([0, 1, 2, 3, 4, 3, 2, 1, 0]) / 4
    expected = 1 / np.sqrt(share**2 + (1 - share) ** 2)
    np.testing.assert_allclose(one.filters()[:, 0, 0, 0, 0].real, expected, rtol=1e-6)


def test_filters_are_zero_where_a_spin_does_not_reach():
    filters = SpinConv((0, 1), (0, 2), 1, 1, bandlimit=4, key=jax.random.key(0)).filters()
    assert jnp.all(filters[0, 1] == 0)
    assert jnp.all(filters[:2, :, :, 1] == 0)
    assert jnp.all(filters[2:] != 0)


def test_bias_is_a_constant_on_spin_0():
    conv = SpinConv((0, 1), (1, 0), 2, 3, bandlimit=8, grid_in=GAUSS, grid_out=GAUSS, key=jax.random.key(0))
    bias = np.arange(6, dtype=np.float32).reshape(2, 3)
    maps = jnp.ones((*GAUSS.shape, 2, 2), jnp.complex64)
    difference = eqx.tree_at(lambda c: c.bias, conv, jnp.asarray(bias))(maps) - conv(maps)
    np.testing.assert_allclose(difference[..., 0, :], 0, atol=1e-5)
    expected = np.broadcast_to(bias[0] + 1j * bias[1], difference[..., 1, :].shape)
    np.testing.assert_allclose(difference[..., 1, :], expected, atol=1e-5)


def test_no_bias_without_spin_0():
    assert SpinConv((0,), (1,), 1, 1, bandlimit=4, key=jax.random.key(0)).bias is None


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("knots", [None, 4])
def test_each_degree_keeps_its_mean_square(separable, knots):
    conv = SpinConv(
        (0, 1), (0, 1), 64, 64, bandlimit=6, num_filter_params=knots, separable=separable, key=jax.random.key(0)
    )
    coeffs = random_coefficients(jax.random.key(1), 6, (0, 1), 64, (8,))
    power = (jnp.abs(conv(coeffs)) ** 2).sum((0, 2, 4)) / (jnp.abs(coeffs) ** 2).sum((0, 2, 4))
    np.testing.assert_allclose(power[1:], 1, atol=0.25)
    np.testing.assert_allclose(power[0, 0], 1, atol=0.25)


def test_phase_collapse_keeps_the_mean_square():
    layer = PhaseCollapse((0, 1), 64, key=jax.random.key(0))
    x = jax.lax.complex(*jax.random.normal(jax.random.key(1), (2, 16, 16, 2, 64)))
    assert float(jnp.mean(jnp.abs(layer(x)) ** 2) / jnp.mean(jnp.abs(x) ** 2)) == pytest.approx(1, abs=0.15)


def mean_squares_through_layers(count, step):
    """The mean square of coefficients after each of `count` layers, relative to the input's."""
    coeffs = random_coefficients(jax.random.key(0), 8, (0, 1), 32)
    before, step = float(jnp.mean(jnp.abs(coeffs) ** 2)), jax.jit(step)
    ratios = []
    for index in range(count):
        coeffs = step(coeffs, jax.random.key(index + 1))
        ratios.append(float(jnp.mean(jnp.abs(coeffs) ** 2)) / before)
    return np.array(ratios)


@pytest.mark.parametrize("separable", [False, True])
def test_twenty_convolutions_keep_the_mean_square(separable):
    def step(coeffs, key):
        return SpinConv((0, 1), (0, 1), 32, 32, bandlimit=8, num_filter_params=4, separable=separable, key=key)(coeffs)

    ratios = mean_squares_through_layers(20, step)
    assert np.all((ratios > 0.5) & (ratios < 2))


def test_twenty_layers_neither_vanish_nor_explode():
    """Each transform cuts off what |x| has above the bandlimit, about a tenth of the mean square of white noise."""
    transform = SpinTransform(Grid.gauss_legendre(8), 8, (0, 1))

    def step(coeffs, key):
        first, second = jax.random.split(key)
        conv = SpinConv((0, 1), (0, 1), 32, 32, bandlimit=8, num_filter_params=4, key=first)
        return transform.forward(PhaseCollapse((0, 1), 32, key=second)(transform.inverse(conv(coeffs))))

    ratios = mean_squares_through_layers(20, step)
    assert ratios[0] > 0.8
    assert np.all((ratios > 0.85**20) & (ratios < 1.5))


def test_parameters_are_real_and_have_gradients():
    conv = SpinConv((0, 1), (0, 1), 2, 3, bandlimit=6, grid_in=GAUSS, grid_out=GAUSS, key=jax.random.key(0))
    maps = jnp.ones((2, *GAUSS.shape, 2, 2), jnp.complex64)
    gradient = eqx.filter_grad(lambda c: jnp.sum(jnp.abs(c(maps)) ** 2))(conv)
    leaves = jax.tree.leaves(eqx.filter(conv, eqx.is_array))
    assert len(leaves) == 2
    assert all(leaf.dtype == jnp.float32 for leaf in leaves)
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("separable", [False, True])
def test_wide_layers_are_three_products_of_the_same_value(separable, x64, monkeypatch):
    conv = SpinConv((0, 1), (1, 0), 3, 4, bandlimit=4, separable=separable, key=jax.random.key(0))
    x = random_coefficients(jax.random.key(1), 4, (0, 1), 3, (2,))
    wanted = conv(x)
    monkeypatch.setattr(_tuning, "TUNING", _tuning.Tuning(three_products=1))
    np.testing.assert_allclose(conv(x), wanted, atol=1e-12)


def test_bfloat16_products_stay_close():
    key = jax.random.key(0)
    coeffs = random_coefficients(jax.random.key(1), 8, (0, 1), 16)
    exact = SpinConv((0, 1), (0, 1), 16, 16, bandlimit=8, key=key)(coeffs)
    rough = SpinConv((0, 1), (0, 1), 16, 16, bandlimit=8, product_dtype="bfloat16", key=key)(coeffs)
    assert rough.dtype == jnp.complex64
    assert 1e-5 < relative(rough, exact) < 2e-2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"spins_in": 0}, TypeError, r"`spins_in` must be a sequence of integers, got 0; write \(0,\)"),
        ({"spins_in": ()}, ValueError, "`spins_in` must be distinct integers, at least one"),
        ({"spins_out": (0, 0)}, ValueError, r"`spins_out` must be distinct integers.*\(0, 0\)"),
        ({"spins_out": (4,)}, ValueError, r"`spins_out` must be below the bandlimit 4 in magnitude, got \(4,\)"),
        ({"channels_in": 0}, ValueError, "`channels_in` must be at least 1, got 0"),
        ({"channels_out": 2.0}, TypeError, "`channels_out` must be an integer, got 2.0"),
        ({"num_filter_params": 5}, ValueError, "`num_filter_params` must be at most the bandlimit 4, got 5"),
        (
            {"product_dtype": "float16"},
            ValueError,
            "`product_dtype` must be one of 'float32', 'bfloat16', got 'float16'",
        ),
        ({"grid_in": Grid.gauss_legendre(3)}, ValueError, "`bandlimit` must be at most 3"),
    ],
)
def test_bad_arguments(untyped, change, error, message):
    options = {"spins_in": (0,), "spins_out": (0,), "channels_in": 1, "channels_out": 1, "bandlimit": 4} | change
    with pytest.raises(error, match=message):
        SpinConv(**options, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 15, 2, 3), r"must end in axes \(spin, channel\) of sizes \(1, 3\).*got shape \(8, 15, 2, 3\)"),
        ((8, 15, 1, 4), r"must end in axes \(spin, channel\)"),
        ((8, 14, 1, 3), "must be coefficients .* with at least 8 degrees, got shape"),
        ((7, 13, 1, 3), "must be coefficients .* with at least 8 degrees, got shape"),
    ],
)
def test_bad_input(shape, message):
    conv = SpinConv((0,), (0,), 3, 1, bandlimit=8, key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        conv(jnp.zeros(shape, jnp.complex64))
