"""Aggregation of the features of atoms to those of a molecule."""

from __future__ import annotations

import functools
from typing import Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from spinnn.checks import size

from .. import _checks
from .._molecules.batch import Molecules, check_batch, check_features
from .._molecules.elements import LARGEST

Weighting = Literal["type", "displacement", "distance"]
Reduction = Literal["sum", "mean", "max"]


@functools.cache
def _masses() -> np.ndarray:
    """Atomic masses [u] by number; 0 for padding."""
    from rdkit.Chem import GetPeriodicTable

    table = GetPeriodicTable()
    return np.array([0.0, *(table.GetAtomicWeight(z) for z in range(1, LARGEST + 1))], np.float32)


def displacements(molecules: Molecules) -> Float[Array, "*batch atoms 3"]:
    """Positions relative to the center of mass [Å], shape (*batch, atoms, 3); 0 for padding.

    Raises:
        TypeError: Anything other than a padded batch.
        ValueError: Arrays of inconsistent shapes.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, displacements, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> displacements(pad_molecules([water], 4)).shape
        (1, 4, 3)
    """
    check_batch(molecules)
    positions = jnp.asarray(molecules.positions)
    mass = jnp.where(molecules.mask, jnp.asarray(_masses(), positions.dtype)[molecules.numbers], 0)[..., None]
    total = mass.sum(-2, keepdims=True)
    center = (mass * positions).sum(-2, keepdims=True) / jnp.where(total > 0, total, 1)
    return jnp.where(molecules.mask[..., None], positions - center, 0)


class Aggregation(eqx.Module):
    """Weighted sum, mean or maximum over the atoms of a molecule.

    - `"type"`: Σ_i w(z_i) f_i with a learned weight per species and feature, 1 at the start; for energies.
    - `"displacement"`: |Σ_i f_i (r_i − r̄) + v_i| per feature, r̄ the center of mass, v_i vectors of the atoms if there
      are any; for dipole moments, of charges f_i and atomic dipoles v_i.
    - `"distance"`: Σ_i f_i |r_i − r̄|²; for ⟨R²⟩.

    The mean divides by the number of atoms. The maximum, for each feature, is that of the weighted features
    w(z_i) f_i or f_i |r_i − r̄|², or of the lengths |f_i (r_i − r̄) + v_i|; atoms with equal values share its gradient.
    Molecules without atoms give 0.

    All are invariant to rotation, translation, reflection and the order of atoms.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), A.1.1, and 5.1.2 for the maximum; Schütt, Unke,
        Gastegger, PaiNN (2021), for dipole moments; Qi et al., PointNet (2017).

    Examples:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from molsphere import Aggregation, Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> aggregation = Aggregation("type", features=4, species=(1, 8))
        >>> aggregation(jnp.ones((1, 3, 4)), pad_molecules([water])).tolist()
        [[3.0, 3.0, 3.0, 3.0]]
    """

    weight: Float[Array, "species feature"] | None
    species: tuple[int, ...] = eqx.field(static=True)
    weighting: Weighting = eqx.field(static=True)
    reduction: Reduction = eqx.field(static=True)

    def __init__(
        self, weighting: Weighting, features: int, species: tuple[int, ...], *, reduction: Reduction = "sum"
    ) -> None:
        """Make an aggregation.

        Args:
            weighting: Weights of the atoms, see above.
            features: Features per atom.
            species: Atomic numbers, for `"type"`.
            reduction: Sum over atoms, their mean, or their maximum.

        Raises:
            TypeError: Features or species that are not integers.
            ValueError: An unknown weighting or reduction, or species that are not elements.
        """
        for name, value, allowed in (("weighting", weighting, Weighting), ("reduction", reduction, Reduction)):
            _checks.option(name, value, get_args(allowed))
        features, species = size("features", features), _checks.species_tuple(species)
        self.weighting, self.reduction, self.species = weighting, reduction, species
        self.weight = jnp.ones((len(species), features)) if weighting == "type" else None

    def __call__(
        self,
        features: Float[Array, "*batch atoms feature"],
        molecules: Molecules,
        vectors: Float[Array, "*batch atoms feature 3"] | None = None,
    ) -> Float[Array, "*batch feature"]:
        """Features of molecules, shape (*batch, feature), from those of atoms, shape (*batch, atoms, feature).

        Args:
            features: Features of the atoms.
            molecules: The padded batch.
            vectors: A vector of each atom for each feature, for `"displacement"`, in units of features times Å.

        Raises:
            TypeError: Anything other than a padded batch and float32 or float64 features and vectors.
            ValueError: Inconsistent shapes, or vectors with another weighting.
        """
        check_features(features, molecules, None if self.weight is None else self.weight.shape[1])
        if vectors is not None:
            self._check_vectors(vectors, features)
        mask = jnp.asarray(molecules.mask)
        features = jnp.where(mask[..., None], features, 0)
        if self.weighting == "displacement":
            return self._lengths(features, mask, displacements(molecules), vectors)
        if self.weight is not None:
            values = features * jnp.matmul(one_hot(molecules, self.species), self.weight, precision="highest")
        else:
            values = features * (displacements(molecules) ** 2).sum(-1, keepdims=True)
        return self._reduced(values, mask)

    def _check_vectors(self, vectors: object, features: Array) -> None:
        if self.weighting != "displacement":
            raise ValueError(f"`vectors` must be None with the weighting {self.weighting!r}, which has no directions")
        _checks.floats("vectors", vectors)
        shape = vectors.shape  # pyright: ignore[reportAttributeAccessIssue]
        if shape != (*features.shape, 3):
            raise ValueError(f"`vectors` must have shape {(*features.shape, 3)}, one for each feature, got {shape}")

    def _lengths(self, charges: Array, mask: Array, where: Array, dipoles: Array | None) -> Array:
        """Lengths of sums of vectors over atoms, or the largest length of one atom's vector."""
        if dipoles is not None:
            dipoles = jnp.where(mask[..., None, None], dipoles, 0)
        if self.reduction == "max":
            moments = charges[..., None] * where[..., None, :]
            return self._reduced(_length(moments if dipoles is None else moments + dipoles), mask)
        total = jnp.einsum("...af,...ax->...fx", charges, where, precision="highest")
        if dipoles is not None:
            total = total + dipoles.sum(-3)
        length = _length(total)
        return length / _atoms(mask, length) if self.reduction == "mean" else length

    def _reduced(self, values: Array, mask: Array) -> Array:
        """The reduction of values that are 0 for padding."""
        if self.reduction == "max":
            highest = jnp.max(values, -2, initial=-np.inf, where=mask[..., None])
            return jnp.where(mask.any(-1)[..., None], highest, 0)
        total = values.sum(-2)
        return total / _atoms(mask, total) if self.reduction == "mean" else total


def _atoms(mask: Array, like: Array) -> Array:
    """The number of atoms of each molecule, at least 1, to divide features by."""
    return jnp.maximum(mask.sum(-1), 1)[..., None].astype(like.dtype)


def _length(vectors: Array) -> Array:
    """Lengths along the last axis, with gradient 0 at 0."""
    squared = (vectors**2).sum(-1)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)


def one_hot(molecules: Molecules, species: tuple[int, ...]) -> Float[Array, "*batch atoms species"]:
    """1 where an atom is of a species, shape (*batch, atoms, species); zeros for padding."""
    numbers = jnp.asarray(molecules.numbers)[..., None]
    return (numbers == jnp.asarray(species, numbers.dtype)).astype(jnp.asarray(molecules.positions).dtype)
