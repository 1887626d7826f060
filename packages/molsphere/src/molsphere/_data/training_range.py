"""Ranges of the training data, and detection of molecules outside them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from spinnn.files import FileWarning

from .. import _checks
from .._molecules import elements
from .._molecules.dataset import MoleculeSet
from .._molecules.molecule import Molecule, molecule_list

# A distance is outside the range only if it exceeds the extreme of the training split, a finite sample, by this share.
_SLACK = 0.1
# Atoms at a time, so that arrays stay in a processor's cache.
_BLOCK = 2**14
_LISTED = 20
_NUMBERS = elements.LARGEST + 1

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class TrainingRange:
    """The ranges of the molecules that a model was trained on; can be written as JSON.

    Attributes:
        atoms: Fewest and most atoms of a molecule.
        shortest: Shortest distance [Å] between atoms of two elements, by their atomic numbers, the smaller first; pairs
            that no molecule has are absent.
        isolation: Largest distance [Å] of an atom to the nearest other one of its molecule.

    Examples:
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, TrainingRange, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> seen = TrainingRange.of(molecules)
        >>> seen.atoms
        (3, 6)
        >>> seen.differences([from_smiles("O")])
        ['']
        >>> TrainingRange.from_json(seen.to_json()).atoms
        (3, 6)
    """

    atoms: tuple[int, int]
    shortest: Mapping[Pair, float]
    isolation: float

    @classmethod
    def of(cls, data: MoleculeSet) -> TrainingRange:
        """Measure the ranges of some molecules.

        Args:
            data: At least one molecule, each of at least two atoms.

        Returns:
            The ranges. All distances are computed; memory is linear in the number of atoms.

        Raises:
            TypeError: Anything other than a set of molecules.
            ValueError: No molecules, or a lone atom.
        """
        _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
        if not len(data) or data.num_atoms.min() < 2:
            raise ValueError(
                f"`data` must hold molecules of at least two atoms, got {data.num_atoms.tolist()!s:.80} atoms"
            )
        shortest, isolation = np.full(_NUMBERS**2, np.inf), 0.0
        for block in _blocks(data.num_atoms, data.numbers, data.positions):
            np.minimum.at(shortest, block.code.ravel(), block.distance.ravel())
            if block.nearest is not None:
                isolation = max(isolation, float(block.nearest.max()))
        found = {
            (int(code) // _NUMBERS, int(code) % _NUMBERS): float(shortest[code])
            for code in np.flatnonzero(np.isfinite(shortest))
        }
        return cls((int(data.num_atoms.min()), int(data.num_atoms.max())), found, isolation)

    def differences(self, molecules: Sequence[Molecule]) -> list[str]:
        """Describe how molecules differ from the training data.

        Reported are numbers of atoms outside the range, two elements that no molecule of the training split has
        together, two atoms nearer than 0.9 times the shortest distance of their elements, and an atom farther from its
        nearest neighbor than 1.1 times the largest such distance.

        Args:
            molecules: Any number of molecules.

        Returns:
            A description of the differences by molecule; `""` where there are none.

        Raises:
            TypeError: Anything other than molecules.
        """
        molecules = molecule_list(molecules)
        if not molecules:
            return []
        num_atoms = np.array([len(molecule) for molecule in molecules])
        numbers = np.concatenate([molecule.numbers for molecule in molecules])
        positions = np.concatenate([molecule.positions for molecule in molecules])
        found: list[list[str]] = [[] for _ in molecules]
        low, high = self.atoms
        for at in np.flatnonzero((num_atoms < low) | (num_atoms > high)):
            found[at].append(f"{num_atoms[at]} atoms (trained with {low if low == high else f'{low} … {high}'})")
        self._add_strange_pairs(num_atoms, numbers, found)
        self._add_distances(num_atoms, numbers, positions, found)
        return ["; ".join(reasons) for reasons in found]

    def _add_strange_pairs(self, num_atoms: np.ndarray, numbers: np.ndarray, found: list[list[str]]) -> None:
        """Append a description of each pair of elements that occurs in a molecule, but not in training."""
        owner = np.repeat(np.arange(num_atoms.size), num_atoms)
        species = np.unique(numbers)
        counts = np.stack([np.bincount(owner[numbers == z], minlength=num_atoms.size) for z in species])
        names = elements.symbols()
        for i, low in enumerate(species):
            for j, high in enumerate(species[i:], i):
                if (int(low), int(high)) not in self.shortest:
                    together = counts[i] > 1 if i == j else (counts[i] > 0) & (counts[j] > 0)
                    for at in np.flatnonzero(together):
                        found[at].append(f"{names[low]} and {names[high]} in one molecule, not so in training")

    def _add_distances(
        self, num_atoms: np.ndarray, numbers: np.ndarray, positions: np.ndarray, found: list[list[str]]
    ) -> None:
        """Append a description of too small distances and of isolated atoms."""
        table = np.zeros(_NUMBERS**2)
        for (low, high), distance in self.shortest.items():
            table[low * _NUMBERS + high] = distance
        worst, worst_code = np.full(num_atoms.size, 1 - _SLACK), np.zeros(num_atoms.size, int)
        farthest = np.zeros(num_atoms.size)
        for block in _blocks(num_atoms, numbers, positions):
            known = table[block.code]
            ratio = np.divide(block.distance, known, out=np.full(known.shape, np.inf), where=known > 0)
            at, rows = ratio.argmin(1), np.arange(len(ratio))
            nearer = ratio[rows, at] < worst[block.rows]
            worst[block.rows[nearer]] = ratio[rows, at][nearer]
            worst_code[block.rows[nearer]] = block.code[rows, at][nearer]
            if block.nearest is not None:
                farthest[block.rows] = block.nearest.max(1)
        names = elements.symbols()
        for at in np.flatnonzero(worst < 1 - _SLACK):
            low, high = divmod(int(worst_code[at]), _NUMBERS)
            least = table[worst_code[at]]
            found[at].append(
                f"{names[low]} and {names[high]} {worst[at] * least:.3g} Å apart (in training at least {least:.3g} Å)"
            )
        for at in np.flatnonzero(farthest > (1 + _SLACK) * self.isolation):
            found[at].append(
                f"an atom {farthest[at]:.3g} Å from its nearest neighbor (in training at most {self.isolation:.3g} Å)"
            )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON types."""
        shortest = {f"{low}-{high}": distance for (low, high), distance in sorted(self.shortest.items())}
        return {"atoms": list(self.atoms), "shortest": shortest, "isolation": self.isolation}

    @classmethod
    def from_json(cls, fields: Any) -> TrainingRange:
        """Make ranges from the fields of `to_json`.

        Raises:
            ValueError: Other fields, or values out of range.
        """
        try:
            low, high = (int(n) for n in fields["atoms"])
            shortest = {}
            for pair, distance in fields["shortest"].items():
                first, second = (int(z) for z in pair.split("-"))
                shortest[first, second] = float(distance)
            found = cls((low, high), shortest, float(fields["isolation"]))
        except (TypeError, LookupError, AttributeError, ValueError, OverflowError):
            raise ValueError(f"`fields` must be a result of `to_json`, got {fields!r:.200}") from None
        known = all(1 <= first <= second < _NUMBERS for first, second in shortest)
        distances = [*shortest.values(), found.isolation]
        if not (known and 1 <= low <= high and all(0 < distance < np.inf for distance in distances)):
            raise ValueError(f"`fields` must be a result of `to_json`, got {fields!r:.200}")
        return found


