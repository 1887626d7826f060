"""SDF records, by RDKit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import _elements
from ._molecule import Molecule
from ._xyz import BadLine

_END = "$$$$"


def records(lines: Sequence[str]) -> Iterator[tuple[int, Molecule | BadLine]]:
    """Molecules in order, or what is wrong with a record, with its first line."""
    start = 0
    for at, line in enumerate(lines):
        if line.startswith(_END):
            yield start + 1, _checked(lines[start:at], start + 1)
            start = at + 1
    # A single MOL file has no end mark.
    if any(line.strip() for line in lines[start:]):
        yield start + 1, _checked(lines[start:], start + 1)


def _checked(lines: Sequence[str], line: int) -> Molecule | BadLine:
    try:
        _check_atom_block(lines, line)
        return _record(lines)
    except BadLine as problem:
        return problem
    except ValueError as error:
        return BadLine(line, str(error))


def _check_atom_block(lines: Sequence[str], line: int) -> None:
    """What RDKit refuses without saying where: a V2000 record that ends early, numbers that are none, no elements."""
    if len(lines) < 4:
        raise BadLine(line, f"an SDF record has at least four lines, got {len(lines)}")
    counts = lines[3]
    if "V3000" in counts:
        return
    if not counts[:3].strip().isdecimal():
        raise BadLine(line + 3, f"must be the counts of atoms and bonds, got {counts.strip()[:60]!r}")
    atoms = int(counts[:3])
    if len(lines) < 4 + atoms:
        raise BadLine(line + len(lines) - 1, f"{atoms} atoms are announced, the record ends after {len(lines) - 4}")
    for at, text in enumerate(lines[4 : 4 + atoms], line + 4):
        try:
            finite = np.isfinite([float(text[i : i + 10]) for i in (0, 10, 20)]).all()
        except ValueError:
            finite = False
        if not finite:
            raise BadLine(at, f"must be three finite coordinates and a symbol, got {text.strip()[:60]!r}")
        symbol = text[31:34].strip()
        if symbol not in ("D", "T"):  # hydrogen to RDKit
            try:
                _elements.atomic_number(symbol)
            except ValueError as error:
                raise BadLine(at, str(error)) from None


def _record(lines: Sequence[str]) -> Molecule:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        supplier = Chem.SDMolSupplier()
        supplier.SetData("\n".join(lines) + f"\n{_END}\n", sanitize=False, removeHs=False)
        # RDKit's stubs do not say what a supplier holds.
        molecule: Any = next(iter(supplier), None)
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ValueError("RDKit cannot read this SDF record")
        if problems := Chem.DetectChemistryProblems(molecule):
            raise ValueError(f"this SDF record is no possible molecule: {problems[0].Message()}")
        molecule.UpdatePropertyCache(strict=False)
        strange = [atom.GetSymbol() for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
        missing = sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
        if strange:
            raise ValueError(f"{strange[0]!r} is not an element")
        if missing:
            raise ValueError(f"this SDF record lacks {missing} hydrogen atoms; add them with their positions")
        conformer = molecule.GetConformer()
        positions = np.asarray(conformer.GetPositions(), np.float64)
        # RDKit takes a molecule in the plane z = 0 for a drawing, whatever its header says.
        if not conformer.Is3D() and lines[1][20:22] != "3D":
            raise ValueError("this SDF record has no 3D coordinates; embed it first, e.g. by its SMILES")
        name = molecule.GetProp("_Name") if molecule.HasProp("_Name") else ""
        properties = {key: _value(value) for key, value in molecule.GetPropsAsDict().items()}
    return Molecule(np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()]), positions, name, properties)


def _value(value: object) -> float | str:
    return float(value) if isinstance(value, int | float) else str(value)
