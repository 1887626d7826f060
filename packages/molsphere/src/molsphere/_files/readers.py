"""Molecules out of files."""

from __future__ import annotations

import collections
import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from spinnn.files import FileWarning

from .. import _checks
from .._molecules.distances import LENGTH_UNITS, LengthUnit, check_length_unit, pairs_of
from .._molecules.molecule import Molecule, Origin
from . import csv, sdf, xyz
from .smiles import embed
from .text import BadLine, number_or_text, read_text, split_lines

Format = Literal["xyz", "sdf", "smiles", "csv"]
_FORMATS: Mapping[str, Format] = {
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".sdf": "sdf",
    ".mol": "sdf",
    ".smi": "smiles",
    ".smiles": "smiles",
    ".csv": "csv",
}
# Properties that networks do not see, with the value that means there are none, or None.
_NOT_SEEN: Mapping[str, float | None] = {
    **dict.fromkeys(("charge", "total_charge", "net_charge"), 0.0),
    **dict.fromkeys(("spin", "total_spin", "unpaired_electrons"), 0.0),
    **dict.fromkeys(("multiplicity", "spin_multiplicity"), 1.0),
    **dict.fromkeys(("forces", "gradient", "stress", "virial", "virials", "magmom", "magmoms"), None),
}


@dataclasses.dataclass(frozen=True)
class Problem:
    r"""A record that could not be read.

    Attributes:
        path: The file.
        line: Its line, counted from 1.
        message: What is wrong.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_molecules
        >>> _ = Path("some.smi").write_text("O water\nC(C broken\n")
        >>> result = read_molecules("some.smi", on_error="collect")
        >>> result.problems[0].line
        2
    """

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclasses.dataclass(frozen=True)
class ReadResult(Sequence[Molecule]):
    r"""The molecules of a file, in its order, and the records that could not be read. Itself a sequence of molecules.

    Attributes:
        molecules: Molecules that were read.
        problems: Records that could not be read.
        lines: First line of each molecule's record, counted from 1.
        atom_columns: Unused columns per atom (all but element and position), with the number of records that have
            them.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_molecules
        >>> _ = Path("some.smi").write_text("O water\nC(C broken\n")
        >>> result = read_molecules("some.smi", on_error="collect")
        >>> len(result), result[0].name, len(result.problems)
        (1, 'water', 1)
        >>> result.unused()
        ''
    """

    molecules: tuple[Molecule, ...]
    problems: tuple[Problem, ...]
    lines: tuple[int, ...]
    atom_columns: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.molecules)

    def __getitem__(self, index):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.molecules[index]

    def unused(self, targets: Iterable[str] = ()) -> str:
        """A sentence that lists the forces, charges and spins of the file, which networks do not see.

        Args:
            targets: Names of properties that are learned and thus used.

        Returns:
            The sentence, or `""`.

        Raises:
            TypeError: Targets that are not strings.
        """
        targets = _checks.texts("targets", targets)
        found = collections.Counter(self.atom_columns)
        for molecule in self.molecules:
            for name, value in molecule.properties.items():
                if name.lower() in _NOT_SEEN and value not in ("", _NOT_SEEN[name.lower()]) and name not in targets:
                    found[name] += 1
        if not found:
            return ""
        listed = ", ".join(f"{name} (in {times:,} of {len(self):,} records)" for name, times in found.items())
        forces = next((name for name in self.atom_columns if "force" in name.lower()), None)
        hint = f"; forces are learned with `--forces {forces}`" if forces else ""
        return f"not used: {listed}; networks see elements and positions alone{hint}"


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to read a file; see `read_molecules`."""

    format: Format | None = None
    on_error: Literal["raise", "collect"] = "raise"
    seed: int = 0
    length_unit: LengthUnit | None = None
    forces: str | None = None

    def __post_init__(self) -> None:
        if self.forces is not None:
            _checks.instance("forces", self.forces, str, "the name of a column or None")
        _checks.option("on_error", self.on_error, ("raise", "collect"))
        if self.format is not None:
            _checks.option("format", self.format, ("xyz", "sdf", "smiles", "csv"))
        if self.length_unit is not None:
            _checks.option("length_unit", self.length_unit, tuple(LENGTH_UNITS))
        _checks.seed(self.seed)

    def format_of(self, path: Path) -> Format:
        """The format of a file, by its suffix unless given."""
        if self.format is not None:
            return self.format
        if path.suffix.lower() not in _FORMATS:
            raise ValueError(
                f"`path` must end in one of {', '.join(_FORMATS)}, or `format` be given, got {str(path)!r}"
            )
        return _FORMATS[path.suffix.lower()]


def read_molecules(
    path: str | Path,
    *,
    format: Format | None = None,
    on_error: Literal["raise", "collect"] = "raise",
    seed: int = 0,
    length_unit: LengthUnit | None = None,
    forces: str | None = None,
) -> ReadResult:
    r"""Read molecules from XYZ, extended XYZ, SDF, SMILES or CSV.

    | format | suffix | contents |
    |---|---|---|
    | `"xyz"` | .xyz, .extxyz | any number of frames; `key=value` comments become properties; QM9's files too |
    | `"sdf"` | .sdf, .mol | records with 3D coordinates and explicit hydrogens; data fields become properties |
    | `"smiles"` | .smi, .smiles | a SMILES and, optionally, a name on each line; lines starting with # are comments |
    | `"csv"` | .csv | a column `smiles`, optionally `name` or `id`; other columns become properties |

    SMILES become geometries as in `from_smiles`, all with the same seed. Columns of a CSV are separated by commas,
    semicolons, tabs or bars; numbers have a decimal point.

    Args:
        path: The file, UTF-8.
        format: Which of these; default by suffix.
        on_error: `"raise"` stops at the first broken record; `"collect"` continues and reports them in `problems`.
        seed: Seed of the geometries of SMILES.
        length_unit: Unit of positions in the file, `"angstrom"`, `"bohr"` or `"nm"`; molecules are in Å. Default Å,
            and a file most of whose molecules have implausible distances is refused.
        forces: Name of the columns of reference forces in extended XYZ, such as `"forces"`, for `Molecule.forces`: in
            the unit of the energy per `length_unit`, converted to Å. Default none. Records without such columns have
            no forces.

    Returns:
        The molecules and the problems.

    Raises:
        FileNotFoundError: No such file.
        TypeError: A seed that is not an integer.
        ValueError: An unknown suffix, a file without records, a CSV without the column or with two of one name, more
            than half of the molecules with nearest atoms below 0.55 or above 1.45 times the sum of their covalent radii
            (unless `length_unit` is `"angstrom"`), or, with `"raise"`, a broken record: unknown elements, coordinates
            that are not finite, coincident atoms, truncated records, forces that are not three numbers for each atom.
            The message starts with file and line. Forces of another format than XYZ, or that no record has.

    Warns:
        FileWarning: Forces, charges or spins in the file, which are not used; geometries of SMILES that did not
            converge.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_molecules
        >>> _ = Path("some.smi").write_text("O water\nC(C broken\n")
        >>> result = read_molecules("some.smi", on_error="collect")
        >>> [molecule.formula for molecule in result]
        ['H2O']
    """
    result = read_quietly(path, Reading(format, on_error, seed, length_unit, forces))
    if unused := result.unused():
        warnings.warn(f"{path}: {unused}", FileWarning, stacklevel=2)
    return result


def read_quietly(path: str | Path, how: Reading) -> ReadResult:
    """Read molecules as `read_molecules` does, without the warning of unused columns and fields."""
    path = Path(path)
    with_positions = how.format_of(path) in ("xyz", "sdf")
    if not with_positions and how.length_unit not in (None, "angstrom"):
        raise ValueError(f"`length_unit` must be None for geometries of SMILES, as in {path}, got {how.length_unit!r}")
    if how.forces is not None and how.format_of(path) != "xyz":
        raise ValueError(f"`forces` must be None for files other than extended XYZ, such as {path}, got {how.forces!r}")
    columns: collections.Counter[str] = collections.Counter()
    molecules, problems = [], []
    for line, record in _records(path, how, columns):
        if isinstance(record, Molecule):
            molecules.append(dataclasses.replace(record, origin=record.origin or Origin(path, line)))
            continue
        problem = Problem(path, record.line, str(record))
        if how.on_error == "raise":
            raise ValueError(str(problem))
        problems.append(problem)
    if not molecules and not problems:
        raise ValueError(f"{path} must hold molecules, got an empty file")
    if how.forces is not None and molecules and all(molecule.forces is None for molecule in molecules):
        there = ", ".join(columns) or "none"
        raise ValueError(
            f"`forces` must name columns of {path}, found no {how.forces!r}; columns beside positions: {there}"
        )
    if molecules and with_positions:
        check_length_unit(pairs_of(molecules), how.length_unit, path)
    lines = tuple(molecule.origin.line for molecule in molecules)
    return ReadResult(tuple(molecules), tuple(problems), lines, dict(columns))


def _records(path: Path, how: Reading, columns: collections.Counter[str]) -> Iterator[tuple[int, Molecule | BadLine]]:
    """The records of a file with their first lines; unused columns per atom are counted by name in `columns`."""
    format, text, scale = how.format_of(path), read_text(path), LENGTH_UNITS[how.length_unit or "angstrom"]
    if format == "xyz":
        return xyz.records(split_lines(text), scale, columns, how.forces)
    if format == "sdf":
        return sdf.records(split_lines(text), scale)
    if format == "smiles":
        return _smiles_lines(split_lines(text), how.seed, path)
    return _csv_rows(text, how.seed, path)


def _smiles_lines(lines: Sequence[str], seed: int, path: Path) -> Iterator[tuple[int, Molecule | BadLine]]:
    for at, line in enumerate(lines):
        words = line.split(None, 1)
        if not words or words[0].startswith("#") or (at == 0 and words[0].lower() == "smiles"):
            continue
        yield at + 1, _from_smiles(at + 1, words[0], words[1].strip() if len(words) > 1 else "", seed, path)


def _from_smiles(line: int, smiles: str, name: str, seed: int, path: Path) -> Molecule | BadLine:
    try:
        molecule, note = embed(smiles, name, seed)
    except ValueError as error:
        return BadLine(line, str(error))
    if note:
        warnings.warn(f"{path}:{line}: {note}", FileWarning, stacklevel=2)
    return molecule


def _csv_rows(text: str, seed: int, path: Path) -> Iterator[tuple[int, Molecule | BadLine]]:
    if not text.strip():
        return
    names, delimiter = csv.header(text, path)
    lower = [name.lower() for name in names]
    smiles = lower.index("smiles")
    title = next((lower.index(name) for name in ("name", "id") if name in lower), None)
    for line, cells in list(csv.rows(text, delimiter))[1:]:
        if isinstance(cells, BadLine):
            yield line, cells
            continue
        if len(cells) != len(names):
            yield line, BadLine(line, f"must have {len(names)} columns, got {len(cells)}")
            continue
        name = "" if title is None else csv.unescape_cell(cells[title].strip())
        record = _from_smiles(line, cells[smiles].strip(), name, seed, path)
        if isinstance(record, Molecule):
            others = {
                names[at]: csv.unescape_cell(cell)
                for at, cell in enumerate(cells)
                if at not in (smiles, title) and names[at]
            }
            properties = {**record.properties, **{name: number_or_text(cell) for name, cell in others.items()}}
            record = dataclasses.replace(record, properties=properties, origin=Origin(path, line, others))
        yield line, record