def warn_of_differences(seen: TrainingRange, molecules: Sequence[Molecule], stacklevel: int = 3) -> None:
    """Warn of each molecule that is unlike the training data of a model.

    Args:
        seen: Ranges of the training data.
        molecules: Any number of molecules; those from files are named by file and line.
        stacklevel: As in `warnings.warn`.

    Warns:
        FileWarning: One line for each such molecule, at most twenty, and one with the number of further ones.
    """
    found = [(at, difference) for at, difference in enumerate(seen.differences(molecules)) if difference]
    for at, difference in found[:_LISTED]:
        place = _place(molecules[at], at)
        text = f"{place}: unlike the training data: {difference}; its prediction may be meaningless"
        warnings.warn(text, FileWarning, stacklevel=stacklevel)
    if len(found) > _LISTED:
        more = f"and {len(found) - _LISTED:,} more molecules unlike the training data"
        warnings.warn(more, FileWarning, stacklevel=stacklevel)


def _place(molecule: Molecule, at: int) -> str:
    origin = getattr(molecule, "origin", None)
    return str(origin) if origin else f"molecule {at}" + (f" ({molecule.name})" if molecule.name else "")


class _Block(NamedTuple):
    """Pairs of atoms in some molecules of one size, those whose indices differ by a given step.

    Attributes:
        rows: Indices of the molecules, shape (molecules,).
        distance: Distances [Å], shape (molecules, pairs).
        code: Elements of each pair, smaller × 119 + larger, shape (molecules, pairs).
        nearest: In the last of these blocks, distance of each atom to its nearest neighbor, shape (molecules, atoms).
    """

    rows: Int[np.ndarray, " molecules"]
    distance: Float[np.ndarray, "molecules pairs"]
    code: Int[np.ndarray, "molecules pairs"]
    nearest: Float[np.ndarray, "molecules atoms"] | None


def _blocks(num_atoms: np.ndarray, numbers: np.ndarray, positions: np.ndarray) -> Iterator[_Block]:
    starts = np.cumsum(num_atoms) - num_atoms
    for size in np.unique(num_atoms[num_atoms > 1]):
        alike = np.flatnonzero(num_atoms == size)
        for rows in np.array_split(alike, -(-alike.size * int(size) // _BLOCK)):
            atoms = starts[rows, None] + np.arange(size)
            where, kinds = positions[atoms], numbers[atoms].astype(np.int64)
            nearest = np.full(kinds.shape, np.inf)
            for step in range(1, size):
                gap = where[:, step:] - where[:, :-step]
                distance = np.sqrt(np.einsum("mpx,mpx->mp", gap, gap))
                np.minimum(nearest[:, step:], distance, out=nearest[:, step:])
                np.minimum(nearest[:, :-step], distance, out=nearest[:, :-step])
                first, second = kinds[:, step:], kinds[:, :-step]
                code = np.minimum(first, second) * _NUMBERS + np.maximum(first, second)
                yield _Block(rows, distance, code, nearest if step == size - 1 else None)
