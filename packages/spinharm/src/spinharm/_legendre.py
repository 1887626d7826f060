"""The product over colatitude with dense tables: one real matrix per order, from rings to degrees or back."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import _quadrature, _recursion
from ._plan import Plan, recursion_nodes

# With fewer columns than this, the parts are joined for one product, which costs a copy and saves reading the table
# again.
_ENOUGH_COLUMNS = 64


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


def block(plan: Plan, towards_degrees: bool, spin: int, orders: np.ndarray, first_degree: int) -> np.ndarray:
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

    Without symmetric rings a second one follows each, for the negative orders. Where `plan.halved`, a block is two
    tables of the northern rings, for every other degree from the first one and from the second one.
    """
    result = []
    signs = (1,) if plan.folded or plan.real else (1, -1)
    for first, last, degree in plan.blocks:
        for sign in signs:
            orders = sign * np.arange(first, last)
            spins = [block(plan, towards_degrees, spin, orders, degree).astype(plan.dtype) for spin in plan.spins]
            table = np.stack(spins, 1)
            result += [
                np.ascontiguousarray(x) for x in (_halves(plan, table, towards_degrees) if plan.halved else [table])
            ]
    return result


def _halves(plan: Plan, table: np.ndarray, towards_degrees: bool) -> list[np.ndarray]:
    degrees_last = table if not towards_degrees else table.swapaxes(2, 3)
    north = degrees_last[:, :, : _north(plan)].copy()
    if plan.grid.nlat % 2 == 1 and towards_degrees:
        # The ring on the equator is its own mirror image and is counted twice.
        north[:, :, -1] /= 2
    halves = [north[..., parity::2] for parity in (0, 1)]
    return [half.swapaxes(2, 3) for half in halves] if towards_degrees else halves


def _north(plan: Plan) -> int:
    """Number of rings of the first half, one on the equator included."""
    return -(-plan.grid.nlat // 2)


def _parity(plan: Plan, first: int, last: int, degree: int) -> np.ndarray:
    """(−1)^(m + degree), the parity about the equator of a block's first degree, by order: (m, 1, 1, 1, 1)."""
    return ((-1.0) ** (np.arange(first, last) + degree)).astype(plan.dtype).reshape(-1, 1, 1, 1, 1)


def _fold(plan: Plan, parity: np.ndarray, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rings to what the degrees of either parity see of them."""
    north = _north(plan)
    mirrored = parity * jnp.flip(x[:, :, plan.grid.nlat - north :], 2)
    return x[:, :, :north] + mirrored, x[:, :, :north] - mirrored


def _unfold(plan: Plan, parity: np.ndarray, first: jax.Array, second: jax.Array) -> jax.Array:
    """What the degrees of either parity make of the northern rings, to all rings."""
    mirrored = parity * (first - second)[:, :, : plan.grid.nlat // 2]
    return jnp.concatenate([first + second, jnp.flip(mirrored, 2)], 2)


def _interleave(first: jax.Array, second: jax.Array) -> jax.Array:
    """Every other entry of axis 2 from each; the first may have one more."""
    missing = first.shape[2] - second.shape[2]
    padded = jnp.pad(second, ((0, 0), (0, 0), (0, missing), (0, 0), (0, 0)))
    both = jnp.stack([first, padded], 3)
    return both.reshape(*both.shape[:2], -1, *both.shape[4:])[:, :, : first.shape[2] + second.shape[2]]


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(m, s, out, in) × (m, s, in, …)."""
    return lax.dot_general(matrix, x, (((3,), (2,)), ((0, 1), (0, 1))), precision=plan.precision)


def _multiply(plan: Plan, block: list[jax.Array], parts: list[jax.Array]) -> list[jax.Array]:
    """Apply a block to all parts: matrices of orders m to the first two, of orders −m to the others."""
    if len(block) == 2:
        return _multiply(plan, block[:1], parts[:2]) + _multiply(plan, block[1:], parts[2:])
    if parts[0].shape[3] * parts[0].shape[4] >= _ENOUGH_COLUMNS:
        return [_product(plan, block[0], part) for part in parts]
    joined = _product(plan, block[0], lax.optimization_barrier(jnp.stack(parts, 3)))
    return [joined[:, :, :, index] for index in range(len(parts))]


def _by_block(plan: Plan, matrices: tuple[jax.Array, ...]) -> list[list[jax.Array]]:
    per_block = len(matrices) // len(plan.blocks)
    return [list(matrices[i * per_block : (i + 1) * per_block]) for i in range(len(plan.blocks))]


def _join(blocks: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts by block to parts of all orders."""
    if len(blocks) == 1:
        return blocks[0]
    return [jnp.concatenate(part) for part in zip(*blocks, strict=True)]


def to_degrees(plan: Plan, matrices: tuple[jax.Array, ...], profiles: list[jax.Array]) -> list[jax.Array]:
    """Parts (m, s, lat, batch, channel) to parts (m, s, degree, batch, channel)."""
    results = []
    for (first, last, degree), block in zip(plan.blocks, _by_block(plan, matrices), strict=True):
        parts = [part[first:last] for part in profiles]
        if plan.halved:
            parity = _parity(plan, first, last, degree)
            folded = zip(*(_fold(plan, parity, part) for part in parts), strict=True)
            halves = (_multiply(plan, [table], list(x)) for table, x in zip(block, folded, strict=True))
            products = [_interleave(*pair) for pair in zip(*halves, strict=True)]
        else:
            products = _multiply(plan, block, parts)
        padding = ((0, 0), (0, 0), (degree, 0), (0, 0), (0, 0))
        results.append([jnp.pad(product, padding) for product in products])
    return _join(results)


def to_rings(plan: Plan, matrices: tuple[jax.Array, ...], degrees: list[jax.Array]) -> list[jax.Array]:
    """Parts (m, s, degree, batch, channel) to parts (m, s, lat, batch, channel)."""
    results = []
    for (first, last, degree), block in zip(plan.blocks, _by_block(plan, matrices), strict=True):
        parts = [part[first:last, :, degree:] for part in degrees]
        if plan.halved:
            parity = _parity(plan, first, last, degree)
            halves = (_multiply(plan, [table], [x[:, :, i::2] for x in parts]) for i, table in enumerate(block))
            results.append([_unfold(plan, parity, *pair) for pair in zip(*halves, strict=True)])
        else:
            results.append(_multiply(plan, block, parts))
    return _join(results)
