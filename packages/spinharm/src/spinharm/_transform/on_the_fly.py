"""Legendre products with harmonics computed on the fly, by recursion over degree inside the program: O(L²) memory.

The recursion runs in float64 whatever the working precision, because float32 would lose log2(L) of its 24 bits; the
sums over colatitude or degree run in the working precision. Double precision is switched on locally, so this works
with JAX's default of x64 off. Host arrays travel as pairs of 32-bit words for the same reason.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._coefficients import recursion
from .legendre import analysis_rule
from .plan import Plan


def _words(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64).view(np.uint32).reshape(*array.shape, 2)


def _doubles(words: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(words, jnp.float64)


def _orders(plan: Plan) -> np.ndarray:
    """One row per order; without symmetric rings the negative orders have rows of their own."""
    positive = np.arange(plan.bandlimit)
    return positive if plan.folded or plan.real else np.concatenate([positive, -positive])


def tables(plan: Plan) -> list[np.ndarray]:
    """Seeds of the recursion, its coefficients by degree and, for circles, the interpolation to Gauss nodes.

    Rows come in chunks: seeds (chunk, spin, row, node), coefficients (chunk, degree, 3, spin, row).
    """
    interpolation = weights = None
    if plan.integrates:
        nodes, weights, interpolation = analysis_rule(plan)
    else:
        nodes = plan.grid.colatitude
    orders, spins = _orders(plan)[None, :, None], -np.array(plan.spins)[:, None, None]
    seeds, scale = recursion.starting_values(orders, spins, nodes[None, None, :])
    if weights is not None:
        # The recursion is linear in its seeds, so they can carry the weights.
        seeds = seeds * weights
    steps = np.zeros((_padded(plan), 3, len(plan.spins), orders.size))
    for degree in range(1, plan.bandlimit):
        steps[degree] = np.stack(recursion.coefficients(degree - 1, orders[..., 0], spins[..., 0]))
    size = _rows_per_chunk(plan, nodes.size)
    result = [_words(_in_chunks(seeds, 1, size)), _words(np.cos(nodes)), _words(_in_chunks(steps, 3, size))]
    if np.any(scale != 1.0):
        result.append(_words(_in_chunks(scale, 1, size)))
    if interpolation is not None:
        result.append(np.stack([interpolation[1], interpolation[-1]]).astype(plan.dtype))
    return result


def _padded(plan: Plan) -> int:
    """Number of degrees, filled up to whole blocks."""
    size = plan.tuning.degrees_per_block
    return -(-plan.bandlimit // size) * size


def _rows_per_chunk(plan: Plan, nodes: int) -> int:
    return max(1, min(_orders(plan).size, plan.tuning.cached_harmonics // (len(plan.spins) * nodes)))


def _in_chunks(x: Any, axis: int, size: int) -> Any:
    """An axis of rows as chunks of `size`, which come first, the last one filled up with zeros."""
    module = np if isinstance(x, np.ndarray) else jnp
    padding = [(0, 0)] * x.ndim
    padding[axis] = (0, -x.shape[axis] % size)
    x = module.pad(x, padding)
    count = x.shape[axis] // size
    return module.moveaxis(x.reshape(*x.shape[:axis], count, size, *x.shape[axis + 1 :]), axis, 0)


def _from_chunks(x: jax.Array, axis: int, rows: int) -> jax.Array:
    """The inverse of `_in_chunks`."""
    x = jnp.moveaxis(x, 0, axis)
    x = x.reshape(*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])
    return lax.slice_in_dim(x, 0, rows, axis=axis)


def _unpack(plan: Plan, tables: tuple[jax.Array, ...]) -> tuple[list[jax.Array], jax.Array | None, jax.Array | None]:
    interpolation = tables[-1] if tables[-1].dtype != jnp.uint32 else None
    words = tables if interpolation is None else tables[:-1]
    seeds, cosine, steps, *scale = (_doubles(array) for array in words)
    return [seeds, cosine, steps], (scale[0] if scale else None), interpolation


def _by_chunk(plan: Plan, tables: tuple[jax.Array, ...], consume: Any, start: jax.Array, columns: jax.Array) -> Any:
    """Fold `consume(out, rows, columns, degree)` over the harmonics of each chunk, beginning with `start`.

    `rows` is (degree, spin, row, node), of a block of degrees that starts at `degree`; columns are those of the chunk.
    """
    (seeds, cosine, steps), scale, _ = _unpack(plan, tables)
    per_block = plan.tuning.degrees_per_block
    spins, orders = np.array(plan.spins)[:, None], _orders(plan)[None, :]
    first = recursion.start_degree(orders, spins)
    # Padding rows have no start.
    first = _in_chunks(first + 1, 1, seeds.shape[2]) - 1
    first_block = np.where(first < 0, plan.bandlimit, first).min((1, 2)) // per_block
    degree = np.arange(steps.shape[1])
    norm = np.sqrt((2 * degree + 1) / (4 * np.pi))[:, None] * (-1.0) ** (np.array(plan.spins) % 2)

    def chunk(item: Any) -> jax.Array:
        seeds, steps, scale, first, first_block, columns = item

        def step(state: Any, item: Any) -> Any:
            previous, current = state
            index, (gain, shift, decay), factor = item
            following = gain[..., None] * (cosine - shift[..., None]) * current - decay[..., None] * previous
            following = jnp.where(first == index, seeds, following)
            row = following if scale is None else following * scale
            return (current, following), (row * factor[:, None, None]).astype(plan.dtype)

        def block(index: Any, state: Any) -> Any:
            harmonics, out = state
            at = index * per_block
            items = (jnp.asarray(degree, jnp.int32), steps, jnp.asarray(norm))
            items = jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, at, per_block), items)
            # Two steps at a time need no copies of the two degrees that are carried.
            harmonics, rows = lax.scan(step, harmonics, items, unroll=2)
            return harmonics, consume(out, rows, columns, at)

        zero = jnp.zeros_like(seeds)
        # Below its first degree a chunk is zero.
        return lax.fori_loop(first_block, steps.shape[0] // per_block, block, ((zero, zero), start))[1]

    first_degrees = jnp.asarray(first, jnp.int32)[..., None]
    return lax.map(chunk, (seeds, steps, scale, first_degrees, jnp.asarray(first_block, jnp.int32), columns))


def _interpolate(plan: Plan, matrices: jax.Array, x: jax.Array) -> jax.Array:
    """Apply the interpolation of parity (−1)^(m+s) to axis 2 of (m, s, lat, …)."""
    count = x.shape[0]
    x = jnp.pad(x, ((0, count % 2), *((0, 0),) * (x.ndim - 1)))

    def apply(parity: int, rows: jax.Array) -> jax.Array:
        out = lax.dot_general(matrices[parity], rows, (((1,), (1,)), ((), ())), precision=plan.precision)
        return jnp.moveaxis(out, 0, 1)

    by_spin = []
    for index, spin in enumerate(plan.spins):
        even, odd = apply(spin % 2, x[0::2, index]), apply((spin + 1) % 2, x[1::2, index])
        by_spin.append(jnp.stack([even, odd], 1).reshape(2 * even.shape[0], *even.shape[1:]))
    return jnp.stack(by_spin, 1)[:count]


def _to_rows(plan: Plan, x: jax.Array) -> jax.Array:
    """(m, s, ·, part, …) to (s, row, ·, part, …): negative orders become separate rows without symmetric rings."""
    if not (plan.folded or plan.real):
        x = jnp.concatenate([x[:, :, :, :2], x[:, :, :, 2:]])
    return x.swapaxes(0, 1)


def _from_rows(plan: Plan, x: jax.Array) -> jax.Array:
    """(row, s, ·, part, …) to (m, s, ·, part, …)."""
    if plan.folded or plan.real:
        return x
    return jnp.concatenate([x[: plan.bandlimit], x[plan.bandlimit :]], 3)


def _in_double(function):
    @functools.wraps(function)
    def wrapped(*args):
        with jax.enable_x64(True):
            return function(*args)

    return wrapped


@_in_double
def to_degrees(plan: Plan, tables: tuple[jax.Array, ...], profiles: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts (m, s, lat, batch, channel) to parts (m, s, degree, batch, channel)."""
    rings = jnp.stack(profiles[0], 3)
    _, _, interpolation = _unpack(plan, tables)
    if interpolation is not None:
        rings = _interpolate(plan, interpolation, rings)
    columns = _in_chunks(_to_rows(plan, rings), 1, tables[0].shape[2])

    def consume(out: jax.Array, rows: jax.Array, columns: jax.Array, degree: jax.Array) -> jax.Array:
        # (degree, s, row, node) × (s, row, node, part, …), batched over s and row.
        product = lax.dot_general(rows, columns, (((3,), (2,)), ((1, 2), (0, 1))), precision=plan.precision)
        return lax.dynamic_update_slice_in_dim(out, product, degree, 2)

    start = _zeros(columns, _padded(plan))
    out = _from_chunks(_by_chunk(plan, tables, consume, start, columns), 1, _orders(plan).size)
    return _unstack(_from_rows(plan, out[:, :, : plan.bandlimit].swapaxes(0, 1)))


