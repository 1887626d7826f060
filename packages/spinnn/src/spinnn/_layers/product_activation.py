"""An activation made of products of maps, exactly equivariant on a small grid."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray

from spinharm import Grid, checks

from .. import _layer_checks
from . import pairs, products
from .norm import _sphere_mean

LARGEST_ORDER = 3
_EPSILON = 1e-5
_Map = tuple[jax.Array, jax.Array]  # real and imaginary part


def exact_grid(bandlimit: int, order: int) -> Grid:
    """The smallest Gauss grid with exact coefficients of degrees below L of products of `order` maps.

    Such a product times a conjugated harmonic of degree L − 1 has degree d = (order + 1)(L − 1): the quadrature needs
    2 nlat − 1 ≥ d, the orders need nlon > d.
    """
    total = (order + 1) * (bandlimit - 1)
    return Grid.gauss_legendre(total // 2 + 1, total + 1)


class ProductActivation(eqx.Module):
    """Polynomial of maps with gates that are invariant: equivariant to rounding, as its degrees are finite.

        z¹ = x,   zᵏ⁺¹_t = Σ_{s + r = t} g ∘ zᵏ_s ∘ bᵏ_r,   y = g ∘ x + z² + … + z^order,

    for spins s and t among those of the maps. bᵏ_r is a mixture over channels of all maps of spin r, conjugates of spin
    −r included, divided by its root mean square over the sphere; so the result has the scale of x at any depth. The
    gates g, one per term and channel, are sigmoids of a perceptron with one hidden layer, of the means of scalars and
    the root mean squares of all maps over the sphere. For spins (0, 1), scalars get products of scalars and x₁ b̄₁, spin
    1 gets products of a scalar and a map of spin 1. The convolution that follows mixes the channels of the result.

    A product of `order` maps of degrees below L has degrees up to order · (L − 1). It acts on maps on `grid`, the
    smallest Gauss grid on which the coefficients of degrees below L of the result are exact; the means, of degrees up
    to 2 (L − 1), are too. Blocks cut the higher degrees off (`BlockOptions`).

    References:
        Xie, Daigavane, Kotak, Smidt, The price of freedom (2025); Liao et al., EquiformerV3 (2026), whose SwiGLU-S²
        multiplies maps and gates them by degree 0.

    Examples:
        >>> import jax
        >>> from spinharm import SpinTransform
        >>> from spinnn import ProductActivation
        >>> from spinnn.testing import random_coefficients
        >>> layer = ProductActivation((0, 1), 4, bandlimit=3, key=jax.random.key(0))
        >>> layer.grid.shape  # 3 · (L − 1) = 6
        (4, 7)
        >>> transform = SpinTransform(layer.grid, 3, (0, 1))
        >>> coeffs = random_coefficients(jax.random.key(1), 3, (0, 1), 4, batch=(8,))
        >>> transform.forward(layer(transform.inverse(coeffs))).shape  # degrees 0, 1, 2 of the result
        (8, 3, 5, 2, 4)
    """

    mixing: Float[Array, "2 step source channel channel"]
    hidden_weight: Float[Array, "invariants hidden"]
    hidden_bias: Float[Array, " hidden"]
    gate_weight: Float[Array, "hidden gates"]
    gate_bias: Float[Array, " gates"]
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)
    bandlimit: int = eqx.field(static=True)
    order: int = eqx.field(static=True)
    grid: Grid = eqx.field(static=True)

    def __init__(
        self, spins: Iterable[int], channels: int, *, bandlimit: int, order: int = 2, key: PRNGKeyArray
    ) -> None:
        """Make a layer that keeps the mean square of independent maps at initialisation.

        Args:
            spins: Spin of each entry of the spin axis; 0 must be among them.
            channels: Channels per spin.
            bandlimit: L, the number of degrees of the maps, above the magnitude of every spin.
            order: The degree of the polynomial, 2 or 3.
            key: Random key.

        Raises:
            TypeError: A size, the order or a spin is not an integer.
            ValueError: No spin 0, or a size, the order or a spin out of range.
        """
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = channels = _layer_checks.size("channels", channels)
        self.bandlimit = _layer_checks.size("bandlimit", bandlimit)
        self.order = checks.integer("order", order, 2, LARGEST_ORDER)
        _layer_checks.scalar_index(self.spins, "ProductActivation")
        if max(map(abs, self.spins)) >= self.bandlimit:
            raise ValueError(f"`spins` must be below the bandlimit {bandlimit} in magnitude, got {self.spins}")
        self.grid = exact_grid(self.bandlimit, self.order)
        mixing, hidden, gates = jax.random.split(key, 3)
        # Each map is a source of one spin ≥ 0, by itself or by its conjugate; a scalar is by both.
        shape = (self.order - 1, len(self.spins) + 1, channels, channels)
        self.mixing = pairs.normal(mixing, shape, channels**-0.5)
        invariants = (len(self.spins) + 2) * channels
        count = len(_gate_scales(self.spins, self.order)) * channels
        self.hidden_weight = pairs.real_normal(hidden, (invariants, channels), invariants**-0.5)
        self.hidden_bias = jnp.zeros(channels)
        self.gate_weight = pairs.real_normal(gates, (channels, count), channels**-0.5)
        self.gate_bias = jnp.zeros(count)

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch lat lon spin channel"]:
        """Apply to maps of `bandlimit` degrees on `grid`, shape (*batch, lat, lon, spins, channels).

        Returns:
            Complex maps of the same shape, of degrees up to order · (L − 1).

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes, or maps on another grid.
        """
        _layer_checks.features("ProductActivation", "x", x, self.spins, self.channels, self.gate_bias)
        _layer_checks.on_grid("ProductActivation", "x", x, self.grid)
        x = pairs.as_complex(x)
        gates = self._gates(x)
        maps = [(x[..., i, :].real, x[..., i, :].imag) for i in range(len(self.spins))]
        total = [_scaled(z, gates[i]) for i, z in enumerate(maps)]
        at, power = len(maps), maps
        for factors, inverse in self._factors(maps):
            made = []
            for terms in _terms(self.spins):
                multiplied = []
                for i, spin in terms:
                    multiplied.append(_scaled(_product(power[i], factors[spin]), gates[at] * inverse[abs(spin)]))
                    at += 1
                made.append(_sum(multiplied))
            total, power = [_sum(both) for both in zip(total, made, strict=True)], made
        return jnp.stack([jax.lax.complex(*z) for z in total], -2)

    def _gates(self, x: jax.Array) -> list[jax.Array]:
        """The gates of each map of x, then of each term of each step, shape (*batch, 1, 1, channels)."""
        mean = self._mean(x[..., self.spins.index(0), :][..., None, :])
        size = jnp.sqrt(self._mean(x.real**2 + x.imag**2) + _EPSILON)
        inputs = jnp.concatenate([mean.real, mean.imag, size], -2)
        inputs = inputs.reshape(*x.shape[:-4], 1, 1, self.hidden_weight.shape[0])
        hidden = jax.nn.silu(jnp.matmul(inputs, self.hidden_weight, precision="highest") + self.hidden_bias)
        gates = jax.nn.sigmoid(jnp.matmul(hidden, self.gate_weight, precision="highest") + self.gate_bias)
        scales = _gate_scales(self.spins, self.order)
        parts = jax.lax.split(gates, [self.channels] * len(scales), gates.ndim - 1)
        return [part * scale for part, scale in zip(parts, scales, strict=True)]

    def _factors(self, maps: Sequence[_Map]) -> list[tuple[dict[int, _Map], dict[int, jax.Array]]]:
        """Of each step, mixtures by their spin, and by its magnitude the inverses of their root mean squares."""
        found: list[tuple[dict[int, _Map], dict[int, jax.Array]]] = [({}, {}) for _ in range(self.order - 1)]
        for spin, matrix in self._matrices().items():
            inputs = [part for s, z in zip(self.spins, maps, strict=True) if abs(s) == spin for part in z]
            mixed = products.times(jnp.concatenate(inputs, -1), matrix)
            parts = jax.lax.split(mixed, [self.channels] * (2 * len(found)), mixed.ndim - 1)
            for (factors, inverse), real, imaginary in zip(found, parts[::2], parts[1::2], strict=True):
                mean = self._mean((real**2 + imaginary**2)[..., None, :])
                inverse[spin] = jax.lax.rsqrt(mean + _EPSILON)[..., None, :]
                factors[-spin] = real, -imaginary
                factors[spin] = real, imaginary
        return found

    def _matrices(self) -> dict[int, jax.Array]:
        """By spin ≥ 0, the real matrix from the maps of that spin or its negative to its mixtures of all steps."""
        sources = iter(range(self.mixing.shape[2]))

        def rows(sign: int) -> jax.Array:
            a, b = self.mixing[:, :, next(sources)]
            real, imaginary = jnp.concatenate([a, b], -1), jnp.concatenate([-b, a], -1)
            return jnp.concatenate([real, sign * imaginary], -2)

        found: dict[int, list[jax.Array]] = {}
        for spin in self.spins:
            # A conjugate's imaginary part has the other sign.
            matrix = rows(1) + rows(-1) if spin == 0 else rows(1 if spin > 0 else -1)
            found.setdefault(abs(spin), []).append(matrix)
        columns = 2 * (self.order - 1) * self.channels
        return {
            spin: jnp.moveaxis(jnp.concatenate(matrices, -2), 0, -2).reshape(2 * len(matrices) * self.channels, columns)
            for spin, matrices in found.items()
        }

    def _mean(self, x: jax.Array) -> jax.Array:
        """Mean over the sphere of maps with two axes after latitude and longitude."""
        return _sphere_mean(x, (self.grid.weights / (4 * np.pi)).astype(x.real.dtype))


def _terms(spins: tuple[int, ...]) -> list[list[tuple[int, int]]]:
    """For each spin, the products that have it: the index of a map and the spin of a factor."""
    sizes = {abs(spin) for spin in spins}
    return [[(i, spin - s) for i, s in enumerate(spins) if abs(spin - s) in sizes] for spin in spins]


def _gate_scales(spins: tuple[int, ...], order: int) -> list[float]:
    """The factor of each gate: at 1/2 they leave the sum of all powers, of independent maps, the mean square of x."""
    terms = [len(terms) ** -0.5 for terms in _terms(spins) for _ in terms]
    first = [2 / order**0.5] * len(spins)
    second = [2 * term / order**0.5 for term in terms]
    return first + second + [2 * term for term in terms] * (order - 2)


def _product(x: _Map, y: _Map) -> _Map:
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _scaled(x: _Map, factor: jax.Array) -> _Map:
    return x[0] * factor, x[1] * factor


def _sum(maps: Sequence[_Map]) -> _Map:
    return functools.reduce(lambda x, y: (x[0] + y[0], x[1] + y[1]), maps)
