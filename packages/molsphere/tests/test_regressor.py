import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from molsphere import (
    HeadConfig,
    MessageConfig,
    Molecule,
    Molecules,
    RegressorConfig,
    SphereRegressor,
    invariance_error,
    measure_feature_scale,
    pad_molecules,
    random_rotation,
)

SPECIES = (1, 6, 8)
CONFIG = RegressorConfig(
    outputs=2,
    species=SPECIES,
    powers=(1, 2),
    bandlimits=(4, 3),
    grid="gauss",
    oversampling=2.0,
    widths=(6, 8),
    num_filter_params=(None, None),
    embedding=4,
    head=HeadConfig(width=8),
)


def molecule(rng, size):
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3)
    where = grid[rng.permutation(27)[:size]] * 1.3 + rng.uniform(-0.2, 0.2, (size, 3))
    return Molecule(rng.choice(SPECIES, size), where)


@pytest.fixture
def batch(rng):
    return pad_molecules([molecule(rng, n) for n in (5, 7, 4)], 8)


def make(config=CONFIG):
    network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
    return eqx.nn.inference_mode(network), state


def compiled(network, state):
    run = spinharm.jit(lambda molecules, state: network(molecules, state)[0])
    return lambda molecules: run(molecules, jax.tree.map(lambda leaf: leaf, state))


def moved(molecules, positions):
    positions = jnp.where(molecules.mask[..., None], positions, 0)
    return eqx.tree_at(lambda m: m.positions, molecules, positions)


ONE_BLOCK = {"bandlimits": (4,), "widths": (6,), "num_filter_params": (None,)}
SEVERAL = {"interactions": 2, "gaussians": ((1.2, 0.3),), "messages": MessageConfig(channels=3, width=5), **ONE_BLOCK}


@pytest.mark.parametrize(
    ("kind", "weighting", "options"),
    [
        ("deepsets", "type", {}),
        ("deepsets", "distance", {"representation": "grid", **SEVERAL}),
        ("transformer", "type", {}),
        ("transformer", "displacement", SEVERAL),
    ],
)
def test_invariances(batch, kind, weighting, options):
    """Rotation (up to the activations' error), translation, order of atoms, batch mates and padding."""
    head = HeadConfig(kind=kind, width=8, layers=2, heads=2, weighting=weighting)
    run = compiled(*make(dataclasses.replace(CONFIG, head=head, **options)))
    out = run(batch)
    assert out.shape == (3, 2)
    size = float(jnp.abs(out).max())
    shifted = run(moved(batch, batch.positions + np.float32(1.5)))
    np.testing.assert_allclose(shifted, out, atol=2e-4 * size)
    turn = np.asarray(random_rotation(jax.random.key(1)))
    np.testing.assert_allclose(run(moved(batch, batch.positions @ turn.T)), out, atol=0.02 * size)
    order = np.array([3, 0, 2, 1, 7, 6, 5, 4])
    permuted = Molecules(batch.numbers[:, order], batch.positions[:, order], batch.mask[:, order])
    np.testing.assert_allclose(run(permuted), out, atol=1e-5 * size)
    alone = Molecules(batch.numbers[:1, :5], batch.positions[:1, :5], batch.mask[:1, :5])
    np.testing.assert_allclose(run(alone)[0], out[0], atol=1e-5 * size)


def test_a_third_pass_sees_the_features_of_both_before(batch):
    """Shapes alone, which is where it could differ from a second."""
    config = dataclasses.replace(CONFIG, **(SEVERAL | {"interactions": 3}))
    network, state = eqx.filter_eval_shape(make, config)
    first, second = (messages.layers[0].in_features for messages in network.messages)
    pooled = len(config.spins) * config.widths[-1]
    assert (first, second) == (config.embedding + pooled, config.embedding + 2 * pooled)
    out = eqx.filter_eval_shape(lambda network, state: network(batch, state)[0], network, state)
    assert out.shape == (3, 2)


