"""Equivariant activations on maps."""

from __future__ import annotations

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray

from spinharm import checks

from .. import _layer_checks
from . import pairs, products

# 1/√E[SiLU(z)²] of a standard normal z.
_SILU_GAIN = 1.6765


class PhaseCollapse(eqx.Module):
    """Phase collapse: x₀ ← W₁ x₀ + W₂ |x| + b over the channels of all spins; other spins pass unchanged.

    The modulus of a spin field is a scalar: it does not rotate with the local frame, so it may be mixed into spin 0.
    The following convolution carries it on to the other spins.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 4.1.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinnn import PhaseCollapse
        >>> layer = PhaseCollapse((0, 1), 4, key=jax.random.key(0))
        >>> layer.matrix().shape
        (16, 8)
        >>> maps = jax.numpy.ones((8, 3, 6, 2, 4))  # eight elements, a 3×6 grid, two spins, four channels
        >>> eqx.filter_jit(layer)(maps).shape
        (8, 3, 6, 2, 4)
    """

    scalar_weight: Float[Array, "2 channel channel"]
    modulus_weight: Float[Array, "2 features channel"]
    bias: Float[Array, "2 channel"]
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)

    def __init__(self, spins: Iterable[int], channels: int, *, key: PRNGKeyArray) -> None:
        """Make a layer that keeps the mean square of its input at initialisation.

        Args:
            spins: Spin of each entry of the spin axis; 0 must be among them.
            channels: Channels per spin.
            key: Random key.

        Raises:
            TypeError: `channels` or a spin is not an integer.
            ValueError: No spin 0, or `channels` below 1.
        """
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = _layer_checks.size("channels", channels)
        _layer_checks.scalar_index(self.spins, "PhaseCollapse")
        first, second = jax.random.split(key)
        self.scalar_weight = pairs.normal(first, (channels, channels), (2 * channels) ** -0.5)
        inputs = len(self.spins) * channels
        self.modulus_weight = pairs.normal(second, (inputs, channels), (2 * inputs) ** -0.5)
        self.bias = jnp.zeros((2, channels))

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch lat lon spin channel"]:
        """Apply to maps, shape (*batch, lat, lon, spins, channels); returns complex maps of the same shape.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        _layer_checks.features("PhaseCollapse", "x", x, self.spins, self.channels, self.bias)
        at = self.spins.index(0)
        x = pairs.as_complex(x)
        scalar = x[..., at, :]
        moduli = pairs.modulus(x).reshape(*x.shape[:-2], len(self.spins) * self.channels)
        inputs = jnp.concatenate([scalar.real, scalar.imag, moduli], -1)
        out = jnp.matmul(inputs, self.matrix(), precision="highest") + self.bias.reshape(-1)
        out = jax.lax.complex(out[..., : self.channels], out[..., self.channels :])
        return jnp.concatenate([x[..., :at, :], out[..., None, :], x[..., at + 1 :, :]], -2)

    def matrix(self) -> Float[Array, "_ _"]:
        """W₁ and W₂ as one real matrix, from (re x₀, im x₀, |x| of each spin) to (re, im) of the new x₀."""
        scalar = pairs.real_matrix(*self.scalar_weight)
        return jnp.concatenate([scalar, jnp.concatenate(list(self.modulus_weight), -1)])


class MagnitudeActivation(eqx.Module):
    """Threshold of the modulus, x ← max(|x| + b, 0) · x / |x|, for every spin and channel; phases are unchanged.

    References:
        Esteves, Makadia, Daniilidis, Spin-weighted spherical CNNs (2020), section 4.3.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn import MagnitudeActivation
        >>> layer = MagnitudeActivation((0, 1), 1, initial_bias=-1.0)
        >>> print(layer(jnp.full((2, 2, 2, 1), 3j))[0, 0, :, 0])
        [0.+2.j 0.+2.j]
    """

    bias: Float[Array, "spin channel"]
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)

    def __init__(self, spins: Iterable[int], channels: int, *, initial_bias: float = -0.1) -> None:
        """Make a layer.

        Args:
            spins: Spin of each entry of the spin axis.
            channels: Channels per spin.
            initial_bias: The threshold's negative at initialisation; at 0 the layer starts as the identity.

        Raises:
            TypeError: `channels` or a spin is not an integer.
            ValueError: `channels` below 1.
        """
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = _layer_checks.size("channels", channels)
        self.bias = jnp.full((len(self.spins), channels), checks.number("initial_bias", initial_bias))

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch lat lon spin channel"]:
        """Apply to maps, shape (*batch, lat, lon, spins, channels); returns complex maps of the same shape.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        _layer_checks.features("MagnitudeActivation", "x", x, self.spins, self.channels, self.bias)
        x = pairs.as_complex(x)
        size = pairs.modulus(x)
        positive = size > 0
        factor = jnp.where(positive, jax.nn.relu(size + self.bias) / jnp.where(positive, size, 1), 0)
        return jax.lax.complex(x.real * factor, x.imag * factor)


