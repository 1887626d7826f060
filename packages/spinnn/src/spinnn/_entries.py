"""Change of the bandlimit of a layer's input, with zeros at entries with |m| > l or l < |s|."""

from __future__ import annotations

import jax

from spinharm import change_bandlimit


def resized(x: jax.Array, bandlimit: int, spins: tuple[int, ...]) -> jax.Array:
    """Coefficients (*batch, degree, order, spin, channel) of `bandlimit` degrees, zero where |m| > l or l < |s|."""
    enough = 1 + max(map(abs, spins))
    if x.shape[-4] < enough:  # a spin that begins above the last degree
        x = change_bandlimit(x, enough, axis=-4)
    return change_bandlimit(x, bandlimit, axis=-4, spin=spins)
