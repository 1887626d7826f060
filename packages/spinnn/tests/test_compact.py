"""Blocks of small bandlimit in their compact layout, against the same blocks layer by layer."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinharm import Grid, SpinTransform
from spinnn import (
    BlockOptions,
    PhaseCollapse,
    SpectralBatchNorm,
    SpinBlock,
    SpinConv,
    SpinResidualBlock,
    SpinResNet,
    _compact,
    spin_mean,
)
from spinnn.testing import random_coefficients

GAUSS = Grid.gauss_legendre(6)
SQUARE = Grid.equiangular(8, 8)
SHIFTED = Grid.from_latlon(np.linspace(-90, 90, 9), np.arange(10, 370, 22.5))
MASK = np.array([[True, True, False], [True, False, True]])


def make(kind, *args, **options):
    """Away from where training starts: scales, biases and running statistics that are not 0 or 1."""
    made = eqx.nn.make_with_state(kind)(*args, key=jax.random.key(0), **options)
    leaves, structure = jax.tree.flatten(made)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    leaves = [
        leaf + 0.3 * jax.random.uniform(key, leaf.shape, leaf.dtype) if eqx.is_inexact_array(leaf) else leaf
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, leaves)


CASES = [
    (SpinBlock, (0,), (0, 1), (3, 4), GAUSS, GAUSS, {}),
    (SpinBlock, (0,), (1, 0), (3, 4), None, SQUARE, {"num_filter_params": 2}),
    (SpinBlock, (0, 1), (0, -2, 1), (2, 2), SHIFTED, GAUSS, {"options": BlockOptions(center="sample")}),
    (SpinResidualBlock, (0, 1), (0, 1), (3, 3), GAUSS, GAUSS, {"bandlimit": 4}),
    (SpinResidualBlock, (0, 1), (1, 0), (3, 5), SHIFTED, SQUARE, {}),
    (SpinResidualBlock, (1,), (0,), (2, 3), SQUARE, GAUSS, {}),
]


@pytest.mark.parametrize(
    ("number", "inference", "dense"),
    [(0, False, 8), (1, False, 8), (2, False, 0), (3, True, 8), (4, False, 0), (5, True, 8)],
)
def test_values_state_and_gradients_are_those_of_the_layers(number, inference, dense, x64, monkeypatch):
    monkeypatch.setattr(_compact, "DENSE", dense)  # 0: all transforms in two stages
    case = CASES[number]
    kind, spins_in, spins_out, (channels, width), grid_in, grid_out, options = case
    block, state = make(kind, spins_in, spins_out, channels, width, grid_in=grid_in, grid_out=grid_out, **options)
    block = eqx.nn.inference_mode(block, inference)
    x = random_coefficients(jax.random.key(2), 4, spins_in, channels, MASK.shape)
    if grid_in is not None:
        x = SpinTransform(grid_in, 4, spins_in).inverse(x)
    params, rest = eqx.partition(block, eqx.is_inexact_array)

    def results(function):
        def objective(params, x):
            fresh = jax.tree.map(lambda leaf: leaf, state)
            out, new = function(eqx.combine(params, rest), x, fresh, jnp.asarray(MASK))
            weights = jnp.cos(jnp.arange(out.size)).reshape(out.shape)
            return jnp.sum(weights * (out.real + 2 * out.imag)), (out, new)

        run = spinharm.jit(jax.value_and_grad(objective, (0, 1), has_aux=True))
        return jax.tree.leaves(run(params, x))

    assert block.is_compact

    def called(block, x, state, mask):
        return block(x, state, mask=mask)

    for a, b in zip(results(called), results(kind.layer_by_layer), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10 * np.max(np.abs(b), initial=1.0))


def make_network(remat):
    grids, sizes = [GAUSS, SQUARE, GAUSS], {"widths": [4, 5, 5], "bandlimits": [6, 4, 5]}
    return make(SpinResNet, (0,), 3, grid_in=None, grids=grids, remat=remat, **sizes)


@pytest.fixture(scope="module")
def by_layers():
    """Coefficients, and the maps and state that the network makes of them layer by layer, compiled once."""
    network, state = make_network(False)
    x = random_coefficients(jax.random.key(2), 7, (0,), 3, MASK.shape)

    @spinharm.jit
    def run(x, state):
        for block in network.blocks:
            x, state = block.layer_by_layer(x, state, jnp.asarray(MASK))
        return x, state

    return x, *run(x, state)


@pytest.mark.parametrize(("largest", "dense", "remat"), [(16, 8, True), (16, 5, False), (5, 0, False)])
def test_a_network_stays_in_the_layout(by_layers, largest, dense, remat, monkeypatch):
    monkeypatch.setattr(_compact, "DENSE", dense)
    monkeypatch.setattr(_compact, "LARGEST", largest)
    x, wanted, wanted_state = by_layers
    network, state = make_network(remat)
    # Equinox lets each state be used once.
    again, once_more = (jax.tree.map(lambda leaf: leaf, state) for _ in range(2))
    out, new = spinharm.jit(network)(x, state, mask=jnp.asarray(MASK))
    means, _ = spinharm.jit(network.pooled)(x, again, mask=jnp.asarray(MASK))
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=1e-4 * float(jnp.abs(wanted).max()))
    for a, b in zip(jax.tree.leaves(new), jax.tree.leaves(wanted_state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(means, spin_mean(wanted, GAUSS, (0, 1)), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"`x` of SpinBlock must be coefficients .*got shape \(2, 3, 7, 12, 1, 3\)"):
        network(x[..., 1:, :, :], once_more)


@pytest.mark.parametrize("bandlimit", [4, 5])
def test_bad_mask(untyped, bandlimit, monkeypatch):
    monkeypatch.setattr(_compact, "LARGEST", 4)
    grid = Grid.gauss_legendre(bandlimit)
    x = jnp.zeros((3, *grid.shape, 1, 2), jnp.complex64)
    block, state = make(SpinBlock, (0,), (0,), 2, 2, grid_in=grid, grid_out=grid)
    assert block.is_compact == (bandlimit == 4)
    with pytest.raises(
        ValueError, match=r"`mask` of SpinBlock must have the batch shape \(3,\) of `x`, got shape \(4,\)"
    ):
        block(x, state, mask=jnp.ones(4, bool))


def test_which_blocks_are_compact():
    def uses(**change: Any):
        options: dict[str, Any] = {"bandlimit": 6, "use_bias": False} | change
        conv = SpinConv((0,), (0,), 1, 1, key=jax.random.key(0), **options)
        block, _ = make(SpinBlock, (0,), (0,), 1, 1, grid_in=None, grid_out=GAUSS)
        return _compact.applies([conv], [block.norm], [block.activation], [block.transform_out])

    assert uses()
    assert not uses(bandlimit=_compact.LARGEST + 1)
    assert not uses(separable=True)
    assert not uses(use_bias=True)
    gated, _ = make(SpinBlock, (0,), (0,), 1, 1, grid_in=None, grid_out=GAUSS, options=BlockOptions(activation="gated"))
    assert not gated.is_compact


def test_reduced_precision_reaches_the_products():
    maps = SpinTransform(GAUSS, 6).inverse(random_coefficients(jax.random.key(2), 6, (0,), 8, (2,)))
    results = []
    for dtype in ("float32", "bfloat16"):
        options = BlockOptions(product_dtype=dtype)
        block, state = eqx.nn.make_with_state(SpinBlock)(
            (0,), (0, 1), 8, 8, grid_in=GAUSS, grid_out=GAUSS, options=options, key=jax.random.key(0)
        )
        results.append(spinharm.jit(block)(maps, state)[0])
    error = float(jnp.linalg.norm(results[0] - results[1]) / jnp.linalg.norm(results[0]))
    assert 1e-5 < error < 3e-2


class Silent(SpinConv):
    """A user's convolution that returns 0."""

    def __call__(self, x):
        return jnp.zeros((*x.shape[:-2], len(self.spins_out), self.channels_out), x.dtype)


