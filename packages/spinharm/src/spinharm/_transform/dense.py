"""The transform of one spin as one real matrix or as two stages of real matrices, for small bandlimits.

Coefficients are those of cosines and sines of the longitude (`convert.to_cosines`). For m > 0, with the orders ±m of
the tables joined to A = (λ_m + (−1)^m λ_{−m})/√2 and B = (λ_m − (−1)^m λ_{−m})/√2, a ring is a sum of

    g_m cos mφ + g_{−m} sin mφ,   g_m = A c_m − iB c_{−m},   g_{−m} = A c_{−m} + iB c_m,

and the analysis has the same form. For spin 0, B = 0: one real matrix acts on real and imaginary parts alike.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from .._arrays.cache import cached_table
from . import legendre
from .plan import Plan, Transform


class Table(NamedTuple):
    """A constant real matrix, or one for each leading entry of an axis, with its transpose.

    Attributes:
        matrix: Shape (rows, columns), or (entry, rows, columns).
        transposed: The same with rows and columns exchanged.
    """

    matrix: Float[Array, "*entry row column"]
    transposed: Float[Array, "*entry column row"]

    def __call__(self, x: Float[Array | np.ndarray, "*axes"]) -> Float[Array, "*results"]:
        """Product of the matrix with x; axes of x after (*entry, column) are columns of the product.

        The gradient is one product with `transposed`.

        Args:
            x: Shape (*entry, columns, …), of the table's dtype.

        Returns:
            Shape (*entry, rows, …).
        """
        x = jnp.asarray(x)
        axes = self.matrix.ndim - 1
        flat = x.reshape(*x.shape[:axes], math.prod(x.shape[axes:]))
        return _product(self, flat).reshape(*x.shape[: axes - 1], self.matrix.shape[-2], *x.shape[axes:])


@jax.custom_jvp
def _product(table: Table, x: jax.Array) -> jax.Array:
    return jnp.matmul(table.matrix, x, precision="highest")


@_product.defjvp
def _product_jvp(primals: tuple[Table, jax.Array], tangents: tuple[Table, jax.Array]) -> tuple[jax.Array, jax.Array]:
    # Its transpose is a plain product with `transposed`. Tables are constants.
    table, tangent = primals[0], tangents[1]
    entries = tuple(range(tangent.ndim - 2))
    axis = (tangent.ndim - 2,)
    dimensions = ((axis, axis), (entries, entries))
    return _product(*primals), jax.lax.dot_general(table.transposed, tangent, dimensions, precision="highest")


class Stages(NamedTuple):
    """Both transforms of one spin as two stages, with M = 2L−1 orders: sines of L−1 … 1, 1, cosines of 1 … L−1.

    R is 1 for spin 0 and 2 for others: the second half of a Legendre table acts on i times the entry of order −m.

    Attributes:
        fourier_analysis: Rings to orders, shape (M, nlon).
        legendre_analysis: Rings to degrees, shape (M, L, R · nlat); zero below |m| and |s|.
        legendre_synthesis: Degrees to rings, shape (M, nlat, R · L).
        fourier_synthesis: Orders to rings, shape (nlon, M).
    """

    fourier_analysis: Table
    legendre_analysis: Table
    legendre_synthesis: Table
    fourier_synthesis: Table


def _fourier(plan: Plan) -> NDArray[np.float64]:
    """Cosines, and sines for negative orders, of all longitudes, shape (M, nlon)."""
    order = np.arange(-plan.bandlimit + 1, plan.bandlimit)[:, None]
    return np.where(order < 0, np.sin(-order * plan.grid.longitude), np.cos(order * plan.grid.longitude))


def _legendre_pair(plan: Plan, transform: Transform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factors of c_m (or the ring's g_m) and of i c_{−m} for order m; the second holds ±B."""
    (spin,), order = plan.spins, np.arange(-plan.bandlimit + 1, plan.bandlimit)[:, None, None]
    table = legendre.block(replace(plan, transform=transform), spin, order.ravel())
    parity = np.where(order % 2, -1.0, 1.0)
    scale = np.where(order < 0, parity, 1.0) * np.where(order == 0, 0.5, 0.5**0.5)
    mirrored = parity * table[::-1]
    return scale * (table + mirrored), scale * (mirrored - table)


@cached_table
def matrices(plan: Plan) -> tuple[Table, Table]:
    """Analysis (K, R G) and synthesis (G, R K) of a plan of one spin; points with the latitude fastest."""
    L, fourier = plan.bandlimit, _fourier(plan)
    degree = np.repeat(np.arange(L), 2 * np.arange(L) + 1)
    slot = np.arange(L * L) - degree * (degree + 1) + L - 1
    opposite = 2 * L - 2 - slot
    direct, crossed = _legendre_pair(plan, "analysis")
    rows = [
        fourier[slot, :, None] * direct[slot, degree][:, None],
        fourier[opposite, :, None] * crossed[slot, degree][:, None],
    ]
    analysis = [row.reshape(L * L, -1) for row in rows]
    direct, crossed = _legendre_pair(plan, "synthesis")
    columns = [
        fourier[slot, :, None] * direct[slot, :, degree][:, None],
        fourier[opposite, :, None] * crossed[opposite, :, degree][:, None],
    ]
    synthesis = [column.reshape(L * L, -1).T for column in columns]
    count = _parts(plan)
    return _table(plan, np.concatenate(analysis[:count], 1)), _table(plan, np.concatenate(synthesis[:count], 1))


@cached_table
def stages(plan: Plan) -> Stages:
    """The stages of a plan of one spin."""
    fourier, count = _fourier(plan), _parts(plan)
    transforms: tuple[Transform, ...] = ("analysis", "synthesis")
    analysis, synthesis = (np.concatenate(_legendre_pair(plan, one)[:count], -1) for one in transforms)
    return Stages(*(_table(plan, matrix) for matrix in (fourier, analysis, synthesis, fourier.T)))


def _parts(plan: Plan) -> int:
    """R of `Stages`."""
    return 1 if plan.spins == (0,) else 2


def _table(plan: Plan, matrix: NDArray[np.float64]) -> Table:
    # Concrete arrays even while a program is being traced: the cache must not hold tracers.
    with jax.ensure_compile_time_eval():
        host = matrix.astype(plan.dtype)
        return Table(jnp.asarray(host), jnp.asarray(host.swapaxes(-1, -2).copy()))