def test_statistics_do_not_see_padding(batch):
    network, state = eqx.nn.make_with_state(SphereRegressor)(CONFIG, key=jax.random.key(0))
    longer = Molecules(
        *(np.concatenate([x, np.zeros_like(x)], 1) for x in (batch.numbers, batch.positions, batch.mask))
    )
    run = spinharm.jit(network)
    results = [run(m, jax.tree.map(lambda leaf: leaf, state)) for m in (batch, longer)]
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


def test_molecules_differ(batch):
    out = np.asarray(compiled(*make())(batch))
    assert np.ptp(out, axis=0).min() > 1e-3 * np.abs(out).max()


@pytest.mark.parametrize(("interactions", "sees"), [(1, False), (2, True)])
def test_later_interactions_reach_further(interactions, sees):
    """O–H–X with spheres that show next neighbours alone: the oxygen learns what X is from the hydrogen's message."""
    near = {"powers": (), "gaussians": ((1.0, 0.15),)}
    options = {"messages": MessageConfig(channels=3, **near), "distance": False, "feature_scale": (0.01,) * 3, **near}
    options |= ONE_BLOCK
    network, state = make(dataclasses.replace(CONFIG, interactions=interactions, **options))
    only_oxygen = jnp.zeros_like(network.head.aggregation.weight).at[SPECIES.index(8)].set(1.0)
    run = compiled(eqx.tree_at(lambda n: n.head.aggregation.weight, network, only_oxygen), state)
    where = np.array([[[0, 0, -1], [0, 0, 0], [0, 0, 1]]], np.float32)
    carbon, hydrogen = (run(Molecules(np.array([[8, 1, x]]), where, np.ones((1, 3), bool))) for x in (6, 1))
    difference = float(jnp.abs(carbon - hydrogen).max())
    assert (difference > 1e-4) if sees else (difference < 1e-6)


@pytest.mark.parametrize(
    ("weighting", "options"), [("type", SEVERAL), ("displacement", ONE_BLOCK), ("distance", ONE_BLOCK)]
)
def test_gradients_in_positions(batch, weighting, options, x64, rng):
    head = dataclasses.replace(CONFIG.head, weighting=weighting)
    network, state = make(dataclasses.replace(CONFIG, head=head, **options))
    network, state = jax.tree.map(lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, (network, state))
    one = Molecules(batch.numbers[1], np.asarray(batch.positions[1], np.float64), batch.mask[1])

    @spinharm.jit
    def energy_and_gradient(positions):
        def energy(positions):
            return network(moved(one, positions), jax.tree.map(lambda leaf: leaf, state))[0].sum()

        return jax.value_and_grad(energy)(positions)

    positions = np.asarray(one.positions)
    _, gradient = energy_and_gradient(positions)
    for direction in np.where(one.mask[:, None], rng.standard_normal((3, *positions.shape)), 0):
        after, before = (energy_and_gradient(positions + step * direction)[0] for step in (1e-5, -1e-5))
        along = float((gradient * direction).sum())
        assert float(after - before) / 2e-5 == pytest.approx(along, rel=1e-6, abs=1e-6 * float(jnp.abs(gradient).max()))
    np.testing.assert_allclose(gradient.sum(0), 0, atol=1e-8 * float(jnp.abs(gradient).max()) + 1e-12)
    assert jnp.all(gradient[~one.mask] == 0)


@pytest.mark.parametrize("representation", ["coefficients", "grid", "cohen"])
def test_representations(batch, representation):
    config = dataclasses.replace(CONFIG, representation=representation, grid="square", oversampling=1.0)
    scale = measure_feature_scale(config, batch)
    assert len(scale) == config.channels
    config = dataclasses.replace(config, feature_scale=scale)
    unit = np.array(measure_feature_scale_of_scaled(config, batch))
    np.testing.assert_allclose(unit, 1, rtol=1e-4)
    assert jnp.all(jnp.isfinite(compiled(*make(config))(batch)))


