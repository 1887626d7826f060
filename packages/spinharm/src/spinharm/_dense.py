"""The transform of one spin as one real matrix, or as two stages of them: for small bandlimits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from . import _legendre
from ._cache import cached_table
from ._plan import Plan


class Stages(NamedTuple):
    """A transform of one spin as two stages each way, with M = 2L−1 orders −L+1 … L−1.

    Attributes:
        fourier_analysis: Rings to orders, shape (2 M, 2 nlon): real parts before imaginary ones.
        legendre_analysis: Rings to degrees, shape (M, L, nlat); zero below |m| and |s|.
        legendre_synthesis: Degrees to rings, shape (M, nlat, L).
        fourier_synthesis: Orders to rings, shape (2 nlon, 2 M).
    """

    fourier_analysis: Float[Array, "orders longitudes"]
    legendre_analysis: Float[Array, "order degree lat"]
    legendre_synthesis: Float[Array, "order lat degree"]
    fourier_synthesis: Float[Array, "longitudes orders"]


def _as_real(matrix: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def _complex_matrix(plan: Plan, towards_degrees: bool) -> NDArray[np.complex128]:
    """(packed coefficient, point) for an analysis, (point, packed coefficient) for a synthesis, complex128."""
    L, (spin,) = plan.bandlimit, plan.spins
    orders = np.arange(-L + 1, L)
    table = _legendre.block(plan, towards_degrees, spin, orders, 0)
    sign = -1j if towards_degrees else 1j
    phase = np.exp(sign * orders[:, None] * plan.grid.longitude)
    degree = np.repeat(np.arange(L), 2 * np.arange(L) + 1)
    order = np.arange(L * L) - degree * (degree + 1)
    if towards_degrees:
        chosen = table[order + L - 1, degree]  # (packed, lat)
    else:
        chosen = table[order + L - 1, :, degree]
    packed = (chosen[:, :, None] * phase[order + L - 1][:, None, :]).reshape(L * L, -1)
    return packed if towards_degrees else packed.T


@cached_table(maxsize=64)
def matrices(plan: Plan) -> tuple[jax.Array, jax.Array]:
    """Analysis (2 K, 2 G) and synthesis (2 G, 2 K) of a plan of one spin, real parts before imaginary ones."""
    real = []
    for towards_degrees in (True, False):
        real.append(_as_real(_complex_matrix(plan, towards_degrees)).astype(plan.dtype))
    # Concrete arrays even while a program is being traced: the cache must not hold tracers.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(real[0]), jnp.asarray(real[1])


@cached_table(maxsize=64)
def stages(plan: Plan) -> Stages:
    """The stages of a plan of one spin."""
    (spin,), orders = plan.spins, np.arange(-plan.bandlimit + 1, plan.bandlimit)
    phase = np.exp(1j * orders[:, None] * plan.grid.longitude)
    analysis, synthesis = (_legendre.block(plan, towards, spin, orders, 0) for towards in (True, False))
    host = (_as_real(phase.conj()), analysis, synthesis, _as_real(phase.T))
    # Concrete arrays even while a program is being traced: the cache must not hold tracers.
    with jax.ensure_compile_time_eval():
        return Stages(*(jnp.asarray(table.astype(plan.dtype)) for table in host))
