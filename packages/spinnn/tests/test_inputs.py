"""What every layer does with unusual input: other precisions, empty batches, padding, entries without meaning."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from spinharm import Grid
from spinnn import (
    BlockOptions,
    GatedActivation,
    MagnitudeActivation,
    PhaseCollapse,
    SpatialBatchNorm,
    SpatialPool,
    SpectralBatchNorm,
    SpectralPool,
    SpinBlock,
    SpinConv,
    SpinResidualBlock,
    SpinResNet,
    SpinUNet,
    checks,
    spin_mean,
)
from spinnn.testing import random_coefficients
from spinnn.training import init_state, make_step

L, SPINS, CHANNELS = 4, (0, 1), 2
GAUSS, COARSE, SQUARE = Grid.gauss_legendre(L), Grid.gauss_legendre(3), Grid.equiangular(8, 8)
SIZES: dict[str, Any] = {"spins_in": SPINS, "spins_out": SPINS, "channels_in": CHANNELS, "channels_out": CHANNELS}
BY_LAYERS = BlockOptions(activation="gated")
KEY = jax.random.key(0)


def net(kind, grid_in, **options):
    return kind(SPINS, CHANNELS, grid_in=grid_in, spins=SPINS, key=KEY, **options)


# How to make each layer, and the grid of its input; None for coefficients.
STATELESS = {
    "SpinConv": (lambda: SpinConv(**SIZES, bandlimit=L, key=KEY), None),
    "separable SpinConv": (lambda: SpinConv(**SIZES, bandlimit=3, separable=True, key=KEY), None),
    "SpinConv of maps": (lambda: SpinConv(**SIZES, bandlimit=L, grid_in=GAUSS, grid_out=GAUSS, key=KEY), GAUSS),
    "PhaseCollapse": (lambda: PhaseCollapse(SPINS, CHANNELS, key=KEY), GAUSS),
    "MagnitudeActivation": (lambda: MagnitudeActivation(SPINS, CHANNELS), GAUSS),
    "GatedActivation": (lambda: GatedActivation(SPINS, CHANNELS, key=KEY), GAUSS),
    "SpectralPool": (lambda: SpectralPool(3), None),
    "SpatialPool": (lambda: SpatialPool(SQUARE), SQUARE),
    "spin_mean": (lambda: lambda x: spin_mean(x, GAUSS, SPINS), GAUSS),
}
STATEFUL = {
    "SpectralBatchNorm": (lambda: SpectralBatchNorm(SPINS, CHANNELS), None),
    "SpatialBatchNorm": (lambda: SpatialBatchNorm(SPINS, CHANNELS, grid=GAUSS), GAUSS),
    "SpinBlock": (lambda: SpinBlock(**SIZES, grid_in=None, grid_out=GAUSS, key=KEY), None),
    "SpinBlock by layers": (
        lambda: SpinBlock(**SIZES, grid_in=None, grid_out=GAUSS, options=BY_LAYERS, key=KEY),
        None,
    ),
    "SpinResidualBlock": (lambda: SpinResidualBlock(**SIZES, grid_in=None, grid_out=GAUSS, key=KEY), None),
    "SpinResNet": (lambda: net(SpinResNet, None, grids=[GAUSS, COARSE], widths=[2, 3]), None),
    "SpinUNet": (
        lambda: net(SpinUNet, GAUSS, grids=[GAUSS, COARSE, GAUSS], widths=[2, 3, 2], spins_out=(0,), channels_out=1),
        GAUSS,
    ),
}
LAYERS = STATELESS | STATEFUL
POOLS = ("SpectralPool", "SpatialPool", "spin_mean")


def made(name):
    """The layer of that name and its state, or None."""
    make, _ = LAYERS[name]
    return eqx.nn.make_with_state(make)() if name in STATEFUL else (make(), None)


def shape_of_input(name, batch=(3,)):
    grid = LAYERS[name][1]
    return (*batch, *((L, 2 * L - 1) if grid is None else grid.shape), len(SPINS), CHANNELS)


def apply(layer, x, state, **options):
    """The result and the state, or None."""
    return (layer(x), None) if state is None else layer(x, state, **options)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in POOLS])
def test_each_layer_names_a_precision_that_is_not_its_own(untyped, x64, name):
    layer, state = eqx.filter_eval_shape(lambda: made(name))

    def run(parameters, given):
        def of_dtype(leaf):
            floats = isinstance(leaf, jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jnp.floating)
            return jax.ShapeDtypeStruct(leaf.shape, parameters) if floats else leaf

        x = jax.ShapeDtypeStruct(shape_of_input(name), given)
        return eqx.filter_eval_shape(apply, jax.tree.map(of_dtype, layer), x, state)

    for parameters, given, message in [
        (
            "float32",
            "complex128",
            r"`x` of \w+ must be float32 or complex64, the precision of its parameters, got comp",
        ),
        ("float32", "int32", r"got int32; convert it, e\.g\. x\.astype\('float32'\)"),
        ("float32", "bfloat16", r"got bfloat16; convert it, e\.g\. x\.astype\('float32'\)"),
        ("float64", "complex64", r"got complex64; convert it, e\.g\. x\.astype\('complex128'\)"),
        (
            "bfloat16",
            "complex64",
            r"the parameters of \w+ must be float32 or float64, got bfloat16; keep them, and for",
        ),
    ]:
        with pytest.raises(TypeError, match=message):
            run(parameters, given)


@pytest.mark.parametrize("name", ["SpatialPool", "spin_mean"])
def test_pools_refuse_integers(untyped, name):
    layer, _ = made(name)
    with pytest.raises(TypeError, match=f"`x` of {name} must be float32, float64, complex64 or complex128, got int32"):
        jax.eval_shape(layer, jax.ShapeDtypeStruct(shape_of_input(name), "int32"))


def test_numpy_integers_are_sizes(untyped):
    def network(number, sequence):
        grids, lists = [GAUSS, COARSE, GAUSS], {"widths": [2, 3, 2], "num_filter_params": [2, 2, 2]}
        lists = {key: sequence(value) for key, value in lists.items()}
        return eqx.nn.make_with_state(SpinUNet)(
            sequence([0, 1]),
            number(2),
            grid_in=None,
            grids=grids,
            spins=sequence([0, 1]),
            spins_out=sequence([0]),
            channels_out=number(1),
            bandlimits=sequence([4, 3, 4]),
            key=KEY,
            **lists,
        )[0]

    plain = eqx.filter_eval_shape(lambda: network(int, tuple))
    ours = eqx.filter_eval_shape(lambda: network(np.int64, np.array))
    assert jax.tree.structure(plain) == jax.tree.structure(ours)
    assert jax.tree.leaves(plain) == jax.tree.leaves(ours)
    conv = ours.blocks[1].conv
    assert {type(n) for n in (conv.bandlimit, conv.channels_in, conv.channels_out, *conv.spins_in)} == {int}
    with pytest.raises(TypeError, match=r"`spins` must be a sequence of integers, got \(0, 1\.5\)"):
        PhaseCollapse((0, 1.5), 2, key=KEY)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`channels` must be an integer, got True"):
        MagnitudeActivation((0,), True)
    with pytest.raises(TypeError, match=r"`spins` must be a sequence of integers, got \(0, True\)"):
        PhaseCollapse((0, True), 2, key=KEY)


def test_switches_are_true_or_false(untyped):
    text: Any = "no"
    sizes = {**SIZES, "bandlimit": L, "key": KEY}
    for name in ("use_bias", "separable"):
        with pytest.raises(TypeError, match=f"`{name}` must be True or False, got 'no'"):
            SpinConv(**sizes, **{name: text})
    with pytest.raises(TypeError, match="`remat` must be True or False, got 'no'"):
        net(SpinResNet, None, grids=[GAUSS], widths=[2], remat=text)
    with pytest.raises(TypeError, match="`average` must be True or False, got 'no'"):
        init_state(jnp.ones(()), None, optax.sgd(0.1), key=KEY, average=text)


def test_checks_of_options(untyped):
    @dataclasses.dataclass(frozen=True)
    class Options:
        size: Any = 3

    wrong: Any = None
    for value, message in (
        (True, "`size` must be an integer, got True"),
        (2.5, r"`size` must be an integer, got 2\.5"),
    ):
        with pytest.raises(TypeError, match=message):
            checks.integer_members(Options(value), {"size": 1})
    with pytest.raises(TypeError, match="`size` must be a number, got True"):
        checks.number_members(Options(True), positive=["size"])
    with pytest.raises(TypeError, match=r"`record` must be a dataclass of options, got \{'size': 3\}"):
        checks.integer_members({"size": 3}, {"size": 1})
    with pytest.raises(ValueError, match=r"`positive` must name fields of Options, \['size'\], got 'sizes'"):
        checks.number_members(Options(), positive=["sizes"])
    with pytest.raises(TypeError, match="`spins` must be a sequence of integers, got None"):
        checks.block_sizes([4], [2], [None], wrong)
    with pytest.raises(ValueError, match="`bandlimits` must hold at least one block, got none"):
        checks.block_sizes([], [], [], (0,))


def test_a_norm_under_vmap_takes_each_element_by_itself(clone):
    norm, state = made("SpectralBatchNorm")
    x = random_coefficients(KEY, L, SPINS, CHANNELS, (3,))
    at_inference = eqx.nn.inference_mode(norm)

    @jax.jit
    def run(x):
        mapped, after = jax.vmap(norm, in_axes=(0, None))(x, clone(state))
        alone, _ = norm(x[1], clone(state))
        each, _ = jax.vmap(at_inference, in_axes=(0, None))(x, clone(state))
        return mapped[1], alone, each, at_inference(x, clone(state))[0], after.get(norm.affine.statistics)

    mapped, alone, each, together, statistics = run(x)
    np.testing.assert_allclose(mapped, alone, atol=1e-5)
    np.testing.assert_allclose(each, together, atol=1e-6)
    assert [leaf.shape[0] for leaf in statistics] == [3, 3]  # a state for each element


@pytest.mark.parametrize(
    ("name", "masked"), [*((name, False) for name in LAYERS), ("SpinBlock", True), ("SpatialBatchNorm", True)]
)
def test_an_empty_batch_gives_an_empty_result_and_the_same_state(name, masked):
    layer, state = made(name)
    leaves, structure = jax.tree.flatten(state)

    def run(x):
        options = {"mask": jnp.ones(x.shape[:-4], bool)} if masked else {}
        out, after = apply(layer, x, jax.tree.unflatten(structure, leaves), **options)
        return out, jax.tree.leaves(after)

    out, after = jax.jit(run)(jnp.zeros(shape_of_input(name, (2, 0)), jnp.complex64))
    assert out.shape[:2] == (2, 0)
    assert out.ndim == (4 if name == "spin_mean" else 6)
    for before, now in zip(leaves, after, strict=True):
        np.testing.assert_array_equal(now, before)


def test_a_training_step_names_an_empty_batch():
    def loss(model, state, batch, key):
        return jnp.mean(model * batch["x"]), (state, {})

    optimizer = optax.sgd(0.1)
    state, static = init_state(jnp.ones(()), None, optimizer, key=KEY)
    step = make_step(loss, static, optimizer)
    with pytest.raises(ValueError, match=r"`batch` must hold at least one element, got arrays of shapes \[\(0, 3\)\]"):
        step(state, {"x": jnp.zeros((0, 3))})


def meaningless(spins):
    """Where entries of coefficients of L degrees have no meaning."""
    degree, order = np.arange(L)[:, None, None, None], np.arange(-L + 1, L)[:, None, None]
    return (np.abs(order) > degree) | (degree < np.abs(spins)[:, None])


@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name][1] is None])
def test_entries_without_a_meaning_reach_nothing(name):
    layer, state = made(name)
    if name == "SpinResidualBlock":
        layer = eqx.tree_at(lambda block: block.second_norm.affine.scale, layer, jnp.ones((2, 2)))
    leaves, structure = jax.tree.flatten(state)
    parameters, rest = eqx.partition(layer, eqx.is_inexact_array)
    spins = (0, 0) if name == "SpectralPool" else SPINS  # it knows no spins

    @jax.jit
    def run(x):
        def total(parameters, x):
            out, after = apply(eqx.combine(parameters, rest), x, jax.tree.unflatten(structure, leaves))
            return jnp.sum(jnp.abs(out - 1) ** 2), (out, jax.tree.leaves(after))

        return jax.value_and_grad(total, (0, 1), has_aux=True)(parameters, x)

    clean = random_coefficients(KEY, L, SPINS, CHANNELS, (2,))
    wanted = run(clean)
    for value in (np.nan, 1e30):
        found = run(jnp.where(meaningless(spins), np.complex64(value), clean))
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["SpinBlock", "SpinUNet"])
def test_networks_are_exported_with_an_open_batch_size(untyped, name):
    network, state = made(name)
    network = eqx.nn.inference_mode(network)
    (size,) = jax.export.symbolic_shape("b")
    x = jax.ShapeDtypeStruct(shape_of_input(name, (size,)), "complex64")
    exported = jax.export.export(jax.jit(lambda x: apply(network, x, state)[0]))(x)
    assert exported.out_avals[0].shape[0] == size
