"""The shortcut of a residual block, in any layout of coefficients."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp


def by_spin(
    coeffs: jax.Array,
    weights: jax.Array | None,
    spins_in: tuple[int, ...],
    spins_out: tuple[int, ...],
    *,
    axis: int,
    mix: Callable[[jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """Apply the shortcut of a residual block to coefficients with spins along `axis` and channels last.

    Args:
        coeffs: Coefficients.
        weights: A matrix between channels for each shared spin, shape (2, shared, channels_in, channels_out); None for
            the identity.
        spins_in: Spins of `coeffs`.
        spins_out: Spins of the result, which is zero for those that `spins_in` lacks.
        axis: The spin axis.
        mix: The product of coefficients of one spin and a complex matrix, given as a pair of real ones.
    """
    if weights is None:
        return coeffs
    parts = {spin: jax.lax.index_in_dim(coeffs, i, axis, keepdims=False) for i, spin in enumerate(spins_in)}
    shared = [spin for spin in spins_out if spin in parts]
    mixed = {spin: mix(parts[spin], weights[:, i]) for i, spin in enumerate(shared)}
    zero = jnp.zeros((*parts[spins_in[0]].shape[:-1], weights.shape[-1]), coeffs.dtype)
    return jnp.stack([mixed.get(spin, zero) for spin in spins_out], axis)
