"""Matrix products over channels: complex ones as real ones, with factors in float32 or bfloat16."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .. import _tuning
from . import pairs


def complex_product(
    real: jax.Array, imaginary: jax.Array, a: jax.Array, b: jax.Array, dtype: str
) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part of the batched product of real + i imaginary (g, n, i) and a + ib (g, i, o).

    One real product of twice the widths, or for wide layers Gauss's three products of half the size, which is a
    quarter less work and needs no matrix of four blocks. `dtype` is the type of the factors, see `real_product`.
    """
    if not in_three(a.shape[-2], a.shape[-1], dtype):
        out = real_product(jnp.concatenate([real, imaginary], -1), pairs.real_matrix(a, b), dtype)
        first, second = jax.lax.split(out, [out.shape[-1] // 2] * 2, out.ndim - 1)
        return first, second
    common = real_product(real + imaginary, a, dtype)
    first = common - real_product(imaginary, a + b, dtype)
    return first, common + real_product(real, b - a, dtype)


def in_three(features_in: int, features_out: int, dtype: str) -> bool:
    """Whether complex products of that size are done as three real ones."""
    return min(features_in, features_out) >= _tuning.TUNING.three_products and dtype == "float32"


def real_product(left: jax.Array, right: jax.Array, dtype: str) -> jax.Array:
    """Batched real product (g, n, i) × (g, i, o) with factors of `dtype`: "float32" (as they are) or "bfloat16"."""
    kept, exact = left.dtype, dtype == "float32"
    if not exact:
        left, right = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
    return jax.lax.dot_general(
        left,
        right,
        (((2,), (1,)), ((0,), (0,))),
        precision="highest" if exact else None,
        preferred_element_type=kept,
    )


def times(x: jax.Array, matrix: jax.Array) -> jax.Array:
    """The product over the last axis, as one of rows: with an axis before them XLA needs no copy of x in gradients."""
    rows = x.reshape(1, math.prod(x.shape[:-1]), x.shape[-1])
    return jnp.matmul(rows, matrix[None], precision="highest").reshape(*x.shape[:-1], matrix.shape[-1])