@_in_double
def to_rings(plan: Plan, tables: tuple[jax.Array, ...], parts: list[jax.Array]) -> list[list[jax.Array]]:
    """Parts (m, s, degree, batch, channel) to parts (m, s, lat, batch, channel)."""
    degrees = jnp.stack(lax.optimization_barrier(parts), 3)
    _, _, interpolation = _unpack(plan, tables)
    columns = _to_rows(plan, degrees)
    missing = _padded(plan) - plan.bandlimit
    columns = _in_chunks(jnp.pad(columns, ((0, 0), (0, 0), (0, missing), *((0, 0),) * 3)), 1, tables[0].shape[2])

    def consume(out: jax.Array, rows: jax.Array, columns: jax.Array, degree: jax.Array) -> jax.Array:
        # (degree, s, row, node) × (s, row, degree, part, …), batched over s and row.
        block = lax.dynamic_slice_in_dim(columns, degree, plan.tuning.degrees_per_block, 2)
        return out + lax.dot_general(rows, block, (((0,), (2,)), ((1, 2), (0, 1))), precision=plan.precision)

    start = _zeros(columns, tables[1].shape[0])
    total = _from_chunks(_by_chunk(plan, tables, consume, start, columns), 1, _orders(plan).size)
    out = _from_rows(plan, total.swapaxes(0, 1))
    return [_unstack(out if interpolation is None else _interpolate(plan, interpolation.swapaxes(1, 2), out))]


def _zeros(columns: jax.Array, size: int) -> jax.Array:
    """Zeros for one chunk, (s, row, size, part, …), that vary over the same axes of a `shard_map` as the columns."""
    one = columns[0, :, :, :1]
    return jnp.where(False, one, jnp.zeros((*one.shape[:2], size, *one.shape[3:]), one.dtype))


def _unstack(x: jax.Array) -> list[jax.Array]:
    return [x[:, :, :, index] for index in range(x.shape[3])]
