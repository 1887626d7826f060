"""Batches in an order that is known beforehand, by Grain: sharded, prefetched, resumable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from spinharm import checks
from spinharm.optional import require

T = TypeVar("T")

# Endless iteration needs a length; nobody reaches this many batches.
_ENDLESS = 2**48


class _Source(Generic[T]):
    """Random access to all batches of all epochs, as Grain wants it."""

    def __init__(
        self,
        order: Callable[[int], Sequence[T]],
        load: Callable[[T, slice], Any],
        name: str,
        epochs: int | None,
        shard: tuple[int, int],
    ) -> None:
        # Epochs follow each other, and the reading threads are never far apart.
        self._order, self._load = functools.lru_cache(maxsize=2)(order), load
        self._part, self._told = slice(shard[0], None, shard[1]), f"{name}, shard {shard}"
        self._per_epoch = len(self._order(0))
        if not self._per_epoch:
            raise ValueError("`order` must give at least one batch in each epoch, got none")
        self._length = _ENDLESS if epochs is None else epochs * self._per_epoch

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        epoch, within = divmod(int(index), self._per_epoch)
        batch = self._load(self._order(epoch)[within], self._part)
        if batch is None:
            # Grain would leave it out without a word.
            raise TypeError("`load` must give a batch, got None")
        return batch

    def __repr__(self) -> str:
        # Grain compares this with what a saved position came from.
        return self._told


def iterate_batches(
    order: Callable[[int], Sequence[T]],
    load: Callable[[T, slice], Any],
    batch_size: int,
    *,
    name: str,
    epochs: int | None = None,
    shard: tuple[int, int] = (0, 1),
    prefetch: int = 2,
) -> Any:
    """Iterate over batches, endlessly or for some epochs.

    The k-th batch depends on `order`, `load` and k alone, so that a saved position is one number, whatever the
    prefetching.

    Args:
        order: Gives what stands in each batch of an epoch, by the epoch's number from 0; as many batches in each.
        load: Gives a batch, a pytree of arrays, from an entry of `order` and the part of the batch's items to take:
            every count-th from the shard's number. Another thread may call it.
        batch_size: Items per batch, over all shards.
        name: What the batches are, the same for the same batches.
        epochs: Passes over the data; default endless.
        shard: (number, count): this process gets every count-th item of each batch, starting at number.
        prefetch: Batches that a thread prepares ahead; 0 for none.

    Returns:
        A Grain iterator over what `load` gives, with `get_state` and `set_state` for exact resume, as `fit` wants it.

    Raises:
        TypeError: A number that is not an integer.
        ValueError: A number out of range, or a shard that does not divide the batch.
    """
    size = checks.integer("batch_size", batch_size, 1)
    number, count = (checks.integer("shard", part) for part in shard)
    if not 0 <= number < count or size % count:
        raise ValueError(f"`shard` must be (number, count) with a count that divides {size}, got {shard}")
    if epochs is not None:
        epochs = checks.integer("epochs", epochs, 1)
    prefetch = checks.integer("prefetch", prefetch, 0)
    # Imported here: it takes long, and training by other iterators does without.
    grain = require("grain", "spinnn[training]", "iterating over batches")
    source = _Source(order, load, name, epochs, (number, count))
    options = grain.ReadOptions(num_threads=min(prefetch, 1), prefetch_buffer_size=prefetch)
    return iter(grain.MapDataset.source(source).to_iter_dataset(options))
