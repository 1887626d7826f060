"""Fourier transforms along the rings, between maps and order profiles.

Maps have axes (batch, lat, lon, spin, channel). Profiles are lists of real arrays (order, spin, lat, batch, channel)
for orders m >= 0: re F_m and im F_m and, for complex maps, re F_−m and im F_−m. In this layout the product over
colatitude is one batched matrix product without any transposition.

A CPU spends its time here on memory traffic. Slices, flips, sums and transpositions between two `optimization_barrier`s
are one pass over memory; products stay outside such passes, and arrays are never joined inside one, which XLA would
turn into a branch per element.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ._plan import Plan

_barrier = lax.optimization_barrier


def dft_tables(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Cos and sin of m φ_k, (order, k), for k up to half a ring; columns that are their own mirror image count half."""
    order, k = np.arange(plan.bandlimit), np.arange(_half(plan.grid.nlon))
    # The integer product is reduced first, so that the angle keeps its digits.
    angle = 2 * np.pi * (np.outer(order, k) % plan.grid.nlon) / plan.grid.nlon
    return np.cos(angle), np.sin(angle)


def _half(nlon: int) -> int:
    """Columns from φ_0 to the opposite meridian, both included."""
    return nlon // 2 + 1


def _pairs(nlon: int) -> int:
    """Pairs of columns that mirror each other about φ_0."""
    return (nlon - 1) // 2


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """Contract the last axis of `matrix` with the first of `x`."""
    return lax.dot_general(matrix, x, (((1,), (0,)), ((), ())), precision=plan.precision)


def _flip(plan: Plan, x: jax.Array) -> jax.Array:
    """Order −m is stored southern ring first where one table serves m and −m."""
    return jnp.flip(x, 2) if plan.folded else x


def to_profiles(plan: Plan, tables: tuple[jax.Array, ...], maps: jax.Array) -> list[jax.Array]:
    """F_m = Σ_k f(φ_k) e^{−iσmφ_k} for every ring, without the phase of the longitude origin."""
    if plan.fourier == "fft":
        return _fft_to_profiles(plan, maps)
    cosine, sine = tables
    nlon, pairs = plan.grid.nlon, _pairs(plan.grid.nlon)
    inner = slice(1, pairs + 1)
    alternating = ((-1.0) ** np.arange(plan.bandlimit)).astype(plan.dtype).reshape(-1, 1, 1, 1, 1)

    def halves(x: jax.Array) -> tuple[jax.Array, ...]:
        # Even and odd parts about φ_0 halve the two products. Columns that are their own mirror image stay apart.
        x = x.transpose(2, 3, 1, 0, 4)
        mirrored = jnp.flip(x[nlon - pairs :], 0)
        return x[inner] + mirrored, x[inner] - mirrored, x[0], x[nlon // 2]

    components = (maps,) if plan.real else (maps.real, maps.imag)
    even_waves, odd_waves = [], []
    for even, odd, first, opposite in _barrier([halves(x) for x in components]):
        wave, odd_wave = _barrier((_product(plan, cosine[:, inner], even), _product(plan, sine[:, inner], odd)))
        wave = wave + first
        even_waves.append(wave + alternating * opposite if nlon % 2 == 0 else wave)
        odd_waves.append(odd_wave)
    sigma = plan.sign
    if plan.real:
        return [even_waves[0], -sigma * odd_waves[0]]
    (re_cos, im_cos), (re_sin, im_sin) = even_waves, odd_waves
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
    re, im = _barrier((re.transpose(4, 0, 1, 2, 3), im.transpose(4, 0, 1, 2, 3)))
    nlon, L = plan.grid.nlon, plan.bandlimit
    positive = (re[:L], im[:L])
    if plan.real:
        return [positive[0], plan.sign * positive[1]]
    negative = tuple(jnp.concatenate([x[:1], jnp.flip(x[nlon - L + 1 :], 0)]) for x in (re, im))
    if plan.sign < 0:
        positive, negative = negative, positive
    return [*positive, *(_flip(plan, x) for x in negative)]


def to_maps(plan: Plan, tables: tuple[jax.Array, ...], profiles: list[jax.Array]) -> jax.Array:
    """f(φ_k) = Σ_m F_m e^{iσmφ_k}; real maps take F_m for m > 0 as already doubled."""
    parts = profiles if plan.real else [*profiles[:2], *(_flip(plan, part) for part in profiles[2:])]
    if plan.fourier == "fft":
        return _fft_to_maps(plan, parts)
    cosine, sine = (table.T for table in tables)
    sigma, pairs = plan.sign, _pairs(plan.grid.nlon)
    if plan.real:
        sources = [(parts[0], -sigma * parts[1])]
    else:
        sums, differences = [parts[0] + parts[2], parts[1] + parts[3]], [parts[0] - parts[2], parts[1] - parts[3]]
        sources = [(sums[0], -sigma * differences[1]), (sums[1], sigma * differences[0])]
    columns = []
    for even, odd in _barrier(sources):
        even, odd = _barrier((_product(plan, cosine, even), _product(plan, sine, odd)))
        mirrored = even[1 : pairs + 1] - odd[1 : pairs + 1]
        columns.append(jnp.concatenate([even + odd, jnp.flip(mirrored, 0)]).transpose(3, 2, 0, 1, 4))
    return columns[0] if plan.real else lax.complex(*columns)


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
