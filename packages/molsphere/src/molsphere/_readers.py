"""Molecules out of files."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from . import _checks, _sdf, _xyz
from ._molecule import Molecule
from ._smiles import from_smiles
from ._xyz import BadLine

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


@dataclasses.dataclass(frozen=True)
class Problem:
    """A record that could not be read.

    Attributes:
        path: The file.
        line: Where it is, counted from 1.
        message: What is wrong.
    """

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclasses.dataclass(frozen=True)
class ReadResult(Sequence[Molecule]):
    """The molecules of a file, in its order, and the records that could not be read. Itself a sequence of molecules.

    Attributes:
        molecules: What was read.
        problems: What was not.
        lines: Line of each molecule's record, counted from 1.
    """

    molecules: tuple[Molecule, ...]
    problems: tuple[Problem, ...]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.molecules)

    def __getitem__(self, index):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.molecules[index]


def read_molecules(
    path: str | Path,
    *,
    format: Format | None = None,
    on_error: Literal["raise", "collect"] = "raise",
    seed: int = 0,
) -> ReadResult:
    """Read molecules from XYZ, extended XYZ, SDF, SMILES or CSV.

    | format | suffix | contents |
    |---|---|---|
    | `"xyz"` | .xyz, .extxyz | any number of frames; `key=value` comments become properties; QM9's files too |
    | `"sdf"` | .sdf, .mol | records with 3D coordinates and explicit hydrogens; data fields become properties |
    | `"smiles"` | .smi, .smiles | a SMILES and, optionally, a name on each line; lines starting with # are comments |
    | `"csv"` | .csv | a column `smiles`, optionally `name` or `id`; other columns become properties |

    SMILES become geometries as in `from_smiles`, all with the same seed.

    Args:
        path: The file, UTF-8.
        format: Which of these; default by suffix.
        on_error: `"raise"` stops at the first broken record; `"collect"` goes on and reports them in `problems`.
        seed: Seed of the geometries of SMILES.

    Returns:
        The molecules and the problems.

    Raises:
        FileNotFoundError: No such file.
        ValueError: An unknown suffix, a file without records, a CSV without the column, or, with `"raise"`, a broken
            record: unknown elements, coordinates that are not finite, two atoms at one place, records that end early.
            The message starts with file and line.
    """
    path = Path(path)
    _checks.option("on_error", on_error, ("raise", "collect"))
    if format is None:
        if path.suffix.lower() not in _FORMATS:
            raise ValueError(
                f"`path` must end in one of {', '.join(_FORMATS)}, or `format` be given, got {str(path)!r}"
            )
        format = _FORMATS[path.suffix.lower()]  # pyright: ignore[reportAssignmentType]
    _checks.option("format", format, ("xyz", "sdf", "smiles", "csv"))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text: {error.reason} at byte {error.start}") from None
    lines = text.splitlines()
    if format == "xyz":
        found = _xyz.records(lines)
    elif format == "sdf":
        found = _sdf.records(lines)
    elif format == "smiles":
        found = _smiles_lines(lines, seed)
    else:
        found = _csv_rows(text, seed, path)
    molecules, starts, problems = [], [], []
    for line, record in found:
        if isinstance(record, Molecule):
            molecules.append(record)
            starts.append(line)
            continue
        problem = Problem(path, record.line, str(record))
        if on_error == "raise":
            raise ValueError(str(problem))
        problems.append(problem)
    if not molecules and not problems:
        raise ValueError(f"{path} must hold molecules, got an empty file")
    return ReadResult(tuple(molecules), tuple(problems), tuple(starts))


def _smiles_lines(lines: Sequence[str], seed: int) -> Iterator[tuple[int, Molecule | BadLine]]:
    for at, line in enumerate(lines):
        words = line.split(None, 1)
        if not words or words[0].startswith("#") or (at == 0 and words[0].lower() == "smiles"):
            continue
        yield at + 1, _from_smiles(at + 1, words[0], words[1].strip() if len(words) > 1 else "", seed)


def _from_smiles(line: int, smiles: str, name: str, seed: int) -> Molecule | BadLine:
    try:
        return from_smiles(smiles, name=name, seed=seed)
    except ValueError as error:
        return BadLine(line, str(error))


def _csv_rows(text: str, seed: int, path: Path) -> Iterator[tuple[int, Molecule | BadLine]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = reader.fieldnames
    if header is None:
        return
    names = {name.strip().lower(): name for name in header}
    if "smiles" not in names:
        raise ValueError(f"{path}:1: must have a column smiles, got {', '.join(header)}")
    title = names.get("name", names.get("id"))
    for row in reader:
        if None in row or None in row.values():
            got = sum(value is not None for key, value in row.items() if key is not None) + len(row.get(None) or ())
            yield reader.line_num, BadLine(reader.line_num, f"must have {len(header)} columns, got {got}")
            continue
        smiles = row[names["smiles"]].strip()
        record = _from_smiles(reader.line_num, smiles, row[title].strip() if title else "", seed)
        if isinstance(record, Molecule):
            extra = {
                key.strip(): _xyz._value(value) for key, value in row.items() if key not in (names["smiles"], title)
            }
            record = dataclasses.replace(record, properties={**record.properties, **extra})
        yield reader.line_num, record
