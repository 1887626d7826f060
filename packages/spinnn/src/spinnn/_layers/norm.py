"""Batch normalisation of spin-weighted fields, on coefficients or on maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from spinharm import Grid, checks

from .. import _entries, _layer_checks
from . import pairs

Center = Literal["sample", "batch"]

_FOUR_PI = 4 * np.pi


def _masked_mean(x: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Mean over all leading axes of (*batch, spin, channel), over the elements that `mask` keeps."""
    axes = tuple(range(x.ndim - 2))
    if x.size == 0:
        return jnp.zeros(x.shape[-2:], x.dtype)
    if mask is None:
        return x.mean(axes)
    kept = mask.astype(x.real.dtype)
    count = jnp.maximum(kept.sum(), 1)
    return jnp.where(mask[..., None, None], x, 0).sum(axes) / count.astype(x.dtype)


class _Affine(eqx.Module):
    """Parameters and statistics of both norms: scale, bias of spin 0, running mean (a complex pair) and variance."""

    scale: Float[Array, "spin channel"]
    bias: Float[Array, "2 channel"] | None
    statistics: eqx.nn.StateIndex
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)
    momentum: float = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)
    inference: bool

    def __init__(
        self, spins: Iterable[int], channels: int, momentum: float, epsilon: float, initial_scale: float
    ) -> None:
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = _layer_checks.size("channels", channels)
        self.momentum, self.epsilon = _layer_checks.momentum(momentum), checks.number("epsilon", epsilon)
        self.inference = False
        shape = (len(self.spins), channels)
        self.scale = jnp.full(shape, checks.number("initial_scale", initial_scale))
        self.bias = jnp.zeros((2, channels)) if 0 in self.spins else None
        self.statistics = eqx.nn.StateIndex((jnp.zeros((2, *shape)), jnp.ones(shape)))

    def check(self, user: str, x: jax.Array, mask: jax.Array | None) -> None:
        _layer_checks.features(user, "x", x, self.spins, self.channels, self.scale)
        _layer_checks.batch_mask(user, mask, x)

    def read(self, state: eqx.nn.State) -> tuple[jax.Array, jax.Array]:
        _layer_checks.norm_state("a norm", state)
        mean, variance = state.get(self.statistics)
        return pairs.join(mean), variance

    def update(self, state: eqx.nn.State, mean: jax.Array, variance: jax.Array, mask: jax.Array | None) -> eqx.nn.State:
        """Blend in the statistics of a batch; one that is empty or entirely masked out changes nothing."""
        _layer_checks.norm_state("a norm", state)
        old_mean, old_variance = state.get(self.statistics)
        rate = jnp.asarray(1 - self.momentum, variance.dtype)
        if mask is not None:
            rate = rate * mask.any().astype(rate.dtype)
        pair = jnp.stack([mean.real, mean.imag])
        blended = (old_mean + rate * (pair - old_mean), old_variance + rate * (variance - old_variance))
        return state.set(self.statistics, jax.lax.stop_gradient(blended))

    def factor(self, variance: jax.Array) -> jax.Array:
        return self.scale * jax.lax.rsqrt(variance + self.epsilon)


