"""The product over colatitude with dense tables: one real matrix per order, from rings to degrees or back."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import _quadrature, _recursion
from ._plan import Plan, recursion_nodes


def analysis_rule(plan: Plan) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray] | None]:
    """How ring profiles are integrated: (nodes, weights, interpolation by parity or None).

    `Σ_i weights[i] Y(nodes[i]) (interpolation[parity] @ profile)[i]` is the coefficient; the weights hold 2π/nlon.
    """
    grid = plan.grid
    if grid.rule != "circle":
        return grid.colatitude, grid.weights, None
    # Exact for the full band: the profile of order m continues over the pole with parity (−1)^(m+s), so interpolating
    # it trigonometrically and integrating at Gauss-Legendre nodes loses nothing.
    nodes, weights = _quadrature.gauss_legendre(recursion_nodes(grid, plan.bandlimit))
    interpolation = {
        parity: _quadrature.circle_to_points(grid.nlat, grid.north_pole, grid.south_pole, nodes, parity)
        for parity in (1, -1)
    }
    if grid.south_first:
        interpolation = {parity: matrix[:, ::-1] for parity, matrix in interpolation.items()}
    return nodes, weights * (2 * np.pi / grid.nlon), interpolation


def _block(plan: Plan, towards_degrees: bool, spin: int, orders: np.ndarray, first_degree: int) -> np.ndarray:
    """The matrices of one spin and some orders in float64: (order, degree, lat) or (order, lat, degree)."""
    is_analysis = towards_degrees != plan.adjoint
    if not is_analysis:
        table = _recursion.reduced_harmonics(plan.bandlimit, spin, plan.grid.colatitude, orders, first_degree)
    else:
        nodes, weights, interpolation = analysis_rule(plan)
        table = _recursion.reduced_harmonics(plan.bandlimit, spin, nodes, orders, first_degree) * weights
        if interpolation is not None:
            on_rings = np.empty((*table.shape[:2], plan.grid.nlat))
            for parity, matrix in interpolation.items():
                chosen = (orders + spin) % 2 == (0 if parity > 0 else 1)
                on_rings[chosen] = table[chosen] @ matrix
            table = on_rings
    return table if towards_degrees else table.transpose(0, 2, 1)


def tables(plan: Plan, towards_degrees: bool) -> list[np.ndarray]:
    """Host tables, one per block of orders: (order, spin, degree, lat) or (order, spin, lat, degree).

    Without symmetric rings a second one follows each, for the negative orders.
    """
    result = []
    signs = (1,) if plan.folded or plan.real else (1, -1)
    for first, last, degree in plan.blocks:
        for sign in signs:
            orders = sign * np.arange(first, last)
            spins = [_block(plan, towards_degrees, spin, orders, degree).astype(plan.dtype) for spin in plan.spins]
            result.append(np.ascontiguousarray(np.stack(spins, 1)))
    return result


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(m, s, out, in) × (m, s, in, part, batch, channel)."""
    return lax.dot_general(matrix, x, (((3,), (2,)), ((0, 1), (0, 1))), precision=plan.precision)


def _multiply(plan: Plan, block: list[jax.Array], x: jax.Array) -> jax.Array:
    if len(block) == 1:
        return _product(plan, block[0], x)
    positive, negative = block
    return jnp.concatenate([_product(plan, positive, x[:, :, :, :2]), _product(plan, negative, x[:, :, :, 2:])], 3)


def _by_block(plan: Plan, matrices: tuple[jax.Array, ...]) -> list[list[jax.Array]]:
    per_block = len(matrices) // len(plan.blocks)
    return [list(matrices[i * per_block : (i + 1) * per_block]) for i in range(len(plan.blocks))]


def to_degrees(plan: Plan, matrices: tuple[jax.Array, ...], profiles: jax.Array) -> jax.Array:
    """(m, s, lat, part, batch, channel) to (m, s, degree, part, batch, channel)."""
    results = []
    for (first, last, degree), block in zip(plan.blocks, _by_block(plan, matrices), strict=True):
        product = lax.optimization_barrier(_multiply(plan, block, profiles[first:last]))
        padding = [(0, 0)] * product.ndim
        padding[2] = (degree, 0)
        results.append(jnp.pad(product, padding))
    return results[0] if len(results) == 1 else jnp.concatenate(results)


def to_rings(plan: Plan, matrices: tuple[jax.Array, ...], degrees: jax.Array) -> jax.Array:
    """(m, s, degree, part, batch, channel) to (m, s, lat, part, batch, channel)."""
    results = [
        _multiply(plan, block, degrees[first:last, :, degree:])
        for (first, last, degree), block in zip(plan.blocks, _by_block(plan, matrices), strict=True)
    ]
    return results[0] if len(results) == 1 else jnp.concatenate(results)
