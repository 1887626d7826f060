"""Pairs of atoms: directions and weights, with finite derivatives wherever the atoms are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import _checks
from .._molecules.molecule import COINCIDENT
from .radial import RadialBasis

# Values per block of pairs, on grid points or coefficients, which bounds memory. Blocks that fit into a processor's
# cache are the fastest.
BLOCK_VALUES = 2**20


class Atoms(NamedTuple):
    """A batch of molecules with flattened batch axes, and the shape of those."""

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
    """Flatten the batch; padded atoms get position 0 and charge 0, whatever their positions are.

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


class Neighborhood(NamedTuple):
    """Neighborhoods of central atoms: leading axes of the central atoms, then the axis of the neighbors."""

    center: jax.Array
    charge: jax.Array
    neighbors: jax.Array
    charges: jax.Array
    channels: jax.Array


class Pairs(NamedTuple):
    """For each central atom and neighbor: unit vector, and weight per channel (type, radial), radial fastest."""

    direction: jax.Array
    weight: jax.Array


def pair_weights(around: Neighborhood, basis: RadialBasis, scale: float) -> Pairs:
    """Directions (…, atoms, 3) and weights (…, atoms, channel); products of charges are divided by `scale`.

    Excluded pairs (an atom with itself or with padding, two coincident atoms) get the direction z and the
    weight 0, and derivatives 0: their distance is replaced before any root or division.
    """
    difference = around.neighbors - around.center[..., None, :]
    square = jnp.sum(difference**2, -1)
    product = around.charge[..., None] * around.charges
    # Not `square > …`: NaN in positions must propagate to the result.
    counts = ~(square <= COINCIDENT**2) & (product > 0)
    square = jnp.where(counts, square, 1)
    inverse = jax.lax.rsqrt(square)
    direction = jnp.where(counts[..., None], difference * inverse[..., None], np.array([0, 0, 1], difference.dtype))
    strength = jnp.where(counts, product * jnp.asarray(1 / scale, product.dtype), 0)
    radial = basis.values(square, strength, counts)
    weight = around.channels[..., :, None] * radial[..., None, :]
    return Pairs(direction, weight.reshape(*weight.shape[:-2], math.prod(weight.shape[-2:])))


def per_atom(atoms: Atoms, values_per_pair: int, function: Callable[[Neighborhood], jax.Array]) -> jax.Array:
    """`function` of the neighborhood of every atom, in blocks of bounded memory.

    `function` takes any leading axes and has `values_per_pair` intermediate values for each pair. If all pairs fit into
    one block there is no loop; else blocks of central atoms are computed one after another, and again in the backward
    pass, so that memory is that of the result plus one block.
    """
    positions, charges, _, channels, batch = atoms
    molecules, count = charges.shape
    rows = molecules * count
    block = max(1, BLOCK_VALUES // max(1, count * values_per_pair))
    if block >= rows:
        out = function(Neighborhood(positions, charges, positions[:, None], charges[:, None], channels[:, None]))
        return out.reshape(*batch, count, *out.shape[2:])
    blocks = -(-rows // block)
    index = np.minimum(np.arange(blocks * block), rows - 1).reshape(blocks, block)

    @jax.checkpoint
    def one(row: jax.Array) -> jax.Array:
        molecule, atom = row // count, row % count
        center, charge = positions[molecule, atom], charges[molecule, atom]
        return function(Neighborhood(center, charge, positions[molecule], charges[molecule], channels[molecule]))

    out = jax.lax.map(one, jnp.asarray(index))
    out = out.reshape(blocks * block, *out.shape[2:])[:rows]
    return out.reshape(*batch, count, *out.shape[1:])
