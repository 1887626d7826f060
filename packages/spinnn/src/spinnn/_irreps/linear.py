"""Linear maps between channels of irreps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .. import _layer_checks
from .degrees import check_features, check_parts, largest_degree, split


class DegreeLinear(eqx.Module):
    """Linear map between channels with one matrix for each degree: y_lm = Wₗᵀ x_lm.

    By Schur's lemma these are all equivariant linear maps between features of the same degrees and parities.

    Examples:
        >>> import jax
        >>> from spinnn import DegreeLinear
        >>> layer = DegreeLinear(2, 4, 8, key=jax.random.key(0))
        >>> layer(jax.numpy.ones((9, 10, 4))).shape  # degrees 0, 1, 2 of ten atoms
        (9, 10, 8)
    """

    weight: Float[Array, "degree channel_in channel_out"]
    max_degree: int = eqx.field(static=True)

    def __init__(self, max_degree: int, channels_in: int, channels_out: int, *, key: PRNGKeyArray) -> None:
        """Make a layer that keeps the mean square of its input at initialisation.

        Args:
            max_degree: The largest degree l_max of features.
            channels_in: Channels of the input.
            channels_out: Channels of the result.
            key: Random key.

        Raises:
            TypeError: A size that is not an integer.
            ValueError: A size out of range.
        """
        self.max_degree = largest_degree(max_degree)
        shape = (_layer_checks.size("channels_in", channels_in), _layer_checks.size("channels_out", channels_out))
        self.weight = jax.random.normal(key, (self.max_degree + 1, *shape)) / jnp.sqrt(shape[0])

    def __call__(self, x: Float[Array, "entries *columns channel_in"]) -> Float[Array, "entries *columns channel_out"]:
        """Apply to features, shape ((l_max + 1)², *columns, channels_in).

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Axes of other sizes.
        """
        check_features("DegreeLinear", x, self.max_degree, self.weight.shape[1], self.weight)
        return jnp.concatenate(self.by_degree(split(x)))

    def by_degree(
        self, parts: Sequence[Float[Array, "_ *columns channel_in"]]
    ) -> list[Float[Array, "_ *columns channel_out"]]:
        """Apply to features that are kept apart by degree, which saves layers that act on one degree from copies.

        Args:
            parts: One array for each degree l = 0 … l_max, shape (2l + 1, *columns, channels_in).

        Returns:
            One for each degree.

        Raises:
            TypeError: Input of another precision than the parameters.
            ValueError: Another number of degrees, or axes of other sizes.

        Examples:
            >>> import jax
            >>> from spinnn import DegreeLinear
            >>> layer = DegreeLinear(1, 4, 8, key=jax.random.key(0))
            >>> [y.shape for y in layer.by_degree([jax.numpy.ones((1, 10, 4)), jax.numpy.ones((3, 10, 4))])]
            [(1, 10, 8), (3, 10, 8)]
        """
        check_parts("DegreeLinear", parts, self.max_degree, self.weight.shape[1], self.weight)
        return [
            jnp.matmul(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), weight, precision="highest").reshape(
                *x.shape[:-1], weight.shape[1]
            )
            for x, weight in zip(parts, self.weight, strict=True)
        ]
