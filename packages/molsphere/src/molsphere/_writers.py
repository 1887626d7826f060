"""Predictions into files."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spinnn.files import replacing

from ._molecule import Molecule

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_predictions(
    path: str | Path,
    molecules: Sequence[Molecule],
    predictions: Mapping[str, np.ndarray | Sequence[float]],
    units: Mapping[str, str],
) -> None:
    """Write predictions as CSV or extended XYZ, with the unit of every column in the header.

    A CSV has the columns name, formula, smiles (if any molecule has one) and `quantity [unit]`. Extended XYZ has a
    frame per molecule, `quantity=value quantity_unit=unit` in its comment line. The file is written under a temporary
    name and renamed, so that it is whole or not there. Numbers have nine digits.

    Args:
        path: The file, ending in .csv, .xyz or .extxyz; folders are made.
        molecules: The molecules, in the order of the predictions.
        predictions: Values by quantity, each of shape (molecules,). Names are letters, digits and underscores.
        units: Unit of each quantity, `""` for none.

    Raises:
        ValueError: Another suffix, a quantity without unit, a name of other characters, or values of another shape.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".csv", ".xyz", ".extxyz"):
        raise ValueError(f"`path` must end in .csv, .xyz or .extxyz, got {str(path)!r}")
    columns = {}
    for name, values in predictions.items():
        if not _PLAIN.fullmatch(name):
            raise ValueError(f"`predictions` must be named by letters, digits and underscores, got {name!r}")
        if name not in units:
            raise ValueError(f"`units` must name the unit of {name!r}, got {sorted(units)}")
        columns[name] = np.asarray(values, np.float64)
        if columns[name].shape != (len(molecules),):
            raise ValueError(
                f"`predictions` must hold one value per molecule, shape ({len(molecules)},), got "
                f"{columns[name].shape} for {name!r}"
            )
    with replacing(path) as file:
        if kind == ".csv":
            _write_csv(csv.writer(file, lineterminator="\n"), molecules, columns, units)
        else:
            for at, molecule in enumerate(molecules):
                file.write(_frame(molecule, {name: values[at] for name, values in columns.items()}, units))


def _write_csv(writer, molecules: Sequence[Molecule], columns: dict[str, np.ndarray], units: Mapping[str, str]) -> None:
    smiles = any("smiles" in molecule.properties for molecule in molecules)
    titles = [f"{name} [{units[name]}]" if units[name] else name for name in columns]
    writer.writerow(["name", "formula", *(["smiles"] if smiles else []), *titles])
    for at, molecule in enumerate(molecules):
        written = [molecule.properties.get("smiles", "")] if smiles else []
        writer.writerow([molecule.name, molecule.formula, *written, *(f"{c[at]:.9g}" for c in columns.values())])


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
