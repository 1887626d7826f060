"""Sets of molecules in flat arrays, with their properties."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from .. import _checks
from .batch import Molecules
from .elements import LARGEST
from .molecule import Molecule, molecule_list


@dataclasses.dataclass(frozen=True, eq=False)
class MoleculeSet:
    """A set of molecules in flat arrays: 130,000 molecules take 40 MB instead of a million objects.

    Attributes:
        num_atoms: Atoms of each molecule, shape (molecules,).
        numbers: Atomic numbers of all atoms, shape (atoms,), int32.
        positions: Positions of all atoms [Å], shape (atoms, 3).
        index: Identifying number of each molecule, shape (molecules,); in QM9 the gdb number, from 1.
        properties: Properties by name, each of shape (molecules,), in the units of their source.
        forces: Reference forces on all atoms [energy per Å], shape (atoms, 3), NaN for the atoms of molecules without;
            None if no molecule has any.

    Raises:
        TypeError: Arrays of other types.
        ValueError: Inconsistent shapes, molecules without atoms, unknown elements, or positions that are not finite.

    Examples:
        >>> from molsphere import MoleculeSet, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> molecules.species
        (1, 6, 8)
        >>> molecules.subset([2]).num_atoms.tolist()
        [6]
        >>> molecules.pad([0, 1], 5).positions.shape
        (2, 5, 3)
        >>> molecules.composition((1, 6, 8)).tolist()
        [[2, 0, 1], [4, 1, 0], [4, 1, 1]]
        >>> import dataclasses
        >>> import numpy as np
        >>> with_forces = dataclasses.replace(molecules, forces=np.zeros((14, 3)))
        >>> with_forces.pad_forces([0], 5).shape
        (1, 5, 3)
    """

    num_atoms: Int[np.ndarray, " molecules"]
    numbers: Int[np.ndarray, " atoms"]
    positions: Float[np.ndarray, "atoms 3"]
    index: Int[np.ndarray, " molecules"]
    properties: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    forces: Float[np.ndarray, "atoms 3"] | None = None
    _starts: Int[np.ndarray, " molecules"] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("num_atoms", "numbers", "index"):
            _checks.array(name, getattr(self, name), "iu")
        _checks.floats("positions", self.positions)
        _checks.mapping("properties", self.properties, "arrays by name")
        for name, values in self.properties.items():
            _checks.array(name, values, "fiu")
        if self.num_atoms.ndim != 1:
            raise ValueError(f"`num_atoms` must have shape (molecules,), got {self.num_atoms.shape}")
        if self.num_atoms.size and self.num_atoms.min() < 1:
            at = int(np.argmin(self.num_atoms))
            raise ValueError(f"`num_atoms` must be at least 1, got {self.num_atoms[at]} at {at}")
        total = int(self.num_atoms.sum())
        if self.numbers.shape != (total,) or self.positions.shape != (total, 3):
            raise ValueError(
                f"`numbers` and `positions` must hold the {total} atoms of `num_atoms`, got shapes "
                f"{self.numbers.shape} and {self.positions.shape}"
            )
        if self.forces is not None:
            _checks.floats("forces", self.forces)
            if self.forces.shape != (total, 3) or np.isinf(self.forces).any():
                infinite = ", with infinite values" if np.isinf(self.forces).any() else ""
                raise ValueError(f"`forces` must be of shape ({total}, 3), got {self.forces.shape}{infinite}")
        if not np.isfinite(self.positions).all():
            at = int(np.argmin(np.isfinite(self.positions).all(1)))
            raise ValueError(f"`positions` must be finite, got {self.positions[at].tolist()} at atom {at} of all")
        if total and not (self.numbers.min() >= 1 and self.numbers.max() <= LARGEST):
            strange = self.numbers[(self.numbers < 1) | (self.numbers > LARGEST)][0]
            raise ValueError(f"`numbers` must be atomic numbers 1 … {LARGEST}, got {strange}")
        for name, values in {"index": self.index, **self.properties}.items():
            if values.shape != self.num_atoms.shape:
                raise ValueError(f"`{name}` must have shape {self.num_atoms.shape}, got {values.shape}")
        object.__setattr__(self, "_starts", np.cumsum(self.num_atoms) - self.num_atoms)

    @classmethod
    def from_molecules(cls, molecules: Sequence[Molecule]) -> MoleculeSet:
        """Collect molecules, with the properties that all of them have as numbers, and the forces of those with any.

        Args:
            molecules: At least one.

        Returns:
            The set; `index` counts from 0.

        Raises:
            TypeError: Anything other than molecules.
            ValueError: No molecules.
        """
        molecules = molecule_list(molecules)
        if not molecules:
            raise ValueError("`molecules` must hold at least one molecule, got none")
        shared = [
            name
            for name in molecules[0].properties
            if all(isinstance(m.properties.get(name), float | int) for m in molecules)
        ]
        return cls(
            np.array([len(m) for m in molecules]),
            np.concatenate([m.numbers for m in molecules]),
            np.concatenate([m.positions for m in molecules]),
            np.arange(len(molecules)),
            {name: np.array([m.properties[name] for m in molecules], np.float64) for name in shared},
            _forces_of(molecules),
        )

    def __len__(self) -> int:
        return self.num_atoms.size

    def __getitem__(self, at: int) -> Molecule:
        """The molecule at an index, with its properties."""
        if not -len(self) <= at < len(self):
            raise IndexError(f"index must be within {len(self)} molecules, got {at}")
        start = self._starts[at]
        atoms = slice(start, start + self.num_atoms[at])
        properties = {name: float(values[at]) for name, values in self.properties.items()}
        forces = None if self.forces is None or np.isnan(self.forces[start, 0]) else self.forces[atoms]
        return Molecule(self.numbers[atoms], self.positions[atoms], str(self.index[at]), properties, forces=forces)

    @property
    def species(self) -> tuple[int, ...]:
        """Atomic numbers that occur, ascending."""
        return tuple(np.unique(self.numbers).tolist())

    def subset(self, at: Int[np.ndarray, " chosen"] | Sequence[int]) -> MoleculeSet:
        """The molecules at some indices, in their order.

        Args:
            at: Indices from 0, not the numbers of `index`.

        Returns:
            A set with copies of the arrays.

        Raises:
            IndexError: An index out of range.
            TypeError: Indices that are not integers, such as a mask.
            ValueError: Indices along more than one axis.
        """
        at = self._positions_of(at, -len(self))
        atoms = self._atoms(at)
        return MoleculeSet(
            self.num_atoms[at],
            self.numbers[atoms],
            self.positions[atoms],
            self.index[at],
            {name: values[at] for name, values in self.properties.items()},
            None if self.forces is None else self.forces[atoms],
        )

    def _positions_of(self, at: object, least: int = 0) -> Int[np.ndarray, " chosen"]:
        """Check indices of molecules."""
        if np.asarray(at).dtype.kind == "b":
            raise TypeError("`at` must be indices, got a mask; write np.flatnonzero(mask)")
        found = _checks.whole_numbers("at", at)
        if found.size and not (found.min() >= least and found.max() < len(self)):
            raise IndexError(f"`at` must be within {len(self)} molecules, got {found.min()} … {found.max()}")
        return found

    def _atoms(self, at: np.ndarray) -> np.ndarray:
        """Indices in the flat arrays of all atoms of some molecules."""
        sizes = self.num_atoms[at]
        first = np.repeat(self._starts[at] - (np.cumsum(sizes) - sizes), sizes)
        return first + np.arange(first.size)

    def pad(self, at: Int[np.ndarray, " batch"] | Sequence[int], size: int, *, dtype: str = "float32") -> Molecules:
        """A padded batch.

        Args:
            at: Indices of the molecules; −1 gives an empty one.
            size: Number of atoms to pad to.
            dtype: Type of the positions.

        Returns:
            NumPy arrays of shapes (batch, size), (batch, size, 3), (batch, size).

        Raises:
            IndexError: An index out of range.
            TypeError: Indices or a size that are not integers.
            ValueError: A molecule larger than `size`, or another type.
        """
        at, size = self._positions_of(at, -1), _checks.count("size", size)
        _checks.float_type("dtype", dtype)
        sizes = np.where(at >= 0, self.num_atoms[at] if len(self) else 0, 0)
        if sizes.size and sizes.max() > size:
            raise ValueError(f"`size` must be at least that of the largest molecule, {sizes.max()} atoms, got {size}")
        mask = np.arange(size) < sizes[:, None]
        atoms = self._atoms(at[at >= 0])
        numbers = np.zeros(mask.shape, np.int32)
        positions = np.zeros((*mask.shape, 3), dtype)
        numbers[mask], positions[mask] = self.numbers[atoms], self.positions[atoms]
        return Molecules(numbers, positions, mask)

    def pad_forces(self, at: Int[np.ndarray, " batch"] | Sequence[int], size: int) -> Float[np.ndarray, "batch size 3"]:
        """Reference forces of a padded batch, float32, NaN where there are none.

        Args:
            at: Indices of the molecules; −1 gives an empty one.
            size: Number of atoms to pad to.

        Returns:
            Forces [energy per Å], shape (batch, size, 3).

        Raises:
            IndexError: An index out of range.
            TypeError: Indices or a size that are not integers.
            ValueError: A molecule larger than `size`, or a set without forces.
        """
        if self.forces is None:
            raise ValueError("`forces` must be those of a set with forces, got a set without")
        mask = self.pad(at, size).mask
        found = np.full((*mask.shape, 3), np.nan, np.float32)
        chosen = self._positions_of(at, -1)
        found[mask] = self.forces[self._atoms(chosen[chosen >= 0])]
        return found

    def composition(self, species: Sequence[int]) -> Int[np.ndarray, "molecules species"]:
        """Number of atoms of each species in each molecule.

        Args:
            species: Atomic numbers.

        Returns:
            Counts, shape (molecules, species).

        Raises:
            TypeError: Species that are not integers.
        """
        species = [_checks.integer("species", z) for z in _checks.entries("species", species, "atomic numbers")]
        owner = np.repeat(np.arange(len(self)), self.num_atoms)
        counts = np.zeros((len(self), len(species)), int)
        for column, z in enumerate(species):
            counts[:, column] = np.bincount(owner[self.numbers == z], minlength=len(self))
        return counts


def _forces_of(molecules: Sequence[Molecule]) -> np.ndarray | None:
    """The forces of all atoms, NaN for molecules without; None if no molecule has any."""
    if all(molecule.forces is None for molecule in molecules):
        return None
    return np.concatenate([np.full((len(m), 3), np.nan) if m.forces is None else m.forces for m in molecules])
