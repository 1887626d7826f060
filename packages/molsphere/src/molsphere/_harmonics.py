"""Spherical harmonics of unit vectors as polynomials in x, y, z: smooth everywhere, the poles included."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np


def real_parts(bandlimit: int, direction: jax.Array) -> jax.Array:
    """Re Y_lm (m ≥ 0) and −Im Y_lm (m > 0), l < L, of unit vectors (…, 3): shape (L², …), rows as in `rows`.

    Y_lm = Q_lm(z) (x + iy)^m, where Q_lm is the m-th derivative of P_l up to a factor, by recursion over l for all m at
    once, so that the program has O(L) operations.
    """
    x, y, z = direction[..., 0], direction[..., 1], direction[..., 2]
    cosines, sines = [jnp.ones_like(x)], [jnp.zeros_like(x)]
    for _ in range(bandlimit - 1):
        cosine, sine = cosines[-1], sines[-1]
        cosines.append(x * cosine - y * sine)
        sines.append(x * sine + y * cosine)
    cosine, sine = jnp.stack(cosines), -jnp.stack(sines)
    parts = []
    before = current = jnp.zeros((0, *z.shape), z.dtype)
    for degree in range(bandlimit):
        up, back, diagonal = (factor.astype(z.dtype).reshape(-1, *(1,) * z.ndim) for factor in _step(degree))
        ahead = up * z * current
        if degree > 1:
            ahead = ahead - back * jnp.concatenate([before, jnp.zeros_like(z)[None]])
        last = jnp.broadcast_to(jnp.asarray(diagonal), (1, *z.shape))
        before, current = current, jnp.concatenate([ahead, last])
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


@functools.lru_cache(maxsize=64)
def rows(bandlimit: int) -> tuple[np.ndarray, np.ndarray]:
    """(degree, order) of the rows of `real_parts`; negative order stands for the −Im part of order |m|."""
    pairs = [
        (degree, order) for degree in range(bandlimit) for order in (*range(degree + 1), *range(-1, -degree - 1, -1))
    ]
    degrees, orders = np.array(pairs).T
    return degrees, orders


@functools.lru_cache(maxsize=64)
def unpacking(bandlimit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How rows become the dense conj(Y_lm): index of a row per (part, degree, order), and a sign, 0 where none is.

    Part 0 is real, part 1 imaginary; a real field has a_{l,−m} = (−1)^m conj(a_lm).
    """
    where = {(int(degree), int(order)): at for at, (degree, order) in enumerate(zip(*rows(bandlimit), strict=True))}
    index = np.zeros((2, bandlimit, 2 * bandlimit - 1), np.int32)
    sign = np.zeros(index.shape)
    for degree in range(bandlimit):
        for order in range(-degree, degree + 1):
            at = (degree, order + bandlimit - 1)
            mirrored = (-1.0) ** order if order < 0 else 1.0
            index[(0, *at)], sign[(0, *at)] = where[degree, abs(order)], mirrored
            if order:
                index[(1, *at)] = where[degree, -abs(order)]
                sign[(1, *at)] = mirrored if order > 0 else -mirrored
    degree = np.broadcast_to(np.arange(bandlimit)[:, None], index.shape[1:])
    return index, sign, degree
