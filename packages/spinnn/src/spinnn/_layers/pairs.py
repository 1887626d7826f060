"""Complex parameters as pairs of real arrays.

Every parameter of this package is real: a complex one has a leading axis (real part, imaginary part). Gradients,
weight decay, averages and any optimiser then mean what they mean for real networks, without conjugation.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray


def normal(key: PRNGKeyArray, shape: tuple[int, ...], std: float) -> Float[Array, "2 *shape"]:
    """A circular complex normal parameter with E|w|² = std²."""
    return real_normal(key, (2, *shape), std / 2**0.5)


def real_normal(key: PRNGKeyArray, shape: tuple[int, ...], std: float) -> Float[Array, "*shape"]:
    """A real normal parameter."""
    size = int(math.prod(shape))  # of NumPy integers
    # Each size is a compilation of its own, which costs more than drawing the numbers: powers of two are few.
    drawn = jax.random.normal(key, (max(4096, 1 << (size - 1).bit_length()),))
    return drawn[:size].reshape(shape) * std


def join(pair: Float[Array, "2 *shape"]) -> Complex[Array, "*shape"]:
    """The complex array of a pair."""
    return jax.lax.complex(pair[0], pair[1])


def as_complex(x: Inexact[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """X as a complex array."""
    return x if jnp.iscomplexobj(x) else jax.lax.complex(x, jnp.zeros_like(x))


def modulus(x: Complex[Array, "*shape"]) -> Float[Array, "*shape"]:
    """|x|, with gradient 0 where x = 0."""
    squared = x.real**2 + x.imag**2
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def length(x: Float[Array, "*axes"], axis: int) -> Float[Array, "*fewer"]:
    """√(a² + b²) of the pairs along an axis of size 2, with gradient 0 where both are 0."""
    real, imaginary = (jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in (0, 1))
    return jnp.sqrt(real**2 + imaginary**2)


@length.defjvp
def _(axis: int, primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    # Half the passes over memory of the derivative that follows from slices, root and choice.
    (x,), (tangent,) = primals, tangents
    out = length(x, axis)
    inverse = jnp.where(out > 0, 1 / jnp.where(out > 0, out, 1), 0)
    return out, jnp.sum(x * jnp.expand_dims(inverse, axis) * tangent, axis)


def real_matrix(
    real: Float[Array, "*batch rows columns"], imaginary: Float[Array, "*batch rows columns"]
) -> Float[Array, "*batch _ _"]:
    """The real matrix [[A, B], [−B, A]] that multiplies (re, im) as A + iB multiplies x."""
    top = jnp.concatenate([real, imaginary], -1)
    return jnp.concatenate([top, jnp.concatenate([-imaginary, real], -1)], -2)
