"""The paper's representation: each atom's sphere shows what surrounds it, on a grid or as coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from spinharm import Grid

from .. import _checks
from .._molecules import pairs
from . import gaussian, harmonics as _harmonics

# Species and smallest distance between two atoms [Å] of QM9.
QM9_SPECIES = (1, 6, 7, 8, 9)
QM9_MIN_DISTANCE = 0.9586


def sphere_features(
    positions: Float[Array | np.ndarray, "*batch atoms 3"],
    numbers: Int[Array | np.ndarray, "*batch atoms"],
    *,
    grid: Grid,
    species: Iterable[int],
    powers: Iterable[int | float] = (2, 6),
    shells: Iterable[tuple[float, float]] = (),
    values: Float[Array | np.ndarray, "*batch atoms value"] | None = None,
    cutoff_angle: float = math.pi / 4,
    min_distance: float = QM9_MIN_DISTANCE,
    mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
) -> Float[Array, "*batch atoms lat lon spin channel"]:
    """One field on the sphere of each atom per species z and power p: where the other atoms are, and how near.

    f_i(x) = Σ_{j: z_j = z} z_i z_j / |r_ij|^p · exp(−(x·r̂_ij − 1)²/σ²) / (max(species)² / min_distance^p),
    σ² = −(cos(cutoff_angle) − 1)² / ln 0.05, r_ij from atom i to atom j. No atom is on its own sphere. Shells are
    further functions of the distance, `values` further kinds of atoms, such as features that a network gave them.
    Memory is that of the result plus blocks of 2²⁰ values (or the pairs of one atom), whatever the number of atoms.
    Derivatives in the positions are finite everywhere: pairs nearer than 0.01 Å count as one place and contribute
    nothing.

    Args:
        positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
        numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
        grid: Grid of the spheres.
        species: Atomic numbers that get a channel, in the order of the channels; e.g. `QM9_SPECIES`.
        powers: Exponents p; 2 is Coulomb's, 6 van der Waals'. May be empty if there are shells.
        shells: (c, w) [Å] of further radial functions exp(−(r_ij − c)²/2w²), w above 0, without charges.
        values: What each atom shows to the others, instead of its species: channels are (value, radial function), and
            all charges count as 1. Shape (*batch, atoms, values).
        cutoff_angle: Angle at which 5 % of the Gaussian is left [radians, 0 … π].
        min_distance: r_min [Å], the distance at which a pair of the heaviest species has weight one.
        mask: True for atoms, shape (*batch, atoms); default where `numbers` is not 0. Padded atoms give and get zero.

    Returns:
        Fields of shape (*batch, atoms, lat, lon, 1, channel) of the type of `positions`. Channels are (species 0,
        power 0), (species 0, power 1), …, shells after powers. All zero for a lone atom.

    Raises:
        TypeError: Numbers that are not integers.
        ValueError: Shapes that do not fit, options out of range, and where the values are concrete, positions that are
            not finite and atoms of another species.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 5.1.1.
    """
    species, (powers, shells) = _checks.species_tuple(species), _checks.radial_functions(powers, shells)
    reach = _checks.positive_float("min_distance", min_distance)
    gaussian.variance(cutoff_angle)
    pairs.check(positions, numbers, mask, species)
    _checks.values_of_atoms(values, numbers)
    return _features(positions, numbers, mask, values, grid, species, powers, shells, float(cutoff_angle), reach)


# Compiled as a whole also where the caller does not compile; within a larger program it is a part of that.
@partial(jax.jit, static_argnums=(4, 5, 6, 7, 8, 9))
def _features(
    positions: jax.Array,
    numbers: jax.Array,
    mask: jax.Array | None,
    values: jax.Array | None,
    grid: Grid,
    species: tuple[int, ...],
    powers: tuple[int | float, ...],
    shells: tuple[tuple[float, float], ...],
    cutoff_angle: float,
    reach: float,
) -> jax.Array:
    atoms = pairs.prepare(positions, numbers, mask, species, values)
    scale = float(max(species)) ** 2 if values is None else 1.0
    sharpness = 1 / gaussian.variance(cutoff_angle)
    dtype = atoms.positions.dtype
    points = _unit_vectors(grid).astype(dtype)

    def function(*args: jax.Array) -> jax.Array:
        direction, weight = pairs.pair_weights(*args, powers=powers, shells=shells, scale=scale, min_distance=reach)
        cosine = jnp.einsum("...jx,gx->...jg", direction, points, precision="highest")
        spread = jnp.exp(-((cosine - 1) ** 2) * jnp.asarray(sharpness, dtype))
        return jnp.einsum("...jg,...jc->...gc", spread, weight, precision="highest")

    out = pairs.per_atom(atoms, points.shape[0], function)
    return out.reshape(*out.shape[:-2], *grid.shape, 1, out.shape[-1])


def sphere_coefficients(
    positions: Float[Array | np.ndarray, "*batch atoms 3"],
    numbers: Int[Array | np.ndarray, "*batch atoms"],
    *,
    bandlimit: int,
    species: Iterable[int],
    powers: Iterable[int | float] = (2, 6),
    shells: Iterable[tuple[float, float]] = (),
    values: Float[Array | np.ndarray, "*batch atoms value"] | None = None,
    cutoff_angle: float = math.pi / 4,
    min_distance: float = QM9_MIN_DISTANCE,
    mask: Bool[Array | np.ndarray, "*batch atoms"] | None = None,
) -> Complex[Array, "*batch atoms degree order spin channel"]:
    """Spherical harmonic coefficients of `sphere_features` in closed form, without a grid.

    Each pair is zonal about r̂_ij, so by the addition theorem a_lm = Σ_j w_ij g_l conj(Y_lm(r̂_ij)) with
    g_l = 2π ∫ exp(−(t − 1)²/σ²) P_l(t) dt and the weights w_ij of `sphere_features`. Rotating the molecule rotates the
    coefficients to rounding: r → R r is `spinharm.rotate(coeffs, α, β, γ)` for R = R_z(α) R_y(β) R_z(γ). Harmonics are
    polynomials in the unit vector, hence smooth at the poles. Of the energy of the default Gaussian, 1e-2 lies beyond
    L = 8, 2e-4 beyond L = 12, 7e-6 beyond L = 16.

    Args:
        positions: Positions [Å], shape (*batch, atoms, 3), float32 or float64.
        numbers: Atomic numbers, 0 for padding, shape (*batch, atoms).
        bandlimit: L, the number of degrees, at least 1.
        species: Atomic numbers that get a channel, in the order of the channels; e.g. `QM9_SPECIES`.
        powers: Exponents p; 2 is Coulomb's, 6 van der Waals'. May be empty if there are shells.
        shells: (c, w) [Å] of further radial functions exp(−(r_ij − c)²/2w²), w above 0, without charges.
        values: What each atom shows to the others, instead of its species: channels are (value, radial function), and
            all charges count as 1. Shape (*batch, atoms, values).
        cutoff_angle: Angle at which 5 % of the Gaussian is left [radians, 0 … π].
        min_distance: r_min [Å], the distance at which a pair of the heaviest species has weight one.
        mask: True for atoms, shape (*batch, atoms); default where `numbers` is not 0. Padded atoms give and get zero.

    Returns:
        Coefficients of shape (*batch, atoms, L, 2L−1, 1, channel), complex64 or complex128, entry (l, m) at
        [l, m + L − 1]; channels as in `sphere_features`.

    Raises:
        TypeError: Numbers or a bandlimit that are not integers.
        ValueError: Shapes that do not fit, options out of range, and where the values are concrete, positions that are
            not finite and atoms of another species.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), section 5.1.1.
    """
    L = _checks.integer("bandlimit", bandlimit, 1)
    species, (powers, shells) = _checks.species_tuple(species), _checks.radial_functions(powers, shells)
    reach = _checks.positive_float("min_distance", min_distance)
    gaussian.variance(cutoff_angle)
    pairs.check(positions, numbers, mask, species)
    _checks.values_of_atoms(values, numbers)
    return _coefficients(positions, numbers, mask, values, L, species, powers, shells, float(cutoff_angle), reach)


@partial(jax.jit, static_argnums=(4, 5, 6, 7, 8, 9))
def _coefficients(
    positions: jax.Array,
    numbers: jax.Array,
    mask: jax.Array | None,
    values: jax.Array | None,
    L: int,
    species: tuple[int, ...],
    powers: tuple[int | float, ...],
    shells: tuple[tuple[float, float], ...],
    cutoff_angle: float,
    reach: float,
) -> jax.Array:
    atoms = pairs.prepare(positions, numbers, mask, species, values)
    scale = float(max(species)) ** 2 if values is None else 1.0
    zonal = gaussian.zonal_coefficients(L, cutoff_angle)
    dtype = atoms.positions.dtype

    def function(*args: jax.Array) -> jax.Array:
        direction, weight = pairs.pair_weights(*args, powers=powers, shells=shells, scale=scale, min_distance=reach)
        harmonics = _harmonics.real_parts(L, direction)
        return jnp.einsum("k...j,...jc->...kc", harmonics, weight, precision="highest")

    packed = pairs.per_atom(atoms, L * L, function)
    factor = zonal.astype(dtype)[:, None, None]
    real, imaginary = (part * factor for part in _harmonics.dense(L, packed))
    return jax.lax.complex(real, imaginary)[..., None, :]


def _unit_vectors(grid: Grid) -> np.ndarray:
    """Points of a grid as unit vectors, (lat · lon, 3), float64."""
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1).reshape(-1, 3)