def measure_feature_scale_of_scaled(config, batch):
    network, _ = make(config)
    x = np.asarray(network.represent(batch))
    if config.representation == "coefficients":
        power = (np.abs(x) ** 2).sum((2, 3, 4))
    else:
        weights = config.make_grid(config.bandlimits[0]).weights
        power = (np.abs(x) ** 2 * weights[:, None, None, None]).sum((2, 3, 4))
    mean = power[batch.mask].mean(0) / (4 * np.pi)
    return np.sqrt(np.where(mean > 0, mean, 1))


def test_bad_configurations(untyped):
    for change, message in (
        ({"widths": (6,)}, r"must have one entry per block, got \(4, 3\), \(6,\), \(None, None\)"),
        ({"representation": "fingerprint"}, "`representation` must be one of .*'fingerprint'"),
        ({"grid": "healpix"}, "`grid` must be one of .*'healpix'"),
        ({"oversampling": 0.5}, "`oversampling` must be 1 … 16, got 0.5"),
        ({"feature_scale": (1.0,)}, r"`feature_scale` must be 6 positive numbers, one per channel, got \(1.0,\)"),
        ({"outputs": 0}, "`outputs` must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(CONFIG, **change)
    for change, message in (
        ({"weighting": "mass"}, "`weighting` must be one of .*'mass'"),
        ({"reduction": "min"}, "`reduction` must be one of .*'min'"),
        ({"kind": "lstm"}, "`kind` must be one of .*'lstm'"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(CONFIG.head, **change)
    head = HeadConfig(kind="transformer", width=6, heads=4)
    with pytest.raises(ValueError, match="`width` must be a multiple of `heads`, 4, got 6"):
        make(dataclasses.replace(CONFIG, head=head))


def test_unknown_species(batch):
    network, state = make(dataclasses.replace(CONFIG, species=(1, 6)))
    with pytest.raises(ValueError, match=r"species|numbers"):
        network(batch, state)


def test_the_invariance_error_is_that_of_turned_molecules(rng, make_model):
    molecules = [molecule(rng, n) for n in (4, 5, 6, 7)]
    sharp, fine = (make_model({"energy": "eV"}, oversampling=times) for times in (1.0, 4.0))
    coarse = invariance_error(sharp, molecules, rotations=2)["energy"]
    assert coarse > 0
    # The activations' high degrees are what a coarse grid folds back.
    assert invariance_error(fine, molecules, rotations=2)["energy"] < coarse / 3
    assert invariance_error(fine, molecules, rotations=2, reflections=True)["energy"] > 0
    # By hand.
    matrix = np.asarray(random_rotation(jax.random.split(jax.random.key(5), 1)[0], (4,)), np.float64)
    turned = [Molecule(m.numbers, m.positions @ r.T) for m, r in zip(molecules, matrix, strict=True)]
    expected = np.abs(sharp.predict(turned)["energy"] - sharp.predict(molecules)["energy"]).mean()
    assert invariance_error(sharp, molecules, rotations=1, seed=5)["energy"] == pytest.approx(expected, rel=1e-6)
    # The mean over orientations depends less on the first of them.
    several = [sharp.predict(some, orientations=16)["energy"] for some in (molecules, turned)]
    assert np.abs(several[1] - several[0]).mean() < 0.5 * expected
    with pytest.raises(ValueError, match="`orientations` must be at least 1, got 0"):
        sharp.predict(molecules, orientations=0)
    with pytest.raises(ValueError, match="`rotations` must be at least 1, got 0"):
        invariance_error(sharp, molecules, rotations=0)


@pytest.mark.parametrize("kind", ["deepsets", "transformer"])
def test_no_molecules_and_no_atoms(batch, kind):
    network, state = make(dataclasses.replace(CONFIG, head=HeadConfig(width=8, kind=kind)))
    none = jax.tree.map(lambda leaf: leaf[:0], batch)
    without = jax.tree.map(lambda leaf: leaf[:, :0] if leaf.ndim > 1 else leaf, batch)
    assert jax.eval_shape(compiled(network, state), none).shape == (0, 2)
    assert jax.eval_shape(compiled(network, state), without).shape == (3, 2)
    with pytest.raises(ValueError, match=r"`molecules` must hold at least one atom, got none in a batch"):
        measure_feature_scale(CONFIG, none)
