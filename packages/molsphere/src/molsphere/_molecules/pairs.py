"""Pairs of atoms: directions, distances and weights, with finite derivatives wherever the atoms are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import _checks

# Nearer than this [Å] two nuclei count as one place, and the pair as none: inverse powers and their derivatives stay
# inside float32, and no molecule has such a distance.
COINCIDENT = 1e-2
# Values per block of pairs: the memory for what each pair has on the grid, or of coefficients. Blocks that fit into a
# processor's cache are the fastest.
BLOCK_VALUES = 2**20


class Atoms(NamedTuple):
    """Checked input: flattened batch of molecules and what its shape was."""

    positions: jax.Array
    charges: jax.Array
    mask: jax.Array
    channels: jax.Array
    batch: tuple[int, ...]


def check(
    positions: jax.Array | np.ndarray,
    numbers: jax.Array | np.ndarray,
    mask: jax.Array | np.ndarray | None,
    species: tuple[int, ...],
) -> None:
    """Check shapes and types, and values where they are concrete."""
    _checks.geometry(positions, numbers, mask)
    _checks.finite_positions(positions, numbers > 0 if mask is None else mask & (numbers > 0))
    _checks.known_species(numbers, mask, species)


def prepare(
    positions: jax.Array,
    numbers: jax.Array,
    mask: jax.Array | None,
    species: tuple[int, ...],
    values: jax.Array | None = None,
) -> Atoms:
    """Padded atoms get position 0 and charge 0 (their positions may be anything, even NaN).

    Channels are the species, or `values` of shape (*batch, atoms, value) if given; then all charges are 1.
    """
    present = numbers > 0 if mask is None else mask & (numbers > 0)
    batch, atoms = positions.shape[:-2], positions.shape[-2]
    count = math.prod(batch)
    positions = jnp.where(present[..., None], positions, 0).reshape(count, atoms, 3)
    dtype = positions.dtype
    present = present.reshape(count, atoms)
    numbers = numbers.reshape(count, atoms)
    if values is not None:
        channels = jnp.where(present[..., None], values.reshape(count, atoms, values.shape[-1]), 0)
        return Atoms(positions, present.astype(dtype), present, channels.astype(dtype), batch)
    channels = (numbers[..., None] == np.array(species, numbers.dtype)) & present[..., None]
    return Atoms(positions, jnp.where(present, numbers, 0).astype(dtype), present, channels.astype(dtype), batch)


class Pairs(NamedTuple):
    """For each central atom and neighbour: unit vector, and weight per channel (type, radial), radial fastest."""

    direction: jax.Array
    weight: jax.Array


def pair_weights(
    centre: jax.Array,
    charge: jax.Array,
    neighbours: jax.Array,
    charges: jax.Array,
    channels: jax.Array,
    *,
    powers: tuple[int | float, ...],
    shells: tuple[tuple[float, float], ...],
    scale: float,
    min_distance: float,
) -> Pairs:
    """Directions (…, atoms, 3) and weights (…, atoms, channel) from one centre each.

    The radial functions of r_ij are z_i z_j (r_min/r_ij)^p / scale, then exp(−(r_ij − c)²/2w²) of each shell (c, w).
    Pairs that do not count (an atom with itself or with padding, two atoms at one place) get the direction z and the
    weight 0, and derivatives 0: their distance is replaced before any root or division.
    """
    difference = neighbours - centre[..., None, :]
    square = jnp.sum(difference**2, -1)
    product = charge[..., None] * charges
    # Not `square > …`: a position that is not a number must show in the result.
    counts = ~(square <= COINCIDENT**2) & (product > 0)
    inverse = jax.lax.rsqrt(jnp.where(counts, square, 1))
    direction = jnp.where(counts[..., None], difference * inverse[..., None], np.array([0, 0, 1], difference.dtype))
    nearness = inverse * jnp.asarray(min_distance, inverse.dtype)
    strength = jnp.where(counts, product * jnp.asarray(1 / scale, product.dtype), 0)
    functions = [strength * nearness**p for p in powers]
    distance = jnp.where(counts, square, 1) * inverse
    for centre_of_shell, width in shells:
        offset = (distance - jnp.asarray(centre_of_shell, distance.dtype)) * jnp.asarray(1 / width, distance.dtype)
        functions.append(jnp.where(counts, jnp.exp(-(offset**2) / 2), 0))
    radial = jnp.stack(functions, -1)
    weight = channels[..., :, None] * radial[..., None, :]
    return Pairs(direction, weight.reshape(*weight.shape[:-2], math.prod(weight.shape[-2:])))


def per_atom(
    atoms: Atoms,
    values_per_pair: int,
    function: Callable[[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """`function(centre, charge, neighbours, charges, channels)` of every atom, in blocks of bounded memory.

    `function` takes any leading axes; what it makes for each pair has `values_per_pair` entries. Where all pairs fit
    into one block there is no loop; else blocks of central atoms follow each other, and the backward pass makes them
    anew, so that memory is that of the result plus one block.
    """
    positions, charges, _, channels, batch = atoms
    molecules, count = charges.shape
    rows = molecules * count
    block = max(1, BLOCK_VALUES // max(1, count * values_per_pair))
    if block >= rows:
        out = function(positions, charges, positions[:, None], charges[:, None], channels[:, None])
        return out.reshape(*batch, count, *out.shape[2:])
    blocks = -(-rows // block)
    index = np.minimum(np.arange(blocks * block), rows - 1).reshape(blocks, block)

    @jax.checkpoint
    def one(row: jax.Array) -> jax.Array:
        molecule, atom = row // count, row % count
        centre, charge = positions[molecule, atom], charges[molecule, atom]
        return function(centre, charge, positions[molecule], charges[molecule], channels[molecule])

    out = jax.lax.map(one, jnp.asarray(index))
    out = out.reshape(blocks * block, *out.shape[2:])[:rows]
    return out.reshape(*batch, count, *out.shape[1:])
