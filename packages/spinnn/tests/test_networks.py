import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinharm import Grid, SpinTransform
from spinnn import (
    BlockOptions,
    MagnitudeActivation,
    SpinBlock,
    SpinConv,
    SpinResidualBlock,
    SpinResNet,
    SpinUNet,
    parameter_count,
    summary,
)
from spinnn._networks import block as _block
from spinnn.testing import RandomInput, assert_equivariant, equivariance_error, random_coefficients
from spinnn.training import Diverged, Interrupted, TrainingConfig

GAUSS = Grid.gauss_legendre(8)
RECTANGLE = Grid.equiangular(13, 24)
FINE = Grid.gauss_legendre(24)


def compiled(network, state):
    """The network's result as a function of maps, compiled as a whole and once: op by op is slower."""
    run = spinharm.jit(lambda x, state: network(x, state)[0])
    return lambda x: run(x, jax.tree.map(lambda leaf: leaf, state))


def trained_scale(block):
    """A residual block whose second norm no longer starts at zero."""
    return eqx.tree_at(lambda b: b.second_norm.affine.scale, block, jnp.ones_like(block.second_norm.affine.scale))


@pytest.mark.parametrize("kind", [SpinBlock, SpinResidualBlock])
@pytest.mark.parametrize(("activation", "bound"), [("phase_collapse", 2e-3), ("magnitude", 2e-2), ("gated", 2e-3)])
def test_blocks_commute_with_rotation_when_oversampled(kind, activation, bound):
    block, state = eqx.nn.make_with_state(kind)(
        (0, 1),
        (0, 1),
        3,
        4,
        grid_in=FINE,
        grid_out=FINE,
        bandlimit=6,
        options=BlockOptions(activation=activation),
        key=jax.random.key(0),
    )
    block = trained_scale(block) if kind is SpinResidualBlock else block
    assert_equivariant(
        compiled(block, state),
        RandomInput(6, (0, 1), 3, grid=FINE),
        spins_out=(0, 1),
        grid_out=FINE,
        bandlimit_out=6,
        key=jax.random.key(1),
        tolerance=bound,
    )


def test_oversampling_reduces_the_equivariance_error():
    errors = []
    for grid in (Grid.gauss_legendre(6), Grid.gauss_legendre(12), Grid.gauss_legendre(24)):
        block, state = eqx.nn.make_with_state(SpinBlock)(
            (0, 1), (0, 1), 3, 4, grid_in=grid, grid_out=grid, bandlimit=6, key=jax.random.key(0)
        )
        errors.append(
            equivariance_error(
                compiled(block, state),
                RandomInput(6, (0, 1), 3, grid=grid),
                spins_out=(0, 1),
                grid_out=grid,
                bandlimit_out=6,
                key=jax.random.key(1),
            )
        )
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


def test_a_residual_block_starts_as_its_shortcut():
    block, state = eqx.nn.make_with_state(SpinResidualBlock)(
        (0, 1), (0, 1), 3, 3, grid_in=GAUSS, grid_out=GAUSS, key=jax.random.key(0)
    )
    coeffs = random_coefficients(jax.random.key(1), 8, (0, 1), 3, (2,))
    maps = SpinTransform(GAUSS, 8, (0, 1)).inverse(coeffs)
    assert block.shortcut is None
    np.testing.assert_allclose(compiled(block, state)(maps), block.outer(maps), atol=1e-4)


def test_a_residual_block_pools_and_projects():
    small = Grid.gauss_legendre(5)
    block, state = eqx.nn.make_with_state(SpinResidualBlock)(
        (0,), (1, 0), 3, 6, grid_in=RECTANGLE, grid_out=small, key=jax.random.key(0)
    )
    coeffs = random_coefficients(jax.random.key(1), 12, (0,), 3, (2,))
    out = compiled(block, state)(SpinTransform(RECTANGLE, 12).inverse(coeffs))
    assert out.shape == (2, *small.shape, 2, 6)
    # At the start the output is the activation of the projected shortcut: spin 1, which the input lacks, is zero.
    assert jnp.all(out[..., 0, :] == 0)
    assert jnp.any(out[..., 1, :] != 0)


