"""Files of predictions: CSV and extended XYZ."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from spinnn.files import replacing

from .. import _checks
from .._molecules.molecule import Molecule, Origin, molecule_list
from .csv import escape_cell, is_formula

SUFFIXES = (".csv", ".xyz", ".extxyz")
# Columns and keys of files of predictions besides the properties.
RESERVED = ("name", "formula", "smiles", "file", "line", "properties", "pbc", "lattice")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_predictions(
    path: str | Path,
    molecules: Sequence[Molecule],
    predictions: Mapping[str, np.ndarray | Sequence[float]],
    units: Mapping[str, str],
) -> None:
    r"""Write predictions as CSV or extended XYZ, with the unit of every column in the header.

    A CSV has the columns name, formula, smiles (if any molecule has one), line and the columns of the CSV that the
    molecules were read from, as they were written there (if they were read from files; with file where there are
    several), and `quantity [unit]`. A column of the input whose title is taken is called `title (input)`. Extended XYZ
    has a frame per molecule, `quantity=value quantity_unit=unit` in its comment line. The file is written under a
    temporary name and renamed, so that it is never incomplete. Numbers have nine digits.

    A text in a CSV that spreadsheets would take for a formula (it begins with =, +, −, @, a tab or a line break, and is
    not a number) gets a leading apostrophe, which spreadsheets do not show and `unescape_cell` removes. Other control
    characters are written as escapes, `\x1b`.

    Args:
        path: The file, ending in .csv, .xyz or .extxyz; folders are made.
        molecules: The molecules, in the order of the predictions.
        predictions: Values by quantity, each of shape (molecules,). In extended XYZ, names are letters, digits and
            underscores; in CSV any that `check_name` accepts.
        units: Unit of each quantity, `""` for none.

    Raises:
        TypeError: Anything other than molecules, real values and units as strings.
        ValueError: Another suffix, a quantity without unit, a name or unit with other characters, or values of another
            shape.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import from_smiles, write_predictions
        >>> write_predictions("out.csv", [from_smiles("O", name="water")], {"energy": [1.5]}, {"energy": "eV"})
        >>> print(Path("out.csv").read_text())
        name,formula,smiles,energy [eV]
        water,H2O,O,1.5
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ValueError(f"`path` must end in .csv, .xyz or .extxyz, got {str(path)!r}")
    molecules = molecule_list(molecules)
    _checks.mapping("predictions", predictions, "values by quantity")
    _checks.mapping("units", units, "strings by quantity")
    check_columns(path, predictions)
    columns = {}
    for name, values in predictions.items():
        if name not in units:
            raise ValueError(f"`units` must name the unit of {name!r}, got {sorted(units)}")
        check_unit(name, units[name])
        columns[name] = _checks.real_values("predictions", values, len(molecules), name)
    with replacing(path) as file:
        if kind == ".csv":
            _write_csv(csv.writer(file, lineterminator="\n"), molecules, columns, units)
        else:
            for at, molecule in enumerate(molecules):
                file.write(_frame(molecule, {name: values[at] for name, values in columns.items()}, units))


def check_name(argument: str, name: str) -> None:
    """Refuse the name of a property that cannot be the title of a column.

    Args:
        argument: Name of the argument, for the message.
        name: The name.

    Raises:
        ValueError: A name that is empty, has spaces at its ends or control characters, begins like a spreadsheet
            formula, or is the title of another column in files of predictions.
    """
    if not name or name != name.strip() or not name.isprintable():
        why = "of printable characters, without spaces at the ends"
    elif is_formula(name):
        why = "that are not spreadsheet formulas, which begin with = + - @"
    elif name.lower() in RESERVED:
        why = f"other than {', '.join(RESERVED)}, which are reserved in files of predictions"
    else:
        return
    raise ValueError(f"`{argument}` must have names {why}, got {name!r}; rename it in the data")


