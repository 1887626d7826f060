"""The representation of Cohen et al. (2018), for comparison."""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from spinharm import Grid

from .. import _checks
from .._molecules.molecule import COINCIDENT, FARTHEST
from . import pairs
from .points import as_maps, unit_vectors
from .radial import QM9_MIN_DISTANCE, QM9_SPECIES


@dataclasses.dataclass(frozen=True)
class CoulombRepresentation:
    """Coulomb-like potential of the other atoms of each species, on a sphere of fixed radius around each atom.

    U_i(x) = Σ_{j ≠ i: z_j = z} z_i z_j / |p_i + radius · x − p_j| · 2 radius / max(species)². Memory and derivatives
    are bounded as in `Representation`. A nucleus within 0.01 Å of a grid point contributes nothing to that point.

    Attributes:
        grid: Grid of the spheres.
        species: Atomic numbers that get a channel, in the order of the channels.
        radius: Radius of the spheres [Å]. Half the smallest distance in the data, so that spheres do not meet; the
            default is QM9's. The factor 2 radius / max(species)² is our normalisation.

    Raises:
        TypeError: Anything other than a grid and numbers.
        ValueError: A radius that is not within 0 … 10,000 Å, or species that are not distinct.

    References:
        Cohen, Geiger, Köhler, Welling, Spherical CNNs (2018), section 5.3.

    Examples:
        >>> import numpy as np
        >>> from molsphere import CoulombRepresentation
        >>> from spinharm import Grid
        >>> positions = np.array([[0, 0, 0], [0, 0, 1.1]], np.float32)
        >>> representation = CoulombRepresentation(Grid.gauss_legendre(4), species=(6, 8))
        >>> representation.maps(positions, np.array([6, 8])).shape  # atom, latitude, longitude, spin, channel
        (2, 4, 8, 1, 2)
    """

    grid: Grid
    species: tuple[int, ...] = QM9_SPECIES
    radius: float = QM9_MIN_DISTANCE / 2

    def __post_init__(self) -> None:
        _checks.instance("grid", self.grid, Grid, "a spinharm.Grid")
        object.__setattr__(self, "species", _checks.species_tuple(self.species))
        object.__setattr__(self, "radius", _checks.number("radius", self.radius, above=0.0, below=FARTHEST))

    @property
    def channels(self) -> int:
        """Number of channels, one per species.

        Examples:
            >>> from molsphere import CoulombRepresentation
            >>> from spinharm import Grid
            >>> CoulombRepresentation(Grid.gauss_legendre(4), species=(6, 8)).channels
            2
        """
        return len(self.species)

    def maps(
        self,
        positions: Float[Array | np.ndarray, "*batch atoms 3"],
        numbers: Int[Array | np.ndarray, "*batch atoms"],
        *,
        mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
    ) -> Float[Array, "*batch atoms lat lon spin channel"]:
        """The potentials on the grid.

        Args:
            positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
            numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
            mask: True for atoms, shape (*batch, atoms); default where `numbers` is not 0. Padded atoms give and get
                zero.

        Returns:
            Fields of shape (*batch, atoms, lat, lon, 1, species) of the type of `positions`.

        Raises:
            TypeError: Numbers that are not integers.
            ValueError: Shapes that do not fit, and where the values are concrete, positions that are not finite and
                atoms of another species.
        """
        pairs.check(positions, numbers, mask, self.species)
        return _maps(self, positions, numbers, mask)


@partial(jax.jit, static_argnums=0)
def _maps(given: CoulombRepresentation, positions: jax.Array, numbers: jax.Array, mask: jax.Array | None) -> jax.Array:
    atoms = pairs.prepare(positions, numbers, mask, given.species)
    dtype = atoms.positions.dtype
    points = (given.radius * unit_vectors(given.grid)).astype(dtype)
    factor = 2 * given.radius / float(max(given.species)) ** 2

    def function(around: pairs.Neighborhood) -> jax.Array:
        difference = around.neighbors - around.center[..., None, :]
        square = jnp.sum(difference**2, -1)
        product = around.charge[..., None] * around.charges
        counts = ~(square <= COINCIDENT**2) & (product > 0)
        # |d − ρ x|² expanded, so that no array has a component axis per pair and point.
        along = jnp.einsum("...jx,gx->...jg", difference, points, precision="highest")
        distance = square[..., None] - 2 * along + jnp.asarray(given.radius**2, dtype)
        regular = counts[..., None] & ~(distance <= COINCIDENT**2)
        inverse = jnp.where(regular, jax.lax.rsqrt(jnp.where(regular, distance, 1)), 0)
        weight = (product * jnp.asarray(factor, dtype))[..., None] * around.channels
        return jnp.einsum("...jg,...jc->...gc", inverse, weight, precision="highest")

    return as_maps(pairs.per_atom(atoms, points.shape[0], function), given.grid)