def test_maps_and_coefficients_go_in_alike():
    block, state = eqx.nn.make_with_state(SpinBlock)(
        (0,), (0, 1), 2, 4, grid_in=None, grid_out=GAUSS, key=jax.random.key(0)
    )
    spatial, _ = eqx.nn.make_with_state(SpinBlock)(
        (0,), (0, 1), 2, 4, grid_in=RECTANGLE, grid_out=GAUSS, key=jax.random.key(0)
    )
    coeffs = random_coefficients(jax.random.key(1), 12, (0,), 2, (3,))
    maps = SpinTransform(RECTANGLE, 12).inverse(coeffs)
    np.testing.assert_allclose(compiled(spatial, state)(maps), compiled(block, state)(coeffs), atol=2e-4)


def resnet(**options):
    defaults = {
        "grid_in": RECTANGLE,
        "grids": [GAUSS, Grid.gauss_legendre(5)],
        "widths": [4, 6],
        "spins_out": (0,),
        "channels_out": 2,
        "output": "real",
        "key": jax.random.key(0),
    }
    return eqx.nn.make_with_state(SpinResNet)((0,), 3, **(defaults | options))


def unet(**options):
    defaults = {
        "grid_in": RECTANGLE,
        "grids": [RECTANGLE, GAUSS, RECTANGLE],
        "widths": [4, 5, 4],
        "spins_out": (0,),
        "channels_out": 2,
        "output": "real",
        "key": jax.random.key(0),
    }
    return eqx.nn.make_with_state(SpinUNet)((0,), 3, **(defaults | options))


def test_resnet_shapes_and_outputs():
    maps = jnp.ones((2, *RECTANGLE.shape, 1, 3))
    net, state = resnet(grid_out=Grid.equiangular(7, 12))
    out = compiled(net, state)(maps)
    assert out.shape == (2, 7, 12, 1, 2)
    assert out.dtype == jnp.float32
    # One block is enough for what comes after the blocks.
    one = {"grids": [Grid.gauss_legendre(5)], "widths": [6]}
    net, state = resnet(**one, output="magnitude")
    assert jnp.all(compiled(net, state)(maps) >= 0)
    net, state = resnet(**one, spins_out=(1,), output="complex")
    assert compiled(net, state)(maps).dtype == jnp.complex64
    net, state = resnet(**one, spins_out=None, channels_out=None)
    assert compiled(net, state)(maps).shape == (2, 5, 10, 2, 6)


def test_unet_joins_equal_grids():
    net, state = unet()
    assert net.skips == (None, None, 0)
    out = compiled(net, state)(jnp.ones((2, *RECTANGLE.shape, 1, 3)))
    assert out.shape == (2, *RECTANGLE.shape, 1, 2)


def test_skips_of_the_papers_unets():
    def square(n):
        return Grid.equiangular(n, n)

    sizes = [128, 64, 64, 32, 32, 32, 64, 64, 128]
    net = eqx.filter_eval_shape(unet, grids=[square(n) for n in sizes], widths=[2] * 9)[0]
    assert net.skips == (None, None, None, None, None, None, 2, 1, 0)
    sizes = [256, 256, 128, 128, 128, 128, 256, 256]
    net = eqx.filter_eval_shape(unet, grids=[square(n) for n in sizes], widths=[2] * 8)[0]
    assert net.skips == (None,) * 6 + (1, 0)


