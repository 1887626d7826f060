"""The transform of one spin as one real matrix: for small bandlimits, where it is the fastest way through."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from . import _legendre
from ._cache import cached_table
from ._plan import Plan


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
        matrix = _complex_matrix(plan, towards_degrees)
        real.append(np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]]).astype(plan.dtype))
    # Concrete arrays even while a program is being traced: the cache must not hold tracers.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(real[0]), jnp.asarray(real[1])
