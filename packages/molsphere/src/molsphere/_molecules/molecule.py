"""A molecule and where it was read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .. import _checks
from . import elements

# Single precision keeps 0.001 Å there.
FARTHEST = 1e4
# Nuclei nearer than this [Å] count as coincident and their pair is left out: inverse powers and their derivatives stay
# within float32, and no molecule has such a distance.
COINCIDENT = 1e-2


@dataclasses.dataclass(frozen=True)
class Origin:
    """The file and line from which a molecule was read.

    Attributes:
        path: The file.
        line: First line of its record, counted from 1.
        cells: The cells of its row in a CSV as they are written, by column; empty for other files.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import Origin
        >>> str(Origin(Path("some.xyz"), 12))
        'some.xyz:12'
    """

    path: Path
    line: int
    cells: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclasses.dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule: atoms and their positions, name and properties. Its arrays are read-only copies.

    Attributes:
        numbers: Atomic numbers 1 … 118, shape (atoms,), int32.
        positions: Positions [Å], shape (atoms, 3), float64.
        name: Any text.
        properties: Further numbers or strings by name, in the units of their file.
        origin: File and line from which it was read, or None.
        forces: Reference forces on the atoms [energy per Å, in the unit of the energy of the file], shape (atoms, 3),
            float64; None if there are none.

    Raises:
        TypeError: Numbers that are not integers, positions or forces that are not real, or a value of another type.
        ValueError: No atoms, inconsistent shapes, an unknown element, a position that is not finite or farther than
            10,000 Å from the origin, two atoms within 0.01 Å, or forces that are not finite.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> water.formula, water.symbols, len(water)
        ('H2O', ('O', 'H', 'H'), 3)
    """

    numbers: Int[np.ndarray, " atoms"]
    positions: Float[np.ndarray, "atoms 3"]
    name: str = ""
    properties: Mapping[str, float | str] = dataclasses.field(default_factory=dict)
    origin: Origin | None = None
    forces: Float[np.ndarray, "atoms 3"] | None = None

    def __post_init__(self) -> None:
        numbers, positions = np.asarray(self.numbers), np.asarray(self.positions)
        if positions.dtype.kind not in "fiu":
            raise TypeError(f"`positions` must be real numbers, got dtype {positions.dtype}")
        positions = np.array(positions, np.float64)
        _checks.instance("name", self.name, str, "a string")
        _checks.mapping("properties", self.properties, "values by name")
        if self.origin is not None:
            _checks.instance("origin", self.origin, Origin, "an Origin or None")
        if not np.issubdtype(numbers.dtype, np.integer):
            raise TypeError(f"`numbers` must be integers, got dtype {numbers.dtype}")
        if numbers.ndim != 1 or numbers.size == 0:
            raise ValueError(f"`numbers` must have shape (atoms,) with at least one atom, got shape {numbers.shape}")
        if positions.shape != (numbers.size, 3):
            raise ValueError(f"`positions` must have shape ({numbers.size}, 3), got {positions.shape}")
        if strange := sorted({int(z) for z in numbers if not 1 <= z <= elements.LARGEST}):
            raise ValueError(f"`numbers` must be atomic numbers 1 … {elements.LARGEST}, got {strange}")
        if not np.abs(positions).max() <= FARTHEST:  # NaN neither
            _refuse_positions(positions)
        if pair := coincident_pair(positions):
            raise ValueError(
                f"`positions` must keep atoms apart, got atoms {pair[0]} and {pair[1]} both at "
                f"{positions[pair[0]].tolist()} Å"
            )
        if self.forces is not None:
            object.__setattr__(self, "forces", _checked_forces(self.forces, numbers.size))
        numbers = numbers.astype(np.int32)
        numbers.flags.writeable = positions.flags.writeable = False
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "properties", dict(self.properties))

    def __reduce__(self) -> tuple[type[Molecule], tuple[Any, ...]]:
        # NumPy does not keep arrays read-only in copies and other processes, so the constructor is called there.
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def __len__(self) -> int:
        return self.numbers.size

    @property
    def symbols(self) -> tuple[str, ...]:
        """Element symbols, in the order of the atoms."""
        names = elements.symbols()
        return tuple(names[z] for z in self.numbers)

    @property
    def formula(self) -> str:
        """Hill formula: carbon, hydrogen, then by name; by name alone without carbon."""
        counts = {symbol: self.symbols.count(symbol) for symbol in sorted(set(self.symbols))}
        order = [*(s for s in ("C", "H") if "C" in counts and s in counts)]
        order += [symbol for symbol in counts if symbol not in order]
        return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in order)

    def __repr__(self) -> str:
        return f"Molecule({self.formula!r}, {len(self)} atoms{f', name={self.name!r}' if self.name else ''})"


