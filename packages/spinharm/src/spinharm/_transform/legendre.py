"""Legendre products with dense tables: one real matrix per order between rings and degrees."""

from collections.abc import Callable
from functools import partial
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._arrays import arguments
from .._arrays.cache import cached_table
from .._coefficients import recursion
from .._grids import quadrature
from .._grids.grid import Grid
from .plan import Block, Plan, recursion_nodes

_Apply = Callable[[jax.Array, list[jax.Array]], list[jax.Array]]


def analysis_rule(plan: Plan) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray] | None]:
    """Quadrature of ring profiles: (nodes, weights, interpolation by parity or None).

    `Σ_i weights[i] Y(nodes[i]) (interpolation[parity] @ profile)[i]` is the coefficient; the weights hold 2π/nlon.
    """
    if plan.grid.rule != "circle":
        return plan.grid.colatitude, plan.grid.weights, None
    return _circle_rule(plan.grid, plan.bandlimit)


@cached_table
def _circle_rule(grid: Grid, bandlimit: int) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    # Exact for the full band: the profile of order m continues over the pole with parity (−1)^(m+s), so interpolating
    # it trigonometrically and integrating at Gauss-Legendre nodes loses nothing.
    nodes, weights = quadrature.gauss_legendre(recursion_nodes(grid, bandlimit))
    interpolation = {
        parity: quadrature.circle_to_points(grid.nlat, grid.north_pole, grid.south_pole, nodes, parity)
        for parity in (1, -1)
    }
    if grid.south_first:
        interpolation = {parity: matrix[:, ::-1] for parity, matrix in interpolation.items()}
    return nodes, weights * (2 * np.pi / grid.nlon), interpolation


def block(plan: Plan, spin: int, orders: np.ndarray, first_degree: int = 0, rings: slice = slice(None)) -> np.ndarray:
    """The matrices of one spin, some orders and some rings in float64: (order, degree, lat) or (order, lat, degree)."""
    if not plan.integrates:
        table = recursion.reduced_harmonics(plan.bandlimit, spin, plan.grid.colatitude[rings], orders, first_degree)
    else:
        nodes, weights, interpolation = analysis_rule(plan)
        # Weighted sums take the rings one by one, interpolation needs all nodes.
        own = rings if interpolation is None else slice(None)
        table = recursion.reduced_harmonics(plan.bandlimit, spin, nodes[own], orders, first_degree)
        table *= weights[own]
        if interpolation is not None:
            by_parity = {parity: matrix[:, rings] for parity, matrix in interpolation.items()}
            on_rings = np.empty((*table.shape[:2], by_parity[1].shape[1]))
            for parity, matrix in by_parity.items():
                chosen = (orders + spin) % 2 == (0 if parity > 0 else 1)
                on_rings[chosen] = table[chosen] @ matrix
            table = on_rings
    return table if plan.gives_degrees else table.transpose(0, 2, 1)


def tables(plan: Plan) -> list[np.ndarray]:
    """Host tables by class of orders and `Plan.blocks`: (order, spin, degree, lat) or (order, spin, lat, degree).

    Without symmetric rings a second one follows each, for the negative orders. If `plan.halved`, a block is two tables
    of the northern rings, for every other degree from the first one and from the second one.
    """
    result = []
    signs = (1,) if plan.folded or plan.real else (1, -1)
    degrees = (slice(0, None, 2), slice(1, None, 2)) if plan.halved else (slice(None),)
    blocks = [(index, *block) for index in range(plan.stride) for block in plan.blocks]
    for index, (first, last), degree, (north, south) in blocks:
        rings = slice(north, plan.northern_rings if plan.halved else south)
        for sign in signs:
            orders = sign * np.arange(first + index, last, plan.stride)
            spins = [block(plan, spin, orders, degree, rings).astype(plan.dtype) for spin in plan.spins]
            table = np.stack(spins, 1)
            result += [np.ascontiguousarray(table[:, :, x] if plan.gives_degrees else table[..., x]) for x in degrees]
    return result


