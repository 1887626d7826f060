"""A tensor product of checked features: which algorithm, on which tables."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import coupling, features, maps
from .blocks import in_blocks
from .classes import Classes
from .contraction import contract
from .coupling import Coupling, Shape
from .maps import MapGrid
from .weights import Separable, of_paths

# Bytes of a table of coefficients.
_LARGEST_TABLE = 2 * 2**30


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Where products of maps are faster than Clebsch-Gordan coefficients, and sizes of blocks.

    Results agree to rounding for all values. The defaults are measured on two CPU cores. Tests set others, so that each
    algorithm runs at small sizes.

    Attributes:
        coupling_advantage: How many multiplications a contraction of Clebsch-Gordan coefficients may take for one that
            maps ring by ring take.
        matrix_advantage: How many multiplications maps may take with one matrix of all points for one ring by ring.
        coupling_bytes: Outer products of a block of columns; they stay in the cache of a core.
        map_bytes: Maps of a block of columns; they stay in the cache of all cores.
    """

    coupling_advantage: float = 0.85
    matrix_advantage: float = 2.2
    coupling_bytes: int = 2**20
    map_bytes: int = 8 * 2**20


TUNING = Tuning()


class Parts(NamedTuple):
    """Two results of a tensor product, or what is true of them.

    Attributes:
        even: Of the paths with l1 + l2 + l even.
        odd: Of the others.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> multiply = spinharm.TensorProduct(1, 1, 1)
        >>> parts = multiply(np.eye(4, dtype="float32")[1:2], np.eye(4, dtype="float32")[2:3], separate=True)
        >>> parts.even.shape, bool(np.all(parts.even == 0))  # of two vectors: their scalar product alone
        ((1, 4), True)
    """

    even: Any
    odd: Any


def multiply(
    shape: Shape, x: jax.Array, y: jax.Array, weights: Separable | jax.Array, separate: bool
) -> jax.Array | Parts:
    """The product of features (entries, *columns) of one precision."""
    dtype = str(x.dtype)
    if by_maps(shape, weights):
        grid = map_grid(shape)
        one, two, out = shape.degrees
        rings, points = _map_multiplications(shape)
        by_matrix = points <= TUNING.matrix_advantage * rings
        synthesis: Any = maps.synthesis_matrix if by_matrix else maps.syntheses
        analysis: Any = maps.analysis_matrix if by_matrix else maps.analysis
        sides = [synthesis(grid, side, shape.needs_value, shape.needs_gradient, dtype) for side in (one, two)]
        tables: Any = (*sides, analysis(grid, out, dtype))
        return _by_maps(tables, x, y, weights, shape=shape, separate=separate, tuning=TUNING)
    _check_memory(shape, x.dtype)
    tables = coupling.coupling(shape, dtype)
    return _by_coupling(tables, x, y, weights, shape=shape, separate=separate, tuning=TUNING)


def map_grid(shape: Shape) -> MapGrid:
    """The smallest grid on which a product of maps is exact for the degrees of the result."""
    return MapGrid(sum(degrees[-1] for degrees in shape.degrees))


def by_maps(shape: Shape, weights: Separable | jax.Array) -> bool:
    """Whether maps are the faster way; those of paths that are no products of maps are always contracted."""
    if not isinstance(weights, Separable) or shape.normalization not in ("natural", "gradient"):
        return False
    rings, points = _map_multiplications(shape)
    # A matrix of all points takes the time of fewer multiplications ring by ring.
    limit = weights.terms * min(rings, points / TUNING.matrix_advantage)
    return coupling.multiplications(shape) > TUNING.coupling_advantage * limit


def _map_multiplications(shape: Shape) -> tuple[int, int]:
    """Multiplications in matrix products for one column: ring by ring, and with one matrix of all points."""
    grid, rings, points = map_grid(shape), 0, 0
    components = int(shape.needs_value) + 2 * int(shape.needs_gradient)
    for degrees, count in zip(shape.degrees, (components, components, 1), strict=True):
        orders = 2 * degrees[-1] + 1
        rings += count * orders * grid.nlat * (len(degrees) + grid.nlon)
        points += count * features.size(degrees) * grid.nlat * grid.nlon
    return rings, points