@pytest.mark.parametrize(("make", "bandlimits"), [(resnet, [6, 5]), (unet, [6, 5, 6])])
def test_networks_commute_with_rotation_when_oversampled(make, bandlimits):
    grids = [Grid.gauss_legendre(4 * L) for L in bandlimits]
    net, state = make(grid_in=FINE, grids=grids, widths=[4] * len(grids), bandlimits=bandlimits)
    error = equivariance_error(
        compiled(net, state),
        RandomInput(6, (0,), 3, grid=FINE, real=True),
        spins_out=(0,),
        grid_out=grids[-1],
        bandlimit_out=bandlimits[-1],
        key=jax.random.key(1),
    )
    assert error < 5e-3


def test_double_precision(x64):
    """All in float64: a block with a bandlimited activation, the identity, is equivariant to its rounding."""
    options = BlockOptions(activation="magnitude")
    block, state = eqx.nn.make_with_state(SpinResidualBlock)(
        (0,), (0, 1), 2, 3, grid_in=GAUSS, grid_out=GAUSS, num_filter_params=3, options=options, key=jax.random.key(0)
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(block) if eqx.is_array(leaf)} == {jnp.dtype("float64")}
    assert isinstance(block.inner, MagnitudeActivation)
    assert isinstance(block.outer, MagnitudeActivation)
    identity = jax.tree.map(lambda b: 0 * b, (block.inner.bias, block.outer.bias))
    block = eqx.tree_at(lambda b: (b.inner.bias, b.outer.bias), trained_scale(block), identity)
    assert_equivariant(
        compiled(block, state),
        RandomInput(8, (0,), 2, grid=GAUSS, real=True),
        spins_out=(0, 1),
        grid_out=GAUSS,
        key=jax.random.key(1),
        tolerance=1e-12,
    )


def test_rematerialised_gradients_are_the_same():
    maps = jax.random.normal(jax.random.key(2), (2, *GAUSS.shape, 1, 3))

    @eqx.filter_jit
    def gradient(net, state):
        return eqx.filter_grad(lambda n: jnp.sum(n(maps, state)[0] ** 2))(net)

    plain, gradients = BlockOptions(activation="magnitude"), []
    for remat in (False, True):
        net, state = resnet(grid_in=GAUSS, grids=[GAUSS, GAUSS], widths=[2, 2], options=plain, remat=remat)
        gradients.append(jax.tree.leaves(gradient(net, state)))
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-3 * float(jnp.max(jnp.abs(a)) + 1e-6))


@pytest.mark.parametrize("activation", ["phase_collapse", "magnitude", "gated", "s2", "product"])
def test_an_activation_keeps_its_input_alone(activation):
    options = BlockOptions(activation=activation)
    layer = _block.make_activation(options, (0, 1), 3, 8, jax.random.key(0))
    params, static = eqx.partition(layer, eqx.is_inexact_array)
    grid = options.activation_grid(8) or GAUSS
    maps = jax.ShapeDtypeStruct((2, *grid.shape, 2, 3), jnp.complex64)

    def kept(run):
        def backward(params, maps):
            return jax.vjp(lambda params, maps: run(eqx.combine(params, static), maps), params, maps)[1]

        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(backward, params, maps)))

    # Quadrature weights are constants of a few rings.
    needed = 8 * maps.size + 4 * sum(leaf.size for leaf in jax.tree.leaves(params)) + 24 * grid.nlat
    assert kept(_block._keeping_input) <= needed < kept(lambda layer, maps: layer(maps))


def test_every_parameter_is_real_and_tables_are_none_of_them():
    net, _ = resnet()
    arrays = [leaf for leaf in jax.tree.leaves(net) if eqx.is_array(leaf)]
    assert all(leaf.dtype == jnp.float32 for leaf in arrays)
    assert sum(leaf.size for leaf in arrays) < 2 * parameter_count(net)


def test_networks_and_errors_go_to_other_processes():
    exact = BlockOptions(activation="product", product_order=3)
    for found in (resnet(), resnet(options=exact), exact, TrainingConfig(epochs=1)):
        assert eqx.tree_equal(pickle.loads(pickle.dumps(found)), found)
        assert eqx.tree_equal(copy.deepcopy(found), found)
    for error in (Interrupted(143), Diverged("at step 3")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args) == (type(error), error.args)


