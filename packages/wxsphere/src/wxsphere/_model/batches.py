"""Batches of training samples with Grain: shuffled, sharded, resumable."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from spinnn.training import iterate_batches

from .. import _checks
from .windows import Windows

# Largest batch: no machine holds more, and the positions alone would fill its memory.
_MOST_WINDOWS = 2**24


def batches_per_epoch(windows: int, batch_size: int) -> int:
    """Number of batches in one pass over the data."""
    return -(-windows // batch_size)


def epoch_order(
    windows: int, batch_size: int, epoch: int, *, seed: int = 0, shuffle: bool = True
) -> Int[np.ndarray, "batches batch"]:
    """Positions of the windows of each batch, which depend on the seed and the epoch alone.

    Args:
        windows: Number of windows.
        batch_size: Windows per batch, over all shards.
        epoch: Number of the pass over the data, from 0.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle.

    Returns:
        Positions without repeats; the last batch is padded with −1.
    """
    order = np.random.default_rng((seed, epoch)).permutation(windows) if shuffle else np.arange(windows)
    full = np.full(batches_per_epoch(windows, batch_size) * batch_size, -1)
    full[:windows] = order
    return full.reshape(-1, batch_size)


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
    """Iterate over batches of windows, without end or for some epochs.

    The k-th batch depends on windows, batch size, seed and k alone, so that the saved position is one number.

    Args:
        windows: The windows.
        batch_size: Windows per batch, over all shards; the last batch of an epoch is padded with empty windows.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle, anew in each epoch.
        epochs: Passes over the data; default without end.
        shard: (number, count): this process gets every count-th window of each batch, starting at `number`.
        prefetch: Number of batches that a thread prepares ahead; 0 for none.

    Returns:
        A Grain iterator over `Batch` of NumPy arrays, with `get_state` and `set_state` for exact resumption, for
        `spinnn.training.fit`.

    Raises:
        TypeError: A number is not an integer.
        ValueError: A number is out of range, or the number of shards does not divide the batch size.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import FieldLayout, ForecastTask, Normalization, Windows, batch_iterator, grid_dataset
        >>> grid = Grid.gauss_legendre(4)
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(grid).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> layout = FieldLayout.of(fields)
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[5.0]]))
        >>> windows = Windows(fields, ForecastTask(layout, layout, grid), normalization, normalization)
        >>> for batch in batch_iterator(windows, 2, shuffle=False, epochs=1, prefetch=0):
        ...     print(batch.inputs.shape, batch.index.tolist())
        (2, 1, 4, 8, 1, 1) [0, 1]
        (2, 1, 4, 8, 1, 1) [2, -1]
    """
    _checks.instance("windows", windows, Windows, "a wxsphere.Windows")
    _checks.flag("shuffle", shuffle)
    _checks.integers("shard", shard)
    size, seed = _checks.integer("batch_size", batch_size, 1), _checks.integer("seed", seed, 0)
    if size > _MOST_WINDOWS:
        raise ValueError(f"`batch_size` must be at most {_MOST_WINDOWS}, got {size}")
    return iterate_batches(
        lambda epoch: list(epoch_order(len(windows), size, epoch, seed=seed, shuffle=shuffle)),
        lambda index, part: windows.batch(index[part]),
        size,
        name=f"wxsphere batches of {size} of {len(windows)} windows, seed {seed}, shuffle {shuffle}",
        epochs=epochs,
        shard=shard,
        prefetch=prefetch,
    )
