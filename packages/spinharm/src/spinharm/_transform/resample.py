"""Resampling between grids, change of bandlimit, and evaluation at points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float, Inexact, Num

from .._arrays import arguments, entries
from .._coefficients import wigner
from .._grids.grid import Grid
from .transform import SpinTransform
from .tuning import TUNING


def resample(
    f: Num[Array | np.ndarray, "*batch lat lon"],
    grid_from: Grid,
    grid_to: Grid,
    *,
    spin: int = 0,
    bandlimit: int | None = None,
) -> Inexact[Array, "*batch lat_to lon_to"]:
    """Resample maps to another grid through their coefficients: exact for fields that both grids resolve.

    Resample a wind as one spin-1 field (`wind_to_spin`), not component by component.

    Args:
        f: Maps, shape (*batch, nlat, nlon), real or complex.
        grid_from: Their grid.
        grid_to: The grid of the result.
        spin: Their spin weight.
        bandlimit: Degrees kept; default the most that both grids resolve. Degrees above are cut off, which is the
            anti-aliasing filter for a coarser grid.

    Returns:
        Maps of shape (*batch, grid_to.nlat, grid_to.nlon), real for real maps of spin 0.

    Raises:
        TypeError: Integer or half-precision maps, or a grid that is not a `Grid`.
        ValueError: Axis sizes that are not the grid's, or a bandlimit or spin out of range.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import Grid
        >>> fine, coarse = Grid.equiangular(9, 16), Grid.gauss_legendre(4)
        >>> def height(grid):
        ...     return np.sin(np.radians(grid.latitude_deg))[:, None] * np.ones(grid.nlon)
        >>> bool(np.allclose(spinharm.resample(height(fine), fine, coarse), height(coarse), atol=1e-5))
        True
    """
    for name, grid in (("grid_from", grid_from), ("grid_to", grid_to)):
        if not isinstance(grid, Grid):
            raise TypeError(f"`{name}` must be a spinharm.Grid, got {grid!r}")
    array = arguments.inexact("f", f)
    if array.shape[-2:] != grid_from.shape:
        raise ValueError(f"`f` must have axes (*batch, lat, lon) with sizes {grid_from.shape}, got shape {array.shape}")
    if bandlimit is None:
        bandlimit = min(grid_from.max_bandlimit, grid_to.max_bandlimit)
    coeffs = SpinTransform(grid_from, bandlimit, (spin,)).forward(array[..., None, None])
    real = spin == 0 and not jnp.iscomplexobj(array)
    return SpinTransform(grid_to, bandlimit, (spin,)).inverse(coeffs, real=real)[..., 0, 0]


def change_bandlimit(
    coeffs: Num[Array | np.ndarray, "*shape"],
    bandlimit: int,
    *,
    axis: int | None = None,
    spin: int | Sequence[int] = 0,
) -> Complex[Array, "*resized"]:
    """Truncate coefficients to a lower bandlimit, or pad them with zeros to a higher one.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        bandlimit: The new L, at least 1.
        axis: Position of the degree axis; found by shape if left out.
        spin: s, or one for each entry of the spin axis: entries with l < |s| become zero, like those with |m| > l.

    Returns:
        Coefficients of the new bandlimit.

    Raises:
        TypeError: Integer coefficients, or `bandlimit` not an integer.
        ValueError: Axes that are not (degree, order), `bandlimit` below 1, or a spin out of range.
        MemoryError: A `bandlimit` whose coefficients the machine cannot hold.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> spinharm.change_bandlimit(np.ones((4, 7), np.complex64), 2).shape
        (2, 3)
    """
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    axis = arguments.degree_axis(array, axis)
    L = arguments.integer("bandlimit", bandlimit, 1)
    shape = list(array.shape)
    shape[axis], shape[axis + 1] = L, 2 * L - 1
    arguments.memory("bandlimit", L, shape, array.dtype)
    array = entries.meaningful(array, axis, entries.spins_of(spin, array, axis))
    change = L - array.shape[axis]
    config = [(0, 0, 0)] * array.ndim
    config[axis], config[axis + 1] = (0, change, 0), (change, change, 0)
    return jax.lax.pad(array, jnp.zeros((), array.dtype), config)


def evaluate(
    coeffs: Num[Array | np.ndarray, "*batch degree order"],
    colatitude: Float[ArrayLike, "*#points"],
    longitude: Float[ArrayLike, "*#points"],
    *,
    spin: int = 0,
) -> Complex[Array, "*batch *points"]:
    """Values of a field at arbitrary points: Σ_lm a_lm sYlm(θ, φ).

    The field becomes one Fourier series on the torus (equation 6 of the paper), which is summed at the points: O(L²)
    per point and field, O(L²) memory, differentiable in coefficients and points everywhere, poles included.

    Args:
        coeffs: Coefficients of one spin, shape (*batch, L, 2L−1).
        colatitude: θ [radians]; any shape, broadcast with `longitude`; may be traced.
        longitude: φ [radians].
        spin: s, |s| < L. The value at a pole is the limit along the meridian φ.

    Returns:
        Values of shape (*batch, *points), complex.

    Raises:
        TypeError: Integer coefficients or complex coordinates.
        ValueError: Axes that are not (degree, order), a spin out of range, a coordinate that is not finite, or
            coordinates whose shapes do not broadcast.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), equation (6).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert, evaluate
        >>> coeffs = convert.from_packed(np.array([0j, np.sqrt(4 * np.pi / 3), 0]))  # cos θ
        >>> np.round(evaluate(coeffs, np.radians([0.0, 60.0]), 0.3).real, 4).tolist()
        [1.0, 0.5]
    """
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    L = arguments.bandlimit_of(array, -2)
    dtype = arguments.real_dtype(array)
    theta = wigner.to_angle("colatitude", colatitude).astype(dtype)
    phi = wigner.to_angle("longitude", longitude).astype(dtype)
    wigner.broadcast(colatitude=theta, longitude=phi)
    theta, phi = jnp.broadcast_arrays(theta, phi)
    batch, points = array.shape[:-2], theta.shape
    series = _torus_series(array.reshape(math.prod(batch), L, 2 * L - 1), spin)
    if 0 in batch or 0 in points:
        return jnp.zeros((*batch, *points), array.dtype)

    def block(point: tuple[jax.Array, jax.Array]) -> jax.Array:
        along, around = (wigner.order_phases(L, -angle) for angle in point)
        waves = jnp.einsum("k,bkm->bm", along, series, precision=wigner.HIGHEST)
        return jnp.einsum("bm,m->b", waves, around, precision=wigner.HIGHEST)

    count = math.prod(points)
    flat = theta.reshape(count), phi.reshape(count)
    if isinstance(count, int):
        values = jax.lax.map(block, flat, batch_size=TUNING.points_per_block)
    else:  # a symbolic size of an export cannot be cut into blocks
        values = jax.vmap(block)(flat)
    return jnp.moveaxis(values, 0, -1).reshape(*batch, *points)


def _torus_series(coeffs: jax.Array, spin: int) -> jax.Array:
    """G_km of f = Σ e^{ikθ} e^{imφ} G_km, |k|, |m| < L: (batch, L, 2L−1) to (batch, 2L−1, 2L−1)."""
    L = coeffs.shape[-1] // 2 + 1
    # Cell-centred rings: the mirrored half of the torus repeats no point.
    grid = Grid.equiangular(L, 2 * L - 1, poles=False)
    maps = SpinTransform(grid, L, (spin,)).inverse(coeffs[..., None, None])[..., 0, 0]
    order = np.arange(-L + 1, L)
    profiles = jnp.fft.fft(maps)[..., order % grid.nlon]
    parity = (-1.0) ** ((order + spin) % 2)
    torus = jnp.concatenate([profiles, jnp.flip(profiles, -2) * parity.astype(maps.dtype)], -2)
    origin = np.exp(-1j * order * np.pi / (2 * L)) / (2 * L * grid.nlon)
    return jnp.fft.fft(torus, axis=-2)[..., order % (2 * L), :] * origin[:, None].astype(maps.dtype)
