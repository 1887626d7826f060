"""Representation of Esteves et al. (2023): fields on spheres around atoms, as coefficients or on a grid."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from spinharm import Grid

from .. import _checks
from . import gaussian, harmonics as _harmonics, pairs
from .points import as_maps, unit_vectors
from .radial import QM9_SPECIES, RadialBasis


@dataclasses.dataclass(frozen=True)
class Representation:
    """Fields on the sphere of each atom that show the directions and distances of the other atoms.

    A channel is a species z and a function R of the radial basis: with r_ij from atom i to atom j,

        f_i(x) = Σ_{j: z_j = z} R(|r_ij|) exp(−(x · r̂_ij − 1)² / σ²),   σ² = −(cos(cutoff_angle) − 1)² / ln 0.05,

    where powers are R(r) = z_i z_j / max(species)² · (min_distance / r)^p, see `RadialBasis`. An atom does not
    contribute to its own sphere. Instead of its species an atom can show any `values`, such as features of a network.

    Derivatives in the positions are finite everywhere: atoms nearer than 0.01 Å are coincident and contribute nothing
    to each other. Memory is that of the result plus blocks of 2²⁰ values (or the pairs of one atom), independent of the
    number of atoms.

    Attributes:
        species: Atomic numbers that get channels, in the order of the channels.
        radial: The radial basis.
        bandlimit: L, the number of degrees of `coefficients`, 1 … 4,096; None without these.
        grid: The grid of `maps`; None without these.
        cutoff_angle: Angle at which 5 % of the Gaussian on the sphere is left [radians, 0 … π].

    Raises:
        TypeError: Anything other than numbers, a `RadialBasis` and a `Grid`.
        ValueError: Neither bandlimit nor grid, or numbers out of range.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 5.1.1.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Representation
        >>> from spinharm import Grid
        >>> positions = np.array([[0, 0, 0], [0, 0, 1.1]], np.float32)
        >>> numbers = np.array([6, 8])
        >>> representation = Representation(species=(6, 8), bandlimit=3, grid=Grid.gauss_legendre(4))
        >>> representation.coefficients(positions, numbers).shape  # atom, degree, order, spin, channel
        (2, 3, 5, 1, 4)
        >>> representation.maps(positions, numbers).shape  # atom, latitude, longitude, spin, channel
        (2, 4, 8, 1, 4)
    """

    species: tuple[int, ...] = QM9_SPECIES
    radial: RadialBasis = dataclasses.field(default_factory=RadialBasis)
    bandlimit: int | None = None
    grid: Grid | None = None
    cutoff_angle: float = math.pi / 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "species", _checks.species_tuple(self.species))
        _checks.instance("radial", self.radial, RadialBasis, "a RadialBasis")
        if self.bandlimit is None and self.grid is None:
            raise ValueError("`bandlimit` or `grid` must be given, got None for both")
        if self.bandlimit is not None:
            object.__setattr__(self, "bandlimit", _checks.degrees("bandlimit", self.bandlimit))
        if self.grid is not None:
            _checks.instance("grid", self.grid, Grid, "a spinharm.Grid")
        gaussian.variance(self.cutoff_angle)
        object.__setattr__(self, "cutoff_angle", float(self.cutoff_angle))

    @property
    def channels(self) -> int:
        """Number of channels without `values`.

        Examples:
            >>> from molsphere import Representation
            >>> Representation(species=(1, 6, 8), bandlimit=4).channels
            6
        """
        return len(self.species) * len(self.radial)

    def coefficients(
        self,
        positions: Float[Array | np.ndarray, "*batch atoms 3"],
        numbers: Int[Array | np.ndarray, "*batch atoms"],
        *,
        values: Float[Array | np.ndarray, "*batch atoms value"] | None = None,
        mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
    ) -> Complex[Array, "*batch atoms degree order spin channel"]:
        """Spherical harmonic coefficients of the fields in closed form, without a grid.

        Each pair is zonal about r̂_ij, so by the addition theorem a_lm = Σ_j R(|r_ij|) g_l conj(Y_lm(r̂_ij)) with
        g_l = 2π ∫ exp(−(t − 1)²/σ²) P_l(t) dt. Rotating the molecule rotates the coefficients to rounding: r → R r is
        `spinharm.rotate(coeffs, α, β, γ, axis=-4)` for R = R_z(α) R_y(β) R_z(γ). Harmonics are polynomials in the unit
        vector, hence smooth at the poles. Of the energy of the default Gaussian, 1e-2 lies beyond L = 8, 2e-4 beyond
        L = 12, 7e-6 beyond L = 16.

        Args:
            positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
            numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
            values: Values that each atom shows instead of its species, shape (*batch, atoms, values): channels
                are (value, radial function), and all charges count as 1.
            mask: True for atoms, shape (*batch, atoms); default where `numbers` is not 0. Padded atoms give and get
                zero.

        Returns:
            Coefficients of shape (*batch, atoms, L, 2L−1, 1, channel), complex64 or complex128, entry (l, m) at
            [l, m + L − 1]. Channels are (species 0, function 0), (species 0, function 1), …. All zero for a lone atom.

        Raises:
            TypeError: Numbers that are not integers.
            ValueError: No bandlimit, shapes that do not fit, and where the values are concrete, positions that are not
                finite and atoms of another species.
        """
        if self.bandlimit is None:
            raise ValueError(f"`bandlimit` must be an integer for coefficients, got None; {_REMEDY}, bandlimit=8)")
        self._check(positions, numbers, values, mask)
        return _coefficients(self, self.bandlimit, positions, numbers, values, mask)

    def maps(
        self,
        positions: Float[Array | np.ndarray, "*batch atoms 3"],
        numbers: Int[Array | np.ndarray, "*batch atoms"],
        *,
        values: Float[Array | np.ndarray, "*batch atoms value"] | None = None,
        mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
    ) -> Float[Array, "*batch atoms lat lon spin channel"]:
        """The fields on the grid.

        Args:
            positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
            numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
            values: See `coefficients`.
            mask: See `coefficients`.

        Returns:
            Fields of shape (*batch, atoms, lat, lon, 1, channel) of the type of `positions`; channels as in
            `coefficients`.

        Raises:
            TypeError: Numbers that are not integers.
            ValueError: No grid, and as `coefficients`.
        """
        if self.grid is None:
            raise ValueError(f"`grid` must be a spinharm.Grid for maps, got None; {_REMEDY}, grid=…)")
        self._check(positions, numbers, values, mask)
        return _maps(self, self.grid, positions, numbers, values, mask)

    def _check(
        self,
        positions: Array | np.ndarray,
        numbers: Array | np.ndarray,
        values: Array | np.ndarray | None,
        mask: Array | np.ndarray | None,
    ) -> None:
        pairs.check(positions, numbers, mask, self.species)
        _checks.values_of_atoms(values, numbers)


_REMEDY = "use dataclasses.replace(representation"


def _unit_of_charges(representation: Representation, values: jax.Array | None) -> float:
    return float(max(representation.species)) ** 2 if values is None else 1.0


# Compiled also where the caller does not compile.
@partial(jax.jit, static_argnums=(0, 1))
def _coefficients(
    given: Representation,
    L: int,
    positions: jax.Array,
    numbers: jax.Array,
    values: jax.Array | None,
    mask: jax.Array | None,
) -> jax.Array:
    scale = _unit_of_charges(given, values)
    atoms = pairs.prepare(positions, numbers, mask, given.species, values)
    zonal = gaussian.zonal_coefficients(L, given.cutoff_angle)

    def function(around: pairs.Neighborhood) -> jax.Array:
        direction, weight = pairs.pair_weights(around, given.radial, scale)
        harmonics = _harmonics.real_parts(L, direction)
        return jnp.einsum("k...j,...jc->...kc", harmonics, weight, precision="highest")

    packed = pairs.per_atom(atoms, L * L, function)
    factor = zonal.astype(atoms.positions.dtype)[:, None, None]
    real, imaginary = (half * factor for half in _harmonics.dense(L, packed))
    return jax.lax.complex(real, imaginary)[..., None, :]


@partial(jax.jit, static_argnums=(0, 1))
def _maps(
    given: Representation,
    grid: Grid,
    positions: jax.Array,
    numbers: jax.Array,
    values: jax.Array | None,
    mask: jax.Array | None,
) -> jax.Array:
    scale, sharpness = _unit_of_charges(given, values), 1 / gaussian.variance(given.cutoff_angle)
    atoms = pairs.prepare(positions, numbers, mask, given.species, values)
    dtype = atoms.positions.dtype
    points = unit_vectors(grid).astype(dtype)

    def function(around: pairs.Neighborhood) -> jax.Array:
        direction, weight = pairs.pair_weights(around, given.radial, scale)
        cosine = jnp.einsum("...jx,gx->...jg", direction, points, precision="highest")
        spread = jnp.exp(-((cosine - 1) ** 2) * jnp.asarray(sharpness, dtype))
        return jnp.einsum("...jg,...jc->...gc", spread, weight, precision="highest")

    return as_maps(pairs.per_atom(atoms, points.shape[0], function), grid)
