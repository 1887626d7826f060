"""Sums of products of three factors, a table, x and y, as JAX primitives that are each other's transposes.

    contract:  z_k = Σ_ij t_kij x_i y_j for each column,
    correlate: t_kij = Σ over columns of z_k x_i y_j.

All entries are sorted by class (`classes`), so that of the result's class e, x's class a and y's class a XOR e alone
combine. The derivative of either in any factor is one of the two with their roles exchanged: products of entries, then
one large matrix product. JAX's own derivative would sum products over a middle axis, which takes 20 times as long.
Columns are taken in blocks, so that the products of entries stay in cache.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .blocks import block_size
from .classes import COUNT

# Of 32 bits, as with all indices here: JAX takes those of 64 differently with its 64-bit types on and off.
_CLASSES = np.arange(COUNT, dtype=np.int32)
HIGHEST = jax.lax.Precision.HIGHEST


def contract(table: jax.Array, x: jax.Array, y: jax.Array, block_bytes: int) -> jax.Array:
    """Sum the products of all entries of x and y with a table.

    Args:
        table: Shape (channels, 4, places of z, 4, places of x, places of y).
        x: Sorted entries, shape (channels, 4, places of x, columns).
        y: Sorted entries, shape (channels, 4, places of y, columns).
        block_bytes: What the products of entries may take in memory at a time; on GPUs there is no limit.

    Returns:
        Shape (channels, 4, places of z, columns).
    """
    return _contract_p.bind(table, x, y, block_bytes=block_bytes)


def _products(x: jax.Array, y: jax.Array, e: int) -> jax.Array:
    """Products of entries that are of class e, shape (channels, 4 · places of x · places of y, columns)."""
    channels, _, places, columns = x.shape
    pairs = x[:, :, :, None] * y[:, _CLASSES ^ e][:, :, None]
    return pairs.reshape(channels, COUNT * places * y.shape[2], columns)


def _contract_block(table: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    matrices = table.reshape(*table.shape[:3], COUNT * x.shape[2] * y.shape[2])
    parts = [_matmul(matrices[:, e], _products(x, y, e)) for e in range(COUNT)]
    return jnp.stack(parts, 1)


def _correlate_block(z: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    parts = [_matmul(z[:, e], jnp.swapaxes(_products(x, y, e), 1, 2)) for e in range(COUNT)]
    return jnp.stack(parts, 1).reshape(*z.shape[:3], COUNT, x.shape[2], y.shape[2])


def _matmul(left: jax.Array, right: jax.Array) -> jax.Array:
    # Of one channel as matrices, which CPUs multiply faster.
    if len(left) == 1:
        return jnp.matmul(left[0], right[0], precision=HIGHEST)[None]
    return jnp.matmul(left, right, precision=HIGHEST)


def _block(x: jax.Array, y: jax.Array, block_bytes: int) -> int:
    return block_size(x.shape[-1], x.shape[0] * COUNT * x.shape[2] * y.shape[2] * x.dtype.itemsize, block_bytes)


def _blocks(block: int, *arrays: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
    """Whole blocks of the last axis on a new first axis, and the columns that are left."""
    whole = arrays[0].shape[-1] // block * block
    first = [a[..., :whole].reshape(*a.shape[:-1], whole // block, block) for a in arrays]
    return [jnp.moveaxis(a, -2, 0) for a in first], [a[..., whole:] for a in arrays]


def _contract(table: jax.Array, x: jax.Array, y: jax.Array, *, block_bytes: int) -> jax.Array:
    block = _block(x, y, block_bytes)
    if block == x.shape[-1]:
        return _contract_block(table, x, y)
    blocks, rest = _blocks(block, x, y)
    z = jnp.moveaxis(jax.lax.map(lambda pair: _contract_block(table, *pair), blocks), 0, -2)
    z = z.reshape(*z.shape[:-2], z.shape[-2] * block)
    return jnp.concatenate([z, _contract_block(table, *rest)], -1) if rest[0].shape[-1] else z


def _correlate(z: jax.Array, x: jax.Array, y: jax.Array, *, block_bytes: int) -> jax.Array:
    block = _block(x, y, block_bytes)
    if block == x.shape[-1]:
        return _correlate_block(z, x, y)
    blocks, rest = _blocks(block, z, x, y)

    def add(total: jax.Array, one: list[jax.Array]) -> tuple[jax.Array, None]:
        return total + _correlate_block(*one), None

    start = jnp.zeros((*z.shape[:3], COUNT, x.shape[2], y.shape[2]), x.dtype)
    total, _ = jax.lax.scan(add, start, blocks)
    return total + _correlate_block(*rest) if rest[0].shape[-1] else total


def _for_x(table: jax.Array) -> jax.Array:
    """The table whose first factor is z and whose result is x."""
    return table.transpose(0, 3, 4, 1, 2, 5)


def _for_y(table: jax.Array) -> jax.Array:
    """The table whose second factor is z and whose result is y."""
    turned = table[:, _CLASSES[:, None] ^ _CLASSES, :, _CLASSES]  # (class of y, class of x, channels, z, x, y)
    return turned.transpose(2, 0, 5, 1, 4, 3)


def _define(name: str, function: Callable[..., jax.Array], shape: Callable[..., tuple[int, ...]]) -> Primitive:
    primitive = Primitive(name)
    primitive.def_impl(jax.jit(function, static_argnames="block_bytes"))
    primitive.def_abstract_eval(
        lambda *avals, block_bytes: jax.core.ShapedArray(shape(*(a.shape for a in avals)), avals[1].dtype)
    )
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=False))

    def jvp(primals: Any, tangents: Any, *, block_bytes: int) -> Any:
        bind = functools.partial(primitive.bind, block_bytes=block_bytes)
        # At least one tangent is not zero, or there is nothing to differentiate.
        terms = [
            bind(*primals[:at], tangent, *primals[at + 1 :])
            for at, tangent in enumerate(tangents)
            if type(tangent) is not ad.Zero
        ]
        return bind(*primals), functools.reduce(jnp.add, terms)

    ad.primitive_jvps[primitive] = jvp
    return primitive


_contract_p = _define("spinharm_contract", _contract, lambda t, x, y: (*t[:3], x[-1]))
_correlate_p = _define("spinharm_correlate", _correlate, lambda z, x, y: (*z[:3], COUNT, x[2], y[2]))


def _transpose_contract(z: Any, table: Any, x: Any, y: Any, *, block_bytes: int) -> tuple[Any, Any, Any]:
    if ad.is_undefined_primal(table):
        return _correlate_p.bind(z, x, y, block_bytes=block_bytes), None, None
    if ad.is_undefined_primal(x):
        return None, _contract_p.bind(_for_x(table), z, y, block_bytes=block_bytes), None
    return None, None, _contract_p.bind(_for_y(table), x, z, block_bytes=block_bytes)


def _transpose_correlate(table: Any, z: Any, x: Any, y: Any, *, block_bytes: int) -> tuple[Any, Any, Any]:
    if ad.is_undefined_primal(z):
        return _contract_p.bind(table, x, y, block_bytes=block_bytes), None, None
    if ad.is_undefined_primal(x):
        return None, _contract_p.bind(_for_x(table), z, y, block_bytes=block_bytes), None
    return None, None, _contract_p.bind(_for_y(table), x, z, block_bytes=block_bytes)


ad.primitive_transposes[_contract_p] = _transpose_contract
ad.primitive_transposes[_correlate_p] = _transpose_correlate


def _batch_contract(args: Any, dims: Any, *, block_bytes: int) -> tuple[jax.Array, int]:
    table, x, y = args
    if dims[0] is None:
        # One more axis of columns.
        x, y = _with_last(args, dims, 1), _with_last(args, dims, 2)
        size = x.shape[-1]
        flat = [a.reshape(*a.shape[:-2], a.shape[-2] * size) for a in (x, y)]
        z = _contract_p.bind(table, *flat, block_bytes=block_bytes)
        return z.reshape(*z.shape[:-1], x.shape[-2], size), z.ndim
    return _as_channels(_contract_p, args, dims, block_bytes)


def _batch_correlate(args: Any, dims: Any, *, block_bytes: int) -> tuple[jax.Array, int]:
    return _as_channels(_correlate_p, args, dims, block_bytes)


def _as_channels(primitive: Primitive, args: Any, dims: Any, block_bytes: int) -> tuple[jax.Array, int]:
    """The mapped axis as more channels."""
    size = _size(args, dims)
    moved = [
        jnp.broadcast_to(a, (size, *a.shape)) if dim is None else jnp.moveaxis(a, dim, 0)
        for a, dim in zip(args, dims, strict=True)
    ]
    out = primitive.bind(*(a.reshape(size * a.shape[1], *a.shape[2:]) for a in moved), block_bytes=block_bytes)
    return out.reshape(size, len(out) // size if size else moved[0].shape[1], *out.shape[1:]), 0


def _with_last(args: Any, dims: Any, at: int) -> jax.Array:
    """An argument with its mapped axis last."""
    if dims[at] is None:
        return jnp.broadcast_to(args[at][..., None], (*args[at].shape, _size(args, dims)))
    return jnp.moveaxis(args[at], dims[at], -1)


def _size(args: Any, dims: Any) -> int:
    return next(a.shape[dim] for a, dim in zip(args, dims, strict=True) if dim is not None)


batching.primitive_batchers[_contract_p] = _batch_contract
batching.primitive_batchers[_correlate_p] = _batch_correlate
