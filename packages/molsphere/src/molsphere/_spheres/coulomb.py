"""The representation of Cohen et al. (2018), to compare with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from spinharm import Grid

from .. import _checks
from .._molecules import pairs
from .features import QM9_MIN_DISTANCE, _unit_vectors


def coulomb_sphere_features(
    positions: Float[Array | np.ndarray, "*batch atoms 3"],
    numbers: Int[Array | np.ndarray, "*batch atoms"],
    *,
    grid: Grid,
    species: Iterable[int],
    radius: float = QM9_MIN_DISTANCE / 2,
    mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
) -> Float[Array, "*batch atoms lat lon spin channel"]:
    """Coulomb-like potential of the other atoms of each species, on a sphere of fixed radius around each atom.

    U_i(x) = Σ_{j ≠ i: z_j = z} z_i z_j / |p_i + radius · x − p_j| · 2 radius / max(species)². Memory and derivatives
    are bounded as in `sphere_features`. A nucleus within 0.01 Å of a grid point contributes nothing to that point.

    Args:
        positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
        numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
        grid: Grid of the spheres.
        species: Atomic numbers that get a channel, in the order of the channels; e.g. `QM9_SPECIES`.
        radius: Radius of the spheres [Å]. Half the smallest distance in the data, so that spheres do not meet; the
            default is QM9's. The factor 2 radius / max(species)² is our normalisation.
        mask: True for atoms, shape (*batch, atoms); default where `numbers` is not 0. Padded atoms give and get zero.

    Returns:
        Fields of shape (*batch, atoms, lat, lon, 1, species) of the type of `positions`.

    Raises:
        TypeError: Numbers that are not integers.
        ValueError: Shapes that do not fit, a radius that is not above 0, and where the values are concrete, positions
            that are not finite and atoms of another species.

    References:
        Cohen, Geiger, Köhler, Welling, Spherical CNNs (2018), section 5.3.
    """
    species = _checks.species_tuple(species)
    radius = _checks.positive_float("radius", radius)
    pairs.check(positions, numbers, mask, species)
    return _coulomb(positions, numbers, mask, grid, species, radius)


@partial(jax.jit, static_argnums=(3, 4, 5))
def _coulomb(
    positions: jax.Array,
    numbers: jax.Array,
    mask: jax.Array | None,
    grid: Grid,
    species: tuple[int, ...],
    radius: float,
) -> jax.Array:
    atoms = pairs.prepare(positions, numbers, mask, species)
    dtype = atoms.positions.dtype
    points = (radius * _unit_vectors(grid)).astype(dtype)
    factor = 2 * radius / float(max(species)) ** 2

    def function(
        centre: jax.Array, charge: jax.Array, neighbours: jax.Array, charges: jax.Array, channels: jax.Array
    ) -> jax.Array:
        difference = neighbours - centre[..., None, :]
        square = jnp.sum(difference**2, -1)
        product = charge[..., None] * charges
        counts = ~(square <= pairs.COINCIDENT**2) & (product > 0)
        # |d − ρ x|² written out, so that nothing has three axes per pair and point.
        along = jnp.einsum("...jx,gx->...jg", difference, points, precision="highest")
        distance = square[..., None] - 2 * along + jnp.asarray(radius**2, dtype)
        regular = counts[..., None] & ~(distance <= pairs.COINCIDENT**2)
        inverse = jnp.where(regular, jax.lax.rsqrt(jnp.where(regular, distance, 1)), 0)
        weight = (product * jnp.asarray(factor, dtype))[..., None] * channels
        return jnp.einsum("...jg,...jc->...gc", inverse, weight, precision="highest")

    out = pairs.per_atom(atoms, points.shape[0], function)
    return out.reshape(*out.shape[:-2], *grid.shape, 1, out.shape[-1])
