"""The algorithm of the paper: the sphere continued to a torus, and sums over products of Wigner Δ.

Equations (4)-(7) of Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), after Huffenberger and Wandelt, Fast and
exact spin-s spherical harmonic transforms (2010). The paper's two choices are kept as options: whether the symmetry of
Δ halves the sum over m′ (equation 5), and whether Fourier transforms are matrix products or FFTs. It is here to be
compared with; `method="tables"` computes the same numbers with fewer operations.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from . import _checks, _entries, _quadrature, _recursion
from ._cache import cached_table

if TYPE_CHECKING:
    from ._grid import Grid
    from ._transform import SpinTransform


def table_bytes(bandlimit: int, spins: tuple[int, ...], dtype: str, symmetric: bool) -> int:
    """Bytes of the Δ products of all spins."""
    rows = bandlimit if symmetric else 2 * bandlimit - 1
    return np.dtype(dtype).itemsize * len(spins) * (2 * bandlimit - 1) * bandlimit * rows


@cached_table
def delta_products(bandlimit: int, spin: int, dtype: str, symmetric: bool) -> jax.Array:
    """(−1)^s √((2l+1)/4π) Δ^l_{m′m} Δ^l_{m′,−s}, shape (m, l, m′); m′ >= 0 only if `symmetric`."""
    orders = np.arange(-bandlimit + 1, bandlimit)
    first = np.arange(bandlimit) if symmetric else orders
    table = np.empty((orders.size, bandlimit, first.size), dtype)
    for degree, delta in enumerate(_recursion.degrees(bandlimit, first[:, None], orders[None, :], np.pi / 2)):
        norm = (-1) ** (spin % 2) * math.sqrt((2 * degree + 1) / (4 * math.pi))
        table[:, degree] = (norm * delta * delta[:, bandlimit - 1 - spin, None]).T
    with jax.ensure_compile_time_eval():
        return jnp.asarray(table)


def _phase(transform: SpinTransform) -> np.ndarray:
    """i^(m+s), (order, spin, 1)."""
    order = np.arange(-transform.bandlimit + 1, transform.bandlimit)
    return np.array([1, 1j, -1, -1j])[(order[:, None] + np.array(transform.spins)) % 4][..., None]


def _parity(transform: SpinTransform) -> np.ndarray:
    """(−1)^(m+s), (order, spin, 1)."""
    order = np.arange(-transform.bandlimit + 1, transform.bandlimit)
    return (-1.0) ** (order[:, None] + np.array(transform.spins))[..., None]


def _interior(grid: Grid) -> slice:
    return slice(1 if grid.north_pole else 0, grid.nlat - 1 if grid.south_pole else grid.nlat)


def _circle(grid: Grid) -> tuple[int, float, np.ndarray]:
    """Size of the meridian circle, angle of its first point, and its frequencies in FFT order."""
    size = _quadrature.circle_size(grid.nlat, grid.north_pole, grid.south_pole)
    offset = 0.0 if grid.north_pole else np.pi / size
    return size, offset, np.fft.fftfreq(size, 1 / size).round().astype(int)


def _overlap(frequency: np.ndarray) -> np.ndarray:
    """∫_0^π e^{ipθ} sin θ dθ."""
    p = frequency.astype(float)
    even = np.where(np.abs(p) == 1, 0.0, 2.0 / np.where(np.abs(p) == 1, 1.0, 1.0 - p**2))
    return np.where(frequency % 2 == 0, even, np.where(np.abs(p) == 1, 0.5j * np.pi * p, 0.0))


def _inner_products(grid: Grid, orders: np.ndarray) -> np.ndarray:
    """(m′, frequency): from the spectrum of a profile to ∫ F(θ) e^{−im′θ} sin θ dθ · 2π/nlon."""
    size, offset, frequency = _circle(grid)
    matrix = _overlap(frequency[None, :] - orders[:, None])
    if size % 2 == 0:
        # The highest frequency stands for a cosine: half of it at either sign, each with its own origin phase.
        at = size // 2
        both = [np.exp(-1j * k * offset) * _overlap(k - orders) / 2 for k in (at, -at)]
        matrix[:, at] = (both[0] + both[1]) * np.exp(1j * frequency[at] * offset)
    return matrix * np.exp(-1j * frequency * offset) * (2 * np.pi / grid.nlon / size)


def _einsum(transform: SpinTransform, expression: str, *operands: jax.Array | np.ndarray) -> jax.Array:
    return jnp.einsum(expression, *operands, precision=transform.precision)


def _real_einsum(transform: SpinTransform, expression: str, table: jax.Array, x: jax.Array) -> jax.Array:
    re, im = (_einsum(transform, expression, table, part) for part in (x.real, x.imag))
    return jax.lax.complex(re, im)


def forward(transform: SpinTransform, maps: jax.Array) -> jax.Array:
    """Coefficients of complex maps (*batch, lat, lon, spin, channel)."""
    return _forward(_tables(transform, maps), maps, transform)


def inverse(transform: SpinTransform, coeffs: jax.Array) -> jax.Array:
    """Complex maps of coefficients (*batch, degree, order, spin, channel)."""
    return _inverse(_tables(transform, coeffs), coeffs, transform)


def _tables(transform: SpinTransform, x: jax.Array) -> tuple[jax.Array, ...]:
    dtype = _checks.real_dtype(x)
    return tuple(delta_products(transform.bandlimit, spin, dtype, transform.delta_symmetry) for spin in transform.spins)


@functools.partial(jax.jit, static_argnums=2)
def _forward(tables: tuple[jax.Array, ...], maps: jax.Array, transform: SpinTransform) -> jax.Array:
    grid, L, dtype = transform.grid, transform.bandlimit, maps.dtype
    order = np.arange(-L + 1, L)
    if grid.south_first:
        maps = jnp.flip(maps, -4)
    if transform.fourier == "dft":
        profiles = _einsum(
            transform, "mk,...tksc->...tmsc", np.exp(-1j * order[:, None] * grid.longitude).astype(dtype), maps
        )
    else:
        profiles = jnp.fft.fft(maps, axis=-3)[..., order % grid.nlon, :, :]
        profiles = profiles * np.exp(-1j * order * grid.longitude_origin)[:, None, None].astype(dtype)
    # An odd profile vanishes at the poles; whatever a map holds there is not part of it.
    inside = _interior(grid)
    at_pole = np.ones(grid.nlat, bool)
    at_pole[inside] = False
    profiles = jnp.where(at_pole[:, None, None, None] & (_parity(transform) < 0), 0, profiles)
    mirrored = jnp.flip(profiles[..., inside, :, :, :], -4) * _parity(transform).astype(dtype)
    torus = jnp.concatenate([profiles, mirrored], -4)
    products = _inner_products(grid, order)
    if transform.fourier == "dft":
        size, _, frequency = _circle(grid)
        matrix = products @ np.exp(-2j * np.pi * np.outer(frequency, np.arange(size)) / size)
        inner = _einsum(transform, "kt,...tmsc->...kmsc", matrix.astype(dtype), torus)
    else:
        spectrum = jnp.fft.fft(torus, axis=-4)
        inner = _einsum(transform, "kf,...fmsc->...kmsc", products.astype(dtype), spectrum)
    if transform.delta_symmetry:
        negative = jnp.flip(inner[..., : L - 1, :, :, :], -4) * _parity(transform).astype(dtype)
        inner = jnp.concatenate([inner[..., L - 1 : L, :, :, :], inner[..., L:, :, :, :] + negative], -4)
    coeffs = [
        _real_einsum(transform, "mlk,...kmc->...lmc", table, inner[..., index, :]) for index, table in enumerate(tables)
    ]
    return _entries.meaningful(jnp.stack(coeffs, -2) * _phase(transform).astype(dtype), -4, transform.spins)


@functools.partial(jax.jit, static_argnums=2)
def _inverse(tables: tuple[jax.Array, ...], coeffs: jax.Array, transform: SpinTransform) -> jax.Array:
    grid, L, dtype = transform.grid, transform.bandlimit, coeffs.dtype
    order = np.arange(-L + 1, L)
    coeffs = _entries.meaningful(coeffs, -4, transform.spins) * _phase(transform).astype(dtype)
    waves = [
        _real_einsum(transform, "mlk,...lmc->...kmc", table, coeffs[..., index, :])
        for index, table in enumerate(tables)
    ]
    torus = jnp.stack(waves, -2)
    if transform.delta_symmetry:
        mirrored = jnp.flip(torus[..., 1:, :, :, :], -4) * _parity(transform).astype(dtype)
        torus = jnp.concatenate([mirrored, torus], -4)
    size, offset, _ = _circle(grid)
    if transform.fourier == "dft":
        theta = offset + 2 * np.pi * np.arange(grid.nlat) / size
        matrix = np.exp(-1j * theta[:, None] * order).astype(dtype)
        profiles = _einsum(transform, "tk,...kmsc->...tmsc", matrix, torus)
        matrix = np.exp(1j * grid.longitude[:, None] * order).astype(dtype)
        maps = _einsum(transform, "km,...tmsc->...tksc", matrix, profiles)
    else:
        torus = torus * np.exp(-1j * order * offset)[:, None, None, None].astype(dtype)
        torus = torus * np.exp(1j * order * grid.longitude_origin)[:, None, None].astype(dtype)
        # f = Σ e^{−im′θ} e^{imφ} G: a forward FFT over θ and an inverse one over φ.
        profiles = jnp.fft.fft(_spread(torus, size, -4), axis=-4)[..., : grid.nlat, :, :, :]
        maps = jnp.fft.ifft(_spread(profiles, grid.nlon, -3), axis=-3) * np.asarray(grid.nlon, dtype)
    return jnp.flip(maps, -4) if grid.south_first else maps


def _spread(x: jax.Array, size: int, axis: int) -> jax.Array:
    """Orders −L+1 … L−1 along `axis` to `size` frequencies in FFT order."""
    L = (x.shape[axis] + 1) // 2
    before, after = jnp.split(x, [L - 1], axis)
    zeros = list(x.shape)
    zeros[axis] = size - x.shape[axis]
    return jnp.concatenate([after, jnp.zeros(zeros, x.dtype), before], axis)
