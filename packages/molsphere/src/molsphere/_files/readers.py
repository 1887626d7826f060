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

_FORMATS = {
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".sdf": "sdf",
    ".mol": "sdf",
    ".smi": "smiles",
    ".smiles": "smiles",
    ".csv": "csv",
}
Format = Literal["xyz", "sdf", "smiles", "csv"]
# What networks do not see, with the value that says nothing, or None.
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
        line: Where it is, counted from 1.
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
        molecules: What was read.
        problems: What was not.
        lines: First line of each molecule's record, counted from 1.
        atom_columns: Columns of atoms, besides element and position, that nothing uses, with the number of records
            that have them.

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
        """What the file says of forces, charges and spins, which networks do not see, as a sentence.

        Args:
            targets: Properties that are learned and thus used.

        Returns:
            The sentence, or `""`.

        Raises:
            TypeError: Targets that are no texts.
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
        return f"not used: {listed}; networks see elements and positions alone"


def read_molecules(
    path: str | Path,
    *,
    format: Format | None = None,
    on_error: Literal["raise", "collect"] = "raise",
    seed: int = 0,
    length_unit: LengthUnit | None = None,
) -> ReadResult:
    r"""Read molecules from XYZ, extended XYZ, SDF, SMILES or CSV.

    | format | suffix | contents |
    |---|---|---|
    | `"xyz"` | .xyz, .extxyz | any number of frames; `key=value` comments become properties; QM9's files too |
    | `"sdf"` | .sdf, .mol | records with 3D coordinates and explicit hydrogens; data fields become properties |
    | `"smiles"` | .smi, .smiles | a SMILES and, optionally, a name on each line; lines starting with # are comments |
    | `"csv"` | .csv | a column `smiles`, optionally `name` or `id`; other columns become properties |

    SMILES become geometries as in `from_smiles`, all with the same seed. Columns of a CSV are parted by commas,
    semicolons, tabs or bars; decimals have a point.

    Args:
        path: The file, UTF-8.
        format: Which of these; default by suffix.
        on_error: `"raise"` stops at the first broken record; `"collect"` goes on and reports them in `problems`.
        seed: Seed of the geometries of SMILES.
        length_unit: Unit of positions in the file, `"angstrom"`, `"bohr"` or `"nm"`; molecules are in Å. Default Å,
            and a file most of whose molecules have implausible distances is refused.

    Returns:
        The molecules and the problems.

    Raises:
        FileNotFoundError: No such file.
        TypeError: A seed that is not an integer.
        ValueError: An unknown suffix, a file without records, a CSV without the column or with two of one name, more
            than half of the molecules with nearest atoms below 0.55 or above 1.45 times the sum of their covalent radii
            (unless `length_unit` is `"angstrom"`), or, with `"raise"`, a broken record: unknown elements, coordinates
            that are not finite, two atoms at one place, records that end early. The message starts with file and line.

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
    result = read_quietly(path, format=format, on_error=on_error, seed=seed, length_unit=length_unit)
    if told := result.unused():
        warnings.warn(f"{path}: {told}", FileWarning, stacklevel=2)
    return result


def read_quietly(
    path: str | Path,
    *,
    format: Format | None = None,
    on_error: Literal["raise", "collect"] = "raise",
    seed: int = 0,
    length_unit: LengthUnit | None = None,
) -> ReadResult:
    """As `read_molecules`, without the warning of what is not used."""
    path = Path(path)
    _checks.option("on_error", on_error, ("raise", "collect"))
    if format is None:
        if path.suffix.lower() not in _FORMATS:
            raise ValueError(
                f"`path` must end in one of {', '.join(_FORMATS)}, or `format` be given, got {str(path)!r}"
            )
        format = _FORMATS[path.suffix.lower()]  # pyright: ignore[reportAssignmentType]
    _checks.option("format", format, ("xyz", "sdf", "smiles", "csv"))
    if length_unit is not None:
        _checks.option("length_unit", length_unit, tuple(LENGTH_UNITS))
    measured = format in ("xyz", "sdf")
    if not measured and length_unit not in (None, "angstrom"):
        raise ValueError(f"`length_unit` must be None for geometries of SMILES, as in {path}, got {length_unit!r}")
    _checks.seed(seed)
    scale, text = LENGTH_UNITS[length_unit or "angstrom"], read_text(path)
    columns: collections.Counter[str] = collections.Counter()
    if format == "xyz":
        found = xyz.records(split_lines(text), scale, columns)
    elif format == "sdf":
        found = sdf.records(split_lines(text), scale)
    elif format == "smiles":
        found = _smiles_lines(split_lines(text), seed, path)
    else:
        found = _csv_rows(text, seed, path)
    molecules, problems = [], []
    for line, record in found:
        if isinstance(record, Molecule):
            molecules.append(dataclasses.replace(record, origin=record.origin or Origin(path, line)))
            continue
        problem = Problem(path, record.line, str(record))
        if on_error == "raise":
            raise ValueError(str(problem))
        problems.append(problem)
    if not molecules and not problems:
        raise ValueError(f"{path} must hold molecules, got an empty file")
    if molecules and measured:
        check_length_unit(pairs_of(molecules), length_unit, path)
    lines = tuple(molecule.origin.line for molecule in molecules)
    return ReadResult(tuple(molecules), tuple(problems), lines, dict(columns))


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
