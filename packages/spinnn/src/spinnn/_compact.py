"""Layers at small bandlimits as few large matrix products: the values of the layers, in another layout.

At bandlimits up to `LARGEST` much of the time of a block goes into moving its features about. Here maps are a plane per
spin, (re/im and point, element, channel), so that a transform is one product of a small matrix with all elements and
channels as columns, or on larger grids two such stages; coefficients are (degree and order, element, re/im and spin and
channel), so that each degree's convolution is one product without the zeros of |m| > l.

Features stay coefficients from block to block. Of an activation x₀ ← W₁ x₀ + W₂ |x| + b only the moduli need the grid:
what is linear commutes with the transform, and spins other than 0 pass unchanged. So W₁ acts on coefficients, and the
moduli, real scalar fields with L² real coefficients each, are analysed before W₂ acts on those.

The blocks' `layer_by_layer` is the reference that the tests hold this to.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from spinharm import SpinTransform

from . import _pairs
from ._activation import PhaseCollapse
from ._conv import SpinConv
from ._norm import SpectralBatchNorm

# The gain shrinks with L (`tools/bench/compact.py`). Dense matrices grow as L⁴: on grids of more degrees, two stages.
LARGEST = 16
DENSE = 8

Planes = list[jax.Array]


def applies(
    convolutions: Sequence[SpinConv], activations: Sequence[Any], transforms: Sequence[SpinTransform | None]
) -> bool:
    """Whether a block of these parts can be computed here."""
    return (
        all(conv.bandlimit <= LARGEST and conv.pointwise is None for conv in convolutions)
        and all(isinstance(activation, PhaseCollapse) for activation in activations)
        and all(transform is None or transform.method == "tables" for transform in transforms)
    )


def enter(x: jax.Array, transform: SpinTransform | None, bandlimit: int) -> jax.Array:
    """Maps, or coefficients without a transform, (*batch, ·, ·, spin, channel), as compact coefficients."""
    if transform is not None and _is_staged(transform):
        # A dense matrix from so many points would be most of the work.
        x, transform = transform.forward(x), None
    batch, (spins, channels) = math.prod(x.shape[:-4]), x.shape[-2:]
    x = _pairs.as_complex(x).reshape(batch, *x.shape[-4:])
    if transform is not None:
        points = jnp.moveaxis(x.reshape(batch, -1, spins, channels), 1, 0)
        planes = [jnp.concatenate([points[:, :, s].real, points[:, :, s].imag]) for s in range(spins)]
        return analyse(transform, planes, bandlimit)
    degrees, middle = min(x.shape[1], bandlimit), x.shape[1] - 1
    rows = [x[:, l, middle - l : middle + l + 1] for l in range(degrees)]  # noqa: E741
    packed = jnp.moveaxis(jnp.concatenate(rows, 1), 1, 0).reshape(-1, batch, spins * channels)
    return _resized(jnp.concatenate([packed.real, packed.imag], -1), bandlimit)


def leave(planes: Planes, transform: SpinTransform, batch: tuple[int, ...]) -> jax.Array:
    """Planes as complex maps (*batch, lat, lon, spin, channel)."""
    points = planes[0].shape[0] // 2
    fields = [jnp.moveaxis(jax.lax.complex(*jax.lax.split(plane, [points] * 2)), 0, 1) for plane in planes]
    x = jnp.stack(fields, 2)
    nlat, nlon = transform.grid.shape
    if _is_staged(transform):
        x = jnp.swapaxes(x.reshape(x.shape[0], nlon, nlat, *x.shape[2:]), 1, 2)
    return x.reshape(*batch, nlat, nlon, *x.shape[-2:])


def _is_staged(transform: SpinTransform) -> bool:
    """Whether transforms on this grid go in stages, with the latitude as the fastest axis of points."""
    return transform.grid.max_bandlimit > DENSE


def _resized(coeffs: jax.Array, bandlimit: int) -> jax.Array:
    """Degrees cut off, or zeros added."""
    missing = bandlimit**2 - coeffs.shape[0]
    return coeffs[: bandlimit**2] if missing <= 0 else jnp.pad(coeffs, ((0, missing), (0, 0), (0, 0)))


def _product(matrix: jax.Array, plane: jax.Array) -> jax.Array:
    """A small matrix times all elements and channels as columns."""
    out = jnp.matmul(matrix, plane.reshape(plane.shape[0], -1), precision="highest")
    return out.reshape(-1, *plane.shape[1:])


def analyse(transform: SpinTransform, planes: Planes, bandlimit: int) -> jax.Array:
    """Forward transform, with zeros for degrees from the transform's bandlimit to `bandlimit`."""
    # Split and joined as a whole: slices would be padded and added up in the backward pass.
    K, dtype = transform.bandlimit**2, str(planes[0].dtype)
    halves = [
        jax.lax.split(_product(transform.matrices(spin, dtype)[0], plane), [K, K])
        for spin, plane in zip(transform.spins, planes, strict=True)
    ]
    return _resized(jnp.concatenate([half[part] for part in range(2) for half in halves], -1), bandlimit)


