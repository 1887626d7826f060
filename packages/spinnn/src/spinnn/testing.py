"""Equivariance errors of layers and networks, of this package or your own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, PRNGKeyArray

from spinharm import Grid, SpinTransform, change_bandlimit, checks, rotate

# Coefficients of one random input: 256 GiB of them.
_LARGEST = 2**35


def random_coefficients(
    key: PRNGKeyArray, bandlimit: int, spins: Sequence[int], channels: int, batch: Sequence[int] = ()
) -> Complex[Array, "*batch degree order spin channel"]:
    """Random band-limited coefficients with E|a_lm|² = 1, zero where |m| > l or l < |spin|.

    Args:
        key: Random key.
        bandlimit: Number of degrees L.
        spins: Spin of each entry of the spin axis.
        channels: Channels per spin.
        batch: Batch shape.

    Returns:
        Coefficients, shape (*batch, L, 2L−1, spins, channels), complex64, or complex128 with JAX's
        64-bit types on.

    Raises:
        TypeError: A size or spin that is not an integer.
        ValueError: A size out of range, or more coefficients than any machine holds.

    Examples:
        >>> import jax
        >>> from spinnn.testing import random_coefficients
        >>> coeffs = random_coefficients(jax.random.key(0), 2, (0, 1), 3, batch=(8,))
        >>> coeffs.shape
        (8, 2, 3, 2, 3)
        >>> print(abs(coeffs[0, 0, :, 0, 0]) > 0)  # at degree 0 only order 0 exists
        [False  True False]
    """
    bandlimit = checks.integer("bandlimit", bandlimit, 1)
    channels = checks.integer("channels", channels, 0)
    batch = tuple(checks.integer("batch", size, 0) for size in batch)
    spins = [checks.integer("spins", spin) for spin in spins]
    count = math.prod(batch) * 2 * bandlimit**2 * len(spins) * channels
    if count > _LARGEST:
        raise ValueError(
            f"`bandlimit` {bandlimit}, `spins`, `channels` {channels} and `batch` {batch} ask for {count} "
            f"coefficients, above {_LARGEST}; take fewer"
        )
    shape = (*batch, bandlimit, 2 * bandlimit - 1, len(spins), channels)
    re, im = jax.random.normal(key, (2, *shape)) * 2**-0.5
    degree, order = np.arange(bandlimit)[:, None, None], np.arange(-bandlimit + 1, bandlimit)[None, :, None]
    valid = ((np.abs(order) <= degree) & (degree >= np.abs(np.asarray(spins))))[..., None]
    return jnp.where(valid, jax.lax.complex(re, im), 0)


def equivariance_error(
    function: Callable[[jax.Array], jax.Array],
    *,
    bandlimit: int,
    spins_in: Sequence[int],
    channels_in: int,
    spins_out: Sequence[int] | None = None,
    grid_in: Grid | None = None,
    grid_out: Grid | None = None,
    bandlimit_out: int | None = None,
    real_input: bool = False,
    angles: Sequence[float] | None = None,
    batch: Sequence[int] = (2,),
    key: PRNGKeyArray,
) -> float:
    """Relative equivariance error ‖f(Rx) − R f(x)‖ / ‖R f(x)‖ on a random band-limited field and a rotation R.

    The input is made and rotated as coefficients. Outputs are compared as coefficients too: those of maps up to
    `bandlimit_out`, so that degrees which an activation adds above the band of the output grid count as far as they
    alias. Results that are neither maps nor coefficients, such as invariants, are compared as they are, with
    `spins_out=None`.

    Args:
        function: From maps or coefficients (*batch, ·, ·, spins_in, channels_in) to maps, coefficients or anything.
        bandlimit: Degrees of the random input.
        spins_in: Spins of the input.
        channels_in: Channels of the input.
        spins_out: Spins of the output; None for an invariant output.
        grid_in: Grid of the input maps; None for coefficients.
        grid_out: Grid of the output maps; None for coefficients.
        bandlimit_out: Degrees of the output that are compared; default all that `grid_out` holds.
        real_input: Make the input maps real (spin 0).
        angles: Euler angles (α, β, γ) of R [radians]; random if left out.
        batch: Batch shape of the input.
        key: Random key.

    Returns:
        The relative error.

    Raises:
        TypeError: A size or spin that is not an integer.
        ValueError: A size, spin or grid out of range.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 2.

    Examples:
        >>> import jax
        >>> from spinnn.testing import equivariance_error
        >>> key = jax.random.key(0)
        >>> error = equivariance_error(
        ...     lambda x: 2 * x, bandlimit=2, spins_in=(0,), channels_in=1, spins_out=(0,), key=key
        ... )
        >>> error < 1e-5
        True
    """
    first, second = jax.random.split(key)
    coeffs = random_coefficients(first, bandlimit, spins_in, channels_in, batch)
    if real_input:
        sign = ((-1.0) ** np.arange(-bandlimit + 1, bandlimit)).astype(coeffs.dtype)[:, None, None]
        coeffs = (coeffs + sign * jnp.flip(coeffs, -3).conj()) / coeffs.dtype.type(2)
    if angles is None:
        drawn = jax.random.uniform(second, (3,), minval=-1.0, maxval=1.0)
        angles = [float(np.pi * drawn[0]), float(np.arccos(drawn[1])), float(np.pi * drawn[2])]

    def run(x: jax.Array) -> jax.Array:
        if grid_in is not None:
            x = SpinTransform(grid_in, bandlimit, spins_in).inverse(x, real=real_input)
        y = function(x)
        if grid_out is not None and spins_out is not None:
            y = SpinTransform(grid_out, bandlimit_out, spins_out).forward(y)
        return y

    turned = run(rotate(coeffs, *angles, axis=-4))
    expected = run(coeffs)
    if spins_out is not None:
        spins_out = tuple(spins_out)
        expected = rotate(expected, *angles, axis=-4, spin=spins_out)
        turned = change_bandlimit(turned, turned.shape[-4], axis=-4, spin=spins_out)
    norm = jnp.linalg.norm(expected.ravel())
    return float(jnp.linalg.norm((turned - expected).ravel()) / jnp.where(norm > 0, norm, 1))


def assert_equivariant(function: Callable[[jax.Array], jax.Array], *, tolerance: float = 1e-5, **options: Any) -> None:
    """Raise `AssertionError` if `equivariance_error(function, **options)` exceeds `tolerance`.

    Args:
        function: See `equivariance_error`.
        tolerance: The largest relative error that passes.
        options: Passed on to `equivariance_error`.

    Raises:
        AssertionError: The error is above `tolerance` or not a number; or the output is zero, with which any function
            would pass.

    Examples:
        >>> import jax
        >>> from spinnn.testing import assert_equivariant
        >>> key = jax.random.key(0)
        >>> assert_equivariant(lambda x: 2 * x, bandlimit=2, spins_in=(0,), channels_in=1, spins_out=(0,), key=key)
    """
    is_zero = []

    def watched(x: jax.Array) -> jax.Array:
        y = function(x)
        is_zero.append(not jnp.any(y))
        return y

    error = equivariance_error(watched, **options)
    if all(is_zero):
        raise AssertionError("the output is zero for a random input, which shows nothing; give the weights values")
    if not error <= tolerance:
        raise AssertionError(f"relative equivariance error {error:.2e} is above the tolerance {tolerance:.2e}")
