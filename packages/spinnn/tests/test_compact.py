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
    GatedActivation,
    PhaseCollapse,
    SpectralBatchNorm,
    SpinBlock,
    SpinConv,
    SpinResidualBlock,
    SpinResNet,
    SpinUNet,
    _compact,
    _tuning,
    spin_mean,
)
from spinnn._networks.backbone import joints
from spinnn._tuning import Tuning
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


def by_layers(function, *args, **options):
    """The result of a function in which no block takes the fast layout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tuning, "TUNING", Tuning(largest_block=0, largest_chain=0))
        return function(*args, **options)


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
    monkeypatch.setattr(_tuning, "TUNING", Tuning(largest_dense=dense))  # 0: all transforms in two stages
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

    assert _compact.compact([block]) is not None

    def called(block, x, state, mask):
        return block(x, state, mask=mask)

    for a, b in zip(results(called), by_layers(results, called), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10 * np.max(np.abs(b), initial=1.0))


def make_network(remat):
    grids, sizes = [GAUSS, SQUARE, GAUSS], {"widths": [4, 5, 5], "bandlimits": [6, 4, 5]}
    return make(SpinResNet, (0,), 3, grid_in=None, grids=grids, remat=remat, **sizes)


@pytest.fixture(scope="module")
def reference():
    """Coefficients, and the maps and state that the network makes of them layer by layer, compiled once."""
    network, state = make_network(False)
    x = random_coefficients(jax.random.key(2), 7, (0,), 3, MASK.shape)
    return x, *by_layers(spinharm.jit(network), x, state, mask=jnp.asarray(MASK))


@pytest.mark.parametrize(("largest", "dense", "remat"), [(16, 8, True), (16, 5, False), (5, 0, False)])
def test_a_network_stays_in_the_layout(reference, largest, dense, remat, monkeypatch):
    monkeypatch.setattr(_tuning, "TUNING", Tuning(largest_block=largest, largest_chain=largest, largest_dense=dense))
    x, wanted, wanted_state = reference
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


def test_the_middle_of_a_unet_stays_in_the_layout(x64):
    """The blocks between the last skip connection down and the first one up are computed together."""
    coarse = Grid.gauss_legendre(3)
    options: dict[str, Any] = {"grids": [GAUSS, coarse, coarse, GAUSS], "widths": [2, 3, 3, 2], "spins_out": (0,)}
    network, state = make(SpinUNet, (0,), 2, grid_in=GAUSS, channels_out=1, **options)
    assert network.skips == (None, None, None, 0)
    assert joints(network.skips) == [0, 1, 3, 4]
    assert _compact.compact(network.blocks[1:3]) is not None
    x = jax.random.normal(jax.random.key(2), (*MASK.shape, *GAUSS.shape, 1, 2))

    def results():
        def objective(params, x):
            fresh = jax.tree.map(lambda leaf: leaf, state)
            out, new = eqx.combine(params, rest)(x, fresh, mask=jnp.asarray(MASK))
            return jnp.sum(jnp.cos(jnp.arange(out.size)).reshape(out.shape) * out.real), (out, new)

        return jax.tree.leaves(spinharm.jit(jax.value_and_grad(objective, (0, 1), has_aux=True))(params, x))

    params, rest = eqx.partition(network, eqx.is_inexact_array)
    for one, other in zip(results(), by_layers(results), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10 * np.max(np.abs(other), initial=1.0))


def test_skip_connections_part_the_blocks_of_a_unet():
    assert joints((None, None, None)) == [0, 3]
    assert joints((None, None, None, None, 1, 0)) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("kind", [SpinBlock, SpinResidualBlock, SpinConv, SpectralBatchNorm, PhaseCollapse])
def test_no_layer_has_members_for_the_layout(kind):
    served = "is_compact compact last_activation layer_by_layer in_three_products product_of_parts real_product"
    assert not {*served.split(), "filter_parts", "scale_and_level"} & set(dir(kind))


@pytest.mark.parametrize("bandlimit", [4, 5])
def test_bad_mask(untyped, bandlimit, monkeypatch):
    monkeypatch.setattr(_tuning, "TUNING", Tuning(largest_block=4))
    grid = Grid.gauss_legendre(bandlimit)
    x = jnp.zeros((3, *grid.shape, 1, 2), jnp.complex64)
    block, state = make(SpinBlock, (0,), (0,), 2, 2, grid_in=grid, grid_out=grid)
    assert (_compact.compact([block]) is not None) == (bandlimit == 4)
    with pytest.raises(
        ValueError, match=r"`mask` of SpinBlock must have the batch shape \(3,\) of `x`, got shape \(4,\)"
    ):
        block(x, state, mask=jnp.ones(4, bool))


def other_conv(**options):
    return SpinConv(
        **{"spins_in": (0,), "spins_out": (0, 1), "channels_in": 2, "channels_out": 2, "bandlimit": 6} | options
    )


def half_norm():
    norm, _ = eqx.nn.make_with_state(SpectralBatchNorm)((0, 1), 2)
    return jax.tree.map(lambda leaf: leaf.astype("bfloat16") if eqx.is_inexact_array(leaf) else leaf, norm)


def other_transform(**options):
    return SpinTransform(GAUSS, 6, (0, 1), **options)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("conv", lambda: other_conv(use_bias=True, key=jax.random.key(0))),
        ("conv", lambda: other_conv(use_bias=False, separable=True, key=jax.random.key(0))),
        ("conv", lambda: other_conv(use_bias=False, spins_out=(0, -1), key=jax.random.key(0))),
        ("conv", lambda: other_conv(use_bias=False, bandlimit=5, key=jax.random.key(0))),
        ("norm", lambda: eqx.nn.make_with_state(SpectralBatchNorm)((1, 0), 2)[0]),
        ("norm", half_norm),
        ("activation", lambda: GatedActivation((0, 1), 2, key=jax.random.key(0))),
        ("activation", lambda: PhaseCollapse((1, 0), 2, key=jax.random.key(0))),
        ("transform_out", lambda: other_transform(precision=jax.lax.Precision.DEFAULT)),
        ("transform_out", lambda: other_transform(method="recursion")),
        ("transform_out", lambda: SpinTransform(GAUSS, 6, (0, -1))),
        ("transform_activation", other_transform),
    ],
)
def test_what_does_not_fit_is_done_by_layers(name, other):
    block, _ = make(SpinBlock, (0,), (0, 1), 2, 2, grid_in=None, grid_out=GAUSS)
    assert _compact.compact([block]) is not None
    assert _compact.compact([replaced(block, name, other())]) is None


def test_a_block_alone_stays_in_the_layout_up_to_fewer_degrees():
    """In and out of the layout costs more than it saves at 16 degrees."""
    blocks = [
        make(SpinBlock, (0,), (0,), 1, 1, grid_in=grid, grid_out=grid)[0]
        for grid in map(Grid.gauss_legendre, (12, 16, 17))
    ]
    assert [_compact.compact([block]) is not None for block in blocks] == [True, False, False]
    sixteen = blocks[1]
    assert _compact.compact([sixteen, sixteen]) is not None
    assert _compact.compact([blocks[2], sixteen]) is None
    assert _compact.compact([blocks[0], sixteen]) is None  # maps on another grid
    assert _compact.compact([]) is None


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


def as_type(layer, kind) -> Any:
    """The same layer as a subclass."""
    out = object.__new__(kind)
    for name, value in vars(layer).items():
        object.__setattr__(out, name, value)
    return out


def replaced(module, name, value) -> Any:
    """The same module with another field, static or not."""
    out = as_type(module, type(module))
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
    assert _compact.compact([block]) is not None
    assert _compact.compact([changed]) is None
    out, _ = changed(x, state)
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


class Ones(SpinResNet):
    """A user's network."""

    def __call__(self, x, state, *, mask=None):
        out, state = super().__call__(x, state, mask=mask)
        return jnp.ones_like(out), state


def test_pooled_calls_a_network_of_a_user():
    network, state = make(SpinResNet, (0,), 2, grid_in=None, grids=[GAUSS], widths=[2], spins=(0,))
    x = random_coefficients(jax.random.key(3), 6, (0,), 2, (2,))
    means = jax.eval_shape(network.pooled, x, state)[0]
    out, _ = spinharm.jit(as_type(network, Ones).pooled)(x, state)
    assert out.shape == means.shape
    np.testing.assert_allclose(out, 1, atol=1e-5)


def test_an_empty_batch_passes_the_pooled_network():
    network, state = make_network(False)
    means, _ = jax.eval_shape(network.pooled, jnp.zeros((0, 6, 11, 1, 3), jnp.complex64), state)
    assert means.shape == (0, 2, 5)
