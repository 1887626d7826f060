"""Complex parameters as pairs of real arrays.

Every parameter of this package is real: a complex one has a leading axis (real part, imaginary part). Gradients,
weight decay, averages and any optimiser then mean what they mean for real networks, without conjugation.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray


def normal(key: PRNGKeyArray, shape: tuple[int, ...], std: float) -> Float[Array, "2 *shape"]:
    """A circular complex normal parameter with E|w|² = std²."""
    return real_normal(key, (2, *shape), std / 2**0.5)


def real_normal(key: PRNGKeyArray, shape: tuple[int, ...], std: float) -> Float[Array, "*shape"]:
    """A real normal parameter."""
    size = math.prod(shape)
    # Each size is a compilation of its own, which costs more than drawing the numbers: powers of two are few.
    drawn = jax.random.normal(key, (max(4096, 1 << (size - 1).bit_length()),))
    return drawn[:size].reshape(shape) * std


def join(pair: Float[Array, "2 *shape"]) -> Complex[Array, "*shape"]:
    """The complex array that a pair stands for."""
    return jax.lax.complex(pair[0], pair[1])


def as_complex(x: Inexact[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """x, complex if it was real."""
    return x if jnp.iscomplexobj(x) else jax.lax.complex(x, jnp.zeros_like(x))


def modulus(x: Complex[Array, "*shape"]) -> Float[Array, "*shape"]:
    """|x|, with gradient 0 where x = 0."""
    return hypotenuse(x.real, x.imag)


def hypotenuse(real: Float[Array, "*shape"], imaginary: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """√(a² + b²), with gradient 0 where both are 0."""
    return _root(real**2 + imaginary**2)


def length(x: Float[Array, "*axes"], axis: int) -> Float[Array, "*fewer"]:
    """Euclidean length along an axis, with gradient 0 where it is 0."""
    return _root(jnp.sum(x**2, axis))


def _root(squared: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


def real_matrix(
    real: Float[Array, "*batch rows columns"], imaginary: Float[Array, "*batch rows columns"]
) -> Float[Array, "*batch _ _"]:
    """The real matrix [[A, B], [−B, A]] that does to (re, im) what x ↦ x · (A + iB) does to x."""
    top = jnp.concatenate([real, imaginary], -1)
    return jnp.concatenate([top, jnp.concatenate([-imaginary, real], -1)], -2)
