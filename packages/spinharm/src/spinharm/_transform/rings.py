"""Fourier transforms along the rings, between maps and order profiles.

Maps have axes (batch, lat, lon, spin, channel). Profiles are lists of real arrays (order, spin, lat, batch, channel)
for orders m >= 0: re and im F_m and, for complex maps, re F_−m and im F_−m; one list for all orders, or one for the
even and one for the odd ones (`Plan.stride`). In this layout the product over colatitude is one batched matrix product
without any transposition.

A CPU spends its time here on memory traffic. Slices, flips, sums and transpositions between two `optimization_barrier`s
are one pass over memory; products stay outside such passes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._arrays import arguments
from .plan import Plan

_barrier = lax.optimization_barrier


class _Columns(NamedTuple):
    """Combinations of the columns of rings that the cosines, or the sines, of a class of orders need.

    Attributes:
        paired: (k, spin, lat, batch, channel): sums or differences of columns that mirror each other.
        same: A column that counts the same in all orders, if any.
        alternating: A column that counts (−1)^i in entry i of the class, if any.
    """

    paired: jax.Array
    same: jax.Array | None = None
    alternating: jax.Array | None = None


def dft_tables(plan: Plan) -> list[np.ndarray]:
    """Cosines and sines of m φ_k by class, (order, k): k up to half a ring, to a quarter for two classes."""
    k = np.arange(plan.grid.nlon // (2 * plan.stride) + 1)
    result = []
    for first in range(plan.stride):
        order = np.arange(first, plan.bandlimit, plan.stride)
        # The integer product is reduced first, so that the angle keeps its digits.
        angle = 2 * np.pi * (np.outer(order, k) % plan.grid.nlon) / plan.grid.nlon
        result += [np.cos(angle), np.sin(angle)]
    return result


def _fold(plan: Plan, x: jax.Array) -> list[tuple[_Columns, _Columns]]:
    """Combine mirrored columns (lon, …) for the cosines and the sines of each class: smaller products.

    Cosines are even and sines odd about φ = 0. Cosines of even and sines of odd orders are even about φ = π/2, the
    others odd. Columns that are their own mirror image are kept separately.
    """
    nlon, pairs = plan.grid.nlon, (plan.grid.nlon - 1) // 2
    if plan.stride == 1:
        inner, mirrored = x[1 : pairs + 1], jnp.flip(x[nlon - pairs :], 0)
        opposite = x[nlon // 2] if nlon % 2 == 0 else None
        return [(_Columns(inner + mirrored, x[0], opposite), _Columns(inner - mirrored))]
    quarter, half = nlon // 4, nlon // 2
    near, mirrored = x[1:quarter], jnp.flip(x[nlon - quarter + 1 :], 0)
    far, opposite = jnp.flip(x[half - quarter + 1 : half], 0), x[half + 1 : half + quarter]
    even, odd, far_even, far_odd = near + mirrored, near - mirrored, far + opposite, far - opposite
    east, west = x[quarter], x[nlon - quarter]
    return [
        (_Columns(even + far_even, x[0] + x[half], east + west), _Columns(odd - far_odd)),
        (_Columns(even - far_even, x[0] - x[half]), _Columns(odd + far_odd, None, east - west)),
    ]


def _unfold(plan: Plan, waves: list[tuple[jax.Array, jax.Array]]) -> jax.Array:
    """Sums of cosines and of sines of each class, (k, …), to columns (lon, …)."""
    if plan.stride == 1:
        ((even, odd),) = waves
        inner = slice(1, (plan.grid.nlon - 1) // 2 + 1)
        return jnp.concatenate([even + odd, jnp.flip((even - odd)[inner], 0)])
    (even, odd), (even_of_odd, odd_of_odd) = waves
    quadrants = [
        even + even_of_odd + (odd + odd_of_odd),
        jnp.flip((even - even_of_odd - (odd - odd_of_odd))[:-1], 0),
        (even - even_of_odd + (odd - odd_of_odd))[1:],
        jnp.flip((even + even_of_odd - (odd + odd_of_odd))[1:-1], 0),
    ]
    return jnp.concatenate(quadrants)


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """Contract the last axis of `matrix` with the first of `x`."""
    return lax.dot_general(matrix, x, (((1,), (0,)), ((), ())), precision=plan.precision)


def _with_fixed(plan: Plan, product: jax.Array, columns: _Columns) -> jax.Array:
    """Add the columns that are their own mirror image to a product."""
    if columns.same is not None:
        product = product + columns.same
    if columns.alternating is not None:
        sign = ((-1.0) ** np.arange(product.shape[0])).astype(plan.dtype)
        product = product + sign.reshape(-1, *(1,) * columns.alternating.ndim) * columns.alternating
    return product


def _flip(plan: Plan, x: jax.Array) -> jax.Array:
    """Order −m is stored southern ring first where one table serves m and −m."""
    return jnp.flip(x, 2) if plan.folded else x


def to_profiles(plan: Plan, tables: tuple[jax.Array, ...], maps: jax.Array) -> list[list[jax.Array]]:
    """F_m = Σ_k f(φ_k) e^{−iσmφ_k} for every ring by class, without the phase of the longitude origin."""
    if plan.fourier == "fft":
        return [_fft_to_profiles(plan, maps)]
    folded = _barrier(_fold(plan, _parts(maps.transpose(2, 3, 1, 0, 4))))
    return [
        _orders_of_waves(plan, _waves(plan, pair, columns))
        for pair, columns in zip(_pairs(tables), folded, strict=True)
    ]


def _pairs(tables: tuple[jax.Array, ...]) -> list[tuple[jax.Array, jax.Array]]:
    """Cosines and sines of each class of orders."""
    return list(zip(tables[::2], tables[1::2], strict=True))


def _waves(plan: Plan, tables: tuple[jax.Array, jax.Array], columns: tuple[_Columns, _Columns]) -> list[jax.Array]:
    """Sums of columns times cosines and times sines, for one class of orders: (m, …)."""
    products = [
        _product(plan, table[:, 1 : 1 + x.paired.shape[0]], x.paired) for table, x in zip(tables, columns, strict=True)
    ]
    return [_with_fixed(plan, *pair) for pair in zip(_barrier(products), columns, strict=True)]


def _parts(x: jax.Array) -> jax.Array:
    """Real and imaginary parts along a new second axis, which has one entry for real x."""
    x = x[:, None]
    if not jnp.iscomplexobj(x):
        return x
    # A choice is a loop on all cores, a concatenation one on a single core.
    return jnp.where(np.arange(2).reshape(2, *(1,) * (x.ndim - 2)) == 0, x.real, x.imag)


def _orders_of_waves(plan: Plan, waves: list[jax.Array]) -> list[jax.Array]:
    """Parts of a profile from the cosine and the sine waves of real maps, or of their real and imaginary parts."""
    sigma, (cosine, sine) = plan.sign, waves
    if plan.real:
        return [cosine[:, 0], -sigma * sine[:, 0]]
    re_cos, im_cos, re_sin, im_sin = cosine[:, 0], cosine[:, 1], sine[:, 0], sine[:, 1]
    return [
        re_cos + sigma * im_sin,
        im_cos - sigma * re_sin,
        _flip(plan, re_cos - sigma * im_sin),
        _flip(plan, im_cos + sigma * re_sin),
    ]


def _fft_to_profiles(plan: Plan, maps: jax.Array) -> list[jax.Array]:
    rows = _barrier(maps.transpose(3, 1, 0, 4, 2))
    spectrum = _barrier(jnp.fft.rfft(rows) if plan.real else jnp.fft.fft(rows))
    re, im = _barrier((spectrum.real, spectrum.imag))
    re, im = re.transpose(4, 0, 1, 2, 3), im.transpose(4, 0, 1, 2, 3)
    nlon, L = plan.grid.nlon, plan.bandlimit
    positive = (re[:L], im[:L])
    if plan.real:
        return [positive[0], plan.sign * positive[1]]
    negative = tuple(jnp.concatenate([x[:1], jnp.flip(x[nlon - L + 1 :], 0)]) for x in (re, im))
    if plan.sign < 0:
        positive, negative = negative, positive
    return [*positive, *(_flip(plan, x) for x in negative)]


def to_maps(plan: Plan, tables: tuple[jax.Array, ...], profiles: list[list[jax.Array]]) -> jax.Array:
    """f(φ_k) = Σ_m F_m e^{iσmφ_k}; real maps take F_m for m > 0 as already doubled."""
    if plan.fourier == "fft":
        return _fft_to_maps(plan, _unflipped(plan, profiles[0]))
    waves = _barrier([_waves_of_orders(plan, _unflipped(plan, parts)) for parts in profiles])
    sums = _barrier(
        [
            [(_product(plan, cosine.T, even), _product(plan, sine.T, odd)) for even, odd in of_class]
            for (cosine, sine), of_class in zip(_pairs(tables), waves, strict=True)
        ]
    )
    columns = [_unfold(plan, list(component)) for component in zip(*sums, strict=True)]
    if not arguments.at_least(columns[0].shape[-1], plan.tuning.enough_channels):
        columns = _barrier(columns)
    columns = [x.transpose(3, 2, 0, 1, 4) for x in columns]
    return columns[0] if plan.real else lax.complex(*columns)


def _unflipped(plan: Plan, parts: list[jax.Array]) -> list[jax.Array]:
    return [*parts[:2], *(_flip(plan, part) for part in parts[2:])]


def _waves_of_orders(plan: Plan, parts: list[jax.Array]) -> list[tuple[jax.Array, jax.Array]]:
    """Factors of cosines and sines, for real maps, or for the real and the imaginary parts of complex maps."""
    sigma = plan.sign
    if plan.real:
        return [(parts[0], -sigma * parts[1])]
    re, im, re_negative, im_negative = parts
    return [(re + re_negative, -sigma * (im - im_negative)), (im + im_negative, sigma * (re - re_negative))]


def _fft_to_maps(plan: Plan, parts: list[jax.Array]) -> jax.Array:
    nlon, L = plan.grid.nlon, plan.bandlimit
    if plan.real:
        # `irfft` adds the conjugate half itself: undo the doubling of orders above 0. The order at nlon/2 cannot
        # occur, since nlon >= 2L − 1.
        half = np.full((L, 1, 1, 1, 1), 0.5, plan.dtype)
        half[0] = 1.0
        re, im = parts[0] * half, parts[1] * (plan.sign * half)
        missing = nlon // 2 + 1 - L
        spectrum = [jnp.pad(x, ((0, missing), *((0, 0),) * 4)) for x in (re, im)]
    else:
        positive, negative = (parts[:2], parts[2:]) if plan.sign > 0 else (parts[2:], parts[:2])
        # Order 0 of the negative half is zero in a synthesis, but either half may hold it: add them.
        zeros = jnp.zeros((nlon - 2 * L + 1, *parts[0].shape[1:]), parts[0].dtype)
        spectrum = [
            jnp.concatenate([p[:1] + n[:1], p[1:], zeros, jnp.flip(n[1:], 0)])
            for p, n in zip(positive, negative, strict=True)
        ]
    re, im = _barrier([x.transpose(1, 2, 3, 4, 0) for x in _barrier(spectrum)])
    spectrum = _barrier(lax.complex(re, im))
    if plan.real:
        rows = jnp.fft.irfft(spectrum, nlon)
    else:
        rows = jnp.fft.ifft(spectrum)
    return _barrier(rows * jnp.asarray(nlon, rows.dtype)).transpose(2, 1, 4, 0, 3)
