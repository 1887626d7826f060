"""Spherical harmonics of unit vectors as polynomials in x, y, z: smooth everywhere, the poles included."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np


def real_parts(bandlimit: int, direction: jax.Array) -> jax.Array:
    """Re Y_lm (m ≥ 0) and −Im Y_lm (m > 0), l < L, of unit vectors (…, 3): shape (L², …).

    Rows go degree by degree, first the real parts of m = 0 … l, then the negative imaginary parts of m = 1 … l.

    Y_lm = Q_lm(z) (x + iy)^m, where Q_lm is the m-th derivative of P_l up to a factor, by recursion over l for all m at
    once, so that the program has O(L) operations.
    """
    x, y, z = direction[..., 0], direction[..., 1], direction[..., 2]
    cosines, sines = [jnp.ones_like(x)], [jnp.zeros_like(x)]
    for _ in range(bandlimit - 1):
        cosine, sine = cosines[-1], sines[-1]
        cosines.append(x * cosine - y * sine)
        sines.append(x * sine + y * cosine)
    cosine, sine = jax.lax.optimization_barrier((jnp.stack(cosines), -jnp.stack(sines)))
    parts = []
    before = current = jnp.zeros((0, *z.shape), z.dtype)
    for degree in range(bandlimit):
        up, back, diagonal = (factor.astype(z.dtype).reshape(-1, *(1,) * z.ndim) for factor in _step(degree))
        ahead = up * z * current
        if degree > 1:
            ahead = ahead - back * jnp.concatenate([before, jnp.zeros_like(z)[None]])
        last = jnp.broadcast_to(jnp.asarray(diagonal), (1, *z.shape))
        # Without a barrier, the compiler would fuse the recursion into every row and repeat it.
        before, current = current, jax.lax.optimization_barrier(jnp.concatenate([ahead, last]))
        parts += [current * cosine[: degree + 1], current[1:] * sine[1 : degree + 1]]
    return jnp.concatenate(parts)


@functools.lru_cache(maxsize=256)
def _step(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of Q_lm = up · z Q_{l−1,m} − back · Q_{l−2,m}, m = 0 … l−1, and the constant Q_ll."""
    order, below = np.arange(degree), degree - 1
    up = np.sqrt((4 * degree**2 - 1) / (degree**2 - order**2)) if degree else np.zeros(0)
    back = up * np.sqrt(np.maximum(below**2 - order**2, 0) / max(4 * below**2 - 1, 1)) if degree else np.zeros(0)
    k = np.arange(1, degree + 1)
    diagonal = (-1) ** degree * math.sqrt(1 / (4 * math.pi)) * np.prod(np.sqrt((2 * k + 1) / (2 * k)))
    return up, back, np.array([diagonal])


def dense(bandlimit: int, packed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Real and imaginary part (…, L, 2L−1, channel) of coefficients with rows (…, L², channel) as in `real_parts`.

    Rows hold the orders m ≥ 0 of a real field: a_{l,−m} = (−1)^m conj(a_lm).
    """
    widths = np.array([width for degree in range(bandlimit) for width in (degree + 1, degree)])
    pieces = jnp.split(packed, np.cumsum(widths)[:-1], axis=-2)
    leading = ((0, 0),) * (packed.ndim - 2)

    def stacked(pieces: list[jax.Array], first: int) -> jax.Array:
        padded = [jnp.pad(x, (*leading, (first, bandlimit - first - x.shape[-2]), (0, 0))) for x in pieces]
        return jnp.stack(padded, -3)

    real, imaginary = stacked(pieces[::2], 0), stacked(pieces[1::2], 1)
    sign = ((-1.0) ** np.arange(bandlimit - 1, 0, -1)).astype(packed.dtype)[:, None]
    return (
        jnp.concatenate([sign * jnp.flip(real[..., 1:, :], -2), real], -2),
        jnp.concatenate([-sign * jnp.flip(imaginary[..., 1:, :], -2), imaginary], -2),
    )


def real_irreps(max_degree: int, direction: jax.Array) -> jax.Array:
    """Real harmonics y_lm, l ≤ l_max, of unit vectors (…, 3), in e3nn's order: shape ((l_max + 1)², …).

    √2 λ_l|m| sin |m|φ for m = −l … −1, λ_l0 for m = 0, √2 λ_lm cos mφ for m = 1 … l, times √4π, so that the mean square
    over the sphere is 1; without the Condon-Shortley phase.
    """
    source, factor = _irreps_order(max_degree)
    packed = real_parts(max_degree + 1, direction)
    return packed[source] * factor.astype(packed.dtype).reshape(-1, *(1,) * (packed.ndim - 1))


def vectors_of_irreps(spheres: jax.Array) -> jax.Array:
    """Vectors (…, 3), that is x, y and z, of real irreps of degree 1, whose first axis is y, z, x."""
    return jnp.stack([spheres[2], spheres[0], spheres[1]], -1)


@functools.lru_cache(maxsize=64)
def _irreps_order(max_degree: int) -> tuple[np.ndarray, np.ndarray]:
    """For each entry in e3nn's order its row of `real_parts`, and what it is multiplied with."""
    source, factor = [], []
    for degree in range(max_degree + 1):
        for order in range(-degree, degree + 1):
            source.append(degree**2 + (degree - order if order < 0 else order))
            phase = (-1) ** order * (-1 if order < 0 else 1)
            factor.append(phase * math.sqrt(4 * math.pi * (2 if order else 1)))
    return np.array(source, np.int32), np.array(factor)
