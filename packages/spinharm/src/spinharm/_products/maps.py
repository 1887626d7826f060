"""Tensor products by maps: synthesise both sides on a Gauss grid, multiply points, analyse.

Ring by ring, with Legendre functions and then a Fourier matrix, or with one matrix of all points: more multiplications,
but no intermediate array, which for small degrees is faster.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .._arrays.cache import cached_table
from .._grids import quadrature
from . import harmonics

# Bytes of the Legendre functions of one component.
_LARGEST_TABLE = 2 * 2**30

HIGHEST = jax.lax.Precision.HIGHEST


@dataclasses.dataclass(frozen=True)
class MapGrid:
    """The smallest Gauss grid that integrates polynomials of degree `total` exactly."""

    total: int

    @property
    def nlat(self) -> int:
        """Rings."""
        return self.total // 2 + 1

    @property
    def nlon(self) -> int:
        """Points on a ring: any product of orders up to `total` is analysed without aliasing."""
        return self.total + 1


class Synthesis(NamedTuple):
    """From features to components that share their waves. Orders are −M … M: sines, 1, cosines.

    Attributes:
        legendre: Degrees to rings of one component after the other, shape (orders, components · nlat, degrees); zero
            where |m| > l.
        fourier: Orders to longitudes, shape (nlon, orders).
    """

    legendre: jax.Array
    fourier: jax.Array


class Syntheses(NamedTuple):
    """Tables of a map and its gradient.

    Attributes:
        own: The map, as far as it is needed, and after it the gradient along θ: they have the waves of the features.
        turned: The gradient along φ, whose waves are the derivatives of these, or None.
    """

    own: Synthesis
    turned: Synthesis | None


class Analysis(NamedTuple):
    """From a map to features.

    Attributes:
        fourier: Longitudes to orders, shape (orders, nlon).
        legendre: Rings to degrees, with the weights of the quadrature, shape (orders, degrees, nlat).
    """

    fourier: jax.Array
    legendre: jax.Array


@cached_table
def synthesis_matrix(grid: MapGrid, degrees: tuple[int, ...], value: bool, gradient: bool, dtype: str) -> jax.Array:
    """Features to all points of one component after the other, shape (components · nlon · nlat, entries)."""
    components = _at_points(grid, degrees)
    needed = [one for one, need in zip(components, (value, gradient, gradient), strict=True) if need]
    with jax.ensure_compile_time_eval():
        return jnp.asarray(np.concatenate(needed).astype(dtype))


@cached_table
def analysis_matrix(grid: MapGrid, degrees: tuple[int, ...], dtype: str) -> jax.Array:
    """Points to features, shape (entries, nlon · nlat)."""
    weights = np.tile(quadrature.gauss_legendre(grid.nlat)[1] * (2 * np.pi / grid.nlon), grid.nlon)
    with jax.ensure_compile_time_eval():
        return jnp.asarray((_at_points(grid, degrees)[0] * weights[:, None]).T.astype(dtype))


@cached_table
def syntheses(grid: MapGrid, degrees: tuple[int, ...], value: bool, gradient: bool, dtype: str) -> Syntheses:
    """Tables of the map, of both components of its gradient, or of all three, ring by ring."""
    _check_memory(grid, degrees, dtype)
    waves = _waves(grid, degrees)
    own = [_profiles(grid, degrees, component) for component, need in enumerate((value, gradient)) if need]

    def synthesis(profiles: list[NDArray[np.float64]], wave: NDArray[np.float64]) -> Synthesis:
        return Synthesis(jnp.asarray(np.concatenate(profiles, 1).astype(dtype)), jnp.asarray(wave.astype(dtype)))

    with jax.ensure_compile_time_eval():
        turned = synthesis([_profiles(grid, degrees, 2)], waves[1]) if gradient else None
        return Syntheses(synthesis(own, waves[0]), turned)


@cached_table
def analysis(grid: MapGrid, degrees: tuple[int, ...], dtype: str) -> Analysis:
    """Tables of the analysis of a map."""
    _check_memory(grid, degrees, dtype)
    weights = quadrature.gauss_legendre(grid.nlat)[1] * (2 * np.pi / grid.nlon)
    legendre = np.swapaxes(_profiles(grid, degrees, 0) * weights[:, None], 1, 2)
    with jax.ensure_compile_time_eval():
        return Analysis(jnp.asarray(_waves(grid, degrees)[0].T.astype(dtype)), jnp.asarray(legendre.astype(dtype)))


def synthesise(grid: MapGrid, tables: Syntheses | jax.Array, degrees: tuple[int, ...], x: jax.Array) -> list[jax.Array]:
    """Features (entries, …) to the points of each component: (nlon, nlat, …), or (nlon · nlat, …) by a matrix.

    Components with the same waves are computed by one product of matrices, which CPUs do faster than several.
    """
    columns = math.prod(x.shape[1:])
    flat = x.reshape(len(x), columns)
    if not isinstance(tables, Syntheses):
        points = jnp.matmul(tables, flat, precision=HIGHEST)
        count = grid.nlon * grid.nlat
        return list(points.reshape(len(tables) // count, count, *x.shape[1:]))
    by_order = jnp.take(flat, _rows(degrees), axis=0, mode="fill", fill_value=0)
    components = []
    for table in tables:
        if table is not None:
            profiles = jnp.matmul(table.legendre, by_order, precision=HIGHEST)
            rings = profiles.shape[1]
            rows = profiles.reshape(len(profiles), rings * columns)
            points = jnp.matmul(table.fourier, rows, precision=HIGHEST)
            points = points.reshape(len(points), rings // grid.nlat, grid.nlat, *x.shape[1:])
            components += [points[:, at] for at in range(points.shape[1])]
    return components


def analyse(tables: Analysis | jax.Array, degrees: tuple[int, ...], points: jax.Array) -> jax.Array:
    """Points, as `synthesise` gives them, to features (entries, …)."""
    if not isinstance(tables, Analysis):
        flat = points.reshape(len(points), math.prod(points.shape[1:]))
        return jnp.matmul(tables, flat, precision=HIGHEST).reshape(len(tables), *points.shape[1:])
    nlon, nlat = points.shape[:2]
    columns = math.prod(points.shape[2:])
    profiles = jnp.matmul(tables.fourier, points.reshape(nlon, nlat * columns), precision=HIGHEST)
    by_order = jnp.matmul(tables.legendre, profiles.reshape(len(profiles), nlat, columns), precision=HIGHEST)
    degree, order = harmonics.orders(degrees)
    entries = by_order[order + degrees[-1], np.searchsorted(degrees, degree).astype(np.int32)]
    return entries.reshape(len(entries), *points.shape[2:])


def _at_points(grid: MapGrid, degrees: tuple[int, ...]) -> tuple[NDArray[np.float64], ...]:
    """Harmonics and both components of their gradients at all points, longitude by longitude."""
    colatitude = np.tile(quadrature.gauss_legendre(grid.nlat)[0], grid.nlon)
    longitude = np.repeat(2 * np.pi * np.arange(grid.nlon, dtype=np.float64) / grid.nlon, grid.nlat)
    return harmonics.at_points(degrees, colatitude, longitude)


def _check_memory(grid: MapGrid, degrees: tuple[int, ...], dtype: str) -> None:
    need = (2 * degrees[-1] + 1) * len(degrees) * grid.nlat * np.dtype(dtype).itemsize
    if need > _LARGEST_TABLE:
        raise MemoryError(
            f"maps of degree {degrees[-1]} on a Gauss grid of {grid.nlat} rings need tables of {need / 2**30:.3g} GiB, "
            f"above {_LARGEST_TABLE / 2**30:.0f} GiB; use lower degrees, or spinharm.product"
        )


def _rows(degrees: tuple[int, ...]) -> NDArray[np.int32]:
    """The entry of each (order, degree), past the end where there is none."""
    degree, order = harmonics.orders(degrees)
    rows = np.full((2 * degrees[-1] + 1, len(degrees)), len(degree), np.int32)
    rows[order + degrees[-1], np.searchsorted(degrees, degree)] = np.arange(len(degree))
    return rows


def _profiles(grid: MapGrid, degrees: tuple[int, ...], component: int) -> NDArray[np.float64]:
    """Shape (orders, nlat, degrees)."""
    colatitude = quadrature.gauss_legendre(grid.nlat)[0]
    table = harmonics.rings(degrees[-1] + 1, tuple(colatitude.tolist()))[component]
    order = abs(np.arange(-degrees[-1], degrees[-1] + 1))
    return table[np.array(degrees)][:, order].transpose(1, 2, 0)


def _waves(grid: MapGrid, degrees: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines, or sines for negative orders, and their derivatives divided by |m|, shape (nlon, orders)."""
    order = np.arange(-degrees[-1], degrees[-1] + 1)
    # Reduced in integers, which is exact.
    angle = (np.arange(grid.nlon)[:, None] * abs(order) % grid.nlon) * (2 * np.pi / grid.nlon)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.where(order < 0, sine, cosine), np.where(order < 0, cosine, -sine)
