"""The product over colatitude with dense tables: one real matrix per order, from rings to degrees or back."""

from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import _quadrature, _recursion
from ._plan import Block, Plan, recursion_nodes

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
    if not plan.is_analysis(towards_degrees):
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
    """Host tables by class of orders and `Plan.blocks`: (order, spin, degree, lat) or (order, spin, lat, degree).

    Without symmetric rings a second one follows each, for the negative orders. Where `plan.halved`, a block is two
    tables of the northern rings, for every other degree from the first one and from the second one.
    """
    result = []
    signs = (1,) if plan.folded or plan.real else (1, -1)
    for index in range(plan.stride):
        for (first, last), degree, (north, south) in plan.blocks(towards_degrees):
            for sign in signs:
                orders = sign * np.arange(first + index, last, plan.stride)
                spins = [block(plan, towards_degrees, spin, orders, degree).astype(plan.dtype) for spin in plan.spins]
                # (order, spin, lat, degree)
                table = np.stack([x.swapaxes(1, 2) if towards_degrees else x for x in spins], 1)
                cut = _halves(plan, table, north, towards_degrees) if plan.halved else [table[:, :, north:south]]
                result += [np.ascontiguousarray(x.swapaxes(2, 3) if towards_degrees else x) for x in cut]
    return result


def _halves(plan: Plan, table: np.ndarray, north: int, towards_degrees: bool) -> list[np.ndarray]:
    rings = table[:, :, north : plan.northern_rings].copy()
    if plan.grid.nlat % 2 == 1 and towards_degrees:
        # The ring on the equator is its own mirror image and is counted twice.
        rings[:, :, -1] /= 2
    return [rings[..., parity::2] for parity in (0, 1)]


def _parity(plan: Plan, orders: range, degree: int) -> np.ndarray:
    """(−1)^(m + degree), the parity about the equator of a block's first degree, by order: (m, 1, 1, 1, 1)."""
    return ((-1.0) ** (np.array(orders) + degree)).astype(plan.dtype).reshape(-1, 1, 1, 1, 1)


def _fold(parity: np.ndarray, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rings to what the degrees of either parity see of them."""
    north = -(-x.shape[2] // 2)
    mirrored = parity * jnp.flip(x[:, :, x.shape[2] - north :], 2)
    return x[:, :, :north] + mirrored, x[:, :, :north] - mirrored


def _unfold(plan: Plan, parity: np.ndarray, first: jax.Array, second: jax.Array) -> jax.Array:
    """What the degrees of either parity make of the northern rings, to both hemispheres."""
    south = first.shape[2] - plan.grid.nlat % 2
    mirrored = parity * (first - second)[:, :, :south]
    return jnp.concatenate([first + second, jnp.flip(mirrored, 2)], 2)


def _interleave(first: jax.Array, second: jax.Array, axis: int) -> jax.Array:
    """Every other entry of an axis from each; the first may have one more."""
    size = first.shape[axis] + second.shape[axis]
    padding = [(0, 0)] * first.ndim
    padding[axis] = (0, first.shape[axis] - second.shape[axis])
    both = jnp.stack([first, jnp.pad(second, padding)], axis + 1)
    both = both.reshape(*both.shape[:axis], -1, *both.shape[axis + 2 :])
    return lax.slice_in_dim(both, 0, size, axis=axis)


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


def _by_class(
    plan: Plan, matrices: tuple[jax.Array, ...], towards_degrees: bool
) -> list[list[tuple[range, Block, list[jax.Array]]]]:
    """(orders, block, matrices) of each block, for each class of orders."""
    blocks = plan.blocks(towards_degrees)
    per_block = len(matrices) // (plan.stride * len(blocks))
    remaining = iter(matrices)
    return [
        [
            (range(block.orders[0] + index, block.orders[1], plan.stride), block, list(islice(remaining, per_block)))
            for block in blocks
        ]
        for index in range(plan.stride)
    ]


def to_degrees(plan: Plan, matrices: tuple[jax.Array, ...], profiles: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts (m, s, lat, batch, channel) by class to parts (m, s, degree, batch, channel) of all orders."""
    by_class = []
    for blocks, of_class in zip(_by_class(plan, matrices, True), profiles, strict=True):
        results = []
        for orders, (_, degree, (north, south)), own in blocks:
            begin = orders.start // plan.stride
            parts = [part[begin : begin + len(orders), :, north:south] for part in of_class]
            if plan.halved:
                parity = _parity(plan, orders, degree)
                folded = zip(*(_fold(parity, part) for part in parts), strict=True)
                halves = (_multiply(plan, [table], list(x)) for table, x in zip(own, folded, strict=True))
                products = [_interleave(even, odd, 2) for even, odd in zip(*halves, strict=True)]
            else:
                products = _multiply(plan, own, parts)
            results.append([_pad(product, degree, 0) for product in products])
        by_class.append(results)
    if plan.stride == 1:
        return _join(by_class[0])
    blocks = zip(*by_class, strict=True)
    return _join([[_interleave(even, odd, 0) for even, odd in zip(*pair, strict=True)] for pair in blocks])


def to_rings(plan: Plan, matrices: tuple[jax.Array, ...], degrees: list[jax.Array]) -> list[list[jax.Array]]:
    """Parts (m, s, degree, batch, channel) of all orders to parts (m, s, lat, batch, channel) by class."""
    classes = _by_class(plan, matrices, False)
    if len(classes[0]) == 1:
        # Cutting several blocks out is what brings entries into the order of the products.
        degrees = lax.optimization_barrier(degrees)
    by_class = []
    for blocks in classes:
        results = []
        for orders, (_, degree, (north, south)), own in blocks:
            parts = [part[orders.start : orders.stop : plan.stride, :, degree:] for part in degrees]
            if plan.halved:
                parity = _parity(plan, orders, degree)
                halves = (_multiply(plan, [table], [x[:, :, i::2] for x in parts]) for i, table in enumerate(own))
                products = [_unfold(plan, parity, *pair) for pair in zip(*halves, strict=True)]
            else:
                products = _multiply(plan, own, parts)
            results.append([_pad(product, north, plan.grid.nlat - south) for product in products])
        by_class.append(_join(results))
    return by_class


def _pad(x: jax.Array, before: int, after: int) -> jax.Array:
    """Zeros before and after the entries of axis 2."""
    return jnp.pad(x, ((0, 0), (0, 0), (before, after), (0, 0), (0, 0)))


def _join(blocks: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts by block to parts of all orders."""
    if len(blocks) == 1:
        return blocks[0]
    return [jnp.concatenate(part) for part in zip(*blocks, strict=True)]
