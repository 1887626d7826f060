"""Layers at small bandlimits as a few large matrix products, equal to the layers to rounding.

At small bandlimits, rearranging features takes much of the time of a block. Here coefficients are
(degree and order, element, spin, re/im, channel), so that each degree's convolution is one product without the zeros of
|m| > l. Maps are a plane per spin, (point, element, re/im, channel), the latitude fastest, so that a transform is one
product of a small matrix with all elements and channels as columns, or on larger grids two such stages.

Orders are those of cosines and sines (`spinharm.convert.to_cosines`): convolution and norm treat the orders of a degree
alike, and of real fields, such as moduli, the coefficients are real.

Features stay coefficients from block to block. Of an activation x₀ ← W₁ x₀ + W₂ |x| + b only the moduli need the grid:
what is linear commutes with the transform, and spins other than 0 pass unchanged. So W₁ acts on coefficients, and the
moduli are analysed before W₂ acts on their coefficients.

The layers are the reference that the tests hold this to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from spinharm import SpinTransform, convert

from .. import _entries, _tuning
from .._layers import pairs, products as _products
from .._layers.activation import PhaseCollapse
from .._layers.conv import SpinConv, filter_parts
from .._layers.norm import SpectralBatchNorm, scale_and_level


def enter(x: jax.Array, transform: SpinTransform | None, bandlimit: int, spins: tuple[int, ...]) -> jax.Array:
    """Maps, or coefficients without a transform, (*batch, ·, ·, spin, channel), as compact coefficients."""
    x = _entries.resized(x, min(x.shape[-4], bandlimit), spins) if transform is None else transform.forward(x)
    x = convert.to_cosines(x, axis=-3, degree_axis=None).reshape(math.prod(x.shape[:-4]), *x.shape[-4:])
    degrees, middle = min(x.shape[1], bandlimit), x.shape[1] - 1
    rows = [x[:, l, middle - l : middle + l + 1] for l in range(degrees)]  # noqa: E741
    packed = jnp.moveaxis(jnp.concatenate(rows, 1), 1, 0)
    return _resized(jnp.stack([packed.real, packed.imag], -2), bandlimit)


def leave(planes: list[jax.Array], transform: SpinTransform, batch: tuple[int, ...]) -> jax.Array:
    """Planes as complex maps (*batch, lat, lon, spin, channel)."""
    x = jnp.stack([jax.lax.complex(plane[:, :, 0], plane[:, :, 1]) for plane in planes], 2)
    nlat, nlon = transform.grid.shape
    return x.reshape(nlon, nlat, *x.shape[1:]).transpose(2, 1, 0, 3, 4).reshape(*batch, nlat, nlon, *x.shape[-2:])


def _resized(coeffs: jax.Array, bandlimit: int) -> jax.Array:
    """Degrees cut off, or zeros added."""
    missing = bandlimit**2 - coeffs.shape[0]
    return coeffs[: bandlimit**2] if missing <= 0 else jnp.pad(coeffs, ((0, missing), *[(0, 0)] * (coeffs.ndim - 1)))


def _times_i(x: jax.Array) -> jax.Array:
    """ix, for real and imaginary parts along the last axis but one."""
    return jnp.concatenate([-x[..., 1:, :], x[..., :1, :]], -2)


def _is_dense(transform: SpinTransform) -> bool:
    return transform.grid.max_bandlimit <= _tuning.TUNING.largest_dense


def _to_plane(transform: SpinTransform, spin: int, coeffs: jax.Array) -> jax.Array:
    """Inverse transform of coefficients (L², element, re/im, channel) of one spin."""
    dtype = str(coeffs.dtype)
    if _is_dense(transform):
        synthesis = transform.matrices(spin, dtype)[1]
        return synthesis(jnp.concatenate([coeffs, _times_i(coeffs)]) if spin else coeffs)
    stages, orders = transform.stages(spin, dtype), _to_slots(coeffs)
    if spin:
        orders = jnp.concatenate([orders, _times_i(orders[::-1])], 1)
    points = stages.fourier_synthesis(stages.legendre_synthesis(orders))
    return points.reshape(math.prod(transform.grid.shape), *coeffs.shape[1:])


def _from_moduli(transform: SpinTransform, moduli: jax.Array) -> jax.Array:
    """The real coefficients (L², element, channel) of real scalar fields (point, element, channel)."""
    dtype = str(moduli.dtype)
    if _is_dense(transform):
        return transform.matrices(0, dtype)[0](moduli)
    stages, (nlat, nlon) = transform.stages(0, dtype), transform.grid.shape
    rings = stages.fourier_analysis(moduli.reshape(nlon, nlat, *moduli.shape[1:]))
    return _from_slots(stages.legendre_analysis(rings))


def _gather_slots(coeffs: jax.Array) -> jax.Array:
    """Packed coefficients by order −L+1 … L−1 and degree, (2L−1, L, …); where there is no such degree, others."""
    L = math.isqrt(coeffs.shape[0])
    order, degree = np.arange(-L + 1, L)[:, None], np.arange(L)
    degree = np.maximum(degree, np.abs(order))
    return coeffs.at[degree * (degree + 1) + order].get(mode="promise_in_bounds")


def _gather_packed(slots: jax.Array) -> jax.Array:
    """Slots as packed coefficients."""
    L = slots.shape[1]
    degree = np.repeat(np.arange(L), 2 * np.arange(L) + 1)
    order = np.arange(L * L) - degree * (degree + 1)
    return slots.at[order + L - 1, degree].get(mode="promise_in_bounds")


def _with_transpose(function: Callable[[jax.Array], jax.Array], transpose: Callable[[jax.Array], jax.Array]) -> Any:
    """A linear function whose gradient is `transpose`, where XLA would have a scattered sum, entry by entry."""
    made = jax.custom_jvp(function)

    @made.defjvp
    def _(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        out = function(*primals)
        return out, jax.linear_transpose(transpose, out)(*tangents)[0]

    return made


# Tables have zeros where there is no such degree: what stands there does not matter on the way there, and is 0 on the
# way back. So each is the other's transpose.
_to_slots = _with_transpose(_gather_slots, _gather_packed)
_from_slots = _with_transpose(_gather_packed, _gather_slots)


def convolve(conv: SpinConv, coeffs: jax.Array) -> jax.Array:
    """`SpinConv` without bias."""
    L, elements = conv.bandlimit, coeffs.shape[1]
    features = len(conv.spins_in) * conv.channels_in
    shape = (elements, len(conv.spins_out), 2, conv.channels_out)
    rows = jax.lax.split(coeffs, [2 * l + 1 for l in range(L)])  # noqa: E741
    if not _products.in_three(features, len(conv.spins_out) * conv.channels_out, conv.product_dtype):
        weights = jax.lax.split(_interleaved(filter_parts(conv)).reshape(L, 2 * features, -1), [1] * L)
        products = [
            _products.real_product(row.reshape(1, -1, 2 * features), matrix, conv.product_dtype)
            for row, matrix in zip(rows, weights, strict=True)
        ]
        made = [product.reshape(row.shape[0], *shape) for row, product in zip(rows, products, strict=True)]
        return jnp.concatenate(made)
    # Split as a whole, as the backward pass pads and adds up slices.
    weights = jax.lax.split(filter_parts(conv).reshape(2 * L, features, -1), [1] * (2 * L))
    products = []
    for l, row in enumerate(rows):  # noqa: E741
        real, imaginary = (part.reshape(1, -1, features) for part in jax.lax.split(row, [1, 1], 3))
        out = _products.complex_product(real, imaginary, weights[l], weights[L + l], conv.product_dtype)
        parts = [part.reshape(row.shape[0], *shape[:2], 1, conv.channels_out) for part in out]
        products.append(jnp.concatenate(parts, 3))
    return jnp.concatenate(products)


def _interleaved(filters: jax.Array) -> jax.Array:
    """Filters (re/im, degree, spin, channel, spin, channel) as real matrices between axes (spin, re/im, channel)."""
    a, b = filters
    return jnp.stack([jnp.stack([a, b], -2), jnp.stack([-b, a], -2)], 2)


def normalise(
    norm: SpectralBatchNorm, coeffs: jax.Array, state: eqx.nn.State, mask: jax.Array | None
) -> tuple[jax.Array, eqx.nn.State]:
    """`SpectralBatchNorm`."""
    constant, rest = coeffs[0], coeffs[1:]
    power = (rest**2).sum((0, 3))
    factor, level, state = scale_and_level(norm, pairs.join(jnp.moveaxis(constant, 2, 0)), power, state, mask)
    scaled = coeffs * factor[:, None]
    if level is None:
        return scaled, state
    at = norm.affine.spins.index(0)
    return scaled.at[0, :, at].set(jnp.stack([level.real, level.imag], 1)), state


def mix(x: jax.Array, weights: jax.Array) -> jax.Array:
    """Complex features (…, re/im, channel) times a complex matrix (re/im, in, out)."""
    joined = x.reshape(*x.shape[:-2], 2 * x.shape[-1])
    return _products.times(joined, pairs.real_matrix(*weights)).reshape(*x.shape[:-1], weights.shape[-1])


def collapse(activation: PhaseCollapse, transform: SpinTransform, coeffs: jax.Array) -> list[jax.Array]:
    """`PhaseCollapse` on the grid: coefficients to planes."""
    planes, at = _planes(transform, coeffs), activation.spins.index(0)
    scalar = mix(planes[at], activation.scalar_weight) + _of_moduli(activation, _moduli(planes))
    planes[at] = scalar + activation.bias
    return planes


def pass_on(
    activation: PhaseCollapse, synthesis: SpinTransform, coeffs: jax.Array, analysis: SpinTransform, bandlimit: int
) -> jax.Array:
    """`collapse`, then the forward transform `analysis` with zeros up to `bandlimit` degrees: the same coefficients."""
    at = activation.spins.index(0)
    numbers = _from_moduli(analysis, _moduli(_planes(synthesis, coeffs)))
    coeffs = _resized(coeffs, bandlimit)
    scalar = mix(coeffs[:, :, at], activation.scalar_weight) + _resized(_of_moduli(activation, numbers), bandlimit)
    # The coefficient of a constant 1 is √4π.
    scalar = scalar.at[0].add(activation.bias * np.asarray((4 * np.pi) ** 0.5, coeffs.dtype))
    return jnp.concatenate([coeffs[:, :, :at], scalar[:, :, None], coeffs[:, :, at + 1 :]], 2)


def means(activation: PhaseCollapse, transform: SpinTransform, coeffs: jax.Array) -> jax.Array:
    """`spin_mean` of `collapse`, shape (element, spin, channel)."""
    at, channels = activation.spins.index(0), activation.channels
    weights = np.tile(transform.grid.weights / (4 * np.pi), transform.grid.nlon).astype(coeffs.dtype)
    mean = jnp.tensordot(weights, _moduli(_planes(transform, coeffs)), 1, precision="highest")
    # A field's mean is its coefficient of degree 0 over √4π.
    constant = coeffs[0, :, at] * np.asarray((4 * np.pi) ** -0.5, coeffs.dtype)
    scalar = mix(constant, activation.scalar_weight) + _of_moduli(activation, mean) + activation.bias
    return mean.reshape(coeffs.shape[1], len(activation.spins), channels).at[:, at].set(scalar[:, 0])


def _planes(transform: SpinTransform, coeffs: jax.Array) -> list[jax.Array]:
    return [_to_plane(transform, spin, coeffs[:, :, i]) for i, spin in enumerate(transform.spins)]


def _moduli(planes: list[jax.Array]) -> jax.Array:
    """|x| of all spins, (point, element, spin and channel)."""
    return jnp.concatenate([pairs.length(plane, 2) for plane in planes], -1)


def _of_moduli(activation: PhaseCollapse, moduli: jax.Array) -> jax.Array:
    """W₂ times moduli or their real coefficients, (…, spin and channel) to (…, re/im, channel)."""
    both = jnp.concatenate(list(activation.modulus_weight), -1)
    return _products.times(moduli, both).reshape(*moduli.shape[:-1], 2, activation.channels)
