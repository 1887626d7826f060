"""Perceptrons, applied along the last axis of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray


def each(layer: Callable[[Array], Array], x: Array) -> Array:
    """Apply a layer of vectors along the last axis."""
    out = jax.vmap(layer)(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]))
    return out.reshape(*x.shape[:-1], out.shape[-1])


def make_mlp(
    inputs: int,
    outputs: int,
    width: int,
    depth: int,
    final: Callable[[Array], Array] | None = None,
    *,
    key: PRNGKeyArray,
) -> eqx.nn.MLP:
    """A perceptron of `depth` hidden layers with SiLU and the final activation `final`, all of which can be pickled."""
    return eqx.nn.MLP(inputs, outputs, width, depth, silu, final or _identity, key=key)


def silu(x: Array) -> Array:
    """SiLU, x / (1 + exp(−x)); `jax.nn.silu` itself is a compiled object, which cannot be pickled with a network."""
    return jax.nn.silu(x)


def _identity(x: Array) -> Array:
    return x