def synthesise(transform: SpinTransform, coeffs: jax.Array) -> Planes:
    """Inverse transform."""
    count = len(transform.spins)
    parts = jax.lax.split(coeffs, [coeffs.shape[-1] // (2 * count)] * (2 * count), 2)
    pairs = [(parts[i], parts[count + i]) for i in range(count)]
    return [_to_plane(transform, spin, *pair) for spin, pair in zip(transform.spins, pairs, strict=True)]


def _to_plane(transform: SpinTransform, spin: int, real: jax.Array, imaginary: jax.Array) -> jax.Array:
    """Coefficients (L², element, channel) of one spin as a plane."""
    dtype = str(real.dtype)
    if not _is_staged(transform):
        return _product(transform.matrices(spin, dtype)[1], jnp.concatenate([real, imaginary]))
    stages, slots = transform.stages(spin, dtype), _slots(transform.bandlimit)
    rings = [
        # Slots of degrees below |m| hold what the table has zeros for.
        jnp.matmul(stages.legendre_synthesis, part[slots].reshape(*slots.shape, -1), precision="highest")
        for part in (real, imaginary)
    ]
    orders = jnp.concatenate(rings).reshape(2 * len(slots), -1)
    return jnp.matmul(stages.fourier_synthesis, orders, precision="highest").reshape(-1, *real.shape[1:])


def _from_moduli(transform: SpinTransform, moduli: jax.Array) -> jax.Array:
    """L² real numbers of each real scalar field (point, element, channel), in the order of `_real_rows`."""
    dtype, L = str(moduli.dtype), transform.bandlimit
    rows, _ = _real_rows(L)
    if not _is_staged(transform):
        return _product(transform.matrices(0, dtype)[0][:, : moduli.shape[0]][rows], moduli)
    stages, (nlat, nlon) = transform.stages(0, dtype), transform.grid.shape
    # Real parts of orders m ≥ 0, imaginary parts of m > 0.
    orders = np.concatenate([np.arange(L - 1, 2 * L - 1), np.arange(L, 2 * L - 1)])
    parts = orders + (2 * L - 1) * (np.arange(2 * L - 1) >= L)
    rings = jnp.matmul(stages.fourier_analysis[parts, :nlon], moduli.reshape(nlon, -1), precision="highest")
    degrees = jnp.matmul(stages.legendre_analysis[orders], rings.reshape(2 * L - 1, nlat, -1), precision="highest")
    return degrees.reshape(-1, *moduli.shape[1:])[_valid(L)]


def convolve(conv: SpinConv, coeffs: jax.Array) -> jax.Array:
    """`SpinConv` without bias."""
    L, features = conv.bandlimit, coeffs.shape[-1] // 2
    matrices = [jax.lax.split(part.reshape(L, features, -1), [1] * L) for part in conv.filter_parts()]
    rows = jax.lax.split(coeffs, [2 * l + 1 for l in range(L)])  # noqa: E741
    products = []
    for row, *matrix in zip(rows, *matrices, strict=True):
        parts = jax.lax.split(row.reshape(1, -1, 2 * features), [features] * 2, 2)
        out = jnp.concatenate(conv.product_of_parts(*parts, *matrix), -1)
        products.append(out.reshape(*row.shape[:2], -1))
    return jnp.concatenate(products)


def normalise(
    norm: SpectralBatchNorm, coeffs: jax.Array, state: eqx.nn.State, mask: jax.Array | None
) -> tuple[jax.Array, eqx.nn.State]:
    """`SpectralBatchNorm`."""
    spins, channels = norm.affine.scale.shape
    constant, rest = jax.lax.split(coeffs, [1, coeffs.shape[0] - 1])
    pair = constant.reshape(-1, 2, spins, channels)
    power = (rest**2).sum(0).reshape(-1, 2, spins, channels).sum(1)
    factor, level, state = norm.scale_and_level(jax.lax.complex(pair[:, 0], pair[:, 1]), power, state, mask)
    both = jnp.concatenate([factor, factor]).reshape(-1)
    if level is None:
        return coeffs * both, state
    at = norm.affine.spins.index(0)
    levels = jnp.stack([level.real, level.imag], 1)[:, :, None]
    is_scalar = (np.arange(spins) == at)[:, None]
    scaled = jnp.where(is_scalar, levels, pair * factor)
    return jnp.concatenate([scaled.reshape(constant.shape), rest * both]), state


def collapse(activation: Any, transform: SpinTransform, coeffs: jax.Array) -> Planes:
    """`PhaseCollapse`, the one activation that `applies` lets through, on the grid: coefficients to planes."""
    assert isinstance(activation, PhaseCollapse)
    at, channels, planes = activation.spins.index(0), activation.channels, synthesise(transform, coeffs)
    inputs = jnp.concatenate([*jax.lax.split(planes[at], [planes[at].shape[0] // 2] * 2), _moduli(planes)], -1)
    # A product each for real and imaginary part, so that the result is a plane as it comes.
    parts = [
        jnp.matmul(inputs, half, precision="highest") + bias
        for half, bias in zip(jax.lax.split(activation.matrix(), [channels] * 2, 1), activation.bias, strict=True)
    ]
    return [jnp.concatenate(parts) if i == at else plane for i, plane in enumerate(planes)]


def pass_on(
    activation: Any, synthesis: SpinTransform, coeffs: jax.Array, analysis: SpinTransform, bandlimit: int
) -> jax.Array:
    """`collapse`, then the forward transform `analysis` with zeros up to `bandlimit` degrees: the same coefficients."""
    assert isinstance(activation, PhaseCollapse)
    at, spins = activation.spins.index(0), len(activation.spins)
    moduli = _moduli(synthesise(synthesis, coeffs))
    numbers = _from_moduli(analysis, moduli)
    mixed = [jnp.matmul(numbers, weight, precision="highest") for weight in activation.modulus_weight]
    spectrum = _resized_halves(_expanded(analysis.bandlimit, *mixed), bandlimit)
    parts = list(jax.lax.split(_resized(coeffs, bandlimit), [activation.channels] * (2 * spins), 2))
    real, imaginary = activation.scalar_weight
    spectrum = (
        spectrum
        + jnp.matmul(jnp.concatenate([parts[at], parts[spins + at]]), real, precision="highest")
        + jnp.matmul(jnp.concatenate([-parts[spins + at], parts[at]]), imaginary, precision="highest")
    )
    constant = np.zeros((2, bandlimit**2, 1, 1), np.float64)
    constant[:, 0] = (4 * np.pi) ** 0.5
    offset = jnp.asarray(constant, coeffs.dtype) * activation.bias[:, None, None]
    parts[at], parts[spins + at] = spectrum.reshape(2, bandlimit**2, *spectrum.shape[1:]) + offset
    return jnp.concatenate(parts, -1)


def means(activation: Any, transform: SpinTransform, coeffs: jax.Array) -> jax.Array:
    """`spin_mean` of `collapse`, shape (element, spin, channel)."""
    assert isinstance(activation, PhaseCollapse)
    at, spins, channels = activation.spins.index(0), len(activation.spins), activation.channels
    moduli = _moduli(synthesise(transform, coeffs))
    weights = np.tile(transform.grid.weights / (4 * np.pi), (transform.grid.nlon, 1))
    weights = (weights if _is_staged(transform) else weights.T).reshape(-1).astype(coeffs.dtype)
    mean = jnp.tensordot(weights, moduli, 1, precision="highest")
    parts = jax.lax.split(coeffs[0], [channels] * (2 * spins), 1)
    real, imaginary = activation.scalar_weight
    linear = jnp.matmul(parts[at], real, precision="highest") - jnp.matmul(
        parts[spins + at], imaginary, precision="highest"
    )
    # A field's mean is its coefficient of degree 0 over √4π.
    scalar = (
        linear * np.asarray((4 * np.pi) ** -0.5, coeffs.dtype)
        + jnp.matmul(mean, activation.modulus_weight[0], precision="highest")
        + activation.bias[0]
    )
    mean = mean.reshape(-1, spins, channels)
    return mean.at[:, at].set(scalar)


def _moduli(planes: Planes) -> jax.Array:
    """|x| of all spins, (point, element, spin and channel)."""
    return jnp.concatenate([_pairs.hypotenuse(*jax.lax.split(x, [x.shape[0] // 2] * 2)) for x in planes], -1)


def _resized_halves(coeffs: jax.Array, bandlimit: int) -> jax.Array:
    """`_resized` of real parts and of imaginary parts that follow them."""
    if coeffs.shape[0] == 2 * bandlimit**2:
        return coeffs
    return jnp.concatenate([_resized(half, bandlimit) for half in jax.lax.split(coeffs, [coeffs.shape[0] // 2] * 2)])


@functools.lru_cache(maxsize=32)
def _real_rows(bandlimit: int) -> tuple[np.ndarray, np.ndarray]:
    """What makes the coefficients of p + iq, for real scalar fields p and q, out of L² real numbers of each.

    Returns:
        Which rows of an analysis matrix, (re, im) of packed coefficients, these numbers are: real parts of m ≥ 0 and
        imaginary parts of m > 0. And the matrix (2 L², 2 L²) from (p, q) to (re, im): a_{l,−m} = (−1)^m conj(a_lm).
    """
    degree = np.repeat(np.arange(bandlimit), 2 * np.arange(bandlimit) + 1)
    order = np.arange(bandlimit**2) - degree * (degree + 1)
    K = bandlimit**2
    mirror, sign = np.arange(K) - 2 * order, np.where(order % 2, -1.0, 1.0)
    rows = np.concatenate([np.flatnonzero(order >= 0), K + np.flatnonzero(order > 0)])
    full = np.zeros((2, K, 2 * K))
    index = np.arange(K)
    full[0, index, np.where(order >= 0, index, mirror)] = np.where(order >= 0, 1.0, sign)
    full[1, index, K + np.where(order >= 0, index, mirror)] = np.where(order > 0, 1.0, np.where(order < 0, -sign, 0.0))
    real, imaginary = full[:, :, rows]
    return rows, np.block([[real, -imaginary], [imaginary, real]])


def _expanded(bandlimit: int, p: jax.Array, q: jax.Array) -> jax.Array:
    """Real and imaginary parts (2 L², element, channel) of p + iq, from L² real numbers of each."""
    matrix = _real_rows(bandlimit)[1]
    if bandlimit <= DENSE:
        return _product(jnp.asarray(matrix, p.dtype), jnp.concatenate([p, q]))
    # In each row one number of p and one of q.
    halves = np.split(matrix, 2, 1)
    first, second = (
        x[np.abs(half).argmax(1)] * half.sum(1).astype(x.dtype)[:, None, None]
        for x, half in zip((p, q), halves, strict=True)
    )
    return first + second


@functools.lru_cache(maxsize=32)
def _slots(bandlimit: int) -> np.ndarray:
    """Where the coefficient of each order −L+1 … L−1 and degree is packed, shape (2L−1, L); 0 where there is none."""
    order, degree = np.arange(-bandlimit + 1, bandlimit)[:, None], np.arange(bandlimit)
    return np.where(degree >= np.abs(order), degree * (degree + 1) + order, 0)


@functools.lru_cache(maxsize=32)
def _valid(bandlimit: int) -> np.ndarray:
    """Where the numbers of `_real_rows` stand among (re of m = 0 … L−1, im of m = 1 … L−1; degree)."""
    degree = np.repeat(np.arange(bandlimit), 2 * np.arange(bandlimit) + 1)
    order = np.arange(bandlimit**2) - degree * (degree + 1)
    real, imaginary = order >= 0, order > 0
    return np.concatenate([
        order[real] * bandlimit + degree[real],
        (bandlimit - 1 + order[imaginary]) * bandlimit + degree[imaginary],
    ])  # fmt: skip
