"""Sums, means and maxima over atoms against plain NumPy; vectors of atoms; gradients where they could fail."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.spatial.transform import Rotation

from molsphere import Aggregation, DeepSetsHead, HeadConfig, Molecules, TransformerHead, displacements

SPECIES = (1, 8)
REDUCE: dict[Any, Any] = {"sum": np.sum, "mean": np.mean, "max": np.max}


@pytest.fixture(scope="module")
def batch():
    """Molecules of five, three and no atoms; padding stands anywhere."""
    rng = np.random.default_rng(0)
    mask = np.arange(5) < np.array([[5], [3], [0]])
    numbers = np.where(mask, rng.choice(SPECIES, (3, 5)), 0).astype(np.int32)
    return Molecules(numbers, rng.normal(size=(3, 5, 3)).astype(np.float32), mask)


@pytest.fixture(scope="module")
def features():
    """All below 0, so that padding would win a maximum as 0."""
    return -jnp.asarray(np.random.default_rng(1).uniform(1, 2, size=(3, 5, 4)), jnp.float32)


@pytest.fixture(scope="module")
def vectors():
    return jnp.asarray(np.random.default_rng(2).normal(size=(3, 5, 4, 3)), jnp.float32)


def expected(weighting, reduction, features, batch, vectors=None):
    out, features = np.zeros((3, 4)), np.asarray(features)
    where = np.asarray(displacements(batch))
    for i, count in enumerate((5, 3, 0)):
        values, r = features[i, :count], where[i, :count]
        if weighting == "distance":
            values = values * (r**2).sum(-1, keepdims=True)
        if weighting == "displacement":
            moments = values[..., None] * r[:, None] + (0 if vectors is None else vectors[i, :count])
            if reduction == "max":
                values = np.sqrt((moments**2).sum(-1))
            else:
                out[i] = np.sqrt((REDUCE[reduction](moments, axis=0) ** 2).sum(-1)) if count else 0
                continue
        out[i] = REDUCE[reduction](values, axis=0) if count else 0
    return out


@pytest.mark.parametrize("weighting", ["type", "distance", "displacement"])
@pytest.mark.parametrize("reduction", ["sum", "mean", "max"])
def test_reductions(batch, features, vectors, weighting, reduction):
    pool = Aggregation(weighting, 4, SPECIES, reduction=reduction)
    wanted = expected(weighting, reduction, features, batch)
    np.testing.assert_allclose(pool(features, batch), wanted, rtol=2e-5, atol=1e-5)
    if weighting == "displacement":
        wanted = expected(weighting, reduction, features, batch, vectors)
        np.testing.assert_allclose(pool(features, batch, vectors), wanted, rtol=2e-5, atol=1e-5)


def test_the_maximum_weighs_species(batch, features):
    pool = Aggregation("type", 4, SPECIES, reduction="max")
    weight = np.array([[1, 1, -1, 2], [3, -1, 1, 2]], np.float32)
    pool = jax.tree.map(lambda _: jnp.asarray(weight), pool)
    found = pool(features, batch)
    for i, count in enumerate((5, 3)):
        values = np.asarray(features)[i, :count] * weight[(batch.numbers[i, :count] == 8).astype(int)]
        np.testing.assert_allclose(found[i], values.max(0), rtol=1e-6)


def test_gradients_of_the_maximum_are_shared_at_ties_and_never_reach_padding(batch):
    pool = Aggregation("type", 4, SPECIES, reduction="max")
    slope = jax.grad(lambda f: pool(f, batch).sum())(jnp.full((3, 5, 4), -2.0))
    np.testing.assert_allclose(slope[0], np.full((5, 4), 1 / 5), rtol=1e-6)
    np.testing.assert_allclose(slope[1, :3], np.full((3, 4), 1 / 3), rtol=1e-6)
    assert not np.any(slope[~batch.mask])


@pytest.mark.parametrize("reduction", ["sum", "max"])
def test_gradients_are_finite_where_vectors_vanish(batch, reduction):
    pool = Aggregation("displacement", 4, SPECIES, reduction=reduction)
    zeros = jnp.zeros((3, 5, 4))
    slopes = jax.grad(lambda f, v: pool(f, batch, v).sum(), argnums=(0, 1))(zeros, jnp.zeros((3, 5, 4, 3)))
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_no_atoms_at_all():
    none = Molecules(np.zeros((2, 0), np.int32), np.zeros((2, 0, 3), np.float32), np.zeros((2, 0), bool))
    for reduction in REDUCE:
        pool = Aggregation("type", 4, SPECIES, reduction=reduction)
        np.testing.assert_array_equal(pool(jnp.zeros((2, 0, 4)), none), np.zeros((2, 4)))


@pytest.mark.parametrize("kind", ["deepsets", "transformer"])
def test_heads_turn_vectors_with_the_molecule(batch, features, vectors, kind):
    config = HeadConfig(kind=kind, width=4, layers=1, heads=1, weighting="displacement", linear=True)
    make = TransformerHead if kind == "transformer" else DeepSetsHead
    head = make(4, 1, config, species=SPECIES, vectors=4, key=jax.random.key(0))
    turn = Rotation.from_euler("zyz", [0.4, 1.2, -2.1]).as_matrix().astype(np.float32)
    turned = Molecules(batch.numbers, batch.positions @ turn.T, batch.mask)
    before = head(features, batch, vectors)
    np.testing.assert_allclose(head(features, turned, vectors @ turn.T), before, atol=2e-5)
    assert jnp.abs(head(features, turned, vectors) - before).max() > 1e-3
    # Padding has no vectors.
    odd = jnp.where(batch.mask[..., None, None], vectors, 7)
    np.testing.assert_array_equal(head(features, batch, odd), before)


def test_vectors_express_what_charges_cannot():
    """Like atoms with like features have like charges, whose dipole is 0; the property is the sum of some vectors."""
    rng = np.random.default_rng(3)
    batch = Molecules(np.ones((6, 4), np.int32), rng.normal(size=(6, 4, 3)).astype(np.float32), np.ones((6, 4), bool))
    vectors = jnp.asarray(rng.normal(size=(6, 4, 2, 3)), jnp.float32)
    wanted = jnp.linalg.norm((vectors[:, :, 0] - 2 * vectors[:, :, 1]).sum(1), axis=-1)
    features, config = jnp.ones((6, 4, 1)), HeadConfig(width=4, weighting="displacement", linear=True)

    def error(count):
        head = DeepSetsHead(1, 1, config, species=(1,), vectors=count, key=jax.random.key(0))
        given = (features, batch, vectors) if count else (features, batch)
        optimizer = optax.adam(0.05)
        params, static = eqx.partition(head, eqx.is_inexact_array)

        def loss(params):
            return ((eqx.combine(params, static)(*given)[:, 0] - wanted) ** 2).mean()

        def step(_, both):
            params, state = both
            updates, state = optimizer.update(jax.grad(loss)(params), state)
            return optax.apply_updates(params, updates), state

        with jax.numpy_dtype_promotion("standard"):  # of Optax
            params, _ = jax.jit(lambda both: jax.lax.fori_loop(0, 200, step, both))((params, optimizer.init(params)))
        return float(loss(params))

    assert error(2) < 0.02 * error(0)


def test_vectors_where_they_do_not_belong(untyped, batch, features, vectors):
    pool = Aggregation("type", 4, SPECIES)
    with pytest.raises(ValueError, match="`vectors` must be None with the weighting 'type'"):
        pool(features, batch, vectors)
    pool = Aggregation("displacement", 4, SPECIES)
    with pytest.raises(ValueError, match=r"`vectors` must have shape \(3, 5, 4, 3\), one for each feature, got"):
        pool(features, batch, vectors[..., :2, :])
    config = HeadConfig(width=4, weighting="displacement")
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="`vectors` must be None: the head was made for none"):
        DeepSetsHead(4, 1, config, species=SPECIES, key=key)(features, batch, vectors)
    directed = DeepSetsHead(4, 1, config, species=SPECIES, vectors=2, key=key)
    with pytest.raises(ValueError, match="`vectors` must be the atoms' vectors, got None"):
        directed(features, batch)
    with pytest.raises(ValueError, match=r"`vectors` must have shape \(3, 5, 2, 3\), got \(3, 5, 4, 3\)"):
        directed(features, batch, vectors)
    with pytest.raises(ValueError, match="`vectors` must be 0 with the weighting 'type', got 2"):
        DeepSetsHead(4, 1, HeadConfig(width=4), species=SPECIES, vectors=2, key=key)
