"""Valid entries of dense coefficients, |m| ≤ l and l ≥ |s|; all others are ignored."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import arguments

Spins = int | tuple[int, ...]


@functools.partial(jax.jit, static_argnames=("axis", "spins"), inline=True)
def meaningful(coeffs: jax.Array, axis: int, spins: Spins = 0) -> jax.Array:
    """`coeffs` with zeros, also in the gradient, where |m| > l or l < |s|.

    The mask is made of counters inside the program, so that XLA joins it with what reads the result.

    Args:
        coeffs: Coefficients, whose degree axis is `axis` and whose order axis follows it.
        axis: Negative.
        spins: s, or one for each entry of the spin axis, which follows the order axis.
    """
    L = coeffs.shape[axis]
    shape = (L, 2 * L - 1, *(1,) * (-axis - 2))
    degree = lax.broadcasted_iota(np.int32, shape, 0)
    first = abs(lax.broadcasted_iota(np.int32, shape, 1) - np.int32(L - 1))
    if any(np.ravel(spins)):
        # From L on nothing is left; larger ones would not fit the counters.
        least = min(abs(spins), L) if isinstance(spins, int) else [min(abs(spin), L) for spin in spins]
        by_spin = np.array(least, np.int32)
        first = jnp.maximum(first, by_spin.reshape(-1, *(1,) * (-axis - 3)) if by_spin.ndim else by_spin)
    return jnp.where(first <= degree, coeffs, np.zeros((), coeffs.dtype))


def spins_of(spin: int | Sequence[int], coeffs: jax.Array, axis: int) -> Spins:
    """A checked argument `spin` of a function of coefficients: one integer, or one for each entry of the spin axis."""
    L = coeffs.shape[axis]
    if not isinstance(spin, Sequence | np.ndarray) or not np.ndim(spin):
        spins = (arguments.integer("spin", spin),)
        result: Spins = spins[0]
    else:
        result = spins = tuple(arguments.integer("spin", one) for one in spin)
        count = coeffs.shape[axis + 2] if axis < -2 else None
        if count != len(spins):
            has = f"a spin axis of size {count}" if count is not None else "no spin axis"
            raise ValueError(
                f"`spin` must be an integer, or one for each entry of the spin axis, got {list(spins)} for "
                f"coefficients of shape {coeffs.shape} with {has}"
            )
    for one in spins:
        if abs(one) >= L:
            raise ValueError(f"`spin` must be below the bandlimit {L} in magnitude, got {one}")
    return result
