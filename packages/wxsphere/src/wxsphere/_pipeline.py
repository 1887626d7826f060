"""Batches of windows, by Grain: shuffled, sharded, resumable."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from jaxtyping import Int

from . import _checks
from ._windows import Batch, Windows

# Endless iteration needs a length; nobody reaches this many batches.
_ENDLESS = 2**48


def batches_per_epoch(windows: int, batch_size: int) -> int:
    """Batches in one pass over the data."""
    return -(-windows // batch_size)


def epoch_order(
    windows: int, batch_size: int, epoch: int, *, seed: int = 0, shuffle: bool = True
) -> Int[np.ndarray, "batches batch"]:
    """Which windows stand in which batch: a function of the seed and the epoch, and of nothing else.

    Args:
        windows: Number of windows.
        batch_size: Windows per batch, over all shards.
        epoch: Number of the pass over the data, from 0.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle.

    Returns:
        Positions, each once; the last batch is filled up with −1.
    """
    order = np.random.default_rng((seed, epoch)).permutation(windows) if shuffle else np.arange(windows)
    full = np.full(batches_per_epoch(windows, batch_size) * batch_size, -1)
    full[:windows] = order
    return full.reshape(-1, batch_size)


class _Source:
    """Random access to all batches of all epochs, as Grain wants it."""

    def __init__(
        self, windows: Windows, batch_size: int, seed: int, shuffle: bool, epochs: int | None, shard: tuple[int, int]
    ) -> None:
        self._windows, self._shard = windows, shard
        self._told = (
            f"wxsphere batches of {batch_size} of {len(windows)} windows, seed {seed}, shuffle {shuffle}, shard {shard}"
        )
        self._per_epoch = batches_per_epoch(len(windows), batch_size)
        self._length = _ENDLESS if epochs is None else epochs * self._per_epoch

        # Epochs follow each other, and the reading threads are never far apart.
        @functools.lru_cache(maxsize=2)
        def order(epoch: int) -> np.ndarray:
            return epoch_order(len(windows), batch_size, epoch, seed=seed, shuffle=shuffle)

        self._order = order

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Batch:
        epoch, within = divmod(int(index), self._per_epoch)
        number, count = self._shard
        return self._windows.batch(self._order(epoch)[within][number::count])

    def __repr__(self) -> str:
        # Grain compares this with what a saved position came from.
        return self._told


def batch_iterator(
    windows: Windows,
    batch_size: int,
    *,
    seed: int = 0,
    shuffle: bool = True,
    epochs: int | None = None,
    shard: tuple[int, int] = (0, 1),
    prefetch: int = 2,
) -> Any:
    """Iterate over batches of windows, endlessly or for some epochs.

    The k-th batch depends on windows, size, seed and k alone, so that a saved position is one number, whatever the
    prefetching.

    Args:
        windows: The windows.
        batch_size: Windows per batch, over all shards; the last batch of an epoch is filled with empty ones.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle, anew in each epoch.
        epochs: Passes over the data; default endless.
        shard: (number, count): this process gets every count-th window of each batch, starting at number.
        prefetch: Batches that a thread prepares ahead; 0 for none.

    Returns:
        A Grain iterator over `Batch` of NumPy arrays, with `get_state` and `set_state` for exact resume, as
        `spinnn.training.fit` wants it.

    Raises:
        TypeError: A number that is not an integer.
        ValueError: A number out of range, or a shard that does not divide the batch.
    """
    size = _checks.integer("batch_size", batch_size, 1)
    number, count = (_checks.integer("shard", part) for part in shard)
    if not 0 <= number < count or size % count:
        raise ValueError(f"`shard` must be (number, count) with a count that divides {size}, got {shard}")
    if epochs is not None:
        epochs = _checks.integer("epochs", epochs, 1)
    seed, prefetch = _checks.integer("seed", seed, 0), _checks.integer("prefetch", prefetch, 0)
    # Imported here: it takes longer than the rest of the package together.
    import grain

    source = _Source(windows, size, seed, shuffle, epochs, (number, count))
    options = grain.ReadOptions(num_threads=min(prefetch, 1), prefetch_buffer_size=prefetch)
    return iter(grain.MapDataset.source(source).to_iter_dataset(options))