def _ring_factors(plan: Plan) -> np.ndarray:
    """Factors of rings that are not in the tables, (lat, 1, 1)."""
    weighted = plan.shared and plan.integrates and not plan.interpolates
    factors = plan.grid.weights.copy() if weighted else np.ones(plan.grid.nlat)
    if plan.gives_degrees and plan.halved and plan.grid.nlat % 2 == 1:
        # The ring on the equator is its own mirror image, which `_fold` adds.
        factors[plan.grid.nlat // 2] /= 2
    return factors.astype(plan.dtype)[:, None, None]


def _parity(plan: Plan, orders: range, degree: int) -> np.ndarray:
    """(−1)^(m + degree), the parity about the equator of a block's first degree, by order: (m, 1, 1, 1, 1)."""
    return ((-1.0) ** (np.array(orders) + degree)).astype(plan.dtype).reshape(-1, 1, 1, 1, 1)


def _fold(parity: np.ndarray, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Sums and differences of rings mirrored at the equator, for degrees of either parity."""
    north = -(-x.shape[2] // 2)
    mirrored = parity * jnp.flip(x[:, :, x.shape[2] - north :], 2)
    return x[:, :, :north] + mirrored, x[:, :, :north] - mirrored


def _unfold(plan: Plan, parity: np.ndarray, first: jax.Array, second: jax.Array) -> jax.Array:
    """Both hemispheres from the contributions of degrees of either parity to the northern rings."""
    south = first.shape[2] - plan.grid.nlat % 2
    mirrored = parity * (first - second)[:, :, :south]
    return jnp.concatenate([first + second, jnp.flip(mirrored, 2)], 2)


def _interleave(first: jax.Array, second: jax.Array, axis: int) -> jax.Array:
    """Alternate the entries of two arrays along an axis; the first may have one more."""
    size = first.shape[axis] + second.shape[axis]
    padding = [(0, 0)] * first.ndim
    padding[axis] = (0, first.shape[axis] - second.shape[axis])
    both = jnp.stack([first, jnp.pad(second, padding)], axis + 1)
    both = both.reshape(*both.shape[:axis], 2 * first.shape[axis], *both.shape[axis + 2 :])
    return lax.slice_in_dim(both, 0, size, axis=axis)


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """(m, s, …, in) × (m, s, in, …)."""
    return lax.dot_general(matrix, x, (((3,), (2,)), ((0, 1), (0, 1))), precision=plan.precision)


def _multiply(apply: _Apply, block: list[jax.Array], parts: list[jax.Array]) -> list[jax.Array]:
    """Apply a block to all parts: matrices of orders m to the first two, of orders −m to the others."""
    if len(block) == 2:
        return apply(block[0], parts[:2]) + apply(block[1], parts[2:])
    return apply(block[0], parts)


def _direct(plan: Plan, matrix: jax.Array, parts: list[jax.Array]) -> list[jax.Array]:
    """(m, s, out, in) times each part over `in`."""
    if arguments.at_least(parts[0].shape[3] * parts[0].shape[4], plan.tuning.enough_columns):
        return [_product(plan, matrix, part) for part in parts]
    joined = _product(plan, matrix, lax.optimization_barrier(jnp.stack(parts, 3)))
    return [joined[:, :, :, index] for index in range(len(parts))]


def _transposed(plan: Plan, matrix: jax.Array, parts: list[jax.Array]) -> list[jax.Array]:
    """(m, s, in, out) times each part over `in`, with the parts as rows: products with a transposed matrix are slow."""
    batch, channel = parts[0].shape[3:]
    rows = jnp.stack([part.reshape(*part.shape[:3], -1).swapaxes(2, 3) for part in parts], 2)
    rows = lax.optimization_barrier(rows.reshape(*rows.shape[:2], -1, rows.shape[-1]))
    product = lax.optimization_barrier(_product(plan, rows, matrix))
    product = product.reshape(*product.shape[:2], len(parts), batch, channel, product.shape[-1])
    return [jnp.moveaxis(product[:, :, index], -1, 2) for index in range(len(parts))]


def _by_class(plan: Plan, matrices: tuple[jax.Array, ...]) -> list[list[tuple[range, Block, list[jax.Array]]]]:
    """(orders, block, matrices) of each block, for each class of orders."""
    blocks, remaining = plan.blocks, iter(matrices)
    per_block = len(matrices) // (plan.stride * len(blocks))
    return [
        [
            (range(block.orders[0] + index, block.orders[1], plan.stride), block, list(islice(remaining, per_block)))
            for block in blocks
        ]
        for index in range(plan.stride)
    ]


def to_degrees(plan: Plan, matrices: tuple[jax.Array, ...], profiles: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts (m, s, lat, batch, channel) by class to parts (m, s, degree, batch, channel) of all orders."""
    by_class = [
        [_block_to_degrees(plan, *one, of_class) for one in blocks]
        for blocks, of_class in zip(_by_class(plan, matrices), profiles, strict=True)
    ]
    if plan.stride == 1:
        return _join(by_class[0])
    pairs = zip(*by_class, strict=True)
    return _join([[_interleave(even, odd, 0) for even, odd in zip(*pair, strict=True)] for pair in pairs])


def _block_to_degrees(
    plan: Plan, orders: range, block: Block, own: list[jax.Array], profiles: list[jax.Array]
) -> list[jax.Array]:
    apply, factors, (north, south) = partial(_direct, plan), _ring_factors(plan), block.rings
    begin = orders.start // plan.stride
    parts = [part[begin : begin + len(orders), :, north:south] for part in profiles]
    parts = _scaled(parts, factors[north:south])
    if plan.halved:
        parity = _parity(plan, orders, block.degree)
        folded = zip(*(_fold(parity, part) for part in parts), strict=True)
        halves = (apply(table, list(x)) for table, x in zip(own, folded, strict=True))
        products = [_interleave(even, odd, 2) for even, odd in zip(*halves, strict=True)]
    else:
        products = _multiply(apply, own, parts)
    return [_pad(product, block.degree, 0) for product in products]


def to_rings(plan: Plan, matrices: tuple[jax.Array, ...], degrees: list[jax.Array]) -> list[list[jax.Array]]:
    """Parts (m, s, degree, batch, channel) of all orders to parts (m, s, lat, batch, channel) by class."""
    classes = _by_class(plan, matrices)
    if len(classes[0]) == 1:
        # Slicing several blocks would already bring entries into the order of the products.
        degrees = lax.optimization_barrier(degrees)
    return [_join([_block_to_rings(plan, *one, degrees) for one in blocks]) for blocks in classes]


def _block_to_rings(
    plan: Plan, orders: range, block: Block, own: list[jax.Array], degrees: list[jax.Array]
) -> list[jax.Array]:
    apply, factors = partial(_transposed if plan.shared else _direct, plan), _ring_factors(plan)
    north, south = block.rings
    parts = [part[orders.start : orders.stop : plan.stride, :, block.degree :] for part in degrees]
    if plan.halved:
        parity = _parity(plan, orders, block.degree)
        halves = (apply(table, [x[:, :, i::2] for x in parts]) for i, table in enumerate(own))
        products = [_unfold(plan, parity, *pair) for pair in zip(*halves, strict=True)]
    else:
        products = _multiply(apply, own, parts)
    products = _scaled(products, factors[north:south])
    return [_pad(product, north, plan.grid.nlat - south) for product in products]


def _scaled(parts: list[jax.Array], factors: np.ndarray) -> list[jax.Array]:
    return parts if np.all(factors == 1) else [part * factors for part in parts]


def _pad(x: jax.Array, before: int, after: int) -> jax.Array:
    """Zeros before and after the entries of axis 2."""
    return jnp.pad(x, ((0, 0), (0, 0), (before, after), (0, 0), (0, 0)))


def _join(blocks: list[list[jax.Array]]) -> list[jax.Array]:
    """Parts by block to parts of all orders."""
    if len(blocks) == 1:
        return blocks[0]
    return [jnp.concatenate(part) for part in zip(*blocks, strict=True)]
