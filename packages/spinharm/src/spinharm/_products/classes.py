"""Symmetry classes of real harmonics under half turns about the three axes, which every tensor product respects.

A half turn about the polar axis multiplies y_lm by (−1)^m, one about a certain axis in the equator by (−1)^(l + m) for
cosines and −(−1)^(l + m) for sines. So there are four classes, and the product of entries of classes a and b is of
class a XOR b: a quarter of all combinations.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .._grids import quadrature
from . import harmonics

COUNT = 4


class Classes(NamedTuple):
    """Where the entries of features stand when they are sorted by class.

    Attributes:
        rows: Entry at each place, shape (4, places); the number of entries where a class has none left.
        places: Place of each entry in the flattened rows.
    """

    rows: NDArray[np.int32]
    places: NDArray[np.int32]

    def sort(self, x: jax.Array) -> jax.Array:
        """Entries on the first axis to (4, places, …), zero where a class has none left."""
        return jnp.take(x, self.rows, axis=0, mode="fill", fill_value=0)

    def restore(self, x: jax.Array) -> jax.Array:
        """(4, places, …) to entries on the first axis."""
        return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])[self.places]

    def columns(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """A table (any, entries) as (4, any, places), zero where a class has no entry left."""
        padded = np.concatenate([table, np.zeros((len(table), 1))], 1)
        return padded[:, self.rows].swapaxes(0, 1)


@functools.lru_cache(maxsize=256)
def classes(degrees: tuple[int, ...]) -> Classes:
    """The classes of features that hold some degrees."""
    degree, order = harmonics.orders(degrees)
    of_entry = 2 * (order % 2) + (degree + order + (order < 0)) % 2
    places = max(np.bincount(of_entry, minlength=COUNT))
    rows = np.full((COUNT, places), len(of_entry), np.int32)
    for one in range(COUNT):
        held = np.flatnonzero(of_entry == one)
        rows[one, : len(held)] = held
    where = np.empty(len(of_entry), np.int32)
    where[rows[rows < len(of_entry)]] = np.flatnonzero(rows.ravel() < len(of_entry))
    return Classes(rows, where)


class Points(NamedTuple):
    """One point of each orbit of the four half turns on a Gauss grid, and the orbit's weight; shape (points,)."""

    colatitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    weight: NDArray[np.float64]


def fundamental(total: int) -> Points:
    """A quarter of the smallest Gauss grid that is exact for polynomials of degree `total` and closed under half turns.

    Longitudes are an even number, half a step away from 0. Rings north of the equator are kept up to longitude π, of a
    ring on the equator one point of each orbit.
    """
    nlat, half = total // 2 + 1, total // 2 + 1
    colatitude, weight = quadrature.gauss_legendre(nlat)
    step = np.pi / half
    north = np.arange(nlat // 2)
    points = [(colatitude[j], (k + 0.5) * step, 4 * weight[j] * step) for j in north for k in range(half)]
    if nlat % 2:
        # φ and π − φ (mod π) are one orbit on the equator; the one at π/2 has half as many points.
        points += [
            (colatitude[nlat // 2], (k + 0.5) * step, (2 if 2 * k + 1 == half else 4) * weight[nlat // 2] * step)
            for k in range((half + 1) // 2)
        ]
    return Points(*(np.array(column) for column in zip(*points, strict=True)))
