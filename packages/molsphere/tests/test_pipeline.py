"""Batches: every molecule once, one bucket each, the same again from any position."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

from molsphere import BatchPlan, MoleculeSet, batch_iterator

SIZES = np.random.default_rng(0).integers(2, 12, 60)
BUCKETS = (4, 7, 11)


@pytest.fixture(scope="module")
def data() -> MoleculeSet:
    total = int(SIZES.sum())
    rng = np.random.default_rng(1)
    return MoleculeSet(SIZES, rng.choice([1, 6, 8], total).astype(np.int32), rng.normal(size=(total, 3)), np.arange(60))


TARGETS = {"H": np.arange(60) * 0.5}


def plan(**options) -> BatchPlan:
    return BatchPlan.build(SIZES, 8, **{"buckets": BUCKETS, "seed": 3, **options})


def same(a, b) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_epoch_has_every_molecule_once_in_its_bucket(shuffle):
    made = plan(shuffle=shuffle)
    for epoch in range(3):
        batches = made.epoch(epoch)
        assert len(batches) == made.batches_per_epoch
        together = np.concatenate([index for _, index in batches])
        assert sorted(together[together >= 0]) == list(range(60))
        for size, index in batches:
            assert index.shape == (8,)
            assert np.all(np.searchsorted(BUCKETS, SIZES[index[index >= 0]]) == BUCKETS.index(size))


def test_shuffling_depends_on_seed_and_epoch_alone():
    def order(made: BatchPlan, epoch: int) -> list[int]:
        return np.concatenate([index for _, index in made.epoch(epoch)]).tolist()

    assert order(plan(), 0) == order(plan(), 0)
    assert order(plan(), 0) != order(plan(), 1)
    assert order(plan(), 0) != order(plan(seed=4), 0)
    assert order(plan(shuffle=False), 0) == order(plan(shuffle=False), 5)


@pytest.mark.parametrize("prefetch", [0, 2])
def test_batches_hold_the_molecules_they_say(data, prefetch):
    batches = list(batch_iterator(data, TARGETS, plan(), epochs=2, prefetch=prefetch))
    assert len(batches) == 2 * plan().batches_per_epoch
    assert {batch.molecules.numbers.shape for batch in batches} == {(8, size) for size in BUCKETS}
    for batch in batches:
        present = batch.index >= 0
        np.testing.assert_array_equal(batch.weight, present)
        np.testing.assert_array_equal(batch.targets["H"], np.where(present, TARGETS["H"][batch.index], 0))
        np.testing.assert_array_equal(batch.molecules.num_atoms, np.where(present, SIZES[batch.index], 0))
        assert batch.targets["H"].dtype == batch.molecules.positions.dtype == np.float32
        at = int(np.argmax(present))
        wanted = data[int(batch.index[at])]
        np.testing.assert_array_equal(batch.molecules.numbers[at, : len(wanted)], wanted.numbers)
        np.testing.assert_allclose(batch.molecules.positions[at, : len(wanted)], wanted.positions, rtol=1e-6)


@pytest.mark.parametrize("stop", [0, 1, 5, 12, 25])
@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_saved_position_goes_on_exactly(data, stop, prefetch):
    """Across the end of an epoch as well, through JSON, and with another prefetching."""
    through = batch_iterator(data, TARGETS, plan(), prefetch=2)
    wanted = [next(through) for _ in range(stop + 12)][stop:]
    first = batch_iterator(data, TARGETS, plan(), prefetch=prefetch)
    for _ in range(stop):
        next(first)
    state = json.loads(json.dumps(first.get_state()))
    second = batch_iterator(data, TARGETS, plan(), prefetch=1)
    second.set_state(state)
    for batch in wanted:
        assert same(next(second), batch)
    # And back again with an iterator that has been elsewhere.
    second.set_state(state)
    assert same(next(second), wanted[0])


def test_shards_are_the_parts_of_each_batch(data):
    whole = batch_iterator(data, TARGETS, plan(), epochs=1)
    shards = [batch_iterator(data, TARGETS, plan(), epochs=1, shard=(number, 4)) for number in range(4)]
    for batch, *parts in zip(whole, *shards, strict=True):
        for number, part in enumerate(parts):
            assert part.molecules.numbers.shape == (2, batch.molecules.numbers.shape[1])
            assert same(part, jax.tree.map(lambda x, number=number: x[number::4], batch))


def test_one_program_per_bucket(data):
    traces = 0

    @jax.jit
    def step(batch):
        nonlocal traces
        traces += 1
        return batch.molecules.positions.sum() + (batch.targets["H"] * batch.weight).sum()

    for batch in batch_iterator(data, TARGETS, plan(), epochs=3):
        step(batch)
    assert traces == len(BUCKETS)


def test_it_is_what_the_training_loop_wants(data):
    training = pytest.importorskip("spinnn.training")
    assert isinstance(batch_iterator(data, TARGETS, plan()), training.DataIterator)


def test_default_buckets():
    assert len(BatchPlan.build(SIZES, 8).buckets) <= 6


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda data: plan(buckets=(4, 7)), ValueError, r"must hold the largest molecule, 11 atoms, got \(4, 7\)"),
        (lambda data: plan(seed=-1), ValueError, "`seed` must be at least 0, got -1"),
        (lambda data: BatchPlan.build(SIZES, 0), ValueError, "`batch_size` must be at least 1, got 0"),
        (
            lambda data: batch_iterator(data, TARGETS, BatchPlan.build(SIZES[:5], 8)),
            ValueError,
            "`plan` must be made for the sizes of `data`, 60 molecules, got 5",
        ),
        (
            lambda data: batch_iterator(data, {"H": np.zeros(5)}, plan()),
            ValueError,
            r"`targets` must be finite or NaN for none, shape \(60,\), got \(5,\) for 'H'",
        ),
        (
            lambda data: batch_iterator(data, {"H": np.full(60, np.inf)}, plan()),
            ValueError,
            "`targets` must be finite or NaN for none.*with infinite values",
        ),
        (
            lambda data: batch_iterator(data, TARGETS, plan(), shard=(0, 3)),
            ValueError,
            r"`shard` must be \(number, count\) with a count that divides 8, got \(0, 3\)",
        ),
        (lambda data: batch_iterator(data, TARGETS, plan(), shard=(2, 2)), ValueError, "`shard` must be"),
        (
            lambda data: batch_iterator(data, TARGETS, plan(), epochs=0),
            ValueError,
            "`epochs` must be at least 1, got 0",
        ),
        (lambda data: batch_iterator(data, TARGETS, plan(), prefetch=-1), ValueError, "`prefetch` must be at least 0"),
    ],
)
def test_bad_arguments(data, call, error, message):
    with pytest.raises(error, match=message):
        call(data)
