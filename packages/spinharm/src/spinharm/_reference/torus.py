"""The paper's algorithm: extension of the sphere to a torus, and sums over products of Wigner Δ.

Equations (4)-(7) of Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), after Huffenberger and Wandelt, Fast and
exact spin-s spherical harmonic transforms (2010). The paper's two choices are options: whether the symmetry of Δ
halves the sum over m′ (equation 5), and whether Fourier transforms are matrix products or FFTs. It is a reference for
comparison; `method="tables"` computes the same numbers with fewer operations.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from .._arrays import arguments, entries
from .._arrays.cache import cached_table
from .._coefficients import recursion
from .._grids import quadrature
from .._grids.grid import Grid


@dataclasses.dataclass(frozen=True)
class TorusPlan:
    """Static description of a transform by the paper's algorithm; fields as in `SpinTransform`."""

    grid: Grid
    bandlimit: int
    spins: tuple[int, ...]
    fourier: Literal["dft", "fft"]
    precision: jax.lax.Precision
    delta_symmetry: bool


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
    for degree, delta in enumerate(recursion.degrees(bandlimit, first[:, None], orders[None, :], np.pi / 2)):
        norm = (-1) ** (spin % 2) * math.sqrt((2 * degree + 1) / (4 * math.pi))
        table[:, degree] = (norm * delta * delta[:, bandlimit - 1 - spin, None]).T
    with jax.ensure_compile_time_eval():
        return jnp.asarray(table)


def _phase(plan: TorusPlan) -> np.ndarray:
    """i^(m+s), (order, spin, 1)."""
    order = np.arange(-plan.bandlimit + 1, plan.bandlimit)
    return np.array([1, 1j, -1, -1j])[(order[:, None] + np.array(plan.spins)) % 4][..., None]


def _parity(plan: TorusPlan) -> np.ndarray:
    """(−1)^(m+s), (order, spin, 1)."""
    order = np.arange(-plan.bandlimit + 1, plan.bandlimit)
    return (-1.0) ** (order[:, None] + np.array(plan.spins))[..., None]


def _interior(grid: Grid) -> slice:
    return slice(1 if grid.north_pole else 0, grid.nlat - 1 if grid.south_pole else grid.nlat)


def _circle(grid: Grid) -> tuple[int, float, np.ndarray]:
    """Size of the meridian circle, angle of its first point, and its frequencies in FFT order."""
    size = quadrature.circle_size(grid.nlat, grid.north_pole, grid.south_pole)
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


def _einsum(plan: TorusPlan, expression: str, *operands: jax.Array | np.ndarray) -> jax.Array:
    return jnp.einsum(expression, *operands, precision=plan.precision)


def _real_einsum(plan: TorusPlan, expression: str, table: jax.Array, x: jax.Array) -> jax.Array:
    re, im = (_einsum(plan, expression, table, part) for part in (x.real, x.imag))
    return jax.lax.complex(re, im)


def forward(plan: TorusPlan, maps: jax.Array) -> jax.Array:
    """Coefficients of complex maps (*batch, lat, lon, spin, channel)."""
    return _forward(_tables(plan, maps), maps, plan)


def inverse(plan: TorusPlan, coeffs: jax.Array) -> jax.Array:
    """Complex maps of coefficients (*batch, degree, order, spin, channel)."""
    return _inverse(_tables(plan, coeffs), coeffs, plan)


def _tables(plan: TorusPlan, x: jax.Array) -> tuple[jax.Array, ...]:
    dtype = arguments.real_dtype(x)
    return tuple(delta_products(plan.bandlimit, spin, dtype, plan.delta_symmetry) for spin in plan.spins)


@functools.partial(jax.jit, static_argnums=2)
def _forward(tables: tuple[jax.Array, ...], maps: jax.Array, plan: TorusPlan) -> jax.Array:
    grid, L, dtype = plan.grid, plan.bandlimit, maps.dtype
    order = np.arange(-L + 1, L)
    if grid.south_first:
        maps = jnp.flip(maps, -4)
    if plan.fourier == "dft":
        profiles = _einsum(
            plan, "mk,...tksc->...tmsc", np.exp(-1j * order[:, None] * grid.longitude).astype(dtype), maps
        )
    else:
        profiles = jnp.fft.fft(maps, axis=-3)[..., order % grid.nlon, :, :]
        profiles = profiles * np.exp(-1j * order * grid.longitude_origin)[:, None, None].astype(dtype)
    # An odd profile vanishes at the poles; values of a map there are ignored.
    inside = _interior(grid)
    at_pole = np.ones(grid.nlat, bool)
    at_pole[inside] = False
    profiles = jnp.where(at_pole[:, None, None, None] & (_parity(plan) < 0), 0, profiles)
    mirrored = jnp.flip(profiles[..., inside, :, :, :], -4) * _parity(plan).astype(dtype)
    torus = jnp.concatenate([profiles, mirrored], -4)
    products = _inner_products(grid, order)
    if plan.fourier == "dft":
        size, _, frequency = _circle(grid)
        matrix = products @ np.exp(-2j * np.pi * np.outer(frequency, np.arange(size)) / size)
        inner = _einsum(plan, "kt,...tmsc->...kmsc", matrix.astype(dtype), torus)
    else:
        spectrum = jnp.fft.fft(torus, axis=-4)
        inner = _einsum(plan, "kf,...fmsc->...kmsc", products.astype(dtype), spectrum)
    if plan.delta_symmetry:
        negative = jnp.flip(inner[..., : L - 1, :, :, :], -4) * _parity(plan).astype(dtype)
        inner = jnp.concatenate([inner[..., L - 1 : L, :, :, :], inner[..., L:, :, :, :] + negative], -4)
    coeffs = [
        _real_einsum(plan, "mlk,...kmc->...lmc", table, inner[..., index, :]) for index, table in enumerate(tables)
    ]
    return entries.meaningful(jnp.stack(coeffs, -2) * _phase(plan).astype(dtype), -4, plan.spins)


@functools.partial(jax.jit, static_argnums=2)
def _inverse(tables: tuple[jax.Array, ...], coeffs: jax.Array, plan: TorusPlan) -> jax.Array:
    grid, L, dtype = plan.grid, plan.bandlimit, coeffs.dtype
    order = np.arange(-L + 1, L)
    coeffs = entries.meaningful(coeffs, -4, plan.spins) * _phase(plan).astype(dtype)
    waves = [
        _real_einsum(plan, "mlk,...lmc->...kmc", table, coeffs[..., index, :]) for index, table in enumerate(tables)
    ]
    torus = jnp.stack(waves, -2)
    if plan.delta_symmetry:
        mirrored = jnp.flip(torus[..., 1:, :, :, :], -4) * _parity(plan).astype(dtype)
        torus = jnp.concatenate([mirrored, torus], -4)
    size, offset, _ = _circle(grid)
    if plan.fourier == "dft":
        theta = offset + 2 * np.pi * np.arange(grid.nlat) / size
        matrix = np.exp(-1j * theta[:, None] * order).astype(dtype)
        profiles = _einsum(plan, "tk,...kmsc->...tmsc", matrix, torus)
        matrix = np.exp(1j * grid.longitude[:, None] * order).astype(dtype)
        maps = _einsum(plan, "km,...tmsc->...tksc", matrix, profiles)
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