def check_unit(name: str, unit: str) -> None:
    """Refuse a unit that cannot be in the title of a column."""
    _checks.instance("units", unit, str, "strings by property")
    if not unit.isprintable():
        raise ValueError(f"`units` must be printable, got {unit!r} for {name!r}")


def check_columns(path: str | Path, names: Iterable[str]) -> None:
    """Refuse names of properties that a file of this suffix cannot hold.

    Raises:
        ValueError: A name that `check_name` refuses; for extended XYZ, also one with other characters than letters,
            digits and underscores.
    """
    for name in names:
        check_name("predictions", name)
        if Path(path).suffix.lower() != ".csv" and not _PLAIN.fullmatch(name):
            raise ValueError(
                f"`predictions` must be named by letters, digits and underscores in extended XYZ, got {name!r}; write "
                f"a .csv"
            )


def _write_csv(writer, molecules: Sequence[Molecule], columns: dict[str, np.ndarray], units: Mapping[str, str]) -> None:
    fixed = _described_by(molecules)
    titles = [f"{name} [{units[name]}]" if units[name] else name for name in columns]
    origins = [molecule.origin for molecule in molecules]
    given = _titles_of_input(origins, {title.lower() for title in (*fixed, *titles)})
    writer.writerow([*fixed, *map(escape_cell, given.values()), *titles])
    for at, (molecule, origin) in enumerate(zip(molecules, origins, strict=True)):
        cells = origin.cells if origin else {}
        texts = [*(_FIXED[title](molecule) for title in fixed), *(cells.get(title, "") for title in given)]
        values = [f"{column[at]:.9g}" for column in columns.values()]
        writer.writerow([*map(escape_cell, texts), *values])


# Columns of a CSV besides the properties and the columns of the input.
_FIXED: Mapping[str, Callable[[Molecule], str]] = {
    "name": lambda molecule: molecule.name,
    "formula": lambda molecule: molecule.formula,
    "smiles": lambda molecule: str(molecule.properties.get("smiles", "")),
    "file": lambda molecule: str(molecule.origin.path) if molecule.origin else "",
    "line": lambda molecule: str(molecule.origin.line) if molecule.origin else "",
}


def _described_by(molecules: Sequence[Molecule]) -> list[str]:
    """Those of the fixed columns that say something of these molecules."""
    files = {molecule.origin.path for molecule in molecules if molecule.origin}
    wanted = {
        "smiles": any("smiles" in molecule.properties for molecule in molecules),
        "file": len(files) > 1,
        "line": bool(files),
    }
    return [title for title in _FIXED if wanted.get(title, True)]


def _titles_of_input(origins: Iterable[Origin | None], taken: set[str]) -> dict[str, str]:
    """Titles of the input's columns in the output, by their titles in the input."""
    titles: dict[str, str] = {}
    for title in dict.fromkeys(title for origin in origins if origin for title in origin.cells):
        titles[title] = title
        while titles[title].lower() in taken:
            titles[title] += " (input)"
        taken = taken | {titles[title].lower()}
    return titles


def _frame(molecule: Molecule, values: dict[str, float], units: Mapping[str, str]) -> str:
    parts = [f"name={_quoted(molecule.name)}"] if molecule.name else []
    if "smiles" in molecule.properties:
        parts.append(f"smiles={_quoted(str(molecule.properties['smiles']))}")
    for name, value in values.items():
        parts.append(f"{name}={value:.9g}")
        if units[name]:
            parts.append(f"{name}_unit={_quoted(units[name])}")
    rows = [
        f"{symbol:<2} {x:16.9f} {y:16.9f} {z:16.9f}"
        for symbol, (x, y, z) in zip(molecule.symbols, molecule.positions, strict=True)
    ]
    return "\n".join([str(len(molecule)), " ".join(["Properties=species:S:1:pos:R:3", *parts]), *rows]) + "\n"


def _quoted(text: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", re.sub(r"[\r\n]+", " ", text))
    return f'"{escaped}"'
