"""Work on blocks of columns, so that what a product of features needs between two passes stays in cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def in_blocks(
    function: Callable[[jax.Array, jax.Array], Any], x: jax.Array, y: jax.Array, bytes_per_column: int, block_bytes: int
) -> Any:
    """Apply a function of columns to blocks of them, one after the other.

    Reverse mode computes each block again instead of keeping what it needed.

    Args:
        function: Takes x and y with axes (features, columns, …), which broadcast after the first, and returns arrays
            with as many columns and the axes to which the others broadcast.
        x: Shape (features, *columns).
        y: Shape (features, *columns); columns broadcast with those of `x`.
        bytes_per_column: What the function keeps in memory at a time for each column.
        block_bytes: What it may keep. GPUs take all columns at once.

    Returns:
        The arrays, shape (features, *columns).
    """
    ndim = max(x.ndim, y.ndim)
    x, y = (array.reshape(len(array), *(1,) * (ndim - array.ndim), *array.shape[1:]) for array in (x, y))
    shared = next((at for at in range(1, ndim) if x.shape[at] != y.shape[at]), ndim)
    whole = jnp.broadcast_shapes(x.shape[1:], y.shape[1:])
    columns = math.prod(whole[: shared - 1])
    x, y = (array.reshape(len(array), columns, *array.shape[shared:]) for array in (x, y))
    results = _apply(
        function, x, y, block_size(columns, math.prod(whole[shared - 1 :]) * bytes_per_column, block_bytes)
    )
    return jax.tree.map(lambda z: z.reshape(len(z), *whole), results)


def block_size(columns: int, bytes_per_column: int, block_bytes: int) -> int:
    """Columns in a block: all, or the multiple of 16 that fits, at least 16."""
    # Symbolic sizes of an export are not compared.
    if jax.default_backend() != "cpu" or not isinstance(columns, int):
        return columns
    fits = max(16, block_bytes // max(bytes_per_column, 1) // 16 * 16)
    return columns if 2 * fits > columns else fits


def _apply(function: Callable[[jax.Array, jax.Array], Any], x: jax.Array, y: jax.Array, block: int) -> Any:
    columns = x.shape[1]
    if block == columns:
        return function(x, y)
    count, again = columns // block, jax.checkpoint(function)

    def split(array: jax.Array) -> jax.Array:
        whole = array[:, : count * block].reshape(len(array), count, block, *array.shape[2:])
        return jnp.moveaxis(whole, 1, 0)

    def joined(z: jax.Array) -> jax.Array:
        return jnp.moveaxis(z, 0, 1).reshape(z.shape[1], count * block, *z.shape[3:])

    results = jax.tree.map(joined, jax.lax.map(lambda pair: again(*pair), (split(x), split(y))))
    if count * block == columns:
        return results
    rest = again(x[:, count * block :], y[:, count * block :])
    return jax.tree.map(lambda *both: jnp.concatenate(both, 1), results, rest)
