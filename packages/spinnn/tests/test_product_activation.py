"""Products of maps as activations: exactness, equivariance to rounding in blocks and networks, gradients, options."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import spinharm
from spinharm import Grid, SpinTransform
from spinnn import BlockOptions, ProductActivation, SpinBlock, SpinResNet, SpinUNet, _compact
from spinnn.testing import RandomInput, assert_equivariant, equivariance_error, random_coefficients
from spinnn.training import from_json, load_model, save_model, to_json

L, SPINS = 4, (0, 1)
GRID = Grid.gauss_legendre(L)
EXACT = BlockOptions(activation="product")


def on_coefficients(layer, grid=None):
    """The layer between two transforms, compiled; on another grid than its own if one is given."""
    if grid is not None:
        other = object.__new__(ProductActivation)
        for name, value in {**vars(layer), "grid": grid}.items():
            object.__setattr__(other, name, value)
        layer = other
    transform = SpinTransform(layer.grid, layer.bandlimit, layer.spins)
    return spinharm.jit(lambda coeffs: transform.forward(layer(transform.inverse(coeffs))))


def compiled(kind, *args, **options):
    """A block or network as a function of its input, with all scales of norms at 1."""
    network, state = eqx.nn.make_with_state(kind)(*args, key=jax.random.key(0), **options)
    network = jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.ones_like(leaf) if getattr(path[-1], "name", "") == "scale" else leaf, network
    )
    run = spinharm.jit(lambda x, state: network(x, state)[0])
    return lambda x: run(x, jax.tree.map(lambda leaf: leaf, state))


@pytest.mark.parametrize("order", [2, 3])
def test_the_grid_is_the_smallest_exact_one(order, x64):
    layer = ProductActivation(SPINS, 2, bandlimit=3, order=order, key=jax.random.key(0))
    coeffs = random_coefficients(jax.random.key(1), 3, SPINS, 2, (2,))
    expected = on_coefficients(layer, Grid.gauss_legendre(9))(coeffs)
    np.testing.assert_allclose(on_coefficients(layer)(coeffs), expected, atol=1e-12)
    nlat, nlon = layer.grid.shape
    fewer = Grid.gauss_legendre(nlat, nlon - 1)
    assert np.abs(on_coefficients(layer, fewer)(coeffs) - expected).max() > 1e-3


def test_the_result_is_its_formula(x64):
    """Order 2, spins 0 and 1, one channel, by NumPy."""
    layer = ProductActivation(SPINS, 1, bandlimit=2, key=jax.random.key(0))
    transform = SpinTransform(layer.grid, 2, SPINS)
    x = np.asarray(transform.inverse(random_coefficients(jax.random.key(1), 2, SPINS, 1)))
    weights = layer.grid.weights[:, None] / (4 * np.pi)
    p, q = x[..., 0, 0], x[..., 1, 0]

    def mean(y):
        return (weights * y).sum()

    real, imaginary = np.asarray(layer.mixing)
    (a, b, c), size = (real + 1j * imaginary).ravel(), lambda y: mean(abs(y) ** 2)
    scalar, vector = a * p + b * p.conj(), c * q
    scalar, vector = (y / math.sqrt(size(y) + 1e-5) for y in (scalar, vector))
    invariants = [mean(p).real, mean(p).imag, *(math.sqrt(size(y) + 1e-5) for y in (p, q))]
    hidden = np.asarray(invariants) @ np.asarray(layer.hidden_weight)
    hidden = hidden / (1 + np.exp(-hidden))
    gates = 1 / (1 + np.exp(-hidden @ np.asarray(layer.gate_weight)))
    g = gates * np.array([2, 2, 2**0.5, 2**0.5, 2**0.5, 2**0.5]) / 2**0.5
    out = [
        g[0] * p + g[2] * p * scalar + g[3] * q * vector.conj(),
        g[1] * q + g[4] * p * vector + g[5] * q * scalar,
    ]
    np.testing.assert_allclose(np.asarray(layer(jnp.asarray(x)))[..., 0], np.stack(out, -1), atol=1e-12)


def test_a_cubic_block_is_equivariant_and_adds_no_degrees():
    spins, fine = (0, 1, -1), Grid.gauss_legendre(2 * L)
    options = BlockOptions(activation="product", product_order=3)
    run = compiled(SpinBlock, SPINS, spins, 2, 2, grid_in=GRID, grid_out=fine, bandlimit=L, options=options)
    given = RandomInput(L, SPINS, 2, grid=GRID)
    places = {"spins_out": spins, "grid_out": fine}
    assert_equivariant(run, given, **places, key=jax.random.key(1), tolerance=2e-6)
    maps = run(given.as_given(given.coefficients(jax.random.key(2))))
    out = SpinTransform(fine, 2 * L, spins).forward(maps)
    assert np.abs(out[..., L:, :, :, :]).max() < 1e-5 * np.abs(out).max()


def test_a_residual_network_of_scalars_commutes_with_rotations_and_reflections():
    run = compiled(
        SpinResNet,
        (0,),
        2,
        grid_in=GRID,
        grids=[GRID, Grid.gauss_legendre(3)],
        widths=[2, 3],
        spins=(0,),
        spins_out=(0,),
        channels_out=1,
        output="real",
        options=EXACT,
    )
    given = RandomInput(L, (0,), 2, grid=GRID, real=True)
    places = {"spins_out": (0,), "grid_out": Grid.gauss_legendre(3), "bandlimit_out": 3}
    for reflection in (False, True):
        assert_equivariant(run, given, **places, reflection=reflection, key=jax.random.key(1), tolerance=3e-6)


def test_a_unet_commutes_with_rotations():
    coarse = Grid.gauss_legendre(2)
    run = compiled(
        SpinUNet,
        SPINS,
        2,
        grid_in=GRID,
        grids=[GRID, coarse, GRID],
        widths=[2, 2, 2],
        spins_out=SPINS,
        channels_out=1,
        options=EXACT,
    )
    given = RandomInput(L, SPINS, 2, grid=GRID)
    assert_equivariant(run, given, spins_out=SPINS, grid_out=GRID, key=jax.random.key(1), tolerance=3e-6)


def test_reflections_tell_what_does_not_commute_with_them():
    given = RandomInput(L, SPINS, 1)
    for function, error in ((lambda x: 2 * x, 0), (lambda x: 1j * x, 2)):
        found = equivariance_error(function, given, spins_out=SPINS, reflection=True, key=jax.random.key(0))
        np.testing.assert_allclose(found, error, atol=1e-5)


def test_gradients(x64):
    layer = ProductActivation(SPINS, 1, bandlimit=2, key=jax.random.key(0))
    params, rest = eqx.partition(layer, eqx.is_inexact_array)
    point = (params, np.random.default_rng(0).normal(size=(*layer.grid.shape, 2, 1, 2)))

    @jax.jit
    def objective(params, x):
        out = eqx.combine(params, rest)(jax.lax.complex(x[..., 0], x[..., 1]))
        return jnp.sum(jnp.cos(jnp.arange(out.size)).reshape(out.shape) * (out.real + 2 * out.imag))

    assert objective(*point).dtype == jnp.float64
    check_grads(objective, point, order=1, modes=["rev"])


def test_batch_axes_and_scale():
    layer = ProductActivation(SPINS, 4, bandlimit=L, key=jax.random.key(0))
    run = on_coefficients(layer)
    x = random_coefficients(jax.random.key(1), L, SPINS, 4, (2, 3))
    whole = run(x)
    np.testing.assert_allclose(jax.vmap(jax.vmap(run))(x), whole, atol=1e-5)
    # Linear in the scale of x but for the gates, so that depth neither blows up nor kills.
    large = run(1e4 * x)
    assert np.linalg.norm(whole) * 1e3 < np.linalg.norm(large) < np.linalg.norm(whole) * 1e5
    assert layer(jnp.zeros((0, *layer.grid.shape, 2, 4), jnp.complex64)).shape[0] == 0


@pytest.mark.parametrize("options", [EXACT, BlockOptions(oversampling=1.5), BlockOptions(activation="s2")])
def test_the_fast_layout_is_left_to_what_it_knows(options):
    block, _ = eqx.nn.make_with_state(SpinBlock)(
        (0,), SPINS, 2, 2, grid_in=GRID, grid_out=GRID, options=options, key=jax.random.key(0)
    )
    assert _compact.compact([block]) is None


def test_oversampled_moduli_are_less_exact_than_products():
    options = BlockOptions(oversampling=2.0)
    run = compiled(SpinBlock, (0,), (0,), 2, 2, grid_in=GRID, grid_out=GRID, options=options)
    given = RandomInput(L, (0,), 2, grid=GRID)
    error = equivariance_error(run, given, spins_out=(0,), grid_out=GRID, key=jax.random.key(1))
    assert 1e-4 < error < 0.04


def test_options_are_read_from_before_and_now():
    before = {"activation": "gated", "center": "batch", "momentum": 0.9, "product_dtype": "float32"}
    assert from_json(BlockOptions, before) == BlockOptions(activation="gated")
    assert to_json(BlockOptions(activation="gated"), former_names=True) == before  # runs of before are resumed
    for options in (BlockOptions(activation="product", product_order=3), BlockOptions(oversampling=1.5)):
        assert from_json(BlockOptions, to_json(options)) == options


def test_a_model_file_holds_the_layer(tmp_path):
    layer = ProductActivation(SPINS, 2, bandlimit=2, key=jax.random.key(0))
    save_model(tmp_path / "model.spinnn", layer, {"channels": 2})
    again = load_model(
        tmp_path / "model.spinnn",
        lambda config: ProductActivation(SPINS, config["channels"], bandlimit=2, key=jax.random.key(1)),
    )[0]
    assert eqx.tree_equal(again, layer)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ProductActivation((0, 2), 1, bandlimit=2, key=jax.random.key(0)), r"below the bandlimit 2.*\(0, 2\)"),
        (lambda: ProductActivation((0,), 1, bandlimit=2, order=4, key=jax.random.key(0)), "`order`"),
        (lambda: BlockOptions(activation="product", oversampling=2.0), "must be 1 for the activation 'product'"),
        (lambda: BlockOptions(product_order=3), "`product_order` must be 2 unless the activation is 'product'"),
        (lambda: BlockOptions(oversampling=0.5), "`oversampling` must be 1 … 16, got 0.5"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_maps_on_another_grid():
    layer = ProductActivation((0,), 1, bandlimit=2, key=jax.random.key(0))
    with pytest.raises(
        ValueError, match=r"`x` of ProductActivation must be maps on Grid\(2×4.*got shape \(3, 6, 1, 1\)"
    ):
        layer(jnp.zeros((3, 6, 1, 1), jnp.complex64))
