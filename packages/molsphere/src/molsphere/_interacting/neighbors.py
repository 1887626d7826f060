"""Pairs of neighboring atoms: directions, radial functions, and sums over neighbors.

Small molecules are padded batches of dense pairs, where sums are products of small matrices; anything else is a list of
edges. Both have the same methods, so that interactions do not know which one they are given.
"""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._molecules.molecule import COINCIDENT
from .._spheres.harmonics import real_irreps
from .radial import BesselBasis


class Neighbors(eqx.Module):
    """Pairs of atoms as an interaction needs them; `*pairs` are the axes of pairs, `*atoms` those of atoms."""

    harmonics: eqx.AbstractVar[Float[Array, "entry *pairs"]]
    radial: eqx.AbstractVar[Float[Array, "*pairs radial"]]

    @abc.abstractmethod
    def at_neighbors(self, x: Float[Array, "*atoms channel"]) -> Float[Array, "*pairs channel"]:
        """Values of the neighbor in each pair, in a shape that broadcasts."""

    @abc.abstractmethod
    def sum_harmonics(
        self, degree: int, radial: Float[Array, "radial channel"], scalars: Float[Array, "*pairs channel"]
    ) -> Float[Array, "_ *atoms channel"]:
        """Σ over neighbors j of Y_lm(ij) R_c(r_ij) scalars_c(ij), with R = basis · radial."""

    @abc.abstractmethod
    def sum_spheres(
        self, radial: Float[Array, "radial channel"], spheres: Float[Array, "_ *atoms channel"]
    ) -> Float[Array, "_ *atoms channel"]:
        """Σ over neighbors j of R_c(r_ij) spheres_mc(j)."""


class DensePairs(Neighbors):
    """All pairs of atoms of each molecule of a padded batch: axes (molecules, atoms, neighbors)."""

    harmonics: Float[Array, "entry molecules atoms neighbors"]
    radial: Float[Array, "molecules atoms neighbors radial"]

    @classmethod
    def of(
        cls,
        positions: Float[Array | np.ndarray, "molecules atoms 3"],
        mask: Bool[Array | np.ndarray, "molecules atoms"],
        max_degree: int,
        basis: BesselBasis,
    ) -> DensePairs:
        """The pairs of molecules. Padded atoms may stand anywhere.

        An atom with itself or with padding, and two atoms at one place, count nothing and have derivatives 0.
        """
        mask = jnp.asarray(mask)
        positions = jnp.where(mask[..., None], positions, 0)
        difference = positions[:, None, :] - positions[:, :, None]
        counts = mask[:, :, None] & mask[:, None, :] & ~np.eye(positions.shape[1], dtype=bool)
        return cls(*_geometry(difference, counts, max_degree, basis))

    def at_neighbors(self, x: Array) -> Array:
        """See `Neighbors`."""
        return x[..., None, :, :]

    def sum_harmonics(self, degree: int, radial: Array, scalars: Array) -> Array:
        """See `Neighbors`."""
        flat = self.radial.reshape(-1, self.radial.shape[-1])
        weights = jnp.matmul(flat, radial, precision="highest").reshape(*self.radial.shape[:-1], radial.shape[1])
        return jnp.einsum("mbij,bijc->mbic", self.harmonics[entries_of(degree)], weights * scalars, precision="highest")

    def sum_spheres(self, radial: Array, spheres: Array) -> Array:
        """See `Neighbors`."""
        # Channels before pairs: then sums over neighbors are products of matrices for each molecule and channel, and no
        # array of pairs is transposed.
        basis = jnp.moveaxis(self.radial, -1, 1)
        molecules, count, atoms = basis.shape[:3]
        matrices = jnp.broadcast_to(radial.T, (molecules, radial.shape[1], count))
        weights = jnp.matmul(matrices, basis.reshape(molecules, count, atoms * atoms), precision="highest")
        weights = weights.reshape(molecules, -1, atoms, atoms)
        sums = jnp.matmul(weights, spheres.transpose(1, 3, 2, 0), precision="highest")
        return sums.transpose(3, 0, 2, 1)


class EdgeList(Neighbors):
    """Pairs of atoms as a list; an edge goes from a sender, the neighbor, to a receiver."""

    harmonics: Float[Array, "entry edges"]
    radial: Float[Array, "edges radial"]
    senders: Int[Array | np.ndarray, " edges"]
    receivers: Int[Array | np.ndarray, " edges"]
    atoms: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        displacements: Float[Array | np.ndarray, "edges 3"],
        senders: Int[Array | np.ndarray, " edges"],
        receivers: Int[Array | np.ndarray, " edges"],
        mask: Bool[Array | np.ndarray, " edges"],
        atoms: int,
        max_degree: int,
        basis: BesselBasis,
    ) -> EdgeList:
        """Edges by their displacement, position of the sender minus that of the receiver [Å]."""
        harmonics, radial = _geometry(jnp.asarray(displacements), jnp.asarray(mask), max_degree, basis)
        return cls(harmonics, radial, senders, receivers, atoms)

    def at_neighbors(self, x: Array) -> Array:
        """See `Neighbors`."""
        return x[..., self.senders, :]

    def sum_harmonics(self, degree: int, radial: Array, scalars: Array) -> Array:
        """See `Neighbors`."""
        weights = jnp.matmul(self.radial, radial, precision="highest") * scalars
        return self._sum(self.harmonics[entries_of(degree), :, None] * weights)

    def sum_spheres(self, radial: Array, spheres: Array) -> Array:
        """See `Neighbors`."""
        return self._sum(jnp.matmul(self.radial, radial, precision="highest") * spheres[:, self.senders])

    def _sum(self, x: Array) -> Array:
        return jnp.zeros((x.shape[0], self.atoms, x.shape[2]), x.dtype).at[:, self.receivers].add(x)


def entries_of(degree: int) -> slice:
    """The entries of one degree in features of all degrees from 0 on."""
    return slice(degree**2, (degree + 1) ** 2)


def _geometry(difference: Array, counts: Array, max_degree: int, basis: BesselBasis) -> tuple[Array, Array]:
    square = (difference**2).sum(-1)
    # Not `square > …`: a position that is not a number must show in the result.
    counts = counts & ~(square <= COINCIDENT**2)
    square = jnp.where(counts, square, 1)
    inverse = jax.lax.rsqrt(square)
    direction = jnp.where(counts[..., None], difference * inverse[..., None], np.array([0, 0, 1], difference.dtype))
    radial = jnp.where(counts[..., None], basis.values(square * inverse), 0)
    return real_irreps(max_degree, direction), radial
