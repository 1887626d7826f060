"""Tensor products by Clebsch-Gordan coefficients: outer products of entries, then one matrix for each class.

The matrix holds weight times coefficient of every combination that half turns allow (`classes`). Its cost does not
depend on how the weights of paths differ, where maps need one product for each separable term.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .._arrays.cache import cached_table
from . import harmonics
from .classes import COUNT, Classes, classes, fundamental
from .paths import Normalization, Path, Selection, coefficients, paths_of, product_coefficient

# The class whose product with class a is of class e, for each (e, a).
_COMBINED = np.arange(COUNT, dtype=np.int32)[:, None] ^ np.arange(COUNT, dtype=np.int32)


class Coupling(NamedTuple):
    """Clebsch-Gordan coefficients by class, and what spreads weights of paths over them.

    Attributes:
        table: Coefficients at weight 1, shape (classes, places of the result, classes of x, places of x, places of y).
        spread: One-hot matrices from degrees to places of x, y and the result, shape (classes, places, degrees).
    """

    table: jax.Array
    spread: tuple[jax.Array, jax.Array, jax.Array]


@dataclasses.dataclass(frozen=True)
class Shape:
    """A static description of a tensor product: degrees of x, y and the result, and which paths."""

    degrees: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    selection: Selection
    normalization: Normalization

    @property
    def paths(self) -> tuple[Path, ...]:
        """All paths, in lexical order."""
        return paths_of(*self.degrees, self.selection)

    @property
    def needs_value(self) -> bool:
        """Whether products of maps take the maps themselves."""
        return self.selection != "odd" and self.normalization != "gradient"

    @property
    def needs_gradient(self) -> bool:
        """Whether products of maps take their gradients."""
        return self.selection != "even" or self.normalization == "gradient"

    def classes(self) -> tuple[Classes, Classes, Classes]:
        """The classes of x, y and the result."""
        one, two, out = (classes(degrees) for degrees in self.degrees)
        return one, two, out


def multiplications(shape: Shape) -> int:
    """Multiplications for one column."""
    one, two, out = (one.rows.shape[1] for one in shape.classes())
    return COUNT**2 * one * two * out


@cached_table
def coupling(shape: Shape, dtype: str) -> Coupling:
    """The tables of a tensor product on the device."""
    with jax.ensure_compile_time_eval():
        spread = tuple(
            jnp.asarray(_spread(degrees, one).astype(dtype))
            for degrees, one in zip(shape.degrees, shape.classes(), strict=True)
        )
        return Coupling(jnp.asarray(_table(shape).astype(dtype)), spread)  # pyright: ignore[reportArgumentType]


def _spread(degrees: tuple[int, ...], one: Classes) -> NDArray[np.float64]:
    degree, _ = harmonics.orders(degrees)
    return one.columns((np.array(degrees)[:, None] == degree).astype(np.float64)).swapaxes(1, 2)


def _table(shape: Shape) -> NDArray[np.float64]:
    """Integrals of three harmonics on the sphere; each path is divided by its coefficient in these."""
    points = fundamental(sum(map(max, shape.degrees)))
    harmonic = [harmonics.at_points(degrees, points.colatitude, points.longitude) for degrees in shape.degrees]
    (value_1, slope_1, turn_1), (value_2, slope_2, turn_2), (value, _, _) = harmonic
    weighted = value * points.weight[:, None]
    even, odd = _factors(shape)
    degree = [_degree_index(degrees, one) for degrees, one in zip(shape.degrees, shape.classes(), strict=True)]
    result = _integrals(shape, value_1, value_2, weighted)
    cross = _integrals(shape, slope_1, turn_2, weighted) - _integrals(shape, turn_1, slope_2, weighted)
    for e in range(COUNT):
        for a in range(COUNT):
            at = np.ix_(degree[2][e], degree[0][a], degree[1][a ^ e])
            result[e, :, a] = even[at] * result[e, :, a] + odd[at] * cross[e, :, a]
    # What the selection rules of orders forbid is rounding error.
    return np.where(abs(result) < 1e-14 * np.max(abs(result), initial=1.0), 0.0, result)


def _integrals(shape: Shape, x: NDArray, y: NDArray, out: NDArray) -> NDArray[np.float64]:
    """Σ over points of x_i y_j out_k, shape (classes of k, k, classes of i, i, j)."""
    tables = [one.columns(table) for one, table in zip(shape.classes(), (x, y, out), strict=True)]
    result = np.empty((COUNT, tables[2].shape[2], COUNT, tables[0].shape[2], tables[1].shape[2]))
    for e in range(COUNT):
        for a in range(COUNT):
            pairs = tables[0][a][:, :, None] * tables[1][a ^ e][:, None]
            result[e, :, a] = (tables[2][e].T @ pairs.reshape(len(pairs), -1)).reshape(
                result.shape[1::2] + result.shape[4:]
            )
    return result


def _factors(shape: Shape) -> NDArray[np.float64]:
    """Factors of the integrals, shape (even or odd, degrees of the result, of x, of y); zero where no path is."""
    positions = [{l: at for at, l in enumerate(degrees)} for degrees in shape.degrees]
    result = np.zeros((2, *(len(shape.degrees[side]) for side in (2, 0, 1))))
    for (l1, l2, l), wanted in zip(shape.paths, coefficients(shape.paths, shape.normalization), strict=True):
        at = (l1 + l2 + l) % 2, positions[2][l], positions[0][l1], positions[1][l2]
        result[at] = wanted / product_coefficient((l1, l2, l), gradient=False)
    return result


def _degree_index(degrees: tuple[int, ...], one: Classes) -> NDArray[np.int64]:
    """Position in `degrees` of each place, any where a place is empty."""
    index = np.repeat(np.arange(len(degrees)), [2 * l + 1 for l in degrees])
    return np.append(index, 0)[one.rows]


def weighted(shape: Shape, tables: Coupling, weights: jax.Array) -> jax.Array:
    """The table with a weight for each path, shape (paths,)."""
    at = np.array([[d.index(l) for d, l in zip(shape.degrees, path, strict=True)] for path in shape.paths], np.int32)
    dense = jnp.zeros([len(d) for d in shape.degrees], weights.dtype).at[tuple(at.T)].set(weights)
    one, two, out = tables.spread
    # One-hot products, whose gradients are products too, where those of indexing would be scattered sums.
    spread = jnp.einsum("ekw,uvw->ekuv", out, dense, precision="highest")
    spread = jnp.einsum("aiu,ekuv->ekaiv", one, spread, precision="highest")
    other = two[_COMBINED]
    return tables.table * jnp.einsum("eajv,ekaiv->ekaij", other, spread, precision="highest")


def even_entries(shape: Shape) -> jax.Array:
    """Which entries of a table belong to paths with l1 + l2 + l even."""
    one, two, out = (
        np.append(harmonics.orders(degrees)[0], 0)[held.rows] % 2
        for degrees, held in zip(shape.degrees, shape.classes(), strict=True)
    )
    other = two[_COMBINED]
    both = jnp.asarray(one[:, :, None]) + jnp.asarray(other)[:, :, None]
    return (jnp.asarray(out)[:, :, None, None, None] + both[:, None]) % 2 == 0