@functools.partial(jax.jit, static_argnames=("shape", "separate", "tuning"))
def _by_maps(
    tables: Any, x: jax.Array, y: jax.Array, weights: Separable, *, shape: Shape, separate: bool, tuning: Tuning
) -> jax.Array | Parts:
    first, second, last = tables
    one, two, out = shape.degrees
    grid = map_grid(shape)

    def product(x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        fields = _fields(shape, maps.synthesise(grid, first, one, x), maps.synthesise(grid, second, two, y))
        if not separate:
            fields = [functools.reduce(jnp.add, fields)]
        return tuple(maps.analyse(last, out, field) for field in fields)

    # The axis of terms is the last.
    x, y = _scaled(x[..., None], weights.first, one), _scaled(y[..., None], weights.second, two)
    components = 2 * (int(shape.needs_value) + 2 * int(shape.needs_gradient))
    results = in_blocks(product, x, y, components * grid.nlat * grid.nlon * x.dtype.itemsize, tuning.map_bytes)
    results = tuple(jnp.sum(_scaled(z, weights.out, out), -1) for z in results)
    return Parts(*results) if separate else results[0]


def _fields(shape: Shape, x: list[jax.Array], y: list[jax.Array]) -> list[jax.Array]:
    """Products of maps of even, then of odd paths; of each side the map and its gradient, as far as they are needed."""
    fields = []
    if shape.needs_value:
        fields.append(x[0] * y[0])
    if not shape.needs_gradient:
        return fields
    (x_theta, x_phi), (y_theta, y_phi) = x[-2:], y[-2:]
    if shape.selection != "odd" and shape.normalization == "gradient":
        fields.append(x_theta * y_theta + x_phi * y_phi)
    if shape.selection != "even":
        fields.append(x_theta * y_phi - x_phi * y_theta)
    return fields


@functools.partial(jax.jit, static_argnames=("shape", "separate", "tuning"))
def _by_coupling(
    tables: Coupling,
    x: jax.Array,
    y: jax.Array,
    weights: Separable | jax.Array,
    *,
    shape: Shape,
    separate: bool,
    tuning: Tuning,
) -> jax.Array | Parts:
    one, two, out = shape.degrees
    if isinstance(weights, Separable) and weights.terms > 1:
        weights = of_paths(weights, shape.paths, shape.degrees, x.dtype)
    last = None
    if isinstance(weights, Separable):
        x, y = (_scaled(z[..., None], f, d)[..., 0] for z, f, d in ((x, weights.first, one), (y, weights.second, two)))
        table, last = tables.table[None], weights.out
    else:
        table = jax.vmap(lambda one: coupling.weighted(shape, tables, one))(weights)
    parts = _contracted(shape, _kinds(shape, table, separate), x, y, tuning)
    parts = [_scaled(z[..., None], last, out)[..., 0] for z in parts]
    return Parts(*parts) if separate else parts[0]


def _contracted(shape: Shape, tables: list[jax.Array], x: jax.Array, y: jax.Array, tuning: Tuning) -> list[jax.Array]:
    """One result for each table of shape (channels or 1, …); channels are the last axis of columns."""
    columns, channels = jnp.broadcast_shapes(x.shape[1:], y.shape[1:]), len(tables[0])
    count = math.prod(columns)

    def sorted_columns(z: jax.Array, held: Classes) -> jax.Array:
        z = held.sort(
            jnp.broadcast_to(z.reshape(len(z), *(1,) * (len(columns) + 1 - z.ndim), *z.shape[1:]), (len(z), *columns))
        )
        z = z[None] if channels == 1 else jnp.moveaxis(z, -1, 0)
        return z.reshape(*z.shape[:3], count // max(channels, 1))

    first, second, last = shape.classes()
    table = jnp.concatenate(tables, 2)
    z = contract(table, sorted_columns(x, first), sorted_columns(y, second), tuning.coupling_bytes)
    z = (
        z[0].reshape(*z.shape[1:3], *columns)
        if channels == 1
        else jnp.moveaxis(z.reshape(*z.shape[:3], *columns[:-1]), 0, -1)
    )
    return [last.restore(part) for part in jnp.split(z, len(tables), 1)]


def _kinds(shape: Shape, table: jax.Array, separate: bool) -> list[jax.Array]:
    """The table, or its entries of even and of odd paths apart."""
    if not separate:
        return [table]
    even = coupling.even_entries(shape)
    return [jnp.where(even, table, 0), jnp.where(even, 0, table)]


def _scaled(x: jax.Array, factor: jax.Array | None, degrees: tuple[int, ...]) -> jax.Array:
    """Features (entries, …, channels, terms) times factors (terms, channels, degrees)."""
    if factor is None:
        return x
    entries = np.repeat(np.arange(len(degrees), dtype=np.int32), [2 * l + 1 for l in degrees])
    by_entry = jnp.moveaxis(factor, (2, 1, 0), (0, 1, 2))[entries]
    return x * by_entry.reshape(len(entries), *(1,) * (x.ndim - 3), *by_entry.shape[1:])


def _check_memory(shape: Shape, dtype: np.dtype) -> None:
    need = coupling.multiplications(shape) * dtype.itemsize
    if need > _LARGEST_TABLE:
        raise MemoryError(
            f"weights for each path between degrees up to {[degrees[-1] for degrees in shape.degrees]} need a table of "
            f"{need / 2**30:.3g} GiB, above {_LARGEST_TABLE / 2**30:.0f} GiB; use spinharm.Factors with normalization "
            f"'natural', or fewer degrees"
        )