class SpectralBatchNorm(eqx.Module):
    """Batch norm of coefficients: mean from degree 0, variance from the others by Parseval.

    A spin-0 field's mean is its coefficient of degree 0 over √4π; the variance of a field about its own mean is
    Σ_{l>0} |a_lm|² / 4π. Fields of other spins have no mean and keep their phase. Each channel of each spin is divided
    by the root of its variance over batch and sphere, multiplied by a scale, and the mean of spin 0 is set:

    - `center="sample"`, the paper's: degree 0 is set to the bias for every element of the batch;
    - `center="batch"`: degree 0 loses its mean over the batch (the running mean at inference) and gains the bias, so
      elements keep what distinguishes their means.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 4.1.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinnn import SpectralBatchNorm
        >>> from spinnn.testing import random_coefficients
        >>> norm, state = eqx.nn.make_with_state(SpectralBatchNorm)((0,), 2)
        >>> coeffs = 5 * random_coefficients(jax.random.key(0), 3, (0,), 2, batch=(8,))
        >>> normalised, state = eqx.filter_jit(norm)(coeffs, state)
        >>> variance = (abs(normalised[:, 1:]) ** 2).sum((1, 2)).mean(0) / (4 * jax.numpy.pi)
        >>> print(variance.round(3))
        [[1. 1.]]
    """

    affine: _Affine
    center: Center = eqx.field(static=True)

    def __init__(
        self,
        spins: Iterable[int],
        channels: int,
        *,
        center: Center = "batch",
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        initial_scale: float = 1.0,
    ) -> None:
        """Make a layer; create it with `equinox.nn.make_with_state`.

        Args:
            spins: Spin of each entry of the spin axis.
            channels: Channels per spin.
            center: What is subtracted at degree 0, see above.
            momentum: Share of the running statistics kept at each step, at least 0 and below 1.
            epsilon: Added to variances.
            initial_scale: Of every channel.

        Raises:
            TypeError: `channels` or a spin is not an integer, or another option not a number.
            ValueError: An option out of range.
        """
        checks.option("center", center, get_args(Center))
        self.center = center
        self.affine = _Affine(spins, channels, momentum, epsilon, initial_scale)

    def __call__(
        self,
        x: Complex[Array, "*batch degree order spin channel"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Complex[Array, "*batch degree order spin channel"], eqx.nn.State]:
        """Normalise.

        Args:
            x: Coefficients, shape (*batch, L, 2L−1, spins, channels).
            state: Holds the running statistics.
            mask: Elements of the batch that count, shape (*batch); all if left out. Others are normalised too, but
                touch no statistics. They must be finite: a NaN there becomes NaN in gradients.

        Returns:
            Coefficients of the same shape, and the new state (unchanged at inference).

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes or a mask of other sizes.
        """
        self.affine.check("SpectralBatchNorm", x, mask)
        _layer_checks.coefficients("SpectralBatchNorm", "x", x, 1)
        x = _entries.resized(x, x.shape[-4], self.affine.spins)
        middle = x.shape[-4] - 1
        power = (x.real**2 + x.imag**2)[..., 1:, :, :, :].sum((-4, -3))
        factor, level, state = scale_and_level(self, x[..., 0, middle, :, :], power, state, mask)
        out = jax.lax.complex(x.real * factor, x.imag * factor)
        if level is None:
            return out, state
        return out.at[..., 0, middle, self.affine.spins.index(0), :].set(level), state


def scale_and_level(
    norm: SpectralBatchNorm, constant: jax.Array, power: jax.Array, state: eqx.nn.State, mask: jax.Array | None
) -> tuple[jax.Array, jax.Array | None, eqx.nn.State]:
    """The scale and the new degree 0 of a `SpectralBatchNorm`, for any layout of coefficients.

    Args:
        norm: The layer.
        constant: Coefficients of degree 0, shape (*batch, spins, channels).
        power: Σ_{l>0} |a_lm|², shape (*batch, spins, channels).
        state: Holds the running statistics.
        mask: See the layer's call.

    Returns:
        The factor of all coefficients, shape (spins, channels); the new degree 0 of spin 0, shape (*batch, channels),
        or None without spin 0; the new state.
    """
    affine = norm.affine
    if affine.inference:
        mean, variance = affine.read(state)
    else:
        mean = _masked_mean(constant, mask)
        variance = _masked_mean(power / _FOUR_PI, mask)
        if constant.size:
            state = affine.update(state, mean, variance, mask)
    factor = affine.factor(variance)
    if affine.bias is None:
        return factor, None, state
    at = affine.spins.index(0)
    level = pairs.join(affine.bias) * np.asarray(_FOUR_PI**0.5, constant.dtype)
    level = jnp.broadcast_to(level, (*constant.shape[:-2], affine.channels))
    if norm.center == "batch":
        level = level + (constant[..., at, :] - mean[at]) * factor[at].astype(constant.dtype)
    return factor, level, state


class SpatialBatchNorm(eqx.Module):
    """Batch norm of maps with quadrature weights: spin 0 is centred, other spins are only scaled.

    Kept for comparison with `SpectralBatchNorm`; equal to it for band-limited maps whose means are all 0.

    References:
        Esteves, Makadia, Daniilidis, Spin-weighted spherical CNNs (2020), section 4.3.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinharm import Grid, checks
        >>> from spinnn import SpatialBatchNorm
        >>> grid = Grid.gauss_legendre(2)
        >>> norm, state = eqx.nn.make_with_state(SpatialBatchNorm)((0,), 1, grid=grid)
        >>> maps = 3 + jax.random.normal(jax.random.key(0), (8, *grid.shape, 1, 1))
        >>> normalised, state = eqx.filter_jit(norm)(maps, state)
        >>> round(float((abs(normalised) ** 2).mean()), 1)
        1.0
    """

    affine: _Affine
    grid: Grid = eqx.field(static=True)

    def __init__(
        self,
        spins: Iterable[int],
        channels: int,
        *,
        grid: Grid,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        initial_scale: float = 1.0,
    ) -> None:
        """Make a layer for maps on `grid`; the other arguments and errors are those of `SpectralBatchNorm`."""
        _layer_checks.grid("grid", grid)
        self.grid = grid
        self.affine = _Affine(spins, channels, momentum, epsilon, initial_scale)

    def __call__(
        self,
        x: Inexact[Array, "*batch lat lon spin channel"],
        state: eqx.nn.State,
        *,
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Complex[Array, "*batch lat lon spin channel"], eqx.nn.State]:
        """Normalise.

        Args:
            x: Maps, shape (*batch, lat, lon, spins, channels).
            state: Holds the running statistics.
            mask: Elements of the batch that count, shape (*batch); all if left out.

        Returns:
            Maps of the same shape, and the new state (unchanged at inference).

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes or a mask of other sizes.
        """
        affine = self.affine
        affine.check("SpatialBatchNorm", x, mask)
        _layer_checks.on_grid("SpatialBatchNorm", "x", x, self.grid)
        x = pairs.as_complex(x)
        is_scalar = np.array([spin == 0 for spin in affine.spins], np.float32)[:, None]
        if affine.inference:
            mean, variance = affine.read(state)
        else:
            weights = (self.grid.weights / _FOUR_PI).astype(x.real.dtype)
            mean = _masked_mean(_sphere_mean(x, weights), mask) * is_scalar.astype(x.dtype)
            centred = x - mean
            variance = _masked_mean(_sphere_mean(centred.real**2 + centred.imag**2, weights), mask)
            if x.size:
                state = affine.update(state, mean, variance, mask)
        factor = affine.factor(variance)
        out = x - mean * is_scalar.astype(x.dtype)
        out = jax.lax.complex(out.real * factor, out.imag * factor)
        if affine.bias is not None:
            out = out.at[..., affine.spins.index(0), :].add(pairs.join(affine.bias))
        return out, state


def _sphere_mean(x: jax.Array, weights: np.ndarray) -> jax.Array:
    """Mean over (lat, lon) with the solid angles of the rings' points, which sum to 1."""
    return jnp.tensordot(x.sum(-3), weights.astype(x.dtype), axes=[[-3], [0]], precision="highest")
