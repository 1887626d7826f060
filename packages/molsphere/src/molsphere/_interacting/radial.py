"""Radial basis functions that end at a cutoff."""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from spinharm import checks

from .. import _checks

LARGEST_EXPONENT = 20


@dataclasses.dataclass(frozen=True)
class BesselBasis:
    """Bessel functions of the distance, times an envelope that ends smoothly at a cutoff.

    √(2/c) sin(nπr/c)/r · u(r/c), n = 1 … count, with the envelope

        u(x) = 1 − (p + 1)(p + 2)/2 xᵖ + p (p + 2) xᵖ⁺¹ − p (p + 1)/2 xᵖ⁺²,

    whose first two derivatives are 0 at the cutoff.

    Attributes:
        count: Number of functions.
        cutoff: The distance c from which all are 0 [Å].
        exponent: The exponent p of the envelope, 2 … 20: the larger, the farther it stays near 1.

    Raises:
        TypeError: Something else than numbers.
        ValueError: No functions, or a cutoff out of range.

    References:
        Gasteiger, Groß, Günnemann, Directional message passing for molecular graphs (2020), section 5.

    Examples:
        >>> import jax.numpy as jnp
        >>> from molsphere import BesselBasis
        >>> basis = BesselBasis(count=4, cutoff=5.0)
        >>> [round(float(value), 3) for value in basis.values(jnp.array(1.0))]
        [0.35, 0.567, 0.567, 0.35]
        >>> float(basis.values(jnp.array(5.0)).max())
        0.0
    """

    count: int = 20
    cutoff: float = 6.0
    exponent: int = 3

    def __post_init__(self) -> None:
        _checks.count("count", self.count)
        checks.integer("exponent", self.exponent, 2, LARGEST_EXPONENT)
        object.__setattr__(self, "cutoff", _checks.positive_float("cutoff", self.cutoff))

    def values(self, distance: Float[Array, "*pairs"]) -> Float[Array, "*pairs radial"]:
        """Each function of distances, along a new last axis.

        Args:
            distance: Distances above 0 [Å], any shape.

        Returns:
            Values [Å^(−3/2)], shape (*pairs, count), of the precision of the distances.

        Raises:
            TypeError: Distances that are not a float32 or float64 array.
        """
        _checks.floats("distance", distance)
        inside = distance < self.cutoff
        share = jnp.where(inside, distance, 1) * jnp.asarray(1 / self.cutoff, distance.dtype)
        p = self.exponent
        power = share**p
        envelope = 1 - power * ((p + 1) * (p + 2) / 2 - share * (p * (p + 2) - share * (p * (p + 1) / 2)))
        factor = jnp.where(inside, math.sqrt(2 / self.cutoff) * envelope / jnp.where(inside, distance, 1), 0)
        # sin(n x) by Chebyshev's recursion: one sine and one cosine for each pair.
        angle = share * jnp.asarray(math.pi, distance.dtype)
        twice, sines = 2 * jnp.cos(angle), [jnp.zeros_like(angle), jnp.sin(angle)]
        for _ in range(self.count - 1):
            sines.append(twice * sines[-1] - sines[-2])
        return jnp.stack(sines[1:], -1) * factor[..., None]
