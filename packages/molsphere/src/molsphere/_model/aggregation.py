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
Reduction = Literal["sum", "mean"]


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
    """Weighted sum or mean over the atoms of a molecule.

    - `"type"`: Σ_i w(z_i) f_i with a learned weight per species and feature, 1 at the start; for energies.
    - `"displacement"`: |Σ_i f_i (r_i − r̄)| per feature, r̄ the center of mass; for dipole moments.
    - `"distance"`: Σ_i f_i |r_i − r̄|²; for ⟨R²⟩.

    All are invariant to rotation, translation, reflection and the order of atoms.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), A.1.1; Schütt, Unke, Gastegger, PaiNN (2021).

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
            reduction: Sum over atoms, or their mean.

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
        self, features: Float[Array, "*batch atoms feature"], molecules: Molecules
    ) -> Float[Array, "*batch feature"]:
        """Features of molecules, shape (*batch, feature), from those of atoms, shape (*batch, atoms, feature).

        Raises:
            TypeError: Anything other than a padded batch and float32 or float64 features.
            ValueError: Inconsistent shapes.
        """
        check_features(features, molecules, None if self.weight is None else self.weight.shape[1])
        features = jnp.where(molecules.mask[..., None], features, 0)
        if self.weight is not None:
            weight = jnp.matmul(one_hot(molecules, self.species), self.weight, precision="highest")
            out = (features * weight).sum(-2)
        else:
            where = displacements(molecules)
            if self.weighting == "distance":
                out = (features * (where**2).sum(-1, keepdims=True)).sum(-2)
            else:
                vector = jnp.einsum("...af,...ax->...fx", features, where, precision="highest")
                squared = (vector**2).sum(-1)
                positive = squared > 0
                out = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)
        if self.reduction == "mean":
            out = out / jnp.maximum(jnp.asarray(molecules.mask).sum(-1), 1)[..., None].astype(out.dtype)
        return out


def one_hot(molecules: Molecules, species: tuple[int, ...]) -> Float[Array, "*batch atoms species"]:
    """1 where an atom is of a species, shape (*batch, atoms, species); zeros for padding."""
    numbers = jnp.asarray(molecules.numbers)[..., None]
    return (numbers == jnp.asarray(species, numbers.dtype)).astype(jnp.asarray(molecules.positions).dtype)