class Doubling(PhaseCollapse):
    """A user's activation."""

    def __call__(self, x):
        return 2 * super().__call__(x)


class Wrapped(eqx.Module):
    """A user's norm around ours."""

    inner: SpectralBatchNorm

    def __call__(self, x, state, *, mask=None):
        out, state = self.inner(x, state, mask=mask)
        return 3 * out, state


class Constant(SpinBlock):
    """A user's block."""

    def __call__(self, x, state, *, mask=None):
        return jnp.ones((*x.shape[:-4], *self.transform_out.grid.shape, 1, 2), x.dtype), state


def small_block(kind=SpinBlock):
    block, state = make(kind, (0,), (0,), 2, 2, grid_in=None, grid_out=GAUSS)
    return block, state, random_coefficients(jax.random.key(3), 6, (0,), 2, (2,))


def as_type(layer, kind):
    """The same layer as a subclass."""
    out = object.__new__(kind)
    for name, value in vars(layer).items():
        object.__setattr__(out, name, value)
    return out


@pytest.mark.parametrize(
    ("where", "change", "factor"),
    [
        (lambda block: block.activation, lambda layer: as_type(layer, Doubling), 2),
        (lambda block: block.conv, lambda layer: as_type(layer, Silent), None),
        (lambda block: block.norm, Wrapped, None),
        (lambda block: block.conv.bias, lambda none: jnp.ones((2, 2)), 1),
    ],
    ids=["activation", "convolution", "norm", "bias"],
)
def test_layers_of_users_are_called(where, change, factor):
    block, state, x = small_block()
    changed = eqx.tree_at(where, block, change(where(block)), is_leaf=lambda leaf: leaf is None)
    assert block.is_compact
    assert not changed.is_compact
    out, _ = changed(x, state)
    expected, _ = changed.layer_by_layer(x, state, None)
    np.testing.assert_allclose(out, expected, atol=1e-6)
    plain, _ = block(x, state)
    if factor is None:
        assert np.abs(out - plain).max() > 1e-2
    else:  # 1: the norm takes away what a bias adds
        np.testing.assert_allclose(out, factor * plain, atol=1e-5)


def test_blocks_of_users_are_called_by_a_network():
    network, state = make(SpinResNet, (0,), 2, grid_in=None, grids=[GAUSS], widths=[2], spins=(0,))
    blocks = (*network.blocks[:-1], as_type(network.blocks[-1], Constant))
    x = random_coefficients(jax.random.key(3), 6, (0,), 2, (2,))
    out, _ = eqx.tree_at(lambda net: net.blocks, network, blocks)(x, state)
    np.testing.assert_array_equal(out, np.ones_like(out))


def test_an_empty_batch_passes_the_pooled_network():
    network, state = make_network(False)
    means, _ = network.pooled(random_coefficients(jax.random.key(2), 6, (0,), 3, (0,)), state)
    assert means.shape == (0, 2, 5)
