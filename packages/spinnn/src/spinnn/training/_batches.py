"""Batches in a known order, through Grain: sharded, prefetched, resumable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from spinharm import checks
from spinharm.optional import require

T = TypeVar("T")

# Endless iteration needs a length; nobody reaches this many batches.
_ENDLESS = 2**48
_MOST_EPOCHS = 2**31 - 1


class _Source(Generic[T]):
    """Random access to all batches of all epochs: a data source of Grain."""

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
            # Grain would skip it silently.
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
        order: Function from an epoch's number, 0 or more, to its batches, an entry each; all epochs have as many.
        load: Function from an entry of `order` and a slice (the batch's items of this shard) to a batch, a pytree of
            arrays. Another thread may call it.
        batch_size: Items per batch, over all shards.
        name: Identifies the batches in saved positions: the same for the same batches.
        epochs: Passes over the data; default endless.
        shard: (number, count): this process gets every count-th item of each batch, starting at number.
        prefetch: Batches that a thread prepares in advance; 0 for none.

    Returns:
        A Grain iterator over what `load` gives, with `get_state` and `set_state` for exact resume, as `fit` wants it.

    Raises:
        TypeError: A number that is not an integer.
        ValueError: A number out of range, or a shard that does not divide the batch.

    Examples:
        >>> import numpy as np
        >>> from spinnn.training import iterate_batches
        >>> values = np.arange(8)
        >>> def order(epoch):
        ...     shuffled = np.random.default_rng(epoch).permutation(8)
        ...     return [shuffled[:4], shuffled[4:]]
        >>> batches = iterate_batches(order, lambda items, part: values[items[part]], 4, name="values 0 to 7", epochs=1)
        >>> sorted(int(x) for batch in batches for x in batch)
        [0, 1, 2, 3, 4, 5, 6, 7]
    """
    size = checks.integer("batch_size", batch_size, 1)
    number, count = (checks.integer("shard", part) for part in shard)
    if not 0 <= number < count or size % count:
        raise ValueError(f"`shard` must be (number, count) with a count that divides {size}, got {shard}")
    if epochs is not None:
        epochs = checks.integer("epochs", epochs, 1, _MOST_EPOCHS)
    prefetch = checks.integer("prefetch", prefetch, 0)
    # Imported here: it takes long, and training by other iterators does without.
    grain = require("grain", "spinnn[training]", "iterating over batches")
    source = _Source(order, load, name, epochs, (number, count))
    options = grain.ReadOptions(num_threads=min(prefetch, 1), prefetch_buffer_size=prefetch)
    return iter(grain.MapDataset.source(source).to_iter_dataset(options))
