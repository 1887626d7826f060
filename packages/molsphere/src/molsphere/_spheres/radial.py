"""Radial basis functions of the distance between two atoms: powers and Gaussians."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from .. import _checks

# Species and smallest distance between two atoms [Å] of QM9.
QM9_SPECIES = (1, 6, 7, 8, 9)
QM9_MIN_DISTANCE = 0.9586


@dataclasses.dataclass(frozen=True)
class RadialBasis:
    """A radial basis: functions of the distance r [Å] between two atoms, one per power, then one per Gaussian.

    Powers are z_i z_j (min_distance / r)^p, in units of the largest charge squared; Gaussians exp(−(r − c)² / 2w²),
    without charges.

    Attributes:
        powers: Exponents p above 0; 2 is Coulomb's, 6 van der Waals'. May be empty if there are Gaussians.
        gaussians: Pairs (c, w) of center and width [Å], w above 0.
        min_distance: r_min [Å], the distance at which a pair of the heaviest species has weight one.

    Raises:
        TypeError: Anything other than numbers.
        ValueError: No functions, equal ones, or numbers out of range.

    Examples:
        >>> import jax.numpy as jnp
        >>> from molsphere import RadialBasis
        >>> basis = RadialBasis(powers=(1, 2), gaussians=((1.1, 0.3), (1.6, 0.4)))
        >>> len(basis)
        4
        >>> square = jnp.array([1.21, 2.56, 4.0])
        >>> basis.values(square, strength=jnp.ones(3), counts=jnp.ones(3, bool)).shape
        (3, 4)
    """

    powers: tuple[int | float, ...] = (2, 6)
    gaussians: tuple[tuple[float, float], ...] = ()
    min_distance: float = QM9_MIN_DISTANCE

    def __post_init__(self) -> None:
        powers, gaussians = _checks.radial_functions(self.powers, self.gaussians)
        object.__setattr__(self, "powers", powers)
        object.__setattr__(self, "gaussians", gaussians)
        object.__setattr__(self, "min_distance", _checks.positive_float("min_distance", self.min_distance))

    def __len__(self) -> int:
        """Number of functions."""
        return len(self.powers) + len(self.gaussians)

    def values(self, square: jax.Array, strength: jax.Array, counts: jax.Array) -> jax.Array:
        """Each function of the distances, along a new last axis.

        Args:
            square: Squared distances, 1 for excluded pairs.
            strength: Product of the charges in its unit, 0 for excluded pairs.
            counts: Mask of the pairs that are not excluded.

        Raises:
            TypeError: Something else than arrays of numbers and a mask.
        """
        _checks.floats("square", square)
        _checks.floats("strength", strength)
        _checks.array("counts", counts, "b")
        inverse = jax.lax.rsqrt(square)
        nearness = inverse * jnp.asarray(self.min_distance, inverse.dtype)
        functions = [strength * nearness**p for p in self.powers]
        distance = square * inverse
        for center, width in self.gaussians:
            offset = (distance - jnp.asarray(center, distance.dtype)) * jnp.asarray(1 / width, distance.dtype)
            functions.append(jnp.where(counts, jnp.exp(-(offset**2) / 2), 0))
        return jnp.stack(functions, -1)
