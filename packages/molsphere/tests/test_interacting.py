"""The network of atoms that exchange spheres: symmetries to rounding, pairs as lists, derivatives, files."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import spinharm
from molsphere import (
    BesselBasis,
    DeepSetsHead,
    HeadConfig,
    InteractingConfig,
    InteractingNetwork,
    InteractionOptions,
    Molecules,
    PropertyModel,
    TargetScaling,
    TrainOptions,
    network_config,
)
from molsphere._interacting.neighbors import DensePairs, EdgeList
from molsphere._spheres.harmonics import real_irreps
from spinnn.training import from_json, to_json

SMALL = InteractingConfig(species=(1, 6, 8), channels=8, radial=8, cutoff=4.0)


def molecules(seed=0, batch=2, atoms=7, dtype="float32"):
    """Random atoms at distances as in molecules; the last molecule has two atoms less."""
    rng = np.random.default_rng(seed)
    positions = rng.normal(size=(batch, atoms, 3)) * 1.5
    numbers = rng.choice([1, 6, 8], size=(batch, atoms)).astype(np.int32)
    mask = np.ones((batch, atoms), bool)
    mask[-1, -2:] = False
    return Molecules(np.where(mask, numbers, 0).astype(np.int32), positions.astype(dtype), mask)


def make(config=SMALL):
    return InteractingNetwork(config, key=jax.random.key(0))


def run(network, batch):
    # It has no state of its own.
    return network(batch, eqx.nn.State(network))[0]


def outputs(network, batch):
    return spinharm.jit(lambda batch: run(network, batch))(batch)


def moved(batch, positions):
    return Molecules(batch.numbers, positions.astype(batch.positions.dtype), batch.mask)


@pytest.mark.parametrize(
    "change", [{}, {"products": "all", "norm": "rms"}, {"products": "none", "max_degree": 3}, {"order": 3}]
)
def test_predictions_do_not_change_under_rotation_translation_and_order(change):
    network, batch = make(dataclasses.replace(SMALL, **change)), molecules()
    before = outputs(network, batch)
    rotation = Rotation.from_euler("zyz", [0.4, 1.2, -2.1]).as_matrix()
    np.testing.assert_allclose(
        outputs(network, moved(batch, batch.positions @ rotation.T + [3, -2, 1])), before, atol=2e-5
    )
    order = np.array([3, 1, 0, 2, 4, 5, 6])
    reordered = Molecules(batch.numbers[:, order], batch.positions[:, order], batch.mask[:, order])
    np.testing.assert_allclose(outputs(network, reordered), before, atol=1e-5)


DIPOLE = dataclasses.replace(
    SMALL, max_degree=1, interactions=1, head=HeadConfig(width=8, weighting="displacement", linear=True)
)


def test_dipole_moments_add_vectors_of_atoms_and_do_not_change_under_rotation():
    network, batch = make(DIPOLE), molecules()
    before = outputs(network, batch)
    rotation = Rotation.from_euler("zyz", [0.4, 1.2, -2.1]).as_matrix()
    turned = moved(batch, batch.positions @ rotation.T + [3, -2, 1])
    np.testing.assert_allclose(outputs(network, turned), before, atol=2e-5)
    # Charges alone give something else, and so does reading y, z, x as x, y, z, which is a rotation of the vectors.
    without = eqx.tree_at(lambda n: n.head.vectors.mixing, network, jnp.zeros((8, 8)))
    assert np.abs(outputs(without, batch) - before).min() > 1e-3
    np.testing.assert_allclose(outputs(without, turned), outputs(without, batch), atol=2e-5)
    for config in (dataclasses.replace(DIPOLE, max_degree=0), SMALL):
        head = make(config).head
        assert isinstance(head, DeepSetsHead)
        assert head.vectors is None


def test_derivatives_are_finite_where_the_dipole_moment_vanishes():
    """Two like atoms, and one atom alone."""
    numbers = np.array([[6, 6], [8, 0]], np.int32)
    positions = np.array([[[0, 0, 0.6], [0, 0, -0.6]], [[0, 0, 0], [0, 0, 0]]], np.float32)
    batch, network = Molecules(numbers, positions, numbers > 0), make(DIPOLE)

    params, static = eqx.partition(network, eqx.is_inexact_array)

    def moments(both):
        return run(eqx.combine(both[0], static), moved(batch, both[1])).sum()

    slopes = jax.jit(jax.grad(moments))((params, positions))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


@pytest.mark.parametrize(("products", "invariant"), [("even", True), ("all", False)])
def test_even_products_do_not_see_the_hand_of_a_molecule(products, invariant):
    # Of degree 1 alone, pseudoscalars need three different vectors.
    config = dataclasses.replace(SMALL, products=products, interactions=3)
    batch = molecules()
    network = make(config)
    change = jnp.abs(outputs(network, moved(batch, batch.positions * [1, 1, -1])) - outputs(network, batch)).max()
    assert (change < 2e-5) == invariant


def test_padding_changes_nothing_and_may_stand_anywhere():
    network, batch = make(), molecules()
    wide = Molecules(*(np.pad(x, [(0, 0), (0, 3)] + [(0, 0)] * (x.ndim - 2)) for x in jax.tree.leaves(batch)))
    wide = moved(wide, np.where(wide.mask[..., None], wide.positions, np.nan))
    np.testing.assert_allclose(outputs(network, wide), outputs(network, batch), atol=1e-5)
    slope = jax.jit(jax.grad(lambda p: run(network, moved(wide, p)).sum()))(wide.positions)
    assert np.isfinite(slope).all()


def test_lists_of_edges_give_what_dense_pairs_give():
    network, batch = make(), molecules()
    basis, count = SMALL.make_basis(), batch.mask.size
    scalars = jax.random.normal(jax.random.key(1), (*batch.mask.shape, SMALL.channels))
    dense = network._features(scalars, DensePairs.of(batch.positions, batch.mask, 2, basis))[0]
    pairs = batch.mask[:, :, None] & batch.mask[:, None] & ~np.eye(batch.mask.shape[1], dtype=bool)
    which, receiver, sender = np.nonzero(pairs)
    receivers, senders = which * batch.mask.shape[1] + receiver, which * batch.mask.shape[1] + sender
    flat = batch.positions.reshape(-1, 3)
    edges = EdgeList.of(flat[senders] - flat[receivers], senders, receivers, np.ones(len(which), bool), count, 2, basis)
    listed = network._features(scalars.reshape(count, -1), edges)[0].reshape(dense.shape)
    np.testing.assert_allclose(listed[batch.mask], dense[batch.mask], atol=2e-6)


def test_derivatives_agree_with_differences():
    with jax.enable_x64(True):
        batch = molecules(dtype="float64")
        network = jax.tree.map(lambda x: x.astype(np.float64) if eqx.is_inexact_array(x) else x, make())
        energy = jax.jit(lambda p: run(network, moved(batch, p)).sum())
        slope = jax.jit(jax.grad(energy))(batch.positions)
        direction = np.random.default_rng(3).normal(size=slope.shape)
        step = 1e-5
        ahead, back = energy(batch.positions + step * direction), energy(batch.positions - step * direction)
        np.testing.assert_allclose((ahead - back) / (2 * step), (slope * direction).sum(), rtol=1e-6)


def test_derivatives_are_finite_where_atoms_coincide():
    batch = molecules()
    positions = np.array(batch.positions)
    positions[0, 1] = positions[0, 0]
    slope = jax.jit(jax.grad(lambda p: run(make(), moved(batch, p)).sum()))(positions)
    assert np.isfinite(slope).all()


def test_a_position_that_is_not_a_number_shows():
    batch = molecules()
    positions = np.array(batch.positions)
    positions[0, 0, 0] = np.nan
    assert np.isnan(jax.jit(lambda p: run(make(), moved(batch, p)))(positions)[0]).all()


def test_positions_that_are_not_numbers_and_unknown_species_are_refused():
    batch = molecules()
    with pytest.raises(ValueError, match="`positions` must be finite"):
        run(make(), moved(batch, np.where(batch.numbers[..., None] > 0, np.nan, batch.positions)))
    sulfur = Molecules(np.where(batch.mask, 16, 0).astype(np.int32), batch.positions, batch.mask)
    with pytest.raises(ValueError, match="16"):
        run(make(), sulfur)


@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_radial_functions_end_smoothly_at_the_cutoff(derivative):
    basis = BesselBasis(6, 3.0)
    one = lambda r: basis.values(r[None])[0].sum()  # noqa: E731
    for _ in range(derivative):
        one = jax.grad(one)
    with jax.enable_x64(True):
        scale = abs(float(one(jnp.float64(1.5))))
        assert abs(float(one(jnp.float64(3.0 - 1e-4)))) < 1e-2 * max(scale, 1)
        assert float(one(jnp.float64(3.1))) == 0


def test_radial_functions_are_those_of_the_formula():
    r = np.linspace(0.5, 4.5, 9).astype(np.float32)
    x = r / 5
    envelope = 1 - 21 * x**5 + 35 * x**6 - 15 * x**7
    wanted = [np.sqrt(2 / 5) * np.sin(n * np.pi * x) / r * envelope for n in range(1, 21)]
    np.testing.assert_allclose(BesselBasis(20, 5.0, exponent=5).values(jnp.asarray(r)), np.stack(wanted, -1), atol=3e-6)


def test_harmonics_are_those_of_e3nns_order():
    direction = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    found = real_irreps(2, jnp.asarray(direction))
    x, y, z = direction.T
    root = np.sqrt
    wanted = [
        np.ones_like(x), root(3) * y, root(3) * z, root(3) * x,
        root(15) * x * y, root(15) * y * z, root(5) / 2 * (3 * z**2 - 1), root(15) * x * z,
        root(15) / 2 * (x**2 - y**2),
    ]  # fmt: skip
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_any_batch_axes_and_vmap():
    network, batch = make(), molecules()
    deep = jax.tree.map(lambda x: np.stack([x, x])[:, None], batch)
    assert outputs(network, deep).shape == (2, 1, 2, 1)
    np.testing.assert_allclose(outputs(network, deep)[1, 0], outputs(network, batch), atol=1e-6)
    each = jax.jit(jax.vmap(lambda one: run(network, one)))(jax.tree.map(jnp.asarray, batch))
    np.testing.assert_allclose(each, outputs(network, batch), atol=1e-5)


def test_model_files_hold_the_network(tmp_path):
    network, state = eqx.nn.make_with_state(InteractingNetwork)(SMALL, key=jax.random.key(0))
    scaling = TargetScaling(species=(1, 6, 8), references=(-10.0, -1000.0, -2000.0), intercept=0.0, scale=5.0)
    model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
    model.save(tmp_path / "model.spinnn")
    again = PropertyModel.load(tmp_path / "model.spinnn")
    assert again.config == SMALL
    np.testing.assert_array_equal(again(molecules())["energy"], model(molecules())["energy"])


def test_options_of_before_are_completed_with_what_was_done_then():
    written = dataclasses.replace(SMALL, norm="rms", envelope=5)
    values = {name: value for name, value in to_json(written).items() if name not in ("norm", "envelope")}
    assert from_json(InteractingConfig, values) == written
    assert from_json(InteractingConfig, {"channels": 8}).norm == InteractingConfig().norm == "none"


def test_options_hold_either_kind_of_network():
    options = TrainOptions(preset="interacting", network=network_config("interacting"))
    assert from_json(TrainOptions, to_json(options)) == options
    assert from_json(TrainOptions, to_json(TrainOptions())) == TrainOptions()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_degree": 13}, ValueError, "max_degree"),
        ({"channels": 0}, ValueError, "channels"),
        ({"cutoff": -1.0}, ValueError, "cutoff"),
        ({"order": 1}, ValueError, "order"),
        ({"spheres": 1}, TypeError, "spheres"),
        ({"radial": 2.5}, TypeError, "radial"),
        ({"envelope": 1}, ValueError, "`envelope` must be at least 2"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        InteractionOptions(**options)