def _checked_forces(given: object, atoms: int) -> np.ndarray:
    """A read-only copy of forces."""
    forces = np.asarray(given)
    if forces.dtype.kind not in "fiu":
        raise TypeError(f"`forces` must be real numbers, got dtype {forces.dtype}")
    if forces.shape != (atoms, 3):
        raise ValueError(f"`forces` must have shape ({atoms}, 3), got {forces.shape}")
    if not np.isfinite(forces).all():
        at = int(np.argmin(np.isfinite(forces).all(1)))
        raise ValueError(f"`forces` must be finite, got {forces[at].tolist()} at atom {at}")
    forces = np.array(forces, np.float64)
    forces.flags.writeable = False
    return forces


def _refuse_positions(positions: np.ndarray) -> None:
    bad = ~np.isfinite(positions).all(1)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"`positions` must be finite, got {positions[at].tolist()} at atom {at}")
    at = int(np.argmax(np.abs(positions).max(1)))
    raise ValueError(
        f"`positions` must be within {FARTHEST:,.0f} Å of the origin, got {positions[at].tolist()} at atom {at}; move "
        f"the molecule there"
    )


def coincident_pair(positions: np.ndarray) -> tuple[int, int] | None:
    """The first two coincident atoms, or None. Sorting along x makes this fast for large molecules."""
    order = np.argsort(positions[:, 0], kind="stable")
    ordered = positions[order]
    for step in range(1, len(order)):
        gap = ordered[step:] - ordered[:-step]
        near = gap[:, 0] < COINCIDENT
        if not near.any():
            return None
        close = near & ((gap**2).sum(1) < COINCIDENT**2)
        if close.any():
            at = int(np.argmax(close))
            first, second = sorted((int(order[at]), int(order[at + step])))
            return first, second
    return None


def molecule_list(molecules: object) -> list[Molecule]:
    """A list of the molecules in a sequence; anything else is refused."""
    if isinstance(molecules, Molecule):
        raise TypeError(f"`molecules` must be a sequence of molecules, got the one {molecules!r}; write [molecule]")
    found = list(_checks.entries("molecules", molecules, "a sequence of molecules"))
    for at, molecule in enumerate(found):
        if not isinstance(molecule, Molecule):
            raise TypeError(f"`molecules` must be objects of type Molecule, got {molecule!r:.80} at {at}")
    return found


def check_molecules(molecules: Sequence[Molecule], species: Iterable[int]) -> None:
    """Refuse molecules that a model of these species cannot predict.

    A lone atom has no neighbors, so its spheres are zero; an atom of another species has no channel.

    Args:
        molecules: Any number of molecules.
        species: Atomic numbers the model was trained with.

    Raises:
        TypeError: Anything other than molecules.
        ValueError: A molecule of one atom, or of another species; the message names the molecule.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, check_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> check_molecules([water], species=(1, 8))
        >>> check_molecules([water], species=(6,))
        Traceback (most recent call last):
            ...
        ValueError: `molecules` must consist of C alone, got H, O in molecule 0
    """
    known = _checks.species_tuple(species)
    names = elements.symbols()
    for at, molecule in enumerate(molecule_list(molecules)):
        where = f"molecule {at}" + (f" ({molecule.name})" if molecule.name else "")
        if len(molecule) == 1:
            raise ValueError(
                f"`molecules` must have at least two atoms each, got a lone {molecule.symbols[0]} in {where}: its "
                f"spheres are empty"
            )
        if strangers := sorted(set(molecule.numbers.tolist()) - set(known)):
            wanted = ", ".join(names[z] for z in known)
            got = ", ".join(names[z] for z in strangers)
            raise ValueError(f"`molecules` must consist of {wanted} alone, got {got} in {where}")