class GatedActivation(eqx.Module):
    """Sigmoid gate per spin and channel, x ← σ(W x₀ + b) · x, whose argument is linear in the scalar features.

    References:
        Weiler et al., 3D steerable CNNs (2018), section 4.3; Esteves, Slotine, Makadia (2023), section 5.3.

    Examples:
        >>> import jax
        >>> from spinnn import GatedActivation
        >>> layer = GatedActivation((0, 1), 4, key=jax.random.key(0))
        >>> print(abs(layer(jax.numpy.ones((2, 2, 2, 4)))).max() < 1)
        True
    """

    weight: Float[Array, "features gates"]
    bias: Float[Array, " gates"]
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)

    def __init__(self, spins: Iterable[int], channels: int, *, key: PRNGKeyArray) -> None:
        """Make a layer.

        Args:
            spins: Spin of each entry of the spin axis; 0 must be among them.
            channels: Channels per spin.
            key: Random key.

        Raises:
            TypeError: `channels` or a spin is not an integer.
            ValueError: No spin 0, or `channels` below 1.
        """
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = _layer_checks.size("channels", channels)
        _layer_checks.scalar_index(self.spins, "GatedActivation")
        gates = len(self.spins) * channels
        self.weight = pairs.real_normal(key, (2 * channels, gates), channels**-0.5)
        self.bias = jnp.zeros(gates)

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch lat lon spin channel"]:
        """Apply to maps, shape (*batch, lat, lon, spins, channels); returns complex maps of the same shape.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        _layer_checks.features("GatedActivation", "x", x, self.spins, self.channels, self.bias)
        x = pairs.as_complex(x)
        gate = jax.nn.sigmoid(_from_scalars(x, self.spins, self.weight, self.bias))
        return jax.lax.complex(x.real * gate, x.imag * gate)


class S2Activation(eqx.Module):
    """SwiGLU at each point of the sphere, x ← SiLU(V x₀ + c) ∘ U x for every spin.

    V is real, from real and imaginary parts of the scalars, which give the gates; U mixes the channels of each spin.
    SiLU is no polynomial, so the result has all degrees, and the layer is equivariant only as far as its grid resolves
    them; `ProductActivation` is to rounding.

    References:
        Shazeer, GLU variants improve transformer (2020); Cohen et al., Spherical CNNs (2018), and Liao et al.,
        EquiformerV2 (2024), for nonlinearities at points of a sphere.

    Examples:
        >>> import jax
        >>> from spinnn import S2Activation
        >>> layer = S2Activation((0, 1), 4, key=jax.random.key(0))
        >>> layer(jax.numpy.ones((8, 3, 6, 2, 4))).shape
        (8, 3, 6, 2, 4)
    """

    gate_weight: Float[Array, "features gates"]
    gate_bias: Float[Array, " gates"]
    value_weight: Float[Array, "2 spin channel channel"]
    spins: tuple[int, ...] = eqx.field(static=True)
    channels: int = eqx.field(static=True)

    def __init__(self, spins: Iterable[int], channels: int, *, key: PRNGKeyArray) -> None:
        """Make a layer that keeps the mean square of normal input at initialisation.

        Args:
            spins: Spin of each entry of the spin axis; 0 must be among them.
            channels: Channels per spin.
            key: Random key.

        Raises:
            TypeError: `channels` or a spin is not an integer.
            ValueError: No spin 0, or `channels` below 1.
        """
        self.spins = _layer_checks.spin_tuple("spins", spins)
        self.channels = channels = _layer_checks.size("channels", channels)
        _layer_checks.scalar_index(self.spins, "S2Activation")
        gate, value = jax.random.split(key)
        gates = len(self.spins) * channels
        self.gate_weight = pairs.real_normal(gate, (2 * channels, gates), channels**-0.5)
        self.gate_bias = jnp.zeros(gates)
        self.value_weight = pairs.normal(value, (len(self.spins), channels, channels), _SILU_GAIN * channels**-0.5)

    def __call__(
        self, x: Inexact[Array, "*batch lat lon spin channel"]
    ) -> Complex[Array, "*batch lat lon spin channel"]:
        """Apply to maps, shape (*batch, lat, lon, spins, channels); returns complex maps of the same shape.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        _layer_checks.features("S2Activation", "x", x, self.spins, self.channels, self.gate_bias)
        x = pairs.as_complex(x)
        gates = jax.nn.silu(_from_scalars(x, self.spins, self.gate_weight, self.gate_bias))
        out = []
        for i in range(len(self.spins)):
            matrix = pairs.real_matrix(*self.value_weight[:, i])
            parts = jnp.concatenate([x[..., i, :].real, x[..., i, :].imag], -1)
            real, imaginary = jnp.split(products.times(parts, matrix), 2, -1)
            out.append(jax.lax.complex(real * gates[..., i, :], imaginary * gates[..., i, :]))
        return jnp.stack(out, -2)


def _from_scalars(x: jax.Array, spins: tuple[int, ...], weight: jax.Array, bias: jax.Array) -> jax.Array:
    """A real number for each entry of maps, of the shape of x, linear in real and imaginary parts of the scalars."""
    scalar = x[..., spins.index(0), :]
    inputs = jnp.concatenate([scalar.real, scalar.imag], -1)
    return (products.times(inputs, weight) + bias).reshape(x.shape)
