"""Vectors of atoms for properties with a direction."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._perceptron import each, make_mlp


class GatedVectors(eqx.Module):
    """Vectors g(s_i) Σ_c W_c v_ic of each atom i, one per feature: sums of its vectors v times functions of scalars s.

    They rotate with the vectors that come in.

    References:
        Schütt, Unke, Gastegger, PaiNN (2021), section 3.3, gated equivariant blocks.
    """

    mixing: Float[Array, "channel feature"]
    gate: eqx.nn.MLP

    def __init__(self, scalars: int, channels: int, features: int, *, key: PRNGKeyArray) -> None:
        """Make the map from `channels` vectors and `scalars` features of an atom to `features` vectors."""
        first, second = jax.random.split(key)
        self.mixing = jax.random.normal(first, (channels, features)) / math.sqrt(channels)
        self.gate = make_mlp(scalars, features, features, 1, key=second)

    def __call__(
        self, scalars: Float[Array, "*atoms scalar"], vectors: Float[Array, "*atoms channel 3"]
    ) -> Float[Array, "*atoms feature 3"]:
        """Vectors, shape (*atoms, features, 3), from those of shape (*atoms, channels, 3)."""
        mixed = jnp.einsum("...cx,cf->...fx", vectors, self.mixing, precision="highest")
        return each(self.gate, scalars)[..., None] * mixed
