"""The product over colatitude without tables: harmonics are made by recursion inside the program, O(L²) memory.

The recursion runs in float64 whatever the working precision, because float32 would lose log2(L) of its 24 bits; the
sums over colatitude or degree run in the working precision. Double precision is switched on locally, so this works
with JAX's default of x64 off. Host arrays travel as pairs of 32-bit words for the same reason.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import _recursion
from ._legendre import analysis_rule
from ._plan import Plan

# Degrees generated before each matrix product: enough to make the product compute-bound, few enough to stay in cache.
_DEGREES_PER_BLOCK = 16


def _words(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64).view(np.uint32).reshape(*array.shape, 2)


def _doubles(words: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(words, jnp.float64)


def _orders(plan: Plan) -> np.ndarray:
    """One row per order; without symmetric rings the negative orders have rows of their own."""
    positive = np.arange(plan.bandlimit)
    return positive if plan.folded or plan.real else np.concatenate([positive, -positive])


def tables(plan: Plan, towards_degrees: bool) -> list[np.ndarray]:
    """Seeds of the recursion, its coefficients by degree and, for circles, the interpolation to Gauss nodes."""
    interpolation = weights = None
    if towards_degrees != plan.adjoint:
        nodes, weights, interpolation = analysis_rule(plan)
    else:
        nodes = plan.grid.colatitude
    orders, spins = _orders(plan)[None, :, None], -np.array(plan.spins)[:, None, None]
    seeds, scale = _recursion.starting_values(orders, spins, nodes[None, None, :])
    if weights is not None:
        # The recursion is linear in its seeds, so they can carry the weights.
        seeds = seeds * weights
    steps = np.zeros((_padded(plan.bandlimit), 3, len(plan.spins), orders.size))
    for degree in range(1, plan.bandlimit):
        steps[degree] = np.stack(_recursion.coefficients(degree - 1, orders[..., 0], spins[..., 0]))
    result = [_words(seeds), _words(np.cos(nodes)), _words(steps)]
    if np.any(scale != 1.0):
        result.append(_words(scale))
    if interpolation is not None:
        result.append(np.stack([interpolation[1], interpolation[-1]]).astype(plan.dtype))
    return result


def _padded(bandlimit: int) -> int:
    return -(-bandlimit // _DEGREES_PER_BLOCK) * _DEGREES_PER_BLOCK


def _unpack(plan: Plan, tables: tuple[jax.Array, ...]) -> tuple[list[jax.Array], jax.Array | None, jax.Array | None]:
    interpolation = tables[-1] if tables[-1].dtype != jnp.uint32 else None
    words = tables if interpolation is None else tables[:-1]
    seeds, cosine, steps, *scale = (_doubles(array) for array in words)
    return [seeds, cosine, steps], (scale[0] if scale else None), interpolation


def _scan_blocks(plan: Plan, tables: tuple[jax.Array, ...], consume, carry, per_block):
    """Run `consume(carry, rows, item)` over blocks of degrees; `rows` is (degree, spin, order, node)."""
    (seeds, cosine, steps), scale, _ = _unpack(plan, tables)
    spins, orders = np.array(plan.spins)[:, None], _orders(plan)[None, :]
    start = jnp.asarray(_recursion.start_degree(orders, spins), jnp.int32)[..., None]
    degree = np.arange(steps.shape[0])
    norm = np.sqrt((2 * degree + 1) / (4 * np.pi))[:, None] * (-1.0) ** (np.array(plan.spins) % 2)

    def step(state, item):
        previous, current = state
        index, (gain, shift, decay), factor = item
        following = gain[..., None] * (cosine - shift[..., None]) * current - decay[..., None] * previous
        following = jnp.where(start == index, seeds, following)
        row = following if scale is None else following * scale
        return (current, following), (row * factor[:, None, None]).astype(plan.dtype)

    def block(state, item):
        harmonics, carry = state
        degrees, extra = item
        harmonics, rows = lax.scan(step, harmonics, degrees)
        carry, out = consume(carry, rows, extra)
        return (harmonics, carry), out

    def blocked(x):
        return x.reshape(-1, _DEGREES_PER_BLOCK, *x.shape[1:])

    degrees = jax.tree.map(blocked, (jnp.asarray(degree, jnp.int32), steps, jnp.asarray(norm)))
    zero = jnp.zeros_like(seeds)
    (_, carry), out = lax.scan(block, ((zero, zero), carry), (degrees, per_block))
    return carry, out


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
    """(m, s, ·, part, …) to (s, row, ·, part, …): negative orders become rows of their own where they must."""
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
def to_degrees(plan: Plan, tables: tuple[jax.Array, ...], parts: list[jax.Array]) -> list[jax.Array]:
    """Parts (m, s, lat, batch, channel) to parts (m, s, degree, batch, channel)."""
    profiles = jnp.stack(parts, 3)
    _, _, interpolation = _unpack(plan, tables)
    if interpolation is not None:
        profiles = _interpolate(plan, interpolation, profiles)
    columns = _to_rows(plan, profiles)

    def consume(carry, rows, _):
        # (degree, s, row, node) × (s, row, node, part, …), batched over s and row.
        return carry, lax.dot_general(rows, columns, (((3,), (2,)), ((1, 2), (0, 1))), precision=plan.precision)

    _, out = _scan_blocks(plan, tables, consume, (), None)
    # (block, s, row, degree, part, …) to (row, s, block · degree, part, …)
    out = out.transpose(2, 1, 0, 3, 4, 5, 6)
    out = out.reshape(*out.shape[:2], _padded(plan.bandlimit), *out.shape[4:])[:, :, : plan.bandlimit]
    return _unstack(_from_rows(plan, out))


@_in_double
def to_rings(plan: Plan, tables: tuple[jax.Array, ...], parts: list[jax.Array]) -> list[jax.Array]:
    """Parts (m, s, degree, batch, channel) to parts (m, s, lat, batch, channel)."""
    degrees = jnp.stack(parts, 3)
    _, _, interpolation = _unpack(plan, tables)
    columns = _to_rows(plan, degrees)
    missing = _padded(plan.bandlimit) - plan.bandlimit
    columns = jnp.pad(columns, ((0, 0), (0, 0), (0, missing), *((0, 0),) * 3))
    count = columns.shape[2] // _DEGREES_PER_BLOCK
    blocks = columns.reshape(*columns.shape[:2], count, _DEGREES_PER_BLOCK, *columns.shape[3:])
    blocks = blocks.transpose(2, 0, 1, 3, 4, 5, 6)

    def consume(total, rows, block):
        # (degree, s, row, node) × (s, row, degree, part, …), batched over s and row.
        return total + lax.dot_general(rows, block, (((0,), (2,)), ((1, 2), (0, 1))), precision=plan.precision), None

    nodes = tables[1].shape[0]
    # Zeros that vary over the same axes of a `shard_map` as what is added to them.
    start = jnp.zeros((*columns.shape[:2], nodes, *columns.shape[3:]), plan.dtype)
    total = jnp.where(False, columns[:, :, :1], start)
    total, _ = _scan_blocks(plan, tables, consume, total, blocks)
    out = _from_rows(plan, total.swapaxes(0, 1))
    return _unstack(out if interpolation is None else _interpolate(plan, interpolation.swapaxes(1, 2), out))


def _unstack(x: jax.Array) -> list[jax.Array]:
    return [x[:, :, :, index] for index in range(x.shape[3])]
