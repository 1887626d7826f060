"""Equivariance errors of layers and networks, of this package or your own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Inexact, PRNGKeyArray

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
            f"`bandlimit` {bandlimit}, `spins`, `channels` {channels} and `batch` {batch} need {count} "
            f"coefficients, more than {_LARGEST}; use smaller sizes"
        )
    shape = (*batch, bandlimit, 2 * bandlimit - 1, len(spins), channels)
    re, im = jax.random.normal(key, (2, *shape)) * 2**-0.5
    degree, order = np.arange(bandlimit)[:, None, None], np.arange(-bandlimit + 1, bandlimit)[None, :, None]
    valid = ((np.abs(order) <= degree) & (degree >= np.abs(np.asarray(spins))))[..., None]
    return jnp.where(valid, jax.lax.complex(re, im), 0)


@dataclasses.dataclass(frozen=True)
class RandomInput:
    """A random band-limited input of a layer or network: its sizes, and whether it is maps or coefficients.

    Attributes:
        bandlimit: Number of degrees L.
        spins: Spin of each entry of the spin axis.
        channels: Channels per spin.
        grid: Grid of the maps; None for coefficients.
        batch: Batch shape.
        real: Make the maps real, where all spins are 0.

    Raises:
        TypeError: A size or spin that is not an integer, `grid` not a grid, or `real` not True or False.
        ValueError: A size out of range.

    Examples:
        >>> import jax
        >>> from spinharm import Grid
        >>> from spinnn.testing import RandomInput
        >>> given = RandomInput(2, (0, 1), 3, grid=Grid.gauss_legendre(2), batch=(8,))
        >>> coeffs = given.coefficients(jax.random.key(0))
        >>> coeffs.shape
        (8, 2, 3, 2, 3)
        >>> given.as_given(coeffs).shape  # maps, as there is a grid
        (8, 2, 4, 2, 3)
    """

    bandlimit: int
    spins: Sequence[int]
    channels: int
    grid: Grid | None = None
    batch: Sequence[int] = (2,)
    real: bool = False

    def __post_init__(self) -> None:
        checks.integer("bandlimit", self.bandlimit, 1)
        checks.integer("channels", self.channels, 0)
        for name, minimum in (("spins", None), ("batch", 0)):
            object.__setattr__(self, name, tuple(checks.integer(name, one, minimum) for one in getattr(self, name)))
        checks.instance("grid", self.grid, (Grid, type(None)), "a spinharm.Grid or None")
        checks.flag("real", self.real)

    def coefficients(self, key: PRNGKeyArray) -> Complex[Array, "*batch degree order spin channel"]:
        """Draw the input's coefficients, see `random_coefficients`; with `real`, those of real maps.

        Args:
            key: Random key.

        Returns:
            Coefficients, shape (*batch, L, 2L−1, spins, channels).

        Raises:
            ValueError: More coefficients than any machine holds.
        """
        coeffs = random_coefficients(key, self.bandlimit, self.spins, self.channels, self.batch)
        if not self.real:
            return coeffs
        sign = ((-1.0) ** np.arange(-self.bandlimit + 1, self.bandlimit)).astype(coeffs.dtype)[:, None, None]
        return (coeffs + sign * jnp.flip(coeffs, -3).conj()) / coeffs.dtype.type(2)

    def as_given(
        self, coeffs: Complex[Array, "*batch degree order spin channel"]
    ) -> Inexact[Array, "*batch a b spin channel"]:
        """Transform coefficients to the input of the function: maps if there is a grid, else the coefficients.

        Args:
            coeffs: Coefficients, shape (*batch, L, 2L−1, spins, channels).

        Returns:
            Maps, shape (*batch, lat, lon, spins, channels), or the coefficients.

        Raises:
            ValueError: A grid that does not resolve the bandlimit.
        """
        if self.grid is None:
            return coeffs
        return SpinTransform(self.grid, self.bandlimit, self.spins).inverse(coeffs, real=self.real)


def equivariance_error(
    function: Callable[[jax.Array], jax.Array],
    given: RandomInput,
    *,
    spins_out: Sequence[int] | None = None,
    grid_out: Grid | None = None,
    bandlimit_out: int | None = None,
    angles: Sequence[float] | None = None,
    reflection: bool = False,
    key: PRNGKeyArray,
) -> float:
    """Relative equivariance error ‖f(Rx) − R f(x)‖ / ‖R f(x)‖ on a random band-limited field x and a rotation R.

    The input is drawn and rotated as coefficients. Outputs are compared as coefficients too: those of maps up to
    `bandlimit_out`, so that degrees which an activation adds above the band of the output grid count as far as they
    alias. Results that are neither maps nor coefficients, such as invariants, are compared directly, with
    `spins_out=None`.

    Args:
        function: From maps or coefficients (*batch, ·, ·, spins, channels) to maps, coefficients or invariants.
        given: The random input: bandlimit, spins, channels, grid, batch shape.
        spins_out: Spins of the output; None for an invariant output.
        grid_out: Grid of the output maps; None for coefficients.
        bandlimit_out: Degrees of the output that are compared; default all that `grid_out` resolves.
        angles: Euler angles (α, β, γ) of R [radians]; random if left out.
        reflection: R is that rotation after a reflection, f(θ, φ) → conj f(θ, −φ), hence a_lm → conj a_lm: the mirror
            image of real scalars, and of tangent vectors as fields of spin 1. Networks with real input and output whose
            features are scalars commute with it too; complex weights between spins do not.
        key: Random key.

    Returns:
        The relative error.

    Raises:
        TypeError: An input that is not a `RandomInput`, a spin that is not an integer, or `reflection` that is not True
            or False.
        ValueError: A size, spin or grid out of range.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 2.

    Examples:
        >>> import jax
        >>> from spinnn.testing import RandomInput, equivariance_error
        >>> given = RandomInput(bandlimit=2, spins=(0,), channels=1)
        >>> equivariance_error(lambda x: 2 * x, given, spins_out=(0,), key=jax.random.key(0)) < 1e-5
        True
    """
    checks.instance("given", given, RandomInput, "a spinnn.testing.RandomInput")
    checks.flag("reflection", reflection)
    first, second = jax.random.split(key)
    coeffs = given.coefficients(first)
    if angles is None:
        drawn = jax.random.uniform(second, (3,), minval=-1.0, maxval=1.0)
        angles = [float(np.pi * drawn[0]), float(np.arccos(drawn[1])), float(np.pi * drawn[2])]

    def run(coeffs: jax.Array) -> jax.Array:
        y = function(given.as_given(coeffs))
        if grid_out is not None and spins_out is not None:
            y = SpinTransform(grid_out, bandlimit_out, spins_out).forward(y)
        return y

    of_rotated = run(rotate(coeffs.conj() if reflection else coeffs, *angles, axis=-4))
    expected = run(coeffs)
    if spins_out is not None:
        spins_out = tuple(spins_out)
        expected = rotate(expected.conj() if reflection else expected, *angles, axis=-4, spin=spins_out)
        of_rotated = change_bandlimit(of_rotated, of_rotated.shape[-4], axis=-4, spin=spins_out)
    norm = jnp.linalg.norm(expected.ravel())
    return float(jnp.linalg.norm((of_rotated - expected).ravel()) / jnp.where(norm > 0, norm, 1))


def assert_equivariant(
    function: Callable[[jax.Array], jax.Array], given: RandomInput, *, tolerance: float = 1e-5, **options: Any
) -> None:
    """Raise `AssertionError` if `equivariance_error(function, given, **options)` exceeds `tolerance`.

    Args:
        function: See `equivariance_error`.
        given: See `equivariance_error`.
        tolerance: The largest relative error that passes.
        options: Passed on to `equivariance_error`.

    Raises:
        AssertionError: The error is above `tolerance` or not a number; or the output is zero, with which any function
            would pass.

    Examples:
        >>> import jax
        >>> from spinnn.testing import RandomInput, assert_equivariant
        >>> given = RandomInput(bandlimit=2, spins=(0,), channels=1)
        >>> assert_equivariant(lambda x: 2 * x, given, spins_out=(0,), key=jax.random.key(0))
    """
    is_zero = []

    def watched(x: jax.Array) -> jax.Array:
        y = function(x)
        is_zero.append(not jnp.any(y))
        return y

    error = equivariance_error(watched, given, **options)
    if all(is_zero):
        raise AssertionError("the output is zero for a random input, which shows nothing; give the weights values")
    if not error <= tolerance:
        raise AssertionError(f"relative equivariance error {error:.2e} is above the tolerance {tolerance:.2e}")