def test_parameter_count_of_the_papers_qm9_backbone():
    """One block and five residual blocks, A.1.1: counted by hand, layer by layer."""
    sizes, widths, knots = [32, 32, 16, 16, 8, 8], [64, 64, 128, 128, 256, 256], [8, 8, 8, 8, 4, 4]
    net = eqx.filter_eval_shape(
        resnet,
        grid_in=Grid.equiangular(32, 32),
        grids=[Grid.equiangular(n, n) for n in sizes],
        widths=widths,
        num_filter_params=knots,
        spins_out=None,
        channels_out=None,
    )[0]

    def conv(k, spins_in, a, b):
        return 2 * k * spins_in * a * 2 * b

    def norm(c):
        return 2 * c + 2 * c

    def activation(c):
        return 2 * c * c + 2 * 2 * c * c + 2 * c

    expected = conv(8, 1, 3, 64) + norm(64) + activation(64)
    for k, a, b in zip(knots[1:], widths[:-1], widths[1:], strict=True):
        expected += conv(k, 2, a, b) + conv(k, 2, b, b) + 2 * norm(b) + 2 * activation(b)
        expected += 0 if a == b else 2 * 2 * a * b
    assert parameter_count(net) == expected == 13_754_496
    lines = summary(net).splitlines()
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines[1:-1]) == expected
    assert lines[-1].split() == ["total", "13,754,496"]
    assert "64 → 128, spins 0,1 → 0,1, 8 degrees, 8 knots" in next(line for line in lines if "blocks[2].first " in line)


def test_summary_looks_into_any_model():
    conv = SpinConv((0,), (0,), 2, 3, bandlimit=2, separable=True, key=jax.random.key(0))
    model = {"a": [conv, eqx.nn.Linear(3, 4, key=jax.random.key(1))], "b": jnp.ones(3)}
    lines = summary(model).splitlines()
    assert lines[1].split() == ["·", "dict", "3"]
    assert lines[2].split()[:2] == ["['a'][0]", "SpinConv"]
    assert "separable" in lines[2]
    assert lines[3].split() == ["['a'][1]", "Linear", "16"]
    assert lines[4].split() == ["total", str(parameter_count(model))]


def test_bad_arguments(untyped):
    for change, message in (
        ({"widths": [4, 4, 4]}, "`grids` and `widths` must have one entry per block and at least one, got 2 and 3"),
        ({"bandlimits": [8]}, "`bandlimits` must have one entry per block, 2, got 1"),
        ({"spins": (1, 2)}, r"`spins` of PhaseCollapse must contain 0, got \(1, 2\)"),
        ({"output": "imaginary"}, "`output` must be one of 'complex', 'real', 'magnitude', got 'imaginary'"),
        ({"spins_out": (1,)}, r"`output` must be 'complex' unless spins_out is \(0,\), got 'real' for \(1,\)"),
        ({"channels_out": None}, "`spins_out` and `channels_out` must be given together"),
        ({"bandlimits": [9, 5]}, "`bandlimit` must be at most 8"),
    ):
        with pytest.raises(ValueError, match=message):
            resnet(**change)
    with pytest.raises(ValueError, match=r"`activation` must be one of .*got 'relu'"):
        BlockOptions(activation="relu")  # pyright: ignore[reportArgumentType]


def test_input_on_another_grid(clone):
    net, state = resnet()
    with pytest.raises(ValueError, match=r"`x` of SpinBlock must be maps on Grid\(13×24.*got shape \(2, 8, 16, 1, 3\)"):
        net(jnp.ones((2, 8, 16, 1, 3)), clone(state))
    with pytest.raises(ValueError, match=r"`x` of SpinBlock must end in axes .*\(1, 3\)"):
        net(jnp.ones((2, *RECTANGLE.shape, 2, 3)), clone(state))
