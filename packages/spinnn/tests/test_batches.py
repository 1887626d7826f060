"""Batches in a known order: each epoch's once, divided among shards, the same again from any position."""

import json

import numpy as np
import pytest

from spinnn.training import DataIterator, iterate_batches


def order(epoch):
    return list(np.random.default_rng(epoch).permutation(30).reshape(5, 6))


def iterator(**options):
    return iterate_batches(order, lambda items, part: items[part], 6, name="numbers", **options)


@pytest.mark.parametrize("prefetch", [0, 3])
def test_epochs_come_in_their_order(prefetch):
    found = np.stack(list(iterator(epochs=3, prefetch=prefetch)))
    np.testing.assert_array_equal(found, np.concatenate([order(epoch) for epoch in range(3)]))
    endless = iterator(prefetch=prefetch)
    assert isinstance(endless, DataIterator)
    np.testing.assert_array_equal(np.stack([next(endless) for _ in range(15)]), found)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_shards_are_disjoint_and_complete(count):
    shards = [iterator(epochs=2, shard=(number, count)) for number in range(count)]
    for whole, *parts in zip(iterator(epochs=2), *shards, strict=True):
        assert all(part.shape == (6 // count,) for part in parts)
        np.testing.assert_array_equal(np.stack(parts, 1).reshape(6), whole)


@pytest.mark.parametrize("stop", [0, 4, 5, 11])
@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_saved_position_goes_on_exactly(stop, prefetch):
    """Across the end of an epoch as well, through JSON, and with another prefetching."""
    wanted = np.concatenate([order(epoch) for epoch in range(4)])
    first = iterator(prefetch=prefetch, shard=(1, 2))
    for _ in range(stop):
        next(first)
    state = json.loads(json.dumps(first.get_state()))
    second = iterator(prefetch=3 - prefetch, shard=(1, 2))
    next(second)
    second.set_state(state)
    for batch in wanted[stop : stop + 7]:
        np.testing.assert_array_equal(next(second), batch[1::2])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shard": (0, 4)}, ValueError, r"`shard` must be \(number, count\) with a count that divides 6, got \(0, 4\)"),
        ({"shard": (2, 2)}, ValueError, "`shard` must be"),
        ({"shard": (0, 1.5)}, TypeError, r"`shard` must be an integer, got 1\.5"),
        ({"epochs": 0}, ValueError, "`epochs` must be at least 1, got 0"),
        ({"prefetch": -1}, ValueError, "`prefetch` must be at least 0, got -1"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        iterator(**options)
