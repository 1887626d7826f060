"""Fourier transforms along the rings, between maps and order profiles.

Maps have axes (batch, lat, lon, spin, channel). Profiles are real arrays (order m >= 0, spin, lat, part, batch, channel)
whose parts are re F_m, im F_m and, for complex maps, re F_−m, im F_−m: the layout in which the matrix product over
colatitude is one batched product without any transposition.

A CPU spends its time here on memory traffic. Hence the `optimization_barrier`s: each pass between them is one that
XLA turns into a contiguous loop or a plain transposition, where the fused whole was measured two to three times slower
(`tools/bench/transform.py`).
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
    return nlon // 2 + 1


def _product(plan: Plan, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """Contract the last axis of `matrix` with the first of `x`."""
    return lax.dot_general(matrix, x, (((1,), (0,)), ((), ())), precision=plan.precision)


def _flip(plan: Plan, x: jax.Array) -> jax.Array:
    """Order −m is stored southern ring first where one table serves m and −m."""
    return jnp.flip(x, 2) if plan.folded else x


def to_profiles(plan: Plan, tables: tuple[jax.Array, ...], maps: jax.Array) -> jax.Array:
    """F_m = Σ_k f(φ_k) e^{−iσmφ_k} for every ring, without the phase of the longitude origin."""
    components = (maps,) if plan.real else _barrier((maps.real, maps.imag))
    if plan.fourier == "fft":
        return _fft_to_profiles(plan, maps)
    components = _barrier([c.transpose(2, 3, 1, 0, 4) for c in components])
    cosine, sine = tables
    nlon, half = plan.grid.nlon, _half(plan.grid.nlon)
    # Even and odd parts about φ_0 halve the two products. A column that is its own mirror image is halved.
    own = np.ones(half, plan.dtype)
    own[0] = 0.5
    if nlon % 2 == 0:
        own[-1] = 0.5
    cosine = cosine * own

    def halves(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        mirrored = jnp.concatenate([x[:1], jnp.flip(x[nlon - half + 1 :], 0)])
        return x[:half] + mirrored, x[:half] - mirrored

    folded = _barrier([halves(c) for c in components])
    waves = _barrier([(_product(plan, cosine, even), _product(plan, sine, odd)) for even, odd in folded])
    sigma = plan.sign
    if plan.real:
        ((re_cos, re_sin),) = waves
        return jnp.stack([re_cos, -sigma * re_sin], 3)
    (re_cos, re_sin), (im_cos, im_sin) = waves
    parts = _barrier(
        (
            re_cos + sigma * im_sin,
            im_cos - sigma * re_sin,
            _flip(plan, re_cos - sigma * im_sin),
            _flip(plan, im_cos + sigma * re_sin),
        )
    )
    return _barrier(jnp.stack(parts, 3))


def _fft_to_profiles(plan: Plan, maps: jax.Array) -> jax.Array:
    rows = _barrier(maps.transpose(3, 1, 0, 4, 2))
    spectrum = _barrier(jnp.fft.rfft(rows) if plan.real else jnp.fft.fft(rows))
    re, im = _barrier((spectrum.real, spectrum.imag))
    re, im = _barrier((re.transpose(4, 0, 1, 2, 3), im.transpose(4, 0, 1, 2, 3)))
    nlon, L = plan.grid.nlon, plan.bandlimit
    positive = (re[:L], im[:L])
    if plan.real:
        return jnp.stack([positive[0], plan.sign * positive[1]], 3)
    negative = tuple(jnp.concatenate([x[:1], jnp.flip(x[nlon - L + 1 :], 0)]) for x in (re, im))
    if plan.sign < 0:
        positive, negative = negative, positive
    return _barrier(jnp.stack([*positive, *(_flip(plan, x) for x in negative)], 3))


def to_maps(plan: Plan, tables: tuple[jax.Array, ...], profiles: jax.Array) -> jax.Array:
    """f(φ_k) = Σ_m F_m e^{iσmφ_k}; real maps take F_m for m > 0 as already doubled."""
    parts = [profiles[:, :, :, i] for i in range(plan.parts)]
    if not plan.real:
        parts[2:] = [_flip(plan, part) for part in parts[2:]]
    if plan.fourier == "fft":
        return _fft_to_maps(plan, parts)
    cosine, sine = (table.T for table in tables)
    sigma = plan.sign
    if plan.real:
        re, im = _barrier(parts)
        pairs = [(_product(plan, cosine, re), -sigma * _product(plan, sine, im))]
    else:
        re_sum, im_sum, re_difference, im_difference = _barrier(
            (parts[0] + parts[2], parts[1] + parts[3], parts[0] - parts[2], parts[1] - parts[3])
        )
        pairs = [
            (_product(plan, cosine, re_sum), -sigma * _product(plan, sine, im_difference)),
            (_product(plan, cosine, im_sum), sigma * _product(plan, sine, re_difference)),
        ]
    pairs = _barrier(pairs)
    rest = plan.grid.nlon - _half(plan.grid.nlon)
    columns = [
        jnp.concatenate([even + odd, jnp.flip(even[1 : rest + 1] - odd[1 : rest + 1], 0)]) for even, odd in pairs
    ]
    columns = _barrier([c.transpose(3, 2, 0, 1, 4) for c in _barrier(columns)])
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
