"""Pooling: to fewer degrees, to a coarser grid, and to one invariant number per channel."""

from __future__ import annotations

from collections.abc import Iterable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from spinharm import Grid, change_bandlimit

from .. import _layer_checks
from . import pairs
from .norm import _sphere_mean


class SpectralPool(eqx.Module):
    """Keep the degrees below a bandlimit: the equivariant low-pass filter.

    Inside a network, a `SpinConv` or block of lower bandlimit does the same without computing the other degrees.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 4.1.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn import SpectralPool
        >>> SpectralPool(2)(jnp.ones((4, 7, 1, 3), jnp.complex64)).shape
        (2, 3, 1, 3)
    """

    bandlimit: int = eqx.field(static=True)

    def __init__(self, bandlimit: int) -> None:
        """Make a layer that keeps `bandlimit` degrees, at least 1."""
        self.bandlimit = _layer_checks.size("bandlimit", bandlimit)

    def __call__(
        self, x: Complex[Array, "*batch degree order spin channel"]
    ) -> Complex[Array, "*batch degree_out order_out spin channel"]:
        """Cut coefficients (*batch, L, 2L−1, spins, channels) to `bandlimit` degrees.

        Raises:
            ValueError: Fewer degrees than `bandlimit`.
        """
        _layer_checks.coefficients("SpectralPool", "x", x, self.bandlimit)
        return change_bandlimit(x, self.bandlimit, axis=-4)


class SpatialPool(eqx.Module):
    """Average pairs of rings and of longitudes, rings weighted by area. Only approximately equivariant.

    Kept for comparison with spectral pooling. Components of spin ≠ 0 are averaged without parallel transport, as in the
    reference.

    References:
        Esteves, Makadia, Daniilidis, Spin-weighted spherical CNNs (2020), section 4.3.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinharm import Grid
        >>> from spinnn import SpatialPool
        >>> pool = SpatialPool(Grid.equiangular(8, 16))
        >>> pool.grid_out.shape
        (4, 8)
        >>> pool(jnp.ones((8, 16, 1, 3))).shape
        (4, 8, 1, 3)
    """

    grid_in: Grid = eqx.field(static=True)
    grid_out: Grid = eqx.field(static=True)

    def __init__(self, grid: Grid) -> None:
        """Make a layer for maps on `grid`, an equiangular grid with even numbers of rings and longitudes.

        The result is on `grid_out`: half as many rings and longitudes of the same kind; without poles, its points are
        the centres of the pooled cells.

        Raises:
            TypeError: `grid` is not a `Grid`.
            ValueError: Odd sizes, or a grid that is not equiangular.
        """
        _layer_checks.grid("grid", grid)
        if grid.rule != "circle" or grid.north_pole != grid.south_pole:
            raise ValueError(f"`grid` of SpatialPool must be equiangular with or without both poles, got Grid({grid})")
        if grid.nlat % 2 or grid.nlon % 2 or grid.nlat < 4:
            raise ValueError(f"`grid` of SpatialPool must have even sizes of at least 4 rings, got Grid({grid})")
        half_step = np.pi / grid.nlon
        self.grid_in = grid
        self.grid_out = Grid(
            grid.nlat // 2,
            grid.nlon // 2,
            "circle",
            grid.north_pole,
            grid.south_pole,
            grid.longitude_origin + (0.0 if grid.north_pole else half_step),
            grid.south_first,
        )

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Inexact[Array, "*batch lat_out lon_out spin channel"]:
        """Pool maps (*batch, lat, lon, spins, channels).

        Raises:
            TypeError: Integer or half-precision maps.
            ValueError: Maps on another grid.
        """
        _layer_checks.on_grid("SpatialPool", "x", x, self.grid_in)
        _layer_checks.numbers("SpatialPool", "x", x)
        batch, (nlat, nlon), rest = x.shape[:-4], self.grid_in.shape, x.shape[-2:]
        weights = self.grid_in.weights.reshape(-1, 2)
        weights = (weights / weights.sum(1, keepdims=True) / 2).astype(x.real.dtype)
        cells = x.reshape(*batch, nlat // 2, 2, nlon // 2, 2, *rest)
        return (cells * weights[:, :, None, None, None, None].astype(x.dtype)).sum((-5, -3))


def spin_mean(
    x: Inexact[Array, "*batch lat lon spin channel"], grid: Grid, spins: Iterable[int]
) -> Float[Array, "*batch spin channel"]:
    """Rotation-invariant pooling: the real part of the mean for spin 0, the mean modulus for other spins.

    Args:
        x: Maps on `grid`, shape (*batch, lat, lon, spins, channels), real or complex.
        grid: Their grid; its quadrature weights are used.
        spins: Spin of each entry of the spin axis.

    Returns:
        Means over the sphere, shape (*batch, spins, channels), real.

    Raises:
        TypeError: Integer or half-precision maps, or a spin that is not an integer.
        ValueError: Axes of other sizes.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinharm import Grid
        >>> from spinnn import spin_mean
        >>> print(spin_mean(jnp.full((4, 8, 2, 1), -2.0), Grid.equiangular(4, 8), (0, 1))[:, 0])
        [-2.  2.]
    """
    spins = _layer_checks.spin_tuple("spins", spins)
    _layer_checks.grid("grid", grid)
    _layer_checks.array("spin_mean", "x", x)
    if x.ndim < 4 or x.shape[-4:-1] != (*grid.shape, len(spins)):
        raise ValueError(
            f"`x` of spin_mean must be maps (*batch, lat, lon, spin, channel) on Grid({grid}) with spins {spins}, got "
            f"shape {x.shape}"
        )
    _layer_checks.numbers("spin_mean", "x", x)
    weights = (grid.weights / (4 * np.pi)).astype(x.real.dtype)
    x = pairs.as_complex(x)
    parts = [
        x[..., i : i + 1, :].real if spin == 0 else pairs.modulus(x[..., i : i + 1, :]) for i, spin in enumerate(spins)
    ]
    return _sphere_mean(jnp.concatenate(parts, -2), weights)
