"""Normalisation of irreps by their root mean square."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from spinharm import checks

from .. import _layer_checks
from .degrees import check_features, check_parts, largest_degree, split


class RMSNorm(eqx.Module):
    """Division of each degree by its root mean square over orders and channels, then a scale per degree and channel.

    y_lmc = γ_lc x_lmc / √(⟨x²⟩ₗ + ε), with ⟨x²⟩ₗ the mean over m and c. It is invariant to rotations, so the layer is
    exactly equivariant; it needs no statistics of a batch.

    References:
        Zhang and Sennrich, Root mean square layer normalization (2019); Liao et al., EquiformerV2 (2024), section 4.1.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn import RMSNorm
        >>> print(RMSNorm(1, 2)(jnp.full((4, 3, 2), 5.0))[:, 0, 0].round(3))
        [1. 1. 1. 1.]
    """

    scale: Float[Array, "degree channel"]
    max_degree: int = eqx.field(static=True)
    channels: int = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(self, max_degree: int, channels: int, *, epsilon: float = 1e-4) -> None:
        """Make a layer.

        Args:
            max_degree: The largest degree l_max of features.
            channels: Channels.
            epsilon: Added to mean squares, above 0; what is much smaller than its root is not blown up.

        Raises:
            TypeError: A size that is not an integer.
            ValueError: A value out of range.
        """
        self.max_degree, self.channels = largest_degree(max_degree), _layer_checks.size("channels", channels)
        self.epsilon = checks.number("epsilon", epsilon, above=0.0)
        self.scale = jnp.ones((self.max_degree + 1, channels))

    def __call__(self, x: Float[Array, "entries *columns channel"]) -> Float[Array, "entries *columns channel"]:
        """Apply to features, shape ((l_max + 1)², *columns, channels).

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        check_features("RMSNorm", x, self.max_degree, self.channels, self.scale)
        return jnp.concatenate(self.by_degree(split(x)))

    def by_degree(
        self, parts: Sequence[Float[Array, "_ *columns channel"]]
    ) -> list[Float[Array, "_ *columns channel"]]:
        """Apply to features that are kept apart by degree, see `DegreeLinear.by_degree`.

        Args:
            parts: One array for each degree l = 0 … l_max, shape (2l + 1, *columns, channels).

        Returns:
            One for each degree.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Another number of degrees, or axes of other sizes.

        Examples:
            >>> import jax.numpy as jnp
            >>> from spinnn import RMSNorm
            >>> [y.shape for y in RMSNorm(1, 2).by_degree([jnp.ones((1, 5, 2)), jnp.ones((3, 5, 2))])]
            [(1, 5, 2), (3, 5, 2)]
        """
        check_parts("RMSNorm", parts, self.max_degree, self.channels, self.scale)
        means = [jnp.mean(x**2, (0, -1), keepdims=True) for x in parts]
        factors = [jax.lax.rsqrt(mean + self.epsilon) * scale for mean, scale in zip(means, self.scale, strict=True)]
        return [x * factor for x, factor in zip(parts, factors, strict=True)]
