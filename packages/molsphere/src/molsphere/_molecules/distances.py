"""Plausibility of the distances between atoms."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from spinnn.files import FileWarning

from .._units import LengthUnit as LengthUnit
from . import elements
from .molecule import Molecule

# Å per unit; CODATA 2018.
LENGTH_UNITS = MappingProxyType({"angstrom": 1.0, "bohr": 0.529177210903, "nm": 10.0})
# Of the sum of two covalent radii. In QM9 the nearest two atoms of a molecule are at 0.78 … 1.02.
OVERLAP = 0.5
LOOSE = 1.45
# Of half of the molecules of a file: Å taken for bohr gives 0.41 … 0.54 with QM9.
_TIGHT = 0.55
# Atoms at a time, so that arrays stay in a processor's cache.
_BLOCK = 2**14
_LISTED = 20


class ClosestPairs(NamedTuple):
    """The closest pair of atoms of each molecule, relative to their covalent radii.

    Attributes:
        ratio: d / (r_i + r_j), distance over the sum of covalent radii, shape (molecules,); NaN for lone atoms.
        first: Index of one atom in its molecule, shape (molecules,).
        second: Index of the other atom.
    """

    ratio: Float[np.ndarray, " molecules"]
    first: Int[np.ndarray, " molecules"]
    second: Int[np.ndarray, " molecules"]

    @property
    def outside(self) -> np.ndarray:
        """Mask of the molecules with implausible distances."""
        return (self.ratio < OVERLAP) | (self.ratio > LOOSE)


def closest_pairs(
    num_atoms: Int[np.ndarray, " molecules"],
    numbers: Int[np.ndarray, " atoms"],
    positions: Float[np.ndarray, "atoms 3"],
) -> ClosestPairs:
    """Find the closest pair of atoms of each molecule, min over i < j of |x_i − x_j| / (r_i + r_j).

    Args:
        num_atoms: Atoms of each molecule.
        numbers: Atomic numbers of all atoms, molecule after molecule.
        positions: Positions of all atoms [Å].

    Returns:
        The pairs. Memory is linear in the number of atoms.
    """
    count = num_atoms.size
    found = ClosestPairs(np.full(count, np.nan), np.zeros(count, int), np.zeros(count, int))
    starts = np.cumsum(num_atoms) - num_atoms
    radii = elements.covalent_radii()[numbers]
    for size in np.unique(num_atoms[num_atoms > 1]):
        alike = np.flatnonzero(num_atoms == size)
        for rows in np.array_split(alike, -(-alike.size * int(size) // _BLOCK)):
            atoms = starts[rows, None] + np.arange(size)
            ratio, first, second = _closest(positions[atoms], radii[atoms])
            found.ratio[rows], found.first[rows], found.second[rows] = ratio, first, second
    return found


def _closest(positions: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closest pairs of molecules of one size, positions (molecules, atoms, 3)."""
    rows, size = np.arange(len(radii)), radii.shape[1]
    best, first, second = np.full(len(radii), np.inf), np.zeros(len(radii), int), np.zeros(len(radii), int)
    for step in range(1, size):
        gap = positions[:, step:] - positions[:, :-step]
        ratio = np.sqrt(np.einsum("mpx,mpx->mp", gap, gap)) / (radii[:, step:] + radii[:, :-step])
        at = ratio.argmin(1)
        better = ratio[rows, at] < best
        best[better] = ratio[rows, at][better]
        first[better], second[better] = at[better], at[better] + step
    return best, first, second


def pairs_of(molecules: Sequence[Molecule]) -> ClosestPairs:
    """The closest pairs of at least one `Molecule`."""
    return closest_pairs(
        np.array([len(molecule) for molecule in molecules]),
        np.concatenate([molecule.numbers for molecule in molecules]),
        np.concatenate([molecule.positions for molecule in molecules]),
    )


def describe_pair(molecule: Molecule, pairs: ClosestPairs, at: int) -> str:
    """A description of the closest pair of a molecule, which is entry `at` of `pairs`."""
    first, second = int(pairs.first[at]), int(pairs.second[at])
    distance = float(np.linalg.norm(molecule.positions[first] - molecule.positions[second]))
    names = molecule.symbols
    return (
        f"its nearest atoms, {first} ({names[first]}) and {second} ({names[second]}), are {distance:.3g} Å from each "
        f"other, {pairs.ratio[at]:.2g} of the sum of their covalent radii"
    )


def warn_of_distances(molecules: Sequence[Molecule]) -> None:
    """Warn of each molecule whose nearest atoms are below 0.5 or above 1.45 times the sum of their covalent radii.

    Args:
        molecules: At least one; those from files are named by file and line.

    Warns:
        FileWarning: One line for each such molecule, at most twenty, and one with the number of further ones.
    """
    pairs = pairs_of(molecules)
    outside = np.flatnonzero(pairs.outside)
    for at in outside[:_LISTED]:
        molecule = molecules[at]
        where = molecule.origin or f"molecule {at}" + (f" ({molecule.name})" if molecule.name else "")
        warnings.warn(
            f"{where}: {describe_pair(molecule, pairs, int(at))}; this is not a plausible geometry in Å, and its "
            f"prediction is meaningless",
            FileWarning,
            stacklevel=3,
        )
    if outside.size > _LISTED:
        warnings.warn(f"and {outside.size - _LISTED:,} more molecules with such geometries", FileWarning, stacklevel=3)


def check_length_unit(pairs: ClosestPairs, unit: LengthUnit | None, path: Path) -> None:
    """Refuse a file if most molecules have implausible distances, unless the unit is explicitly Å.

    Args:
        pairs: The closest pairs of all molecules, read in `unit`.
        unit: Unit of positions given by the user; None for the default, Å.
        path: The file.

    Raises:
        ValueError: More than half of the molecules with at least two atoms have implausible distances; the message
            names the unit that would fit.
    """
    ratio = pairs.ratio[np.isfinite(pairs.ratio)]
    outside = int(((ratio < _TIGHT) | (ratio > LOOSE)).sum())
    if unit == "angstrom" or 2 * outside <= ratio.size:
        return
    lengths = ratio / LENGTH_UNITS[unit or "angstrom"]
    fits = {name: np.mean((lengths * x >= _TIGHT) & (lengths * x <= LOOSE)) for name, x in LENGTH_UNITS.items()}
    best = max(fits, key=lambda name: fits[name])
    if fits[best] > 0.5:
        remedy = f"they fit {best}: give --length-unit {best} (`length_unit={best!r}`)"
    else:
        remedy = f"no unit of {', '.join(LENGTH_UNITS)} fits: convert them to Å"
    raise ValueError(
        f"{path} must hold geometries of molecules: read in {unit or 'Å'}, the nearest two atoms in {outside:,} of "
        f"{ratio.size:,} molecules are below {_TIGHT} or above {LOOSE} times the sum of their covalent radii, in the "
        f"median {np.median(ratio):.2g} times; {remedy}, or give --length-unit angstrom (`length_unit='angstrom'`) "
        f"if they are in Å"
    )
