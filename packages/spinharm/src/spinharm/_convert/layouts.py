"""Layouts of coefficients: checks of shapes and spins, and index tables from one layout to another."""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from .._arrays import arguments, entries
from .._arrays.cache import cached_table


def dense(value: object, name: str = "coeffs") -> tuple[jax.Array, int]:
    """Dense coefficients as a complex array, and L."""
    array = arguments.complex_of(arguments.inexact(name, value))
    if array.ndim < 2 or array.shape[-1] != 2 * array.shape[-2] - 1:
        raise ValueError(
            f"`{name}` must have axes (*batch, degree, order) with sizes (…, L, 2L - 1), got shape {array.shape}; move "
            f"spin and channel axes to the front"
        )
    return array, array.shape[-2]


def triangle(name: str, array: jax.Array) -> int:
    """L of L (L + 1)/2 entries on the last axis."""
    size = array.shape[-1] if array.ndim else 0
    L = (math.isqrt(8 * size + 1) - 1) // 2
    if not L or L * (L + 1) // 2 != size:
        raise ValueError(
            f"`{name}` must have L (L + 1)/2 entries on its last axis for some bandlimit L, got shape {array.shape}; "
            f"the nearest lengths are {L * (L + 1) // 2} and {(L + 1) * (L + 2) // 2}. Fill up a set cut off at "
            f"m_max < l_max with zeros"
        )
    return L


def square(name: str, array: jax.Array) -> int:
    """L of L² entries on the last axis."""
    size = array.shape[-1] if array.ndim else 0
    L = math.isqrt(size)
    if not L or L * L != size:
        raise ValueError(
            f"`{name}` must have L² entries on its last axis for some bandlimit L, got shape {array.shape}; the "
            f"nearest lengths are {L * L} and {(L + 1) ** 2}"
        )
    return L


def below(spin: object, bandlimit: int) -> int:
    """A spin that is an integer and below the bandlimit in magnitude."""
    number = arguments.integer("spin", spin)
    if abs(number) >= bandlimit:
        raise ValueError(f"`spin` must be below the bandlimit {bandlimit} in magnitude, got {number}")
    return number


def from_degree(array: jax.Array, start: int) -> jax.Array:
    """`array` with zeros at degrees below `start`; its last axes are (degree, order)."""
    return jnp.where(jnp.arange(array.shape[-2])[:, None] >= start, array, 0)


def supported(array: jax.Array, bandlimit: int, spin: object) -> jax.Array:
    """`array` with zeros where |m| > l or l < |spin|."""
    return entries.meaningful(array, -2, below(spin, bandlimit))


def alternate(array: jax.Array, order: jax.Array) -> jax.Array:
    """(−1)^m · `array`, by sign changes, which keep infinities."""
    return jnp.where(order % 2 == 1, -array, array)


def mirrored(array: jax.Array) -> jax.Array:
    """Dense coefficients of a real field, from entries (l, |m|) at (l, m): (−1)^m conj for m < 0, real for m = 0."""
    L = array.shape[-2]
    order = jnp.arange(-L + 1, L)
    imag = jnp.where(order == 0, 0, jnp.where(order < 0, -array.imag, array.imag))
    both = jax.lax.complex(array.real, imag)
    return jnp.where(order < 0, alternate(both, order), both)


def pack(half: jax.Array) -> jax.Array:
    """Orders m ≥ 0, shape (…, degree, m), to order by order."""
    L = half.shape[-1]
    return half.reshape(*half.shape[:-2], L * L)[..., table(L, "to packed")]


def by_degree(array: jax.Array) -> jax.Array:
    """Dense (…, degree, order) to degree by degree."""
    L = array.shape[-2]
    return array.reshape(*array.shape[:-2], L * (2 * L - 1))[..., table(L, "to degrees")]


def take(flat: jax.Array, table: jax.Array) -> jax.Array:
    """The entries of the last axis at the indices of `table`, zero where one is past the end."""
    return flat.at[..., table].get(mode="fill", fill_value=0)


@cached_table
def table(
    bandlimit: int, name: Literal["packed", "degrees", "cosines", "sines", "to packed", "to degrees"]
) -> jax.Array:
    """Index of each entry of one layout in another.

    The first four are indexed by dense entries, shape (degree, order), and point past the end for |m| > l; `"packed"`
    and `"cosines"` point to |m|, `"sines"` to −|m|. The others are indexed by packed entries and point into flattened
    orders m ≥ 0, or into flattened dense coefficients.
    """
    L = bandlimit
    l, order = np.arange(L)[:, None], np.arange(-L + 1, L)
    m = abs(order)
    if name.endswith("packed"):
        index, count = m * (2 * L - 1 - m) // 2 + l, L * (L + 1) // 2
    else:
        index, count = l * l + l + {"cosines": m, "sines": -m}.get(name, order), L * L
    index = np.where(m <= l, index, count)
    if name.startswith("to "):
        start = L - 1 if name == "to packed" else 0
        index = np.argsort(index[:, start:], axis=None, kind="stable")[:count]
    # Concrete even while a program is being traced, so that `spinharm.jit` makes it an argument.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(index.astype(np.int32))
